"""What is so now: the cameras, and who is before them."""

from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request

from streamer.web.cameras import Camera
from streamer.web.here import Here
from streamer.web.routes.common import TheState

router = APIRouter(prefix="/api", tags=["now"])


@dataclass(frozen=True)
class About:
    """What answers here, and where its description is."""

    name: str
    version: str
    openapi: str


@router.get("")
async def about(request: Request) -> About:
    """Say what answers here."""
    app: FastAPI = request.app
    return About(app.title, app.version, app.openapi_url or "")


@router.get("/cameras")
async def cameras(state: TheState) -> list[Camera]:
    """List every camera of the config, and what it is doing."""
    return state.cameras.all(state.config)


@router.get("/here")
async def here(state: TheState) -> list[Here]:
    """List everybody who is before a camera now, who came first first."""
    return state.here.all()
