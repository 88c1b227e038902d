"""What the config asks for, what is installed and what was measured, to one runtime."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streamer.config.sections import EmbedConfig
from streamer.errors import ConfigError
from workers.embedding import choice
from workers.embedding.choice import candidates_for, choose
from workers.embedding.interface import Candidate
from workers.embedding.processor import Processor
from workers.embedding.race import RaceError, Result

ALL = {"tensorflow", "onnxruntime", "openvino"}


class Bench:
    """A machine whose installed runtimes, processor, GPU and times the test decides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.installed = set(ALL)
        self.bfloat16 = True
        self.gpu = False
        self.result: Result | RaceError = Result(
            {"tensorflow float32": 2.0, "onnxruntime float32": 1.0}
        )
        self.raced: list[list[str]] = []
        monkeypatch.setattr(choice, "installed", lambda runtime: runtime in self.installed)
        monkeypatch.setattr(choice, "this_processor", lambda: Processor("Xeon", self.bfloat16))
        monkeypatch.setattr(choice, "tensorflow_has_gpu", lambda: self.gpu)
        monkeypatch.setattr(choice, "race", self._race)

    def _race(self, weights: Path | None, threads: int, candidates: Sequence[Candidate]) -> Result:
        self.raced.append([str(each) for each in candidates])
        if isinstance(self.result, RaceError):
            raise self.result
        return self.result

    def choose(self, answers: Path | None = None, threads: int = 1, **config: Any) -> str:
        return str(choose(None, "abc", EmbedConfig(**config), threads, answers))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.mark.parametrize(
    ("config", "machine", "expected"),
    [
        ({}, {"installed": {"tensorflow"}, "bfloat16": False}, []),
        ({}, {"installed": {"tensorflow"}}, ["tensorflow float32", "tensorflow bfloat16"]),
        (
            {},
            {"bfloat16": False},
            ["tensorflow float32", "onnxruntime float32", "openvino float32"],
        ),
        (
            {},
            {},
            [
                "tensorflow float32",
                "tensorflow bfloat16",
                "onnxruntime float32",
                "openvino float32",
                "openvino bfloat16",
            ],
        ),
        (
            {"precision": "float32"},
            {},
            ["tensorflow float32", "onnxruntime float32", "openvino float32"],
        ),
        ({"precision": "bfloat16"}, {}, ["tensorflow bfloat16", "openvino bfloat16"]),
        ({"runtime": "tensorflow"}, {}, ["tensorflow float32", "tensorflow bfloat16"]),
        ({"runtime": "tensorflow"}, {"bfloat16": False}, []),
        ({"runtime": "onnxruntime"}, {}, []),
        ({"runtime": "tensorflow", "precision": "bfloat16"}, {"bfloat16": False}, []),
        ({"precision": "float32"}, {"gpu": True}, []),
        ({}, {"gpu": True, "bfloat16": False}, ["tensorflow float32", "tensorflow bfloat16"]),
    ],
)
def test_what_is_measured(
    bench: Bench, config: dict[str, Any], machine: dict[str, Any], expected: list[str]
) -> None:
    for name, value in machine.items():
        setattr(bench, name, value)
    bench.choose(**config)
    assert bench.raced == ([expected] if expected else [])


def test_what_the_config_names_is_taken(bench: Bench) -> None:
    assert bench.choose(runtime="onnxruntime") == "onnxruntime float32"
    assert bench.choose(runtime="tensorflow", precision="bfloat16") == "tensorflow bfloat16"
    bench.gpu = True
    assert bench.choose(precision="float32") == "tensorflow float32"
    assert bench.raced == []


def test_a_runtime_that_is_asked_for_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.config.surroundings.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'facestream\[openvino\]'"):
        candidates_for("openvino", "auto", bfloat16=True, gpu=False)
    found = candidates_for("auto", "auto", bfloat16=False, gpu=False)
    assert found == [Candidate("tensorflow", "float32")]


def test_the_answer_is_kept_for_this_machine(bench: Bench, folder: Path) -> None:
    answers = folder / "cache" / "runtimes.json"
    assert [bench.choose(answers) for _ in range(2)] == ["onnxruntime float32"] * 2
    assert len(bench.raced) == 1
    bench.choose(answers, threads=2)
    assert len(bench.raced) == 2
    bench.installed = {"tensorflow", "onnxruntime"}
    bench.choose(answers)
    assert len(bench.raced) == 3
    bench.choose(answers, precision="float32")
    assert len(bench.raced) == 4
    bench.choose(answers)
    assert len(bench.raced) == 4


@pytest.mark.parametrize("answer", ["a runtime that is gone", "openvino int8", 7, None, ["x"], {}])
def test_an_answer_that_makes_no_sense_is_measured_anew(
    bench: Bench, folder: Path, answer: object
) -> None:
    answers = folder / "runtimes.json"
    bench.choose(answers)
    (key,) = json.loads(answers.read_text())
    answers.write_text(json.dumps({key: answer}))
    assert bench.choose(answers) == "onnxruntime float32"
    assert json.loads(answers.read_text()) == {key: "onnxruntime float32"}
    assert len(bench.raced) == 2


def test_what_is_left_out_is_logged_in_a_line(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.result = Result({"tensorflow float32": 2.0}, {"openvino bfloat16": "it differs"})
    assert bench.choose() == "tensorflow float32"
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert line == "openvino bfloat16 is left out: it differs"


@pytest.mark.parametrize("result", [RaceError("exit code -4"), Result()])
def test_where_nothing_is_measured_the_exact_one_is_used_and_nothing_remembered(
    bench: Bench, folder: Path, result: Result | RaceError
) -> None:
    bench.result = result
    answers = folder / "runtimes.json"
    assert bench.choose(answers) == "tensorflow float32"
    assert not answers.exists()
