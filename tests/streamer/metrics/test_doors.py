"""The metrics as Prometheus gets them, over HTTP, read by prometheus-client's own parser."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from prometheus_client import make_wsgi_app
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from streamer.metrics.doors import Doors
from streamer.metrics.families import families
from streamer.metrics.monitor import Snapshot
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import GalleryEvent, PresenceEvent, PresentTrack
from tests.streamer.metrics.made import config_in, everybody, processes, stats


def samples(text: str, parser: Any = parse) -> dict[tuple[str, ...], float]:
    """Values by name and labels, as "stage=frames"."""
    return {
        (sample.name, *sorted(f"{key}={value}" for key, value in sample.labels.items())): (
            sample.value
        )
        for family in parser(text)
        for sample in family.samples
    }


def full(folder: Path) -> Doors:
    doors = Doors(config_in(folder))
    latencies = LatencyCounters("events")
    for seconds in (0.02, 0.02, 0.2, 60.0):
        latencies.observe(seconds, 'a "door"')
    for message in (*everybody(), stats("identify", latencies=latencies.snapshot())):
        doors.take(message)
    doors.take(GalleryEvent(version="7", fingerprint="f", weights="w", people=3, names=("Al",)))
    seen = {"probability": 0.9, "box_xywh": (0, 0, 9, 9), "entered_utc": "t"}
    tracks = (
        PresentTrack(track="1", identity="Al", stranger=None, visit="v1", **seen),  # type: ignore[arg-type]
        PresentTrack(track="2", identity="Al", stranger=None, visit="v1", **seen),  # type: ignore[arg-type]
        PresentTrack(track="3", identity=None, stranger="unknown-1", visit="v2", **seen),  # type: ignore[arg-type]
    )
    doors.take(PresenceEvent("door", "e", tracks))
    return doors


@contextmanager
def served(app: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, app) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()


def test_before_anything_is_heard_there_is_a_version_and_nothing_is_ready(folder: Path) -> None:
    doors = Doors(config_in(folder))
    body, kind = doors.metrics()
    assert b"facestream_build_info" in body
    assert kind.startswith("text/plain")
    assert doors.ready()[0] == 503
    assert doors.health()[0] == 200


def test_what_processes_report_is_scraped(folder: Path) -> None:
    with served(make_wsgi_app(full(folder).registry)) as url, urllib.request.urlopen(url) as page:
        found = samples(page.read().decode())
    of_door = ("camera=door", "process=capture-door", "stage=of capture")
    assert found["facestream_received_total", *of_door] == 10
    assert found["facestream_forwarded_total", *of_door] == 7
    assert found["facestream_pending", *of_door] == 1
    dropped = ("camera=door", "process=capture-door", "reason=queue_full", "stage=of capture")
    assert found["facestream_dropped_total", *dropped] == 2
    assert found["facestream_cpu_seconds_total", "process=embed-1"] == 2.5
    assert found["facestream_camera_state", "camera=door", "state=running"] == 1
    assert found["facestream_camera_state", "camera=door", "state=stalled"] == 0
    assert found["facestream_present", "camera=door", "kind=enrolled"] == 1
    assert found["facestream_present", "camera=door", "kind=stranger"] == 1
    assert found[("facestream_enrolled",)] == 3
    of_events = ('camera=a "door"', "process=identify", "stage=events")
    bucket = "facestream_latency_seconds_bucket"
    assert found[bucket, 'camera=a "door"', "le=0.025", *of_events[1:]] == 2
    assert found[bucket, 'camera=a "door"', "le=0.25", *of_events[1:]] == 3
    assert found[bucket, 'camera=a "door"', "le=+Inf", *of_events[1:]] == 4
    assert found["facestream_latency_seconds_count", *of_events] == 4
    assert round(found["facestream_latency_seconds_sum", *of_events], 2) == 60.24


def test_open_metrics_are_given_to_who_asks_for_them_and_no_name_of_anybody(folder: Path) -> None:
    body, kind = full(folder).metrics("application/openmetrics-text; version=1.0.0")
    assert "openmetrics" in kind
    text = body.decode()
    assert samples(text, parse_open)[("facestream_enrolled",)] == 3
    assert "Al" not in text.replace("All", "")


def test_restarts_and_states_are_the_supervisors(folder: Path) -> None:
    told = {family.name: family for family in families(Snapshot(), processes(view="backing off"))}
    restarts = {
        sample.labels["process"]: sample.value for sample in told["facestream_restarts"].samples
    }
    assert restarts["view"] == 1
    assert restarts["dispatch"] == 0
    states = {
        (sample.labels["process"], sample.labels["state"])
        for sample in told["facestream_process_state"].samples
        if sample.value
    }
    assert ("view", "backing off") in states
    assert ("dispatch", "running") in states


def test_ready_is_who_is_well(folder: Path) -> None:
    doors = full(folder)
    assert doors.ready() == (200, "well\n")
    doors.take(stats("history", fault="the disk is full"))
    assert doors.ready() == (503, "degraded\nhistory: the disk is full\n")
