"""One request, to real servers that take it, refuse, hang, drip, redirect or are not trusted."""

import base64
import hashlib
import hmac
import json
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from streamer.config.loading import load_config
from streamer.webhooks.happenings import Happening
from streamer.webhooks.posting import judged, post
from streamer.webhooks.store import Delivery
from streamer.webhooks.targets import Target, targets_of
from tests.streamer.webhooks.receiver import Receiver, free_port

SECRET = b"0123456789abcdef"
BODY = b'{"text": "Zo\xc3\xab"}'
DELIVERY = Delivery(
    number=1, id="event.a", webhook="a", event="enter", camera="door", body=BODY, queued_ms=0,
    next_ms=0, attempts=0, fault="", dead_ms=None,
)  # fmt: skip


def target(folder: Path, url: str, more: str = "") -> Target:
    text = f'[cameras.door]\nsource = "demo"\n[[webhook]]\nname = "a"\nurl = "{url}"\n{more}'
    (folder / "config.toml").write_text(text)
    (made,) = targets_of(load_config(folder / "config.toml"))
    return made


@pytest.mark.parametrize(
    "written", [SECRET, b"whsec_" + base64.b64encode(SECRET)], ids=["as it is", "standard"]
)
def test_what_is_sent_is_signed_over_id_time_and_body(folder: Path, written: bytes) -> None:
    (folder / "secret").write_bytes(written + b"\n")
    more = 'secret_file = "secret"\nheaders = { Authorization = "Bearer x" }\n'
    with Receiver() as receiver:
        assert post(target(folder, receiver.url, more), DELIVERY).taken
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/hook?a=b", BODY)
    headers = request.headers
    assert headers["webhook-id"] == "event.a"
    assert headers["authorization"] == "Bearer x"
    assert headers["content-type"] == "application/json"
    signed = b"event.a." + headers["webhook-timestamp"].encode() + b"." + BODY
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest())
    assert headers["webhook-signature"] == f"v1,{expected.decode()}"


def test_without_a_secret_nothing_is_signed(folder: Path) -> None:
    with Receiver() as receiver:
        assert post(target(folder, receiver.url), DELIVERY).taken
    assert "webhook-signature" not in receiver.requests[0].headers


def test_a_redirect_is_not_followed(folder: Path) -> None:
    with Receiver() as other, Receiver(302, {"Location": other.url}) as receiver:
        verdict = post(target(folder, receiver.url), DELIVERY)
        assert (verdict.taken, verdict.again) == (False, False)
        assert "redirects are not followed" in verdict.fault
        assert other.requests == []


@pytest.mark.parametrize("how", ["hangs", "drips"])
def test_an_answer_that_never_ends_is_given_up(folder: Path, how: str) -> None:
    with Receiver(0, drip=how == "drips") as receiver:
        verdict = post(target(folder, receiver.url, "timeout_s = 0.3\n"), DELIVERY)
    assert verdict.fault == "no answer within 0.3 s"
    assert verdict.again


def test_a_server_that_is_away_is_asked_again(folder: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/a-secret-path"
    verdict = post(target(folder, url), DELIVERY)
    assert (verdict.taken, verdict.again) == (False, True)
    assert verdict.fault == "Connection refused"


OPENSSL = shutil.which("openssl")


@pytest.mark.skipif(OPENSSL is None, reason="no openssl to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(folder: Path) -> None:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with Receiver(tls=tls) as receiver:
        hook = target(folder, receiver.url)
        verdict = post(hook, DELIVERY)
        assert verdict.fault.startswith("its certificate cannot be trusted")
        assert receiver.requests == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(certificate))
            assert post(hook, DELIVERY).taken


@pytest.mark.parametrize(
    ("status", "taken", "again"),
    [(200, True, True), (204, True, True), (301, False, False), (400, False, False),
     (404, False, False), (408, False, True), (429, False, True), (500, False, True),
     (503, False, True)],
)  # fmt: skip
def test_an_answer_says_whether_to_ask_again(status: int, taken: bool, again: bool) -> None:
    verdict = judged(status)
    assert verdict.taken == taken
    assert taken or verdict.again == again


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 0), ("12", 12), ("nan", 0), ("-3", 0), ("9e9", 3600), ("soon", 0),
     ("Fri, 31 Dec 1999 23:59:59 GMT", 0)],
)  # fmt: skip
def test_retry_after_is_heeded_within_bounds(header: str, seconds: float) -> None:
    assert judged(503, header).after_s == seconds
    assert judged(400, header).after_s == 0


def test_the_body_without_a_template_is_all_fields(folder: Path) -> None:
    happening = Happening(
        event="enter", id="e", at_utc="2026-01-01T00:00:00.000Z", text="Zoë enters at door",
        camera="door", identity="Zoë",
    )  # fmt: skip
    letter = target(folder, "http://127.0.0.1:9/").letter(happening)
    content = json.loads(letter.body)
    assert (content["type"], content["timestamp"]) == ("enter", happening.at_utc)
    assert content["data"]["identity"] == "Zoë"
    assert letter.people == ("Zoë",)
