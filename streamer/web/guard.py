"""Who may ask what: hosts, origins, and the headers that every answer has.

A page of somebody else's, open in the same browser, can send requests here. It is kept out by the
name that it asked for (DNS rebinding), by its origin, and by what a foreign form cannot send.
"""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Guard:
    """ASGI middleware around everything. hosts: names, besides localhost and addresses."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = {"localhost", *hosts}

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
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": fault})
        else:
            await JSONResponse({"error": fault}, status)(scope, receive, send_guarded)

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
        return 200, ""

    def _is_ours(self, host: str) -> bool:
        """Return whether a Host header names an address, localhost, or one of our names."""
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
