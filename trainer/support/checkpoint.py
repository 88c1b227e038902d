"""Long training that goes on where it ended: its settings, and a checkpoint of its variables."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from streamer.errors import DatasetError
from streamer.files import write_file


class Variable(Protocol):
    """A variable of Keras or TensorFlow."""

    def assign(self, value: Any) -> Any: ...


class Checkpoint:
    """The variables of a run in a work folder, written in one step."""

    def __init__(self, folder: Path, variables: Sequence[Variable]) -> None:
        self._path = folder / "checkpoint.npz"
        self._variables = variables

    def save(self, step: int) -> None:
        """Write all variables as they are after so many steps."""
        buffer = io.BytesIO()
        arrays = {f"v{i:04d}": np.asarray(v) for i, v in enumerate(self._variables)}
        np.savez(buffer, step=np.array(step), **arrays)  # type: ignore[arg-type]
        write_file(self._path, buffer.getvalue())

    def restore(self) -> int:
        """Set all variables as they were saved; the step, 0 where nothing was saved.

        Raises DatasetError for a damaged file.
        """
        if not self._path.is_file():
            return 0
        try:
            with np.load(self._path, allow_pickle=False) as stored:
                for index, variable in enumerate(self._variables):
                    variable.assign(stored[f"v{index:04d}"])
                return int(stored["step"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(f"{self._path}: the checkpoint is damaged: {error}") from error


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write a run's settings into its work folder; raise DatasetError if it holds another run."""
    path = folder / "run.json"
    text = json.dumps(settings)
    if not path.is_file():
        write_file(path, text.encode())
    elif path.read_text() != text:
        raise DatasetError(
            f"{folder}: holds a run with other photos or settings ({path.name}); give "
            f"the same ones to go on, or another --work to begin anew"
        )
