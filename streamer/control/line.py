"""The connection to the control service: one request, one answer, asked again where it is lost."""

import secrets
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import zmq

from streamer.bus.sockets import Bus, Security
from streamer.errors import ControlError, ProtocolError
from streamer.wire.codec import decode, encode
from streamer.wire.control import ANSWERS, Answer, Refusal, Request

ANSWER_S = 30.0
_AGAIN_S = 5.0


def new_request_id() -> str:
    """Return an id that no other request has."""
    return secrets.token_hex(12)


class Line:
    """A REQ socket; a request without an answer is sent again: its id has it done only once."""

    def __init__(self, address: str, security: Security, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._bus = Bus(security)
        self._socket = self._bus.connect(zmq.REQ, address, immediate=True)
        # An answer that comes too late is to an earlier request, and is dropped.
        self._socket.req_relaxed = self._socket.req_correlate = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._bus.close()

    def reachable(self, timeout_s: float) -> bool:
        """Tell whether somebody listens at the address, within so long."""
        return bool(self._socket.poll(round(timeout_s * 1000), zmq.POLLOUT))

    def ask(self, request: Request, parts: Sequence[bytes] = ()) -> Answer:
        """Return the answer to a request. Raises ControlError where it is refused, or none comes.

        request: one that may wait (`wait_ms`) has so much longer.
        """
        return self.ask_with_parts(request, parts)[0]

    def ask_with_parts(
        self, request: Request, parts: Sequence[bytes] = ()
    ) -> tuple[Answer, list[bytes]]:
        """Return the answer to a request as `ask` does, and the parts that came with it."""
        message = encode(request, *parts)
        until = time.monotonic() + self._timeout_s + getattr(request, "wait_ms", 0) / 1000
        while (left_s := until - time.monotonic()) > 0:
            if not self._socket.poll(round(left_s * 1000), zmq.POLLOUT):
                break
            self._socket.send_multipart(message)
            wait_s = min(left_s, _AGAIN_S + getattr(request, "wait_ms", 0) / 1000)
            if self._socket.poll(round(wait_s * 1000), zmq.POLLIN):
                return self._answer(request)
        raise ControlError(
            f"{self._address}: no answer for {self._timeout_s:g} s; is the pipeline running? "
            f"start it with: facestream run",
            code="silent",
        )

    def _answer(self, request: Request) -> tuple[Answer, list[bytes]]:
        try:
            answer, buffers = decode(self._socket.recv_multipart(), ANSWERS)
        except ProtocolError as error:
            raise ControlError(f"{self._address}: the answer is none: {error}") from error
        if isinstance(answer, Refusal):
            raise ControlError(answer.text, code=answer.code)
        if answer.id != request.id:
            raise ControlError(f"{self._address}: the answer is to another request")
        found: Answer = answer
        return found, [bytes(buffer) for buffer in buffers]
