from pathlib import Path

import matplotlib
import numpy as np
import pytest

from streamer.view.fonts import font_paths, text_mask

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
DEJAVU, LATIN_ONLY = FONTS / "DejaVuSans.ttf", FONTS / "cmr10.ttf"


def test_no_text_is_a_mask_without_a_letter() -> None:
    assert not text_mask("", 20).any()
    assert not text_mask(" ", 20, 3).any()


def test_the_font_of_matplotlib_is_the_first() -> None:
    assert font_paths()[0] == DEJAVU


@pytest.mark.parametrize("letter", ["é", "ß", "Ж", "Ł", "λ", "ş"])
def test_letters_of_names_are_no_missing_glyphs(letter: str) -> None:
    drawn = text_mask(letter, 32)
    missing = text_mask("\ufffe", 32, paths=[DEJAVU])
    assert drawn.any()
    assert not np.array_equal(drawn, missing)
    assert not np.array_equal(drawn, text_mask("e", 32))


def test_a_letter_that_the_first_font_lacks_is_drawn_by_the_next() -> None:
    assert np.array_equal(
        text_mask("Ж", 32, paths=[LATIN_ONLY, DEJAVU]), text_mask("Ж", 32, paths=[DEJAVU])
    )


def test_a_letter_that_no_font_has_is_its_code() -> None:
    assert np.array_equal(
        text_mask("李", 32, paths=[DEJAVU]), text_mask("[674E]", 32, paths=[DEJAVU])
    )


def test_without_any_font_file_plain_names_can_be_drawn() -> None:
    assert text_mask("Ada 97%", 20, paths=[]).any()


def test_the_margin_is_left_free() -> None:
    mask = text_mask("Ада", 24, 5)
    inner = text_mask("Ада", 24)
    assert mask.shape == (inner.shape[0] + 10, inner.shape[1] + 10)
    assert not mask[:5].any()
    assert not mask[-5:].any()
