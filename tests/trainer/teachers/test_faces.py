from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.teachers.contexts import CONTEXT_SIZE
from trainer.teachers.faces import Faces, build_faces


class Mean:
    """A teacher whose descriptor is the mean colour of a context; it counts its pictures."""

    def __init__(self, key: str) -> None:
        self.key, self.chip_size, self.seen = key, CONTEXT_SIZE, 0

    def chip(
        self, context_rgb: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        return context_rgb

    def descriptors(self, chips_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(chips_rgb)
        return np.asarray(chips_rgb.mean(axis=(1, 2)), np.float32)


def build(photos: list[Path], folder: Path, *teachers: Mean) -> Faces:
    return build_faces(photos, folder, teachers, lambda done, total: None)


def test_photos_are_cut_once_and_described_once_by_each(
    portraits: dict[str, Path], folder: Path
) -> None:
    (folder / "none.png").write_bytes(b"no picture")
    photos = [*sorted(portraits.values()), folder / "none.png"]
    one, other = Mean("one"), Mean("other")
    calls: list[tuple[int, int]] = []
    faces = build_faces(photos, folder / "w", [one], lambda *done: calls.append(done))
    assert faces.paths == [str(photo) for photo in photos[:2]]
    assert faces.contexts.shape == (2, CONTEXT_SIZE, CONTEXT_SIZE, 3)
    assert faces.points.shape == (2, 5, 2)
    assert np.allclose(np.linalg.norm(faces.descriptors[0], axis=1), 1, atol=1e-5)
    assert calls == [(3, 3)]
    assert one.seen == 4  # each and its mirror image
    assert (folder / "w" / "faceless.txt").read_text() == f"{photos[2]}\n"

    (shard,) = (folder / "w").glob("faces-*.npz")
    written = shard.stat().st_mtime_ns
    again = build(photos, folder / "w", one, other)
    assert shard.stat().st_mtime_ns == written
    assert (one.seen, other.seen) == (4, 4)
    assert (again.contexts == faces.contexts).all()
    assert [len(described) for described in again.descriptors] == [2, 2]

    some = again.of(np.array([False, True]))
    assert some.paths == faces.paths[1:]
    assert (some.descriptors[1] == again.descriptors[1][1:]).all()


def test_no_faces(folder: Path) -> None:
    (folder / "none.png").write_bytes(b"no picture")
    for photos in ([], [folder / "none.png"]):
        faces = build(photos, folder / "w", Mean("one"), Mean("other"))
        assert faces.contexts.shape == (0, CONTEXT_SIZE, CONTEXT_SIZE, 3)
        assert [one.shape for one in faces.descriptors] == [(0, 0), (0, 0)]
