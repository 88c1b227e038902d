import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import EmbedConfig
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from workers.embedding.embedder import Embedder, load_embedder
from workers.embedding.mirror import mirrored


def test_a_crop_and_its_mirror_image_have_one_embedding(
    embedder: Embedder, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    crops = np.stack([cut_crop(image, Box(60, 40, 120, 120)) for image in (collins, hopper)])
    reversed_crops = np.ascontiguousarray(crops[:, :, ::-1])
    plain, turned = embedder.embed(crops), embedder.embed(reversed_crops)
    assert float((plain * turned).sum(axis=1).max()) < 0.999
    embed = mirrored(embedder.embed)
    found = embed(crops)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.allclose(found, embed(reversed_crops), atol=1e-5)
    half = (plain + turned) / 2
    assert np.allclose(found, half / np.linalg.norm(half, axis=1, keepdims=True), atol=1e-5)
    assert embed(crops[:0]).shape == (0, 128)


def test_embeddings_of_mirrored_crops_are_not_taken_for_plain_ones(embedder: Embedder) -> None:
    config = EmbedConfig(runtime="onnxruntime", precision="float32", mirror=True)
    both = load_embedder(None, config, 2)
    assert both.fingerprint == f"{embedder.fingerprint}+mirror"
    crops = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), np.uint8)
    assert np.allclose(both.embed(crops), both.embed(crops[:, :, ::-1].copy()), atol=1e-5)
