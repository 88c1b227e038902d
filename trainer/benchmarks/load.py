"""The load bench: 1 to 16 cameras at once, real processes, decoding included."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import (
    ENROLLED,
    HEIGHT,
    WIDTH,
    Actor,
    collins_bgr,
    hopper_bgr,
    write_clip,
)
from streamer.client.subscriber import Subscriber
from streamer.client.totals import Totals
from streamer.errors import FacestreamError
from streamer.files import write_file
from streamer.vision.files import PHOTO_SUFFIXES, read_image
from streamer.vision.images import encode_image
from streamer.wire.counters import StageCount
from streamer.wire.messages import IdentityEvent, Stats

_START_TIMEOUT_S = 300.0
_CLIPS = 4
_CLIP_SECONDS = 12.0
_PORTRAIT_SIDE = (230.0, 290.0)


@dataclass(frozen=True)
class Window:
    """What was published between two moments of a run."""

    seconds: float
    latencies_ms: list[float]
    before: dict[str, StageCount]
    after: dict[str, StageCount]
    cpu_s: dict[str, float]

    def stage(self, name: str) -> tuple[int, int, dict[str, int]]:
        """Return what a stage received and forwarded, and what it dropped by reason."""
        after = self.after.get(name, StageCount(name))
        before = self.before.get(name, StageCount(name))
        dropped = {
            reason: count - before.dropped.get(reason, 0)
            for reason, count in after.dropped.items()
            if count > before.dropped.get(reason, 0)
        }
        return after.received - before.received, after.forwarded - before.forwarded, dropped


@dataclass
class Watched:
    """What a subscriber has seen of one run so far."""

    totals: Totals = field(default_factory=Totals)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_s: dict[tuple[str, str], float] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def take(self, event: object) -> None:
        """Note an event. An exit waits for a face to be lost, so its age tells nothing."""
        match event:
            case IdentityEvent() if event.event != "exit":
                self.latencies_ms.append(event.age_ms)
            case Stats():
                self.totals.take(event)
                self.cpu_s[event.role, event.name] = event.cpu_s
                if event.camera_state is not None and event.camera_state.state == "running":
                    self.running.add(event.name)


def cast_of(portraits_bgr: list[NDArray[np.uint8]], variant: int) -> list[Actor]:
    """Two people all the time and a third one for half of it: 2.5 faces at the mean."""
    half = _CLIP_SECONDS / 2
    enter = (variant * _CLIP_SECONDS / _CLIPS) % half
    times = ((-9.0, _CLIP_SECONDS + 9.0), (-9.0, _CLIP_SECONDS + 9.0), (enter, enter + half))
    return [
        Actor(
            portrait_bgr=portraits_bgr[(variant + index) % len(portraits_bgr)],
            enter_s=times[index][0],
            leave_s=times[index][1],
            centre=(WIDTH * (index + 0.5) / 3, HEIGHT / 2),
            swing=(60.0, 50.0),
            side=_PORTRAIT_SIDE,
            phase=variant + 0.9 * index,
            period_s=5.0 + 0.7 * index,
        )
        for index in range(3)
    ]


def portraits_below(root: Path | None) -> list[NDArray[np.uint8]]:
    """Return the portraits that ship, or the first photo of each folder. Raises FacestreamError."""
    if root is None:
        return [collins_bgr(), hopper_bgr()]
    folders = sorted(path for path in root.iterdir() if path.is_dir())[: 3 * _CLIPS]
    photos = [
        next((p for p in sorted(folder.iterdir()) if p.suffix.lower() in PHOTO_SUFFIXES), None)
        for folder in folders
    ]
    found = [image for p in photos if p is not None and (image := read_image(p)) is not None]
    if len(found) < 3:
        raise FacestreamError(f"{root}: must have photos in at least three folders")
    return found


def measure(
    cameras: list[int],
    seconds: float,
    say: Callable[[str], None],
    clips: list[Path] | None = None,
    root: Path | None = None,
) -> dict[str, Any]:
    """Run each number of cameras in turn; `clips` take the place of the made ones."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        base = Path(folder)
        portraits = portraits_below(root)
        if not clips:
            clips = []
            for variant in range(_CLIPS):
                say(f"making clip {variant + 1} of {_CLIPS}")
                clips.append(base / f"load-{variant}.mp4")
                write_clip(clips[-1], cast_of(portraits, variant), _CLIP_SECONDS)
        write_file(base / "portrait.png", encode_image(portraits[0], ".png"))
        _write_config(base, clips, 1)
        _enrol(base)
        for count in cameras:
            say(f"{count} cameras")
            _write_config(base, clips, count)
            rows.append(figures(count, _run(base, count, seconds)))
    return {"cameras": rows, "seconds": seconds}


def figures(count: int, window: Window) -> dict[str, Any]:
    """Sum a window up."""
    received, forwarded, dropped = window.stage("frames")
    p50, p95 = np.percentile(window.latencies_ms or [np.nan], [50, 95])
    superseded = dropped.get("superseded", 0)
    cpu = {role: seconds / window.seconds for role, seconds in sorted(window.cpu_s.items())}
    return {
        "n": count,
        "fps_total": forwarded / window.seconds,
        "frames_read": received,
        "frames_dropped": dropped,
        "superseded_share": superseded / received if received else 0.0,
        "latency_ms_p50": float(p50),
        "latency_ms_p95": float(p95),
        "events": len(window.latencies_ms),
        "faces_found": window.stage("faces")[0],
        "crops_sent": window.stage("crops")[0],
        "crops_dropped": window.stage("crops")[2],
        "cores": sum(cpu.values()),
        "cores_by_role": cpu,
        "cpu_ms_per_frame": 1000 * sum(window.cpu_s.values()) / received if received else 0.0,
    }


def _run(base: Path, count: int, seconds: float) -> Window:
    config = base / "config.toml"
    run = f"ipc://{base / 'var' / 'run'}"
    watched = Watched()
    with (
        Subscriber(f"{run}/events", ["identity/", "stats"]) as subscriber,
        (base / "output.txt").open("w+") as output,
    ):
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "streamer.cli", "--config", str(config), "run"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )

        def watch(until: Callable[[], bool], timeout_s: float) -> None:
            limit = time.monotonic() + timeout_s
            while not until() and time.monotonic() < limit:
                received = subscriber.receive(0.1)
                if received is not None:
                    watched.take(received[0])
                if process.poll() is not None:
                    output.seek(0)
                    raise FacestreamError(f"the pipeline ended: {output.read()[-2000:]}")

        try:
            watch(lambda: len(watched.running) == count and _named(watched), _START_TIMEOUT_S)
            if len(watched.running) < count:
                raise FacestreamError(f"{len(watched.running)} of {count} cameras started")
            watch(lambda: False, _CLIP_SECONDS / 2)
            before, cpu_before = watched.totals.account(), dict(watched.cpu_s)
            watched.latencies_ms.clear()
            began = time.monotonic()
            watch(lambda: False, seconds)
            ended = time.monotonic()
        finally:
            process.terminate()
            process.wait(timeout=60)
    return Window(
        ended - began,
        list(watched.latencies_ms),
        before,
        watched.totals.account(),
        _by_role(watched.cpu_s.items(), cpu_before),
    )


def _named(watched: Watched) -> bool:
    return bool(watched.latencies_ms)


def _by_role(
    after: Iterable[tuple[tuple[str, str], float]], before: dict[tuple[str, str], float]
) -> dict[str, float]:
    roles: dict[str, float] = {}
    for (role, name), seconds in after:
        roles[role] = roles.get(role, 0.0) + seconds - before.get((role, name), 0.0)
    return roles


def _write_config(base: Path, clips: list[Path], count: int) -> None:
    tables = ["[web]\nenabled = false\n"]  # nobody looks, and another pipeline may have the port
    for number in range(count):
        clip = clips[number % len(clips)].resolve()
        tables.append(f'[cameras.cam-{number:02d}]\nsource = "{clip}"\nloop = true\n')
    (base / "config.toml").write_text("\n".join(tables))


def _enrol(base: Path) -> None:
    arguments = ("--config", str(base / "config.toml"), "enrol", ENROLLED)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "streamer.cli", *arguments, str(base / "portrait.png")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FacestreamError(f"enrolling failed: {done.stderr[-2000:]}")
