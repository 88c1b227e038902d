"""`scripts/bench`: measurements, always as a ratio to a peer or a baseline in the same run."""

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streamer.errors import ConfigError, FacestreamError

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help=__doc__
)
_FILE_WIDTH = 160
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")]


@app.command()
def pipeline(
    seconds: Annotated[float, typer.Option(min=4, help="Length of each made clip.")] = 20.0,
    faces: Annotated[list[int] | None, typer.Option(help="Faces in the clip.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure the whole pipeline on made clips, and the plain loop that a tutorial would write."""
    from trainer.benchmarks.pipeline import measure

    figures = measure(faces or [1, 4, 10], seconds, _say)
    table = Table(title="pipeline, 1280 x 720 at 30 fps, real time", title_justify="left")
    for column in (
        "faces", "frames/s", "read", "processed", "dropped", "crops",
        "p50 ms", "p95 ms", "p99 ms", "fast fps", "pictures/s", "plain fps", "ratio",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for run in figures["runs"]:
        dropped = ", ".join(f"{why} {n}" for why, n in run["frames_dropped"].items()) or "0"
        table.add_row(
            str(run["faces"]),
            f"{run['fps_processed']:.1f}",
            str(run["frames_read"]),
            str(run["frames_processed"]),
            dropped,
            str(run["crops_embedded"]),
            *(f"{run[f'latency_ms_p{p}']:.0f}" for p in (50, 95, 99)),
            f"{run['fps_fast']:.1f}",
            f"{run['pictures_per_s_fast']:.1f}",
            f"{run['fps_plain_loop']:.1f}",
            f"{run['ratio_to_plain_loop']:.2f}",
        )
    console = _console()
    console.print(table)
    cpu = Table(title="CPU seconds per stage, real time run", title_justify="left")
    stages = sorted({stage for run in figures["runs"] for stage in run["cpu_s"]})
    for column in ("faces", *stages):
        cpu.add_column(column, justify="right")
    for run in figures["runs"]:
        cpu.add_row(str(run["faces"]), *(f"{run['cpu_s'].get(stage, 0):.1f}" for stage in stages))
    console.print(cpu)
    console.print(f"ratio to the plain loop: {figures['ratio_to_plain_loop']:.2f}")
    _write(json_file, figures)


@app.command()
def load(
    cameras: Annotated[list[int] | None, typer.Option(help="Cameras at once.")] = None,
    seconds: Annotated[float, typer.Option(min=2, help="How long each is watched.")] = 20.0,
    clips: Annotated[list[Path] | None, typer.Option(help="Clips instead of made ones.")] = None,
    root: Annotated[
        Path | None, typer.Option(help="Photos in folders by people, for the made clips.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure many cameras at once, decoding included: frames, latency, drops and cores."""
    from trainer.benchmarks.load import measure

    figures = measure(cameras or [1, 2, 4, 8, 16], seconds, _say, clips, root)
    table = Table(title="cameras of 1280 x 720 at 30 fps, 2.5 faces each", title_justify="left")
    for column in (
        "cameras", "frames/s", "dropped", "superseded", "faces/s", "crops/s", "p50 ms", "p95 ms",
        "cores", "ms a frame",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for row in figures["cameras"]:
        dropped = ", ".join(f"{why} {n}" for why, n in row["frames_dropped"].items()) or "0"
        table.add_row(
            str(row["n"]),
            f"{row['fps_total']:.1f}",
            dropped,
            f"{row['superseded_share']:.1%}",
            f"{row['faces_found'] / figures['seconds']:.0f}",
            f"{row['crops_sent'] / figures['seconds']:.0f}",
            f"{row['latency_ms_p50']:.0f}",
            f"{row['latency_ms_p95']:.0f}",
            f"{row['cores']:.2f}",
            f"{row['cpu_ms_per_frame']:.1f}",
        )
    _console().print(table)
    _write(json_file, figures)


@app.command()
def page(
    pages: Annotated[list[int] | None, typer.Option(help="Pages open at once.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=16, help="Cameras, all on each page.")] = 4,
    seconds: Annotated[float, typer.Option(min=2, help="How long each is watched.")] = 20.0,
    json_file: JsonFile = None,
) -> None:
    """Measure live pictures on open pages, and the pipeline's own figures beside none."""
    from trainer.benchmarks.page import measure

    def shown(milliseconds: float | None) -> str:
        return "-" if milliseconds is None else f"{milliseconds:.0f}"

    figures = measure(cameras, pages or [1, 4, 10], seconds, _say)
    title = f"{cameras} cameras of 1280 x 720 at 30 fps, pictures {figures['width']} wide"
    table = Table(title=title, title_justify="left")
    for column in (
        "pages", "pictures/s a page", "p50 ms", "p95 ms", "frames/s", "events p95 ms",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for row in figures["pages"]:
        table.add_row(
            str(row["n"]),
            f"{row['pictures_per_s']:.1f}",
            *(shown(row[f"latency_ms_p{p}"]) for p in (50, 95)),
            f"{row['pipeline_fps']:.1f}",
            shown(row["pipeline_latency_ms_p95"]),
        )
    _console().print(table)
    _write(json_file, figures)


@app.command()
def transport(
    seconds: Annotated[float, typer.Option(min=1, help="Time for each side.")] = 8.0,
    json_file: JsonFile = None,
) -> None:
    """Crops a second through dispatch with a null embedder, against REQ/REP of pickled arrays."""
    from trainer.benchmarks.transport import measure

    figures = measure(seconds)
    table = Table(title="crops of 27,648 bytes, there and back", title_justify="left")
    table.add_column("way")
    table.add_column("crops/s", justify="right")
    table.add_row("dispatch, null embedder", f"{figures['crops_per_s']:.0f}")
    table.add_row("REQ/REP, pickled arrays", f"{figures['pickled_req_rep_per_s']:.0f}")
    console = _console()
    console.print(table)
    console.print(f"ratio: {figures['ratio_to_pickled_req_rep']:.2f}")
    _write(json_file, figures)


@app.command()
def embed(
    threads: Annotated[list[int] | None, typer.Option(help="Threads of a process.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="How often each path is measured.")] = 2,
    seconds: Annotated[float, typer.Option(min=0.2, help="Time for each batch size.")] = 2.0,
    memory_crops: Annotated[
        int, typer.Option(min=0, help="Also watch memory over so many crops.")
    ] = 0,
    json_file: JsonFile = None,
) -> None:
    """Measure the network: crops a second by path, batch and threads, beside other runtimes."""
    from trainer.benchmarks.embed import BATCHES, measure, measure_memory

    figures = measure(threads or [1, 2], turns, seconds, _say)
    table = Table(title="crops a second (ms a batch)", title_justify="left")
    for column in ("path", "threads", *(f"batch {batch}" for batch in BATCHES)):
        table.add_column(
            column, justify="left" if column == "path" else "right", no_wrap=column == "path"
        )
    table.add_column("share of matmul peak", justify="right")
    table.add_column("lowest cosine", justify="right")
    for path, by_threads in figures["crops_per_s"].items():
        for count, by_batch in by_threads.items():
            table.add_row(
                path,
                count,
                *(
                    f"{rate:.0f} ({figures['ms_per_batch'][path][count][batch]:.1f})"
                    for batch, rate in by_batch.items()
                ),
                f"{max(figures['share_of_matmul_peak'][path][count].values()):.0%}",
                f"{figures['lowest_cosine_to_float32'][path]:.6f}",
            )
    console = _console()
    console.print(table)
    for precision, by_threads in figures["matmul_flops_per_s"].items():
        rates = ", ".join(
            f"{rate / 1e9:.0f} ({count} threads)" for count, rate in by_threads.items()
        )
        console.print(f"matmul peak in {precision}, GFLOP/s: {rates}")
    for path, why in figures["skipped"].items():
        console.print(f"not measured: {path}: {why}")
    if memory_crops:
        figures["memory"] = measure_memory(memory_crops, _say)
        console.print(f"memory growth: {figures['memory']['mib_growth']:.1f} MiB")
    _write(json_file, figures)


@app.command()
def trainer(
    root: Annotated[Path, typer.Argument(help="Photos in folders named after people, as LFW.")],
    folds: Annotated[int, typer.Option(min=2, max=100, help="Folds.")] = 10,
    clips: Annotated[
        list[int] | None, typer.Option(help="Time to enrol so many people from clips.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Names on real photos, closed and open set, beside other ways; and the time to enrol."""
    from trainer.benchmarks.trainer import measure

    figures = measure(root, folds, clips or [10, 20, 50], _say)
    table = Table(
        title=f"{figures['people']} people, {figures['photos']} photos, {figures['folds']} folds",
        title_justify="left",
    )
    for column in ("way", "closed-set accuracy", "true accepts", "false accepts", "seconds"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for way, row in (("facestream", figures), *figures["peers"].items()):
        rates = ("closed_set_accuracy", "true_accept_rate", "false_accept_rate")
        table.add_row(way, *(f"{row[key]:.4f}" for key in rates), f"{row['seconds']:.0f}")
    console = _console()
    console.print(table)
    console.print(_open_set_table(figures["open_set"]))
    for count, seconds in figures["enrol_seconds"].items():
        console.print(
            f"{count} people from clips: {seconds:.1f} s, {seconds / int(count):.2f} s each"
        )
    _write(json_file, figures)


@app.command()
def gallery(
    people: Annotated[list[int] | None, typer.Option(help="People in the gallery.")] = None,
    crops: Annotated[int, typer.Option(min=1, help="Crops of each of them.")] = 60,
    turns: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    json_file: JsonFile = None,
) -> None:
    """Measure the pause while a large gallery is taken up, and the time to judge a batch of 32."""
    from trainer.benchmarks.gallery import measure

    figures = measure(people or [10, 100, 1000], crops, turns, _say)
    table = Table(title=f"galleries of {crops} crops a person", title_justify="left")
    columns = {
        "people": "people",
        "load_ms": "loaded in ms",
        "swap_pause_ms": "longest pause ms",
        "quiet_pause_ms": "without a swap ms",
        "judge_ms_batch_32": "batch of 32, ms",
        "judge_ms_batch_32_masked": "masked, as in 0.1, ms",
    }
    for column in columns.values():
        table.add_column(column, justify="right")
    for row in figures["runs"]:
        table.add_row(*(f"{row[key]:.4g}" for key in columns))
    console = _console()
    console.print(table)
    console.print(figures["note"])
    _write(json_file, figures)


@app.command()
def landmarks(
    clips: Annotated[list[Path] | None, typer.Argument(help="Clips to look at.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="How often the cost is measured.")] = 3,
    json_file: JsonFile = None,
) -> None:
    """Measure what landmarks cost beside the network, and how many boxes of clips are no faces."""
    from streamer.config.sections import DetectConfig
    from trainer.benchmarks.landmarks import measure_clips, measure_cost

    figures: dict[str, Any] = {"cost": measure_cost(turns, _say)}
    figures["clips"] = measure_clips(clips or [], DetectConfig(), _say)
    console = _console()
    cost = figures["cost"]
    for key in ("landmarks_ms", "square_ms", "level_ms", "forward_ms"):
        console.print(f"{key.removesuffix('_ms')}: {cost[key]:.3f} ms a face, one thread")
    console.print(
        f"landmarks and a level crop instead of a square one: {cost['share_of_forward']:.1%} of a "
        "forward pass (float32, batches of 8)"
    )
    table = Table(title="boxes of the cascade, five frames a second", title_justify="left")
    for column in ("clip", "seconds", "faces", "no faces", "no faces a minute"):
        table.add_column(column, justify="left" if column == "clip" else "right")
    for row in figures["clips"]:
        table.add_row(
            Path(row["clip"]).name,
            f"{row['seconds']:.1f}",
            str(row["faces"]),
            str(row["not_faces"]),
            f"{row['not_faces_a_minute']:.1f}",
        )
    if figures["clips"]:
        console.print(table)
    _write(json_file, figures)


@app.command()
def identity(
    root: Annotated[Path, typer.Argument(help="Photos in folders named after people, as LFW.")],
    pairs: Annotated[
        Path | None, typer.Option(help="An LFW pairs file: only its people play.")
    ] = None,
    folds: Annotated[str, typer.Option(help='Folds of it, e.g. "1,2"; by default all.')] = "",
    clips: Annotated[
        Path | None, typer.Option(help="Where the labelled real clips, and photos, are.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=30, help="Length of each made clip.")] = 300.0,
    kinds: Annotated[list[str] | None, typer.Option(help="made, one_photo, real.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Keep the made clips here, and use those that are there.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Wait for every frame, instead of real time.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Measure names against the truth of made and real clips, and the plain loop beside it."""
    from trainer.benchmarks.identity import KEYS, KINDS, measure
    from trainer.datasets.pairs import people_of, read_folds

    if not set(chosen := kinds or list(KINDS)) <= set(KINDS):
        raise ConfigError(f"--kinds must be of {', '.join(KINDS)}. Received: {', '.join(chosen)}")
    only = people_of(read_folds(pairs, folds)) if pairs else None
    with contextlib.ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fs-")))
        figures = measure(
            root, folder, only=only, clips=clips, seconds=seconds, kinds=chosen, fast=fast, say=_say
        )
    table = Table(title="names, of the time of faces", title_justify="left")
    for column in ("clips", "way", *(key.replace("_", " ") for key in KEYS)):
        table.add_column(column, justify="left" if column in ("clips", "way") else "right")
    for kind in KINDS:
        for way, row in (("facestream", figures), ("plain loop", figures["tutorial"])):
            if kind in row:
                cells = ("-" if row[kind][key] is None else f"{row[kind][key]:.4f}" for key in KEYS)
                table.add_row(kind, way, *cells)
    _console().print(table)
    _write(json_file, figures)


def _open_set_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="galleries of other sizes, at 1 % wanted", title_justify="left")
    for column in ("people", "photos of each", "strangers' photos", "named", "95 %", "own named"):
        table.add_column(column, justify="right")
    for row in rows:
        low, high = row["interval"]
        table.add_row(
            str(row["people"]),
            str(row["photos"]),
            str(row["strangers"]),
            f"{row['false_accept_rate']:.2%}",
            f"{low:.2%} to {high:.2%}",
            f"{row['own_named'] / max(1, row['own']):.1%}",
        )
    return table


@app.command()
def enrol(
    root: Annotated[Path, typer.Argument(help="Photos in folders named after people, as LFW.")],
    people: Annotated[int, typer.Option(min=1, help="So many people, a photo of each.")] = 200,
    json_file: JsonFile = None,
) -> None:
    """Enrol portraits cut close and tilted, and pictures without a face."""
    from trainer.benchmarks.enrol import measure

    figures = measure(root, people, _say)
    table = Table(title=f"portraits of {people} people", title_justify="left")
    columns = {
        "cut_close_enrolled": "enrolled",
        "cut_close_enrolled_before": "found by the usual search",
        "cut_close_wrong_place": "landmarks in a wrong place",
    }
    table.add_column("cut")
    for column in columns.values():
        table.add_column(column, justify="right")
    for way in figures["cut_close_enrolled"]:
        table.add_row(way, *(f"{figures[key][way]:.1%}" for key in columns))
    console = _console()
    console.print(table)
    console.print(
        f"{figures['faceless_pictures']} pictures without a face: {figures['faceless_enrolled']} "
        f"enrolled; the usual search sees a face in {figures['faceless_found_before']}, the search "
        f"for portraits in {figures['faceless_found_by_search']}"
    )
    _write(json_file, figures)


def _console() -> Console:
    """Return the terminal, or a file or pipe that is wide enough for every column."""
    return Console() if sys.stdout.isatty() else Console(width=_FILE_WIDTH)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False)


def _write(path: Path | None, figures: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(figures, indent=1) + "\n")


def main() -> None:
    """Run; what the user can put right is one line, and exit code 2."""
    try:
        app()
    except FacestreamError as error:
        sys.stderr.write(f"bench: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
