from pathlib import Path

import pytest

from streamer.errors import DatasetError
from trainer.benchmarks.real_clips import find_real_clips, photos_of
from trainer.truth.file import Truth, TruthTrack, write_truth
from trainer.truth.keys import Key


def laid_out(folder: Path, *paths: str) -> Path:
    """Make empty files in a new folder of clips and photos."""
    for path in paths:
        place = folder / "clips" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return folder / "clips"


def truths_of(folder: Path, clip: str, *known: str) -> Path:
    """Write a truth file for a clip, in which these people and a stranger are."""
    keys = (Key(0.0, 1, 1, 50, 50), Key(900.0, 1, 1, 50, 50))
    tracks = tuple(TruthTrack(name, True, keys) for name in known)
    stranger = TruthTrack("stranger-1", False, keys)
    (folder / "truth").mkdir(exist_ok=True)
    truth = Truth(
        clip=clip, width=640, height=360, fps=25.0, duration_ms=1000.0, tracks=(*tracks, stranger)
    )
    write_truth(folder / "truth" / f"{Path(clip).stem}.json", truth)
    return folder / "truth"


def test_a_folder_without_a_labelled_clip_says_which_there_are(folder: Path) -> None:
    truths = truths_of(folder, "door.mp4", "Ada")
    with pytest.raises(DatasetError, match=r"has none of the labelled clips.*: door\.mp4"):
        find_real_clips(laid_out(folder, "other.mp4"), folder, truths)


def test_people_are_enrolled_from_the_photos_nearest_to_their_clip(folder: Path) -> None:
    clips = laid_out(
        folder,
        "a/door.mp4",
        "a/photos/Ada/1.jpg",
        "a/photos/Ada/2.PNG",
        "a/photos/Ada/notes.txt",
        "b/Ada/3.jpg",
        "b/alan-m-turing.jpeg",
    )
    truths = truths_of(folder, "door.mp4", "Ada", "Alan M. Turing")
    ((clip, truth, enrol),) = find_real_clips(clips, folder, truths)
    assert clip == clips / "a" / "door.mp4"
    assert truth == truths / "door.json"
    assert sorted(str(path.relative_to(enrol)) for path in enrol.rglob("*.*")) == [
        "Ada/1.jpg",
        "Ada/2.PNG",
        "Alan M. Turing",
        "Alan M. Turing/alan-m-turing.jpeg",
    ]
    assert (enrol / "Ada" / "1.jpg").resolve() == (clips / "a" / "photos" / "Ada" / "1.jpg")


def test_photos_that_are_not_there_are_told_by_name(folder: Path) -> None:
    clips = laid_out(folder, "a/door.mp4")
    with pytest.raises(DatasetError, match=r"a folder or a picture named 'Grace'.*door\.mp4"):
        photos_of("Grace", clips / "a" / "door.mp4", clips)


def test_in_a_clip_of_strangers_the_known_of_the_others_could_be_named(folder: Path) -> None:
    clips = laid_out(folder, "door.mp4", "crowd.mp4", "Ada/1.jpg")
    truths_of(folder, "crowd.mp4")
    crowd, door = find_real_clips(clips, folder, truths_of(folder, "door.mp4", "Ada"))
    assert crowd[0].name == "crowd.mp4"
    for _, _, enrol in (crowd, door):
        assert [path.name for path in enrol.rglob("*.jpg")] == ["1.jpg"]
