from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from tests.trainer.people import patches
from trainer.finetuning.finetune import FineTuner, TripletRecipe
from trainer.finetuning.impostor_model import carried_over
from workers.embedding.tensorflow_graph import build_embedder
from workers.network.nn4 import head_convs
from workers.network.weights_file import crop_of, load_weights

RECIPE = TripletRecipe(rule="semi_hard", margin=0.2, rate=3e-4, epochs=3, patience=9, crops=3)


def nothing(_: object) -> None:
    pass


def test_only_the_last_blocks_learn_and_norms_keep_their_statistics(folder: Path) -> None:
    start, dataset = replace(load_weights(None), crop=crop_of("level")), patches(8, 3)
    tuner = FineTuner(dataset, start, RECIPE, folder)
    assert tuner.weights().alignment == "level"
    assert np.allclose(
        tuner.embeddings(), build_embedder(start)(dataset.crops_rgb), rtol=0, atol=1e-4
    )
    result = tuner.train(nothing)
    assert result is not None
    assert len(result.history) == 3
    assert sum(progress.triplets for progress in result.history) > 0
    head = {name for conv in head_convs() for name in (conv.name, conv.norm)} | {"dense_layer"}
    changed = {
        name.split("/")[0]
        for name, array in tuner.weights().arrays.items()
        if not np.array_equal(array, start.arrays[name])
    }
    assert changed <= head
    if result.best_epoch:
        assert "dense_layer" in changed
    for name, array in tuner.weights().arrays.items():
        if name.endswith(("/mean", "/variance")):
            assert np.array_equal(array, start.arrays[name])


@pytest.mark.usefixtures("step_by_step")
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(folder: Path) -> None:
    start, dataset = load_weights(None), patches(8, 3)
    whole = FineTuner(dataset, start, RECIPE, folder / "whole")
    expected = whole.train(nothing)
    first = FineTuner(dataset, start, RECIPE, folder / "parts")
    seen: list[object] = []
    assert first.train(seen.append, stopped=lambda: len(seen) == 1) is None
    second = FineTuner(dataset, start, RECIPE, folder / "parts")
    found = second.train(nothing)
    assert expected is not None
    assert found is not None
    assert [p.triplets for p in found.history] == [p.triplets for p in expected.history]
    assert found.after == pytest.approx(expected.after, abs=1e-6)
    (folder / "parts" / "checkpoint.npz").write_bytes(b"half")
    with pytest.raises(DatasetError, match="damaged"):
        FineTuner(dataset, start, RECIPE, folder / "parts")


def test_too_few_people_and_another_run_are_refused(folder: Path) -> None:
    start = load_weights(None)
    with pytest.raises(DatasetError, match="six people"):
        FineTuner(patches(5, 2), start, RECIPE, folder)
    done = FineTuner(patches(6, 2), start, TripletRecipe(epochs=1), folder)
    done.train(nothing)
    with pytest.raises(DatasetError, match="other crops or settings"):
        FineTuner(patches(7, 2), start, TripletRecipe(epochs=1), folder)


def test_impostors_follow_a_small_change_of_the_network() -> None:
    rng = np.random.default_rng(0)
    turn = np.eye(16) + 0.05 * rng.normal(size=(16, 16))
    before = rng.normal(size=(400, 16)).astype(np.float32)
    after, others = before @ turn, rng.normal(size=(50, 16)).astype(np.float32)
    expected = others @ turn
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = carried_over(others, before, after.astype(np.float32))
    assert float((found * expected).sum(axis=1).min()) > 0.999
