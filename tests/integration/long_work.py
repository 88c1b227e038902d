"""Work that is killed in the middle, each in a process of its own."""

import itertools
import os
import signal
import sys
from pathlib import Path

# What fitting loads when it first needs it is loaded before a process is there to be killed.
import sklearn.linear_model
import sklearn.model_selection
import sklearn.svm  # noqa: F401

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.history.retention import Limits
from streamer.history.writer import Writer
from streamer.vision.align import SHIPPED_ALIGNMENT
from tests.streamer.history.heard import ALL, crops, event
from tests.trainer.enrolment.forgotten import NAME
from tests.trainer.people import made_people, some_of
from trainer.datasets.dataset import write_dataset
from trainer.enrolment.bulk import Rules, harvest_people, people_in
from trainer.evaluation.pool import Pool
from trainer.evaluation.search import Found, Plan, search
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import load_impostors
from workers.gallery.people import People
from workers.gallery.restore import restore
from workers.gallery.store import GalleryStore

_CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "sqlite3.connect"})
COMBINATIONS = [{"kind": "knn", "neighbours": n} for n in range(1, 7)]


def save_galleries(folder: Path) -> None:
    """Save one version after another, for ever; now and then go back to an older one."""
    impostors = some_of(load_impostors(), 150)
    vectors, dataset = made_people(impostors, 3, 4)
    people = People(
        names=dataset.names,
        embeddings=vectors,
        labels=dataset.labels,
        sources=dataset.sources,
        crops=dataset.crops_rgb,
    )
    store, spec = GalleryStore(folder), ClassifierSpec(kind="knn")
    while True:
        with store.lock():
            saved = store.save(people, "w", impostors, spec, {"enrolment.csv": b"x" * 100_000})
            if int(saved.version) % 5 == 0:
                store.activate(store.versions()[0])


def search_parameters(folder: Path) -> Found:
    """A search to its end."""
    impostors = some_of(load_impostors(), 300)
    vectors, dataset = made_people(impostors, 4, 4)
    return search(
        dataset,
        Plan(COMBINATIONS, 2, 2),
        weights="w",
        spec=ClassifierSpec(),
        embed=lambda parameters, training, name: (vectors, impostors),
        work=folder,
        on_progress=lambda done, total: None,
        pool=Pool(1, "threading"),
    )


def forget(data: Path) -> None:
    """Forget a person from a data folder."""
    store = GalleryStore(data / "gallery")
    with store.lock():
        store.forget(NAME)


def forget_until_change(data: Path, number: int) -> None:
    """Forget a person, and be killed at the change of the file system of that number."""
    _be_killed_at_change(number)
    forget(data)


def restore_until_change(data: Path, backup: Path, number: int) -> None:
    """Restore a backup, and be killed likewise."""
    _be_killed_at_change(number)
    restore(data, backup)


def _be_killed_at_change(number: int) -> None:
    changes = itertools.count(1)

    def count(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] in "wx"
        if (writes or event in _CHANGES) and next(changes) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def write_history(path: Path) -> None:
    """Have people come and go, with crops, for ever; what is too much is deleted."""
    writer = Writer(path, ALL, Limits(30, 7, 500_000))
    for track in itertools.count(os.getpid() * 1000):
        for crop in crops(track, 0.5, 0.9):
            writer.take_crop(crop)
        writer.hear(event("enter", track, *((NAME, None), (None, "unknown-1"))[track % 2]))
        writer._retain_at = 0.0
        writer.flush()
        assert writer.fault == ""


def make_dataset(root: Path, out: Path) -> None:
    """A dataset from photos, to its end."""
    rules: Rules = (EnrolConfig(), DetectConfig(), SHIPPED_ALIGNMENT)
    found = harvest_people(people_in(root), out / "work", rules, lambda done: None)
    write_dataset(out, found, 10)
