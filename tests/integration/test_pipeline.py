"""Whole pipelines: real processes, real sockets, real decoding."""

import signal
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import skimage.data
import skimage.io

from streamer.wire.counters import StageCount
from streamer.wire.messages import IdentityEvent
from tests.integration.harness import GENEROUS_S, LOOP, Pipeline, leftovers
from workers.gallery.version import Gallery

FAST = '[cameras.door]\nsource = "{clip}"\npace = "fast"\n'
TENSORFLOW = '[embed]\nruntime = "tensorflow"\n'
PEOPLE = {"Eileen Collins", "Grace Hopper"}


def check_account(totals: dict[str, StageCount]) -> None:
    """received = passed on + dropped at every stage, and each hands on what the next receives."""
    assert {"frames", "faces", "tracks", "crops", "embeddings", "events"} <= set(totals)
    for stage in totals.values():
        assert stage.unaccounted == 0, stage
        assert stage.pending == 0, stage
    assert totals["faces"].forwarded == totals["crops"].received
    assert totals["crops"].forwarded == totals["embeddings"].received
    assert totals["dispatch messages"].dropped == {}
    assert totals["identify messages"].dropped == {}


def check_story(events: list[IdentityEvent]) -> None:
    """Each track enters once, is updated, and exits; numbers have no gap."""
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    tracks = defaultdict(list)
    for event in events:
        tracks[event.track].append(event.event)
    for story in tracks.values():
        assert story[0] == "enter"
        assert story[-1] == "exit"
        assert set(story[1:-1]) <= {"update"}


def test_two_people_in_and_their_names_out_and_everything_accounted_for(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(FAST.format(clip=clip) + TENSORFLOW)
    assert pipeline.wait_end() == 0
    assert pipeline.named() == PEOPLE
    assert not [e for e in pipeline.events if e.stranger]
    check_story(pipeline.events)
    totals = pipeline.totals()
    check_account(totals)
    assert totals["frames"].received == totals["frames"].forwarded == 120
    assert totals["embeddings"].dropped == {}
    for event in pipeline.events:
        left = event.identity == "Eileen Collins"
        assert (event.box_xywh[0] + event.box_xywh[2] / 2 < 640) == left
        assert event.gallery == gallery.fingerprint
        assert event.weights == gallery.weights
    assert leftovers(pipeline.folder) == []


def test_what_is_no_face_is_counted_and_goes_no_further(pipeline: Pipeline) -> None:
    photos = pipeline.folder / "photos"
    photos.mkdir()
    upside_down = skimage.data.astronaut()[::-1, ::-1]  # type: ignore[no-untyped-call]
    for number in range(3):
        skimage.io.imsave(photos / f"{number}.png", upside_down)
    pipeline.start(
        '[cameras.album]\nsource = "photos"\npace = "fast"\n'
        "[detect]\nmin_face = 24\ndetect_width = 0\n"
    )
    assert pipeline.wait_end() == 0
    faces = pipeline.totals()["faces"]
    assert faces.dropped == {"not_a_face": faces.received}
    assert faces.received >= 3  # each photo is searched at least once
    assert pipeline.stage("crops").received == 0
    assert pipeline.events == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean_and_the_account_adds_up_and_only_the_workers_know_tensorflow(
    pipeline: Pipeline, gallery: Gallery, clip: Path, number: int
) -> None:
    with_it = number == signal.SIGTERM
    pipeline.start(LOOP.format(clip=clip) + (TENSORFLOW if with_it else ""))
    pipeline.wait("both names", lambda: pipeline.named() == PEOPLE)
    with_tensorflow = set()
    for process in [psutil.Process(pipeline.process.pid), *pipeline.descendants()]:  # type: ignore[union-attr]
        maps = {Path(item.path).name for item in process.memory_maps()}
        if any(name.startswith("libtensorflow") for name in maps):
            with_tensorflow.add(next(a for a in process.cmdline() if a.startswith("embed-")))
    assert with_tensorflow == ({"embed-1"} if with_it else set())
    assert pipeline.stop(number) == 0
    check_account(pipeline.totals())
    check_story(pipeline.events)
    assert leftovers(pipeline.folder) == []


def test_nothing_is_left_when_the_supervisor_is_killed(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(LOOP.format(clip=clip))
    pipeline.wait("a name", pipeline.named)
    children = pipeline.descendants()
    assert len(children) >= 4
    shared = [
        item.path for child in children for item in child.memory_maps() if "/shm/" in item.path
    ]
    assert shared == []
    pipeline.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=GENEROUS_S)
    assert alive == []
    # The socket files of a process that is killed stay; the next run clears them away.
    pipeline.events.clear()
    pipeline.start(LOOP.format(clip=clip))
    pipeline.wait("a name again", pipeline.named)
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []


def kill_while_crops_wait(pipeline: Pipeline, name: str) -> None:
    """Kill a worker that has stopped answering, once crops have stayed where they are."""
    worker = pipeline.role(name)
    assert worker is not None
    seen = set()

    def held_for_four_reports() -> bool:
        for stats in pipeline.stats.values():
            if stats.role == "dispatch":
                if any(stage.pending for stage in stats.stages if stage.stage == "crops"):
                    seen.add(stats.sent_utc)
                else:
                    seen.clear()
        return len(seen) >= 4

    # Stopped, it takes a batch that it cannot answer; the other worker goes on.
    worker.suspend()
    pipeline.wait("crops that stay where they are", held_for_four_reports)
    worker.kill()
    pipeline.wait("its restart", lambda: (new := pipeline.role(name)) and new.pid != worker.pid)
    before = len(pipeline.events)
    pipeline.wait("more events", lambda: len(pipeline.events) > before + 20)


def test_a_worker_killed_with_a_batch_in_its_hands_loses_nothing(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(
        LOOP.format(clip=clip)
        + "[embed]\nworkers = 2\n[dispatch]\nmax_age_ms = 60000\n"
        + "[capture]\ncertain_interval_ms = 0\n"
    )
    pipeline.wait("both names", lambda: pipeline.named() == PEOPLE)

    def lost() -> bool:
        return "a worker was lost with a batch" in pipeline.output.read_text()

    for _ in range(10):  # on a busy machine what is held may be the queue's and not the worker's
        kill_while_crops_wait(pipeline, "embed-1")
        if lost():
            break
    assert lost()
    assert pipeline.stop() == 0
    # The killed worker's own last report is older than its death; all other stages are whole.
    totals = pipeline.totals()
    check_account({k: v for k, v in totals.items() if k != "worker"})
    assert totals["crops"].dropped.get("worker_lost", 0) == 0
    check_story(pipeline.events)


def test_a_person_enrolled_and_forgotten_while_running_is_taken_up(
    pipeline: Pipeline, clip: Path, portraits: dict[str, Path]
) -> None:
    pipeline.start(LOOP.format(clip=clip))
    pipeline.wait("strangers", lambda: any(e.stranger for e in pipeline.events))
    assert pipeline.named() == set()
    done = pipeline.call("enrol", "Grace Hopper", str(portraits["Grace Hopper"]))
    assert done.returncode == 0, done.stderr
    pipeline.wait("her name", lambda: "Grace Hopper" in pipeline.named())
    assert "Grace Hopper" in pipeline.call("people").stdout
    assert pipeline.call("forget", "Grace Hopper").returncode == 0
    pipeline.wait("the new gallery", lambda: pipeline.galleries[-1].people == 0)
    pipeline.events.clear()
    pipeline.wait(
        "strangers only",
        lambda: any(e.stranger for e in pipeline.events if e.event == "enter"),
    )
    assert pipeline.stop() == 0
    check_account(pipeline.totals())


def test_a_broken_gallery_is_refused_and_the_old_one_stays(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(LOOP.format(clip=clip))
    pipeline.wait("a name", pipeline.named)
    versions = pipeline.folder / "var" / "gallery" / "versions"
    (versions / "000009").mkdir()
    (versions / "000009" / "manifest.json").write_text("{")
    (pipeline.folder / "var" / "gallery" / "current").write_text("000009\n")
    pipeline.wait("the refusal", lambda: "stays as it is" in pipeline.output.read_text())
    pipeline.events.clear()
    pipeline.wait("names all the same", lambda: pipeline.named() == PEOPLE)
    assert {event.gallery for event in pipeline.events} == {gallery.fingerprint}
    assert pipeline.stop() == 0


def test_a_process_that_hangs_is_started_anew_and_at_the_stop_killed(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(LOOP.format(clip=clip) + "[supervise]\nheartbeat_timeout_s = 5.0\n")
    pipeline.wait("a name", pipeline.named)
    capture = pipeline.role("capture")
    assert capture is not None
    capture.suspend()
    pipeline.wait("its restart", lambda: (new := pipeline.role("capture")) and new != capture)
    before = len(pipeline.events)
    pipeline.wait(
        "events again",
        lambda: {e.identity for e in pipeline.events[before:] if e.identity} == PEOPLE,
    )
    assert "no sign of life" in pipeline.output.read_text()
    hung = pipeline.role("dispatch")
    assert hung is not None
    hung.suspend()
    assert pipeline.stop() == 0
    assert "dispatch did not stop in time and is killed" in pipeline.output.read_text()
    entered = [(e.camera, e.track) for e in pipeline.events if e.event == "enter"]
    left = [(e.camera, e.track) for e in pipeline.events if e.event == "exit"]
    assert sorted(entered) == sorted(left)
    assert leftovers(pipeline.folder) == []


def test_a_camera_that_keeps_crashing_leaves_the_others_alone(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    bad = f'[cameras.bad]\nsource = "{clip}"\nloop = true\n'
    rules = "[supervise]\nback_off_max_s = 0.5\n"
    pipeline.start(LOOP.format(clip=clip) + bad + rules)
    pipeline.wait("both names", lambda: pipeline.named() == PEOPLE)
    good = pipeline.role("door")
    killed: set[int] = set()

    def crashed_seven_times() -> bool:
        process = pipeline.role("bad")
        if process is not None and process.pid not in killed:
            killed.add(process.pid)
            process.kill()
        return len(killed) >= 7

    pipeline.wait("seven crashes of one camera", crashed_seven_times)
    assert pipeline.role("door") == good
    pipeline.events.clear()
    pipeline.wait("names all the same", lambda: pipeline.named() == PEOPLE)
    assert pipeline.stop() == 0
    assert "capture-bad: ended with signal 9, failure 6 in a row" in pipeline.output.read_text()
    totals = pipeline.totals()
    for stage in totals.values():
        assert stage.unaccounted == 0, stage
    assert leftovers(pipeline.folder) == []


def test_a_camera_that_cannot_run_is_given_up_alone(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    (pipeline.folder / "cascade.xml").write_text("nothing")
    bad = f'[cameras.bad]\nsource = "{clip}"\ndetect.cascade = "cascade.xml"\n'
    gone = '[cameras.gone]\nsource = "gone.mp4"\n'
    pipeline.start(bad + gone + FAST.format(clip=clip))
    pipeline.wait(
        "the line about it",
        lambda: "capture-bad: cannot run as it is configured" in pipeline.output.read_text(),
    )
    pipeline.wait("both names", lambda: pipeline.named() == PEOPLE)
    pipeline.wait(
        "the report of the missing file",
        lambda: "gone.mp4: no such file" in pipeline.output.read_text(),
    )
    assert pipeline.stop() == 0
    lines = pipeline.output.read_text().splitlines()
    assert len([line for line in lines if "cascade" in line]) == 1
    # By the display alone, and not by the process as well.
    assert {line.partition(": ")[0] for line in lines if "gone.mp4" in line} == {"camera gone"}
    assert "Traceback" not in pipeline.output.read_text()
    check_account(pipeline.totals())
    assert leftovers(pipeline.folder) == []


def test_what_cannot_run_is_one_line_and_no_restart(pipeline: Pipeline) -> None:
    (pipeline.folder / "cascade.xml").write_text("nothing")
    pipeline.start(
        f'[cameras.door]\nsource = "none.mp4"\ndetect.cascade = "{pipeline.folder}/cascade.xml"\n'
    )
    assert pipeline.wait_end() == 2
    lines = [line for line in pipeline.output.read_text().splitlines() if "cascade" in line]
    assert lines
    assert "Traceback" not in pipeline.output.read_text()
    assert leftovers(pipeline.folder) == []


@pytest.mark.skipif(find_spec("openvino") is not None, reason="openvino is installed")
def test_an_extra_that_is_missing_is_named_in_full(pipeline: Pipeline) -> None:
    pipeline.start('[cameras.door]\nsource = 0\n[embed]\nruntime = "openvino"\n')
    assert pipeline.wait_end() == 2
    assert "pip install 'facestream[openvino]'" in pipeline.output.read_text()
