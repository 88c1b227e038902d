"""Events as they happen, over HTTP, and what was missed: server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from streamer.history import queries
from streamer.web.events import MAX_LISTENERS, Listener, Told
from streamer.web.routes.common import TheState
from streamer.web.state import State

router = APIRouter(prefix="/api", tags=["now"])
MAX_MISSED = 2000
_RETRY_MS = 2000

Name = Annotated[str, Query(max_length=128)]


@router.get("/events", response_class=EventSourceResponse)
async def events(
    state: TheState,
    camera: Name = "",
    person: Name = "",
    updates: Annotated[bool, Query(description="Every look at a face, too.")] = False,
    last_event_id: Annotated[str, Header(max_length=128)] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Tell of `enter`, `exit` and, if asked for, `update`; of `correction`, `expiry`, `gallery`.

    With `Last-Event-ID` it begins after that event, with what the history has. Where that is not
    known, or too much was missed, the first event is `lost`: look at what is so now.
    """
    if len(state.events.listeners) >= MAX_LISTENERS:
        raise HTTPException(503, "too many listen; try again later")
    listener = state.events.listen(camera, person, updates)
    try:
        yield ServerSentEvent(comment="facestream", retry=_RETRY_MS)
        told: set[str] = set()
        if last_event_id:
            missed = await _missed(state, last_event_id)
            if missed is None or len(missed) > MAX_MISSED:
                yield ServerSentEvent(event="lost", data={"after": last_event_id})
                missed = []
            for each in missed:
                told.add(each.id or "")
                if listener.wants(each):
                    yield _sent(each)
        async for each in _live(state, listener):
            if each.id is None or each.id not in told:
                yield _sent(each)
    finally:
        state.events.leave(listener)


async def _live(state: State, listener: Listener) -> AsyncIterator[Told]:
    """Yield events as they come, until the listener is too slow, or the process ends."""
    while not (listener.lost or state.ending.is_set()):
        while (told := state.events.next(listener)) is not None:
            yield told
        await listener.bell.wait()
        listener.bell.clear()


async def _missed(state: State, after: str) -> list[Told] | None:
    """Return what came after an event, from memory and the history; None if that is not known."""
    in_memory = state.events.after(after)
    if in_memory is not None:
        return in_memory
    rows = await state.asking.history(
        lambda connection: queries.events_after(connection, after, MAX_MISSED + 1)
    )
    if rows is None:
        return None
    written = [Told(row["event"], row["id"], row) for row in rows]
    known = {told.id for told in written}
    return written + [told for told in state.events.kept if told.id not in known]


def _sent(told: Told) -> ServerSentEvent:
    return ServerSentEvent(event=told.name, id=told.id, data=told.data)
