"""Chromium before a running pipeline's page: opening it, waiting, looking at it."""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = "desktop", "phone"
LIGHT, DARK = "light", "dark"
SCREENSHOTS = "FACESTREAM_SCREENSHOTS"
PATIENCE_S = 120.0
expect.set_options(timeout=PATIENCE_S * 1000)
# What the server refuses, such as a report that nobody has made, the page shows in its own words.
LINE_OF_A_REFUSAL = "Failed to load resource"


def chromium() -> str:
    """The browser of this system; the test is skipped where there is none."""
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUMS)} is installed")
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def await_port(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"nobody listens at port {port}")


class Window:
    """One window of a browser, with all that its page complained of."""

    def __init__(
        self, browser: Browser, address: str, device: str = DESKTOP, colours: str = LIGHT
    ) -> None:
        phone = device == PHONE
        self.address = address
        self.called = f"{device}-{colours}"
        self.context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1360, "height": 860},
            device_scale_factor=2 if phone else 1,
            color_scheme="dark" if colours == DARK else "light",
            has_touch=phone,
            is_mobile=phone,
        )
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(LINE_OF_A_REFUSAL):
            self.complaints.append(f"console: {said.text}")

    def open(self, view: str = "") -> Page:
        """Go to a view, as by its address, and wait until it is drawn."""
        self.page.goto(f"{self.address}/{f'#/{view}' if view else ''}")
        self.page.locator("main h1").wait_for()
        return self.page

    def slow_down(self, bytes_per_s: int) -> None:
        """Let no more than that come from the server; pictures of a WebSocket count, too."""
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        limits = {"downloadThroughput": bytes_per_s, "uploadThroughput": bytes_per_s}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0, **limits})

    def violations(self) -> str:
        """What axe says against what is shown; empty where it has nothing to say."""
        found = Axe().run(self.page)
        return "" if found.violations_count == 0 else str(found.generate_report())

    def keep(self, name: str) -> None:
        """Keep a picture of the window, where somebody asked for pictures."""
        if folder := os.environ.get(SCREENSHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}-{self.called}.png")

    def close(self) -> None:
        self.context.close()


def pictures_are_kept() -> bool:
    """Whether somebody asked for pictures of the windows, by the folder for them."""
    return bool(os.environ.get(SCREENSHOTS))


def pictures(page: Page) -> int:
    """How many pictures of the first camera were drawn."""
    drawn = page.locator("canvas[data-camera]").first.get_attribute("data-pictures")
    return int(drawn or 0)


def captured_s(page: Page) -> float:
    """When the picture was captured that is shown, in seconds since 1970."""
    captured = page.locator("canvas[data-camera]").first.get_attribute("data-captured-ms")
    return float(captured or 0) / 1000


def await_that(page: Page, what: str, condition: Callable[[], object]) -> None:
    """Let the page go on until the condition holds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"waited in vain for {what}:\n{page.locator('body').inner_text()}")
        page.wait_for_timeout(100)
