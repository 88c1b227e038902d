"""Search for the best parameters, nested: what is reported was not chosen by what it reports.

For each outer fold the parameters are chosen by cross-validation inside the other folds, and
tested on the fold that was in none of it. The parameters for use are then chosen the same way on
everything. Each result is written as it comes, so that a run that was killed goes on.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterGrid, ParameterSampler

from streamer.errors import DatasetError
from streamer.files import create_private, private_folder
from trainer.datasets.dataset import Dataset, folds_of
from trainer.evaluation.cross_validation import Evaluation, cross_validate, evaluation_of, try_fold
from trainer.evaluation.pool import Pool
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors

Vectors = NDArray[np.float32]
Parameters = dict[str, Any]
Embed = Callable[[Parameters, Dataset, str], tuple[Vectors, Impostors]]

CLASSIFIER_KEYS = ("kind", "C", "gamma", "neighbours", "false_accept_rate")
NETWORK_KEYS = ("rule", "within", "margin", "rate")
DEFAULT_GRID: list[dict[str, list[Any]]] = [
    {"kind": ["svc"], "C": [0.1, 1.0, 10.0]},
    {"kind": ["rbf"], "C": [1.0, 10.0], "gamma": [1.0, 4.0]},
    {"kind": ["knn"], "neighbours": [1, 3, 5]},
]


@dataclass(frozen=True)
class Plan:
    """What to search: combinations of parameters, chosen by inner folds, tested by outer ones."""

    combinations: list[Parameters]
    outer_folds: int
    inner_folds: int


@dataclass(frozen=True)
class Found:
    """The best parameters, all scores of them inside, and the nested test of the choosing."""

    best: Parameters
    scores: list[tuple[Parameters, float]]
    chosen: list[Parameters]
    nested: Evaluation


def objective(evaluation: Evaluation) -> float:
    """Mean of the enrolled who are named rightly and the strangers who are not named, 0 to 1."""
    own = evaluation.own.true_accept_rate
    if not len(evaluation.strangers.row):
        return own
    return (own + 1.0 - evaluation.strangers.accept_rate) / 2


def combinations_of(grid: Path | None, random: int, seed: int = 0) -> list[Parameters]:
    """List the combinations to try.

    They are those of a grid file (TOML: a list of values for each key), or of the grid that is
    built in; `random`: only so many of them. Raises DatasetError.
    """
    spaces: list[dict[str, list[Any]]] = DEFAULT_GRID
    if grid is not None:
        try:
            content = tomllib.loads(grid.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise DatasetError(f"{grid}: must be a TOML file: {error}") from error
        known = (*CLASSIFIER_KEYS, *NETWORK_KEYS)
        for key, values in content.items():
            if key not in known:
                raise DatasetError(f"{grid}: {key}: must be one of {', '.join(known)}")
            if not isinstance(values, list) or not values:
                raise DatasetError(f"{grid}: {key}: must be a list of values. Received: {values!r}")
        spaces = [content]
    every = list(ParameterGrid(spaces))
    if random and random < len(every):
        every = list(ParameterSampler(spaces, random, random_state=seed))
    return every


def spec_with(spec: ClassifierSpec, parameters: Mapping[str, Any]) -> ClassifierSpec:
    """Return a classifier's parameters with those of a combination. Raises DatasetError."""
    own = {key: value for key, value in parameters.items() if key in CLASSIFIER_KEYS}
    if own.get("kind", spec.kind) not in ("svc", "rbf", "knn", "lda_svc"):
        raise DatasetError(f"kind must be svc, rbf, knn or lda_svc. Received: {own['kind']!r}")
    numbers = {key: value for key, value in own.items() if key != "kind"}
    for key, value in numbers.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise DatasetError(f"{key} must be numbers above 0. Received: {value!r}")
    return replace(spec, **own)


def search(
    dataset: Dataset,
    plan: Plan,
    *,
    weights: str,
    spec: ClassifierSpec,
    embed: Embed,
    work: Path,
    on_progress: Callable[[int, int], None],
    stopped: Callable[[], bool] = lambda: False,
    pool: Pool | None = None,
) -> Found:
    """Run the plan.

    `embed(network parameters, training part, name)` gives all crops' vectors and the impostors
    that belong to them; `weights` is the fingerprint of the network to begin with.
    Raises DatasetError when `stopped()`; the same call goes on from what `work` has.
    """
    private_folder(work)
    fold, outer = folds_of(dataset.labels, dataset.group, plan.outer_folds)
    trainings = [fold != number for number in range(outer)] + [np.ones(len(fold), bool)]
    if any(_has_no_folds(dataset.of(training)) for training in trainings):
        raise DatasetError(
            "a search needs a person with three photos or clips: it chooses by some, and tests "
            "the choosing by others"
        )
    results = _Results(work / "results.jsonl", dataset, weights, plan)
    total = len(trainings) * len(plan.combinations)

    def embedded(parameters: Parameters, place: int) -> tuple[Vectors, Impostors]:
        network = {key: parameters[key] for key in NETWORK_KEYS if key in parameters}
        name = hashlib.sha256(json.dumps([network, place, outer]).encode()).hexdigest()[:16]
        return embed(network, dataset.of(trainings[place]), name)

    tasks = [
        (place, number)
        for place in range(len(trainings))
        for number in range(len(plan.combinations))
        if (place, number) not in results.scores
    ]
    on_progress(total - len(tasks), total)

    def job(place: int, number: int) -> Any:
        parameters, training = plan.combinations[number], trainings[place]
        vectors, impostors = embedded(parameters, place)
        return joblib.delayed(_inner_score)(
            place,
            number=number,
            vectors=vectors[training],
            dataset=dataset.of(training),
            impostors=impostors,
            spec=spec_with(spec, parameters),
            folds=plan.inner_folds,
        )

    jobs = (job(place, number) for place, number in tasks)
    done = total - len(tasks)
    for place, number, score in (pool or Pool()).run(jobs):
        results.add(place, number, score)
        done += 1
        on_progress(done, total)
        if stopped():
            raise DatasetError("stopped; the same command goes on from here")
    chosen = [results.best(place) for place in range(len(trainings))]
    parts = []
    for place, number in enumerate(chosen[:-1]):
        parameters = plan.combinations[number]
        vectors, impostors = embedded(parameters, place)
        own_spec = spec_with(spec, parameters)
        parts.append(
            try_fold(
                vectors,
                dataset,
                fold=fold,
                number=place,
                folds=outer,
                impostors=impostors,
                spec=own_spec,
            )
        )
    scores = [
        (parameters, results.scores[len(trainings) - 1, number])
        for number, parameters in enumerate(plan.combinations)
    ]
    best = plan.combinations[chosen[-1]]
    return Found(
        best,
        sorted(scores, key=lambda pair: -pair[1]),
        [plan.combinations[number] for number in chosen[:-1]],
        evaluation_of(spec_with(spec, best), parts),
    )


def _has_no_folds(dataset: Dataset) -> bool:
    try:
        folds_of(dataset.labels, dataset.group)
    except DatasetError:
        return True
    return False


def _inner_score(
    place: int,
    *,
    number: int,
    vectors: Vectors,
    dataset: Dataset,
    impostors: Impostors,
    spec: ClassifierSpec,
    folds: int,
) -> tuple[int, int, float]:
    fold, count = folds_of(dataset.labels, dataset.group, folds)
    evaluation = cross_validate(vectors, dataset, fold, folds=count, impostors=impostors, spec=spec)
    return place, number, objective(evaluation)


class _Results:
    """Scores by (outer fold, combination), each on a line of a file as soon as it is there."""

    def __init__(self, path: Path, dataset: Dataset, fingerprint: str, plan: Plan) -> None:
        self._path = path
        self.scores: dict[tuple[int, int], float] = {}
        crops = hashlib.sha256(dataset.crops_rgb.tobytes() + dataset.labels.tobytes()).hexdigest()
        run = {**asdict(plan), "crops": crops, "weights": fingerprint}
        self._run = json.dumps(run, sort_keys=True)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        if not lines:
            self._append(self._run)
        elif lines[0] != self._run:
            raise DatasetError(
                f"{path}: is of a search with other crops or settings; give the same ones to go "
                f"on, or another --work to begin anew"
            )
        for line in lines[1:]:
            try:
                place, number, score = json.loads(line)
            except ValueError:
                continue  # the line that was being written at a kill
            self.scores[place, number] = score

    def add(self, place: int, number: int, score: float) -> None:
        self.scores[place, number] = score
        self._append(json.dumps([place, number, score]))

    def best(self, place: int) -> int:
        """Return the combination with the highest score; of equal ones the first."""
        own = {number: score for (p, number), score in self.scores.items() if p == place}
        return max(sorted(own), key=lambda number: own[number])

    def _append(self, line: str) -> None:
        cut_off = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with open(self._path, "a", encoding="utf-8", opener=create_private) as file:
            file.write("\n" * bool(cut_off) + line + "\n")
            file.flush()
            os.fsync(file.fileno())


def text_of(parameters: Mapping[str, Any]) -> str:
    """Write a combination as a line of text."""
    return ", ".join(f"{key} {value}" for key, value in parameters.items())


def finetune_command(best: Parameters) -> str:
    """Return the command that makes the network of these parameters, "" for the one in use."""
    options = [f"--{key} {best[key]}" for key in NETWORK_KEYS if key in best]
    return " ".join(["facestream train finetune --out FILE", *options]) if options else ""


def config_lines(best: Parameters, names: Sequence[str] = CLASSIFIER_KEYS) -> list[str]:
    """Return what to write into [identify] of config.toml."""
    keys = {"kind": "classifier"}
    return [f"{keys.get(key, key)} = {json.dumps(best[key])}" for key in names if key in best]
