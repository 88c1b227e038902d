import numpy as np
import pytest

from streamer.view.annotate import (
    KNOWN_BGR,
    STRANGER_BGR,
    UNDECIDED_BGR,
    Label,
    annotate,
)


def drawn(*labels: Label) -> np.ndarray:
    """Labels on a grey wall of 300 x 400 pixels."""
    image = np.full((300, 400, 3), 50, np.uint8)
    annotate(image, list(labels))
    return image


def known(name: str, box: tuple[int, int, int, int] = (100, 120, 90, 90)) -> Label:
    return Label(box, name, None, 0.9712, True)


def test_no_label_draws_nothing() -> None:
    assert (drawn() == 50).all()


@pytest.mark.parametrize(
    ("label", "colour"),
    [
        (known("Ada"), KNOWN_BGR),
        (Label((100, 120, 90, 90), None, "unknown-3", 0.8, True), STRANGER_BGR),
        (Label((100, 120, 90, 90), None, None, 0.0, False), UNDECIDED_BGR),
    ],
)
def test_the_box_and_the_ground_of_its_text_have_the_colour_of_its_state(
    label: Label, colour: tuple[int, int, int]
) -> None:
    image = drawn(label)
    assert (image[120, 100:190] == colour).all()
    assert (image[120:210, 100] == colour).all()
    above = image[:119]
    assert (above == colour).all(axis=2).sum() > 50
    assert (above.min(axis=2) > min(colour) + 60).any()


def test_another_name_is_other_text_in_the_same_place() -> None:
    ada, bob = drawn(known("Ada")), drawn(known("Bob"))
    changed = np.argwhere((ada != bob).any(axis=2))
    assert len(changed) > 20
    assert changed[:, 0].max() < 120
    assert changed[:, 1].min() >= 100


@pytest.mark.parametrize("name", ["Zoë", "Großmann", "Женя"])
def test_names_beyond_ascii_are_drawn_with_their_letters(name: str) -> None:
    boxes = "".join(letter if letter.isascii() else "\ufffe" for letter in name)
    assert not np.array_equal(drawn(known(name)), drawn(known(boxes)))


@pytest.mark.parametrize(
    "box", [(20, 30, 40, 40), (-50, -50, 80, 80), (390, 280, 80, 80), (0, 0, 400, 300)]
)
def test_boxes_over_the_border_and_long_names(box: tuple[int, int, int, int]) -> None:
    image = drawn(known("Zoë Ångström-李 " * 6, box))
    assert (image == KNOWN_BGR).all(axis=2).sum() > 500
    assert (image == 255).all(axis=2).sum() > 100


def test_the_text_says_who_and_how_sure() -> None:
    assert known("Ada").text == "Ada 97.12%"
    assert Label((0, 0, 9, 9), None, "unknown-3", 0.8, True).text == "unknown-3"
    assert Label((0, 0, 9, 9), None, None, 0.8, True).text == "unknown"
    assert Label((0, 0, 9, 9), None, None, 0.0, False).text == "..."
