"""`facestream label`: who is in a recording, drafted, and named by eye."""

from pathlib import Path
from typing import Annotated

import typer

from streamer.config.loading import load_config
from streamer.errors import ConfigError, DatasetError
from streamer.files import write_file
from trainer.support.progress import progress_to
from trainer.support.stopping import stoppable


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(label)


def label(
    context: typer.Context,
    clip: Annotated[Path, typer.Argument(help="A recording.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the draft; by default CLIP.label.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option("--names", help="The draft's names.toml, filled in.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Where to write the truth; by default CLIP.json.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="With --names: whence the clip is to be had; kept in the truth.")
    ] = "",
    every: Annotated[
        int, typer.Option(min=1, max=100, help="Look for faces in one of so many frames.")
    ] = 1,
) -> None:
    """Draft who is where in a recording, with a contact sheet; with --names, write the truth.

    First without --names: look at the sheets, fill in names.toml. Then with it.
    """
    if names is not None:
        _write_truth(clip, names, truth or clip.with_suffix(".json"), source)
        return
    folder = out or clip.with_name(f"{clip.name}.label")
    if (folder / "names.toml").exists():
        raise ConfigError(f"{folder}: holds a draft already; name another folder with --out")
    _draft(context, clip, folder, every)


def _draft(context: typer.Context, clip: Path, folder: Path, every: int) -> None:
    import numpy as np

    from trainer.commands.enrolment import network
    from trainer.labelling.drafting import draft_truth, group, track_crops
    from trainer.labelling.linking import link
    from trainer.labelling.looking import look
    from trainer.labelling.naming import names_file
    from trainer.labelling.sheet import cut_views, sheet_pages
    from trainer.support.clips import clip_facts
    from trainer.truth.file import write_truth

    config = load_config(context.obj)
    facts = clip_facts(clip)
    with stoppable() as stopped, progress_to(f"{clip.name}, frames") as show:
        for looked in look(clip, every):
            show(len(looked.found), max(facts.frames, len(looked.found)))
            if stopped():
                raise DatasetError("stopped; nothing was written")
    with progress_to("following") as show:
        drafts = link(looked, show)
    if not drafts:
        raise DatasetError(f"{clip}: no face was found")
    embedder, impostors = network(config)
    crops = track_crops(clip, drafts, embedder.alignment)
    persons = group(
        crops,
        drafts,
        lambda rgb: np.asarray(embedder.embed(rgb), np.float32),
        impostors.same_person_limit(),
    )
    draft = draft_truth(clip, looked, drafts, persons)
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(sheet_pages(draft, cut_views(clip, looked, drafts)))
    for number, page in enumerate(pages, 1):
        write_file(folder / f"sheet-{number}.jpg", page)
    write_truth(folder / "draft.json", draft)
    write_file(folder / "names.toml", names_file(draft))
    typer.echo(
        f"{folder}: {len(drafts)} tracks of about {len(set(persons))} people. Look at "
        f"sheet-1.jpg{f' to sheet-{len(pages)}.jpg' if len(pages) > 1 else ''}, write who they are "
        f"into names.toml, then: facestream label {clip} --names {folder / 'names.toml'}"
    )


def _write_truth(clip: Path, names: Path, path: Path, source: str) -> None:
    from dataclasses import replace

    from trainer.labelling.naming import named_truth, read_names
    from trainer.truth.file import read_truth, write_truth

    draft = read_truth(names.with_name("draft.json"))
    if draft.clip != clip.name:
        raise DatasetError(f"{names}: is of the clip {draft.clip}. Received: {clip.name}")
    written = read_names(names)
    try:
        made = replace(named_truth(draft, written), source=source)
    except DatasetError as error:
        raise DatasetError(f"{names}: {error}") from error
    if not path.parent.is_dir():
        raise DatasetError(f"{path}: its folder must exist; name another file with --truth")
    write_truth(path, made)
    people = ", ".join(made.known()) or "nobody known"
    typer.echo(f"{path}: {len(made.tracks)} tracks; {people}")
