"""People, changed and asked about over REST, with a real control service and a real history."""

import io
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from streamer.history.database import history
from streamer.history.writer import Writer
from streamer.vision.images import decode_image
from tests.streamer.history.heard import ALL, LIMITS, crops, event
from tests.streamer.web.serving import PATIENCE_S, Served

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def done(web: Served, path: str, **sent: Any) -> dict[str, Any]:
    """Ask for a change and follow its job to the end."""
    answer = web.http.post(path, **sent)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    until = time.monotonic() + PATIENCE_S
    while job["state"] in ("queued", "running"):
        assert time.monotonic() < until
        where = f"/api/jobs/{job['job']}"
        job = web.http.get(where, params={"seen": job["revision"], "wait_ms": 5000}).json()
    assert isinstance(job, dict)
    return job


def names(web: Served) -> list[str]:
    return [each["name"] for each in web.http.get("/api/people").json()]


def test_people_are_enrolled_renamed_and_forgotten(
    with_people: Served, portraits: dict[str, Path]
) -> None:
    web = with_people
    assert names(web) == [COLLINS, HOPPER]
    files = [("pictures", ("me.png", portraits[HOPPER].read_bytes())),
             ("pictures", ("none.png", b"no picture"))]  # fmt: skip
    job = done(web, "/api/people/Z/enrol", files=files, data={"force": "true"})
    assert (job["state"], job["kind"]) == ("done", "EnrolPictures")
    assert any("none.png" in line for line in job["warnings"])
    assert names(web) == [COLLINS, HOPPER, "Z"]
    # Of crops there are pictures and verdicts; of all that is held of her, a file.
    hers = web.http.get(f"/api/people/{HOPPER}").json()
    (crop,) = hers["crops_list"]
    assert (crop["kept"], crop["url"]) == (True, hers["crop_url"])
    assert decode_image(web.http.get(crop["url"]).content) is not None
    assert web.http.get(f"/api/people/{COLLINS}/crops/{crop['id']}.jpg").status_code == 409
    content = web.http.get(f"/api/people/{HOPPER}/export.zip").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert any(name.endswith(".png") for name in archive.namelist())
    picture = {"picture": ("who.png", portraits[HOPPER].read_bytes())}
    found = web.http.post("/api/search", files=picture).json()
    assert {found[0]["person"], found[1]["person"]} == {HOPPER, "Z"}
    assert found[0]["likeness"] > 0.9 > found[-1]["likeness"]
    nothing = web.http.post("/api/search", files={"picture": ("x.png", b"no picture")})
    assert (nothing.status_code, "error" in nothing.json()) == (409, True)
    # A name may have any printable letter in it, on its way here and back.
    assert done(web, "/api/people/Z/rename", json={"name": "Zoë/1 %2F?"})["state"] == "done"
    path = "/api/people/Zo%C3%AB%2F1%20%252F%3F"
    assert web.http.get(path).json()["name"] == "Zoë/1 %2F?"
    expiry = {"consent": "said yes", "expires_utc": "2199-01-01T00:00:00Z"}
    assert done(web, f"{path}/consent", json=expiry)["state"] == "done"
    assert web.http.get(path).json()["consent"] == "said yes"
    assert done(web, f"{path}/forget", json={})["state"] == "done"
    assert web.http.get(path).status_code == 404
    failed = done(web, f"/api/people/{COLLINS}/rename", json={"name": HOPPER})
    assert (failed["state"], HOPPER in failed["fault"]) == ("failed", True)
    versions = web.http.get("/api/gallery").json()
    assert versions[0]["in_use"]
    assert done(web, "/api/gallery/000001/activate", json={})["state"] == "done"
    assert names(web) == [COLLINS]
    different = web.http.get("/api/gallery/diff?old=1&new=2").json()
    assert [row["name"] for row in different["crops"]] == [HOPPER]
    assert web.http.get("/api/jobs").json()[0]["kind"] == "Activate"
    assert web.http.get("/api/jobs/nothing").status_code == 404
    assert web.http.post("/api/people/X/enrol", files=[files[1]] * 65).status_code == 422
    assert web.http.post("/api/people/X/enrol", json={}).status_code == 422


def test_visits_and_strangers_are_read_from_the_history(web: Served) -> None:
    assert web.http.get("/api/visits").json() == []
    path = web.config.history_path
    path.parent.mkdir(parents=True)
    writer = Writer(path, ALL, LIMITS)
    for track in range(1, 6):
        writer.hear(event("enter", track, "Ada" if track % 2 else "Bob", at_s=track))
        writer.hear(event("exit", track, "Ada" if track % 2 else "Bob", at_s=track + 0.5))
    writer.hear(event("enter", 9, None, "unknown-1", at_s=20))
    (kept,) = crops(9, 0.9)
    writer.take_crop(replace(kept, pixels=bytes([200, 100, 50]) * 96 * 96))
    writer.flush()
    writer.close()

    found = web.http.get("/api/visits?limit=2").json()
    assert [each["person"] or each["stranger"] for each in found] == ["unknown-1", "Ada"]
    assert (found[0]["exit_utc"], found[1]["exit_utc"] is not None) == (None, True)
    more = web.http.get(f"/api/visits?limit=9&before={found[-1]['id']}").json()
    assert [each["person"] for each in more] == ["Bob", "Ada", "Bob", "Ada"]
    hers = web.http.get("/api/visits?person=Ada").json()
    assert len(hers) == 3
    since = web.http.get("/api/visits", params={"person": "Ada", "from": hers[0]["enter_utc"]})
    assert [each["id"] for each in since.json()] == [hers[0]["id"]]
    until = web.http.get("/api/visits", params={"to": hers[-1]["enter_utc"]}).json()
    assert [each["id"] for each in until] == [hers[-1]["id"]]
    assert web.http.get("/api/visits?camera=hall").json() == []
    assert web.http.get("/api/visits?from=yesterday").status_code == 422

    (stranger,) = web.http.get("/api/strangers").json()
    assert (stranger["stranger"], stranger["visits"]) == ("unknown-1", 1)
    assert len(web.http.get("/api/strangers/unknown-1/visits").json()) == 1
    for url in (stranger["crop_url"], found[0]["snapshot_url"]):
        picture = decode_image(web.http.get(url).content)
        assert picture is not None
        assert picture.shape == (96, 96, 3)
        blue, green, red = np.median(picture, (0, 1))
        assert red > 150 > green > blue
    assert web.http.get("/api/strangers/unknown-2/crop.jpg").status_code == 404
    assert web.http.get(f"/api/visits/{more[0]['id']}/crop.jpg").status_code == 404
    # Nobody changes people here, and that is said; a damaged history is said, too.
    assert "control" in web.http.get("/api/people").json()["error"]
    with history(path) as connection:
        connection.execute("DROP TABLE visits")
    assert web.http.get("/api/visits").status_code == 503
