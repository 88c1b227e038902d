"""Which cameras are to be closed: control's file, which capture processes read as they begin."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from streamer.files import private_folder, write_file

log = logging.getLogger(__name__)

_MAX_BYTES = 64 * 1024


def read_paused(path: Path) -> frozenset[str]:
    """Return the names of the cameras that are paused; of a file that is none, nobody's."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, RecursionError) as error:
        log.error("%s: cannot be read, so no camera is paused: %s", path, error)
        return frozenset()
    names = content if isinstance(content, list) else []
    return frozenset(name for name in names if isinstance(name, str))


def write_paused(path: Path, cameras: Iterable[str]) -> None:
    """Write them down. Raises OSError where they cannot be."""
    private_folder(path.parent)
    write_file(path, json.dumps(sorted(cameras)).encode())
