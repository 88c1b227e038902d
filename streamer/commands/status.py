"""`facestream status`: whether a pipeline is well, for people and for monitors."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.subscribers import subscriber_of
from streamer.config.loading import load_config


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds to wait for reports.")
    ] = 5.0,
) -> None:
    """Say whether a pipeline is well: exit code 0 if it is, 1 if degraded, 2 if none runs."""
    from streamer.metrics.judging import judge, waits_for
    from streamer.metrics.monitor import TOPICS, Monitor
    from streamer.metrics.status import line_of, status_of
    from streamer.supervision.process_file import read_processes

    config = load_config(context.obj)
    monitor = Monitor()
    with subscriber_of(config, "", TOPICS) as subscriber:
        processes = read_processes(config.run_path)
        # One whose roles run each alone, without a supervisor here, may be heard all the same.
        events = config.socket_files.get("events")
        silent = processes is None and events is not None and not events.is_socket()
        until = time.monotonic() + (0.0 if silent else timeout)
        while waits_for(monitor.snapshot(), processes, config):
            received = subscriber.receive(max(0.0, until - time.monotonic()))
            if received is None:
                break
            monitor.take(received[0])
    processes = read_processes(config.run_path)
    snapshot = monitor.snapshot()
    verdict = judge(snapshot, processes, config)
    told = status_of(verdict, snapshot, processes)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        raise typer.Exit(verdict.exit_code)
    typer.echo(line_of(told))
    if verdict.state != "not running":
        table = Table(box=None)
        for column in ("process", "state", "restarts", "CPU s", "a second"):
            table.add_column(column)
        for each in told["processes"]:
            rates = ", ".join(f"{stage} {rate}" for stage, rate in each["rates"].items() if rate)
            shown = (each["process"], each["state"], each["restarts"], each["cpu_s"], rates)
            table.add_row(*("" if value is None else str(value) for value in shown))
        Console().print(table)
    raise typer.Exit(verdict.exit_code)
