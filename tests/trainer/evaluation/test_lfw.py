from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.files import read_image
from trainer.evaluation.lfw import cut_faces, embed_faces
from workers.embedding.embedder import Embedder


def test_a_picture_in_which_every_box_is_refused_has_no_face(
    portraits: dict[str, Path], embedder: Embedder
) -> None:
    photos = sorted(portraits.values())
    refused = read_image(photos[0])
    assert refused is not None

    def second_only(image_bgr: NDArray[np.uint8], box: Box) -> NDArray[np.uint8] | None:
        return None if np.array_equal(image_bgr, refused) else cut_crop(image_bgr, box)

    found = embed_faces(photos, embedder, cut=second_only)
    assert np.isnan(found[0]).all()
    assert np.allclose(found[1], embed_faces(photos, embedder)[1], atol=1e-5)


def test_where_a_box_is_no_face_a_looser_search_may_find_it(
    portraits: dict[str, Path], embedder: Embedder
) -> None:
    photo = portraits["Grace Hopper"]
    given: list[Box] = []

    def not_the_first(image_bgr: NDArray[np.uint8], box: Box) -> NDArray[np.uint8] | None:
        given.append(box)
        return cut_crop(image_bgr, box) if len(given) > 1 else None

    (crop,) = cut_faces([photo], cut=not_the_first)
    assert crop is not None
    assert len(given) == 2
