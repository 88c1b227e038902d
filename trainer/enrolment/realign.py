"""Crops of a gallery for another network, that wants them cut another way."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Alignment
from streamer.vision.faces import realign_crop
from streamer.vision.landmarks import LandmarkFinder
from workers.gallery.people import People


def realigned(people: People, alignment: Alignment) -> People:
    """Return the same people with their crops cut as `alignment` says; embeddings as they were."""
    if people.alignment == alignment or not people.names:
        return replace(people, alignment=alignment)
    finder = LandmarkFinder()

    def recut(crops_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        made = [realign_crop(crop, finder, people.alignment, alignment) for crop in crops_rgb]
        return np.stack(made) if made else crops_rgb

    aside = people.aside.with_crops(recut(people.aside.crops_rgb))
    others = replace(people.not_them, crops=recut(people.not_them.crops_rgb))
    return replace(
        people,
        crops=recut(people.crops_rgb),
        alignment=alignment,
        aside=aside,
        not_them=others,
    )
