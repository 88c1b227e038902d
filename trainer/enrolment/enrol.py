"""Enrolment: the best and most varied crops of people become the gallery's next version."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import EnrolConfig
from streamer.wire.timestamps import utc_text
from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg
from trainer.enrolment.intake import Intake, take_in
from trainer.enrolment.judge import judged_again
from trainer.enrolment.likeness import Floats
from trainer.enrolment.rows import Face, Harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.people import People
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.names import file_name_of

_BATCH = 32


def enrol(
    store: GalleryStore,
    found: Mapping[str, Harvest],
    *,
    embedder: Embedder,
    impostors: Impostors,
    rules: EnrolConfig,
    spec: ClassifierSpec,
    force: bool = False,
    accept: Callable[[str, str], bool] = lambda name, other: False,
) -> tuple[Gallery | None, dict[str, Intake]]:
    """Add people's crops to the gallery as its next version; that, and what became of each row.

    People of whom nothing can be used have the reason in their intake; the gallery is None where
    that is everybody. `accept(name, other)` is asked where most of a person's crops look like
    another's: True says that it is another person, a brother say. With `force`, neither likeness
    to other people nor unlikeness to a person's own is a reason. Everybody's crops are judged
    again, and what no longer fits is set aside.
    """
    vectors = {name: embed_all(crops_of(h.usable), embedder) for name, h in found.items()}

    def enrolled() -> tuple[str, People]:
        current = store.load(embedder.fingerprint)
        if current is None:
            return "", People.nobody(embedder.alignment)
        return current.version, current.people

    def taken_in(people: People, accepted: frozenset[str]) -> dict[str, Intake]:
        return {
            name: take_in(
                name,
                harvested=harvested,
                vectors=vectors,
                people=people,
                impostors=impostors,
                rules=rules,
                force=force,
                accepted=name in accepted,
            )
            for name, harvested in found.items()
        }

    # Somebody may think about the question for long; other writers do not wait for that.
    before, people = enrolled()
    intakes = taken_in(people, frozenset())
    asked = {name: intake.looks_like for name, intake in intakes.items() if intake.looks_like}
    accepted = frozenset(name for name, other in asked.items() if accept(name, other))
    with store.lock():
        version, people = enrolled()
        if accepted or version != before:
            intakes = taken_in(people, accepted)
        taken = {name: intake for name, intake in intakes.items() if not intake.refused}
        if not taken:
            return None, intakes
        for name, intake in taken.items():
            people = people.with_person(
                name,
                crops_of(intake.used),
                intake.embeddings,
                [face.source.text for face in intake.used],
                vouched=force or name in accepted,
            )
        people, _ = judged_again(people, impostors, utc_text(time.time_ns()))
        gallery = store.save(people, embedder.fingerprint, impostors, spec, papers(intakes))
    return gallery, intakes


def papers(intakes: Mapping[str, Intake]) -> dict[str, bytes]:
    """Return the manifest and the contact sheets that go with an enrolment, by file name."""
    rows = [(name, intake.faces, intake.files) for name, intake in intakes.items()]
    sheets = {
        f"sheet-{index:03d}-{file_name_of(name)}.jpg": sheet_jpeg(name, intake.faces)
        for index, (name, intake) in enumerate(intakes.items(), start=1)
        if intake.faces
    }
    return {"enrolment.csv": manifest_csv(rows), **sheets}


def embed_all(crops_rgb: NDArray[np.uint8], embedder: Embedder) -> Floats:
    """Embeddings of any number of crops, in batches: (n, 128)."""
    batches = range(0, len(crops_rgb), _BATCH)
    parts = [embedder.embed(crops_rgb[start : start + _BATCH]) for start in batches]
    return np.concatenate(parts) if parts else np.empty((0, 128), np.float32)


def crops_of(faces: Sequence[Face]) -> NDArray[np.uint8]:
    """(n, 96, 96, 3) uint8 of the rows."""
    crops = [face.crop.crop_rgb for face in faces]
    return np.stack(crops) if crops else np.empty((0, 96, 96, 3), np.uint8)
