import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.embedding.interface import EmbedFunction, Precision
from workers.embedding.precision import (
    Processor,
    answer_key,
    measure_precision,
    remembered,
    this_processor,
)

XEON = "processor\t: 0\nmodel name\t: Xeon {n}\nflags\t\t: fpu {flags}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Processor("unknown", False)),
        ("", Processor("unknown", False)),
        (XEON.format(n=1, flags="avx2"), Processor("Xeon 1", False)),
        (XEON.format(n=2, flags="avx512_bf16"), Processor("Xeon 2", True)),
        (XEON.format(n=3, flags="avx2 amx_bf16 amx_tile"), Processor("Xeon 3", True)),
    ],
)
def test_what_the_kernel_says_of_the_processor(
    folder: Path, text: str | None, expected: Processor
) -> None:
    facts = folder / "cpuinfo"
    if text is not None:
        facts.write_text(text)
    assert this_processor(facts) == expected


def working(turns: int) -> EmbedFunction:
    """A network that keeps the processor busy for so many turns a batch."""

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        for _ in range(turns):
            np.sort(np.arange(20_000)[::-1])
        return np.zeros((len(crops_rgb), 128), np.float32)

    return embed


@pytest.mark.parametrize(
    ("float32", "bfloat16", "expected"),
    [(50, 1, "bfloat16"), (1, 50, "float32")],
)
def test_the_faster_one_is_chosen(float32: int, bfloat16: int, expected: Precision) -> None:
    networks: dict[Precision, EmbedFunction] = {
        "float32": working(float32),
        "bfloat16": working(bfloat16),
    }
    assert measure_precision(networks, 0.3) == expected


def test_an_answer_holds_for_one_processor_runtime_weights_and_number_of_threads() -> None:
    processor = Processor("Xeon", True)
    keys = {
        answer_key(processor, "numpy", "abc", 1),
        answer_key(Processor("Epyc", True), "numpy", "abc", 1),
        answer_key(processor, "pytest", "abc", 1),
        answer_key(processor, "numpy", "def", 1),
        answer_key(processor, "numpy", "abc", 2),
        answer_key(processor, "no-such-package", "abc", 1),
    }
    assert len(keys) == 6
    assert np.__version__ in answer_key(processor, "numpy", "abc", 1)


def test_one_process_at_a_time_has_the_answers(folder: Path) -> None:
    path = folder / "cache" / "precision.json"
    second: list[dict[str, str]] = []

    def ask() -> None:
        with remembered(path) as answers:
            second.append(dict(answers))

    with remembered(path) as answers:
        waits = threading.Thread(target=ask)
        waits.start()
        answers["here"] = "bfloat16"
    waits.join(60)
    assert second == [{"here": "bfloat16"}]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_a_damaged_file_is_as_if_nothing_was_measured(folder: Path, content: bytes) -> None:
    path = folder / "precision.json"
    path.write_bytes(content)
    with remembered(path) as answers:
        assert answers == {}
        answers["here"] = "float32"
    with remembered(path) as answers:
        assert answers == {"here": "float32"}


def test_where_nothing_can_be_written_nothing_fails(folder: Path) -> None:
    (folder / "file").write_text("")
    with remembered(folder / "file" / "precision.json") as answers:
        answers["here"] = "float32"
