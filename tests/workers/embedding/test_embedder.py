"""The whole way from the config to a network that embeds."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from streamer.config.sections import EmbedConfig
from workers.embedding.embedder import Embedder, load_embedder
from workers.embedding.race import sample_crops


def test_the_fastest_is_measured_once_and_embeds_as_the_others_do(
    embedder: Embedder, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = folder / "cache" / "runtimes.json"
    crops = sample_crops(3)
    config = EmbedConfig(precision="float32")
    with caplog.at_level(logging.INFO, "workers"):
        found = [load_embedder(None, config, 1, answers).embed(crops) for _ in range(2)]
    (told,) = [record.getMessage() for record in caplog.records]
    (answer,) = json.loads(answers.read_text()).values()
    assert told.startswith(f"{answer} embeds")
    assert {"tensorflow float32", "onnxruntime float32"} <= {
        part.strip().rpartition(" ")[0] for part in told.partition(":")[2].split(",")
    }
    for each in found:
        assert float((each * embedder.embed(crops)).sum(axis=1).min()) > 0.9999
    assert np.array_equal(found[0], found[1])
