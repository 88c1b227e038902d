"""Who is let in: whoever has the token, once there is one, and everybody on this host without it.

It fails closed: where a token is needed and its file is gone or damaged, nobody is let in.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Literal

from starlette.datastructures import Headers

from streamer.errors import ConfigError
from streamer.web.tokens import is_session, is_token, read_hash

COOKIE = "facestream"
WRONG_AT_MOST = 10
FORGIVEN_S = 60.0
_MAX_ADDRESSES = 1024
_OPEN = frozenset({"/", "/login", "/healthz", "/readyz", "/favicon.ico"})

Verdict = Literal["in", "out", "wrong", "too many"]


class Access:
    """Tells who is let in. needed: without a token's file, nobody is."""

    def __init__(
        self, path: Path, needed: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._needed = needed
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @staticmethod
    def is_open(path: str) -> bool:
        """Tell whether anybody may ask for this: what asks for the token, and knows nothing."""
        return path in _OPEN or path.startswith("/static/")

    def judge(self, headers: Headers, address: str) -> Verdict:
        """Say whether a request from an address is let in."""
        try:
            known = read_hash(self._path)
        except ConfigError:
            return "out"
        if known is None:
            return "out" if self._needed else "in"
        if is_session(_cookie(headers), known):
            return "in"
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            return "out"
        return self._try(given.strip(), known, address)

    def try_token(self, given: str, address: str) -> tuple[Verdict, str]:
        """Judge a token that somebody types in; also return the hash of the right one."""
        try:
            known = read_hash(self._path)
        except ConfigError:
            return "out", ""
        if known is None:
            return "out", ""
        return self._try(given, known, address), known

    def _try(self, given: str, known: str, address: str) -> Verdict:
        count, since = self._wrong.get(address, (0, 0.0))
        now = self._clock()
        if now - since > FORGIVEN_S:
            count, since = 0, now
        if count >= WRONG_AT_MOST:
            return "too many"
        if is_token(given, known):
            self._wrong.pop(address, None)
            return "in"
        self._wrong[address] = (count + 1, since)
        self._wrong.move_to_end(address)
        if len(self._wrong) > _MAX_ADDRESSES:
            self._wrong.popitem(last=False)
        return "wrong"


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
