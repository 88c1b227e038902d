"""`facestream webhooks`: the process alone; `list`, `retry`, `drop`, `test`: its queue."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.history import local_time
from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config
from streamer.errors import ConfigError, WebhookError
from streamer.wire.timestamps import NS_PER_MS, utc_text

webhooks = typer.Typer(
    name="webhooks", help="Events to URLs: the process alone, and its queue.", no_args_is_help=False
)
Ids = Annotated[list[str] | None, typer.Argument(help="Ids of deliveries, as `list` shows them.")]
AllDead = Annotated[bool, typer.Option("--all", help="All that were given up.")]


@webhooks.callback(invoke_without_command=True)
def _process(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Send events to URLs: without a sub-command, run the process that does so alone."""
    if context.invoked_subcommand is not None:
        return
    from streamer.runtime.service import run_service, start_service
    from streamer.webhooks.process import WebhookPaths, Webhooks
    from streamer.webhooks.targets import targets_of

    config = load_config(context.obj)
    if not config.webhook:
        raise ConfigError(f"{config.path}: there is no [[webhook]]; see docs/webhooks.md")
    stop = start_service(config, "webhooks")
    service = Webhooks(
        targets_of(config),
        WebhookPaths(config.webhooks_path, config.history_path if config.history.enabled else None),
        config.address("events"),
        config.address("ingest"),
    )
    run_service(service, config, stop, heartbeat)


@webhooks.command("list")
def list_(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what is queued and what was given up; without what it says, or of whom."""
    from streamer.webhooks.store import WebhookStore

    config = load_config(context.obj)
    with WebhookStore(config.webhooks_path) as store:
        deliveries = store.all()
    if as_json:
        for each in deliveries:
            row = {
                "id": each.id,
                "webhook": each.webhook,
                "event": each.event,
                "camera": each.camera,
                "state": "given up" if each.dead_ms is not None else "queued",
                "attempts": each.attempts,
                "queued_utc": utc_text(each.queued_ms * NS_PER_MS),
                "next_utc": None
                if each.dead_ms is not None
                else utc_text(each.next_ms * NS_PER_MS),
                "fault": each.fault,
            }
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(box=None)
    for column in ("id", "event", "camera", "tries", "next", "why not yet"):
        table.add_column(column, no_wrap=column == "id")
    for each in deliveries:
        soon = local_time(utc_text(each.next_ms * NS_PER_MS))[11:]
        table.add_row(
            each.id,
            each.event,
            each.camera,
            str(each.attempts),
            "given up" if each.dead_ms is not None else soon,
            each.fault,
        )
    Console().print(table)


@webhooks.command()
def retry(context: typer.Context, ids: Ids = None, every: AllDead = False) -> None:
    """Have deliveries tried again at once."""
    from streamer.webhooks.store import WebhookStore

    config = load_config(context.obj)
    with WebhookStore(config.webhooks_path) as store:
        count = store.retry(_chosen(ids, every))
    typer.echo(f"{count} deliveries are queued again")


@webhooks.command()
def drop(context: typer.Context, ids: Ids = None, every: AllDead = False) -> None:
    """Delete deliveries, queued or given up."""
    from streamer.webhooks.store import WebhookStore

    config = load_config(context.obj)
    with WebhookStore(config.webhooks_path) as store:
        count = store.drop(_chosen(ids, every))
    typer.echo(f"{count} deliveries are deleted")


@webhooks.command()
def test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a webhook in the config.")],
) -> None:
    """Send one example at once, of somebody called Test, and say what came of it."""
    from streamer.webhooks.happenings import Happening
    from streamer.webhooks.posting import post
    from streamer.webhooks.store import Delivery, now_ms
    from streamer.webhooks.targets import targets_of

    config = load_config(context.obj)
    targets = {target.name: target for target in targets_of(config)}
    if name not in targets:
        raise ConfigError(
            f"{config.path}: no webhook {name!r}. Webhooks: {', '.join(targets) or 'none'}"
        )
    now = utc_text(time.time_ns())
    camera = next(iter(config.cameras))
    example = Happening(
        event="enter", id=f"test-{now}", at_utc=now, text=f"Test enters at {camera}",
        camera=camera, identity="Test", probability=1.0, visit="test", track="test",
    )  # fmt: skip
    letter = targets[name].letter(example)
    delivery = Delivery(
        number=0, id=letter.id, webhook=name, event=letter.event, camera=camera, body=letter.body,
        queued_ms=now_ms(), next_ms=0, attempts=0, fault="", dead_ms=None,
    )  # fmt: skip
    verdict = post(targets[name], delivery)
    if not verdict.taken:
        raise WebhookError(f"webhook {name}: {verdict.fault}")
    typer.echo(f"webhook {name} has taken it")


def _chosen(ids: list[str] | None, every: bool) -> list[str] | None:
    if bool(ids) == every:
        raise ConfigError(
            "name ids of deliveries, as `facestream webhooks list` shows them, or --all"
        )
    return None if every else ids
