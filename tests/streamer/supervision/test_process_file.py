import fcntl
import os
import stat
from pathlib import Path

from streamer.supervision.child import ProcessStatus
from streamer.supervision.process_file import (
    PROCESSES,
    Processes,
    ProcessFile,
    is_running,
    read_processes,
)

VIEW = ProcessStatus(
    name="view", role="view", state="backing off", failures=2, retry_in_s=1.5,
    detail="ended with signal 9", restarts=3,
)  # fmt: skip


def test_nothing_runs_in_a_folder_that_is_not_there_or_that_nobody_has_locked(folder: Path) -> None:
    assert not is_running(folder / "none")
    assert not is_running(folder)
    assert read_processes(folder) is None


def test_the_file_is_believed_while_the_folder_is_locked_and_goes_at_the_end(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert read_processes(folder) == Processes("", ())  # it has only begun
    with ProcessFile(folder) as file:
        file.update([VIEW])
        written = (folder / PROCESSES).stat()
        assert stat.S_IMODE(written.st_mode) == 0o600
        file.update([VIEW])
        assert (folder / PROCESSES).stat().st_ino == written.st_ino  # nothing has changed
        told = read_processes(folder)
        assert told is not None
        assert told.processes == (VIEW,)
        os.close(descriptor)
        assert read_processes(folder) is None  # as after a kill
    assert list(folder.iterdir()) == []


def test_a_file_that_is_damaged_tells_nothing(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    (folder / PROCESSES).write_text('{"started_utc": "t", "processes": [{"name": 3}]}')
    assert read_processes(folder) == Processes("", ())
    os.close(descriptor)
