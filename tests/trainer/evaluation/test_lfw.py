from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from trainer.evaluation.lfw import embed_faces
from workers.embedding.embedder import Embedder


def test_crops_are_cut_by_the_cutter_and_who_has_none_is_not_found(
    portraits: dict[str, Path], embedder: Embedder
) -> None:
    photos = sorted(portraits.values())
    given: list[Box] = []

    def second_only(image_bgr: NDArray[np.uint8], box: Box) -> NDArray[np.uint8] | None:
        given.append(box)
        return cut_crop(image_bgr, box) if len(given) == 2 else None

    found = embed_faces(photos, embedder, cut=second_only)
    assert len(given) == 2
    assert np.isnan(found[0]).all()
    assert np.allclose(found[1], embed_faces(photos, embedder)[1], atol=1e-5)
