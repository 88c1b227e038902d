from trainer.replay.page import replay_page, timeline
from trainer.truth.file import Truth, TruthTrack
from trainer.truth.keys import Key
from trainer.truth.said import Claim, SaidTrack
from trainer.truth.scoring import score_clip


def keys(x: float, start_ms: float, end_ms: float) -> tuple[Key, ...]:
    return Key(start_ms, x, 0, 50, 50), Key(end_ms, x, 0, 50, 50)


TRUTH = Truth(
    clip="<b>.mp4",
    width=640,
    height=360,
    fps=10,
    duration_ms=10_000,
    tracks=(
        TruthTrack("stranger-1", False, keys(300, 0, 10_000)),
        TruthTrack("Ada <i>", True, keys(0, 0, 4000)),
        TruthTrack("Ada <i>", True, keys(0, 5000, 10_000)),
        TruthTrack(None, False, keys(500, 0, 2000)),
        TruthTrack(None, False, keys(560, 1000, 2000)),
    ),
)
SAID = [
    SaidTrack("a", list(keys(0, 1000, 10_000)), [Claim(1000, "Ada <i>"), Claim(7000, "Bob")]),
    SaidTrack("b", list(keys(300, 2000, 8000)), [Claim(2000, None, "unknown-4")]),
    SaidTrack(
        "c", list(keys(200, 1000, 5000)), [Claim(1000, "Cy"), Claim(3100, None, "unknown-7")]
    ),
]


def test_each_person_is_a_row_unless_two_are_there_at_once() -> None:
    rows = timeline(TRUTH, score_clip(TRUTH, SAID), 1000)
    assert [(row.name, row.kind, len(row.true)) for row in rows] == [
        ("Ada <i>", "known", 2),
        ("stranger-1", "stranger", 1),
        ("not judged", "ignored", 1),
        ("not judged", "ignored", 1),
        ("no face", "elsewhere", 0),
        ("no face", "elsewhere", 0),
    ]
    assert [(bar.kind, bar.text, round(bar.left)) for bar in rows[0].said] == [
        ("nothing", "", 0),
        ("right", "Ada <i>", 10),
        ("right", "Ada <i>", 50),
        ("wrong", "Bob", 70),
    ]
    assert [bar.kind for bar in rows[1].said] == ["nothing", "right", "nothing"]
    assert rows[1].said[1].title == "unknown-4, 0:02.0 to 0:08.1"
    assert rows[0].note == "enrolled, 9.0 s"
    assert [(bar.kind, bar.title) for bar in rows[4].said] == [
        ("wrong", "Cy, 0:01.0 to 0:03.1"),
        ("unknown", "unknown-7, 0:03.1 to 0:05.1"),
    ]
    assert [(bar.kind, bar.title) for bar in rows[5].said] == [
        ("wrong", "Ada <i>, 0:04.1 to 0:05.0")  # she is not there, by the truth
    ]


def test_the_page_escapes_names_and_needs_nothing_else() -> None:
    made = replay_page("Replay of <b>.mp4", ["a & b"], TRUTH, score_clip(TRUTH, SAID)).decode()
    assert "Ada &lt;i&gt;" in made
    assert "<i>.mp4" not in made
    assert "a &amp; b" in made
    assert "Ada <i>" not in made
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in made


def test_a_clip_without_anybody() -> None:
    nobody = Truth(clip="a.mp4", width=640, height=360, fps=10, duration_ms=0)
    assert b"Who was there" in replay_page("Replay", [], nobody, score_clip(nobody, []))
