from pathlib import Path

import pytest

from workers.embedding.processor import Processor, this_processor

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
