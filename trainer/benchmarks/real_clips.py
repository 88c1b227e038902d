"""The real clips that are labelled: their truth is here, the clips and photos are the user's.

`truth/NAME.json` says the file name of its clip. The photos of each person whom it knows are in a
folder with the person's name, or are a picture with it, as near to the clip as there is one.
"""

from pathlib import Path

from streamer.errors import DatasetError
from streamer.vision.files import PHOTO_SUFFIXES
from trainer.clips.make import link_enrolment
from trainer.truth.file import read_truth

TRUTH = Path(__file__).parent / "truth"
MOST_PHOTOS = 10


def find_real_clips(clips: Path, work: Path, truths: Path = TRUTH) -> list[tuple[Path, Path, Path]]:
    """Find clip, truth file and folder for `enrol-folder` of every labelled clip below a folder.

    The folders, of links, are made below `work`; for a clip of strangers alone, it is of the known
    of the clip that has most of them, so that there are names to be wrong with. Raises
    DatasetError where no labelled clip is there, or where a clip's photos are not.
    """
    found: list[tuple[Path, Path, dict[str, list[Path]]]] = []
    for path in sorted(truths.glob("*.json")):
        truth = read_truth(path)
        clip = next(iter(sorted(clips.rglob(truth.clip))), None)
        if clip is not None:
            photos = {name: photos_of(name, clip, clips) for name in truth.known()}
            found.append((clip, path, photos))
    most = max((photos for _, _, photos in found), key=len, default={})
    if not most:
        raise DatasetError(
            f"{clips}: has none of the labelled clips with known people: "
            f"{', '.join(_names(truths))}"
        )
    cases = []
    for clip, path, photos in found:
        enrol = work / f"real-{clip.stem}-enrol"
        link_enrolment(enrol, photos or most)
        cases.append((clip, path, enrol))
    return cases


def photos_of(name: str, clip: Path, root: Path) -> list[Path]:
    """Find the photos of a person: beside the clip, or below a folder above it, up to `root`.

    The first MOST_PHOTOS are taken. Case, spaces, `-` and `_` of names make no difference. Raises
    DatasetError where there is none.
    """
    for folder in [clip.parent, *clip.parent.parents]:
        named = sorted(path for path in folder.rglob("*") if _plain(path.stem) == _plain(name))
        photos = [path for path in named if path.suffix.lower() in PHOTO_SUFFIXES]
        for place in (path for path in named if path.is_dir()):
            photos += sorted(p for p in place.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
        if photos:
            return photos[:MOST_PHOTOS]
        if folder == root:
            break
    raise DatasetError(
        f"{root}: must have a folder or a picture named {name!r}, to enrol from for {clip.name}"
    )


def _names(truths: Path) -> list[str]:
    return [read_truth(path).clip for path in sorted(truths.glob("*.json"))]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
