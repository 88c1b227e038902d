"""What pages of others, open in the same browser, cannot do."""

import threading
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from streamer.web.guard import MAX_UPLOADS
from tests.streamer.web.serving import OURS, Served

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def bare(web: Served) -> httpx.Client:
    """A client that sends no header of ours."""
    return httpx.Client(base_url=web.url, timeout=60)


def test_only_addresses_and_known_names_are_answered_to(bare: httpx.Client, web: Served) -> None:
    port = web.config.web.port
    with bare:
        for host in ("localhost", f"localhost:{port}", "127.0.0.1", "[::1]", "192.0.2.7:80"):
            assert bare.get("/api/cameras", headers={"Host": host}).status_code == 200, host
        # A name that somebody has pointed at this address: DNS rebinding.
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "localhost.evil.example",
            "",
            "a@b:c",
            "evil@localhost",
            "localhost/x",
        ):
            answer = bare.get("/api/cameras", headers={"Host": host})
            assert answer.status_code in (400, 421), host
            assert "door" not in answer.text
        assert "web.hosts" in bare.get("/", headers={"Host": "evil.example"}).json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON, 503),  # let through, and nobody changes people here
        (OURS, 422),  # likewise, but it is no JSON
        ({}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({**JSON, "Origin": "http://evil.example"}, 403),
        ({**JSON, "Origin": "null"}, 403),
        ({**JSON, "Origin": "http://127.0.0.1:1"}, 403),
        ({**JSON, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**JSON, "Sec-Fetch-Site": "same-site"}, 403),
        ({**JSON, "Origin": "{own}"}, 503),
    ],
)
def test_a_change_comes_from_here_and_is_deliberate(
    bare: httpx.Client, web: Served, headers: dict[str, str], status: int
) -> None:
    filled = {name: value.format(own=web.url) for name, value in headers.items()}
    with bare:
        answer = bare.post("/api/people/Ada/forget", content=b"{}", headers=filled)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


def test_no_other_page_may_show_a_picture_or_listen(bare: httpx.Client, web: Served) -> None:
    with bare:
        elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert bare.get("/camera/door.jpg", headers=elsewhere).status_code == 403
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert bare.get("/", headers=link).status_code == 200
    for origin in ("http://evil.example", "null"):
        with pytest.raises(InvalidStatus), web.live(origin=origin):
            pass
    with web.live(origin=web.url):
        pass


def test_every_answer_says_what_a_browser_may_do_with_it(bare: httpx.Client) -> None:
    with bare:
        answers = [
            bare.get("/"),
            bare.get("/static/index.html"),
            bare.get("/api/cameras"),
            bare.get("/nothing"),
            bare.get("/", headers={"Host": "evil.example"}),
        ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "secret" not in answers[2].text


def test_no_more_than_is_allowed_is_read_whatever_length_was_said(bare: httpx.Client) -> None:
    with bare:
        too_much = b"x" * 100_000
        said = bare.post("/api/ignore", content=too_much, headers=JSON)
        assert said.status_code == 413
        chunked = bare.post("/api/ignore", content=iter([too_much[:50_000]] * 2), headers=JSON)
        assert chunked.status_code == 413
        assert "65536" in chunked.json()["error"]


def test_only_a_few_send_pictures_at_a_time(bare: httpx.Client, web: Served) -> None:
    begun, go_on = threading.Barrier(MAX_UPLOADS + 1, timeout=60), threading.Event()
    answers: list[int] = []

    def body() -> Iterator[bytes]:
        yield b"--x\r\n"
        begun.wait()
        go_on.wait(60)
        yield b"--x--\r\n"

    form = {**OURS, "Content-Type": "multipart/form-data; boundary=x"}

    def send() -> None:
        with httpx.Client(base_url=web.url, timeout=60) as other:
            answers.append(other.post("/api/search", content=body(), headers=form).status_code)

    senders = [threading.Thread(target=send) for _ in range(MAX_UPLOADS)]
    with bare:
        for sender in senders:
            sender.start()
        begun.wait()
        for _ in range(1000):  # what was sent is on its way here still
            one_more = bare.post("/api/search", content=b"--x--\r\n", headers=form)
            if one_more.status_code == 503:
                break
        go_on.set()
        for sender in senders:
            sender.join(60)
        assert one_more.status_code == 503
        assert "already" in one_more.json()["error"]
        assert bare.post("/api/search", content=b"--x--\r\n", headers=form).status_code != 503
    assert len(answers) == MAX_UPLOADS
