"""The pipeline bench: made clips with moving faces, real processes, and the plain loop."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from streamer.capture.demo import (
    ENROLLED,
    HEIGHT,
    PORTRAIT,
    WIDTH,
    Actor,
    collins_bgr,
    hopper_bgr,
    make_demo,
    write_clip,
)
from streamer.client.subscriber import Subscriber
from streamer.client.totals import Totals
from streamer.errors import FacestreamError
from streamer.wire.counters import StageCount
from streamer.wire.messages import FrameEvent, IdentityEvent, Stats

_START_TIMEOUT_S = 180.0


def cast_of(faces: int, seconds: float) -> list[Actor]:
    """Portraits side by side, each circling in a cell of its own."""
    columns = min(5, faces)
    rows = -(-faces // columns)
    cell_w, cell_h = WIDTH / columns, HEIGHT / rows
    side = min(300.0, 0.8 * min(cell_w, cell_h))
    portraits = (collins_bgr(), hopper_bgr())
    return [
        Actor(
            portrait_bgr=portraits[index % 2],
            enter_s=-10.0,
            leave_s=seconds + 10.0,
            centre=(cell_w * (index % columns + 0.5), cell_h * (index // columns + 0.5)),
            swing=(0.1 * side, 0.08 * side),
            side=(0.9 * side, 1.05 * side),
            phase=index * 0.9,
            period_s=4.0 + 0.3 * index,
        )
        for index in range(faces)
    ]


@dataclass
class Observed:
    """What a subscriber saw of one run."""

    latencies_ms: list[float] = field(default_factory=list)
    stages: dict[str, StageCount] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    pictures: list[tuple[int, float]] = field(default_factory=list)  # sequence, captured


def measure(faces: list[int], seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """All runs; the ratio of the whole is that of the run with 4 faces, or of the first."""
    runs = []
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        base = Path(folder)
        make_demo(base / "var" / "demo")
        _write_config(base, "unused.mp4", "fast")
        _command(base, "enrol", ENROLLED, str(base / "var" / "demo" / PORTRAIT))
        for count in faces:
            clip = base / f"faces-{count}.mp4"
            say(f"{count} faces: making the clip")
            write_clip(clip, cast_of(count, seconds), seconds)
            say(f"{count} faces: real time")
            live = _run(base, clip, "real_time", pictures=False)
            say(f"{count} faces: as fast as it goes")
            fast = _run(base, clip, "fast", pictures=True)
            say(f"{count} faces: the plain loop")
            plain = _command(
                base,
                "-m",
                "trainer.benchmarks.tutorial_loop",
                str(clip),
                str(base / "var" / "gallery"),
            )
            runs.append(_figures(count, seconds, live, fast, float(plain)))
    chosen = next((run for run in runs if run["faces"] == 4), runs[0])
    return {"runs": runs, "ratio_to_plain_loop": chosen["ratio_to_plain_loop"]}


def _figures(
    faces: int, seconds: float, live: Observed, fast: Observed, plain_fps: float
) -> dict[str, Any]:
    frames = live.stages["frames"]
    p50, p95, p99 = np.percentile(live.latencies_ms or [np.nan], [50, 95, 99])
    (first, began), (last, ended) = fast.pictures[0], fast.pictures[-1]
    fps_fast = (last - first) / (ended - began)
    return {
        "faces": faces,
        "fps_processed": frames.forwarded / seconds,
        "frames_read": frames.received,
        "frames_processed": frames.forwarded,
        "frames_dropped": frames.dropped,
        "crops_embedded": live.stages["embeddings"].received,
        "crops_dropped": live.stages["crops"].dropped,
        "latency_ms_p50": float(p50),
        "latency_ms_p95": float(p95),
        "latency_ms_p99": float(p99),
        "events": len(live.latencies_ms),
        "cpu_s": live.cpu_s,
        "fps_fast": fps_fast,
        "pictures_per_s_fast": (len(fast.pictures) - 1) / (ended - began),
        "fps_plain_loop": plain_fps,
        "ratio_to_plain_loop": fps_fast / plain_fps,
    }


def _run(base: Path, clip: Path, pace: str, pictures: bool) -> Observed:
    config = _write_config(base, clip.name, pace)
    observed = Observed()
    totals = Totals()
    run = f"ipc://{base / 'var' / 'run'}"
    frames = ["frame/bench"] if pictures else []
    with (
        Subscriber(f"{run}/events", ["identity/", "stats"]) as subscriber,
        Subscriber(f"{run}/pictures", frames) as viewer,
    ):
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "streamer.cli", "--config", str(config), "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until = time.monotonic() + _START_TIMEOUT_S
            while process.poll() is None:
                received = subscriber.receive(0.1)
                while (picture := viewer.receive(0)) is not None:
                    _observe(picture[0], observed, totals)
                if received is not None:
                    until = time.monotonic() + _START_TIMEOUT_S
                    _observe(received[0], observed, totals)
                elif time.monotonic() > until:
                    raise FacestreamError("the pipeline gave no sign of life")
            while (received := subscriber.receive(0.2)) is not None:
                _observe(received[0], observed, totals)
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=60)
    if process.returncode or not observed.stages:
        raise FacestreamError(f"the pipeline failed: {output[-2000:]}")
    return observed


def _observe(event: object, observed: Observed, totals: Totals) -> None:
    match event:
        case IdentityEvent() if event.event != "exit":
            observed.latencies_ms.append(event.age_ms)
        case FrameEvent():
            captured = datetime.fromisoformat(event.captured_utc).timestamp()
            observed.pictures.append((event.sequence, captured))
        case Stats():
            totals.take(event)
            observed.cpu_s[event.role] = event.cpu_s
            observed.stages = totals.account()


def _write_config(base: Path, source: str, pace: str) -> Path:
    path = base / "config.toml"
    camera = f'[cameras.bench]\nsource = "{source}"\npace = "{pace}"\n'
    path.write_text(f"{camera}[web]\nenabled = false\n")
    return path


def _command(base: Path, *arguments: str) -> str:
    if arguments[0] != "-m":
        arguments = ("-m", "streamer.cli", "--config", str(base / "config.toml"), *arguments)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FacestreamError(f"{arguments}: {done.stderr[-2000:]}")
    return done.stdout.strip()
