"""The typed calls of a program that changes people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from streamer.bus.sockets import Security
from streamer.control.line import ANSWER_S, Line, new_request_id
from streamer.errors import ControlError
from streamer.wire import control as wire
from streamer.wire.control import MAX_PICTURE_BYTES, MAX_PICTURES_BYTES, MAX_WAIT_MS, Job

OnProgress = Callable[[Job], None]
_FOLLOW_MS = 2000
A = TypeVar("A")


class How(TypedDict, total=False):
    """What every change takes: `wait`: for its end; on_progress: called at each change of the job.

    request_id: of your own choice; a request that is sent again with the same one is done once.
    """

    wait: bool
    on_progress: OnProgress
    request_id: str


class Control(Line):
    """A connection to a pipeline's control service, for one thread; use it in a `with` block.

        with Control("ipc:///home/me/facestream/var/run/control") as control:
            control.rename("Ann", "Anne")

    Every change waits for its end and returns the finished job; one that was refused, failed, was
    cancelled or lost raises ControlError, with `job` where there is one. With `wait=False` it
    returns the job as it is when it was taken on: `finish` waits for its end, `cancel` ends it.

    Parameters
    ----------
    address: as `bus.control` of the config, with an absolute path.
    keys: folder of CURVE keys, for tcp (`facestream keys --control NAME`).
    timeout_s: how long an answer may take, before ControlError is raised.
    """

    def __init__(self, address: str, keys: Path | None = None, timeout_s: float = ANSWER_S) -> None:
        super().__init__(address, Security(keys), timeout_s)

    def enrol_pictures(
        self,
        person: str,
        pictures: Iterable[Path | tuple[str, bytes]],
        force: bool = False,
        accept_look_alikes: bool = False,
        **how: Unpack[How],
    ) -> Job:
        """Enrol somebody from pictures, which are sent along: files, or names with contents."""
        named = [(p.name, _read(p)) if isinstance(p, Path) else p for p in pictures]
        contents = [content for _, content in named]
        if not named or not all(0 < len(content) <= MAX_PICTURE_BYTES for content in contents):
            raise ControlError(f"pictures must have 1 to {MAX_PICTURE_BYTES} bytes each")
        if sum(map(len, contents)) > MAX_PICTURES_BYTES or len(named) > wire.MAX_PICTURES:
            raise ControlError(
                f"at most {wire.MAX_PICTURES} pictures with {MAX_PICTURES_BYTES} bytes can be sent "
                f"at once. Received: {len(named)} with {sum(map(len, contents))}"
            )
        change = wire.EnrolPictures(
            id=_id(how),
            person=person,
            force=force,
            accept_look_alikes=accept_look_alikes,
            pictures=tuple(wire.Picture(name, len(content)) for name, content in named),
        )
        return self.change(change, contents, **how)

    def enrol_paths(
        self,
        person: str,
        paths: Iterable[Path],
        force: bool = False,
        accept_look_alikes: bool = False,
        **how: Unpack[How],
    ) -> Job:
        """Enrol somebody from photos, folders and clips on the pipeline's own host."""
        change = wire.EnrolPaths(
            id=_id(how),
            person=person,
            force=force,
            accept_look_alikes=accept_look_alikes,
            paths=tuple(str(path.absolute()) for path in paths),
        )
        return self.change(change, **how)

    def enrol_track(
        self,
        person: str,
        camera: str,
        track: str,
        crops: int = 12,
        seconds: float = 10.0,
        force: bool = False,
        accept_look_alikes: bool = False,
        **how: Unpack[How],
    ) -> Job:
        """Enrol somebody from a face that is before a camera: camera and track as in its events."""
        change = wire.EnrolTrack(
            id=_id(how), person=person, force=force, accept_look_alikes=accept_look_alikes,
            camera=camera, track=track, crops=crops, seconds=seconds,
        )  # fmt: skip
        return self.change(change, **how)

    def name_stranger(
        self,
        stranger: str,
        person: str,
        force: bool = False,
        accept_look_alikes: bool = False,
        **how: Unpack[How],
    ) -> Job:
        """Enrol a stranger (`unknown-17`) from what was kept; earlier visits get the name, too."""
        change = wire.NameStranger(
            id=_id(how), person=person, force=force, accept_look_alikes=accept_look_alikes,
            stranger=stranger,
        )  # fmt: skip
        return self.change(change, **how)

    def rename(self, person: str, name: str, **how: Unpack[How]) -> Job:
        """Give somebody another name, which nobody has."""
        return self.change(wire.Rename(id=_id(how), person=person, name=name), **how)

    def merge(self, person: str, into: str, **how: Unpack[How]) -> Job:
        """Say that a person is another one, under whose name both go on."""
        return self.change(wire.Merge(id=_id(how), person=person, into=into), **how)

    def forget(self, person: str, **how: Unpack[How]) -> Job:
        """Delete all that the pipeline's data folder holds of a person."""
        return self.change(wire.Forget(id=_id(how), person=person), **how)

    def not_her(self, person: str, event: str, **how: Unpack[How]) -> Job:
        """Say that an event, by its id, was not that person."""
        return self.change(wire.NotHer(id=_id(how), person=person, event=event), **how)

    def ignore(self, who: str, **how: Unpack[How]) -> Job:
        """Have a person or a stranger be in no event from now on; their visits are deleted."""
        return self.change(wire.Ignore(id=_id(how), who=who), **how)

    def heed(self, who: str, **how: Unpack[How]) -> Job:
        """Undo `ignore`."""
        return self.change(wire.Ignore(id=_id(how), who=who, undo=True), **how)

    def set_consent(
        self, person: str, consent: str | None, expires_utc: str | None = None, **how: Unpack[How]
    ) -> Job:
        """Note who agreed, when and to what, and when the person is forgotten (RFC 3339)."""
        change = wire.SetConsent(
            id=_id(how), person=person, consent=consent, expires_utc=expires_utc
        )
        return self.change(change, **how)

    def activate(self, version: str, **how: Unpack[How]) -> Job:
        """Put a version of the gallery in use."""
        return self.change(wire.Activate(id=_id(how), version=version), **how)

    def rollback(self, **how: Unpack[How]) -> Job:
        """Put the version before the one in use back in use."""
        return self.change(wire.Rollback(id=_id(how)), **how)

    def people(self) -> list[wire.PersonRow]:
        """Return who is enrolled, by name."""
        return self._all(wire.PeopleWanted, lambda answer: answer.people)

    def versions(self) -> list[wire.VersionRow]:
        """Return the versions of the gallery, the newest first."""
        return self._all(wire.VersionsWanted, lambda answer: answer.versions)

    def ignored(self) -> list[str]:
        """Return the names and strangers' ids of everybody who is ignored."""
        return self._all(wire.IgnoredWanted, lambda answer: answer.ignored)

    def diff(self, old: str, new: str) -> wire.Diff:
        """Return what one version of the gallery has that another has not."""
        answer = self.ask(wire.DiffWanted(id=new_request_id(), old=old, new=new))
        return _expected(answer, wire.Diff)

    def jobs(self) -> list[wire.JobRow]:
        """Return the jobs that are known, the newest first; who has ended is known for an hour."""
        return list(_expected(self.ask(wire.JobsWanted(id=new_request_id())), wire.Jobs).jobs)

    def job(self, job: str, seen: int = 0, wait_ms: int = 0) -> Job:
        """Return a job as it is, once its revision is above `seen` or the time is up."""
        wait_ms = min(wait_ms, MAX_WAIT_MS)
        request = wire.JobWanted(id=new_request_id(), job=job, seen=seen, wait_ms=wait_ms)
        return _expected(self.ask(request), Job)

    def cancel(self, job: str) -> Job:
        """End a job, which changes nothing then; return it as it is, perhaps still ending."""
        return _expected(self.ask(wire.CancelJob(id=new_request_id(), job=job)), Job)

    def follow(self, job: Job) -> Iterator[Job]:
        """Yield a job at each of its changes, up to its end."""
        yield job
        while not job.finished:
            newer = self.job(job.job, job.revision, _FOLLOW_MS)
            if newer.revision != job.revision:
                job = newer
                yield job

    def finish(self, job: Job, on_progress: OnProgress = lambda job: None) -> Job:
        """Wait for a job's end. Raises ControlError where it was not done."""
        for state in self.follow(job):
            job = state
            on_progress(job)
        if job.state != "done":
            raise ControlError(job.fault or f"the change was {job.state}", job)
        return job

    def change(self, change: wire.Change, parts: Sequence[bytes] = (), **how: Unpack[How]) -> Job:
        """Ask for any change."""
        job = _expected(self.ask(change, parts), Job)
        if not how.get("wait", True):
            return job
        return self.finish(job, how.get("on_progress", lambda job: None))

    def _all(self, kind: Callable[..., Any], rows: Callable[[Any], Sequence[Any]]) -> list[Any]:
        found: list[Any] = []
        while True:
            answer: Any = self.ask(kind(id=new_request_id(), offset=len(found)))
            more = rows(answer)
            found += more
            if not more or len(found) >= answer.total:
                return found


def _id(how: How) -> str:
    return how.get("request_id") or new_request_id()


def _expected(answer: object, kind: type[A]) -> A:
    if not isinstance(answer, kind):
        raise ControlError(f"the control service answered with {type(answer).__name__}")
    return answer


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ControlError(f"{path}: cannot be read: {error.strerror or error}") from error
