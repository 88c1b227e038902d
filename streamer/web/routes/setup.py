"""The first steps: which cameras there could be, and one more in the config."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from streamer.web.cameras import Camera
from streamer.web.config_file import add_camera
from streamer.web.routes.common import Body, TheState
from streamer.web.webcams import Webcam, webcams

router = APIRouter(prefix="/api/setup", tags=["setup"])


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Webcams of this host, the cameras of the config, and how many are enrolled."""

    webcams: list[Webcam]
    cameras: list[Camera]
    people: int | None
    onvif: list[str] | None


class NewCamera(Body):
    """A camera: its name, and a webcam's number, a URL or "demo"."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    source: (
        Annotated[str, Field(min_length=1, max_length=2048)] | Annotated[int, Field(ge=0, le=99)]
    )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a change of the config: a running pipeline keeps its cameras."""

    restart_needed: bool


@router.get("")
async def setup(state: TheState) -> Setup:
    """Return what there is to begin with."""
    return Setup(
        webcams=webcams(),
        cameras=state.cameras.all(state.config),
        people=state.people,
        onvif=None,
    )


@router.post("/camera")
async def camera(state: TheState, body: NewCamera) -> Written:
    """Write a camera into the config file, whose comments stay."""
    await state.asking.run(lambda: add_camera(state.config.path, body.name, body.source))
    return Written(restart_needed=True)
