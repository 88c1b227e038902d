"""The typed questions of a program: who is enrolled, which versions and jobs there are."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from streamer.control.line import Line, new_request_id
from streamer.errors import ControlError
from streamer.wire import control as wire
from streamer.wire.control import MAX_PICTURE_BYTES, MAX_WAIT_MS, Job

A = TypeVar("A")


class Asking(Line):
    """Questions, which change nothing."""

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
        return expected(answer, wire.Diff)

    def jobs(self) -> list[wire.JobRow]:
        """Return the jobs that are known, the newest first; who has ended is known for an hour."""
        return list(expected(self.ask(wire.JobsWanted(id=new_request_id())), wire.Jobs).jobs)

    def job(self, job: str, seen: int = 0, wait_ms: int = 0) -> Job:
        """Return a job as it is, once its revision is above `seen` or the time is up."""
        wait_ms = min(wait_ms, MAX_WAIT_MS)
        request = wire.JobWanted(id=new_request_id(), job=job, seen=seen, wait_ms=wait_ms)
        return expected(self.ask(request), Job)

    def cancel(self, job: str) -> Job:
        """End a job, which changes nothing then; return it as it is, perhaps still ending."""
        return expected(self.ask(wire.CancelJob(id=new_request_id(), job=job)), Job)

    def result(self, job: Job) -> Iterator[bytes]:
        """Yield the file that a job has made, in parts; it is kept for ten minutes."""
        offset = 0
        while offset < job.result_bytes or not job.result_bytes:
            part = self.result_part(job.job, offset)
            offset += len(part)
            yield part

    def result_part(self, job: str, offset: int) -> bytes:
        """Return a part of the file that a job has made, from a byte on; it has one at least."""
        question = wire.ResultWanted(id=new_request_id(), job=job, offset=offset)
        answer, parts = self.ask_with_parts(question)
        if not expected(answer, wire.ResultPart).size:
            raise ControlError(f"the file of job {job} ends before its end")
        return parts[0]

    def search(
        self, picture: Path | tuple[str, bytes], wait_ms: int = MAX_WAIT_MS
    ) -> tuple[wire.FoundFace, ...]:
        """Return the largest faces of a picture, and who is most like each. Raises ControlError."""
        name, content = named_content(picture)
        question = wire.Search(
            id=new_request_id(), picture=wire.Picture(name, len(content)), wait_ms=wait_ms
        )
        return expected(self.ask(question, [content]), wire.Found).faces

    def crops(self, person: str) -> list[wire.CropRow]:
        """Return the crops that somebody is enrolled with, then those that are set aside."""
        return self._all(wire.CropsWanted, lambda answer: answer.crops, person=person)

    def crop_picture(
        self, person: str, crop: str, format: Literal["jpeg", "png"] = "jpeg"
    ) -> bytes:
        """Return the picture of a crop, by its id in `crops`; 96 x 96 pixels."""
        question = wire.CropPictureWanted(
            id=new_request_id(), person=person, crop=crop, format=format
        )
        answer, parts = self.ask_with_parts(question)
        expected(answer, wire.CropPicture)
        return parts[0]

    def _all(
        self, kind: Callable[..., Any], rows: Callable[[Any], Sequence[Any]], **which: str
    ) -> list[Any]:
        found: list[Any] = []
        while True:
            answer: Any = self.ask(kind(id=new_request_id(), offset=len(found), **which))
            more = rows(answer)
            found += more
            if not more or len(found) >= answer.total:
                return found


def expected(answer: object, kind: type[A]) -> A:
    """Return an answer, if it is of this kind. Raises ControlError otherwise."""
    if not isinstance(answer, kind):
        raise ControlError(f"the control service answered with {type(answer).__name__}")
    return answer


def named_content(picture: Path | tuple[str, bytes]) -> tuple[str, bytes]:
    """Return what a picture is called and its bytes. Raises ControlError where it has too many."""
    if isinstance(picture, Path):
        try:
            picture = (picture.name, picture.read_bytes())
        except OSError as error:
            raise ControlError(f"{picture}: cannot be read: {error.strerror or error}") from error
    name, content = picture
    if not 0 < len(content) <= MAX_PICTURE_BYTES:
        raise ControlError(f"pictures must have 1 to {MAX_PICTURE_BYTES} bytes each")
    return name, content
