"""Who is in a picture that somebody has."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, UploadFile

from streamer.web.routes.common import TheState
from streamer.wire.control import MAX_PICTURE_BYTES, FoundFace, Match

router = APIRouter(prefix="/api", tags=["history"])


@dataclass(frozen=True, kw_only=True)
class SearchRow:
    """Somebody who may be a face of the picture: enrolled, or a stranger who is kept.

    face: counts the picture's faces, the largest is 0. named: live video would give it this name.
    likeness: cosine, to the most alike crop. different_people_nearer: the share of pairs of
    different people who are more alike.
    """

    face: int
    box: tuple[int, int, int, int]
    person: str | None
    stranger: str | None
    named: bool
    likeness: float
    different_people_nearer: float
    visits: int
    last_seen_utc: str | None
    crop_url: str | None


@router.post("/search")
async def search(state: TheState, picture: Annotated[UploadFile, File()]) -> list[SearchRow]:
    """Return who is most like the faces of a picture, which is kept nowhere."""
    name = (picture.filename or "picture")[:255]
    content = await picture.read(MAX_PICTURE_BYTES + 1)
    faces = await state.asking.control(lambda control: control.search((name, content)))
    return [
        _row(number, face, match) for number, face in enumerate(faces) for match in face.matches
    ]


def _row(number: int, face: FoundFace, match: Match) -> SearchRow:
    crop_url = f"/api/strangers/{quote(match.who, safe='')}/crop.jpg" if match.stranger else None
    return SearchRow(
        face=number,
        box=face.box_xywh,
        person=None if match.stranger else match.who,
        stranger=match.who if match.stranger else None,
        named=not match.stranger and match.who == face.identity,
        likeness=match.likeness,
        different_people_nearer=match.different_people_nearer,
        visits=match.visits,
        last_seen_utc=match.seen_utc,
        crop_url=crop_url,
    )
