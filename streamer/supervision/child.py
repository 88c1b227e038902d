"""One process under the supervisor: its command, heartbeat, output and failures."""

import os
import selectors
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from streamer.runtime.json_lines import message_of
from streamer.runtime.redact import redact

LAST_WORDS_S = 1.0
"""What a process that has ended still has on its way is waited for this long, in seconds."""

_KEPT_LINES = 30
_MAX_LINE_BYTES = 4096
_LAST_READS = 8

State = Literal["waiting", "starting", "running", "backing off", "ended", "given up"]


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """A process that the supervisor runs.

    Parameters
    ----------
    name: of its own, e.g. "capture-door".
    role: what it is, e.g. "capture".
    stop_order: at a stop, lower ones are stopped first.
    arguments: of its command.
    shared_frames: (camera, descriptor) that it inherits.
    may_end: it may end by itself with exit code 0, and what it cannot do is its own affair: it
        starts once all the others are ready, and a run ends when all such processes have.
    optional: nothing waits for it, and what it cannot do is its own affair, too.
    """

    name: str
    role: str
    stop_order: int
    arguments: tuple[str, ...]
    shared_frames: tuple[tuple[str, int], ...] = ()
    may_end: bool = False
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """What the supervisor knows of a process. `failures` in a row; `restarts` in all.

    `retry_in_s`: pause before it is started again; it counts from when it failed.
    """

    name: str
    role: str
    state: State
    failures: int
    retry_in_s: float
    detail: str
    restarts: int = 0


class Child:
    """A process of the supervisor. `on_line(name, text)` gets what it writes, redacted."""

    def __init__(
        self,
        spec: ProcessSpec,
        selector: selectors.BaseSelector,
        on_line: Callable[[str, str], None],
    ) -> None:
        self.spec = spec
        self.state: State = "waiting"
        self.detail = ""
        self.failures = 0
        self.starts = 0
        self.retry_in_s = 0.0
        self.started = self.last_beat = self.retry_at = 0.0
        self.exited: float | None = None
        self._selector = selector
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._heartbeat: socket.socket | None = None
        self._output: int | None = None
        self._partial = b""
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def alive(self) -> bool:
        """True while its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def over(self) -> bool:
        """True once it will not be started any more."""
        return self.state in ("ended", "given up")

    @property
    def last_line(self) -> str:
        """The last thing that it wrote, to be quoted."""
        return message_of(self._last_lines[-1]) if self._last_lines else "it said nothing"

    def start(self, command: Sequence[str], now: float) -> None:
        """Start its process. Raises OSError where the system has no room for it."""
        ours, theirs = socket.socketpair()
        frames = self.spec.shared_frames
        arguments = [*command, *self.spec.arguments, "--heartbeat", str(theirs.fileno())]
        for camera, descriptor in frames:
            arguments += ["--frames", f"{camera}={descriptor}"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                arguments,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno(), *(descriptor for _, descriptor in frames)],
                process_group=0,  # Ctrl-C reaches the supervisor alone, which stops them in order
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._heartbeat, self._partial, self.exited = ours, b"", None
        self.state, self.detail, self.started, self.last_beat = "starting", "", now, now
        self.starts += 1
        self._selector.register(ours, selectors.EVENT_READ, self.read_heartbeat)
        if self._process.stderr is not None:
            self._output = os.dup(self._process.stderr.fileno())
            self._process.stderr.close()
            os.set_blocking(self._output, False)
            self._selector.register(self._output, selectors.EVENT_READ, self.read_output)

    def read_heartbeat(self, now: float) -> None:
        """Take its lines: `ready` once, then `beat`."""
        if self._heartbeat is None:
            return
        try:
            data = self._heartbeat.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_heartbeat()
            return
        self.last_beat = now
        if b"ready" in data and self.state == "starting":
            self.state = "running"

    def read_output(self, _: float) -> None:
        """Take what it wrote to stderr, and pass whole lines on."""
        if self._output is None:
            return
        try:
            data = os.read(self._output, 65536)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
            return
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[-_MAX_LINE_BYTES:]
        for line in lines:
            self._pass_on(line)

    def exit_code(self, now: float) -> int | None:
        """Its exit code once it has ended and said its last words; negative for a signal."""
        if self._process is None or self._process.poll() is None:
            return None
        if self.exited is None:
            self.exited = now
        # What it left behind may still write: a helper that held its text back, for one.
        if self._output is not None and now - self.exited < LAST_WORDS_S:
            return None
        self._release()
        code, self._process = self._process.returncode, None
        return code

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()

    def discard(self) -> None:
        """Kill it if it still runs, and close its pipes and sockets."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for _ in range(_LAST_READS):
            self.read_output(0.0)
        self._release()

    def _release(self) -> None:
        self._close_heartbeat()
        self._close_output()

    def _pass_on(self, raw: bytes) -> None:
        line = redact(raw.decode(errors="replace").rstrip())
        if line:
            self._last_lines.append(line)
            self._on_line(self.spec.name, line)

    def _close_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._selector.unregister(self._heartbeat)
            self._heartbeat.close()
            self._heartbeat = None

    def _close_output(self) -> None:
        if self._output is not None:
            self._pass_on(self._partial)
            self._partial = b""
            self._selector.unregister(self._output)
            os.close(self._output)
            self._output = None
