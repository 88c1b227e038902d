"""Ids of the crops that a person is enrolled with; each has its own for as long as it stays."""

import hashlib

import numpy as np

from workers.gallery.people import People

_LETTERS = 12


def crop_ids(people: People, name: str) -> dict[str, int]:
    """Return the ids of a person's crops, each with its row, in the order of the rows.

    They are made of where a crop came from and of its embedding, so other weights give others.
    """
    found: dict[str, int] = {}
    if name not in people.names:
        return found
    for row in np.flatnonzero(people.labels == people.names.index(name)).tolist():
        content = people.sources[row].encode(errors="surrogateescape")
        content += people.embeddings[row].tobytes()
        word, again = "", 0
        while not word or word in found:  # what was enrolled twice has two ids
            word = hashlib.sha256(content + bytes(again)).hexdigest()[:_LETTERS]
            again += 1
        found[word] = row
    return found
