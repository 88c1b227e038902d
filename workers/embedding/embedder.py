"""A network that is ready to embed, in the way that the config asks for."""

from dataclasses import dataclass
from pathlib import Path

from streamer.config.sections import EmbedConfig
from streamer.errors import ConfigError
from streamer.runtime.stderr import quiet_stderr
from streamer.vision.align import Alignment
from workers.embedding.choice import choose
from workers.embedding.interface import EmbedFunction
from workers.embedding.mirror import mirrored
from workers.embedding.runtimes import build
from workers.network.weights_file import embedding_fingerprint, load_weights


@dataclass(frozen=True)
class Embedder:
    """A network ready to embed: (batch, 96, 96, 3) uint8 RGB to (batch, 128) float32.

    Only embeddings of one fingerprint can be compared.
    """

    embed: EmbedFunction
    fingerprint: str
    alignment: Alignment


def load_embedder(
    weights: Path | None, config: EmbedConfig, threads: int, answers: Path | None = None
) -> Embedder:
    """Build the network once. Call it before anything else uses TensorFlow in this process.

    `answers` is the file that remembers what is fastest on this machine.
    Raises WeightsError for a weights file that cannot be used, ConfigError for a runtime that
    is not installed.
    """
    loaded = load_weights(weights)
    if config.alignment not in ("auto", loaded.alignment):
        raise ConfigError(
            f"embed.alignment must be auto or {loaded.alignment}, as these weights are made for "
            f"such crops. Received: {config.alignment}"
        )
    chosen = choose(weights, loaded.fingerprint, config, threads, answers)
    with quiet_stderr():
        network = build(loaded, threads, chosen.runtime, chosen.precision)
    return Embedder(
        mirrored(network) if config.mirror else network,
        embedding_fingerprint(loaded.fingerprint, config.mirror),
        loaded.alignment,
    )
