"""The page bench: pages open on a pipeline of several cameras, over the WebSocket that they use.

A page here is what it is to the server: it looks at every camera and acknowledges each picture.
What a browser takes to draw is not in it.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import websockets

from streamer.capture.demo import write_clip
from streamer.client.subscriber import Subscriber
from streamer.errors import FacestreamError
from trainer.benchmarks.load import Watched, cast_of, portraits_below

WIDTH = 640
_CLIP_SECONDS = 12.0
_START_TIMEOUT_S = 300.0
_SETTLE_S = 5.0


def measure(
    cameras: int, pages: list[int], seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Open each number of pages in turn on one running pipeline; first none, to compare."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        base, port = Path(folder), _free_port()
        say("making the clip")
        write_clip(base / "page.mp4", cast_of(portraits_below(None), 0), _CLIP_SECONDS)
        (base / "config.toml").write_text(_config(port, cameras))
        with (
            Subscriber(f"ipc://{base / 'var' / 'run'}/events", ["identity/", "stats"]) as events,
            (base / "output.txt").open("w+") as output,
        ):
            process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-m",
                    "streamer.cli",
                    "--config",
                    str(base / "config.toml"),
                    "run",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            watching = _Watching(events, process, base / "output.txt")
            try:
                watching.until(lambda: len(watching.watched.running) == cameras)
                watching.during(_SETTLE_S)
                rows = []
                for count in [0, *pages]:
                    say(f"{count} pages")
                    rows.append(asyncio.run(_row(count, cameras, port, seconds, watching)))
            finally:
                process.terminate()
                process.wait(timeout=60)
    return {"pages": rows, "cameras": cameras, "seconds": seconds, "width": WIDTH}


class _Watching:
    """Reads the events of a pipeline that must not end meanwhile."""

    def __init__(
        self, events: Subscriber, process: "subprocess.Popen[bytes]", output: Path
    ) -> None:
        self.watched = Watched()
        self._events = events
        self._process = process
        self._output = output

    def until(self, condition: Callable[[], bool]) -> None:
        """Read until something holds."""
        limit = time.monotonic() + _START_TIMEOUT_S
        while not condition():
            if self._process.poll() is not None or time.monotonic() > limit:
                raise FacestreamError(f"the pipeline: {self._output.read_text()[-2000:]}")
            received = self._events.receive(0.1)
            if received is not None:
                self.watched.take(received[0])

    def during(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def frames(self) -> int:
        """Return how many frames all cameras have processed so far."""
        stage = self.watched.totals.account().get("frames")
        return stage.forwarded if stage else 0


async def _row(
    count: int, cameras: int, port: int, seconds: float, watching: _Watching
) -> dict[str, Any]:
    ages_ms: list[float] = []
    looking = [asyncio.create_task(_look(port, cameras, ages_ms)) for _ in range(count)]
    await asyncio.to_thread(watching.during, _SETTLE_S)
    ages_ms.clear()
    watching.watched.latencies_ms.clear()
    before, began = watching.frames(), time.monotonic()
    await asyncio.to_thread(watching.during, seconds)
    took = time.monotonic() - began
    seen, frames = list(ages_ms), watching.frames() - before
    for task in looking:
        task.cancel()
    ended = await asyncio.gather(*looking, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise FacestreamError(f"a page lost its connection: {error}")
    return {
        "n": count,
        "pictures_per_s": len(seen) / took / count if count else 0.0,
        "latency_ms_p50": _percentile(seen, 50),
        "latency_ms_p95": _percentile(seen, 95),
        "pipeline_fps": frames / took,
        "pipeline_latency_ms_p95": _percentile(watching.watched.latencies_ms, 95),
    }


def _percentile(values: list[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None


async def _look(port: int, cameras: int, ages_ms: list[float]) -> None:
    """Be one page, for ever; note how old each picture is when it comes."""
    names = [f"cam-{number}" for number in range(cameras)]
    url = f"ws://127.0.0.1:{port}/ws/live"
    async with websockets.connect(url, max_size=None, proxy=None) as page:
        await page.send(json.dumps({"cameras": names, "width": WIDTH}))
        async for message in page:
            if not isinstance(message, bytes):
                raise FacestreamError("a message of the page must be binary")
            size = int.from_bytes(message[:4], "big")
            header = json.loads(message[4 : 4 + size])
            ages_ms.append(time.time() * 1000 - header["t_ms"])
            await page.send(json.dumps({"ack": header["seq"]}))


def _config(port: int, cameras: int) -> str:
    camera = '[cameras.cam-{}]\nsource = "page.mp4"\nloop = true\n'
    return f"[web]\nport = {port}\n" + "".join(camera.format(n) for n in range(cameras))


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
