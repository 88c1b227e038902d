"""What the routes share: names in paths, and the state."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from streamer.web.state import State

FAULTS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                }
            }
        },
    }
    for status, text in {
        400: "The request cannot be read",
        401: "A token is needed, or it is not right",
        403: "It comes from a page of another origin",
        404: "There is no such thing",
        409: "It was refused",
        413: "Too much was sent",
        422: "Something in the request is not as it must be",
        429: "Too many wrong tokens",
        503: "What answers this is not there now",
    }.items()
}
"""Answers that any question may have."""


def state_of(request: Request) -> State:
    """Return what answers are made from."""
    state: State = request.app.state.web
    return state


class Body(BaseModel):
    """A body in JSON; a key that it does not have is a fault."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """No keys."""


TheState = Annotated[State, Depends(state_of)]
MAX_NAME = 128


def _name(name: Annotated[str, Path(min_length=1, max_length=3 * MAX_NAME)]) -> str:
    """Return a person's name; a slash in it is encoded twice on its way here."""
    decoded = unquote(name)
    if len(decoded) > MAX_NAME:
        raise HTTPException(404, f"nobody has a name of more than {MAX_NAME} characters")
    return decoded


PersonName = Annotated[str, Depends(_name)]
