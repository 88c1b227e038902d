import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import WeightsError
from workers.network.weights_file import (
    DESCRIPTION,
    SHIPPED,
    Weights,
    crop_of,
    load_weights,
    read_fingerprint,
    save_weights,
)


def test_the_shipped_file_says_what_it_is() -> None:
    weights = load_weights()
    assert SHIPPED.stat().st_size < 8_000_000
    assert len(weights.fingerprint) == 12
    assert weights.crop == {
        "cascade": "haarcascade_frontalface_alt2.xml",
        "enlarge": 1.1,
        "size": 96,
        "colour": "RGB / 255",
        "alignment": "level",
    }
    assert weights.recipe


def test_saved_and_loaded_again_it_is_the_same(folder: Path) -> None:
    weights = load_weights()
    fingerprint = save_weights(folder / "copy.npz", weights)
    again = load_weights(folder / "copy.npz")
    assert again.fingerprint == fingerprint == read_fingerprint(folder / "copy.npz")
    assert all(np.array_equal(again.arrays[n], weights.arrays[n]) for n in weights.arrays)


def test_a_file_says_how_crops_for_it_are_cut(folder: Path) -> None:
    weights = load_weights()
    old = replace(weights, crop={k: v for k, v in crop_of().items() if k != "alignment"})
    level = replace(weights, crop=crop_of("level"))
    for number, (stated, alignment) in enumerate(
        [(old, "square"), (replace(weights, crop=crop_of()), "square"), (level, "level")]
    ):
        save_weights(folder / f"{number}.npz", stated)
        assert load_weights(folder / f"{number}.npz").alignment == alignment


@pytest.mark.parametrize("stated", ["tilted", "", None, 1, ["level"]])
def test_an_alignment_that_nobody_knows_is_refused(folder: Path, stated: object) -> None:
    other = replace(load_weights(), crop={**crop_of(), "alignment": stated})
    save_weights(folder / "w.npz", other)
    with pytest.raises(WeightsError, match=r"w\.npz: the crop's alignment must be"):
        load_weights(folder / "w.npz")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused_in_one_line(folder: Path, kept: float) -> None:
    content = SHIPPED.read_bytes()
    path = folder / "w.npz"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[cameras.door]\n", b"PK\x03\x04", b"\x80\x04N."])
def test_what_is_no_archive_is_refused_in_our_own_words(folder: Path, content: bytes) -> None:
    path = folder / "w.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert str(caught.value) == f"{path}: not a weights file, or damaged"


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_byte_is_found(folder: Path, place: float) -> None:
    content = bytearray(SHIPPED.read_bytes())
    content[int(len(content) * place)] ^= 0x55
    path = folder / "w.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        load_weights(path)


def test_missing_and_wrong_arrays_are_all_named(folder: Path) -> None:
    arrays = dict(load_weights().arrays)
    del arrays["conv1/bias"]
    arrays["conv2/kernel"] = arrays["conv2/kernel"][:, :, :, :5]
    arrays["bn1/mean"] = np.full_like(arrays["bn1/mean"], np.nan)
    with pytest.raises(WeightsError) as caught:
        save_weights(folder / "w.npz", Weights(arrays, load_weights().lrn))
    assert all(name in str(caught.value) for name in ("conv1/bias", "conv2/kernel", "bn1/mean"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "description", [None, b"nothing", b"[]", b"{}", b'{"format": 99}', b'{"format": 1}']
)
def test_a_description_that_is_none_is_refused(folder: Path, description: bytes | None) -> None:
    with np.load(SHIPPED) as archive:
        stored = dict(archive)
    del stored[DESCRIPTION]
    if description is not None:
        stored[DESCRIPTION] = np.frombuffer(description, np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **stored)
    (folder / "w.npz").write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError):
        load_weights(folder / "w.npz")


def test_another_lrn_is_another_fingerprint(folder: Path) -> None:
    weights = load_weights()
    with np.load(SHIPPED) as archive:
        description = json.loads(bytes(archive[DESCRIPTION]))
    assert description["lrn"]["depth_radius"] == weights.lrn.depth_radius
    other = replace(weights, lrn=replace(weights.lrn, alpha=0.5))
    assert save_weights(folder / "w.npz", other) != weights.fingerprint
