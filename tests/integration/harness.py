"""A real pipeline in a folder of its own: start, watch, stop, look for leftovers."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from streamer.client.subscriber import Subscriber
from streamer.wire.counters import StageCount, add_up
from streamer.wire.messages import CorrectionEvent, GalleryEvent, IdentityEvent, Stats

GENEROUS_S = 240.0
LAST_WORDS_S = 10.0
LOOP = '[cameras.door]\nsource = "{clip}"\nloop = true\n'


class Pipeline:
    """One `facestream run` with a config in `folder`, and everything that it publishes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.events: list[IdentityEvent] = []
        self.galleries: list[GalleryEvent] = []
        self.corrections: list[CorrectionEvent] = []
        self.stats: dict[tuple[str, str, str], Stats] = {}
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self._subscriber: Subscriber | None = None

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "streamer.cli", "--config", str(self.config), *arguments]

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another facestream command to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=GENEROUS_S,
            check=False,
            cwd=self.folder,
        )

    def start(self, config: str, *arguments: str) -> None:
        self.config.write_text(plain(config))
        if self._subscriber is not None:
            self._subscriber.close()
        address = f"ipc://{self.folder}/var/run/events"
        self._subscriber = Subscriber(address, ("identity/", "stats", "gallery", "correction"))
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(*(arguments or ("run",))),
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=0,
            )

    def wait(self, what: str, condition: Callable[[], object], alive: bool = True) -> None:
        """Read events until the condition holds."""
        assert self.process is not None
        assert self._subscriber is not None
        until = time.monotonic() + GENEROUS_S
        while not condition():
            self._take(self._subscriber, 0.1)
            if alive and self.process.poll() is not None:
                pytest.fail(f"it ended while waiting for {what}:\n{self.output.read_text()}")
            if time.monotonic() > until:
                pytest.fail(f"waited in vain for {what}:\n{self.output.read_text()}")

    def wait_end(self) -> int:
        """Read events until it has ended by itself; its exit code."""
        assert self.process is not None
        process = self.process
        self.wait("its end", lambda: process.poll() is not None, alive=False)
        assert self._subscriber is not None
        until = time.monotonic() + LAST_WORDS_S
        while self._take(self._subscriber, 0.3) or not (self._all_said or time.monotonic() > until):
            pass
        return process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait_end()

    def descendants(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def role(self, name: str) -> psutil.Process | None:
        """The process of a role, e.g. "embed-1" or "dispatch"."""
        for process in self.descendants():
            with contextlib.suppress(psutil.Error):
                if name in process.cmdline():
                    return process
        return None

    def totals(self) -> dict[str, StageCount]:
        return add_up([stage for stats in self.stats.values() for stage in stats.stages])

    def stage(self, name: str) -> StageCount:
        """The sum over processes; zeros before the first figures have come."""
        return self.totals().get(name, StageCount(name))

    def runs(self, role: str) -> int:
        """How many processes of a role have reported so far, one after another."""
        return len([run for run in self.stats if run[0] == role])

    def named(self) -> set[str]:
        return {event.identity for event in self.events if event.identity}

    @property
    def _all_said(self) -> bool:
        """True once identify's last report has come, or where it never reported."""
        reports = [stats for (role, _, _), stats in self.stats.items() if role == "identify"]
        return not reports or reports[-1].final

    def _take(self, subscriber: Subscriber, timeout_s: float) -> bool:
        received = subscriber.receive(timeout_s)
        if received is None:
            return False
        match received[0]:
            case IdentityEvent() as event:
                self.events.append(event)
            case GalleryEvent() as event:
                self.galleries.append(event)
            case CorrectionEvent() as event:
                self.corrections.append(event)
            case Stats() as stats:
                # Every report of every process adds up, at every moment.
                for stage in stats.stages:
                    assert stage.unaccounted == 0, (stats.role, stats.name, stage)
                self.stats[stats.role, stats.name, stats.epoch] = stats
        return True

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._subscriber is not None:
            self._subscriber.close()


def plain(config: str) -> str:
    """Have a config's network run in what starts soonest, unmeasured, unless it names a runtime.

    Nor is a page served, unless it says where.
    """
    if "[web]" not in config:
        config = f"{config.rstrip()}\n[web]\nenabled = false\n"
    table = '[embed]\nprecision = "float32"\n'
    if "runtime = " not in config:
        table += 'runtime = "onnxruntime"\n'
    if "[embed]\n" in config:
        return config.replace("[embed]\n", table)
    return f"{config.rstrip()}\n{table}"


def leftovers(folder: Path) -> list[str]:
    """Processes and sockets of a pipeline in this folder that are still there."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.cmdline()):
                found.append(f"process {process.pid} {process.cmdline()}")
    run = folder / "var" / "run"
    found += [str(path) for path in run.iterdir()] if run.is_dir() else []
    return found
