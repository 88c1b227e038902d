"""A file that ends or holds what looks at it is refused, and the next one is looked at."""

import multiprocessing
from pathlib import Path

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.vision.align import SHIPPED_ALIGNMENT
from trainer.control.harvesting import PICTURE_S, Wanted, harvest_files
from trainer.control.work import Work


def test_what_ends_or_holds_its_reader_is_refused_and_the_next_is_looked_at(
    folder: Path, portraits: dict[str, Path]
) -> None:
    killed: list[int | None] = []

    def check() -> None:
        """Kill what looks at the first file, as that file might have done."""
        for child in multiprocessing.active_children():
            if not killed:
                killed.append(child.pid)
                child.kill()

    ends, holds, good = (folder / name for name in ("ends.png", "holds.png", "good.png"))
    for path in (ends, holds, good):
        path.write_bytes(portraits["Grace Hopper"].read_bytes())
    name = "Grace Hopper"
    found = harvest_files(
        [
            Wanted(name, ends, PICTURE_S),
            Wanted(name, holds, 0.0),
            Wanted(name, good, PICTURE_S, "hers.png"),
        ],
        (EnrolConfig(), DetectConfig(), SHIPPED_ALIGNMENT),
        Work(folder=folder, check=check),
    )[name]
    assert len(killed) == 1
    assert found.refused_files == [
        (str(ends), "cannot be read: it makes what reads it end"),
        (str(holds), "cannot be read: it takes longer than 0 s"),
    ]
    assert [face.source.path for face in found.usable] == ["hers.png"]
    assert multiprocessing.active_children() == []
