"""Plots of training and of tests, as PNG files or bytes (matplotlib, without a display)."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def png(figure: Figure) -> bytes:
    """A figure as a PNG file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return buffer.getvalue()


def roc_figure(curves: Mapping[str, Curve], title: str) -> Figure:
    """False accepts (on a log scale) against true accepts; one curve for each name."""
    figure = Figure(figsize=(5.5, 4))
    axes = figure.subplots()
    for name, (false_accepts, true_accepts) in curves.items():
        axes.plot(np.maximum(false_accepts, 1e-4), true_accepts, label=name, drawstyle="steps-post")
    axes.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1.01), title=title)
    axes.set(xlabel="false accept rate", ylabel="true accept rate")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def training_figure(log: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss and learning rate over epochs, from a run's log."""
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    epochs = [row["epoch"] for row in log]
    axes.plot(epochs, [row["loss"] for row in log], linewidth=0.8, label="loss")
    axes.set(xlabel="epoch", ylabel="loss", title="distillation")
    other = axes.twinx()
    other.plot(epochs, [row["rate"] for row in log], color="tab:orange", label="learning rate")
    other.set_ylabel("learning rate")
    figure.legend(loc="upper right", bbox_to_anchor=(0.88, 0.87))
    return figure
