"""Forget a person: out of every version of the gallery and everything else in the data folder.

A version never changes, so each that holds the person is replaced by a new one without them, and
deleted; one in which nobody else was is only deleted. Nothing is fitted anew: the others' numbers
stay as they are, which always works and is quick. The version in use is replaced first, and a
running pipeline takes that up.

While it is going on, `gallery/forgetting-*.json` says who is being forgotten. It goes last: whoever
next takes the gallery's lock finishes what was killed.
"""

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import write_file
from streamer.history.database import history_file
from streamer.history.forgetting import forget as forget_from_history
from streamer.history.forgetting import holds
from workers.gallery.notes import remove_note
from workers.gallery.papers import extras_without
from workers.gallery.traces import Traces, find_traces, names_of
from workers.gallery.version import Gallery, read_manifest
from workers.gallery.versions import Versions, version_name
from workers.names import composed_name


@dataclass(frozen=True)
class Removal:
    """What was deleted of a person: versions with the ones in their place, or None, and files.

    visits: how many of the history.
    """

    name: str
    versions: dict[str, str | None]
    paths: tuple[Path, ...]
    visits: int = 0


def forget_person(
    versions: Versions, data: Path, name: str, before: int | None = None
) -> Removal | None:
    """Delete all that the data folder holds of a person; None if that is nothing.

    before: of a former name, from versions of lower numbers alone, for somebody else may have it
    now. Call it with the gallery's lock. Killed at any moment, `finish_forgetting` goes on.
    """
    name = composed_name(name)
    traces = _traces(versions, data, name, before)
    if not traces:
        return None
    word = hashlib.sha256(f"{name}{'' if before is None else before}".encode()).hexdigest()[:16]
    journal = versions.folder / f"forgetting-{word}.json"
    write_file(journal, json.dumps({"name": name, "before": before}).encode())
    removal = _remove(versions, data, name, traces, before)
    journal.unlink()
    return removal


def finish_forgetting(versions: Versions, data: Path) -> list[Removal]:
    """Finish what was killed; return what was deleted now. Call it with the gallery's lock."""
    finished = []
    for journal in sorted(versions.folder.glob("forgetting-*.json")):
        noted = json.loads(journal.read_bytes())
        name, before = str(noted["name"]), noted.get("before")
        traces = _traces(versions, data, name, before)
        finished.append(_remove(versions, data, name, traces, before))
        journal.unlink()
    return finished


def _traces(versions: Versions, data: Path, name: str, before: int | None) -> Traces:
    traces = find_traces(versions, data, name)
    if before is None:
        return traces
    later = [version for version in versions.versions() if int(version) >= before]
    taken = any(names_of(_people_of(versions, version), name) for version in later)
    return replace(
        traces,
        versions=tuple(version for version in traces.versions if int(version) < before),
        doubtful_versions=tuple(v for v in traces.doubtful_versions if int(v) < before),
        paths=() if taken else traces.paths,
        doubtful_paths=() if taken else traces.doubtful_paths,
        history=traces.history and not taken,
        noted=False,
    )


def _people_of(versions: Versions, version: str) -> list[str]:
    try:
        return list(read_manifest(versions.folder_of(version))["people"])
    except GalleryError:
        return []


def _remove(
    versions: Versions, data: Path, name: str, traces: Traces, before: int | None
) -> Removal:
    for path in (*traces.paths, *traces.doubtful_paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    replaced = _replace_versions(versions, name, traces)
    if traces.noted:
        remove_note(versions.folder, name)
    if before is not None and not traces.history:
        return Removal(name, replaced, traces.paths + traces.doubtful_paths)
    # Last: until then a running pipeline may still name the person, and have that written down.
    history = history_file(data)
    damaged = (history,) if holds(history, name) is None else ()
    visits = forget_from_history(history, name, versions.next_number())
    paths = tuple(dict.fromkeys(traces.paths + traces.doubtful_paths + damaged))
    return Removal(name, replaced, paths, visits)


def _replace_versions(versions: Versions, name: str, traces: Traces) -> dict[str, str | None]:
    current: str | None = None
    with contextlib.suppress(GalleryError):
        current = versions.current_version()
    gone = sorted({*traces.versions, *traces.doubtful_versions}, key=int)
    successors = _successors(versions, name, gone, current)
    parents = {version: _parent(versions, version, gone, successors) for version in gone}
    # What is in use goes first; or last, if it is too damaged to have a successor of its own.
    gone.sort(key=lambda v: (v == current and successors[v] is None, v != current, int(v)))
    for version in gone:
        successor = successors[version]
        if successor is not None and successor not in versions.versions():
            gallery, extras = _without(versions, version, name)
            gallery = replace(gallery, parent=parents[version])
            versions.add(gallery, int(successor), extras, replaces=version)
        if version == current:
            _put_in_use(versions, successor, version)
        versions.remove(version)
    return successors


def _successors(
    versions: Versions, name: str, gone: list[str], current: str | None
) -> dict[str, str | None]:
    """Return what replaces each version that goes: None where nobody is left, or none is whole."""
    made = {}  # by a run that was killed
    for version in versions.versions():
        if version not in gone:
            made[str(read_manifest(versions.folder_of(version)).get("replaces"))] = version
    number = versions.next_number()
    successors: dict[str, str | None] = {}
    for version in gone:
        successors[version] = made.get(version)
        if version in made or not _is_worth_keeping(versions, version, name, version == current):
            continue
        successors[version] = version_name(number)
        number += 1
    return successors


def _is_worth_keeping(versions: Versions, version: str, name: str, in_use: bool) -> bool:
    try:
        gallery = versions.read_version(version, whole=True)
    except GalleryError:
        return False
    names = gallery.people.names
    return in_use or len(names_of(list(names), name)) < len(names)


def _parent(
    versions: Versions, version: str, gone: list[str], successors: dict[str, str | None]
) -> str | None:
    """Return the nearest forebear that stays, or what replaces it."""
    seen = {version}
    parent: str | None = version
    while parent in gone:
        try:
            parent = read_manifest(versions.folder_of(parent))["parent"]
        except GalleryError:
            return None
        if parent in seen:
            return None
        if parent in gone and successors[parent] is not None:
            return successors[parent]
        seen.add(str(parent))
    return parent if parent in versions.versions() else None


def _without(versions: Versions, version: str, name: str) -> tuple[Gallery, dict[str, bytes]]:
    gallery = versions.read_version(version)
    people, classifier = gallery.people, gallery.classifier
    for other in names_of(list(people.names), name):
        classifier = classifier.without_person(people.names.index(other))
        people = people.without_person(other)
    extras = extras_without(versions.folder_of(version), name)
    return replace(gallery, people=people, classifier=classifier), extras


def _put_in_use(versions: Versions, successor: str | None, damaged: str) -> None:
    """Use the successor; if there is none, the newest version of our own that is whole, if any."""
    others = [version for version in reversed(versions.versions()) if version != damaged]
    for candidate in [successor] if successor else others:
        try:
            if successor or not versions.read_version(candidate).imported:
                versions.activate(candidate)
                return
        except GalleryError:
            continue
    (versions.folder / "current").unlink()
