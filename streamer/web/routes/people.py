"""Who is enrolled, with crops, visits, and all that is held of somebody as a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from streamer.control.client import Control
from streamer.history import queries
from streamer.web.routes.common import PersonName, TheState
from streamer.web.routes.visits import Visit, visits_of
from streamer.web.state import State
from streamer.wire.control import CropRow, Job, PersonRow, Verdict

router = APIRouter(prefix="/api", tags=["people"])
_VISITS = 20

CropId = Annotated[str, Path(pattern=r"^[0-9a-f]{4,64}$")]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody enrolled, when and where last seen, and what is expected of single crops."""

    name: str
    crops: int
    set_aside: int
    consent: str | None
    expires_utc: str | None
    last_seen_utc: str | None
    last_camera: str | None
    expected_false_rejects: float | None
    crop_url: str | None


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A crop of somebody. verdict: what the gallery without it takes it for."""

    id: str
    kept: bool
    verdict: Verdict
    named: str
    reason: str
    source: str
    likeness: float | None
    other: str
    other_likeness: float | None
    vouched: bool
    since_utc: str
    url: str


@dataclass(frozen=True, kw_only=True)
class PersonInFull(Person):
    """The same, with the crops and the latest visits."""

    crops_list: list[Crop]
    visits: list[Visit]


@router.get("/people")
async def people(state: TheState) -> list[Person]:
    """List everybody who is enrolled, by name."""
    rows = await state.asking.control(Control.people)
    seen = await state.asking.history(queries.last_seen) or {}
    return [_person(row, seen) for row in rows]


@router.get("/people/{name}")
async def person(state: TheState, name: PersonName) -> PersonInFull:
    """Return somebody, with crops, and the latest visits, the newest first."""
    rows = await state.asking.control(Control.people)
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        raise HTTPException(404, f"{name} is not enrolled")
    crops = await state.asking.control(lambda control: control.crops(name))
    seen = await state.asking.history(queries.last_seen) or {}
    visits = await visits_of(state, queries.Wanted(person=name, limit=_VISITS))
    known = _person(row, seen)
    shown = [_crop(name, crop) for crop in crops]
    return PersonInFull(**vars(known), crops_list=shown, visits=visits)


@router.get(
    "/people/{name}/crops/{crop}.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The picture"}},
)
async def crop_picture(state: TheState, name: PersonName, crop: CropId) -> Response:
    """Return the picture of a crop, by its id."""
    jpeg = await state.asking.control(lambda control: control.crop_picture(name, crop))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private"})


@router.get(
    "/people/{name}/export.zip",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "The file"}},
)
async def export(state: TheState, name: PersonName) -> StreamingResponse:
    """Return all that is held of somebody as one file."""
    job = await state.asking.control(lambda control: control.export(name))
    file = f"attachment; filename*=UTF-8''{quote(name, safe='')}.zip"
    return StreamingResponse(
        _parts(state, job), media_type="application/zip", headers={"Content-Disposition": file}
    )


async def _parts(state: State, job: Job) -> AsyncIterator[bytes]:
    offset = 0
    while offset < job.result_bytes:
        ask = partial(Control.result_part, job=job.job, offset=offset)
        part = await state.asking.control(ask)
        offset += len(part)
        yield part


@router.get("/ignored")
async def ignored(state: TheState) -> list[str]:
    """Return the names and strangers' ids of everybody who is ignored."""
    return await state.asking.control(Control.ignored)


def _person(row: PersonRow, seen: dict[str, queries.LastSeen]) -> Person:
    last = seen.get(row.name)
    return Person(
        name=row.name,
        crops=row.crops,
        set_aside=row.set_aside,
        consent=row.consent,
        expires_utc=row.expires_utc,
        last_seen_utc=last.seen_utc if last else None,
        last_camera=last.camera if last else None,
        expected_false_rejects=None if row.named_rightly is None else 1 - row.named_rightly,
        crop_url=_crop_url(row.name, row.crop) if row.crop else None,
    )


def _crop(name: str, row: CropRow) -> Crop:
    return Crop(
        id=row.crop,
        kept=row.kept,
        verdict=row.verdict,
        named=row.named,
        reason=row.reason,
        source=row.source,
        likeness=row.likeness,
        other=row.other,
        other_likeness=row.other_likeness,
        vouched=row.vouched,
        since_utc=row.since_utc,
        url=_crop_url(name, row.crop),
    )


def _crop_url(name: str, crop: str) -> str:
    return f"/api/people/{quote(name, safe='')}/crops/{crop}.jpg"
