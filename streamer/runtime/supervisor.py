"""The supervisor: starts every process, watches it, restarts it, and stops them all."""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from streamer.config.sections import Config, SuperviseConfig
from streamer.errors import FacestreamError
from streamer.wire.shared_frames import make_shared_frames

log = logging.getLogger(__name__)

STOP_SECONDS = 4.5
_STAGE_SECONDS = 1.5
_MAX_BACK_OFF_S = 10.0
_KEPT_LINES = 30
ENDED = 0
BAD_INPUT = 2


@dataclass(frozen=True)
class ProcessSpec:
    """A process: its name, its order at stop (lower first), and its command's arguments.

    `shared_frames` are descriptors that it inherits, by camera. `may_end`: exit code 0 is no fault.
    """

    name: str
    order: int
    arguments: tuple[str, ...]
    shared_frames: tuple[tuple[str, int], ...] = ()
    may_end: bool = False


@dataclass
class Child:
    """A process as it runs. `line` is our end of its heartbeat, `output` its stderr."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None
    output: IO[bytes] | None = None
    ready: bool = False
    ended: bool = False
    started: float = 0.0
    last_beat: float = 0.0
    restart_at: float = 0.0
    restarts: deque[float] = field(default_factory=deque)
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    partial: bytes = b""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """`run()` until a signal, until every camera has ended, or until a process is given up.

    `on_line(name, text)` gets what the processes write to stderr. `also` is called in every turn
    with the longest time that it may take, in seconds, and is where the display reads events.
    """

    def __init__(
        self,
        config: Config,
        specs: Callable[[Config, dict[str, int]], list[ProcessSpec]],
        on_line: Callable[[str, str], None],
        also: Callable[[float], None],
    ) -> None:
        self._config = config
        self._rules: SuperviseConfig = config.supervise
        self._on_line = on_line
        self._also = also
        self._selector = selectors.DefaultSelector()
        self._shared_frames = {name: make_shared_frames() for name in config.cameras}
        self.children = [Child(spec) for spec in specs(config, self._shared_frames)]
        self._stopping = False
        self._failure: FacestreamError | None = None

    def request_stop(self, *_: object) -> None:
        """Stop at the next turn; a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Start, watch, stop. Raises FacestreamError if a process had to be given up."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.request_stop)
        try:
            self._clear_stale_sockets()
            for child in self.children:
                if child.spec.order != 0:
                    self._start(child)
            while not self._stopping and not self._all_cameras_ended():
                self._turn(0.05)
                self._start_cameras_when_ready()
        finally:
            self._stop_all()
            for shared_frames in self._shared_frames.values():
                os.close(shared_frames)
        if self._failure is not None:
            raise self._failure

    def restarts(self) -> int:
        """How many times a process was restarted lately."""
        return sum(len(child.restarts) for child in self.children)

    def waiting_for(self) -> list[str]:
        """Names of the processes that are not ready yet."""
        return [child.spec.name for child in self.children if not (child.ready or child.ended)]

    def _all_cameras_ended(self) -> bool:
        return all(child.ended for child in self.children if child.spec.order == 0)

    def _start_cameras_when_ready(self) -> None:
        if any(not child.ready for child in self.children if child.spec.order != 0):
            return
        for child in self.children:
            idle = child.spec.order == 0 and child.process is None and not child.ended
            if idle and time.monotonic() >= child.restart_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        command = [sys.executable, "-m", "streamer.cli", "--config", str(self._config.path)]
        command += [*child.spec.arguments, "--heartbeat", str(theirs.fileno())]
        for camera, shared_frames in child.spec.shared_frames:
            command += ["--frames", f"{camera}={shared_frames}"]
        child.process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[
                theirs.fileno(),
                *(shared_frames for _, shared_frames in child.spec.shared_frames),
            ],
            process_group=0,  # Ctrl-C reaches the supervisor alone, which stops them in order
        )
        theirs.close()
        child.output = child.process.stderr
        child.line, child.ready, child.partial = ours, False, b""
        child.started = child.last_beat = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, (child, "line"))
        if child.output is not None:
            os.set_blocking(child.output.fileno(), False)
            self._selector.register(child.output, selectors.EVENT_READ, (child, "output"))

    def _turn(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(0):
            child, what = key.data
            if what == "line":
                self._read_line(child)
            else:
                self._read_output(child)
        for child in self.children:
            self._watch(child)
        self._also(timeout_s)

    def _read_line(self, child: Child) -> None:
        if child.line is None:
            return
        try:
            data = child.line.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_line(child)
            return
        child.last_beat = time.monotonic()
        if b"ready" in data:
            child.ready = True

    def _read_output(self, child: Child) -> None:
        if child.output is None:
            return
        try:
            data = os.read(child.output.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self._close_output(child)
            return
        *lines, child.partial = (child.partial + data[:65536]).split(b"\n")
        child.partial = child.partial[-4096:]
        for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            if line:
                child.last_lines.append(line)
                self._on_line(child.spec.name, line)

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        if child.ended:
            return
        if child.process is None:
            due = child.restart_at and now >= child.restart_at and not self._stopping
            if due and child.spec.order != 0:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            limit = self._rules.heartbeat_timeout_s if child.ready else self._rules.start_timeout_s
            if now - child.last_beat > limit:
                self._on_line(child.spec.name, f"no sign of life for {limit:g} s; it is ended")
                child.process.kill()
            return
        self._collect(child)
        if (code == ENDED and child.spec.may_end) or self._stopping:
            child.ended = True
        elif code == BAD_INPUT:
            self._give_up(child, "it cannot run as it is configured")
        else:
            self._plan_restart(child, code, now)

    def _collect(self, child: Child) -> None:
        """Read what a process that has ended left behind, and let it go."""
        if child.process is not None:
            child.process.wait()
        self._read_output(child)
        self._close_output(child)
        self._close_line(child)
        child.process, child.ready = None, False

    def _close_line(self, child: Child) -> None:
        if child.line is not None:
            self._selector.unregister(child.line)
            child.line.close()
            child.line = None

    def _close_output(self, child: Child) -> None:
        if child.output is not None:
            self._selector.unregister(child.output)
            child.output.close()
            child.output = None

    def _plan_restart(self, child: Child, code: int, now: float) -> None:
        rules = self._rules
        child.restarts.append(now)
        while child.restarts and now - child.restarts[0] > rules.restart_window_s:
            child.restarts.popleft()
        if len(child.restarts) > rules.max_restarts:
            self._give_up(child, f"it ended {len(child.restarts)} times in a row")
            return
        delay_s = min(_MAX_BACK_OFF_S, 0.25 * 2 ** (len(child.restarts) - 1))
        child.restart_at = now + delay_s
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._on_line(child.spec.name, f"ended with {how}; restarted in {delay_s:g} s")

    def _give_up(self, child: Child, why: str) -> None:
        child.ended = True
        last = child.last_lines[-1] if child.last_lines else "it said nothing"
        self._failure = FacestreamError(f"{child.spec.name} was given up: {why}: {last}")
        self._stopping = True

    def _stop_all(self) -> None:
        """Cameras first, identify last, so that what is on its way is still counted."""
        self._stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        for order in sorted({child.spec.order for child in self.children}):
            stage = [child for child in self.children if child.spec.order == order]
            for child in stage:
                if child.process is not None and child.running:
                    child.process.terminate()
            until = min(deadline, time.monotonic() + _STAGE_SECONDS)
            while any(child.running for child in stage) and time.monotonic() < until:
                self._turn(0.02)
        while any(child.running for child in self.children) and time.monotonic() < deadline:
            self._turn(0.02)
        for child in self.children:
            if child.process is not None:
                if child.running:
                    log.warning("%s did not stop in time and is killed", child.spec.name)
                    child.process.kill()
                self._collect(child)
        self._also(0.2)
        self._selector.close()
        self._clear_stale_sockets()

    def _clear_stale_sockets(self) -> None:
        """Remove what a run that was killed left; the caller holds the run folder's lock."""
        for name in ("crops", "work", "ingest", "events"):
            address = self._config.address(name)
            if address.startswith("ipc://"):
                Path(address.removeprefix("ipc://")).unlink(missing_ok=True)
