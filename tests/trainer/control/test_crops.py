"""The crops of a person: listed with what is said of them, shown, set aside and put back."""

from pathlib import Path

import numpy as np
import pytest

from streamer.config.sections import Config
from streamer.control import Control, ControlError
from streamer.vision.images import decode_image
from streamer.wire.control import CropRow
from tests.trainer.control.running import serving, with_this
from tests.trainer.enrolment.forgotten import search
from workers.embedding.embedder import Embedder
from workers.gallery.crop_ids import crop_ids
from workers.gallery.store import GalleryStore

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def crop_of(control: Control, name: str) -> CropRow:
    (row,) = control.crops(name)
    return row


def test_crops_are_listed_with_verdicts_and_shown(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    gallery = store.read()
    assert gallery is not None
    said = gallery.classifier.held_out
    assert said is not None
    alike = float(gallery.people.embeddings[0] @ gallery.people.embeddings[1])
    with serving(config, with_this(embedder)) as control:
        row = crop_of(control, COLLINS)
        assert (row.kept, row.likeness, row.other, row.vouched) == (True, None, HOPPER, False)
        assert row.other_likeness == pytest.approx(alike, abs=1e-4)
        assert row.verdict == ("right" if said.person[0] == 0 else "nobody")
        assert control.people()[0].crop == row.crop
        shares = {row.name: row.named_rightly for row in control.people()}
        assert shares[COLLINS] == float(said.person[0] == 0)
        picture = decode_image(control.crop_picture(COLLINS, row.crop, "png"))
        assert picture is not None
        assert np.array_equal(picture[:, :, ::-1], gallery.people.crops_rgb[0])
        assert control.crop_picture(COLLINS, row.crop)[:2] == b"\xff\xd8"
        with pytest.raises(ControlError, match="'Nobody' is not enrolled"):
            control.crops("Nobody")
        with pytest.raises(ControlError, match="has no crop '00000000' any more"):
            control.crop_picture(COLLINS, "00000000")
        with pytest.raises(ControlError, match="has no crop"):
            control.crop_picture(HOPPER, row.crop)


def test_a_crop_is_set_aside_and_put_back_and_forgotten_with_its_person(
    config: Config, store: GalleryStore, embedder: Embedder, portraits: dict[str, Path]
) -> None:
    with serving(config, with_this(embedder)) as control:
        with pytest.raises(ControlError, match="at least must stay"):
            control.set_aside(COLLINS, [crop_of(control, COLLINS).crop])
        control.enrol_paths(COLLINS, [portraits[HOPPER]], force=True)
        first, second = control.crops(COLLINS)
        assert second.vouched
        assert second.likeness == first.likeness
        with pytest.raises(ControlError, match="has no crop 'ffffffff' any more"):
            control.set_aside(COLLINS, [second.crop, "ffffffff"])
        job = control.set_aside(COLLINS, [second.crop])
        assert f"{COLLINS}: 1 crops are set aside; gallery {job.version}" in job.lines
        kept, aside = control.crops(COLLINS)
        assert (kept.crop, kept.kept, aside.kept) == (first.crop, True, False)
        assert aside.reason == "somebody has set it aside"
        assert control.crop_picture(COLLINS, aside.crop)
        assert [row.set_aside for row in control.people()] == [1, 0]
        control.put_back(COLLINS, [aside.crop])
        assert [row.crop for row in control.crops(COLLINS)] == [first.crop, second.crop]
        with pytest.raises(ControlError, match=r"is set aside\. There are: none"):
            control.put_back(COLLINS, [aside.crop])
        before = store.read()
        assert before is not None
        control.rebuild()
        after = store.read()
        assert after is not None
        assert after.parent == before.version
        assert np.allclose(after.people.embeddings, before.people.embeddings, atol=1e-4)
        row_of_pixels = after.people.crops_rgb[0][40].tobytes()
        control.set_aside(COLLINS, [list(crop_ids(after.people, COLLINS))[1]])
        control.forget(COLLINS)
        with pytest.raises(ControlError, match="is not enrolled"):
            control.crop_picture(COLLINS, aside.crop)
        needles = {"name": COLLINS.encode(), "crop": row_of_pixels}
        assert search(config.data_path, needles) == []
