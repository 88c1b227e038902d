"""SIGKILL at 100 random moments: what was there stays usable, and the work goes on."""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import psutil
import pytest

from streamer.errors import DatasetError
from streamer.history import queries
from streamer.history.database import history, history_file
from streamer.history.recording import Rules
from streamer.history.retention import Limits
from streamer.history.writer import Writer
from tests.integration.forked import forking
from tests.integration.harness import GENEROUS_S
from tests.integration.long_work import (
    forget,
    forget_until_change,
    make_dataset,
    save_galleries,
    search_parameters,
    write_history,
)
from tests.trainer.enrolment.forgotten import NAME, OTHERS, needles, search
from trainer.datasets.dataset import read_dataset
from workers.gallery.store import GalleryStore


@pytest.fixture(scope="module")
def context() -> Iterator[ForkServerContext]:
    """Processes that start at once: what they need is loaded already."""
    with forking("tests.integration.long_work") as context:
        yield context


def killed(
    context: ForkServerContext, work: Callable[..., object], *arguments: Path, within_s: float = 0.8
) -> bool:
    """Start the work, kill it at a random moment; False where it had ended by then.

    Its helper processes must end with it.
    """
    process = context.Process(target=work, args=arguments)
    process.start()
    process.join(random.uniform(0.02, within_s))  # noqa: S311 (no secret)
    helpers = []
    with contextlib.suppress(psutil.NoSuchProcess):
        helpers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.join()
    assert psutil.wait_procs(helpers, timeout=GENEROUS_S)[1] == []
    return process.exitcode != 0


def test_the_gallery_is_whole_after_each_of_30_kills(
    context: ForkServerContext, folder: Path
) -> None:
    store, last, within_s, seen = GalleryStore(folder / "gallery"), 0, 0.8, 0
    while seen < 30:
        assert killed(context, save_galleries, folder / "gallery", within_s=within_s)
        version = store.current_version()
        if version is None:
            within_s *= 1.2  # a busy machine has written nothing by then
            continue
        seen += 1
        assert store.read() is not None
        for each in store.versions():
            assert store.read_version(each).people.names == ("P0", "P1", "P2")
        newest = int(store.versions()[-1])
        assert newest >= last
        last = newest
        for old in store.versions()[1:-3]:  # or reading them all takes ever longer
            shutil.rmtree(store.folder_of(old))
    assert last > 1
    with store.lock():  # a killed writer holds no lock
        store.activate(store.versions()[-1])


def test_a_search_ends_as_if_it_had_never_been_killed(
    context: ForkServerContext, folder: Path
) -> None:
    expected = search_parameters(folder / "whole")
    for _ in range(10):
        killed(context, search_parameters, folder / "parts")
    found = search_parameters(folder / "parts")
    assert found.best == expected.best
    assert found.scores == expected.scores


def test_a_dataset_is_there_whole_or_not_at_all(
    context: ForkServerContext, folder: Path, portraits: dict[str, Path]
) -> None:
    root = folder / "people"
    for name, path in portraits.items():
        (root / name).mkdir(parents=True)
        for number in range(3):
            (root / name / f"{number}.png").write_bytes(path.read_bytes())
    for _ in range(10):
        killed(context, make_dataset, root, folder / "set")
        try:
            dataset = read_dataset(folder / "set")
        except DatasetError:
            continue
        assert len(dataset.labels) == 6
    make_dataset(root, folder / "set")
    assert len(read_dataset(folder / "set").labels) == 6
    assert not list((folder / "set").glob(".*manifest*"))


def test_the_history_is_whole_after_each_of_20_kills_and_no_visit_stays_open(
    context: ForkServerContext, folder: Path
) -> None:
    path = history_file(folder)
    tracks: set[str] = set()
    for _ in range(20):
        assert killed(context, write_history, path)
        if not path.exists():
            continue
        writer = Writer(path, Rules(), Limits(30, 7, 10**9))
        writer.flush()
        writer.close()
        assert writer.fault == ""
        with history(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            rows = queries.visits(connection, queries.Wanted())
        assert [row for row in rows if row["left_utc"] is None] == []
        tracks |= {row["track"] for row in rows}
    assert len(tracks) > 20


@pytest.mark.parametrize("finished_by", ["forget", "another writer"])
def test_forgetting_is_finished_after_each_of_25_kills(
    context: ForkServerContext, folder: Path, traces: Path, finished_by: str
) -> None:
    wanted, unfinished, data = needles(traces), 0, folder / "var"
    for turn in range(25):
        shutil.copytree(traces, data)
        if turn % 3:  # at a change of the file system, of which there are about a hundred
            number = random.randint(1, 110)  # noqa: S311 (no secret)
            process = context.Process(target=forget_until_change, args=(data, number))
            process.start()
            process.join(GENEROUS_S)
            was_killed = process.exitcode != 0
        else:
            was_killed = killed(context, forget, data)
        store = GalleryStore(data / "gallery")
        current = store.read()
        assert current is not None, "the gallery stays usable"
        assert {*current.people.names} - {NAME} == OTHERS
        began = bool(list(store.folder.glob("forgetting-*.json")))
        unfinished += began
        with store.lock() as finished:
            assert [removal.name for removal in finished] == [NAME] * began
            if finished_by == "forget" or not began:
                store.forget(NAME)
        assert was_killed or not began
        assert search(data, wanted) == []
        names = [store.read_version(v, whole=True).people.names for v in store.versions()]
        assert {name for each in names for name in each} == OTHERS
        assert names.count(("Grace Hopper",)) == 1, "no version is replaced twice"
        current = store.read()
        assert current is not None
        assert {*current.people.names} == OTHERS
        shutil.rmtree(data)
    assert unfinished > 3
