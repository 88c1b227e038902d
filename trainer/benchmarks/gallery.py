"""Large galleries: the pause of the identify loop while one is taken up, and the time to judge.

The people are made (`Impostors.variants`), the pictures are noise. The classifier is a random
linear one with fixed thresholds: to fit a thousand people takes long and changes neither the
loading nor the arithmetic.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from workers.classifier.classifier import Calibration, Classifier, HoldoutMetrics
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors, load_impostors
from workers.classifier.scorers import LinearScorer
from workers.gallery.people import People
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.gallery_watch import GalleryWatcher

BATCH = 32
NOTE = (
    "random linear classifiers stand for fitted ones; the longest pause is between turns of a loop "
    "that polls a socket, judges a batch of 32 and takes what the watcher has, while another "
    "process puts a version in use and the watcher's thread loads it"
)
_POLL_MS = 1
_QUIET_S = 2.0
_JUDGED = 200
_GIVE_UP_S = 300.0


def measure(
    people: list[int], crops: int, turns: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure galleries of so many people; of several turns the median is given."""
    impostors = load_impostors()
    runs = []
    for count in people:
        with tempfile.TemporaryDirectory(prefix="facestream-") as folder:
            store = GalleryStore(Path(folder) / "gallery")
            say(f"making two galleries of {count} people")
            for number in (1, 2):
                store.add(_made(impostors, count, crops, number), number)
            store.activate("000001")
            say(f"measuring {count} people")
            with threadpool_limits(1, "blas"):  # as the identify process has it
                found = [_measure_once(store, impostors, turn) for turn in range(turns)]
        row = {key: float(np.median([each[key] for each in found])) for key in found[0]}
        longest = max(each["swap_pause_ms"] for each in found)
        runs.append({"people": count, "crops": count * crops, **row, "longest_pause_ms": longest})
    by_people = {
        key: {str(run["people"]): run[key] for run in runs}
        for key in ("swap_pause_ms", "judge_ms_batch_32")
    }
    return {**by_people, "runs": runs, "turns": turns, "crops_each": crops, "note": NOTE}


def _measure_once(store: GalleryStore, impostors: Impostors, turn: int) -> dict[str, float]:
    """Put the other version in use while a loop turns; then judge."""
    other = "000002" if store.current_version() == "000001" else "000001"
    probes = impostors.embeddings[turn * BATCH : (turn + 1) * BATCH]
    started = time.perf_counter()
    classifier = store.read_version(other).classifier
    load_ms = (time.perf_counter() - started) * 1000
    judge_ms = _milliseconds(lambda: classifier.predict(probes))
    masked_ms = _milliseconds(lambda: _masked(classifier, probes), 5)
    with GalleryWatcher(store, "made") as watcher:
        quiet_ms = _longest_pause_ms(watcher, probes, None)
        spawn = multiprocessing.get_context("spawn")
        activation = spawn.Process(target=_activate, args=(store.folder, other))
        activation.start()
        swap_ms = _longest_pause_ms(watcher, probes, other)
        activation.join()
    return {
        "load_ms": load_ms,
        "swap_pause_ms": swap_ms,
        "quiet_pause_ms": quiet_ms,
        "judge_ms_batch_32": judge_ms,
        "judge_ms_batch_32_masked": masked_ms,
    }


def _longest_pause_ms(
    watcher: GalleryWatcher, probes: NDArray[np.float32], version: str | None
) -> float:
    """Turn like the identify loop until that version was taken up, or for a while; the longest gap.

    The gap in which a version is taken up, used for the first time and the old one is freed counts.
    """
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PULL)
    socket.bind_to_random_port("tcp://127.0.0.1")
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    gallery: Gallery | None = None
    longest, after, last = 0.0, 0, time.perf_counter()
    started = last
    while after < 100:
        poller.poll(_POLL_MS)
        change = watcher.take()
        if change is not None and change.gallery is not None:
            gallery = change.gallery
        if gallery is not None:
            gallery.classifier.predict(probes)
        if version is None:
            after = 100 if last - started > _QUIET_S else 0
        elif gallery is not None and gallery.version == version:
            after += 1
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if now - started > _GIVE_UP_S:
            raise RuntimeError(f"gallery {version} was not taken up")
    socket.close(0)
    return longest * 1000


def _activate(folder: Path, version: str) -> None:
    """Put a version in use, as a command beside the pipeline does."""
    GalleryStore(folder).activate(version)


def _milliseconds(work: Callable[[], object], times: int = _JUDGED) -> float:
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1000


def _masked(classifier: Classifier, probes: NDArray[np.float32]) -> None:
    """Find the distances as version 0.1 did: to everybody, by a mask for each person."""
    margins = classifier.scorer.margins(probes)
    squared = np.clip(2.0 - 2.0 * probes @ classifier.gallery.T, 0.0, 4.0)
    nearest = np.full(margins.shape, 4.0, np.float32)
    for person in range(margins.shape[1]):
        nearest[:, person] = squared[:, classifier.labels == person].min(axis=1, initial=4.0)


def _made(impostors: Impostors, people: int, crops: int, seed: int) -> Gallery:
    """Made people in the order in which crops are enrolled over time: mixed."""
    rng = np.random.default_rng(seed)
    centres = impostors.embeddings[rng.integers(0, len(impostors.embeddings), people)]
    labels = rng.permutation(np.repeat(np.arange(people, dtype=np.int32), crops))
    embeddings = impostors.variants(centres[labels], 1, rng)
    tile = rng.integers(0, 256, (1, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    weights = rng.normal(size=(people, EMBEDDING_SIZE)).astype(np.float32)
    return Gallery(
        version="",
        fingerprint="",
        weights="made",
        created_utc="",
        people=People(
            names=tuple(f"Person {number}" for number in range(people)),
            embeddings=embeddings,
            labels=labels,
            sources=tuple(
                f"/photos/person-{person}/clip.mp4#1@{row / 5:.2f}s"
                for row, person in enumerate(labels)
            ),
            crops=np.repeat(tile, len(labels), axis=0),
        ),
        classifier=Classifier(
            scorer=LinearScorer(weights, np.zeros(people, np.float32)),
            calibration=Calibration(1.0, -1.0, 0.0),
            gallery=embeddings,
            labels=labels,
            threshold=0.5,
            holdout=HoldoutMetrics(),
        ),
        spec=ClassifierSpec(),
    )
