"""Who is in a picture that is sent: people, strangers who are kept, and nobody who is ignored."""

from pathlib import Path

import numpy as np
import pytest

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.config.sections import Config
from streamer.control import ControlError
from streamer.history.writer import Writer
from streamer.vision.images import encode_image
from tests.streamer.history.heard import ALL, LIMITS, event
from tests.trainer.commands.test_strangers import real_crops
from tests.trainer.control.running import serving, with_this
from tests.trainer.control.test_jobs import Gate
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore

COLLINS, HOPPER, STRANGER = "Eileen Collins", "Grace Hopper", "unknown-7"


def somebody_was_there(config: Config, embedder: Embedder) -> None:
    """Hopper's mirror image, as a stranger who is kept; and Collins under her name."""
    writer = Writer(config.history_path, ALL, LIMITS)
    mirrored = np.ascontiguousarray(hopper_bgr()[:, ::-1])
    for track, face, who in ((1, mirrored, None), (2, collins_bgr(), COLLINS)):
        for crop in real_crops(track, face, embedder):
            writer.take_crop(crop)
        writer.hear(event("enter", track, who, None if who else STRANGER))
        writer.hear(event("exit", track, who, None if who else STRANGER, at_s=2))
    writer.flush()
    writer.close()
    assert writer.fault == ""


def test_who_is_in_a_picture_is_answered_with_likeness_and_visits(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    somebody_was_there(config, embedder)
    grey = encode_image(np.full((200, 200, 3), 90, np.uint8), ".png")
    with serving(config, with_this(embedder)) as control:
        (face,) = control.search(portraits[HOPPER])
        assert face.identity == HOPPER
        assert [match.who for match in face.matches] == [HOPPER, STRANGER, COLLINS]
        own, stranger, other = face.matches
        assert own.likeness > 0.99
        assert own.likeness > stranger.likeness > other.likeness
        assert own.different_people_nearer <= stranger.different_people_nearer
        assert [match.stranger for match in face.matches] == [False, True, False]
        assert [match.visits for match in face.matches] == [0, 1, 1]
        assert own.seen_utc is None
        assert other.seen_utc is not None
        left, top, width, height = face.box_xywh
        assert min(left, top) > 0
        assert 30 < width < 400
        assert width == pytest.approx(height, abs=2)
        control.ignore(COLLINS)
        both = np.hstack([hopper_bgr(), np.ascontiguousarray(hopper_bgr()[:, ::-1])])
        found = control.search(("both.png", encode_image(both, ".png")))
        assert len(found) == 2
        assert COLLINS not in [match.who for each in found for match in each.matches]
        for picture, why in ((grey, "no face was found"), (b"\xff\xd8no", "cannot be read")):
            with pytest.raises(ControlError, match=why):
                control.search(("x.jpg", picture))
    with serving(config, Gate(embedder)) as control:  # no worker comes
        with pytest.raises(ControlError, match="took longer than 3 s"):
            control.search(portraits[HOPPER], wait_ms=3000)
        assert control.jobs()
    assert [path for path in config.control_path.iterdir() if path.name.startswith("search")] == []
