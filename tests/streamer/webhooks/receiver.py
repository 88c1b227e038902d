"""A real HTTP server to which webhooks are sent: it takes, refuses, hangs and is away, as told."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GENEROUS_S = 60.0


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Receiver:
    """`status`: what it answers; 0: nothing, for as long as it is so. `requests`: what came."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: bool = False
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    def start(self) -> "Receiver":
        """Listen, at the same port as before."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.status
                receiver.requests.append(Request(self.path, headers, body, status))
                if receiver.drip:
                    self._drip()
                    return
                while receiver.status == 0 and not receiver._ended.is_set():
                    time.sleep(0.02)
                if status == 0:
                    return
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _drip(self) -> None:
                while receiver.drip and not receiver._ended.is_set():
                    try:
                        self.wfile.write(b"H")
                        self.wfile.flush()
                    except OSError:
                        return
                    time.sleep(0.02)

            def log_message(self, *_: object) -> None:
                return

        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = False
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Be away: connections are refused."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> "Receiver":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if not self._ended.is_set():
            self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook?a=b"

    def taken(self) -> list[Request]:
        return [each for each in list(self.requests) if each.status == 200]


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + GENEROUS_S
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
