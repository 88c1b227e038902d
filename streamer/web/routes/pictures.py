"""Pictures of one camera, with the names drawn onto them: as a JPEG, and as a stream of them.

For VLC, Home Assistant's generic camera and programs; our own page has `live`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from streamer.web.pictures import Picture, Viewer, topic_of
from streamer.web.routes.common import TheState
from streamer.web.state import State
from streamer.wire.topics import PLAIN_WIDTHS

router = APIRouter(prefix="/camera", tags=["pictures"])
WAIT_S = 10.0
_BOUNDARY = "facestream"
_KIND = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"

Camera = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Plain = Annotated[bool, Query(description="Without boxes and names.")]
Width = Annotated[int, Query(ge=16, le=8192, description="Of plain pictures, at most.")]


@router.get(
    "/{camera}.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The next picture"}},
)
async def jpeg(
    state: TheState, camera: Camera, plain: Plain = False, width: Width = PLAIN_WIDTHS[-1]
) -> Response:
    """Return the camera's next picture."""
    viewer = _viewer(state, camera, plain, width)
    try:
        picture = await _next(state, viewer)
    finally:
        viewer.close()
    if picture is None:
        raise HTTPException(503, f"no picture of {camera} has come within {WAIT_S:g} s")
    return Response(picture.jpeg, media_type="image/jpeg")


@router.get(
    "/{camera}.mjpg",
    response_class=StreamingResponse,
    responses={200: {"content": {_KIND: {}}, "description": "Pictures as they come"}},
)
async def mjpeg(
    state: TheState, camera: Camera, plain: Plain = False, width: Width = PLAIN_WIDTHS[-1]
) -> StreamingResponse:
    """Return the camera's pictures as they come, for as long as they are read."""
    viewer = _viewer(state, camera, plain, width)
    return StreamingResponse(_parts(state, viewer), media_type=_KIND)


async def _parts(state: State, viewer: Viewer) -> AsyncIterator[bytes]:
    try:
        while not state.ending.is_set():
            picture = await _next(state, viewer)
            if picture is not None:
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                head += f"Content-Length: {len(picture.jpeg)}\r\n\r\n"
                yield head.encode() + picture.jpeg + b"\r\n"
    finally:
        viewer.close()


async def _next(state: State, viewer: Viewer) -> Picture | None:
    """Return the next picture; None where none comes for a while, or the process ends."""
    try:
        async with asyncio.timeout(WAIT_S):
            while (picture := viewer.take()) is None and not state.ending.is_set():
                await viewer.wait()
    except TimeoutError:
        return None
    return picture


def _viewer(state: State, camera: str, plain: bool, width: int) -> Viewer:
    if camera not in state.config.cameras:
        raise HTTPException(404, f"there is no camera {camera}")
    if not state.may_look_on:
        raise HTTPException(503, "too many look on; try again later")
    viewer = state.pictures.viewer()
    widest = next((each for each in PLAIN_WIDTHS if each >= width), PLAIN_WIDTHS[-1])
    viewer.look_at({topic_of(camera, widest if plain else None)})
    return viewer
