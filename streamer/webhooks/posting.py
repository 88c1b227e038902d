"""One request to a webhook, signed as Standard Webhooks has it, and what to make of the answer.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the
signature is over the delivery's id, the time and the body, so that there are programs in every
language that check it. Redirects are not followed, and TLS is verified.
"""

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version

from streamer.webhooks.store import Delivery
from streamer.webhooks.targets import Target

MAX_RETRY_AFTER_S = 3600.0
_READ_BYTES = 64 * 1024
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Verdict:
    """What came of an attempt. again: it may go better later; after_s: not before, if it says."""

    taken: bool
    fault: str = ""
    again: bool = True
    after_s: float = 0.0


def signature(secret: bytes, delivery: str, timestamp: int, body: bytes) -> str:
    """Return the header that proves who sent it, and when."""
    signed = f"{delivery}.{timestamp}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def post(target: Target, delivery: Delivery) -> Verdict:
    """Ask a webhook to take a delivery; whatever goes wrong is in the answer."""
    timeout_s = target.config.timeout_s
    try:
        connection = _connection(target)
    except OSError as error:  # no certificates
        return Verdict(False, f"cannot connect: {error}")
    watch = _Watch(connection, timeout_s)
    try:
        with watch:
            path = target.url.path or "/"
            query = f"?{target.url.query}" if target.url.query else ""
            connection.request("POST", path + query, delivery.body, _headers(target, delivery))
            answer = connection.getresponse()
            answer.read(_READ_BYTES)
    except (OSError, http.client.HTTPException) as error:
        if watch.expired or isinstance(error, TimeoutError):
            return Verdict(False, f"no answer within {timeout_s:g} s")
        return Verdict(False, _words(error))
    finally:
        connection.close()
    return judged(answer.status, answer.getheader("Retry-After", ""))


def judged(status: int, retry_after: str = "") -> Verdict:
    """Say what an answer means."""
    if 200 <= status < 300:
        return Verdict(True)
    if 300 <= status < 400:
        return Verdict(False, f"answered {status}; redirects are not followed", again=False)
    again = status in _AGAIN or status >= 500
    after_s = _seconds(retry_after) if again else 0.0
    return Verdict(False, f"answered {status}", again=again, after_s=after_s)


def _headers(target: Target, delivery: Delivery) -> dict[str, str]:
    timestamp = int(time.time())
    headers = {
        "Content-Type": target.config.content_type,
        "User-Agent": f"facestream/{version('facestream')}",
        **target.config.headers,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
        "Connection": "close",
    }
    if target.secret is not None:
        headers["webhook-signature"] = signature(
            target.secret, delivery.id, timestamp, delivery.body
        )
    return headers


def _connection(target: Target) -> http.client.HTTPConnection:
    host, port = target.url.hostname or "", target.url.port
    if target.url.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=target.config.timeout_s)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=target.config.timeout_s, context=context)


class _Watch:
    """Ends a connection that goes on too long: each byte may come in time, and all never."""

    def __init__(self, connection: http.client.HTTPConnection, timeout_s: float) -> None:
        self.expired = False
        self._connection = connection
        self._timer = threading.Timer(timeout_s, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.expired = True
        line = self._connection.sock
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


def _words(error: Exception) -> str:
    """Say what went wrong, without the URL, which may hold a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__


def _seconds(text: str) -> float:
    """Return what Retry-After asks for: seconds, or a time; bounded."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(max(0.0, seconds), MAX_RETRY_AFTER_S) if seconds == seconds else 0.0
