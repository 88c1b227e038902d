"""Who may ask what: hosts, origins, tokens, sizes, and the headers that every answer has.

A page of somebody else's, open in the same browser, can send requests here. It is kept out by the
name that it asked for (DNS rebinding), by its origin, and by what a foreign form cannot send.
"""

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.web.access import Access, Verdict

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_HEADER = ("x-requested-with", "facestream")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
MAX_BODY = 64 * 1024
MAX_UPLOADS = 4
"""At once: what is sent is in memory before it goes to the control service."""
_REFUSALS: dict[Verdict, tuple[int, str]] = {
    "out": (401, "a token is needed: facestream web token"),
    "wrong": (401, "the token is not right"),
    "too many": (429, "too many wrong tokens; try again in a minute"),
}
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Guard:
    """ASGI middleware around everything.

    Parameters
    ----------
    access: who is let in.
    hosts: names by which we are asked, besides localhost and addresses.
    uploads: ends of paths with the bytes that may be sent there; elsewhere it is MAX_BODY.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        hosts: Collection[str] = (),
        uploads: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._access = access
        self._hosts = {"localhost", *hosts}
        self._uploads = uploads
        self._uploading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not be asked, and pass on what may."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        status, fault = self._fault(scope)
        if not fault:
            scope["path"] = _path(scope)
            limit = self._limit(scope)
            large = limit > MAX_BODY
            self._uploading += large
            try:
                await self._app(scope, _limited(receive, limit), send_guarded)
            finally:
                self._uploading -= large
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": fault})
        else:
            more = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}}
            answer = JSONResponse({"error": fault}, status, headers=more.get(status))
            await answer(scope, receive, send_guarded)

    def _fault(self, scope: Scope) -> tuple[int, str]:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, (
                "this host's name is not known here; add it to web.hosts in config.toml, or use "
                "the address"
            )
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and not _is_from_here(headers, hosts[0]):
            return 403, "a page of another origin must not ask for this"
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        if site == "cross-site" and mode != "navigate":
            return 403, "a page of another site must not ask for this"
        if scope["type"] == "http" and changes and not _is_deliberate(headers):
            return 403, (
                "a change must be sent as JSON, or with the header X-Requested-With: facestream"
            )
        if not self._access.is_open(scope["path"]):
            address = scope["client"][0] if scope.get("client") else ""
            verdict = self._access.judge(headers, address)
            if verdict != "in":
                return _REFUSALS[verdict]
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._limit(scope):
            return 413, f"at most {self._limit(scope)} bytes may be sent here"
        if self._limit(scope) > MAX_BODY and self._uploading >= MAX_UPLOADS:
            return 503, "pictures are being sent already; try again in a moment"
        return 200, ""

    def _limit(self, scope: Scope) -> int:
        ends = (size for end, size in self._uploads.items() if scope["path"].endswith(end))
        return next(ends, MAX_BODY)

    def _is_ours(self, host: str) -> bool:
        """Return whether a Host header names an address, localhost, or one of our names."""
        if not _HOST.fullmatch(host):
            return False
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _limited(receive: Receive, limit: int) -> Receive:
    """Return what receives a body of at most so many bytes, whatever its length was said to be."""
    left = limit

    async def receive_limited() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"at most {limit} bytes may be sent here")
        return message

    return receive_limited


def _path(scope: Scope) -> str:
    """Return the path with the slashes within a step still encoded: names may have some.

    What takes a name from it decodes it once more.
    """
    raw = scope.get("raw_path") or scope["path"].encode()
    text = raw.decode("latin-1").replace("%25", "%2525")
    return unquote(text.replace("%2F", "%252F").replace("%2f", "%252F"))


def _is_from_here(headers: Headers, host: str) -> bool:
    """Return whether a request has no origin, as programs' have none, or this very one."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    try:
        parts, ours = urlsplit(origin), urlsplit(f"{urlsplit(origin).scheme}://{host}")
        usual = _PORTS.get(parts.scheme)
        return (
            usual is not None
            and parts.hostname == ours.hostname
            and (parts.port or usual) == (ours.port or usual)
        )
    except ValueError:
        return False


def _is_deliberate(headers: Headers) -> bool:
    """Return whether a change is of a kind that a foreign form cannot send unasked."""
    name, value = OWN_HEADER
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return headers.get(name, "").lower() == value or kind == "application/json"
