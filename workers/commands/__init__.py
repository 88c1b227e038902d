"""Sub-commands of this room: thin; TensorFlow is imported only by what uses it."""

import typer

from streamer.commands import Lifeline, Rings
from streamer.config.sections import Config, load_config
from workers.commands.gallery import app as gallery_app
from workers.commands.weights import app as weights_app


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command()(identify)
    app.add_typer(gallery_app)
    app.add_typer(weights_app)


def run_embed_worker(config: Config, name: str, lifeline: int | None) -> None:
    """Run one embed worker alone, until it is stopped."""
    from streamer.runtime.service import run_role, start_role

    stop = start_role(config, name)
    from workers.embedding.process import EmbedWorker, load_embedder

    _, threads = config.embed.pool()
    embedder = load_embedder(config.weights_path, config.embed, threads)
    worker = EmbedWorker(name, config.address("work"), embedder, config.dispatch.max_batch)
    run_role(worker, config, stop, lifeline)


def identify(context: typer.Context, lifeline: Lifeline = None, ring: Rings = None) -> None:
    """Run the identify process alone."""
    from streamer.runtime.service import inherit_rings, run_role, start_role
    from workers.classifier.impostors import load_impostors
    from workers.identity.process import Identify, IdentifyPorts
    from workers.network.weights_file import read_fingerprint

    config = load_config(context.obj)
    stop = start_role(config, "identify")
    ports = IdentifyPorts(
        config.address("ingest"), config.address("events"), inherit_rings(ring or [])
    )
    impostors = load_impostors(config.weights_path, read_fingerprint(config.weights_path))
    role = Identify(config.identify, ports, config.gallery_path, impostors)
    run_role(role, config, stop, lifeline)
