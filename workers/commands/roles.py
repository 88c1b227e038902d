"""`facestream embed` and `identify`: one process alone, as the supervisor starts it."""

import os
import platform
from typing import Annotated

import typer

from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config

_MAX_HOST_NAME = 100


def embed(
    context: typer.Context,
    name: Annotated[
        str, typer.Option(help="In reports; by default the host's name and the process's number.")
    ] = "",
    heartbeat: HeartbeatOption = None,
) -> None:
    """Run one embed worker alone."""
    from streamer.runtime.cores import available_cores
    from streamer.runtime.service import run_service, start_service

    config = load_config(context.obj)
    name = name or worker_name()
    stop = start_service(config, name)
    from workers.embedding.embedder import load_embedder
    from workers.embedding.process import EmbedWorker

    _, threads = config.embed.pool(available_cores())
    embedder = load_embedder(config.weights_path, config.embed, threads, config.answers_path)
    worker = EmbedWorker(name, config.address("work"), embedder, config.dispatch.max_batch)
    run_service(worker, config, stop, heartbeat)


def identify(
    context: typer.Context,
    heartbeat: HeartbeatOption = None,
) -> None:
    """Run the identify process alone."""
    from threadpoolctl import threadpool_limits

    from streamer.runtime.service import run_service, start_service
    from workers.classifier.impostors import load_impostors
    from workers.identity.process import Identify, IdentifyEndpoints, IdentifyFolders
    from workers.network.weights_file import embedding_fingerprint, read_fingerprint

    config = load_config(context.obj)
    stop = start_service(config, "identify")
    endpoints = IdentifyEndpoints(config.address("ingest"), config.address("events"))
    folders = IdentifyFolders(
        config.gallery_path,
        config.data_path / "strangers" / "next-number",
        config.history_path,
        config.strangers.keep,
    )
    weights = read_fingerprint(config.weights_path)
    fingerprint = embedding_fingerprint(weights, config.embed.mirror)
    impostors = load_impostors(config.weights_path, fingerprint)
    service = Identify(config.identify, endpoints, folders, impostors)
    # Where all cores are busy, a product that waits for its second thread may wait for 100 ms.
    threadpool_limits(1, "blas")
    run_service(service, config, stop, heartbeat)


def worker_name() -> str:
    """Return a name that no other worker has, on this host or another."""
    return f"{platform.node()[:_MAX_HOST_NAME] or 'host'}-{os.getpid()}"
