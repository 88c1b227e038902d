from pathlib import Path

import trainer.benchmarks
from trainer.truth.file import read_truth

TRUTHS = sorted((Path(trainer.benchmarks.__file__).parent / "truth").glob("*.json"))


def test_every_labelled_clip_is_whole_and_says_whence_it_comes() -> None:
    assert len(TRUTHS) >= 20
    for path in TRUTHS:
        truth = read_truth(path)
        assert truth.clip == f"{path.stem}.mp4"
        assert truth.source.startswith("https://github.com/")
        assert len(truth.source.rpartition("/")[2]) == 40  # the commit
        for track in truth.tracks:
            for key in track.keys:  # some of each box is in the picture
                assert -key.width < key.x < truth.width
                assert -key.height < key.y < truth.height
