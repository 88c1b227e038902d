import importlib.util

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.errors import ConfigError
from trainer.teachers.teacher import describe, load_teacher, named_teacher


class Corner:
    """A teacher whose descriptor is the left part and the right part of a chip."""

    key, chip_size = "corner", 2

    def chip(
        self, context_rgb: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        return context_rgb[:2, :2]

    def descriptors(self, chips_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return chips_rgb[:, 0, :, 0].astype(np.float32)


def test_no_faces_no_descriptors() -> None:
    none = describe(Corner(), np.empty((0, 4, 4, 3), np.uint8), np.empty((0, 5, 2)))
    assert none.shape == (0, 0)


def test_a_face_and_its_mirror_image_have_one_descriptor() -> None:
    contexts = np.zeros((40, 4, 4, 3), np.uint8)
    contexts[:, 0, 0] = 30
    contexts[:, 0, 1] = np.arange(40)[:, None]
    described = describe(Corner(), contexts, np.zeros((40, 5, 2)))
    assert described.shape == (40, 2)
    assert np.allclose(described, np.sqrt(0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dlib", ("dlib", 1.0)),
        ("dlib=2", ("dlib", 2.0)),
        ("a/b.toml", ("a/b.toml", 1.0)),
        ("a/b.toml=0.5", ("a/b.toml", 0.5)),
        ("a=b.toml", ("a=b.toml", 1.0)),
        ("a=b.toml=3", ("a=b.toml", 3.0)),
    ],
)
def test_a_share_stands_behind_the_name(text: str, expected: tuple[str, float]) -> None:
    assert named_teacher(text) == expected


@pytest.mark.parametrize("text", ["dlib=", "dlib=x", "dlib=0", "dlib=-1", "dlib=inf", "dlib=nan"])
def test_a_share_is_a_number_above_0(text: str) -> None:
    with pytest.raises(ConfigError, match="share must be a number above 0"):
        named_teacher(text)


@pytest.mark.parametrize("name", ["", "resnet", "network.onnx"])
def test_an_unknown_teacher_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="must be dlib, or a file"):
        load_teacher(name)


def test_without_dlib_its_teacher_says_in_one_line_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'facestream\[teacher\]'"):
        load_teacher("dlib")
    assert capfd.readouterr().err == ""
