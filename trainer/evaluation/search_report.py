"""The page of a search: every combination's score, and the nested test."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from streamer.files import write_file
from trainer.evaluation.page import Part, figure_data, page
from trainer.evaluation.report import figures_of
from trainer.evaluation.search import Found, config_lines, text_of

_SHOWN = 30


def write_tune_report(folder: Path, found: Found) -> Path:
    """Write tune.html and tune.json; the page's path."""
    nested = figures_of(found.nested)
    figures = {
        "best": found.best,
        "chosen_by_outer_fold": found.chosen,
        "scores": [{**parameters, "score": score} for parameters, score in found.scores],
        "nested": nested,
    }
    write_file(folder / "tune.json", (json.dumps(figures, indent=1) + "\n").encode())
    summary = [
        f"Best: {text_of(found.best)}.",
        f"Nested test of the choosing: {found.nested.own.true_accept_rate:.1%} of the enrolled "
        f"named rightly, {found.nested.own.wrong_name_rate:.1%} misnamed.",
    ]
    if len(found.nested.strangers.row):
        summary.append(f"Strangers named: {found.nested.strangers.accept_rate:.1%}.")
    scores = [[text_of(parameters), f"{score:.4f}"] for parameters, score in found.scores]
    text = (
        "Mean of the enrolled who are named rightly and the strangers who are not named, inside. "
        "These figures chose; the nested ones above did not."
    )
    parts = [
        Part(
            title="Scores",
            text=text,
            head=["combination", "score"],
            rows=scores,
            figures=[figure_data(_figure(found))],
        ),
        Part(
            title="Chosen in each outer fold",
            text="",
            head=["fold", "combination"],
            rows=[[str(n), text_of(p)] for n, p in enumerate(found.chosen, start=1)],
        ),
        Part(title="For config.toml, [identify]", code="\n".join(config_lines(found.best))),
    ]
    write_file(folder / "tune.html", page("facestream: search", summary, [], parts))
    return folder / "tune.html"


def _figure(found: Found) -> Figure:
    shown = found.scores[:_SHOWN][::-1]
    figure = Figure(figsize=(8, 1 + 0.3 * len(shown)))
    axes = figure.subplots()
    axes.plot([score for _, score in shown], range(len(shown)), "o")
    axes.set_yticks(range(len(shown)), [text_of(parameters) for parameters, _ in shown], fontsize=7)
    axes.set(xlabel="score")
    axes.grid(visible=True, alpha=0.3)
    return figure
