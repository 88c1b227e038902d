"""Who is let in: by token, by cookie, and who is not."""

import shutil
import ssl
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from streamer.config.surroundings import lacks, web_faults
from streamer.errors import ConfigError
from streamer.web.access import COOKIE, FORGIVEN_S, WRONG_AT_MOST, Access
from streamer.web.tokens import SESSION_S, is_session, make_token, new_session, read_hash
from tests.streamer.web.serving import served, web_config


def test_beyond_this_host_nothing_is_served_without_a_token(folder: Path) -> None:
    for more in ('address = "0.0.0.0"\n', 'address = "::"\n', 'hosts = ["door.example"]\n'):
        config = web_config(folder, more)
        assert len(web_faults(config)) == 1
        assert "facestream web token" in "".join(lacks(config))
        with pytest.raises(ConfigError, match="facestream web token"), served(config):
            pass
    make_token(config.web_token_path)
    assert web_faults(config) == []
    assert web_faults(web_config(folder, 'enabled = false\naddress = "0.0.0.0"\n')) == []


def test_the_file_holds_a_hash_for_its_owner_alone(folder: Path) -> None:
    path = folder / "var" / "web" / "token"
    token = make_token(path)
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert make_token(path) != token
    path.write_text("something else")
    with pytest.raises(ConfigError, match="no token's file"):
        read_hash(path)


def test_a_token_lets_in_and_nothing_else_does(folder: Path) -> None:
    config = web_config(folder)
    token = make_token(config.web_token_path)
    with served(config) as web, httpx.Client(base_url=web.url, timeout=60) as other:
        for path in ("/api/cameras", "/api/openapi.json", "/camera/door.jpg", "/api/nothing"):
            answer = other.get(path)
            assert (answer.status_code, "error" in answer.json()) == (401, True), path
        for path in ("/", "/static/index.html"):  # what asks for the token
            assert other.get(path).status_code == 200
        with pytest.raises(InvalidStatus), web.live():
            pass
        wrong = {"Authorization": "Bearer wrong"}
        assert other.get("/api/cameras", headers=wrong).status_code == 401
        assert other.get("/static/../../config.toml").status_code in (401, 404)
        bearer = {"Authorization": f"Bearer {token}"}
        assert other.get("/api/cameras", headers=bearer).status_code == 200
        with web.live(additional_headers=bearer):
            pass

        assert other.post("/login", json={"token": "wrong"}).status_code == 401
        assert other.post("/login", json={"token": token}).status_code == 204
        (cookie,) = other.cookies.jar
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "strict"
        assert token not in str(cookie.value)
        assert other.get("/api/cameras").status_code == 200
        with web.live(additional_headers={"Cookie": f"{COOKIE}={cookie.value}"}):
            pass
        # Too many wrong ones: no further token is looked at for a while; who is in stays in.
        for _ in range(WRONG_AT_MOST):
            web.http.get("/api/cameras", headers=wrong)
        assert web.http.get("/api/cameras", headers=bearer).status_code == 429
        assert web.http.post("/login", json={"token": token}).status_code == 429
        assert other.get("/api/cameras").status_code == 200
        make_token(config.web_token_path)  # another one ends what the first let in
        assert other.get("/api/cameras").status_code == 401


def test_it_fails_closed_and_forgives_after_a_while(folder: Path) -> None:
    now = 0.0
    path = folder / "token"
    token = make_token(path)
    access = Access(path, needed=True, clock=lambda: now)
    good = Headers({"authorization": f"Bearer {token}"})
    for _ in range(WRONG_AT_MOST):
        assert access.judge(Headers({"authorization": "Bearer x"}), "192.0.2.1") == "wrong"
    assert access.judge(good, "192.0.2.1") == "too many"
    assert access.judge(good, "192.0.2.2") == "in"
    now += FORGIVEN_S + 1
    assert access.judge(good, "192.0.2.1") == "in"
    path.write_text("damaged")
    assert access.judge(good, "192.0.2.2") == "out"
    path.unlink()
    assert access.judge(good, "192.0.2.2") == "out"
    assert Access(path, needed=False).judge(Headers({}), "127.0.0.1") == "in"


def test_a_session_ends_and_cannot_be_made_up(folder: Path) -> None:
    make_token(folder / "token")
    known = read_hash(folder / "token")
    assert known is not None
    session = new_session(known)
    ends, signature = session.split(".")
    assert is_session(session, known)
    assert not is_session(session, "0" * 64)
    assert not is_session(f"{int(ends) + 1}.{signature}", known)
    for made_up in ("", ".", f"{time.time() + SESSION_S:.0f}.", f"{ends}.{'0' * 64}", known):
        assert not is_session(made_up, known)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_https_is_served_with_a_certificate_and_a_bad_one_is_one_line(folder: Path) -> None:
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(make.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    config = web_config(folder, 'cert = "cert.pem"\nkey = "key.pem"\n')
    token = make_token(config.web_token_path)
    with served(config, context) as web:
        assert web.http.get("/api/cameras").status_code == 401
        answer = web.http.post("/login", json={"token": token})
        assert "Secure" in answer.headers["set-cookie"]
        assert web.http.get("/api/cameras").status_code == 200
    (folder / "key.pem").write_text("no key")
    with pytest.raises(ConfigError, match=r"web\.cert and web\.key"), served(config, context):
        pass
