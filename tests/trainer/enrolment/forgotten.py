"""A data folder in which a person has left traces everywhere, and a search of its every byte."""

import io
import json
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streamer.capture.demo import background, collins_bgr, hopper_bgr
from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.constants import WEBHOOKS_FILE
from streamer.history.corrections import name_stranger
from streamer.history.database import history, history_file
from streamer.history.keeping import Kept
from streamer.history.recording import Rules
from streamer.history.retention import Limits
from streamer.history.writer import Writer
from streamer.vision.align import SHIPPED_ALIGNMENT
from streamer.vision.images import encode_image
from streamer.webhooks.store import Letter, WebhookStore
from tests.streamer.history.heard import crops, event
from trainer.enrolment.bulk import harvest_people
from trainer.enrolment.enrol import enrol
from trainer.enrolment.harvest import harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore

NAME = "Zo\u00eb K\u00fchn"
OTHERS = {"Grace Hopper", "Third Person"}
RULES, DETECT = EnrolConfig(), DetectConfig()


def leave_traces(data: Path, embedder: Embedder, impostors: Impostors) -> None:
    """Enrol her and two others, go back, export, import, refuse, report, and be killed at work.

    000001 her; 000002 also Grace Hopper; 000003, in use, also the third; 000004 is imported.
    """
    photos = data.parent / "photos"
    (photos / NAME).mkdir(parents=True)
    own = photos / NAME / "1.png"
    own.write_bytes(encode_image(collins_bgr(), ".png"))
    hopper, third, wall = (photos / f"{name}.png" for name in ("hopper", "third", "wall"))
    hopper.write_bytes(encode_image(hopper_bgr(), ".png"))
    third.write_bytes(encode_image(np.ascontiguousarray(hopper_bgr()[:, ::-1]), ".png"))
    wall.write_bytes(encode_image(np.ascontiguousarray(background()[:300, :300]), ".png"))
    store, spec = GalleryStore(data / "gallery"), ClassifierSpec()
    found = {
        path: harvest([path], RULES, DETECT, SHIPPED_ALIGNMENT)
        for path in (own, hopper, third, wall)
    }
    enrol(store, {NAME: found[own]}, embedder=embedder, impostors=impostors, rules=RULES, spec=spec)
    # Somebody who looks like her, and she again: refused, in other people's versions.
    people = {"Grace Hopper": found[hopper], "Look Alike": found[own]}
    enrol(store, people, embedder=embedder, impostors=impostors, rules=RULES, spec=spec)
    people = {"Third Person": found[third], NAME: found[wall]}
    enrol(store, people, embedder=embedder, impostors=impostors, rules=RULES, spec=spec, force=True)
    (data / "backup").mkdir()
    with store.lock():
        store.export("000001", data / "hers.zip")
        store.export("000003", data / "backup" / "all.zip")
        store.import_(data / "hers.zip")
    half = (data / "backup" / "all.zip").read_bytes()[:3000]
    (data / "backup" / ".99999.half.zip").write_bytes(half)
    versions = data / "gallery" / "versions"
    shutil.copytree(versions / "000001", versions / ".partial-99999")
    for person, path in ((NAME, own), ("Unlike Anybody", wall)):
        harvest_people(
            {person: [path.parent]},
            data / "work" / "enrol",
            (RULES, DETECT, SHIPPED_ALIGNMENT),
            print,
        )
        refused = data / "refused" / person.replace(" ", "_")
        refused.mkdir(parents=True)
        (refused / "enrolment.csv").write_text(f"person,source,outcome\n{person},x.png,refused\n")
    for report, person in (("gallery-000003", NAME), ("dataset-x", NAME), ("dataset-y", "Y")):
        folder = data / "reports" / report
        folder.mkdir(parents=True)
        (folder / "predictions.csv").write_text(f"source,person\nx.png,{person}\n")
        (folder / "report.html").write_text(f"<td>{person}</td>")
    leave_visits(data)
    leave_deliveries(data)


def leave_visits(data: Path) -> None:
    """Have her and another come and go, with snapshots, and her be a stranger who was named."""
    people = GalleryStore(data / "gallery").read_version("000003").people
    rules = Rules(strangers=True, keep=True, snapshots=True)
    writer = Writer(history_file(data), rules, Limits(36_500, 36_500, 10**9))
    for track, row in enumerate((*np.flatnonzero(people.labels == 0), len(people.labels) - 1) * 3):
        (kept,) = crops(track, 0.9)
        embedding, crop = people.embeddings[row].tobytes(), people.crops_rgb[row].tobytes()
        writer.take_crop(Kept(kept.info, people.alignment, embedding, crop))
        name = people.names[people.labels[row]]
        stranger = "unknown-1" if track == 1 else None
        writer.hear(event("enter", track, None if stranger else name, stranger))
        writer.hear(event("exit", track, None if stranger else name, stranger))
        writer.flush()
    writer.close()
    assert writer.fault == ""
    with history(history_file(data)) as connection:
        name_stranger(connection, "unknown-1", NAME, snapshots=True)


def leave_deliveries(data: Path) -> None:
    """Have a webhook be away that is to be told of her and of another."""
    with WebhookStore(data / WEBHOOKS_FILE, make=True) as store:
        store.put(
            Letter(
                id=f"{number}.chat", webhook="chat", event="enter", camera="door",
                body=f"{name} enters at door".encode(), people=(name,),
            )
            for number, name in enumerate((NAME, "Grace Hopper", NAME))
        )  # fmt: skip


def needles(data: Path) -> dict[str, bytes]:
    """What must not be found, by what it is: of her name, her crops and their embeddings."""
    found = {}
    people = GalleryStore(data / "gallery").read_version("000001").people
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, NAME)
        slug = name.replace(" ", "_")
        for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
            found[f"name, {form}, {encoding}"] = name.encode(encoding)
        found[f"file name, {form}"] = slug.encode()
        found[f"name, {form}, in JSON"] = json.dumps(name)[1:-1].encode()
    for crop, embedding in zip(people.crops_rgb, people.embeddings, strict=True):
        found["crop"], found["embedding"] = crop.tobytes(), embedding.tobytes()
    return found


def search(folder: Path, wanted: dict[str, bytes]) -> list[str]:
    """Where any of them are, in the names and bytes of all files, and of archives' members."""
    hits = []
    for path in sorted(folder.rglob("*")):
        contents = {"": str(path.relative_to(folder)).encode()}
        if path.is_file():
            contents |= dict(members(path.name, path.read_bytes()))
        for where, content in contents.items():
            hits += [f"{path} {where}: {what}" for what, it in wanted.items() if it in content]
    return hits


def members(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's content and, of an archive, what is in it, unpacked."""
    yield name, content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.namelist():
                yield from members(f"{name}/{entry}", entry.encode() + archive.read(entry))
