"""`facestream train dataset`, `finetune`, `tune`, `report`: an installation's own people."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import ConfigError, GalleryError
from streamer.files import write_file
from trainer.support.progress import progress_bar, progress_text
from trainer.support.stopping import stoppable

if TYPE_CHECKING:
    from trainer.datasets.dataset import Dataset

Set = Annotated[
    Path | None, typer.Option("--dataset", help="A dataset folder; by default the gallery.")
]
Work = Annotated[Path | None, typer.Option(help="Where it keeps what it has, to go on later.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (dataset, finetune, tune, report):
        app.command()(command)


def dataset(
    context: typer.Context,
    root: Annotated[Path, typer.Argument(help="A folder or a clip for each person, by name.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    folds: Annotated[int, typer.Option(min=2, max=100, help="Folds, if there is enough.")] = 10,
) -> None:
    """Make a dataset of crops with a manifest from folders and clips of people."""
    from trainer.commands.enrolment import rules_of
    from trainer.datasets.dataset import write_dataset
    from trainer.enrolment.bulk import harvest_people, people_in

    config = load_config(context.obj)
    if (out / "manifest.csv").exists():
        raise ConfigError(f"{out}: is a dataset already; name a new folder")
    found = people_in(root)
    with stoppable() as stopped, progress_bar("people", len(found)) as advance:
        harvests = harvest_people(found, out / "work", rules_of(config), advance, stopped)
    made, count = write_dataset(out, harvests, folds)
    shutil.rmtree(out / "work")
    refused = sum(len(h.faces) - len(h.usable) + len(h.refused_files) for h in harvests.values())
    fewer = f" (for {folds} nobody has enough photos or clips)" if count < folds else ""
    typer.echo(
        f"{out}: {len(made.labels)} crops of {len(made.names)} people, {count} folds{fewer}; "
        f"{refused} refused; see {out / 'manifest.csv'}"
    )


def finetune(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The weights file to write, if it is better.")],
    source: Set = None,
    rule: Annotated[str, typer.Option(help="original, semi_hard or hard.")] = "original",
    within: Annotated[float, typer.Option(min=0, max=4, help="Of rule original.")] = 0.09,
    margin: Annotated[float, typer.Option(min=0, max=4, help="Of the loss.")] = 0.1,
    rate: Annotated[float, typer.Option(min=0, help="Adam's learning rate.")] = 1e-4,
    decay: Annotated[float, typer.Option(min=0.01, max=1, help="Of the rate, an epoch.")] = 0.95,
    epochs: Annotated[int, typer.Option(min=1, help="At most.")] = 30,
    patience: Annotated[int, typer.Option(min=1, help="Epochs that are no better.")] = 5,
    work: Work = None,
) -> None:
    """Tune the network's last layers to your people by triplets; kept only if it is better.

    Better: on people that it was neither trained on nor stopped by. Stopped or killed, the same
    command goes on.
    """
    from trainer.finetuning.triplets import RULES, split_people

    if rule not in RULES:
        raise ConfigError(f"--rule must be one of {', '.join(RULES)}. Received: {rule!r}")
    config = load_config(context.obj)
    faces = _faces(config, source)
    split_people(faces.labels, faces.group)  # too few are refused before TensorFlow loads
    from streamer.runtime.stderr import quiet_stderr

    with quiet_stderr():
        from trainer.finetuning.finetune import FineTuner, TripletRecipe, TuningEpoch
    from trainer.finetuning.impostor_model import carried_over, write_impostors
    from workers.classifier.impostors import impostors_path, load_impostors
    from workers.network.weights_file import embedding_fingerprint, load_weights, save_weights

    recipe = TripletRecipe(
        rule=rule,
        within=within,
        margin=margin,
        rate=rate,
        decay=decay,
        epochs=epochs,
        patience=patience,
    )
    start = load_weights(config.weights_path)
    wanted = embedding_fingerprint(start.fingerprint, config.embed.mirror)
    known = load_impostors(config.weights_path, wanted)
    folder = work or out.with_suffix(".work")
    with quiet_stderr():
        tuner = FineTuner(faces, start, recipe, folder)
    before = tuner.embeddings()
    with stoppable() as stopped, progress_text("epochs") as tell:

        def on_epoch(progress: TuningEpoch) -> None:
            note = f"{progress.triplets} triplets, loss {progress.loss:.4f}, AUC {progress.auc:.5f}"
            tell(progress.epoch, epochs, note)

        result = tuner.train(on_epoch, stopped)
    if result is None:
        typer.echo(f"stopped; the same command goes on from {folder}")
        return
    figures = {"recipe": asdict(recipe), **asdict(result), "kept": result.better}
    report_path = out.with_suffix(".json")
    write_file(report_path, (json.dumps(figures, indent=1) + "\n").encode())
    verdict = f"AUC on people of no triplet: {result.before:.5f} before, {result.after:.5f} after"
    if not result.better:
        typer.echo(f"not better, so nothing was written; {verdict}; see {report_path}")
        return
    fingerprint = save_weights(out, tuner.weights())
    moved = carried_over(known.embeddings, before, tuner.embeddings())
    write_impostors(impostors_path(out), replace(known, embeddings=moved, fingerprint=fingerprint))
    typer.echo(f"{out}: {fingerprint}; {verdict}; see {report_path}")
    typer.echo(f"next: facestream weights use {out}, then facestream rebuild")


def _faces(config: Config, folder: Path | None) -> "Dataset":
    from trainer.datasets.dataset import dataset_of, read_dataset
    from workers.gallery.store import GalleryStore

    if folder is not None:
        return read_dataset(folder)
    gallery = GalleryStore(config.gallery_path).read()
    if gallery is None or not gallery.people.names:
        raise GalleryError("nobody is enrolled; enrol people, or give a --dataset")
    return dataset_of(gallery.people)


def tune(
    context: typer.Context,
    source: Set = None,
    grid: Annotated[
        Path | None, typer.Option(help="TOML: a list of values for each parameter to try.")
    ] = None,
    random: Annotated[int, typer.Option(min=0, help="Try only so many, at random; 0: all.")] = 0,
    outer: Annotated[int, typer.Option(min=2, help="Folds that test the choosing.")] = 5,
    inner: Annotated[int, typer.Option(min=2, help="Folds that choose.")] = 3,
    jobs: Annotated[int, typer.Option(help="Processes; -1: one for each core.")] = -1,
    backend: Annotated[
        str,
        typer.Option(help="joblib's: loky, threading, multiprocessing; dask or ray if installed."),
    ] = "loky",
    dask_address: Annotated[
        str,
        typer.Option(help="Of a Dask scheduler, tcp://HOST:PORT; without it one is started here."),
    ] = "",
    work: Work = None,
) -> None:
    """Search for the best parameters, nested, and report what was found and how good it is.

    Parameters: kind, C, gamma, neighbours, false_accept_rate; and rule, within,
    margin, rate, for which the network is fine-tuned. Stopped or killed, the command goes on.
    """
    from trainer.commands.enrolment import network
    from trainer.enrolment.enrol import embed_all
    from trainer.evaluation.pool import Pool
    from trainer.evaluation.search import (
        Plan,
        combinations_of,
        config_lines,
        finetune_command,
        search,
        text_of,
    )
    from trainer.evaluation.search_report import write_tune_report
    from trainer.finetuning.tuned_vectors import TunedVectors
    from workers.classifier.fitting import spec_of

    config = load_config(context.obj)
    faces = _faces(config, source)
    pool = Pool(jobs, backend, dask_address)
    plan = Plan(combinations_of(grid, random), outer, inner)
    # A search of other crops or with other settings has another folder.
    what = hashlib.sha256(faces.crops_rgb.tobytes() + repr((plan, faces.names)).encode())
    folder = work or config.data_path / "work" / f"tune-{what.hexdigest()[:12]}"
    embedder, impostors = network(config)
    plain = embed_all(faces.crops_rgb, embedder)
    tuned = TunedVectors(faces, plain, impostors, config, folder)
    with stoppable() as stopped, progress_text("combinations") as tell:
        found = search(
            faces,
            plan,
            weights=embedder.fingerprint,
            spec=spec_of(config.identify),
            embed=tuned.vectors,
            work=folder,
            on_progress=lambda done, total: tell(done, total, ""),
            stopped=stopped,
            pool=pool,
        )
    page = write_tune_report(folder, found)
    typer.echo(f"best: {text_of(found.best)}")
    own, strangers = found.nested.own, found.nested.strangers
    typer.echo(
        f"nested test: {own.true_accept_rate:.1%} of the enrolled named rightly, "
        f"{own.wrong_name_rate:.1%} misnamed, "
        + (f"{strangers.accept_rate:.1%} of strangers named" if len(strangers.row) else "")
    )
    if command := finetune_command(found.best):
        typer.echo(f"make its network with: {command}")
    typer.echo("in config.toml, [identify]:")
    for line in config_lines(found.best):
        typer.echo(f"  {line}")
    typer.echo(f"then facestream rebuild; report: {page}")


def report(
    context: typer.Context,
    source: Set = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    folds: Annotated[int, typer.Option(min=2, max=100, help="Folds, if there is enough.")] = 10,
    only_used: Annotated[
        bool, typer.Option("--only-used", help="Do not compare other classifiers.")
    ] = False,
) -> None:
    """Write an HTML page on how often the gallery will be wrong, and about whom.

    Stopped or killed, the same command goes on.
    """
    from trainer.commands.enrolment import network
    from trainer.enrolment.enrol import embed_all
    from trainer.evaluation.report import KINDS, Subject, evaluate_all, write_report
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    faces = _faces(config, source)
    embedder, impostors = network(config)
    command = f"facestream --config {config.path} train report --folds {folds}"
    facts = {"weights": embedder.fingerprint, "false accepts wanted": ""}
    facts["false accepts wanted"] = f"{config.identify.false_accept_rate:.2%}"
    remarks: list[str] = []
    if source is None:
        gallery = GalleryStore(config.gallery_path).load(embedder.fingerprint)
        if gallery is None:
            raise GalleryError("nobody is enrolled")
        title, vectors, spec = f"gallery {gallery.version}", gallery.people.embeddings, gallery.spec
        facts |= {"gallery": gallery.version, "gallery fingerprint": gallery.fingerprint}
        remarks = [
            f"Set aside, and in none of these figures: {row.source} of {row.person}, {row.reason}."
            for row in gallery.people.aside.rows
        ]
        folder = out or config.data_path / "reports" / f"gallery-{gallery.version}"
    else:
        title, vectors = f"dataset {source}", embed_all(faces.crops_rgb, embedder)
        spec = spec_of(config.identify)
        folder = out or config.data_path / "reports" / f"dataset-{source.resolve().name}"
        command += f" --dataset {source}"
    kinds = [spec.kind, *(k for k in KINDS if k != spec.kind and not only_used)]
    subject = Subject(
        title=title,
        dataset=faces,
        vectors=vectors,
        impostors=impostors,
        spec=spec,
        facts=facts,
        command=command,
        remarks=remarks,
    )
    work = folder / "work"
    from trainer.datasets.dataset import folds_of

    _, count = folds_of(faces.labels, faces.group, folds)
    with stoppable() as stopped, progress_bar("folds", count * len(kinds)) as advance:

        def on_fold() -> None:
            advance(1)
            if stopped():
                raise GalleryError("stopped; the same command goes on from here")

        evaluations = evaluate_all(subject, kinds, folds, work, on_fold)
    page = write_report(folder, subject, evaluations, folds)
    shutil.rmtree(work)
    own = evaluations[spec.kind].own
    typer.echo(f"{own.true_accept_rate:.1%} of {len(own.row)} crops named rightly; {page}")
