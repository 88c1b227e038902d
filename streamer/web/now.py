"""What is so now: the cameras, and who is before them."""

from fastapi import APIRouter, Request

from streamer.web.cameras import Camera
from streamer.web.here import Here
from streamer.web.state import State

router = APIRouter(prefix="/api", tags=["now"])


def state_of(request: Request) -> State:
    """Return what answers are made from."""
    state: State = request.app.state.web
    return state


@router.get("/cameras")
async def cameras(request: Request) -> list[Camera]:
    """Every camera of the config, and what it is doing."""
    state = state_of(request)
    return state.cameras.all(state.config)


@router.get("/here")
async def here(request: Request) -> list[Here]:
    """Everybody who is before a camera now, who came first first."""
    return state_of(request).here.all()
