import numpy as np
import pytest

from streamer.view.annotate import Label, annotate


def test_no_label_draws_nothing() -> None:
    image = np.full((100, 100, 3), 50, np.uint8)
    annotate(image, [])
    assert (image == 50).all()


@pytest.mark.parametrize(
    "box", [(20, 30, 40, 40), (-50, -50, 80, 80), (190, 140, 80, 80), (0, 0, 200, 150)]
)
def test_boxes_over_the_border_and_long_names(box: tuple[int, int, int, int]) -> None:
    image = np.zeros((150, 200, 3), np.uint8)
    annotate(image, [Label(box, "Zoë Ångström-李 " * 6, None, 0.9712, True)])
    assert image.any()


def test_the_label_says_who_and_how_sure_in_a_colour_of_its_own() -> None:
    known = Label((0, 0, 9, 9), "Ada", None, 0.9712, True)
    stranger = Label((0, 0, 9, 9), None, "unknown-3", 0.8, True)
    undecided = Label((0, 0, 9, 9), None, None, 0.0, False)
    assert known.text == "Ada 97.12%"
    assert "unknown-3" in stranger.text
    assert len({known.colour_bgr, stranger.colour_bgr, undecided.colour_bgr}) == 3
