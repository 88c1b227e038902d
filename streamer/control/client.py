"""The typed calls of a program that changes people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from streamer.bus.sockets import Security
from streamer.control.asking import Asking, expected, named_content
from streamer.control.line import ANSWER_S, new_request_id
from streamer.errors import ControlError
from streamer.wire import control as wire
from streamer.wire.control import MAX_PICTURES_BYTES, Job

OnProgress = Callable[[Job], None]
_FOLLOW_MS = 2000


class How(TypedDict, total=False):
    """What every change takes: `wait`: for its end; on_progress: called at each change of the job.

    request_id: of your own choice; a request that is sent again with the same one is done once.
    """

    wait: bool
    on_progress: OnProgress
    request_id: str


class Control(Asking):
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
        named = [named_content(picture) for picture in pictures]
        contents = [content for _, content in named]
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

    def enrol_folder(
        self,
        folder: Path,
        force: bool = False,
        accept_look_alikes: bool = False,
        **how: Unpack[How],
    ) -> Job:
        """Enrol everybody in a folder on the pipeline's own host: a sub-folder or clip for each."""
        change = wire.EnrolFolder(
            id=_id(how),
            folder=str(folder.absolute()),
            force=force,
            accept_look_alikes=accept_look_alikes,
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

    def set_aside(self, person: str, crops: Sequence[str], **how: Unpack[How]) -> Job:
        """Set crops aside, by their ids in `crops`: they are kept, and count for nothing."""
        return self.change(wire.SetAside(id=_id(how), person=person, crops=tuple(crops)), **how)

    def put_back(self, person: str, crops: Sequence[str], **how: Unpack[How]) -> Job:
        """Put crops back that were set aside, by their ids, for good."""
        return self.change(wire.PutBack(id=_id(how), person=person, crops=tuple(crops)), **how)

    def rebuild(self, **how: Unpack[How]) -> Job:
        """Make the gallery anew from its crops, after a change of weights or of settings."""
        return self.change(wire.Rebuild(id=_id(how)), **how)

    def export(self, person: str, **how: Unpack[How]) -> Job:
        """Collect all that is held of somebody into a .zip file: `result` brings it."""
        return self.change(wire.Export(id=_id(how), person=person), **how)

    def activate(self, version: str, **how: Unpack[How]) -> Job:
        """Put a version of the gallery in use."""
        return self.change(wire.Activate(id=_id(how), version=version), **how)

    def rollback(self, **how: Unpack[How]) -> Job:
        """Put the version before the one in use back in use."""
        return self.change(wire.Rollback(id=_id(how)), **how)

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
        job = expected(self.ask(change, parts), Job)
        if not how.get("wait", True):
            return job
        return self.finish(job, how.get("on_progress", lambda job: None))


def _id(how: How) -> str:
    return how.get("request_id") or new_request_id()
