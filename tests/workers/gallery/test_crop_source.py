import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.gallery.crop_source import CropSource

PATHS = st.one_of(
    st.text(),
    # Names that look like places in clips are what could be taken for one.
    st.text(alphabet="a/.#@s012\n").map(lambda text: f"x{text}"),
)


@st.composite
def sources(draw: st.DrawFn) -> CropSource:
    seconds = draw(st.none() | st.integers(0, 10_000_000).map(lambda hundredths: hundredths / 100))
    track = None if seconds is None else draw(st.none() | st.integers(1, 100_000))
    return CropSource(draw(PATHS), track, seconds)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("", CropSource("")),
        ("a/b.jpg", CropSource("a/b.jpg")),
        ("a/c.mp4#2@1.20s", CropSource("a/c.mp4", 2, 1.2)),
        ("a/c.mp4@0.00s", CropSource("a/c.mp4", None, 0.0)),
        ("a#2/photo@home.png", CropSource("a#2/photo@home.png")),
        ("mail@", CropSource("mail@")),
    ],
)
def test_the_text_of_galleries_made_before_is_read_and_written(
    text: str, source: CropSource
) -> None:
    assert CropSource.parse(text) == source
    assert source.text == text


@given(sources())
@example(CropSource("x@1.20s"))
@example(CropSource("x@1.20s@"))
@example(CropSource("x@1.20s\n"))
@example(CropSource("x#3", None, 1.0))
@example(CropSource("x#3", 4, 1.0))
@example(CropSource("x#", None, 1.0))
@example(CropSource("x#1@2.00s", 4, 1.0))
def test_every_source_is_read_back_as_it_was(source: CropSource) -> None:
    assert CropSource.parse(source.text) == source


@given(sources(), sources())
def test_two_sources_have_one_text_only_if_they_are_equal(a: CropSource, b: CropSource) -> None:
    assert (a.text == b.text) == (a == b)


def test_a_track_without_a_time_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a time"):
        CropSource("a.mp4", 2)


def test_a_followed_face_is_the_same_at_all_times() -> None:
    first, later = CropSource("a.mp4", 2, 0.2), CropSource("a.mp4", 2, 3.4)
    assert first.followed_face == later.followed_face
    assert first.followed_face != CropSource("a.mp4", 3, 0.2).followed_face
