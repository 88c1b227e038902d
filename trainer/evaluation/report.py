"""What to expect of a gallery: cross-validated figures, as an HTML page, a CSV and JSON."""

import csv
import io
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from streamer.files import private_folder, write_file
from trainer.datasets.dataset import Dataset, folds_of
from trainer.datasets.pairs import roc
from trainer.enrolment.likeness import look_alikes
from trainer.evaluation.cross_validation import (
    NOBODY,
    Evaluation,
    FoldStore,
    cross_validate,
    interval,
    most_confused,
    open_set_curve,
    reliability,
)
from trainer.evaluation.page import Pair, Part, crop_data, figure_data, page
from trainer.evaluation.plots import (
    confusion_figure,
    fold_figure,
    map_figure,
    reliability_figure,
    roc_figure,
)
from trainer.evaluation.track_report import track_figures, tracks_part
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors

KINDS = ("svc", "rbf", "knn", "lda_svc")
_MAX_MATRIX = 60
_MAX_PAIRED = 2000
_PACKAGES = ("facestream", "tensorflow", "scikit-learn", "opencv-python", "numpy")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is reported on: faces with embeddings, and what made them.

    remarks: what else a reader should know, each a sentence.
    """

    title: str
    dataset: Dataset
    vectors: NDArray[np.float32]
    impostors: Impostors
    spec: ClassifierSpec
    facts: Mapping[str, str]
    command: str
    remarks: Sequence[str] = ()


def evaluate_all(
    subject: Subject,
    kinds: Sequence[str],
    wanted_folds: int,
    work: Path,
    on_fold: Callable[[], None],
) -> dict[str, Evaluation]:
    """Cross-validate each kind of classifier; folds done before are taken from `work`."""
    dataset = subject.dataset
    fold, count = folds_of(dataset.labels, dataset.group, wanted_folds)
    store = FoldStore(work, subject.vectors, fold, subject.impostors.fingerprint)
    return {
        kind: cross_validate(
            subject.vectors,
            dataset,
            fold,
            folds=count,
            impostors=subject.impostors,
            spec=replace(subject.spec, kind=kind),  # type: ignore[arg-type]
            on_fold=on_fold,
            kept=store,
        )
        for kind in kinds
    }


def figures_of(evaluation: Evaluation) -> dict[str, float | int | list[float]]:
    """Compute the figures of one classifier, by name."""
    own, strangers = evaluation.own, evaluation.strangers
    accuracies = evaluation.fold_accuracies()
    named_right = int((own.named == own.truth).sum())
    figures: dict[str, float | int | list[float]] = {
        "folds": evaluation.folds,
        "crops": len(own.row),
        "closed_set_accuracy": own.closed_set_accuracy,
        "closed_set_accuracy_std": float(accuracies.std()),
        "true_accept_rate": own.true_accept_rate,
        "true_accept_rate_95": list(interval(named_right, len(own.row))),
        "wrong_name_rate": own.wrong_name_rate,
        "strangers": len(strangers.row),
    }
    if len(strangers.row):
        accepted = int((strangers.named != NOBODY).sum())
        figures["false_accept_rate"] = strangers.accept_rate
        figures["false_accept_rate_95"] = list(interval(accepted, len(strangers.row)))
    figures |= track_figures(evaluation.tracks)
    return figures


def write_report(
    folder: Path, subject: Subject, evaluations: Mapping[str, Evaluation], wanted_folds: int
) -> Path:
    """Write report.html, predictions.csv and figures.json; the page's path."""
    private_folder(folder)
    used = evaluations[subject.spec.kind]
    table = predictions_csv(subject.dataset, used)
    figures = {kind: figures_of(evaluation) for kind, evaluation in evaluations.items()}
    sections = [
        _comparison(figures),
        _folds(evaluations),
        _open_set(used),
        tracks_part(used),
        _pairs_roc(subject),
        _people(subject.dataset, used),
        _confusion(subject.dataset, used),
        _pairs(subject.dataset, used),
        _calibration(used),
        _map(subject),
        _parameters(subject),
    ]
    title = f"facestream: {subject.title}"
    html = page(title, _summary(used), _notes(subject, used, wanted_folds), sections, table)
    write_file(folder / "predictions.csv", table)
    write_file(folder / "figures.json", (json.dumps(figures, indent=1) + "\n").encode())
    write_file(folder / "report.html", html)
    return folder / "report.html"


def predictions_csv(dataset: Dataset, evaluation: Evaluation) -> bytes:
    """Write a line for each test of a crop: as one of the enrolled, and as a stranger."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["source", "person", "enrolled", "fold", "candidate", "probability", "named", "right"]
    )

    def name(person: int) -> str:
        return "" if person == NOBODY else dataset.names[person]

    for tested, enrolled in ((evaluation.own, "yes"), (evaluation.strangers, "no")):
        for row, fold, truth, candidate, chance, named in zip(
            tested.row,
            tested.fold,
            tested.truth,
            tested.candidate,
            tested.probability,
            tested.named,
            strict=True,
        ):
            writer.writerow(
                [
                    dataset.sources[row],
                    dataset.names[dataset.labels[row]],
                    enrolled,
                    int(fold),
                    name(int(candidate)),
                    f"{chance:.4f}",
                    name(int(named)),
                    "yes" if named == truth else "no",
                ]
            )
    return text.getvalue().encode()


def _summary(used: Evaluation) -> list[str]:
    own, strangers = used.own, used.strangers
    low, high = interval(int((own.named == own.truth).sum()), len(own.row))
    lines = [
        f"Of crops of enrolled people, {own.true_accept_rate:.1%} are named, and rightly (95 % "
        f"interval {low:.1%} to {high:.1%}); {own.wrong_name_rate:.1%} get another's name."
    ]
    if len(strangers.row):
        low, high = interval(int((strangers.named != NOBODY).sum()), len(strangers.row))
        lines.append(
            f"Of crops of strangers, {strangers.accept_rate:.1%} are named (95 % interval "
            f"{low:.1%} to {high:.1%}); {used.spec.false_accept_rate:.1%} were wanted."
        )
    lines.append(
        "These are single crops. In live video a face is named by what all its looks have in "
        "common: see the tracks below."
    )
    return lines


def _notes(subject: Subject, used: Evaluation, wanted_folds: int) -> list[str]:
    notes = []
    if used.folds < wanted_folds:
        notes.append(
            f"{used.folds} folds, not {wanted_folds}: nobody has photos or clips for more."
        )
    tested = set(subject.dataset.labels[used.own.row].tolist())
    untested = [n for person, n in enumerate(subject.dataset.names) if person not in tested]
    if untested:
        notes.append(
            f"Not tested, because all there is of them is one photo or clip: {', '.join(untested)}."
        )
    if not len(used.strangers.row):
        notes.append("Strangers were not tested: that takes three people.")
    return [*notes, *_alike(subject), *subject.remarks]


def _alike(subject: Subject) -> list[str]:
    """Say who looks like whom, each pair once."""
    names = subject.dataset.names
    found = look_alikes(subject.vectors, subject.dataset.labels, subject.impostors)
    pairs = sorted({(min(pair), max(pair)) for pair in found})
    return [
        f"{names[one]} and {names[other]} look alike: one may be taken for the other."
        for one, other in pairs
    ]


def _comparison(figures: Mapping[str, Mapping[str, object]]) -> Part:
    rows = []
    for kind, own in figures.items():
        cells = [kind]
        for key in (
            "closed_set_accuracy", "closed_set_accuracy_std", "true_accept_rate",
            "wrong_name_rate", "false_accept_rate",
        ):  # fmt: skip
            value = own.get(key)
            cells.append(f"{value:.4f}" if isinstance(value, float) else "")
        rows.append(cells)
    head = ["classifier", "accuracy", "deviation", "named rightly", "misnamed", "strangers named"]
    text = "Accuracy is of the best candidate, deviation over folds; the rest with the threshold."
    return Part(title="Classifiers", text=text, head=head, rows=rows)


def _folds(evaluations: Mapping[str, Evaluation]) -> Part:
    by_kind = {kind: evaluation.fold_accuracies() for kind, evaluation in evaluations.items()}
    return Part(title="Accuracy over folds", figures=[figure_data(fold_figure(by_kind))])


def _open_set(used: Evaluation) -> Part:
    if not len(used.strangers.row):
        return Part(title="Open set", text="It takes three people.")
    own, strangers = used.own, used.strangers
    curve = open_set_curve(own, strangers)
    rows = []
    for wanted in (0.001, 0.003, 0.01, 0.03, 0.1):
        reached = curve[0] <= wanted
        rows.append([f"{wanted:.1%}", f"{1 - curve[1][reached].max():.1%}"])
    text = (
        "Everybody was left out in turn and tried as a stranger. The table: what a false-accept "
        "rate costs in enrolled people's crops that are not named."
    )
    return Part(
        title="Open set",
        text=text,
        head=["strangers named", "false rejects"],
        rows=rows,
        figures=[
            figure_data(roc_figure({"named rightly against strangers named": curve}, "open set"))
        ],
    )


def _pairs_roc(subject: Subject) -> Part:
    """Of the embeddings alone: pairs of crops of different moments, by similarity."""
    rows = np.random.default_rng(0).permutation(len(subject.vectors))[:_MAX_PAIRED]
    vectors = subject.vectors[rows].astype(np.float64)
    labels, group = subject.dataset.labels[rows], subject.dataset.group[rows]
    first, second = np.triu_indices(len(rows), 1)
    kept = group[first] != group[second]
    first, second = first[kept], second[kept]
    same = labels[first] == labels[second]
    if same.all() or not same.any():
        return Part(
            title="ROC of pairs", text="It takes two people, one of them with two photos or clips."
        )
    curve = roc((vectors[first] * vectors[second]).sum(axis=1), same)
    area = float(np.trapezoid(curve[1], curve[0]))
    text = (
        f"Do two crops show one person? By the similarity of their embeddings alone, over "
        f"{len(first)} pairs: area under the curve {area:.4f}."
    )
    return Part(
        title="ROC of pairs",
        text=text,
        figures=[figure_data(roc_figure({"pairs": curve}, "pairs"))],
    )


def _people(dataset: Dataset, used: Evaluation) -> Part:
    rows = []
    own, strangers = used.own, used.strangers
    for person, name in enumerate(dataset.names):
        mine = own.truth == person
        count, right = int(mine.sum()), int((own.named[mine] == person).sum())
        if count:
            low, high = interval(count - right, count)
            rejects = f"{1 - right / count:.1%} ({low:.1%} to {high:.1%})"
        else:
            rejects = "not tested"
        out = dataset.labels[strangers.row] == person
        named = strangers.named[out] != NOBODY
        foreign = f"{named.mean():.1%}" if out.any() else ""
        rows.append(
            [name, str(int((dataset.labels == person).sum())), str(count), rejects, foreign]
        )
    head = ["person", "crops", "tested", "false rejects (95 % interval)", "named as a stranger"]
    return Part(title="Each person", text="", head=head, rows=rows)


def _confusion(dataset: Dataset, used: Evaluation) -> Part:
    people = len(dataset.names)
    if people > _MAX_MATRIX:
        return Part(
            title="Confusion",
            text=f"{people} people are too many for a matrix; see the pairs below.",
        )
    matrix = np.zeros((people, people))
    np.add.at(matrix, (used.own.truth, used.own.candidate), 1)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return Part(title="Confusion", figures=[figure_data(confusion_figure(shares, dataset.names))])


def _pairs(dataset: Dataset, used: Evaluation) -> Part:
    pairs = []
    for truth, candidate, count in most_confused(used.own):
        wrong = (used.own.truth == truth) & (used.own.candidate == candidate)
        shown = used.own.row[wrong][used.own.probability[wrong].argmax()]
        other = np.flatnonzero(dataset.labels == candidate)[0]
        pairs.append(
            Pair(
                crop_data(dataset.crops_rgb[shown]),
                crop_data(dataset.crops_rgb[other]),
                f"{dataset.names[truth]}, taken for {dataset.names[candidate]}: {count}",
            )
        )
    text = "" if pairs else "No crop was taken for another person's."
    return Part(title="Most confused pairs", text=text, pairs=pairs)


def _calibration(used: Evaluation) -> Part:
    figure = reliability_figure(*reliability(used.own, used.strangers))
    text = (
        "Is a stated probability right as often as it says? Over the enrolled and strangers. It is "
        "fitted as if both came equally often."
    )
    return Part(title="Probability", text=text, figures=[figure_data(figure)])


def _map(subject: Subject) -> Part:
    count = len(subject.vectors)
    if count < 5:
        return Part(title="Map of the embeddings", text="Five crops are needed.")
    plane = TSNE(perplexity=min(30.0, (count - 1) / 3), init="pca", random_state=0)
    places = plane.fit_transform(subject.vectors)
    names, labels = subject.dataset.names, subject.dataset.labels
    text = "t-SNE: near is alike; sizes of groups and distances between them say little."
    return Part(
        title="Map of the embeddings",
        text=text,
        figures=[figure_data(map_figure(places, labels, names))],
    )


def _parameters(subject: Subject) -> Part:
    rows = [[key, value] for key, value in subject.facts.items()]
    rows += [[f"classifier: {key}", str(value)] for key, value in asdict(subject.spec).items()]
    rows += [[name, version(name)] for name in _PACKAGES]
    rows += [["Python", platform.python_version()], ["machine", platform.machine()]]
    return Part(
        title="Parameters, versions, and how to make this again",
        text="",
        head=["", ""],
        rows=rows,
        code=subject.command,
    )
