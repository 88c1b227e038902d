"""dlib's models, from the PyPI package face-recognition-models, and the square they look at."""

import importlib.util
from pathlib import Path
from typing import Any

from streamer.errors import ConfigError
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

RESNET = "dlib_face_recognition_resnet_model_v1.dat"


def dlib_file(name: str) -> Path:
    """Path of one of dlib's model files. Raises ConfigError where the extra is missing."""
    found = importlib.util.find_spec("face_recognition_models")
    folders = found.submodule_search_locations if found else None
    if not folders or importlib.util.find_spec("dlib") is None:
        raise ConfigError(
            "dlib and its models are needed. Install them with: pip install 'facestream[teacher]'"
        )
    return Path(folders[0]) / "models" / name


def dlib_square() -> Any:
    """Return the Haar square in a context crop as dlib's rectangle."""
    import dlib  # only where the teacher is installed

    low, high = round((CONTEXT_SIZE - SQUARE_SIDE) / 2), round((CONTEXT_SIZE + SQUARE_SIDE) / 2)
    return dlib.rectangle(low, low, high, high)
