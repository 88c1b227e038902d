import pytest

from streamer.errors import GalleryError
from workers.names import check_name, composed_name, file_name_of


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 65, "\x1b[31m"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(GalleryError, match="1 to 64 printable"):
        check_name(name)


def test_names_are_composed_and_trimmed() -> None:
    assert check_name(" Zoe\u0308 ") == "Zo\u00eb"


def test_names_are_the_same_in_both_of_unicodes_forms() -> None:
    assert composed_name("Zoe\u0308") == composed_name("Zo\u00eb ") == "Zo\u00eb"
    assert file_name_of("Zo\u00eb O'Hara-Smith") == "Zo\u00eb_O_Hara-Smith"
