from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import DatasetError
from trainer.labelling.naming import cut, named_truth, names_file, read_names
from trainer.truth.file import Truth, TruthTrack
from trainer.truth.keys import Key


def track(person: str, start_ms: float, end_ms: float) -> TruthTrack:
    keys = (Key(start_ms, 0, 0, 50, 50), Key(end_ms, end_ms - start_ms, 0, 50, 50))
    return TruthTrack(person, False, keys)


DRAFT = Truth(
    clip="door.mp4",
    width=1280,
    height=720,
    fps=25,
    duration_ms=10_000,
    tracks=(track("person-1", 0, 10_000), track("person-2", 0, 4000), track("person-1", 0, 900)),
)


def write(folder: Path, text: str) -> Path:
    (folder / "names.toml").write_text(text)
    return folder / "names.toml"


def test_the_file_to_fill_in_asks_for_every_person(folder: Path) -> None:
    path = write(folder, names_file(DRAFT).decode())
    names = read_names(path)
    assert names.people == {"person-1": "", "person-2": ""}
    assert (names.tracks, names.parts) == ({}, ())
    assert 'person-1 = ""  # track 1, 3: 10.9 s' in path.read_text()
    with pytest.raises(DatasetError, match=r"person-1 \(track 1\) has no name yet"):
        named_truth(DRAFT, names)


def test_names_become_truth(folder: Path) -> None:
    path = write(
        folder,
        '[people]\nperson-1 = "Zoë"\nperson-2 = "stranger"\n'
        '[tracks]\n3 = "none"\n'
        '[parts]\n"1 8-20" = "ignore"\n"1 2.0-3.5" = "stranger-7"\n"1 3-4" = "none"\n',
    )
    truth = named_truth(DRAFT, read_names(path))
    told = [(t.person, t.known, round(t.start_ms), round(t.end_ms)) for t in truth.tracks]
    assert told == [
        ("Zoë", True, 0, 2000),
        ("stranger-7", False, 2000, 3500),
        ("Zoë", True, 4000, 8000),
        (None, False, 8000, 10_000),
        ("stranger-2", False, 0, 4000),
    ]
    assert truth.tracks[2].keys[0].x == 4000


def test_a_track_that_is_another_stranger(folder: Path) -> None:
    path = write(
        folder,
        '[people]\nperson-1 = "stranger"\nperson-2 = "none"\n[tracks]\n3 = "stranger"\n',
    )
    truth = named_truth(DRAFT, read_names(path))
    assert [t.person for t in truth.tracks] == ["stranger-1", "stranger-1-3"]
    assert truth.known() == ()


def test_faces_that_the_draft_has_missed(folder: Path) -> None:
    path = write(
        folder,
        '[people]\nperson-1 = "none"\nperson-2 = "none"\n'
        '[[added]]\nname = "Ada"\nkeys = [[1.5, 10, 20, 30], [2, 40, 20, 30]]\n'
        '[[added]]\nname = "ignore"\nkeys = [[1.5, 10, 20, 30], [2, 40, 20, 30]]\n',
    )
    ada, ignored = named_truth(DRAFT, read_names(path)).tracks
    assert (ada.person, ada.known) == ("Ada", True)
    assert ada.keys == (Key(1500, 10, 20, 30, 30), Key(2000, 40, 20, 30, 30))
    assert (ignored.person, ignored.known) == (None, False)


def test_each_stranger_who_is_added_is_another_and_none_is_nobody(folder: Path) -> None:
    keys = "keys = [[1.5, 10, 20, 30], [2, 40, 20, 30]]\n"
    added = [f'[[added]]\nname = "{name}"\n{keys}' for name in ("stranger", "none", "stranger")]
    path = write(folder, '[people]\nperson-1 = "stranger"\nperson-2 = "none"\n' + "".join(added))
    made = named_truth(DRAFT, read_names(path)).tracks
    assert [(one.person, one.known) for one in made] == [
        ("stranger-1", False),
        ("stranger-1", False),
        ("stranger-added1", False),
        ("stranger-added3", False),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[people", "must be a TOML file of names"),
        ('[persons]\na = "b"', r"persons: must be \[people\], \[tracks\], \[parts\] or"),
        ("people = 3", "people: must be a table of names in quotes"),
        ("[people]\nperson-1 = 3", "people: must be a table of names in quotes"),
        ('[tracks]\nx = "Ada"', "tracks.x: must be a track's number"),
        ('[parts]\n"3" = "Ada"', 'parts: must be as "3 12.0-13.5"'),
        ('[parts]\n"3 5-4" = "Ada"', 'parts: must be as "3 12.0-13.5"'),
        ('[[added]]\nname = "Ada"', "added: each must have a name, and keys"),
        ('[[added]]\nname = "Ada"\nkeys = [[1, 2, 3]]', "added: each must have a name, and keys"),
        ("added = 3", "added: each must have a name, and keys"),
        (
            '[[added]]\nname = "A"\nkeys = [[1, 2, 3, inf]]',
            "added: each must have a name, and keys",
        ),
        ('[[added]]\nname = "A"\nkeys = [[1, 2, 3, 0]]', "a side above 0"),
        ('[[added]]\nname = "A"\nkeys = [[2, 2, 3, 4], [1, 2, 3, 4]]', "of rising times"),
        ('[[added]]\nname = "A"\nkeys = [[11, 2, 3, 4]]', "must end within the clip, 10 s"),
        ('[people]\nperson-3 = "Ada"', "people.person-3: the draft has no such person"),
        ('[tracks]\n4 = "Ada"', "track 4: the draft has tracks 1 to 3"),
        ('[people]\nperson-1 = "A"\nperson-2 = "\\u0007"', "a name must have"),
    ],
)
def test_a_file_that_is_wrong_says_where(folder: Path, text: str, why: str) -> None:
    with pytest.raises(DatasetError, match=why) as caught:
        named_truth(DRAFT, read_names(write(folder, text)))
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(st.floats(0, 10_000), st.floats(0, 10_000))
def test_a_part_lies_where_the_track_does(one: float, other: float) -> None:
    start, end = sorted((one, other))
    whole = DRAFT.tracks[0]
    part = cut(whole, start, end)
    assert (part.start_ms, part.end_ms) == (start, end)
    for t in (start, (start + end) / 2, end):
        assert part.box_at(t) == pytest.approx(whole.box_at(t))
