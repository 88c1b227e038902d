"""The supervisor: starts every process, watches it, restarts it, and stops them all."""

import logging
import selectors
import signal
import time
from collections.abc import Callable, Sequence

from streamer.config.sections import SuperviseConfig
from streamer.errors import FacestreamError
from streamer.supervision.child import Child, ProcessSpec, ProcessStatus

log = logging.getLogger(__name__)

STOP_SECONDS = 4.5
"""A whole stop; with what the system takes to end killed processes it stays under five."""

_LAST_STAGE_S = 1.5
_STAGE_S = 0.5
_TURN_S = 0.05
_FIRST_BACK_OFF_S = 0.25
ENDED = 0
BAD_INPUT = 2


class Supervisor:
    """`run()` until a signal, until every camera is over, or until another process cannot run.

    A process that fails is started again after a pause that doubles with each failure in a row;
    the others are not concerned. One that says that it cannot run as configured (exit code 2)
    is given up: a camera, or what is optional, alone, any other with the whole run.

    Parameters
    ----------
    specs: the processes, in the order in which they are started.
    rules: time-outs and pauses.
    command: what their arguments are put after.
    on_line: called with (name, text) for each line that a process writes to stderr, and for
        what the supervisor has to say about it.
    also: called in every turn with the longest time that it may take, in seconds; it is where
        the display reads events.
    clock: seconds that only go forward.
    """

    def __init__(
        self,
        *,
        specs: Sequence[ProcessSpec],
        rules: SuperviseConfig,
        command: Sequence[str],
        on_line: Callable[[str, str], None],
        also: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._command = tuple(command)
        self._on_line = on_line
        self._also = also
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._children = [Child(spec, self._selector, on_line) for spec in specs]
        self._core = [c for c in self._children if not (c.spec.may_end or c.spec.optional)]
        self._cameras = [child for child in self._children if child.spec.may_end]
        self._cameras_may_start = False
        self._stopping = False
        self._failure: FacestreamError | None = None

    def request_stop(self, *_: object) -> None:
        """Stop at the next turn; a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Start, watch, stop. Raises FacestreamError if what was given up leaves nothing to run."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.request_stop)
        try:
            while not self._stopping:
                self._start_what_is_due()
                self._turn(_TURN_S)
                if all(child.over for child in self._cameras):
                    break
        finally:
            self._stop_all()
        given_up = [child for child in self._cameras if child.state == "given up"]
        if self._failure is None and given_up and len(given_up) == len(self._cameras):
            names = ", ".join(child.spec.name for child in given_up)
            self._failure = FacestreamError(f"no camera can run as it is configured: {names}")
        if self._failure is not None:
            raise self._failure

    def status(self) -> list[ProcessStatus]:
        """Every process as it is now."""
        return [
            ProcessStatus(
                name=child.spec.name,
                role=child.spec.role,
                state=child.state,
                failures=child.failures,
                retry_in_s=child.retry_in_s if child.state == "backing off" else 0.0,
                detail=child.detail,
                restarts=max(0, child.starts - 1),
            )
            for child in self._children
        ]

    def _start_what_is_due(self) -> None:
        # A process that fails holds no camera up: what waits for it is dropped and counted.
        if all(child.state in ("running", "backing off") for child in self._core):
            self._cameras_may_start = True
        now = self._clock()
        for child in self._children:
            may_start = self._cameras_may_start or not child.spec.may_end
            due = child.state == "backing off" and now >= child.retry_at
            if (child.state == "waiting" and may_start) or due:
                try:
                    child.start(self._command, now)
                except OSError as error:
                    self._back_off(child, f"could not be started: {error}", now)

    def _turn(self, timeout_s: float) -> None:
        now = self._clock()
        for key, _ in self._selector.select(0):
            key.data(now)
        for child in self._children:
            self._watch(child)
        self._also(timeout_s)

    def _watch(self, child: Child) -> None:
        now = self._clock()
        if child.state not in ("starting", "running"):
            return
        code = child.exit_code(now)
        if code is None:
            if child.alive and not self._stopping:
                self._check_heartbeat(child, now)
            return
        if (code == ENDED and child.spec.may_end) or self._stopping:
            child.state = "ended"
        elif code == BAD_INPUT:
            self._give_up(child)
        else:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            if child.state == "running" and now - child.started >= self._rules.back_off_reset_s:
                child.failures = 0
            self._back_off(child, f"ended with {how}", now)

    def _check_heartbeat(self, child: Child, now: float) -> None:
        rules = self._rules
        limit = rules.heartbeat_timeout_s if child.state == "running" else rules.start_timeout_s
        if now - child.last_beat > limit:
            child.last_beat = now
            self._on_line(child.spec.name, f"no sign of life for {limit:g} s; it is killed")
            child.kill()

    def _back_off(self, child: Child, why: str, now: float) -> None:
        delay_s = back_off_s(child.failures, self._rules.back_off_max_s)
        child.failures += 1
        child.state, child.detail, child.retry_at = "backing off", why, now + delay_s
        child.retry_in_s = delay_s
        times = f", failure {child.failures} in a row" if child.failures > 1 else ""
        self._on_line(child.spec.name, f"{why}{times}; it is started again in {delay_s:g} s")

    def _give_up(self, child: Child) -> None:
        child.state, child.detail = "given up", child.last_line
        if child.spec.may_end or child.spec.optional:
            self._on_line(child.spec.name, "cannot run as it is configured and is given up")
            return
        self._failure = FacestreamError(
            f"{child.spec.name} cannot run as it is configured: {child.last_line}"
        )
        self._stopping = True

    def _stop_all(self) -> None:
        self._stopping = True
        try:
            self._stop_in_order()
        finally:
            for child in self._children:
                child.discard()
                child.state = child.state if child.over else "ended"
            self._selector.close()
        self._also(0.2)

    def _stop_in_order(self) -> None:
        """Stop stage after stage, identify last, so that what is on its way is still counted."""
        orders = sorted({child.spec.stop_order for child in self._children})
        ends = stage_ends(self._clock(), len(orders))
        for order, end in zip(orders, ends, strict=True):
            stage = [child for child in self._children if child.spec.stop_order == order]
            for child in stage:
                child.terminate()
            while any(child.alive for child in stage) and self._clock() < end:
                self._turn(0.02)
            for child in stage:
                if child.alive:
                    # At once, and not at the end: what comes after it needs its own time.
                    log.warning("%s did not stop in time and is killed", child.spec.name)
                    child.kill()


def back_off_s(failures: int, longest_s: float) -> float:
    """Seconds to wait after a failure that follows so many others in a row."""
    return min(longest_s, _FIRST_BACK_OFF_S * float(2 ** min(failures, 30)))


def stage_ends(now: float, count: int) -> list[float]:
    """When each stage of a stop must be over, at the latest: each leaves the later ones time.

    The last one, identify, has the longest time for itself: it publishes who has left.
    """
    later = [_STAGE_S] * (count - 2) + [_LAST_STAGE_S] if count > 1 else []
    return [now + STOP_SECONDS - sum(later[index:]) for index in range(count)]
