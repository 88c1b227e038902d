"""Changes that were asked for, as jobs on disk: what was under way goes on after a restart.

<data>/control/00000012-ID/job.json  what it is, whom it is about, how it ended
    request, part-000, ...           what was asked, for as long as it is not over
    and what it has done so far

Jobs that are over are known for an hour, without what they were made of; a file that one made is
kept for ten minutes. One that forgets somebody keeps no name once it is over.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamer.errors import ControlError
from streamer.files import private_folder, write_file
from streamer.wire.codec import encode
from streamer.wire.control import Change, Forget, Job, State
from streamer.wire.timestamps import utc_text
from trainer.control.enrolling import part_path
from trainer.control.job_files import REQUEST, RESULT, StoredJob, read_job, write_job
from trainer.control.job_people import people_below, people_of, person_of
from trainer.control.job_words import MAX_LINE, said_by, tells_of
from trainer.control.work import Work
from workers.gallery.traces import JOB

MAX_WAITING = 64
MAX_WAITING_BYTES = 512 * 1024 * 1024
MAX_OVER = 100
KEPT_OVER_S = 3600.0
MAX_ATTEMPTS = 3
MAX_RESULTS = 4
RESULT_KEPT_S = 600.0


class BusyError(ControlError):
    """Too much is waiting already."""


class JobStore:
    """The jobs of a folder. `on_change` is called after each change of one, in any thread."""

    def __init__(self, folder: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._on_change = on_change
        self._lock = threading.RLock()
        self._jobs: dict[str, StoredJob] = {}
        self._next = 1

    def load(self) -> list[StoredJob]:
        """Read what an earlier run left; the jobs that are to go on, in their order."""
        private_folder(self._folder, close=True)
        for folder in sorted(self._folder.iterdir()):
            job = read_job(folder)
            if job is None:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            self._jobs[job.state.job] = job
            self._next = max(self._next, int(folder.name.split("-")[0]) + 1)
        going_on = [job for job in self._jobs.values() if not job.state.finished]
        for job in going_on:
            if job.attempts >= MAX_ATTEMPTS:
                why = f"it has ended the process {MAX_ATTEMPTS} times"
                self.end(job, "failed", fault=why)
        return [job for job in going_on if not job.state.finished]

    def add(self, change: Change, parts: Sequence[bytes | memoryview] = ()) -> StoredJob:
        """Take a change on. Raises BusyError, and ControlError where it cannot be written down."""
        with self._lock:
            self.drop_old()
            waiting = [job for job in self._jobs.values() if not job.state.finished]
            size = sum(len(part) for part in parts)
            if len(waiting) >= MAX_WAITING or (
                size and sum(job.bytes for job in waiting) + size > MAX_WAITING_BYTES
            ):
                raise BusyError(f"{len(waiting)} changes are under way; ask again later")
            state = Job(
                id=change.id,
                job=change.id,
                kind=type(change).__name__,
                person=person_of(change),
                state="queued",
                created_utc=utc_text(time.time_ns()),
                revision=1,
            )
            job = StoredJob(
                change=change,
                folder=self._folder / f"{self._next:08d}-{change.id}",
                state=state,
                forgets=isinstance(change, Forget),
                people=people_of(change),
                bytes=size,
            )
            try:
                job.folder.mkdir(mode=0o700)
                for number, part in enumerate(parts):
                    write_file(part_path(job.folder, number), bytes(part))
                write_file(job.folder / REQUEST, bytes(encode(change)[0]))
                write_job(job, job.state)
            except OSError as error:
                shutil.rmtree(job.folder, ignore_errors=True)
                raise ControlError(
                    f"{self._folder}: the change cannot be written down: {error.strerror}"
                ) from error
            self._next += 1
            self._jobs[change.id] = job
            return job

    def get(self, job: str) -> StoredJob | None:
        """Return a job that is known."""
        with self._lock:
            return self._jobs.get(job)

    def all(self) -> list[StoredJob]:
        """Return all jobs, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def begin(self, job: StoredJob) -> bool:
        """Note that a job is being made; False where it was cancelled before."""
        with self._lock:
            if job.cancelled.is_set() or job.state.finished:
                self.end(job, "cancelled", fault="it was cancelled before it began")
                return False
            job.attempts += 1
            self._set(job, state="running")
            write_job(job, job.state)
            return True

    def said(self, job: StoredJob, work: Work) -> None:
        """Take over what a job says of itself."""
        with self._lock:
            said = said_by(work)
            if not {*work.people} <= {*job.people}:
                job.people = [*dict.fromkeys([*job.people, *work.people])]
                write_job(job, job.state)
            if any(getattr(job.state, key) != value for key, value in said.items()):
                self._set(job, **said)

    def end(self, job: StoredJob, state: State, work: Work | None = None, fault: str = "") -> None:
        """Note how a job ended, and delete what it was made of."""
        with self._lock:
            if job.state.finished:
                return
            said = said_by(work) if work is not None else {}
            said["doing"] = ""
            if job.forgets and state == "done":
                said["person"], job.people = "", []
            elif said.get("looks_like"):
                job.people = [*job.people, said["looks_like"]]
            result = job.folder / RESULT
            made = result.stat().st_size if state == "done" and result.is_file() else 0
            ended = replace(
                job.state,
                **said,
                state=state,
                fault=fault[:MAX_LINE],
                revision=job.state.revision + 1,
                result_bytes=made,
            )
            # Whoever hears that it is over finds nothing of it on the disk any more.
            write_job(job, ended)
            if job.folder.is_dir():
                for path in job.folder.iterdir():
                    if path.name != JOB and not (made and path == result):
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
            job.change, job.over_at, job.bytes = None, time.monotonic(), 0
            job.state = ended
            self._on_change()

    def cancel(self, job: StoredJob) -> None:
        """Ask a job to end; one that waits ends at once."""
        with self._lock:
            job.cancelled.set()
            if job.state.state == "queued":
                self.end(job, "cancelled", fault="it was cancelled before it began")

    def drop_about(self, name: str, before: StoredJob) -> list[StoredJob]:
        """Forget what is over and about a person; cancel and return what is under way.

        before: what was asked for later than this goes on.
        """
        with self._lock:
            about = [
                job
                for job in self._jobs.values()
                if (name in (job.people or people_below(job.change)) or tells_of(job.state, name))
                and not job.forgets
                and job.folder.name < before.folder.name
            ]
            for job in about:
                if job.state.finished:
                    self._drop(job)
                else:
                    self.cancel(job)
            return [job for job in about if job.state.job in self._jobs]

    def drop_old(self) -> None:
        """Forget jobs that have been over for long, and the oldest beyond `MAX_OVER`."""
        with self._lock:
            over = [job for job in self._jobs.values() if job.state.finished]
            now = time.monotonic()
            for index, job in enumerate(over):
                old = now - (job.over_at or now) > KEPT_OVER_S
                if old or index < len(over) - MAX_OVER:
                    self._drop(job)
            made = [job for job in self._jobs.values() if job.state.result_bytes]
            for index, job in enumerate(made):
                if now - (job.over_at or now) > RESULT_KEPT_S or index < len(made) - MAX_RESULTS:
                    (job.folder / RESULT).unlink(missing_ok=True)
                    self._set(job, result_bytes=0)
                    write_job(job, job.state)

    def result(self, job: StoredJob, offset: int, size: int) -> bytes:
        """Return a part of the file that a job made. Raises ControlError where there is none."""
        with self._lock:
            if not job.state.result_bytes:
                raise ControlError(
                    f"job {job.state.job} has no file; one is kept for {RESULT_KEPT_S / 60:g} "
                    f"minutes"
                )
            try:
                with (job.folder / RESULT).open("rb") as file:
                    file.seek(offset)
                    return file.read(size)
            except OSError as error:
                raise ControlError(f"the file of job {job.state.job} is gone") from error

    def _drop(self, job: StoredJob) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)
        self._jobs.pop(job.state.job, None)

    def _set(self, job: StoredJob, **values: Any) -> None:
        job.state = replace(job.state, revision=job.state.revision + 1, **values)
        self._on_change()
