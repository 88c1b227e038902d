"""A stranger of a real clip is kept, named by a command, and the next events have the name."""

import json
import signal

from streamer.files import open_to_others
from streamer.history.database import history_file
from streamer.wire.messages import CorrectionEvent
from tests.integration.harness import LOOP, Pipeline, leftovers
from tests.trainer.enrolment.forgotten import search

KEEP = "[strangers]\nkeep = true\n[history]\nsnapshots = true\n"


def rows(pipeline: Pipeline, *arguments: str) -> list[dict[str, str]]:
    done = pipeline.call(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_stranger_is_kept_known_again_named_and_forgotten(pipeline: Pipeline) -> None:
    from streamer.capture.demo import Actor, collins_bgr, write_clip

    one = Actor(
        portrait_bgr=collins_bgr(), enter_s=0.5, leave_s=4.0, centre=(640, 360), swing=(60, 30),
        side=(300, 360),
    )  # fmt: skip
    clip = pipeline.folder / "one.mp4"
    write_clip(clip, [one], 5.0, fps=15)
    pipeline.start(LOOP.format(clip=clip) + KEEP)

    def tracks_of(who: str) -> set[str]:
        return {event.track for event in pipeline.events if event.stranger == who}

    pipeline.wait("a stranger who comes back", lambda: len(tracks_of("unknown-1")) >= 2)
    pipeline.wait("crops of theirs", lambda: pipeline.stage("kept crops").forwarded > 2)
    (kept,) = rows(pipeline, "unknowns")
    assert kept["stranger"] == "unknown-1"
    assert int(kept["visits"]) >= 1  # whoever is back within moments goes on with the visit
    done = pipeline.call("name", "unknown-1", "Eileen Collins")
    assert done.returncode == 0, done.stderr
    pipeline.wait("the name", pipeline.named)
    pipeline.wait("the correction", lambda: pipeline.corrections)
    assert isinstance(pipeline.corrections[0], CorrectionEvent)
    assert pipeline.corrections[0].before == "unknown-1"
    # The history was killed meanwhile, and the pipeline goes on.
    process = pipeline.role("history")
    assert process is not None
    process.send_signal(signal.SIGKILL)
    pipeline.wait("its next run", lambda: pipeline.runs("history") == 2)
    before = len(pipeline.events)
    pipeline.wait(
        "an exit of hers",
        lambda: any(e.event == "exit" and e.identity for e in pipeline.events[before:]),
    )
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []
    path = history_file(pipeline.folder / "var")
    assert path.is_file()
    assert open_to_others(pipeline.folder / "var") == [], "it ran, and all of it did, with umask 0"
    visits = rows(pipeline, "visits", "--since", "1h")
    assert {visit["identity"] for visit in visits} == {"Eileen Collins"}
    assert None not in [visit["left_utc"] for visit in visits]
    told = rows(pipeline, "events", "--person", "Eileen Collins", "--camera", "door")
    assert told[-1]["event"] == "exit"
    done = pipeline.call("forget", "Eileen Collins")
    assert done.returncode == 0, done.stderr
    assert search(pipeline.folder / "var", {"name": b"Eileen Collins"}) == []
