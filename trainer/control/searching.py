"""Who is in a picture: the people and the strangers who are most like each face in it."""

import io
import multiprocessing
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.errors import PictureError
from streamer.files import write_file
from streamer.history import corrections, queries
from streamer.history.database import history
from streamer.wire import control as wire
from streamer.wire.control import MAX_FACES, MAX_MATCHES
from trainer.control.desk import Desk
from trainer.control.guarded import end, limit_memory, wait_for
from trainer.control.queries import Parts
from trainer.control.work import Work

if TYPE_CHECKING:
    from streamer.vision.align import Alignment
    from workers.gallery.version import Gallery

Floats = NDArray[np.float32]
_PREFIX = "search-"
"""Of a folder beside the jobs; one that is left behind goes when control starts."""


def search(
    desk: Desk, question: wire.Search, parts: Sequence[bytes], check: Callable[[], None]
) -> tuple[wire.Found, Parts]:
    """Look for whoever is in a picture. Raises FacestreamError where there is no face in it.

    `check` raises where it is to end. The picture is written down for as long as that takes.
    """
    with tempfile.TemporaryDirectory(dir=desk.config.control_path, prefix=_PREFIX) as folder:
        work = Work(folder=Path(folder), check=check)
        crops_rgb, boxes = _faces(desk, parts[0], work)
        embedder = desk.embedder(work)
        vectors = embedder.embed(crops_rgb)
    gallery = desk.store.load(embedder.fingerprint)
    likely = _likely(desk, gallery, embedder.fingerprint, vectors)
    faces = [
        _face(gallery, vector, box, matches)
        for vector, box, matches in zip(vectors, boxes.tolist(), likely, strict=True)
    ]
    return wire.Found(id=question.id, faces=tuple(faces)), []


def _faces(desk: Desk, content: bytes, work: Work) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return crops (n, 96, 96, 3) and boxes (n, 4) of the largest faces, in a guarded process."""
    from streamer.vision.align import alignment_for
    from trainer.control.harvesting import PICTURE_S

    config = desk.config
    path, place = work.folder / "picture", work.folder / "faces.npz"
    write_file(path, content)
    alignment = alignment_for(config.embed, config.weights_path)
    context = multiprocessing.get_context("spawn")
    process = context.Process(
        target=_look, args=(path, place, config.detect, alignment), daemon=True
    )
    process.start()
    try:
        why = wait_for(place, process, PICTURE_S, work)
    finally:
        end(process)
    if why:
        raise PictureError(f"the picture {why}")
    try:
        with np.load(place, allow_pickle=False) as stored:
            fault = str(stored["fault"])
            crops_rgb, boxes = stored["crops"], stored["boxes"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise PictureError("the picture cannot be read") from error
    if fault or not len(crops_rgb):
        raise PictureError(f"the picture {fault}" if fault else "no face was found in the picture")
    return crops_rgb, boxes


def _look(path: Path, place: Path, detect: DetectConfig, alignment: "Alignment") -> None:
    """Find the faces of one picture, and write them into a file; in a process of its own."""
    import cv2

    from trainer.enrolment.faces import faces_in, picture_detector

    limit_memory()
    cv2.setNumThreads(1)
    fault, found = "", []
    try:
        found = faces_in(path, picture_detector(detect), alignment)[1][:MAX_FACES]
    except PictureError as error:
        fault = str(error).removeprefix(f"{path}: ")
    buffer = io.BytesIO()
    np.savez(
        buffer,
        fault=np.array(fault, np.str_),
        crops=np.array([face.crop_rgb for face in found], np.uint8).reshape(-1, 96, 96, 3),
        boxes=np.array([face.box.rounded() for face in found], np.int64).reshape(-1, 4),
    )
    write_file(place, buffer.getvalue())


def _face(
    gallery: "Gallery | None", vector: Floats, box: list[int], matches: tuple[wire.Match, ...]
) -> wire.FoundFace:
    identity, probability = None, 0.0
    if gallery is not None:
        (said,) = gallery.classifier.predict(vector[None])
        identity = None if said.person is None else gallery.people.names[said.person]
        probability = float(said.probability)
    left, top, width, height = box
    return wire.FoundFace(
        box_xywh=(left, top, width, height),
        identity=identity,
        probability=probability,
        matches=matches,
    )


def _likely(
    desk: Desk, gallery: "Gallery | None", weights: str, vectors: Floats
) -> list[tuple[wire.Match, ...]]:
    """Return who is most like each of some faces, (n, 128), the most alike first."""
    path = desk.config.history_path
    names, likeness = _people(gallery, vectors)
    if not path.is_file():
        return [_matches(desk, row, names, 0, lambda who: (0, None)) for row in likeness]
    with history(path) as connection:
        ignored = {*corrections.ignored(connection)}
        keep = [index for index, name in enumerate(names) if name not in ignored]
        names, likeness = [names[index] for index in keep], likeness[:, keep]
        templates = queries.strangers_templates(connection, weights)
        strangers = [name for name, _ in templates]
        seen = np.frombuffer(b"".join(t for _, t in templates), "<f4").reshape(-1, 128)
        likeness = np.concatenate([likeness, vectors @ seen.T], axis=1)
        return [
            _matches(
                desk,
                row,
                [*names, *strangers],
                len(strangers),
                lambda who: queries.visits_of(connection, who),
            )
            for row in likeness
        ]


def _people(gallery: "Gallery | None", vectors: Floats) -> tuple[list[str], Floats]:
    """Return names, and of each face (n, p) how like the most alike crop of each person it is."""
    if gallery is None or not gallery.people.names:
        return [], np.empty((len(vectors), 0), np.float32)
    people = gallery.people
    best = np.full((len(people.names), len(vectors)), -1.0, np.float32)
    np.maximum.at(best, people.labels, people.embeddings @ vectors.T)
    return list(people.names), best.T


def _matches(
    desk: Desk,
    likeness: Floats,
    who: Sequence[str],
    strangers: int,
    visits: Callable[[str], tuple[int, int | None]],
) -> tuple[wire.Match, ...]:
    """Return the most alike of some people, of whom the last are strangers."""
    found = []
    for index in np.argsort(-likeness)[:MAX_MATCHES].tolist():
        alike = float(np.clip(likeness[index], -1, 1))
        count, last_ms = visits(who[index])
        found.append(
            wire.Match(
                who=who[index],
                stranger=index >= len(who) - strangers,
                likeness=alike,
                different_people_nearer=float(desk.impostors.share_nearer_than(2 - 2 * alike)),
                visits=count,
                seen_utc=None if last_ms is None else queries.utc_of(last_ms),
            )
        )
    return tuple(found)
