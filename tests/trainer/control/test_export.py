"""All that is held of a person, sent in parts, and gone with them."""

import io
import json
import zipfile

import pytest

from streamer.config.sections import Config
from streamer.control import ControlError
from tests.trainer.control.running import serving, with_this
from trainer.control.job_files import RESULT
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def test_all_that_is_held_of_somebody_is_sent_in_parts_for_a_while(
    config: Config, store: GalleryStore, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.control.process.MAX_RESULT_PART", 1000)
    with serving(config, with_this(embedder)) as control:
        job = control.export(COLLINS)
        assert "gallery crops" in job.lines[0]
        parts = list(control.result(job))
        assert {len(part) for part in parts[:-1]} == {1000}
        assert sum(map(len, parts)) == job.result_bytes
        with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
            assert json.loads(archive.read("person.json"))["name"] == COLLINS
            assert "elsewhere.json" not in archive.namelist()
        with pytest.raises(ControlError, match="nothing is held of 'Nobody'"):
            control.export("Nobody")
        hers = control.export(HOPPER)
        assert len(list(config.control_path.glob(f"*/{RESULT}"))) == 2
    monkeypatch.setattr("trainer.control.jobs.MAX_RESULTS", 1)
    with serving(config, with_this(embedder)) as control:  # the oldest go first, and with whom
        assert b"".join(control.result(control.job(hers.job)))[:2] == b"PK"
        with pytest.raises(ControlError, match="has no file"):
            next(control.result(control.job(job.job)))
        control.forget(HOPPER)
        with pytest.raises(ControlError, match="no job"):
            control.job(hers.job)
        assert list(config.control_path.glob(f"*/{RESULT}")) == []
