"""The threads that make changes, in lanes.

What takes long has a lane of its own, so that a name does not wait for an album. The
gallery's lock lets one of them write at a time.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from streamer.errors import FacestreamError
from streamer.wire.control import (
    Activate,
    Change,
    EnrolFolder,
    EnrolPaths,
    EnrolPictures,
    EnrolTrack,
    Export,
    Forget,
    Ignore,
    Merge,
    NameStranger,
    NotHer,
    PutBack,
    Rebuild,
    Rename,
    Rollback,
    SetAside,
    SetConsent,
)
from trainer.control import changes, choosing, enrolling, forgetting, looking, person_export
from trainer.control.desk import Desk
from trainer.control.job_files import StoredJob
from trainer.control.jobs import JobStore
from trainer.control.work import CancelledError, LostError, StoppedError, Work
from workers.names import composed_name

log = logging.getLogger(__name__)

Make = Callable[[Desk, Any, Work], None]
MAKERS: Mapping[type[Change], Make] = {
    EnrolPictures: enrolling.enrol_pictures,
    EnrolPaths: enrolling.enrol_paths,
    EnrolFolder: enrolling.enrol_folder,
    EnrolTrack: looking.enrol_track,
    NameStranger: enrolling.name_stranger,
    NotHer: enrolling.not_her,
    Rename: changes.rename,
    Merge: changes.merge,
    Forget: forgetting.forget,
    Ignore: changes.ignore,
    Activate: changes.activate,
    Rollback: changes.rollback,
    SetConsent: changes.set_consent,
    SetAside: choosing.set_aside,
    PutBack: choosing.put_back,
    Rebuild: choosing.rebuild,
    Export: person_export.export_job,
}
_ALBUMS: tuple[type[Change], ...] = (EnrolPictures, EnrolPaths, EnrolFolder, PutBack, Rebuild)
_TRACKS_AT_ONCE = 2
_END_S = 60.0
_POLL_S = 0.05


def make(desk: Desk, change: Change, work: Work) -> None:
    """Make a change. Raises FacestreamError where it cannot be made."""
    work.check()
    MAKERS[type(change)](desk, change, work)


class Lanes:
    """Makes jobs, each in its lane, in their order. `stop()` leaves them to the next run."""

    def __init__(self, desk: Desk, jobs: JobStore) -> None:
        self._desk = desk
        self._jobs = jobs
        self._stopping = threading.Event()
        self._album: queue.SimpleQueue[StoredJob] = queue.SimpleQueue()
        self._track: queue.SimpleQueue[StoredJob] = queue.SimpleQueue()
        self._quick: queue.SimpleQueue[StoredJob] = queue.SimpleQueue()
        lanes = [self._album, self._quick, *[self._track] * _TRACKS_AT_ONCE]
        for number, lane in enumerate(lanes):
            name = f"changes-{number}"
            threading.Thread(target=self._serve, args=(lane,), name=name, daemon=True).start()

    def put(self, job: StoredJob) -> None:
        """Have a job made."""
        if isinstance(job.change, _ALBUMS):
            self._album.put(job)
        elif isinstance(job.change, EnrolTrack):
            self._track.put(job)
        else:
            self._quick.put(job)

    def stop(self) -> None:
        """Begin nothing more, and end what is under way at its next step, to be gone on with."""
        self._stopping.set()

    def _serve(self, lane: "queue.SimpleQueue[StoredJob]") -> None:
        while not self._stopping.is_set():
            job = lane.get()
            if self._stopping.is_set():
                return
            resumed = job.attempts > 0
            if self._jobs.begin(job):
                self._make(job, resumed)

    def _make(self, job: StoredJob, resumed: bool) -> None:
        def check() -> None:
            if self._stopping.is_set():
                raise StoppedError("the process ends")
            if job.cancelled.is_set():
                raise CancelledError("it was cancelled, and nothing is changed")
            if not job.folder.is_dir():
                raise CancelledError("somebody was forgotten whom it was about")

        work = Work(
            folder=job.folder,
            resumed=resumed,
            check=check,
            on_change=lambda work: self._jobs.said(job, work),
        )
        change = job.change
        if change is None:
            return
        try:
            if isinstance(change, Forget):
                self._end_others(composed_name(change.person), job, work)
            make(self._desk, change, work)
        except StoppedError:
            return
        except CancelledError as error:
            self._jobs.end(job, "cancelled", work, str(error))
        except LostError as error:
            self._jobs.end(job, "lost", work, str(error))
        except FacestreamError as error:
            self._jobs.end(job, "failed", work, str(error))
        except Exception:  # one change must not end the service, and with it all others
            log.exception("%s failed", type(change).__name__)
            self._jobs.end(job, "failed", work, "it failed for a reason that is in the log")
        else:
            self._jobs.end(job, "done", work)

    def _end_others(self, name: str, job: StoredJob, work: Work) -> None:
        """End changes that were asked for before somebody is forgotten, and are about them."""
        until = time.monotonic() + _END_S
        while self._jobs.drop_about(name, job):
            work.check()
            if time.monotonic() > until:
                return  # its folder goes, and so it ends
            time.sleep(_POLL_S)
