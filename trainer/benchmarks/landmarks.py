"""Landmarks: what they cost on one core beside the network, and what they throw out of clips."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.capture.sources import VideoSource
from streamer.config.sections import DetectConfig
from streamer.errors import DatasetError
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.faces import DetectedFace, FaceDetector, crop_face
from streamer.vision.landmarks import LandmarkFinder
from workers.embedding.runtimes import build
from workers.network.weights_file import load_weights

_LOOPS = 200
_READ_TIMEOUT_MS = 10_000
_LOOKS_A_SECOND = 5


def measure_cost(turns: int, on_progress: Callable[[str], None]) -> dict[str, float]:
    """Milliseconds for one face by one thread, the best of all turns, and shares of a forward pass.

    The network takes its turns between those of the landmarks, so that both meet the same machine.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    embed = build(load_weights(), 1, "tensorflow", "float32")
    cv2.setNumThreads(1)
    finder = LandmarkFinder()
    faces = [_face(picture, finder) for picture in (collins_bgr(), hopper_bgr())]
    crops = np.stack([crop_face(*face, "square") for face in faces] * 4)
    ways: dict[str, Callable[[int], object]] = {
        "landmarks_ms": lambda i: finder.find(faces[i % 2][0], [faces[i % 2][1].box]),
        "square_ms": lambda i: crop_face(*faces[i % 2], "square"),
        "level_ms": lambda i: crop_face(*faces[i % 2], "level"),
    }
    best = dict.fromkeys([*ways, "forward_ms"], float("inf"))
    for turn in range(turns):
        on_progress(f"cost, turn {turn + 1} of {turns}")
        for name, way in ways.items():
            best[name] = min(best[name], _median_ms(way, _LOOPS))
        for_eight = _median_ms(lambda _: embed(crops), _LOOPS // 20)
        best["forward_ms"] = min(best["forward_ms"], for_eight / len(crops))
    extra = best["landmarks_ms"] + best["level_ms"] - best["square_ms"]
    return {**best, "share_of_forward": extra / best["forward_ms"]}


def measure_clips(
    clips: Sequence[Path], detect: DetectConfig, on_progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each clip: boxes of the cascade in five frames a second, and how many are no faces."""
    detector = FaceDetector.of(detect)
    rows = []
    for path in clips:
        on_progress(f"{path}")
        clip = VideoSource(str(path), live=False, read_timeout_ms=_READ_TIMEOUT_MS)
        step = max(1, round(clip.fps / _LOOKS_A_SECOND))
        frames = looks = faces = not_faces = 0
        try:
            while (picture := clip.read()) is not None:
                frames += 1
                if (frames - 1) % step == 0:
                    looks += 1
                    faces += len(detector.detect(picture.image_bgr))
                    not_faces += detector.not_faces
        finally:
            clip.close()
        if not frames:
            raise DatasetError(f"{path}: no frame of it can be read")
        rows.append(
            {
                "clip": str(path),
                "seconds": frames / clip.fps,
                "looks": looks,
                "faces": faces,
                "not_faces": not_faces,
                "not_faces_a_minute": not_faces / (frames / clip.fps / 60),
            }
        )
    return rows


def _face(
    picture_bgr: NDArray[np.uint8], finder: LandmarkFinder
) -> tuple[NDArray[np.uint8], DetectedFace]:
    box = largest(HaarDetector().detect(picture_bgr))
    if box is None:
        raise DatasetError("the portraits that ship have no face; the cascade is damaged")
    return picture_bgr, DetectedFace(box, finder.find(picture_bgr, [box])[0])


def _median_ms(way: Callable[[int], object], loops: int) -> float:
    times = []
    for index in range(loops):
        began = time.perf_counter()
        way(index)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1000
