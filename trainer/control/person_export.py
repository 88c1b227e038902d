"""All that is held of a person, as one .zip file to hand to them."""

import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.constants import WEBHOOKS_FILE
from streamer.errors import ConfigError, GalleryError
from streamer.files import create_private, replacing
from streamer.history import queries
from streamer.history.corrections import ignored
from streamer.history.database import history, history_file
from streamer.vision.images import encode_image
from streamer.webhooks.store import WebhookStore
from streamer.wire.control import Export
from streamer.wire.timestamps import utc_text
from trainer.control.desk import Desk
from trainer.control.job_files import RESULT
from trainer.control.work import Work
from workers.gallery.aside import SetAside
from workers.gallery.notes import read_notes
from workers.gallery.store import GalleryStore
from workers.gallery.traces import PERSON_EXPORT, REFUSED, find_traces, names_of
from workers.names import composed_name, file_name_of

_EVERYTHING = 2**40


def export_job(desk: Desk, change: Export, work: Work) -> None:
    """Write what is held of a person into the change's folder, from where it is sent in parts."""
    work.progress("collecting")
    with desk.store.lock():
        counts = export_person(desk.store, change.person, work.folder / RESULT, work.folder)
    held = ", ".join(f"{count} {what}" for what, count in counts.items())
    work.say(f"{held or 'a mention'}; keep it safe")


def export_person(
    store: GalleryStore, name: str, out: Path, ignored_folder: Path | None = None
) -> dict[str, int]:
    """Write what the data folder holds of a person; how much of what that is.

    Call it with the gallery's lock. Raises GalleryError where nothing is held, but for what is in
    the folder to ignore.
    """
    if out.suffix != ".zip" or not out.parent.is_dir():
        raise ConfigError(f"{out}: must end in .zip, in a folder that exists")
    name = composed_name(name)
    traces = find_traces(store, store.data, name)
    paths = tuple(path for path in traces.paths if path != ignored_folder)
    traces = replace(traces, paths=paths)
    if not traces:
        raise GalleryError(f"nothing is held of {name!r}; see who is with: facestream people")
    counts: dict[str, int] = {}
    with (
        replacing(out) as partial,
        open(partial, "wb", opener=create_private) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        head = {"name": name, "exported_utc": utc_text(time.time_ns())}
        archive.writestr(PERSON_EXPORT, _json(head))
        _write_note(archive, store, name, counts)
        _write_gallery(archive, store, traces.versions, name, counts)
        _write_history(archive, store.data, name, counts)
        _write_deliveries(archive, store.data, name, counts)
        _write_files(archive, store.data, name, traces.paths, counts)
    return counts


def _write_note(
    archive: zipfile.ZipFile, store: GalleryStore, name: str, counts: dict[str, int]
) -> None:
    """Write who agreed, until when, and former names."""
    note = read_notes(store.folder).get(name)
    if note is not None:
        archive.writestr("consent.json", _json(asdict(note)))
        counts["note of consent"] = 1


def _write_gallery(
    archive: zipfile.ZipFile,
    store: GalleryStore,
    versions: Sequence[str],
    name: str,
    counts: dict[str, int],
) -> None:
    """Write her crops and embeddings, and what is not her, each once however many versions."""
    seen: dict[str, set[bytes]] = {"gallery": set(), "not_them": set()}
    rows: dict[str, list[dict[str, Any]]] = {"gallery": [], "not_them": []}
    for version in versions:
        try:
            gallery = store.read_version(version)
        except GalleryError:
            continue  # it cannot be told what in it is hers
        people = gallery.people
        for person in names_of(list(people.names), name):
            number = people.names.index(person)
            for kind, held in (("gallery", people), ("not_them", people.not_them)):
                for index in np.flatnonzero(held.labels == number).tolist():
                    crop, embedding = held.crops_rgb[index], held.embeddings[index]
                    key = crop.tobytes() + embedding.tobytes()
                    if key in seen[kind]:
                        continue
                    seen[kind].add(key)
                    picture = f"{kind}/{len(rows[kind]) + 1:04d}.png"
                    archive.writestr(picture, _png(crop))
                    rows[kind].append(
                        {
                            "picture": picture,
                            "source": held.sources[index],
                            "version": version,
                            "weights": gallery.weights,
                            "embedding": embedding.tolist(),
                        }
                    )
            _write_aside(archive, people.aside, person, rows.setdefault("set_aside", []))
    for kind, found in rows.items():
        if found:
            archive.writestr(f"{kind}.json", _json(found))
            counts[f"{kind} crops"] = len(found)


def _write_aside(
    archive: zipfile.ZipFile, aside: SetAside, person: str, rows: list[dict[str, Any]]
) -> None:
    """Write crops of hers that are set aside, each once: their ids are the same in all versions."""
    for row, crop in zip(aside.rows, aside.crops_rgb, strict=True):
        if row.person == person and row.id not in [known["id"] for known in rows]:
            picture = f"set_aside/{row.id}.png"
            archive.writestr(picture, _png(crop))
            rows.append({"id": row.id, "picture": picture, "why": row.why, "source": row.source})


def _write_history(archive: zipfile.ZipFile, data: Path, name: str, counts: dict[str, int]) -> None:
    path = history_file(data)
    if not path.is_file():
        return
    wanted = queries.Wanted(person=name, limit=_EVERYTHING)
    with history(path) as connection:
        found: dict[str, list[Any]] = {
            "events": queries.events(connection, wanted),
            "visits": queries.visits(connection, wanted),
            "corrections": queries.corrections_of(connection, name),
            "ignored": [name] if name in ignored(connection) else [],
            "snapshots": list(_snapshots(archive, queries.crops_of_person(connection, name))),
        }
    for kind, rows in found.items():
        if rows:
            archive.writestr(f"{kind}.json", _json(rows))
            counts[kind] = len(rows)


def _write_deliveries(
    archive: zipfile.ZipFile, data: Path, name: str, counts: dict[str, int]
) -> None:
    """Write what is to be told of her to webhooks, or could not be."""
    path = data / WEBHOOKS_FILE
    if not path.is_file():
        return
    with WebhookStore(path) as queue:
        rows = [
            {"webhook": each.webhook, "body": each.body.decode(errors="replace")}
            for each in queue.about(name)
        ]
    if rows:
        archive.writestr("deliveries.json", _json(rows))
        counts["deliveries"] = len(rows)


def _snapshots(
    archive: zipfile.ZipFile, crops: Sequence[queries.StoredCrop]
) -> Iterator[dict[str, Any]]:
    for number, crop in enumerate(crops, start=1):
        picture = f"snapshots/{number:04d}.png"
        archive.writestr(picture, _png(crop.crop_rgb))
        yield {
            "picture": picture,
            "visit": crop.visit,
            "captured_utc": queries.utc_of(crop.at_ms),
            "weights": crop.weights,
            "embedding": crop.embedding.tolist(),
        }


def _write_files(
    archive: zipfile.ZipFile, data: Path, name: str, paths: Sequence[Path], counts: dict[str, int]
) -> None:
    """Write pictures of hers that were refused; of files that show others, too, only where."""
    elsewhere = []
    for path in paths:
        if path != data / REFUSED / file_name_of(name):
            elsewhere.append(str(path.relative_to(data)))
            continue
        for each in sorted(path.iterdir()):
            archive.write(each, f"refused/{each.name}")
            counts["refused files"] = counts.get("refused files", 0) + 1
    if elsewhere:
        archive.writestr("elsewhere.json", _json(elsewhere))
        counts["files that hold others, too (named only)"] = len(elsewhere)


def _png(crop_rgb: NDArray[np.uint8]) -> bytes:
    return encode_image(np.ascontiguousarray(crop_rgb[:, :, ::-1]), ".png")


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1)
