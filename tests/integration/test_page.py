"""The page, in a browser, before a running pipeline: from nobody enrolled to somebody forgotten.

It is one test, as its steps share a pipeline and each goes on from what the one before left.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.integration.browsing import (
    DARK,
    DESKTOP,
    LIGHT,
    PHONE,
    Window,
    await_port,
    await_that,
    captured_s,
    chromium,
    free_port,
    pictures,
    pictures_are_kept,
)
from tests.integration.harness import LOOP, Pipeline, leftovers

HOSTILE, HOPPER = '<img/src=x onerror="document.title=1">', "Grace Hopper"
SLOW_BYTES_PER_S = 150_000
TRIES = 6
VIEWS = {
    "live": "live",
    "people": "people",
    "strangers": "people?tab=strangers",
    "ignored": "people?tab=ignored",
    "person": f"people/{HOPPER.replace(' ', '%20')}",
    "history": "history",
    "gallery": "gallery",
    "health": "health",
    "set-up": "setup",
}


class Served:
    """A pipeline, its page's address and a browser."""

    def __init__(self, pipeline: Pipeline, address: str, browser: Browser) -> None:
        self.pipeline, self.address, self.browser = pipeline, address, browser

    @contextlib.contextmanager
    def window(self, device: str = DESKTOP, colours: str = LIGHT) -> Iterator[Window]:
        """Yield a window that has complained of nothing by its end."""
        window = Window(self.browser, self.address, device, colours)
        yield window
        assert window.complaints == []
        window.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


def test_the_page_from_the_first_name_to_the_last(
    pipeline: Pipeline, browser: Browser, clip: Path, portraits: dict[str, Path]
) -> None:
    port = free_port()
    pipeline.start(
        LOOP.format(clip=clip) + f"[web]\nport = {port}\n"
        "[history]\nstrangers = true\nsnapshots = true\n[strangers]\nkeep = true\n"
    )
    await_port(port)
    served = Served(pipeline, f"http://127.0.0.1:{port}", browser)
    with served.window() as window:
        the_first_run_leads_from_nobody_to_a_name(served, window)
    with served.window() as window:
        a_click_on_a_stranger_enrols(served, window)
    with served.window() as window:
        a_version_is_taken_back_and_pictures_are_uploaded(window, portraits[HOPPER])
    shown = [(DESKTOP, LIGHT), (DESKTOP, DARK), (PHONE, DARK)]
    for device, colours in [*shown, (PHONE, LIGHT)] if pictures_are_kept() else shown:
        with served.window(device, colours) as window:
            no_view_has_what_axe_objects_to(window, device)
    with served.window() as window, served.window() as other, served.window(PHONE) as slow:
        two_tabs_and_a_slow_reader_see_what_is_now(window, other, slow)
    with served.window() as window:
        whoever_is_forgotten_is_gone(served, window)
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []


def click_face(page: Page, left: bool) -> None:
    """Click on a face, the left one or the right one, at whatever place it has moved to."""

    def clicked() -> bool:
        for box in page.locator(".face-box").element_handles():
            at = box.evaluate("el => parseFloat(el.style.left)")
            if (at < 45) == left:
                box.evaluate("el => el.click()")
                return True
        return False

    await_that(page, "a face to click on", clicked)


def enrol(page: Page, ask: Callable[[], None]) -> None:
    """Ask until it is done; the face that is looked at may leave, and then nothing was changed."""
    for _ in range(TRIES):
        ask()
        over = page.locator(".job-done, .job-failed, .job-lost, .hello").first
        over.wait_for()
        if page.locator(".job-done, .hello").count():
            return
        for card in page.locator(".toasts .job").all():
            card.get_by_role("button", name="Put away").click()
    pytest.fail(f"it was asked {TRIES} times:\n{page.locator('body').inner_text()}")


def the_first_run_leads_from_nobody_to_a_name(served: Served, window: Window) -> None:
    page = window.open()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    await_that(page, "the camera's picture", lambda: pictures(page) > 2)
    page.get_by_label("Your name").fill(HOSTILE)

    def that_is_me() -> None:
        click_face(page, left=True)
        window.keep("first-run")
        page.get_by_role("button", name="That is me").click()

    enrol(page, that_is_me)
    expect(page.locator(".hello-title")).to_contain_text(HOSTILE)
    served.pipeline.wait("the name", lambda: HOSTILE in served.pipeline.named())
    assert page.title() == "Set up · facestream"  # what the name says was not done
    page.get_by_role("link", name="To the live picture").click()
    expect(page.locator(".feed")).to_contain_text(HOSTILE)


def a_click_on_a_stranger_enrols(served: Served, window: Window) -> None:
    page = window.open("live")
    await_that(page, "the picture to move", lambda: pictures(page) > 5)
    dialog = page.get_by_role("dialog")

    def name_her() -> None:
        click_face(page, left=False)
        expect(dialog.get_by_role("heading", name="Who is this?")).to_be_visible()
        assert window.violations() == ""
        dialog.get_by_label("Name").fill(HOPPER)
        dialog.get_by_role("button", name="Enrol").click()
        expect(page.locator(".toasts")).to_contain_text(f"Enrol {HOPPER}")

    enrol(page, name_her)
    served.pipeline.wait("her name", lambda: HOPPER in served.pipeline.named())
    expect(page.locator(".feed")).to_contain_text(HOPPER)

    def opened_by_key() -> bool:
        """The same faces are buttons in a list, for the keyboard and for screen readers."""
        for chip in page.locator(".chips button").element_handles():
            chip.evaluate("el => el.focus()")
            page.keyboard.press("Enter")
        return dialog.is_visible()

    await_that(page, "a face to open by a key", opened_by_key)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()


def a_version_is_taken_back_and_pictures_are_uploaded(window: Window, portrait: Path) -> None:
    page = window.open("gallery")
    used = page.locator(".version-used h2")
    before = used.inner_text()
    page.get_by_role("button", name="Changes from version").first.click()
    expect(page.get_by_role("dialog").get_by_role("row", name=HOPPER)).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Go back one version").click()
    page.locator(".sure").get_by_role("button", name="Go back one version").click()
    expect(used).not_to_have_text(before)
    page.get_by_role("link", name="People").click()
    hers = page.locator(".person-card", has_text=HOPPER)
    expect(page.locator(".person-card")).to_have_count(1)
    expect(hers).to_have_count(0)
    page.get_by_role("button", name="Add a person").click()
    dialog = page.get_by_role("dialog")
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(portrait)
    assert window.violations() == ""
    dialog.get_by_label("Name").fill(HOPPER)
    dialog.get_by_role("button", name="Enrol").click()
    expect(hers).to_contain_text("1 crop")


def no_view_has_what_axe_objects_to(window: Window, device: str) -> None:
    for name, view in VIEWS.items():
        page = window.open(view)
        if name == "live":
            await_that(page, "a picture", functools.partial(pictures, page))
        page.wait_for_timeout(300)  # for what is loaded after the view itself
        window.keep(name)
        wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide, f"{name} is wider than the {device}"
        assert window.violations() == "", name


def two_tabs_and_a_slow_reader_see_what_is_now(window: Window, other: Window, slow: Window) -> None:
    slow.slow_down(SLOW_BYTES_PER_S)
    pages = [each.open("live") for each in (window, other, slow)]
    await_that(pages[0], "one tab's pictures", lambda: pictures(pages[0]) > 20)
    await_that(pages[1], "the other tab's pictures", lambda: pictures(pages[1]) > 20)
    first = pictures(pages[0])
    # It gets a few of fifteen pictures a second. In a queue, the time of what it sees would go by
    # as much more slowly; as it gets the newest, it goes by as it does here.
    await_that(pages[2], "the slow one's pictures", lambda: pictures(pages[2]) > 2)
    began_s, captured_first_s = time.monotonic(), captured_s(pages[2])
    drawn = pictures(pages[2]) + 10
    await_that(pages[2], "more of them", lambda: pictures(pages[2]) > drawn)
    passed_s = time.monotonic() - began_s
    assert captured_s(pages[2]) - captured_first_s > passed_s / 2
    assert pictures(pages[0]) > first


def whoever_is_forgotten_is_gone(served: Served, window: Window) -> None:
    page = window.open(VIEWS["person"])
    page.get_by_role("button", name="Forget").click()
    dialog = page.get_by_role("dialog")
    forget = dialog.get_by_role("button", name="Forget")
    expect(forget).to_be_disabled()
    dialog.get_by_label(f"Type {HOPPER} to confirm").fill(HOPPER)
    forget.click()
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    served.pipeline.wait(
        "a gallery without her", lambda: HOPPER not in served.pipeline.galleries[-1].names
    )
    expect(page.locator(".person-card", has_text=HOPPER)).to_have_count(0)
    expect(page.locator(".person-card")).to_have_count(1)


def test_beyond_this_host_it_asks_for_the_token(pipeline: Pipeline, browser: Browser) -> None:
    """The web process alone: a page without a pipeline says so, and does not fall apart."""
    port = free_port()
    config = f'[cameras.door]\nsource = "demo"\n[web]\naddress = "0.0.0.0"\nport = {port}\n'
    pipeline.config.write_text(config)
    token = pipeline.call("web", "token").stdout.split()[0]
    pipeline.start(config, "web")
    await_port(port)
    window = Window(browser, f"http://127.0.0.1:{port}", PHONE, DARK)
    page = window.open()
    assert window.violations() == ""
    window.keep("token")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Open the page").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open the page").click()
    live = page.get_by_role("heading", name="Live", level=1)
    expect(live).to_be_visible()
    expect(page.get_by_text("Nothing is heard of this camera").first).to_be_visible()
    page.reload()
    expect(live).to_be_visible()
    assert window.complaints == []
    window.close()
