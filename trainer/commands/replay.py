"""`facestream replay`: what would be said of a recording, and how right that is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.completion import complete_camera
from streamer.config.loading import load_config
from streamer.errors import ConfigError, DatasetError
from streamer.files import write_file
from trainer.support.progress import progress_to

if TYPE_CHECKING:
    from trainer.replay.running import Heard
    from trainer.truth.file import Truth
    from trainer.truth.scoring import Scored


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(replay)


def replay(
    context: typer.Context,
    clip: Annotated[Path, typer.Argument(help="A recording.")],
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Who is in it; then it is scored.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="As fast as it goes, with every frame; no latencies.")
    ] = False,
    camera: Annotated[
        str,
        typer.Option(
            help="With this camera's own settings of the config.", autocompletion=complete_camera
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with a timeline here (.html); needs --truth.")
    ] = None,
) -> None:
    """Tell what a pipeline would have said of a recording, and score it against the truth.

    The real processes run with this config and gallery, beside any pipeline that is running.
    """
    from trainer.replay.running import run_replay
    from trainer.replay.setting import gallery_of, replay_setting
    from trainer.support.clips import clip_facts
    from trainer.truth.file import read_truth
    from trainer.truth.scoring import score_clip

    config = load_config(context.obj)
    _check_page(page, truth)
    known = None if truth is None else read_truth(truth)
    frames = clip_facts(clip).frames
    gallery = gallery_of(config)
    if known is not None:
        _warn(known, clip, gallery.people.names)
    with (
        replay_setting(config, clip, fast, camera) as setting,
        progress_to(f"{clip.name}, frames") as show,
    ):
        heard = run_replay(
            setting,
            lambda done: show(done, max(frames, done)),
            lambda line: typer.echo(line, err=True),
        )
    if heard.superseded:
        typer.echo(
            f"{heard.superseded} of {heard.frames} frames were seen by no detector: this machine "
            f"is too slow for the clip in real time",
            err=True,
        )
    if known is None:
        _tell(heard, as_json)
        return
    scored = score_clip(known, heard.said, [] if fast else heard.latencies_ms)
    if page is not None:
        _write_page(page, clip, known, scored, heard, fast)
    _report(heard, scored, as_json)
    if page is not None:
        typer.echo(f"{page}: the timeline", err=True)


def _check_page(page: Path | None, truth: Path | None) -> None:
    if page is None:
        return
    if truth is None:
        raise ConfigError("--page needs --truth: the page compares what was said with it")
    if page.suffix not in (".html", ".htm") or not page.parent.is_dir():
        raise ConfigError("--page must name a .html file, in a folder that exists")


def _warn(truth: "Truth", clip: Path, enrolled: tuple[str, ...]) -> None:
    """Tell of what the truth and the rest do not have in common; the score stands all the same."""
    from workers.names import composed_name

    if truth.clip != clip.name:
        typer.echo(f"{clip.name}: the truth is of a clip called {truth.clip}", err=True)
    names = {composed_name(name) for name in enrolled}
    absent = [name for name in truth.known() if composed_name(name) not in names]
    if absent:
        typer.echo(f"known by the truth, and not enrolled: {', '.join(absent)}", err=True)
    strangers = {track.person for track in truth.tracks if track.person and not track.known}
    both = sorted(name for name in strangers if composed_name(name) in names)
    if both:
        typer.echo(f"strangers by the truth, and enrolled: {', '.join(both)}", err=True)


def _tell(heard: "Heard", as_json: bool) -> None:
    from trainer.replay.story import clock, visits

    found = visits(heard.said)
    if as_json:
        said = [visit.as_json() for visit in found]
        typer.echo(json.dumps({"said": said, **_account(heard)}, ensure_ascii=False))
        return
    table = Table("who", "from", "to", "seconds", title="What was said")
    for visit in found:
        seconds = (visit.end_ms - visit.start_ms) / 1000
        style = "" if visit.identity else "dim"
        row = (visit.name, clock(visit.start_ms), clock(visit.end_ms), f"{seconds:.1f}")
        table.add_row(*row, style=style)
    Console().print(table if found else "nobody was seen")


def _report(heard: "Heard", scored: "Scored", as_json: bool) -> None:
    from trainer.replay.story import FIGURES, figure_text

    summary = scored.score.summary()
    if as_json:
        typer.echo(json.dumps({**summary, **_account(heard)}, ensure_ascii=False))
        return
    console = Console()
    figures = Table("figure", "", title="Scored against the truth")
    figures.columns[1].justify = "right"
    for name, key, unit in FIGURES:
        figures.add_row(name, figure_text(summary[key], unit))
    console.print(figures)
    people = Table("person", "in view", "precision", "recall")
    for name, person in summary["people"].items():
        people.add_row(
            name,
            figure_text(person["visible_s"], "s"),
            figure_text(person["precision"], "%"),
            figure_text(person["recall"], "%"),
        )
    console.print(people)


def _account(heard: "Heard") -> dict[str, Any]:
    return {"frames": heard.frames, "superseded": heard.superseded, "cpu_s": round(heard.cpu_s, 2)}


def _write_page(
    path: Path, clip: Path, truth: "Truth", scored: "Scored", heard: "Heard", fast: bool
) -> None:
    from trainer.replay.page import replay_page
    from trainer.replay.story import clock

    pace = "as fast as it goes" if fast else "in real time"
    lost = f", {heard.superseded} of them seen by no detector" if heard.superseded else ""
    notes = [
        f"{clock(truth.duration_ms)}, {truth.width} x {truth.height}, {truth.fps:g} frames a "
        f"second; played {pace}; {heard.frames} frames{lost}."
    ]
    try:
        write_file(path, replay_page(f"Replay of {clip.name}", notes, truth, scored))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written: {error.strerror}") from error
