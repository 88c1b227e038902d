"""A job as files of a folder: what was asked, how far it is, and what it has made."""

import json
import threading
import time
from dataclasses import dataclass, field, fields
from pathlib import Path

from streamer.errors import ProtocolError
from streamer.files import write_file
from streamer.wire.codec import decode
from streamer.wire.control import CHANGES, Change, EnrolPictures, Job
from trainer.control.enrolling import part_path
from workers.gallery.traces import JOB

REQUEST = "request"
RESULT = "result.zip"


@dataclass(kw_only=True)
class StoredJob:
    """A change and how far it is. Its fields change under the store's lock alone."""

    change: Change | None
    folder: Path
    state: Job
    forgets: bool
    people: list[str]
    attempts: int = 0
    bytes: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)
    over_at: float | None = None


def write_job(job: StoredJob, state: Job) -> None:
    """Write a job's file; where its folder is gone, somebody was forgotten, and it is over."""
    if not job.folder.is_dir():
        return
    values = {each.name: getattr(state, each.name) for each in fields(state)}
    if job.forgets and state.finished:
        values["lines"], values["warnings"], values["fault"] = (), (), ""
    content = {
        "job": values,
        "people": job.people,
        "forgets": job.forgets and not state.finished,
        "attempts": job.attempts,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_file(job.folder / JOB, text.encode())


def read_job(folder: Path) -> StoredJob | None:
    """Read a job; None where it is not there as a whole."""
    try:
        content = json.loads((folder / JOB).read_bytes())
        state = Job(**{**content["job"], "lines": tuple(content["job"]["lines"]),
                       "warnings": tuple(content["job"]["warnings"])})  # fmt: skip
        change = None
        if not state.finished:
            change, _ = _decoded(folder)
        int(folder.name.split("-")[0])
        return StoredJob(
            change=change,
            folder=folder,
            state=state,
            forgets=bool(content["forgets"]),
            people=[str(name) for name in content["people"]],
            attempts=int(content["attempts"]),
            over_at=time.monotonic() if state.finished else None,
        )
    except (OSError, ValueError, KeyError, TypeError, ProtocolError):
        return None


def _decoded(folder: Path) -> tuple[Change, list[bytes | memoryview]]:
    """Read what was asked; its parts lie beside it, and are read when they are wanted."""
    header = (folder / REQUEST).read_bytes()
    kinds = {name: kind for name, kind in CHANGES.items() if name != EnrolPictures.__name__}
    try:
        change, parts = decode([header], kinds)
    except ProtocolError:
        count = len(list(folder.glob("part-*")))
        files = [part_path(folder, number).read_bytes() for number in range(count)]
        change, parts = decode([header, *files], CHANGES)
    return change, parts
