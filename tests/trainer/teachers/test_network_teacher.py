from pathlib import Path

import numpy as np
import pytest

from streamer.errors import ConfigError
from trainer.teachers.network_teacher import TeacherFile, load_network_teacher

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.trainer.teachers.tiny import TOML, write_tiny_teacher

PLACES = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]) * 32 - 0.5


@pytest.mark.parametrize("batch", ["batch", 1])
def test_a_network_is_given_what_its_file_says(folder: Path, batch: str | int) -> None:
    teacher = load_network_teacher(write_tiny_teacher(folder, batch=batch))
    chips = np.full((3, 32, 32, 3), (100, 60, 40), np.uint8)
    expected = [[(40 - 10) / 2, (60 - 20) / 2, (100 - 30) / 2]] * 3
    assert np.allclose(teacher.descriptors(chips), expected, atol=1e-4)


def test_a_chip_has_the_landmarks_at_the_template(folder: Path) -> None:
    teacher = load_network_teacher(write_tiny_teacher(folder))
    points = PLACES * 3 + np.array([20, 30])
    picture = np.zeros((200, 200, 3), np.uint8)
    x, y = np.rint(points[2]).astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    chip = teacher.chip(picture, points)[:, :, 0]
    row, column = np.unravel_index(int(chip.argmax()), chip.shape)
    assert np.hypot(*(np.array([column, row]) - PLACES[2])) < 1.5


def test_its_key_is_of_what_it_does_and_not_of_where_it_lies(folder: Path) -> None:
    for name in ("one", "other"):
        (folder / name).mkdir()
    one = load_network_teacher(write_tiny_teacher(folder / "one"))
    other = load_network_teacher(write_tiny_teacher(folder / "other"))
    assert one.key == other.key
    (folder / "one" / "means.toml").write_text(TOML.replace("divide = 2.0", "divide = 3.0"))
    assert load_network_teacher(folder / "one" / "means.toml").key != other.key
    assert load_network_teacher(write_tiny_teacher(folder / "one", part=16)).key != other.key


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("size = 32", ""), "size: Field required"),
        (('network = "means.onnx"', ""), "network: Field required"),
        (('network = "means.onnx"', "network = 3"), "network: "),
        (("size = 32", "size = 3"), "size: "),
        (("size = 32", "size = 64"), "its input must be"),
        (("size = 32", "size ="), "must be TOML"),
        (('"BGR"', '"GREY"'), "colour: "),
        (("means.onnx", "none.onnx"), "none.onnx: the teacher's network must be a file"),
        (("means.onnx", "bad.onnx"), "bad.onnx: must be a network"),
        (("[0.65, 0.8]]", "]"), "template.4: Field required"),
        (("[[0.3, 0.4], [0.7", "[[0.7, 0.4], [0.3"), "left eye"),
        (("[0.5, 0.6]", "[50, 60]"), "template.2"),
        (("divide = 2.0", "divide = inf"), "divide"),
        (("divide = 2.0", "divide = 2.0\nmean = 3"), "mean: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    folder: Path, change: tuple[str, str], fault: str
) -> None:
    write_tiny_teacher(folder)
    (folder / "bad.onnx").write_bytes(b"no network")
    (folder / "bad.toml").write_text(TOML.replace(*change))
    with pytest.raises(ConfigError) as caught:
        load_network_teacher(folder / "bad.toml")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_is_none_is_said_in_one_line(folder: Path, content: bytes | None) -> None:
    if content is not None:
        (folder / "t.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"t\.toml: ") as caught:
        load_network_teacher(folder / "t.toml")
    assert "\n" not in str(caught.value)


def test_the_documented_file_is_one() -> None:
    import tomllib

    from trainer.teachers import network_teacher

    text = (network_teacher.__doc__ or "").split("\n\n")[2]
    file = TeacherFile.model_validate(tomllib.loads(text))
    assert (file.size, file.colour) == (128, "BGR")
