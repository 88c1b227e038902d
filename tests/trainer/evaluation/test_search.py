import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from tests.trainer.people import made_people, some_of
from trainer.datasets.dataset import Dataset
from trainer.evaluation.pool import Pool
from trainer.evaluation.search import (
    Parameters,
    Plan,
    combinations_of,
    config_lines,
    finetune_command,
    search,
    spec_with,
)
from trainer.evaluation.search_report import write_tune_report
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors

COMBINATIONS = [{"kind": "knn", "neighbours": 1}, {"kind": "svc", "C": 1.0}]
PLAN = Plan(COMBINATIONS, 2, 2)


def test_the_built_in_grid_and_a_file_of_ones_own(folder: Path) -> None:
    every = combinations_of(None, 0)
    assert {"kind": "svc", "C": 1.0} in every
    assert len(combinations_of(None, 3)) == 3
    grid = folder / "grid.toml"
    grid.write_text('kind = ["svc"]\nC = [0.1, 1.0]\nmargin = [0.1, 0.2]\n')
    assert len(combinations_of(grid, 0)) == 4
    for text, fault in (
        ("c = [1]", "c: must be one of kind"),
        ("margin = 1", "must be a list"),
        ("[", "TOML"),
    ):
        grid.write_text(text)
        with pytest.raises(DatasetError, match=fault):
            combinations_of(grid, 0)
    with pytest.raises(DatasetError, match="numbers above 0"):
        spec_with(ClassifierSpec(), {"C": "x"})
    with pytest.raises(DatasetError, match="kind must be"):
        spec_with(ClassifierSpec(), {"kind": "x"})


def test_a_search_is_nested_and_goes_on_where_it_was_stopped(
    impostors: Impostors, folder: Path
) -> None:
    fewer = some_of(impostors, 500)
    vectors, dataset = made_people(impostors, 4, 4)
    trained_on: list[int] = []

    def embed(parameters: Parameters, training: Dataset, name: str) -> tuple[np.ndarray, Impostors]:
        trained_on.append(len(training.labels))
        return vectors, fewer

    done: list[int] = []
    dataset_search = partial(
        search,
        dataset,
        weights="w",
        spec=ClassifierSpec(),
        embed=embed,
        work=folder,
        pool=Pool(1, "threading"),
    )

    def note(so_far: int, total: int) -> None:
        assert total == 6
        done.append(so_far)

    with pytest.raises(DatasetError, match="stopped"):
        dataset_search(PLAN, on_progress=note, stopped=lambda: len(done) == 3)
    lines = (folder / "results.jsonl").read_text().splitlines()
    assert len(lines) == 3
    with (folder / "results.jsonl").open("a") as file:
        file.write("[0, 1, 0.")  # a kill in the middle of a line
    done.clear()
    found = dataset_search(PLAN, on_progress=note)
    assert done[0] == 2
    assert done[-1] == 6
    assert set(trained_on) == {8, 16}  # the outer folds' training parts, and everything
    assert found.best in COMBINATIONS
    assert len(found.chosen) == 2
    assert sorted(found.nested.own.row.tolist()) == list(range(16))
    page = write_tune_report(folder, found).read_text()
    assert "Nested test" in page
    assert json.loads((folder / "tune.json").read_text())["best"] == found.best
    other = Plan(COMBINATIONS[:1], 2, 2)
    with pytest.raises(DatasetError, match="other crops or settings"):
        dataset_search(other, on_progress=note)


def test_what_to_write_into_the_config() -> None:
    assert config_lines({"kind": "rbf", "gamma": 2.0, "margin": 0.1}) == [
        'classifier = "rbf"',
        "gamma = 2.0",
    ]
    assert finetune_command({"kind": "svc"}) == ""
    assert finetune_command({"rule": "hard", "margin": 0.1}) == (
        "facestream train finetune --out FILE --rule hard --margin 0.1"
    )
