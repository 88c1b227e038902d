"""The control process: takes requests about people, and has them made one after another.

Its loop only takes and answers; changes are made, and questions answered, in threads beside it.
"""

import logging
import time
from collections.abc import Sequence

import zmq

from streamer.bus.sockets import Bus, is_tcp, receive_all, try_send
from streamer.config.sections import Config
from streamer.errors import ControlError, FacestreamError, ProtocolError
from streamer.runtime.bell import Bell
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode, encode
from streamer.wire.control import (
    MAX_PICTURES_BYTES,
    MAX_RESULT_PART,
    REQUESTS,
    Answer,
    CancelJob,
    Change,
    EnrolFolder,
    EnrolPaths,
    JobRow,
    Jobs,
    JobsWanted,
    JobWanted,
    PauseCamera,
    Paused,
    Refusal,
    Request,
    ResultPart,
    ResultWanted,
    Search,
)
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import MAX_TEXT, ExpiryEvent, PauseEvent
from trainer.control.answering import Answering
from trainer.control.desk import Desk
from trainer.control.expiry import Expiry
from trainer.control.job_files import StoredJob
from trainer.control.jobs import BusyError, JobStore
from trainer.control.lanes import Lanes
from trainer.control.pausing import Pausing
from trainer.control.waiting import Envelope, Waiter, Waiting

log = logging.getLogger(__name__)

REQUESTS_HWM = 64
MAX_ENVELOPE = 8
_AT_ONCE = 32
_POLL_MS = 200
_MAX_LINE = 1024


class ControlService:
    """`run()` owns the sockets, and returns once `stop` is set; what is under way goes on later."""

    def __init__(self, config: Config, desk: Desk) -> None:
        self._config = config
        self._desk = desk
        self._address = config.address("control")
        self._requests = StageCounters("requests")
        self._drops = DropLog(log, "request refused")
        self._bell = Bell()
        self._jobs = JobStore(config.control_path, self._bell.ring)
        self._waiting = Waiting()
        self._answering = Answering(desk, self._bell.ring)

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve until `stop`."""
        self._socket = bus.bind(zmq.ROUTER, self._address, REQUESTS_HWM, roles=("control",))
        self._ingest = bus.connect(zmq.PUSH, self._config.address("ingest"), immediate=True)
        reporter = StatsReporter("control", "control", self._ingest)
        self._lanes = Lanes(self._desk, self._jobs)
        for job in self._jobs.load():
            self._lanes.put(job)
        days = self._config.control.expiry_warning_days
        expiry = Expiry(self._config.gallery_path, days, self._publish, self._take_on_quietly)
        self._pausing = Pausing(self._config.paused_path, self._config.cameras, self._publish)
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._bell.fileno(), zmq.POLLIN)
        heartbeat.ready()
        while not stop.is_set():
            poller.poll(_POLL_MS)
            self._bell.hush()
            for parts in receive_all(self._socket, _AT_ONCE):
                self._receive(parts)
            self._answer_waiters()
            expiry.tick()
            self._pausing.tick()
            self._jobs.drop_old()
            heartbeat.beat()
            reporter.fault = expiry.fault[:MAX_TEXT]
            reporter.tick(self._stages)
        self._lanes.stop()
        self._answering.stop()
        reporter.send(self._stages(), final=True)

    def _receive(self, parts: Sequence[bytes]) -> None:
        """Take a request; what is before an empty part says where the answer goes."""
        self._requests.receive()
        try:
            end = list(parts[:MAX_ENVELOPE]).index(b"")
        except ValueError:
            self._requests.drop("malformed")
            return
        envelope, message = list(parts[: end + 1]), parts[end + 1 :]
        try:
            if sum(map(len, message)) > MAX_PICTURES_BYTES:
                raise ProtocolError(f"a request must have at most {MAX_PICTURES_BYTES} bytes")
            request, buffers = decode(message, REQUESTS)
        except ProtocolError as error:
            self._requests.drop("malformed")
            self._drops.tell(error)
            self._send(envelope, Refusal(id="?", code="malformed", text=str(error)[:_MAX_LINE]))
            return
        try:
            self._serve(envelope, request, buffers)
        except BusyError as error:
            self._requests.drop("busy")
            self._refuse(envelope, request, "busy", error)
        except FacestreamError as error:
            self._requests.drop("refused")
            self._refuse(envelope, request, "refused", error)
        else:
            self._requests.forward()

    def _serve(
        self, envelope: Envelope, request: Request, buffers: Sequence[bytes | memoryview]
    ) -> None:
        match request:
            case Change():
                job = self._take_on(request, buffers)
                self._reply(envelope, request.id, job, None, request.wait_ms)
            case JobWanted():
                self._reply(
                    envelope, request.id, self._known(request.job), request.seen, request.wait_ms
                )
            case CancelJob():
                job = self._known(request.job)
                self._jobs.cancel(job)
                self._reply(envelope, request.id, job, 0, 0)
            case ResultWanted():
                job = self._known(request.job)
                part = self._jobs.result(job, request.offset, MAX_RESULT_PART)
                answer = ResultPart(
                    id=request.id,
                    job=request.job,
                    offset=request.offset,
                    total=job.state.result_bytes,
                    size=len(part),
                )
                self._send(envelope, answer, part)
            case Search():
                self._answering.search(envelope, request, [bytes(part) for part in buffers])
            case PauseCamera():
                cameras = self._pausing.set(request.camera, request.paused)
                self._send(envelope, Paused(id=request.id, cameras=cameras))
            case JobsWanted():
                rows = [
                    JobRow(
                        job=state.job,
                        kind=state.kind,
                        person=state.person,
                        state=state.state,
                        created_utc=state.created_utc,
                    )
                    for state in (job.state for job in self._jobs.all()[:100])
                ]
                self._send(envelope, Jobs(id=request.id, jobs=tuple(rows)))
            case _:
                self._answering.ask(envelope, request)

    def _take_on(self, change: Change, buffers: Sequence[bytes | memoryview] = ()) -> StoredJob:
        """Have a change made, unless it was asked for before. Raises ControlError."""
        known = self._jobs.get(change.id)
        if known is not None:
            if known.state.kind != type(change).__name__:
                raise ControlError(f"id: must be of one request alone. Received: {change.id!r}")
            return known
        if isinstance(change, EnrolPaths | EnrolFolder) and is_tcp(self._address):
            raise ControlError("paths are looked at for this host alone; send the pictures")
        job = self._jobs.add(change, buffers)
        self._lanes.put(job)
        return job

    def _take_on_quietly(self, change: Change) -> None:
        try:
            self._take_on(change)
        except ControlError as error:
            self._drops.tell(error)

    def _known(self, job: str) -> StoredJob:
        found = self._jobs.get(job)
        if found is None:
            raise _UnknownError(f"no job {job!r} is known; what is over is known for an hour")
        return found

    def _reply(
        self, envelope: Envelope, request: str, job: StoredJob, seen: int | None, wait_ms: int
    ) -> None:
        """Answer with a job, at once or when it has changed."""
        waiter = Waiter(envelope, request, job, seen, time.monotonic() + wait_ms / 1000)
        if not wait_ms or not self._waiting.add(waiter):
            self._send(envelope, waiter.answer)

    def _answer_waiters(self) -> None:
        for waiter in self._waiting.over(time.monotonic()):
            self._send(waiter.envelope, waiter.answer)
        for envelope, answer, parts in self._answering.done():
            self._send(envelope, answer, *parts)

    def _refuse(
        self, envelope: Envelope, request: Request, code: str, error: FacestreamError
    ) -> None:
        unknown = isinstance(error, _UnknownError)
        refusal = Refusal(
            id=request.id,
            code="unknown" if unknown else "busy" if code == "busy" else "refused",
            text=str(error)[:_MAX_LINE],
        )
        self._send(envelope, refusal)

    def _send(self, envelope: Envelope, answer: Answer, *parts: bytes) -> None:
        """Send an answer; for one who is gone, or takes no more, it is dropped."""
        try_send(self._socket, [*envelope, *encode(answer, *parts)])

    def _publish(self, event: ExpiryEvent | PauseEvent) -> None:
        try_send(self._ingest, encode(event))

    def _stages(self) -> tuple[StageCount, ...]:
        return (self._requests.snapshot(),)


class _UnknownError(ControlError):
    """No job of that id is known."""
