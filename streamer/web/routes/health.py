"""How the pipeline is."""

from fastapi import APIRouter

from streamer.web.health import Health
from streamer.web.routes.common import TheState

router = APIRouter(prefix="/api", tags=["now"])


@router.get("/health")
async def health(state: TheState) -> Health:
    """Return processes, cameras with their latencies and drops, and the account."""
    return state.health.health(list(state.config.cameras))
