"""Plots of training and of tests, as PNG files or bytes (matplotlib, without a display)."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return buffer.getvalue()


def roc_figure(curves: Mapping[str, Curve], title: str) -> Figure:
    """Draw false accepts (on a log scale) against true accepts; one curve for each name."""
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


def fold_figure(by_classifier: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Each fold's accuracy, a column of points for each classifier, with the means."""
    figure = Figure(figsize=(5.5, 3))
    axes = figure.subplots()
    for place, accuracies in enumerate(by_classifier.values()):
        spread = np.linspace(-0.15, 0.15, len(accuracies)) if len(accuracies) > 1 else np.zeros(1)
        axes.plot(place + spread, accuracies, "o", alpha=0.6)
        axes.hlines(accuracies.mean(), place - 0.25, place + 0.25, color="black")
    axes.set(ylabel="accuracy of a fold", xlim=(-0.5, len(by_classifier) - 0.5))
    axes.set_xticks(range(len(by_classifier)), list(by_classifier))
    axes.grid(visible=True, axis="y", alpha=0.3)
    return figure


def confusion_figure(matrix: NDArray[np.float64], names: Sequence[str]) -> Figure:
    """Rows are the truth, columns the best candidate; shares of a row."""
    side = min(12.0, 2.5 + 0.28 * len(names))
    figure = Figure(figsize=(side, side))
    axes = figure.subplots()
    axes.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
    axes.set(xlabel="best candidate", ylabel="person")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    return figure


def reliability_figure(
    stated: NDArray[np.float64], actual: NDArray[np.float64], counts: NDArray[np.int64]
) -> Figure:
    """Stated probability against the share that was right; the area of a point is its count."""
    figure = Figure(figsize=(4, 4))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.scatter(stated, actual, s=20 + 200 * counts / max(1, counts.max()), alpha=0.6)
    axes.set(xlabel="stated probability", ylabel="share that was right")
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    axes.grid(visible=True, alpha=0.3)
    return figure


def map_figure(
    places: NDArray[np.float32], labels: NDArray[np.int32], names: Sequence[str]
) -> Figure:
    """Embeddings as points in a plane, coloured by person; a legend for up to 20 people."""
    figure = Figure(figsize=(7, 5.5))
    axes = figure.subplots()
    for person, name in enumerate(names):
        own = labels == person
        colour = f"C{person % 10}"
        marker = "os^Dv<>p*h"[person // 10 % 10]
        axes.scatter(places[own, 0], places[own, 1], s=14, color=colour, marker=marker, label=name)
    axes.set_xticks([])
    axes.set_yticks([])
    if len(names) <= 20:
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
