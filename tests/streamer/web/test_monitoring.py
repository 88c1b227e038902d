"""What monitors find where they look for it."""

from streamer.wire.counters import StageCount
from streamer.wire.messages import Stats
from tests.streamer.web.serving import Served


def test_monitors_find_metrics_and_why_a_pipeline_is_not_well(web: Served) -> None:
    frames = StageCount("frames", 7, 5, 0, {"superseded": 2})
    web.publisher.tell(
        b"stats",
        Stats(
            role="capture",
            name="door",
            epoch="e",
            sent_utc="2026-05-01T12:00:00.000Z",
            stages=(frames,),
            rates={},
            cpu_s=1.5,
        ),
    )
    web.settle()
    answer = web.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    dropped = [line for line in answer.text.splitlines() if line.startswith("facestream_dropped")]
    assert any('reason="superseded"' in line and line.endswith(" 2.0") for line in dropped)
    assert web.http.get("/healthz").text == "alive\n"
    ready = web.http.get("/readyz")
    assert ready.status_code == 503  # a capture process alone is no pipeline
    assert ready.text.splitlines()[0] != "well"
    assert len(ready.text.splitlines()) > 1
    assert "secret" not in ready.text
