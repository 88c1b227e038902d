"""docs/grafana.json and docs/monitoring.md ask for metrics and labels that are there."""

import json
import re
from pathlib import Path

from streamer.metrics.families import families
from streamer.metrics.monitor import Monitor
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import GalleryEvent, PresenceEvent
from tests.streamer.metrics.made import everybody, processes, stats

DOCS = Path(__file__).parents[3] / "docs"


def known() -> dict[str, set[str]]:
    """Every metric's name with its labels."""
    monitor = Monitor()
    latencies = LatencyCounters("events")
    latencies.observe(0.1, "door")
    gallery = GalleryEvent(version="1", fingerprint="f", weights="w", people=1)
    reports = (*everybody(), stats("identify", latencies=latencies.snapshot()))
    for message in (*reports, gallery, PresenceEvent("door", "e", ())):
        monitor.take(message)
    return {
        sample.name: {*sample.labels}
        for family in families(monitor.snapshot(), processes())
        for sample in family.samples
    }


def test_the_dashboard_asks_for_what_there_is() -> None:
    board = json.loads((DOCS / "grafana.json").read_text())
    metrics = known()
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(expressions) >= 10
    for expression in expressions:
        for name, selector in re.findall(r"(facestream_\w+)(\{.*?\})?", expression):
            assert name in metrics, name
            assert set(re.findall(r"(\w+)=", selector)) <= metrics[name]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_page_names_every_metric_and_no_other() -> None:
    page = (DOCS / "monitoring.md").read_text()
    rows = " ".join(line for line in page.splitlines() if line.startswith("| `facestream_"))
    named = set(re.findall(r"`(facestream_\w+)`", rows))
    there = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known()}
    assert named == {name for name in there if not name.endswith("_created")}
