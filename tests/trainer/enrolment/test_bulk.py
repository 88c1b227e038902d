from pathlib import Path

import pytest

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.errors import DatasetError
from streamer.vision.align import SHIPPED_ALIGNMENT
from trainer.enrolment.bulk import Rules, harvest_people, people_in
from trainer.enrolment.rows import Face
from workers.gallery.traces import find_traces
from workers.gallery.versions import Versions

RULES: Rules = (EnrolConfig(), DetectConfig(), SHIPPED_ALIGNMENT)


def face_row(face: Face) -> tuple[object, ...]:
    crop = face.crop
    numbers = (crop.face_px, crop.sharpness, crop.brightness)
    return face.source, crop.crop_rgb.tobytes(), *numbers, face.refused


def people_folder(folder: Path, portraits: dict[str, Path]) -> Path:
    root = folder / "people"
    for name, path in portraits.items():
        (root / name).mkdir(parents=True)
        (root / name / path.name).write_bytes(path.read_bytes())
    return root


def test_folders_and_clips_are_people(folder: Path, portraits: dict[str, Path]) -> None:
    with pytest.raises(DatasetError, match="must be a folder"):
        people_in(folder / "none")
    (folder / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match="neither a folder nor a clip"):
        people_in(folder)
    root = people_folder(folder, portraits)
    (root / "Ada.mp4").write_bytes(b"")
    assert sorted(people_in(root)) == ["Ada", "Eileen Collins", "Grace Hopper"]


def test_names_are_composed_and_two_folders_of_one_name_are_refused(folder: Path) -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    (folder / decomposed).mkdir()
    (folder / f"{decomposed}.mp4").write_bytes(b"")
    assert {name: len(paths) for name, paths in people_in(folder).items()} == {composed: 2}
    (folder / composed).mkdir()
    with pytest.raises(DatasetError) as caught:
        people_in(folder)
    assert ascii(composed) in str(caught.value)
    assert ascii(decomposed) in str(caught.value)


def test_work_on_a_person_is_found_by_the_name_wherever_it_was_called_from(
    folder: Path, portraits: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(people_folder(folder, portraits))
    data = folder / "data"
    harvest_people(people_in(Path()), data / "work" / "enrol", RULES, lambda count: None)
    for name in portraits:
        assert find_traces(Versions(data / "gallery"), data, name).paths == (data / "work",)
    assert not find_traces(Versions(data / "gallery"), data, "Grace Hopp")


def test_a_stopped_harvest_goes_on_with_what_is_missing(
    folder: Path, portraits: dict[str, Path]
) -> None:
    found = people_in(people_folder(folder, portraits))
    done: list[int] = []
    with pytest.raises(DatasetError, match="stopped"):
        harvest_people(found, folder / "work", RULES, done.append, stopped=lambda: True)
    files = {path: path.stat().st_mtime_ns for path in (folder / "work").glob("*.npz")}
    assert files
    done.clear()
    harvests = harvest_people(found, folder / "work", RULES, done.append)
    assert sum(done) == 2
    assert {name: len(h.usable) for name, h in harvests.items()} == dict.fromkeys(portraits, 1)
    for path, time in files.items():
        assert path.stat().st_mtime_ns == time
    for path in (folder / "work").glob("*.npz"):
        path.write_bytes(b"half")
    again = harvest_people(found, folder / "work", RULES, done.append)
    assert [face_row(f) for h in again.values() for f in h.faces] == [
        face_row(f) for h in harvests.values() for f in h.faces
    ]
