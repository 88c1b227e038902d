"""The inference graph against the same network built with Keras layers, from one weights file."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from workers.embedding.tensorflow_graph import build_embedder
from workers.network.nn4 import array_shapes
from workers.network.weights_file import (
    KERAS_OPENFACE_LRN,
    TORCH_LRN,
    LocalResponseNorm,
    Weights,
    load_weights,
)


def random_weights(lrn: LocalResponseNorm) -> Weights:
    rng = np.random.default_rng(3)
    arrays = {}
    for name, shape in array_shapes().items():
        if name.endswith("/kernel"):
            fan_in = float(np.prod(shape[:-1]))
            values = rng.normal(0, np.sqrt(2 / fan_in), shape)
        elif name.endswith(("/variance", "/gamma")):
            values = rng.uniform(0.5, 1.5, shape)
        else:
            values = rng.normal(0, 0.1, shape)
        arrays[name] = values.astype(np.float32)
    return Weights(arrays, lrn)


@pytest.mark.parametrize("lrn", [TORCH_LRN, KERAS_OPENFACE_LRN])
def test_the_folded_graph_is_the_trainable_network(
    lrn: LocalResponseNorm, collins: NDArray[np.uint8]
) -> None:
    from trainer.distillation.student import arrays_of, build_student, load_arrays
    from workers.network.nn4 import all_convs

    weights = random_weights(lrn)
    noise = np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), np.uint8)
    crops = np.concatenate([noise, cut_crop(collins, Box(60, 40, 120, 120))[None]])
    model = build_student(lrn)
    load_arrays(model, all_convs(), weights.arrays)
    expected = np.asarray(model(crops.astype(np.float32) / 255, training=False))
    found = build_embedder(weights)(crops)
    assert found.shape == (6, 128)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (found * expected).sum(axis=1).min() > 0.99999
    back = arrays_of(model, all_convs())
    assert all(np.array_equal(back[name], weights.arrays[name]) for name in back)


def test_a_batch_is_its_crops_one_by_one_and_no_crop_is_no_embedding() -> None:
    embed = build_embedder(random_weights(TORCH_LRN))
    crops = np.random.default_rng(1).integers(0, 256, (3, 96, 96, 3), np.uint8)
    single = np.concatenate([embed(crop[None]) for crop in crops])
    assert np.allclose(embed(crops), single, atol=1e-5)
    assert embed(crops[:0]).shape == (0, 128)


def test_colour_order_and_scale_matter(collins: NDArray[np.uint8]) -> None:
    crop = cut_crop(collins, Box(60, 40, 120, 120))
    right, swapped = build_embedder(load_weights())(np.stack([crop, crop[:, :, ::-1]]))
    assert float(right @ swapped) < 0.999
