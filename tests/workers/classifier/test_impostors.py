from pathlib import Path

import pytest

from streamer.errors import WeightsError
from trainer.finetuning.impostor_model import write_impostors
from workers.classifier.impostors import Impostors, load_impostors

W, MIRROR = "abc", "abc+mirror"


@pytest.mark.parametrize(
    ("made_for", "wanted", "expected"),
    [
        (W, "", W),
        (W, W, W),
        (W, MIRROR, MIRROR),  # plain embeddings' impostors stand in until there are better ones
        (MIRROR, MIRROR, MIRROR),
        (MIRROR, W, None),
        ("def", W, None),
        ("def", MIRROR, None),
        ("def+mirror", MIRROR, None),
    ],
)
def test_impostors_belong_to_weights_and_to_mirroring(
    folder: Path, impostors: Impostors, made_for: str, wanted: str, expected: str | None
) -> None:
    path = folder / "w.impostors.npz"
    write_impostors(path, impostors.embeddings[:9], impostors.variation, made_for)
    if expected is None:
        with pytest.raises(WeightsError, match="facestream train impostors"):
            load_impostors(folder / "w.npz", wanted)
    else:
        assert load_impostors(folder / "w.npz", wanted).fingerprint == expected
