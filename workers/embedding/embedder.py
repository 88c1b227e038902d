"""A network that is ready to embed, in the runtime and precision that the config asks for."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamer.config.sections import EmbedConfig
from workers.embedding.interface import EmbedFunction
from workers.embedding.runtimes import build
from workers.network.weights_file import load_weights


@dataclass(frozen=True)
class Embedder:
    """A network ready to embed: (batch, 96, 96, 3) uint8 RGB to (batch, 128) float32."""

    embed: EmbedFunction
    fingerprint: str


def load_embedder(weights: Path | None, config: EmbedConfig, threads: int) -> Embedder:
    """Build the network once. Call it before anything else uses TensorFlow in this process.

    Raises WeightsError for a weights file that cannot be used, ConfigError for a runtime that
    is not installed.
    """
    loaded = load_weights(weights)
    with quiet_stderr():
        network = build(loaded, threads, config.runtime, config.precision)
    return Embedder(network, loaded.fingerprint)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what TensorFlow's libraries write while they load: remarks on missing GPUs.

    They write before any log level is heard. If loading fails, all of it is shown.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
