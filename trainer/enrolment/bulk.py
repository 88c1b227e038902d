"""Harvest many people at once, on every core: a folder of folders and clips.

What has been harvested of a person is kept in a work folder until the whole is done, so that a
run that was stopped or killed continues with the next person.
"""

import hashlib
import io
import json
import multiprocessing
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.errors import DatasetError
from streamer.files import private_folder, write_file
from streamer.runtime.cores import available_cores
from streamer.vision.align import Alignment, Pose
from streamer.vision.quality import MeasuredCrop
from trainer.enrolment.harvest import CLIP_SUFFIXES, harvest, media_below
from trainer.enrolment.rows import Face, Harvest
from trainer.support.stopping import end_with_parent
from workers.gallery.crop_source import CropSource
from workers.names import composed_name

_COLUMNS = ("sources", "crops", "numbers", "refused", "warnings")
Rules = tuple[EnrolConfig, DetectConfig, Alignment]


def people_in(root: Path) -> dict[str, list[Path]]:
    """Find names and paths: each sub-folder is a person, and so is each clip beside them.

    Names are in Unicode's composed form (NFC), whatever form the file system has. Raises
    DatasetError where there is neither, or where two folders have one name in that form.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: must be a folder with a folder or a clip for each person")
    found: dict[str, list[Path]] = {}
    folders: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            name = composed_name(path.name)
            if name in folders:
                raise DatasetError(
                    f"{root}: the folders {folders[name].name!a} and {path.name!a} are "
                    f"the same name, {name}; put one's content into the other"
                )
            folders[name] = path
            found.setdefault(name, []).append(path)
        elif path.suffix.lower() in CLIP_SUFFIXES:
            found.setdefault(composed_name(path.stem), []).append(path)
    if not found:
        raise DatasetError(f"{root}: has neither a folder nor a clip ({', '.join(CLIP_SUFFIXES)})")
    return found


def harvest_people(
    people: Mapping[str, Sequence[Path]],
    work: Path,
    rules: Rules,
    on_progress: Callable[[int], None],
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Harvest]:
    """Harvest each person, on every core; `on_progress(1)` after each of them.

    Raises DatasetError when `stopped()`; the same call again continues from there.
    """
    private_folder(work)
    places = {name: work / _cache_name(name, paths, rules) for name, paths in people.items()}
    missing = []
    for name, place in places.items():
        if read_harvest(place) is None:
            missing.append(name)
        else:
            on_progress(1)
    context = multiprocessing.get_context("spawn")
    cores = min(available_cores(), max(1, len(missing)))
    if missing:
        with ProcessPoolExecutor(cores, mp_context=context, initializer=end_with_parent) as pool:
            pending = {
                pool.submit(harvest_to, name, list(people[name]), places[name], rules)
                for name in missing
            }
            while pending:
                done, pending = wait(pending, 1.0, FIRST_COMPLETED)
                for future in done:
                    future.result()
                    on_progress(1)
                if stopped():
                    pool.shutdown(cancel_futures=True)
                    raise DatasetError("stopped; the same command goes on from here")
    found = {name: read_harvest(place) for name, place in places.items()}
    return {name: harvested for name, harvested in found.items() if harvested is not None}


def _cache_name(name: str, paths: Sequence[Path], rules: Rules) -> str:
    seen = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in
            media_below(paths, Harvest())]  # fmt: skip
    enrol, detect, alignment = rules
    text = json.dumps([name, seen, enrol.model_dump(), detect.model_dump(), alignment])
    return f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


def harvest_to(name: str, paths: list[Path], place: Path, rules: Rules) -> None:
    """Harvest a person's files, and write what was found into one file."""
    cv2.setNumThreads(1)
    found = harvest(paths, *rules)
    faces = found.faces
    buffer = io.BytesIO()
    np.savez(
        buffer,
        person=np.array(f"/{name}/"),  # whoever is forgotten is found by it
        crops=np.array([face.crop.crop_rgb for face in faces], np.uint8),
        numbers=np.array([_numbers(face.crop) for face in faces], np.float64),
        sources=np.array([face.source.text for face in faces], np.str_),
        refused=np.array([face.refused for face in faces], np.str_),
        warnings=np.array([face.warning for face in faces], np.str_),
        files=np.array(found.refused_files, np.str_).reshape(-1, 2),
    )
    write_file(place, buffer.getvalue())


def read_harvest(place: Path) -> Harvest | None:
    """Read what `harvest_to` wrote; None where it is not there as a whole."""
    try:
        with np.load(place, allow_pickle=False) as stored:
            columns = (stored[key] for key in _COLUMNS)
            faces = [
                Face(CropSource.parse(str(source)), _measured(crop, number), str(why), str(warning))
                for source, crop, number, why, warning in zip(*columns, strict=True)
            ]
            return Harvest(faces, [(str(where), str(why)) for where, why in stored["files"]])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # cut off by a full disk, say: it is made again


def _numbers(crop: MeasuredCrop) -> tuple[float, ...]:
    return crop.face_px, crop.sharpness, crop.brightness, *crop.pose


def _measured(crop_rgb: NDArray[np.uint8], numbers: NDArray[np.float64]) -> MeasuredCrop:
    face_px, sharpness, brightness, yaw, pitch, roll = numbers.tolist()
    return MeasuredCrop(
        crop_rgb=crop_rgb,
        face_px=face_px,
        sharpness=sharpness,
        brightness=brightness,
        pose=Pose(yaw, pitch, roll),
    )
