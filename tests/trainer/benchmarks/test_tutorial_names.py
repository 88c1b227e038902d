import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import background
from trainer.benchmarks.tutorial_names import TutorialLoop
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery


def test_the_plain_loop_names_whoever_is_nearest(
    enrolled: tuple[GalleryStore, Gallery],
    embedder: Embedder,
    impostors: Impostors,
    hopper: NDArray[np.uint8],
) -> None:
    loop = TutorialLoop(embedder, enrolled[1], impostors)
    wall = background()
    assert loop.names(np.zeros_like(wall)) == []
    wall[200:560, 300:660] = hopper
    named = [(box, name) for box, name in loop.names(wall) if name is not None]
    ((box, name),) = named
    assert name == "Grace Hopper"
    assert 300 < box.x < box.x + box.width < 660
