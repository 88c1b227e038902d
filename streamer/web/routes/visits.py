"""What the history has: visits, and the strangers who were kept; reading only."""

from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from streamer.history import queries
from streamer.web.routes.common import TheState
from streamer.web.state import State

router = APIRouter(prefix="/api", tags=["history"])
MAX_LIMIT = 1000
_MAX_ID = 2**63 - 1

Name = Annotated[str, Query(max_length=128)]
Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Stranger = Annotated[str, Path(min_length=1, max_length=128)]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """From enter to exit. event: the id of its last event, to be corrected by."""

    id: int
    camera: str
    track: str
    person: str | None
    stranger: str | None
    score: float
    enter_utc: str
    seen_utc: str
    exit_utc: str | None
    event: str | None
    crops: int
    snapshot_url: str | None


@dataclass(frozen=True, kw_only=True)
class KeptStranger:
    """A stranger of whom crops are kept."""

    stranger: str
    first_utc: str
    last_utc: str
    visits: int
    camera: str
    cameras: list[str]
    crops: int
    crop_url: str | None


async def visits_of(state: State, wanted: queries.Wanted) -> list[Visit]:
    """Return visits, the newest first."""

    def read(connection: Connection) -> list[Visit]:
        rows = queries.visits(connection, wanted)[::-1]
        events = queries.last_events(connection, [row["visit"] for row in rows])
        return [
            Visit(
                id=row["visit"],
                camera=row["camera"],
                track=row["track"],
                person=row["identity"],
                stranger=row["stranger"],
                score=row["probability"],
                enter_utc=row["entered_utc"],
                seen_utc=row["seen_utc"],
                exit_utc=row["left_utc"],
                event=events.get(row["visit"]),
                crops=row["crops"],
                snapshot_url=f"/api/visits/{row['visit']}/crop.jpg" if row["crops"] else None,
            )
            for row in rows
        ]

    return await state.asking.history(read) or []


@router.get("/visits")
async def visits(
    state: TheState,
    person: Name = "",
    stranger: Name = "",
    camera: Name = "",
    since: Annotated[Moment, Query(alias="from")] = None,
    until: Annotated[Moment, Query(alias="to")] = None,
    limit: Limit = 100,
    before: Annotated[int, Query(ge=0, le=_MAX_ID, description="The id of a visit.")] = 0,
) -> list[Visit]:
    """List visits, the newest first; `before` goes on after the last one of an earlier answer."""
    wanted = queries.Wanted(
        since_ms=_ms(since, 0),
        until_ms=_ms(until, 2**62),
        person=person or stranger,
        camera=camera,
        limit=limit,
        before=before,
    )
    return await visits_of(state, wanted)


@router.get("/visits/{visit}/crop.jpg", response_class=Response)
async def crop_of_visit(state: TheState, visit: Annotated[int, Path(ge=0, le=_MAX_ID)]) -> Response:
    """Return the best crop that was kept of a visit."""
    return await _best(state, lambda connection: queries.crops_of_visit(connection, visit))


@router.get("/strangers")
async def strangers(state: TheState) -> list[KeptStranger]:
    """List the strangers of whom crops are kept, who was seen last first."""
    kept = await state.asking.history(queries.kept_strangers) or []
    return [
        KeptStranger(
            stranger=each.name,
            first_utc=queries.utc_of(each.first_ms),
            last_utc=queries.utc_of(each.last_ms),
            visits=each.visits,
            camera=each.cameras[0] if each.cameras else "",
            cameras=list(each.cameras),
            crops=each.crops,
            crop_url=f"/api/strangers/{each.name}/crop.jpg" if each.crops else None,
        )
        for each in kept
    ]


@router.get("/strangers/{stranger}/visits")
async def visits_of_stranger(
    state: TheState, stranger: Stranger, limit: Limit = 100
) -> list[Visit]:
    """List what a stranger was seen in, the newest first."""
    return await visits_of(state, queries.Wanted(person=stranger, limit=limit))


@router.get("/strangers/{stranger}/crop.jpg", response_class=Response)
async def crop_of_stranger(state: TheState, stranger: Stranger) -> Response:
    """Return the best crop that is kept of a stranger."""
    return await _best(state, lambda connection: queries.crops_of_stranger(connection, stranger, 1))


async def _best(state: State, read: "queries.ReadCrops") -> Response:
    from streamer.vision.images import encode_image

    found = await state.asking.history(read)
    if not found:
        raise HTTPException(404, "no crop of that is kept")
    best = max(found, key=lambda crop: crop.quality)
    jpeg = encode_image(best.crop_rgb[:, :, ::-1], quality=90)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private"})


def _ms(moment: datetime | None, otherwise: int) -> int:
    """Return a time in milliseconds since 1970."""
    if moment is None:
        return otherwise
    try:
        return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (OverflowError, ValueError):
        raise HTTPException(422, "a time must be between the years 1 and 9999") from None
