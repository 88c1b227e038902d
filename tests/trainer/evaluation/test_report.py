import csv
import json
import re
from pathlib import Path

import numpy as np

from tests.trainer.people import made_people, some_of
from trainer.evaluation.report import Subject, evaluate_all, write_report
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors


def test_the_page_holds_everything_and_needs_nothing_else(
    impostors: Impostors, folder: Path
) -> None:
    fewer = some_of(impostors, 500)
    vectors, dataset = made_people(impostors, 5, 3)
    names = ("<b>Ada</b>", *dataset.names[1:])
    dataset = type(dataset)(
        names, dataset.crops_rgb, dataset.labels, dataset.group, dataset.sources
    )
    facts = {"weights": impostors.fingerprint}
    subject = Subject(
        title="a test",
        dataset=dataset,
        vectors=vectors,
        impostors=fewer,
        spec=ClassifierSpec(),
        facts=facts,
        command="facestream x",
    )
    folds: list[int] = []
    evaluations = evaluate_all(
        subject, ("svc", "knn"), 10, folder / "work", lambda: folds.append(1)
    )
    assert len(folds) == 6
    page = write_report(folder, subject, evaluations, 10).read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    for part in (
        "3 folds, not 10", "Classifiers", "Accuracy over folds", "Open set", "Tracks",
        "ROC of pairs",
        "Each person",
        "Confusion", "Most confused", "Probability", "Map of the embeddings", "facestream x",
        impostors.fingerprint,
    ):  # fmt: skip
        assert part in page
    figures = json.loads((folder / "figures.json").read_text())
    assert set(figures) == {"svc", "knn"}
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    assert len(rows) == 30
    own = [row for row in rows if row["enrolled"] == "yes"]
    right = np.mean([row["right"] == "yes" for row in own])
    assert figures["svc"]["true_accept_rate"] == right
    assert 0 <= figures["svc"]["tracks_of_2_strangers_named"] < 0.2
    assert "tracks_of_2" not in figures["svc"]  # each fold has one crop of each person
