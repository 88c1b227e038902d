"""What monitors ask for, where they expect it: metrics, and whether all is well."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from streamer.web.routes.common import TheState

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
def metrics(state: TheState, request: Request) -> Response:
    """Return all metrics, in the format of Prometheus or OpenMetrics that is asked for."""
    body, kind = state.doors.metrics(request.headers.get("accept", ""))
    return Response(body, media_type=kind)


@router.get("/healthz")
def healthz(state: TheState) -> PlainTextResponse:
    """Return 200: this process answers."""
    status, text = state.doors.health()
    return PlainTextResponse(text, status)


@router.get("/readyz")
def readyz(state: TheState) -> PlainTextResponse:
    """Return 200 while the pipeline is well, or else 503 and why it is not."""
    status, text = state.doors.ready()
    return PlainTextResponse(text, status)
