"""Reports as processes make them, for tests of what monitors are told."""

from pathlib import Path

from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.supervision.child import ProcessStatus, State
from streamer.supervision.process_file import Processes
from streamer.wire.counters import StageCount
from streamer.wire.latencies import LatencyCount
from streamer.wire.messages import CameraState, Role, Stats

NAMES = ("identify", "dispatch", "history", "control", "view", "embed-1")


def stats(
    role: Role,
    name: str = "",
    *,
    epoch: str = "1",
    received: int = 10,
    camera_state: CameraState | None = None,
    fault: str = "",
    final: bool = False,
    latencies: tuple[LatencyCount, ...] = (),
) -> Stats:
    stage = StageCount(f"of {role}", received, received - 3, 1, {"queue_full": 2})
    return Stats(
        role=role, name=name or role, epoch=epoch, sent_utc="t", stages=(stage,),
        rates={f"of {role}": 1.5}, cpu_s=2.5, camera_state=camera_state, fault=fault, final=final,
        latencies=latencies,
    )  # fmt: skip


def everybody() -> list[Stats]:
    """A report of each process of a pipeline that is well."""
    door = stats("capture", "door", camera_state=CameraState("running", "640x480"))
    roles: tuple[Role, ...] = ("identify", "dispatch", "history", "control", "view")
    return [door, stats("embed", "embed-1"), *(stats(role) for role in roles)]


def processes(**others: State) -> Processes:
    """The supervisor's word: all run, but for those that are named."""
    names = (*NAMES, "capture-door")
    return Processes(
        "2026-01-01T00:00:00.000Z",
        tuple(
            ProcessStatus(
                name=name, role=name.split("-")[0],
                state=others.get(name.replace("-", "_"), "running"), failures=0, retry_in_s=0.0,
                detail="ended with signal 9" if name.replace("-", "_") in others else "",
                restarts=int(name == "view"),
            )
            for name in names
        ),
    )  # fmt: skip


def config_in(folder: Path) -> Config:
    (folder / "config.toml").write_text('[cameras.door]\nsource = "demo"\n')
    return load_config(folder / "config.toml")
