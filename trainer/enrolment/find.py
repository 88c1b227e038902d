"""Somebody enrolled among strangers who were kept."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from streamer.history.keeping import template_of
from workers.gallery.version import Gallery


def find_person(
    gallery: Gallery, name: str, crops: Sequence[tuple[int, bytes]]
) -> dict[int, float]:
    """Return the visits that the gallery's classifier names so, each with its probability.

    crops: visits with one embedding each (128 float32), in the order of visits. A visit is
    judged by the mean of its embeddings.
    """
    number = gallery.people.names.index(name)
    visits, templates = [], []
    for visit, rows in groupby(crops, key=lambda row: row[0]):
        visits.append(visit)
        templates.append(template_of([embedding for _, embedding in rows]))
    if not visits:
        return {}
    found = gallery.classifier.predict(np.stack(templates))
    return {
        visit: prediction.probability
        for visit, prediction in zip(visits, found, strict=True)
        if prediction.person == number
    }
