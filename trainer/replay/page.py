"""A replay's page: one HTML file with a timeline, truth above and what was said below."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from trainer.replay.story import FIGURES, clock, figure_text
from trainer.truth.file import Truth
from trainer.truth.scoring import Scored, Span

_PX_PER_SECOND = 16
_MAX_WIDTH_PX = 60_000
_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_TICK_PX = 70
_LETTER_PX = 7
_TOUCH_MS = 0.5
_TILES = (
    ("known_right", "%", "of enrolled people's time under the right name"),
    ("known_wrong", "%", "under a wrong one"),
    ("stranger_named", "%", "of strangers' time under a name"),
    ("first_name_s_median", "s", "to the first right name, at the median"),
    ("latency_ms_p95", "ms", "from capture to event, for 95 of 100"),
)


@dataclass(frozen=True)
class Bar:
    """A stretch of the timeline, in per cent of it. kind: its colour; title: shown on hovering."""

    left: float
    width: float
    kind: str
    text: str
    title: str


@dataclass
class Row:
    """One person; the tracks in it do not overlap.

    kind: "known", "stranger", "ignored", or "elsewhere" for what was said where no face is.
    """

    name: str
    kind: str
    note: str = ""
    true: list[Bar] = field(default_factory=list)
    said: list[Bar] = field(default_factory=list)
    until_ms: float = -1.0


def replay_page(title: str, notes: Sequence[str], truth: Truth, scored: Scored) -> bytes:
    """Render the page; every text is escaped, and nothing is loaded from elsewhere."""
    summary = scored.score.summary()
    width_px = min(_MAX_WIDTH_PX, max(600, round(truth.duration_ms / 1000 * _PX_PER_SECOND)))
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        Path(__file__).with_name("page.html.j2").read_text(encoding="utf-8")
    )
    return template.render(
        title=title,
        notes=notes,
        tiles=[
            {"value": figure_text(summary[key], unit), "label": label}
            for key, unit, label in _TILES
            if summary[key] is not None
        ],
        rows=timeline(truth, scored, width_px),
        ticks=_ticks(truth.duration_ms, width_px),
        width_px=width_px,
        figures=[(name, figure_text(summary[key], unit)) for name, key, unit in FIGURES],
        people=[
            (
                name,
                figure_text(person["visible_s"], "s"),
                figure_text(person["precision"], "%"),
                figure_text(person["recall"], "%"),
            )
            for name, person in summary["people"].items()
        ],
    ).encode()


def timeline(truth: Truth, scored: Scored, width_px: float) -> list[Row]:
    """Lay true tracks out: enrolled people, strangers, who is not judged; then what was no face."""
    order = {"known": 0, "stranger": 1, "ignored": 2, "elsewhere": 3}
    rows: list[Row] = []
    for track, said in sorted(
        zip(truth.tracks, scored.spans, strict=True), key=lambda pair: pair[0].start_ms
    ):
        kind = "ignored" if track.person is None else "known" if track.known else "stranger"
        name = track.person or "not judged"
        row = _row(rows, name, kind, track.start_ms, track.end_ms)
        row.true.append(_bar(truth, track.start_ms, track.end_ms, kind, "", name, width_px))
        row.said += [_said_bar(truth, span, kind, width_px) for span in said]
    for span in scored.elsewhere:
        row = _row(rows, "no face", "elsewhere", span.start_ms, span.end_ms)
        row.said.append(_said_bar(truth, span, "elsewhere", width_px))
    for row in rows:
        row.note = _note(row, truth)
    return sorted(rows, key=lambda row: (order[row.kind], row.name))


def _row(rows: list[Row], name: str, kind: str, start_ms: float, end_ms: float) -> Row:
    """Find a row with room for a stretch of time, or add one."""
    for row in rows:
        if (row.name, row.kind) == (name, kind) and row.until_ms <= start_ms + _TOUCH_MS:
            row.until_ms = end_ms
            return row
    rows.append(Row(name, kind, until_ms=end_ms))
    return rows[-1]


def _said_bar(truth: Truth, span: Span, kind: str, width_px: float) -> Bar:
    if span.verdict is None:
        colour = "none"
    elif span.verdict == "unknown" and kind == "stranger":
        colour = "right"
    else:
        colour = span.verdict
    text = span.said or "nothing said"
    return _bar(truth, span.start_ms, span.end_ms, colour, span.said, text, width_px)


def _bar(
    truth: Truth, start_ms: float, end_ms: float, kind: str, text: str, title: str, width_px: float
) -> Bar:
    width = 100 * (end_ms - start_ms) / max(1.0, truth.duration_ms)
    room = width / 100 * width_px >= len(text) * _LETTER_PX + 8
    return Bar(
        round(100 * start_ms / max(1.0, truth.duration_ms), 4),
        round(width, 4),
        kind,
        text if room else "",
        f"{title}, {clock(start_ms)} to {clock(end_ms)}",
    )


def _note(row: Row, truth: Truth) -> str:
    seconds = sum(bar.width for bar in row.true or row.said) / 100 * truth.duration_ms / 1000
    kind = {"known": "enrolled", "stranger": "stranger"}.get(row.kind, "")
    return f"{kind}, {seconds:.1f} s".removeprefix(", ")


def _ticks(duration_ms: float, width_px: float) -> list[dict[str, object]]:
    seconds = max(0.001, duration_ms / 1000)
    step = next((s for s in _TICKS_S if s / seconds * width_px >= _TICK_PX), _TICKS_S[-1])
    return [
        {"left": round(100 * at / seconds, 4), "text": clock(1000 * at).removesuffix(".0")}
        for at in range(0, int(seconds) + 1, step)
        if at / seconds <= 0.985 or at == 0
    ]
