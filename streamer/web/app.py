"""The application: its routes, what becomes of errors, and the page's files."""

from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from streamer.errors import FacestreamError
from streamer.web.guard import Guard
from streamer.web.routes import (
    changes,
    events,
    gallery,
    health,
    jobs,
    live,
    login,
    monitoring,
    now,
    people,
    pictures,
    search,
    setup,
    visits,
)
from streamer.web.routes.common import FAULTS
from streamer.web.state import State
from streamer.wire.control import MAX_PICTURE_BYTES, MAX_PICTURES_BYTES

STATIC = Path(__file__).parent / "static"
_MAX_FAULT = 1000
_PARTS = (
    now, events, people, changes, visits, search, jobs, gallery, health, setup, pictures, live,
    login, monitoring,
)  # fmt: skip
_AROUND = 256 * 1024
"""What a form adds to the pictures in it, in bytes."""
_UPLOADS = {
    "/enrol": MAX_PICTURES_BYTES + _AROUND,
    "/search": MAX_PICTURE_BYTES + _AROUND,
}


def make_app(state: State) -> ASGIApp:
    """Return the application that answers from `state`, behind its guard."""
    app = FastAPI(
        title="facestream",
        version=version("facestream"),
        summary="Who is before the cameras, who is enrolled, and pictures",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.state.web = state
    for part in _PARTS:
        app.include_router(part.router, responses=FAULTS)
    app.add_exception_handler(HTTPException, _say_http)
    app.add_exception_handler(RequestValidationError, _say_invalid)
    app.add_exception_handler(FacestreamError, _say_refused)
    app.add_exception_handler(Exception, _say_failed)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    return Guard(app, state.access, state.config.web.hosts, _UPLOADS)


async def _say_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as it was registered
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _say_invalid(_: Request, error: Exception) -> JSONResponse:
    """Say what the first fault is; what was received may be a picture, and is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it was registered
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"])
    return JSONResponse({"error": f"{where}: {first['msg']}"[:_MAX_FAULT]}, 422)


async def _say_failed(_: Request, error: Exception) -> JSONResponse:
    """Say no more than that; the server writes the traceback into the log."""
    return JSONResponse(
        {"error": f"it failed for a reason that is in the log: {type(error).__name__}"}, 500
    )


async def _say_refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)[:_MAX_FAULT]}, 409)
