import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers.embedding import answers as answers_module
from workers.embedding.answers import answer_key, release, remembered
from workers.embedding.interface import Candidate
from workers.embedding.processor import Processor

XEON = Processor("Xeon", True)
TENSORFLOW = [Candidate("tensorflow", "float32"), Candidate("tensorflow", "bfloat16")]
OPENVINO = [Candidate("openvino", "float32"), Candidate("openvino", "bfloat16")]


def test_an_answer_holds_for_one_machine_and_all_that_may_be_faster_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    releases = {"tensorflow": "2.1", "openvino": "2026.4"}
    monkeypatch.setattr(answers_module, "version", lambda package: releases[package])
    both = [*TENSORFLOW, *OPENVINO]
    keys = [
        answer_key(XEON, False, both, "abc", 1),
        answer_key(Processor("Epyc", True), False, both, "abc", 1),
        answer_key(XEON, True, both, "abc", 1),
        answer_key(XEON, False, TENSORFLOW, "abc", 1),
        answer_key(XEON, False, [TENSORFLOW[0], OPENVINO[0]], "abc", 1),
        answer_key(XEON, False, both, "def", 1),
        answer_key(XEON, False, both, "abc", 2),
    ]
    releases["openvino"] = "2027.1"
    keys.append(answer_key(XEON, False, both, "abc", 1))
    assert len(set(keys)) == 8


def test_a_release_is_that_of_the_package_of_whatever_distribution() -> None:
    assert release("numpy") == np.__version__
    assert release("sklearn") == f"scikit-learn {metadata.version('scikit-learn')}"
    assert release("no_such_package") == "unknown"


def test_one_process_at_a_time_has_the_answers(folder: Path) -> None:
    path = folder / "cache" / "runtimes.json"
    second: list[dict[str, Any]] = []

    def ask() -> None:
        with remembered(path) as answers:
            second.append(dict(answers))

    with remembered(path) as answers:
        waits = threading.Thread(target=ask)
        waits.start()
        answers["here"] = "openvino bfloat16"
    waits.join(60)
    assert second == [{"here": "openvino bfloat16"}]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_a_damaged_file_is_as_if_nothing_was_measured(folder: Path, content: bytes) -> None:
    path = folder / "runtimes.json"
    path.write_bytes(content)
    with remembered(path) as answers:
        assert answers == {}
        answers["here"] = "float32"
    with remembered(path) as answers:
        assert answers == {"here": "float32"}


def test_where_nothing_can_be_written_nothing_fails(folder: Path) -> None:
    (folder / "file").write_text("")
    with remembered(folder / "file" / "runtimes.json") as answers:
        answers["here"] = "float32"
