"""`facestream history`: the process alone; `facestream visits`: who was there, and how long."""

import json
import re
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.completion import complete_camera, complete_seen
from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config
from streamer.errors import ConfigError
from streamer.history.queries import Wanted

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_S = 100 * 366 * 86_400

Since = Annotated[str, typer.Option(help="Not before: 90s, 15m, 1h, 2d, 1w ago, or a time.")]
Until = Annotated[str, typer.Option(help="Not after, in the same words.")]
Person = Annotated[
    str,
    typer.Option(
        help="Of this person, or of a stranger: unknown-17.", autocompletion=complete_seen
    ),
]
Camera = Annotated[str, typer.Option(help="Of this camera.", autocompletion=complete_camera)]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, the newest.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def history(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Run the process that writes the history alone."""
    from streamer.history.process import History, HistoryEndpoints
    from streamer.history.recording import Rules
    from streamer.history.retention import Limits
    from streamer.runtime.service import run_service, start_service

    config = load_config(context.obj)
    stop = start_service(config, "history")
    endpoints = HistoryEndpoints(
        config.address("events"),
        config.address("ingest"),
        config.address("kept") if config.keeps_crops else None,
    )
    rules = Rules(config.history.strangers, config.strangers.keep, config.history.snapshots)
    limits = Limits(
        config.history.keep_days,
        config.strangers.keep_days if config.strangers.keep else 0.0,
        config.history.max_mb * 1_000_000,
    )
    run_service(History(config.history_path, endpoints, rules, limits), config, stop, heartbeat)


def visits(
    context: typer.Context,
    since: Since = "",
    until: Until = "",
    person: Person = "",
    camera: Camera = "",
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """List visits: who was there, from when to when."""
    from streamer.history import queries
    from streamer.history.database import history as opened

    config = load_config(context.obj)
    wanted = wanted_rows(since, until, person, camera, limit)
    with opened(config.history_path) as connection:
        rows = queries.visits(connection, wanted)
    if as_json:
        print_json(rows)
        return
    table = Table(title="visits", title_justify="left")
    for column in ("from", "to", "camera", "who", "", "crops"):
        table.add_column(column)
    for row in rows:
        left = row["left_utc"]
        table.add_row(
            local_time(row["entered_utc"]),
            local_time(left)[11:] if left else "still there",
            row["camera"],
            who(row),
            f"{row['probability']:.0%}",
            str(row["crops"] or ""),
        )
    Console().print(table)


def wanted_rows(since: str, until: str, person: str, camera: str, limit: int) -> Wanted:
    """Return what the options of a list ask for. Raises ConfigError."""
    import unicodedata

    return Wanted(
        since_ms=moment_ms(since, "--since") if since else 0,
        until_ms=moment_ms(until, "--until") if until else 2**62,
        person=unicodedata.normalize("NFC", person).strip(),
        camera=camera,
        limit=limit,
    )


def moment_ms(text: str, option: str) -> int:
    """Return the milliseconds since 1970 of `15m` (ago) or a date and time. Raises ConfigError."""
    ago = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw])", text)
    if ago is not None:
        back_s = float(ago[1]) * _UNITS_S[ago[2]]
        if back_s <= _MAX_S:
            return round((time.time() - back_s) * 1000)
    else:
        try:
            return round(datetime.fromisoformat(text).timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            pass
    raise ConfigError(
        f"{option}: must be how long ago (90s, 15m, 1h, 2d, 1w) or a time (2026-05-01, "
        f"2026-05-01T12:30). Received: {text!r:.60}"
    )


def who(row: dict[str, Any]) -> str:
    """Return who a row is about, for people."""
    return str(row["identity"] or row["stranger"] or "somebody")


def local_time(utc: str) -> str:
    """Return an RFC 3339 time as people here write it, to the second."""
    return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def print_json(rows: list[dict[str, Any]]) -> None:
    """Print one JSON object a line."""
    for row in rows:
        typer.echo(json.dumps(row, ensure_ascii=False))
