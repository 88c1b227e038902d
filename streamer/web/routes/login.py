"""The login of the page: a token for a cookie."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from streamer.web.access import COOKIE
from streamer.web.routes.common import Body, Nothing, TheState
from streamer.web.tokens import SESSION_S, new_session

router = APIRouter(tags=["login"])


class Token(Body):
    """The token, as `facestream web token` showed it."""

    token: Annotated[str, Field(min_length=1, max_length=256)]


@router.post("/login", status_code=204)
async def login(request: Request, response: Response, state: TheState, body: Token) -> None:
    """Let a browser in that has the token; a cookie says so from then on."""
    address = request.client.host if request.client else ""
    verdict, known = state.access.try_token(body.token, address)
    if verdict == "too many":
        raise HTTPException(429, "too many wrong tokens; try again in a minute")
    if verdict != "in":
        raise HTTPException(401, "the token is not right")
    response.set_cookie(
        COOKIE,
        new_session(known),
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@router.post("/logout", status_code=204)
async def logout(response: Response, _: Nothing) -> None:
    """Have the browser forget the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
