"""People from what the history has kept of strangers: as rows of a harvest, and on one sheet."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from streamer.constants import CROP_SIZE
from streamer.errors import GalleryError
from streamer.history.queries import KeptPerson, StoredCrop, utc_of
from streamer.view.fonts import text_mask
from streamer.vision.align import Pose
from streamer.vision.images import encode_image
from streamer.vision.quality import MeasuredCrop, sharpness
from trainer.enrolment.enrol import embed_all
from trainer.enrolment.rows import Face, Harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.crop_source import CropSource
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

SHOWN_EACH = 6
_MAX_ROWS = 200
_ROW_H, _LABEL_W = CROP_SIZE + 10, 250
_TEXT_PX = 11


def harvest_of(crops: Sequence[StoredCrop]) -> Harvest:
    """Return rows as enrolment takes them; each visit is a clip with one face in it."""
    return Harvest([_face(crop) for crop in crops])


def source_of(crop: StoredCrop) -> CropSource:
    """Return where a kept crop came from: camera and time of entering, visit, seconds in it."""
    path = f"{crop.camera}/{utc_of(crop.entered_ms)}"
    return CropSource(path, crop.visit, max(0.0, (crop.at_ms - crop.entered_ms) / 1000))


def learn_not(
    store: GalleryStore,
    name: str,
    crops: Sequence[StoredCrop],
    *,
    embedder: Embedder,
    impostors: Impostors,
    spec: ClassifierSpec,
) -> Gallery:
    """Make the next version of the gallery, which knows that some crops are not that person.

    Raises GalleryError where nobody is enrolled by the name.
    """
    crops_rgb = np.stack([crop.crop_rgb for crop in crops])
    vectors = embed_all(crops_rgb, embedder)
    with store.lock():
        current = store.load(embedder.fingerprint)
        if current is None or name not in current.people.names:
            raise GalleryError(f"{name!r} is not enrolled; see facestream people")
        people = current.people.with_counter_examples(
            name, crops_rgb, vectors, [source_of(crop).text for crop in crops]
        )
        return store.save(people, embedder.fingerprint, impostors, spec)


def strangers_sheet(people: Sequence[tuple[KeptPerson, Sequence[StoredCrop]]]) -> bytes:
    """Draw a row for each stranger: id, when and where, and the best crops, as JPEG."""
    shown = people[:_MAX_ROWS]
    width = _LABEL_W + SHOWN_EACH * (CROP_SIZE + 6)
    sheet = Image.new("RGB", (width, max(1, len(shown)) * _ROW_H + 8), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (person, crops) in enumerate(shown):
        top = 8 + row * _ROW_H
        lines = (
            person.name,
            f"{person.visits} visits, {person.crops} crops",
            f"first {utc_of(person.first_ms)[:16].replace('T', ' ')} UTC",
            f"last {utc_of(person.last_ms)[:16].replace('T', ' ')} UTC",
            ", ".join(person.cameras)[:36],
        )
        for line, text in enumerate(lines):
            place = (8, top + 18 * line)
            sheet.paste((0, 0, 0), place, Image.fromarray(text_mask(text, _TEXT_PX)))
        for column, crop in enumerate(crops[:SHOWN_EACH]):
            sheet.paste(Image.fromarray(crop.crop_rgb), (_LABEL_W + column * (CROP_SIZE + 6), top))
        draw.line((0, top + CROP_SIZE + 4, width, top + CROP_SIZE + 4), fill=(200, 200, 200))
    return encode_image(np.ascontiguousarray(np.asarray(sheet, np.uint8)[:, :, ::-1]), ".jpg", 88)


def _face(crop: StoredCrop) -> Face:
    measured = MeasuredCrop(
        crop_rgb=crop.crop_rgb,
        face_px=float(crop.face_px),
        sharpness=sharpness(crop.crop_rgb),
        brightness=float(crop.crop_rgb.mean()) / 255,
        pose=Pose(0.0, 0.0, 0.0),
    )
    return Face(source_of(crop), measured)
