import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import Actor, background, write_clip
from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.vision.align import SHIPPED_ALIGNMENT
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from trainer.enrolment.enrol import enrol
from trainer.enrolment.harvest import harvest
from trainer.enrolment.intake import Intake, varied
from trainer.enrolment.rows import Harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

RULES, DETECT = EnrolConfig(), DetectConfig()


def save(path: Path, image: NDArray[np.uint8]) -> Path:
    path.write_bytes(encode_image(image, ".png"))
    return path


def refusal(paths: list[Path]) -> str:
    found = harvest(paths, RULES, DETECT, SHIPPED_ALIGNMENT)
    assert found.usable == []
    return " | ".join(f"{where}: {why}" for where, why in found.refused)


def test_no_path_gives_nothing() -> None:
    assert harvest([], RULES, DETECT, SHIPPED_ALIGNMENT) == Harvest()


def test_a_good_photo_gives_its_crop(portraits: dict[str, Path]) -> None:
    found = harvest([portraits["Eileen Collins"]], RULES, DETECT, SHIPPED_ALIGNMENT)
    assert [face.crop.crop_rgb.shape for face in found.usable] == [(96, 96, 3)]
    assert found.refused == []


def test_what_cannot_be_used_is_refused_by_name_and_reason(
    folder: Path, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    wall = np.ascontiguousarray(background()[:300, :300])
    assert "no face" in refusal([save(folder / "wall.png", wall)])
    both = np.zeros((360, 600, 3), np.uint8)
    both[:240, :240], both[:, 240:] = collins, hopper
    assert "2 faces" in refusal([save(folder / "both.png", both)])
    small = np.asarray(cv2.resize(collins, None, fx=0.25, fy=0.25), np.uint8)
    assert "too small" in refusal([save(folder / "small.png", small)])
    blurred = np.asarray(cv2.GaussianBlur(collins, (0, 0), 5), np.uint8)
    assert "blurred" in refusal([save(folder / "blurred.png", blurred)])
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert "torn.jpg: cannot be read" in refusal([folder / "torn.jpg"])
    assert "no such file" in refusal([folder / "none.jpg"])
    (folder / "empty").mkdir()
    assert "no photo and no clip" in refusal([folder / "empty"])


def test_a_clip_of_one_person_is_used_and_one_of_two_is_refused(
    folder: Path, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    one = Actor(
        portrait_bgr=collins,
        enter_s=-5,
        leave_s=20,
        centre=(400, 350),
        swing=(100, 30),
        side=(300, 320),
    )
    two = Actor(
        portrait_bgr=hopper,
        enter_s=-5,
        leave_s=20,
        centre=(900, 350),
        swing=(100, 30),
        side=(300, 320),
    )
    write_clip(folder / "one.mp4", [one], 2, fps=10)
    write_clip(folder / "two.mp4", [one, two], 2, fps=10)
    found = harvest([folder / "one.mp4"], RULES, DETECT, SHIPPED_ALIGNMENT)
    assert len(found.usable) >= 5
    clip = str(folder / "one.mp4")
    assert {face.source.followed_face for face in found.usable} == {(clip, 1)}
    seconds = {face.source.seconds or 0.0 for face in found.faces}
    assert sorted(seconds) == pytest.approx([index / 5 for index in range(10)])
    assert "several faces" in refusal([folder / "two.mp4"])


def test_a_folder_is_searched_in_depth(folder: Path, collins: NDArray[np.uint8]) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    save(folder / "a" / "b" / "x.png", collins)
    (folder / "a" / "notes.txt").write_text("x")
    assert len(harvest([folder], RULES, DETECT, SHIPPED_ALIGNMENT).usable) == 1


def test_the_same_pictures_twice_and_a_name_for_somebody_else(
    enrolled: tuple[GalleryStore, Gallery],
    portraits: dict[str, Path],
    embedder: Embedder,
    impostors: Impostors,
) -> None:
    store, gallery = enrolled
    found = harvest([portraits["Eileen Collins"]], RULES, DETECT, SHIPPED_ALIGNMENT)
    spec = ClassifierSpec()

    def as_name(name: str, force: bool = False) -> tuple[Gallery | None, str]:
        made, intakes = enrol(
            store,
            {name: found},
            embedder=embedder,
            impostors=impostors,
            rules=RULES,
            spec=spec,
            force=force,
        )
        return made, intakes[name].refused

    made, why = as_name("Eileen Collins")
    assert made is None
    assert "nothing new" in why
    made, why = as_name("Somebody")
    assert made is None
    assert "look like Eileen Collins" in why
    assert store.current_version() == gallery.version
    made, why = as_name("Somebody", force=True)
    assert made is not None
    assert "Somebody" in made.people.names


def test_who_looks_like_somebody_is_enrolled_after_a_question(
    folder: Path, hopper: NDArray[np.uint8], embedder: Embedder, impostors: Impostors
) -> None:
    """Her mirror image is the nearest thing to a twin that there is."""
    mirrored = save(folder / "twin.png", np.ascontiguousarray(hopper[:, ::-1]))
    own = save(folder / "own.png", hopper)
    store, asked = GalleryStore(folder / "gallery"), []

    def enrolled(found: dict[str, Path], answer: bool) -> dict[str, Intake]:
        def accept(name: str, other: str) -> bool:
            asked.append((name, other))
            return answer

        made, intakes = enrol(
            store,
            {n: harvest([path], RULES, DETECT, SHIPPED_ALIGNMENT) for n, path in found.items()},
            embedder=embedder,
            impostors=impostors,
            rules=RULES,
            spec=ClassifierSpec(),
            accept=accept,
        )
        assert (made is None) == all(intake.refused for intake in intakes.values())
        return intakes

    assert enrolled({"Grace": own}, False)["Grace"].refused == ""
    assert asked == []
    refused = enrolled({"Twin": mirrored}, False)["Twin"]
    assert "--accept-look-alikes" in refused.refused
    twin = enrolled({"Twin": mirrored}, True)["Twin"]
    assert asked == [("Twin", "Grace")] * 2
    assert [face.looks_like for face in twin.used] == ["Grace"]
    assert "the same" not in enrolled({"Thief": own}, True)["Thief"].refused
    gallery = store.read()
    assert gallery is not None
    assert gallery.people.names == ("Grace", "Twin")  # her own picture is never somebody else's
    assert gallery.people.vouched.tolist() == [False, True]
    table = (store.folder_of(gallery.version) / "enrolment.csv").read_text()
    (row,) = csv.DictReader(table.splitlines())
    assert (row["outcome"], row["reason"]) == ("used", "looks like Grace")
    with store.lock():
        store.forget("Grace")
    gallery = store.read()
    assert gallery is not None
    assert "Twin" not in (store.folder_of(gallery.version) / "enrolment.csv").read_text()


def test_a_stray_picture_that_is_enrolled_is_set_aside_at_the_next_change(
    folder: Path, portraits: dict[str, Path], embedder: Embedder, impostors: Impostors
) -> None:
    store = GalleryStore(folder / "gallery")
    hers, other = portraits["Eileen Collins"], portraits["Grace Hopper"]
    twin = save(folder / "mirrored.png", np.ascontiguousarray(picture(other)[:, ::-1]))

    def enrolled(name: str, paths: list[Path]) -> Gallery:
        made, _ = enrol(
            store,
            {name: harvest(paths, RULES, DETECT, SHIPPED_ALIGNMENT)},
            embedder=embedder,
            impostors=impostors,
            rules=RULES,
            spec=ClassifierSpec(),
            accept=lambda name, other: True,
        )
        assert made is not None
        return made

    assert enrolled("Eileen", [hers, twin]).people.aside.rows == ()  # who could tell?
    gallery = enrolled("Grace", [other])
    (row,) = gallery.people.aside.rows
    assert (row.person, row.why, row.other) == ("Eileen", "close", "Grace")
    assert row.source == str(twin)
    assert gallery.people.sources == (str(hers), str(other))


def picture(path: Path) -> NDArray[np.uint8]:
    image = read_image(path)
    assert image is not None
    return image


def test_people_under_the_minimum_are_refused_and_the_others_are_not(
    folder: Path, portraits: dict[str, Path], embedder: Embedder, impostors: Impostors
) -> None:
    found = {
        name: harvest([path], RULES, DETECT, SHIPPED_ALIGNMENT) for name, path in portraits.items()
    }
    store, rules = GalleryStore(folder / "gallery"), EnrolConfig(min_crops=2)
    made, intakes = enrol(
        store, found, embedder=embedder, impostors=impostors, rules=rules, spec=ClassifierSpec()
    )
    assert made is None
    assert all("only 1 crops" in intake.refused for intake in intakes.values())
    assert store.current_version() is None


def clip_of_two(folder: Path, people: list[NDArray[np.uint8]]) -> Path:
    actors = [
        Actor(
            portrait_bgr=portrait,
            enter_s=6.0 * index,
            leave_s=6.0 * index + 5.9,
            centre=(640, 360),
            swing=(40, 30),
            side=(300, 320),
        )
        for index, portrait in enumerate(people)
    ]
    write_clip(folder / "turns.mp4", actors, 12, fps=10)
    return folder / "turns.mp4"


def test_a_clip_of_two_people_in_turns_is_refused(
    folder: Path,
    collins: NDArray[np.uint8],
    hopper: NDArray[np.uint8],
    embedder: Embedder,
    impostors: Impostors,
) -> None:
    found = harvest([clip_of_two(folder, [collins, hopper])], RULES, DETECT, SHIPPED_ALIGNMENT)
    assert len({face.source.followed_face for face in found.usable}) >= 2
    store = GalleryStore(folder / "gallery")
    made, intakes = enrol(
        store,
        {"One": found},
        embedder=embedder,
        impostors=impostors,
        rules=RULES,
        spec=ClassifierSpec(),
    )
    assert made is None
    assert "two people" in intakes["One"].refused


def test_pictures_that_look_like_no_other_of_the_person_are_doubted(
    folder: Path,
    collins: NDArray[np.uint8],
    hopper: NDArray[np.uint8],
    embedder: Embedder,
    impostors: Impostors,
) -> None:
    bright = np.asarray(cv2.convertScaleAbs(collins, alpha=1.2, beta=10), np.uint8)
    one, again = save(folder / "1.png", collins), save(folder / "again.png", bright)
    other = save(folder / "other.png", hopper)
    taken = {"Two": [one, other], "Collins": [one, again]}
    for name, paths in taken.items():
        _, intakes = enrol(
            GalleryStore(folder / name),
            {name: harvest(paths, RULES, DETECT, SHIPPED_ALIGNMENT)},
            embedder=embedder,
            impostors=impostors,
            rules=RULES,
            spec=ClassifierSpec(),
        )
        said = [face.warning for face in intakes[name].used]
        doubt = "it looks like no other picture of Two; is it of the same person?"
        assert said == ([doubt, doubt] if name == "Two" else [""] * len(said))


def test_every_row_is_in_the_manifest_with_its_outcome(
    folder: Path, portraits: dict[str, Path], embedder: Embedder, impostors: Impostors
) -> None:
    wall = save(folder / "wall.png", np.ascontiguousarray(background()[:300, :300]))
    photo = portraits["Eileen Collins"]
    twin = folder / "twin.png"
    twin.write_bytes(photo.read_bytes())
    found = harvest([photo, twin, wall, folder / "none.jpg"], RULES, DETECT, SHIPPED_ALIGNMENT)
    store = GalleryStore(folder / "gallery")
    made, _ = enrol(
        store,
        {"E": found},
        embedder=embedder,
        impostors=impostors,
        rules=RULES,
        spec=ClassifierSpec(),
    )
    assert made is not None
    version = store.folder_of(made.version)
    rows = list(csv.DictReader((version / "enrolment.csv").read_text().splitlines()))
    assert {(Path(row["source"]).name, row["outcome"]) for row in rows} == {
        (photo.name, "used"),
        ("twin.png", "refused"),
        ("wall.png", "refused"),
        ("none.jpg", "refused"),
    }
    assert [row["reason"] for row in rows if row["source"].endswith("twin.png")] == [
        "nearly the same as another crop"
    ]
    sheet = read_image(version / "sheet-001-E.jpg")
    assert sheet is not None
    assert sheet.shape[1] > 500


def test_variety_is_chosen_and_near_doubles_are_not() -> None:
    vectors = np.eye(5, 128, dtype=np.float32)
    vectors[4] = vectors[0]
    none = vectors[:0]
    assert varied(none, none, 5) == []
    assert sorted(varied(vectors, none, 10)) == [0, 1, 2, 3]
    assert len(varied(vectors, none, 2)) == 2
    assert set(varied(vectors, vectors[:2], 10)) == {2, 3}
