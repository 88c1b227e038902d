"""`facestream weights`: look at, import, export and choose weights files."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.errors import ConfigError, WeightsError

app = typer.Typer(
    name="weights", help="Look at, import, export and choose weights files.", no_args_is_help=True
)

File = Annotated[Path | None, typer.Argument(help="A weights file; by default the one in use.")]


@app.command()
def show(context: typer.Context, path: File = None) -> None:
    """Show a weights file's layers, shapes, LRN, crop, recipe and fingerprint."""
    from workers.classifier.impostors import impostors_path
    from workers.network.nn4 import TRAINABLE_PARAMETERS
    from workers.network.weights_file import SHIPPED, load_weights

    chosen = path or load_config(context.obj).weights_path
    weights = load_weights(chosen)
    table = Table(title=str(chosen or SHIPPED), title_justify="left")
    for column in ("array", "shape", "mean", "deviation"):
        table.add_column(column, justify="left" if column == "array" else "right")
    for name, array in weights.arrays.items():
        shape = " x ".join(str(size) for size in array.shape)
        table.add_row(name, shape, f"{array.mean():.4f}", f"{array.std():.4f}")
    console = Console()
    console.print(table)
    lrn, beside = weights.lrn, impostors_path(chosen)
    for line in (
        f"fingerprint  {weights.fingerprint}",
        f"parameters   {TRAINABLE_PARAMETERS} trainable",
        f"LRN          depth_radius {lrn.depth_radius}, alpha {lrn.alpha:g}, "
        f"beta {lrn.beta:g}, bias {lrn.bias:g}",
        f"crop         {', '.join(f'{key} {value}' for key, value in weights.crop.items())}",
        f"recipe       {weights.recipe or 'unknown'}",
        f"impostors    {beside if beside.is_file() else 'none; see facestream train impostors'}",
    ):
        console.print(line, highlight=False, soft_wrap=True)


@app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A folder (or .zip) of Keras-OpenFace CSV files, .h5 or .t7.")
    ],
    out: Annotated[Path | None, typer.Option(help="The weights file to write.")] = None,
) -> None:
    """Turn Keras-OpenFace's, deepface's or OpenFace's weights into a weights file."""
    from workers.network.weights_file import save_weights
    from workers.network.weights_import import import_weights

    if out is None:
        out = load_config(context.obj).data_path / "weights" / f"{path.stem}.npz"
    fingerprint = save_weights(out, import_weights(path))
    typer.echo(f"{out}: {fingerprint}")
    typer.echo(f"next: facestream train impostors DATASET --weights {out}")


@app.command()
def use(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(help="A weights file; without one, the shipped weights.")
    ] = None,
) -> None:
    """Write a weights file into the config; then restart and `facestream rebuild`."""
    import os

    import tomlkit

    from streamer.files import write_file
    from workers.classifier.impostors import load_impostors
    from workers.network.weights_file import embedding_fingerprint, load_weights

    config = load_config(context.obj)
    weights = load_weights(path)
    load_impostors(path, embedding_fingerprint(weights.fingerprint, config.embed.mirror))
    document = tomlkit.parse(config.path.read_text(encoding="utf-8-sig"))
    section = document.setdefault("embed", tomlkit.table())
    base = config.path.parent.resolve()
    section["weights"] = os.path.relpath(path.resolve(), base) if path else ""
    mode = config.path.stat().st_mode & 0o777
    write_file(config.path, tomlkit.dumps(document).encode(), mode)
    typer.echo(f"{config.path}: embed.weights is {section['weights']!r}, {weights.fingerprint}")
    typer.echo("next: facestream rebuild, and start the pipeline anew")


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="A .onnx file, or a folder for a SavedModel.")],
    path: Annotated[Path | None, typer.Option("--weights", help="By default those in use.")] = None,
) -> None:
    """Export the network with its weights to ONNX or to a TensorFlow SavedModel."""
    from streamer.files import SHARED_MODE, write_file
    from workers.network.weights_file import load_weights

    weights = load_weights(path or load_config(context.obj).weights_path)
    if not out.parent.is_dir():
        raise ConfigError(f"{out}: the folder {out.parent} must exist")
    if out.suffix == ".onnx":
        from workers.embedding.onnx_graph import onnx_bytes

        write_file(out, onnx_bytes(weights), SHARED_MODE)
    elif out.suffix:
        raise WeightsError(f"{out}: must end in .onnx, or be a folder's name without an ending")
    else:
        from streamer.runtime.stderr import quiet_stderr

        if out.exists():
            raise WeightsError(f"{out}: is there already; name a new folder")
        with quiet_stderr():
            from workers.embedding.tensorflow_graph import save_model

            save_model(weights, out)
    typer.echo(f"{out}: {weights.fingerprint}")
