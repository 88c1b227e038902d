"""Which runtime and precision run the network: as configured, or the fastest, once measured."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from streamer.config.sections import EmbedConfig
from workers.embedding.answers import answer_key, remembered
from workers.embedding.interface import Candidate, Precision, Runtime
from workers.embedding.processor import this_processor
from workers.embedding.race import RaceError, race
from workers.embedding.runtimes import installed, require_installed, tensorflow_has_gpu

log = logging.getLogger(__name__)


def candidates_for(
    runtime: Runtime | Literal["auto"],
    precision: Precision | Literal["auto"],
    *,
    bfloat16: bool,
    gpu: bool,
) -> list[Candidate]:
    """Return what the config allows and is worth a try here, the safest first; never nothing.

    `bfloat16`: the processor multiplies it; elsewhere it is emulated, which takes long. ONNX
    Runtime has no bfloat16 kernels. `gpu`: TensorFlow has one, which outruns all processors.
    Raises ConfigError where the runtime that is asked for is not installed.
    """
    if runtime != "auto":
        require_installed(runtime)
        runtimes: tuple[Runtime, ...] = (runtime,)
    elif gpu:
        runtimes = ("tensorflow",)
    else:
        runtimes = tuple(each for each in get_args(Runtime) if installed(each))
    precisions: tuple[Precision, ...] = (precision,) if precision != "auto" else ("float32",)
    if precision == "auto" and (bfloat16 or gpu):
        precisions = ("float32", "bfloat16")
    return [
        Candidate(each, chosen)
        for each in runtimes
        for chosen in precisions
        if (each, chosen) != ("onnxruntime", "bfloat16")
    ]


def choose(
    weights: Path | None,
    fingerprint: str,
    config: EmbedConfig,
    threads: int,
    answers: Path | None = None,
) -> Candidate:
    """Return the runtime and precision to use; "auto" is measured where no answer is known.

    `answers` is the file that remembers it. What is left out, and why, is logged.
    """
    processor, gpu = this_processor(), tensorflow_has_gpu()
    candidates = candidates_for(
        config.runtime, config.precision, bfloat16=processor.bfloat16, gpu=gpu
    )
    if len(candidates) == 1:
        return candidates[0]
    key = answer_key(processor, gpu, candidates, fingerprint, threads)
    with remembered(answers) as known:
        for candidate in candidates:
            if known.get(key) == str(candidate):
                return candidate
        chosen = _measured(weights, threads, candidates)
        if chosen is None:
            return candidates[0]
        known[key] = str(chosen)
        return chosen


def _measured(
    weights: Path | None, threads: int, candidates: Sequence[Candidate]
) -> Candidate | None:
    try:
        result = race(weights, threads, candidates)
    except RaceError as error:
        log.warning("what is fastest here cannot be measured, so it is not chosen: %s", error)
        return None
    for name, why in result.left_out.items():
        log.warning("%s is left out: %s", name, why)
    chosen = result.fastest(candidates)
    times = [f"{name} {1000 * took:.1f}" for name, took in result.seconds.items()]
    log.info("%s embeds; measured, ms for a batch: %s", chosen or candidates[0], ", ".join(times))
    return chosen
