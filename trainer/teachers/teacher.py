"""What a teacher is, and which one a word of the command line means."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ConfigError
from trainer.teachers.descriptors import unit

DLIB = "dlib"
_BATCH = 32


class Teacher(Protocol):
    """A network that describes faces; what a student learns to say of them, too."""

    @property
    def key(self) -> str:
        """A word for file names that tells its descriptors from all others'."""
        ...

    @property
    def chip_size(self) -> int:
        """The side of the pictures that it looks at, in pixels."""
        ...

    def chip(
        self, context_rgb: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """Cut what it looks at out of a context crop with its landmarks: RGB."""
        ...

    def descriptors(self, chips_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, numbers) of any length from (n, chip_size, chip_size, 3) RGB chips."""
        ...


def describe(
    teacher: Teacher, contexts_rgb: NDArray[np.uint8], points: NDArray[np.float64]
) -> NDArray[np.float32]:
    """(n, numbers) unit descriptors: the mean of a chip's and of its mirror image's.

    (0, 0) for no contexts.
    """
    described = []
    for start in range(0, len(contexts_rgb), _BATCH):
        end = min(start + _BATCH, len(contexts_rgb))
        chips = np.stack([teacher.chip(contexts_rgb[i], points[i]) for i in range(start, end)])
        mirrored = np.ascontiguousarray(chips[:, :, ::-1])
        described.append(
            unit(unit(teacher.descriptors(chips)) + unit(teacher.descriptors(mirrored)))
        )
    return np.concatenate(described) if described else np.empty((0, 0), np.float32)


def named_teacher(text: str) -> tuple[str, float]:
    """Split NAME or NAME=SHARE into both; the share is 1 by default. Raises ConfigError."""
    name, equals, share = text.rpartition("=")
    if not equals or text.endswith(".toml"):
        return text, 1.0
    try:
        number = float(share)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ConfigError(f"--teacher: a share must be a number above 0. Received: {text!r}")
    return name, number


def load_teacher(name: str) -> Teacher:
    """Load dlib's teacher, or the network that a TOML file describes. Raises ConfigError."""
    if name == DLIB:
        from streamer.runtime.stderr import quiet_stderr
        from trainer.teachers.dlib_files import RESNET, dlib_file

        dlib_file(RESNET)  # where it is missing, that is all that there is to say
        with quiet_stderr():  # TensorFlow
            from trainer.teachers.dlib_teacher import DlibTeacher

            return DlibTeacher()
    if not name.endswith(".toml"):
        raise ConfigError(f"--teacher must be {DLIB}, or a file (.toml). Received: {name!r}")
    from trainer.teachers.network_teacher import load_network_teacher

    return load_network_teacher(Path(name))
