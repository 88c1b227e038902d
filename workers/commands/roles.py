"""`facestream embed` and `identify`: one process alone, as the supervisor starts it."""

from typing import Annotated

import typer

from streamer.commands.roles import Lifeline, Rings
from streamer.config.loading import load_config


def embed(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="A name of its own for each worker.")] = "embed",
    lifeline: Lifeline = None,
) -> None:
    """Run one embed worker alone."""
    from streamer.runtime.service import run_role, start_role

    config = load_config(context.obj)
    stop = start_role(config, name)
    from workers.embedding.embedder import load_embedder
    from workers.embedding.process import EmbedWorker

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
