"""A replay's processes: started, listened to and stopped as `facestream run` does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamer.client.subscriber import Event, Subscriber
from streamer.commands.run import facestream_command
from streamer.config.sections import Config
from streamer.config.surroundings import lacks
from streamer.errors import ConfigError, FacestreamError
from streamer.pipeline import process_specs, shared_frames_of
from streamer.supervision.supervisor import Supervisor
from streamer.wire.messages import IdentityEvent, Stats
from trainer.replay.setting import CAMERA
from trainer.truth.said import Listener, SaidTrack

TOPICS = (f"identity/{CAMERA}", "stats")
_LAST_WORDS_S = 10.0
_HWM = 100_000


@dataclass
class Heard:
    """What a subscriber knows at the end of a replay.

    frames, superseded: of the clip; those that no detector has seen. cpu_s: of all processes.
    """

    said: list[SaidTrack] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    frames: int = 0
    superseded: int = 0
    cpu_s: float = 0.0


class _Ear:
    """Takes what a subscriber hears."""

    def __init__(self, real_time: bool, on_frames: Callable[[int], None]) -> None:
        self.listener = Listener(real_time)
        self._on_frames = on_frames
        self._cpu_s: dict[tuple[str, str, str], float] = {}
        self.frames = self.superseded = 0
        self.ended = self.closed = False

    def take(self, event: Event) -> None:
        match event:
            case IdentityEvent():
                self.listener.take(event)
            case Stats():
                self._cpu_s[event.role, event.name, event.epoch] = event.cpu_s
                if event.role == "capture":
                    self._take_capture(event)
                self.closed |= event.role == "identify" and event.final

    def _take_capture(self, stats: Stats) -> None:
        self.ended |= stats.camera_state is not None and stats.camera_state.state == "ended"
        for stage in stats.stages:
            if stage.stage == "frames":
                self.frames = stage.received
                self.superseded = stage.dropped.get("superseded", 0)
                self._on_frames(stage.received)

    def heard(self) -> Heard:
        return Heard(
            self.listener.tracks(),
            self.listener.latencies_ms,
            self.frames,
            self.superseded,
            sum(self._cpu_s.values()),
        )


def run_replay(
    config: Config, on_frames: Callable[[int], None], on_line: Callable[[str], None]
) -> Heard:
    """Play the clip of a `replay_setting` to its end and return what was said.

    on_frames: called with the number of frames read so far; on_line: with what a process has to
    tell. Raises FacestreamError where it was stopped, or a process could not run.
    """
    if faults := lacks(config):
        raise ConfigError("\n".join(faults))
    real_time = config.cameras[CAMERA].pace == "real_time"
    ear = _Ear(real_time, on_frames)
    (config.data_path / "run").mkdir(mode=0o700)
    with Subscriber(config.address("events"), TOPICS, hwm=_HWM) as subscriber:

        def listen(timeout_s: float) -> None:
            until = time.monotonic() + timeout_s
            while (received := subscriber.receive(max(0, until - time.monotonic()))) is not None:
                ear.take(received[0])
                if time.monotonic() >= until:
                    break

        with shared_frames_of(config.cameras) as shared_frames:
            Supervisor(
                specs=process_specs(config, shared_frames),
                rules=config.supervise,
                command=facestream_command(config),
                on_line=lambda name, line: on_line(f"{name}: {line}"),
                also=listen,
            ).run()
        until = time.monotonic() + _LAST_WORDS_S
        while not ear.closed and time.monotonic() < until:
            listen(0.2)
        if subscriber.missed:
            raise FacestreamError(f"{subscriber.missed} events were lost; try again")
    if not ear.ended:
        raise FacestreamError("stopped before the clip's end")
    return ear.heard()
