"""Jobs: asked for twice, cancelled, gone on with after a restart; and requests that are none."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq

from streamer.capture.demo import hopper_bgr
from streamer.config.sections import Config
from streamer.control import Control, ControlError, Job
from streamer.history.queries import StoredCrop
from streamer.vision.images import encode_image
from streamer.wire import control as wire
from streamer.wire.codec import decode, encode
from streamer.wire.control import ANSWERS
from tests.trainer.commands.test_strangers import real_crops
from tests.trainer.control.running import PATIENCE_S, serving, with_this
from tests.trainer.enrolment.forgotten import search
from trainer.control.jobs import MAX_ATTEMPTS, BusyError, JobStore
from trainer.control.looking import LOOKED, write_looks
from trainer.control.work import Work
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore
from workers.gallery.traces import find_traces

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


class Gate:
    """An embedder that waits until it may embed."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, config: Config, work: Work) -> Embedder:
        self.reached.set()
        while not self.open.wait(0.05):
            work.check()
        return self._embedder


def pictures(portraits: dict[str, Path]) -> list[Path | tuple[str, bytes]]:
    """A portrait that can be used, a picture without a face, and what is no picture."""
    grey = encode_image(np.full((200, 200, 3), 90, np.uint8), ".png")
    return [portraits[HOPPER], ("grey.png", grey), ("../no picture.jpg", b"\xff\xd8no")]


def is_over(control: Control, job: Job, state: str) -> Job:
    until = time.monotonic() + PATIENCE_S
    while not (job := control.job(job.job, job.revision, 500)).finished:
        assert time.monotonic() < until
    assert job.state == state, job
    return job


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_pictures_are_enrolled_with_progress_and_what_was_refused_is_told(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    shutil.rmtree(store.folder)
    steps: list[tuple[int, int]] = []
    with serving(config, with_this(embedder)) as control:
        job = control.enrol_pictures(
            HOPPER,
            pictures(portraits),
            on_progress=lambda job: steps.append((job.done, job.total)),
        )
        assert job.version == "000001"
        assert f"{HOPPER}: 1 crops enrolled, 1 refused or not needed" in job.lines
        assert "refused: grey.png: no face was found" in job.warnings
        assert "refused: no picture.jpg: cannot be read as a picture" in job.warnings
        looked = [done for done, total in steps if total]  # steps that are quick may be missed
        assert {total for _, total in steps} == {0, 3}
        assert looked == sorted(looked)
        gallery = store.read()
        assert gallery is not None
        assert gallery.people.sources == ("hopper.png",)
        with pytest.raises(ControlError, match="not enrolled: nothing new"):
            control.enrol_paths(HOPPER, [portraits[HOPPER]])
        with pytest.raises(ControlError, match="look like Grace Hopper") as caught:
            control.enrol_pictures("Somebody", [portraits[HOPPER]])
        assert isinstance(caught.value.job, Job)
        assert caught.value.job.looks_like == HOPPER
        with pytest.raises(ControlError, match="no picture can be used"):
            control.enrol_paths(COLLINS, [portraits[HOPPER].parent / "nothing.png"])
    left = [path.name for path in config.control_path.rglob("*") if path.is_file()]
    assert set(left) == {"job.json"}


def test_everybody_in_a_folder_is_enrolled_and_who_is_forgotten_is_not(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    shutil.rmtree(store.folder)
    root = config.data_path.parent / "people"
    for name, portrait in portraits.items():
        (root / name).mkdir(parents=True)
        shutil.copy(portrait, root / name / "1.png")
    (root / "Nobody").mkdir()
    gate = Gate(embedder)
    with serving(config, gate) as control:
        first = control.enrol_folder(root, wait=False)
        assert gate.reached.wait(PATIENCE_S)
        second = control.enrol_folder(root, wait=False)  # it waits, and has not looked yet
        with pytest.raises(ControlError, match="is not enrolled"):
            control.forget(HOPPER)
        with pytest.raises(ControlError, match="no job"):
            control.job(first.job)
        is_over(control, second, "cancelled")
        (left,) = config.control_path.glob(f"*-{second.job}")
        assert search(left, {"name": HOPPER.encode()}) == []
        gate.open.set()
        job = control.enrol_folder(root)
        assert f"{HOPPER}: 1 crops enrolled" in job.lines
        assert any(line.startswith("refused: Nobody: ") for line in job.warnings)
        gallery = store.read()
        assert gallery is not None
        assert set(gallery.people.names) == {COLLINS, HOPPER}
        with pytest.raises(ControlError, match="must be a folder with a folder or a clip for each"):
            control.enrol_folder(root / "none")


def test_a_job_is_cancelled_and_changes_nothing(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    gate, before = Gate(embedder), store.current_version()
    with serving(config, gate) as control:
        first = control.enrol_paths(HOPPER, [portraits[COLLINS]], force=True, wait=False)
        second = control.enrol_paths(COLLINS, [portraits[HOPPER]], force=True, wait=False)
        assert gate.reached.wait(PATIENCE_S)
        assert control.cancel(second.job).state == "cancelled"
        assert control.job(first.job).state == "running"
        # Somebody else's name does not wait for it.
        control.rename(COLLINS, "Eileen")
        control.cancel(first.job)
        is_over(control, first, "cancelled")
        with pytest.raises(ControlError, match="nothing is changed"):
            control.finish(first)
        assert int(store.current_version() or 0) == int(before or 0) + 1
        with pytest.raises(ControlError, match="no job 'nothing' is known"):
            control.cancel("nothing")


def test_what_was_under_way_goes_on_after_a_restart(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    shutil.rmtree(store.folder)
    gate = Gate(embedder)
    with serving(config, gate) as control:
        job = control.enrol_pictures(HOPPER, pictures(portraits), wait=False)
        later = control.enrol_pictures(COLLINS, [portraits[COLLINS]], wait=False)
        assert gate.reached.wait(PATIENCE_S)
    assert store.read() is None
    with serving(config, with_this(embedder)) as control:
        done = is_over(control, job, "done")
        assert f"{HOPPER}: 1 crops enrolled, 1 refused or not needed" in done.lines
        is_over(control, later, "done")
    gallery = store.read()
    assert gallery is not None
    assert set(gallery.people.names) == {COLLINS, HOPPER}
    with serving(config, with_this(embedder)) as control:
        assert control.job(job.job).version == done.version


def test_an_enrolment_that_was_killed_when_it_was_done_is_done(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    jobs = JobStore(config.control_path)
    assert jobs.load() == []
    change = wire.EnrolPaths(id="killed", person=HOPPER, paths=(str(portraits[HOPPER]),))
    assert jobs.begin(jobs.add(change))
    before = store.current_version()
    with serving(config, with_this(embedder)) as control:
        is_over(control, control.job("killed"), "done")
    assert store.current_version() == before


def test_who_is_forgotten_is_not_enrolled_by_what_was_asked_for_before(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    gate = Gate(embedder)
    with serving(config, gate) as control:
        before = control.enrol_pictures(COLLINS, [portraits[HOPPER]], force=True, wait=False)
        assert gate.reached.wait(PATIENCE_S)
        control.forget(COLLINS)
        assert search(config.data_path, {"name": COLLINS.encode()}) == []
        with pytest.raises(ControlError, match="no job"):
            control.job(before.job)


def test_a_track_whose_crops_are_lost_is_said_to_be_lost(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    jobs = JobStore(config.control_path)
    jobs.load()
    change = wire.EnrolTrack(id="looked", person=HOPPER, camera="door", track="e-1")
    assert jobs.begin(jobs.add(change))
    with serving(config, with_this(embedder)) as control:
        lost = is_over(control, control.job("looked"), "lost")
        assert "before it had a crop of track e-1" in lost.fault
        with pytest.raises(ControlError, match="a track must be as an identity event names it"):
            control.enrol_track(HOPPER, "door", "no track")
        with pytest.raises(ControlError, match=r"no crop of track e-2 .* came within 0\.3 s"):
            control.enrol_track(HOPPER, "door", "e-2", seconds=0.3)


def test_a_track_of_which_crops_had_come_is_enrolled_from_them(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    jobs = JobStore(config.control_path)
    jobs.load()
    change = wire.EnrolTrack(id="looked", person="Grace", camera="door", track="e-1", force=True)
    job = jobs.add(change)
    assert jobs.begin(job)
    seen = [
        StoredCrop(
            visit=1, camera="door", entered_ms=0, at_ms=1000 * at, quality=0.9, face_px=90,
            weights=kept.weights, embedding=np.frombuffer(kept.embedding, "<f4"),
            crop_rgb=np.frombuffer(kept.pixels, np.uint8).reshape(96, 96, 3),
        )
        for at, kept in enumerate(real_crops(1, hopper_bgr(), embedder))
    ]  # fmt: skip
    write_looks(job.folder / LOOKED, seen)
    with serving(config, with_this(embedder)) as control:
        is_over(control, control.job("looked"), "done")
    gallery = store.read()
    assert gallery is not None
    assert "Grace" in gallery.people.names


def test_what_was_said_of_somebody_in_anothers_job_is_forgotten_with_them(
    config: Config, store: GalleryStore
) -> None:
    jobs = JobStore(config.control_path)
    jobs.load()
    job = jobs.add(wire.Rollback(id="back"))
    work = Work(folder=job.folder)
    work.warn(f"set aside: 1.png of Grace: nearer to {COLLINS} than to the others of Grace")
    jobs.end(job, "done", work)
    asked = jobs.add(wire.Forget(id="forget", person=COLLINS))
    assert jobs.drop_about("Collins, E", asked) == []
    assert jobs.get("back") is not None
    assert job.folder in find_traces(store, store.data, COLLINS).paths
    assert job.folder not in find_traces(store, store.data, "Eileen Coll").paths
    assert jobs.drop_about(COLLINS, asked) == []
    assert jobs.get("back") is None
    assert not job.folder.exists()


def test_a_job_that_ends_the_process_again_and_again_is_given_up(config: Config) -> None:
    change = wire.Rename(id="deadly", person=HOPPER, name="Grace")
    first = JobStore(config.control_path)
    first.load()
    first.add(change)
    for _ in range(MAX_ATTEMPTS):
        jobs = JobStore(config.control_path)
        (job,) = jobs.load()
        assert jobs.begin(job)
    jobs = JobStore(config.control_path)
    assert jobs.load() == []
    known = jobs.get("deadly")
    assert known is not None
    assert known.state.state == "failed"
    assert "ended the process" in known.state.fault
    assert not (known.folder / "request").exists()


def test_too_much_is_refused_and_a_folder_that_is_no_job_goes(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.control.jobs.MAX_WAITING", 2)
    (config.control_path / "00000001-cut").mkdir(parents=True)
    jobs = JobStore(config.control_path)
    assert jobs.load() == []
    assert list(config.control_path.iterdir()) == []
    for number in range(2):
        jobs.add(wire.Rollback(id=f"r{number}"))
    with pytest.raises(BusyError, match="2 changes are under way"):
        jobs.add(wire.Rollback(id="r2"))


def test_what_is_no_request_is_answered_or_dropped_and_ends_nothing(
    config: Config, embedder: Embedder
) -> None:
    with serving(config, with_this(embedder)) as control, zmq.Context() as context:
        with context.socket(zmq.REQ) as socket, context.socket(zmq.DEALER) as raw:
            for each in (socket, raw):
                each.linger = 0
                each.connect(config.address("control"))
            raw.send_multipart([b"no", b"envelope"])
            raw.send_multipart([b"x"] * 50)
            raw.send_multipart([b""])
            for parts in (
                [b"noise"],
                [msgpack.packb({"v": 2})],
                [encode(wire.Rollback(id="a"))[0], b"x"],
            ):
                socket.send_multipart(parts)
                assert socket.poll(round(PATIENCE_S * 1000))
                answer, _ = decode(socket.recv_multipart(), ANSWERS)
                assert isinstance(answer, wire.Refusal)
                assert (answer.id, answer.code) == ("?", "malformed")
        assert control.jobs() == []
        with pytest.raises(ControlError, match="1 to 16777216 bytes"):
            control.enrol_pictures(HOPPER, [("empty.jpg", b"")])
        assert len(control.people()) == 2
