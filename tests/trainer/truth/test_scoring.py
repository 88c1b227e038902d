import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.truth.file import Truth, TruthTrack
from trainer.truth.keys import Key
from trainer.truth.said import Claim, SaidTrack
from trainer.truth.score import Score
from trainer.truth.scoring import Scored, score_clip

FPS = 10


def keys(x: float, start_ms: float = 0, end_ms: float = 10_000, side: float = 100) -> list[Key]:
    return [Key(start_ms, x, 100, side, side), Key(end_ms, x, 100, side, side)]


def true(person: str | None, x: float, start_ms: float = 0, end_ms: float = 10_000) -> TruthTrack:
    known = bool(person) and not str(person).startswith("stranger")
    return TruthTrack(person, known, tuple(keys(x, start_ms, end_ms)))


def said(
    track: str,
    x: float,
    *claims: tuple[float, str | None],
    until: float = 10_000,
    side: float = 100,
) -> SaidTrack:
    begin = claims[0][0]
    made = [Claim(at, name, None if name else f"unknown-{track}") for at, name in claims]
    return SaidTrack(track, keys(x, begin, until, side), made)


def score(tracks: list[TruthTrack], heard: list[SaidTrack]) -> Scored:
    truth = Truth(
        clip="c", width=1000, height=500, fps=FPS, duration_ms=10_000, tracks=tuple(tracks)
    )
    return score_clip(truth, heard)


def summary(tracks: list[TruthTrack], heard: list[SaidTrack]) -> dict[str, object]:
    return score(tracks, heard).score.summary()


def test_nobody_is_there_and_nothing_is_said() -> None:
    figures = summary([], [])
    assert figures["known_right"] is None
    assert figures["stranger_named"] is None
    assert figures["renames"] is None
    assert figures["first_name_s_median"] is None
    assert figures["people"] == {}


def test_a_person_named_after_two_seconds_and_lost_after_eight() -> None:
    heard = [said("t", 105, (1000, None), (2000, "Ada"), until=7950)]
    scored = score([true("Ada", 100)], heard)
    figures = scored.score.summary()
    assert figures["known_right"] == 0.6
    assert figures["known_unknown"] == 0.1
    assert figures["known_nothing"] == 0.3
    assert figures["known_wrong"] == 0
    assert figures["known_right_after_1s"] == pytest.approx(6 / 9, abs=1e-4)
    assert figures["first_name_s_median"] == 2
    assert figures["named_tracks"] == 1
    assert figures["renames"] == 0
    assert figures["people"] == {"Ada": {"visible_s": 10, "precision": 1, "recall": 0.6}}
    assert [(span.verdict, span.start_ms, span.said) for span in scored.spans[0]] == [
        ("nothing", 0, ""),
        ("unknown", 1000, "unknown-t"),
        ("right", 2000, "Ada"),
        ("nothing", 8000, ""),
    ]


def test_a_wrong_name_counts_against_both() -> None:
    figures = summary(
        [true("Ada", 100), true("Bob", 600)],
        [said("t", 100, (0, "Ada")), said("u", 600, (0, "Ada"), (5000, "Bob"))],
    )
    assert figures["known_right"] == 0.75
    assert figures["known_wrong"] == 0.25
    assert figures["renames"] == 0.5
    assert figures["people"] == {
        "Ada": {"visible_s": 10, "precision": pytest.approx(2 / 3, abs=1e-4), "recall": 1},
        "Bob": {"visible_s": 10, "precision": 1, "recall": 0.5},
    }


@pytest.mark.parametrize(
    ("claims", "renames"),
    [
        ([(0, "Ada")], 0),
        ([(0, None), (1000, "Ada")], 0),
        ([(0, "Ada"), (1000, "Bob")], 1),
        ([(0, "Ada"), (1000, None)], 1),
        ([(0, None), (1000, None), (2000, "Bob"), (3000, "Ada"), (4000, "Bob")], 1),
    ],
)
def test_giving_up_a_name_is_a_rename(claims: list[tuple[float, str | None]], renames: int) -> None:
    assert summary([true("Ada", 100)], [said("t", 100, *claims)])["renames"] == renames


def test_strangers_are_right_when_they_stay_strangers() -> None:
    figures = summary(
        [true("stranger-1", 100), true("stranger-2", 600)],
        [said("t", 100, (0, None), (9000, "Ada")), said("u", 600, (5000, None))],
    )
    assert figures["stranger_named"] == 0.05
    assert figures["stranger_nothing"] == 0.25
    assert figures["known_right"] is None
    assert figures["people"] == {"Ada": {"visible_s": 0, "precision": 0, "recall": None}}


def test_nobody_is_judged_on_an_ignored_face() -> None:
    scored = score([true(None, 100), true("Ada", 600)], [said("t", 100, (0, "Bob"))])
    figures = scored.score.summary()
    assert figures["known_nothing"] == 1
    assert figures["elsewhere_s"] == 0
    assert figures["tracks"] == 1
    assert "Bob" not in scored.score.people
    assert scored.score.names.said == 0
    assert [span.verdict for span in scored.spans[0]] == [None]


def test_what_is_said_where_nobody_is() -> None:
    heard = [said("t", 600, (0, "Bob"), until=4950), said("u", 100, (0, None), until=1950)]
    figures = summary([true("Ada", 300)], heard)
    assert figures["elsewhere_s"] == 7
    assert figures["elsewhere_named_s"] == 5
    assert figures["missed_tracks"] == 1
    people = {"visible_s": 0, "precision": 0, "recall": None}
    assert figures["people"] == {
        "Ada": {"visible_s": 10, "precision": None, "recall": 0},
        "Bob": people,
    }


def test_the_nearer_face_is_meant_and_sizes_may_differ() -> None:
    heard = [said("t", 110, (0, "Ada")), said("u", 140, (0, "Bob"), side=130)]
    figures = summary([true("Ada", 100), true("Bob", 160)], heard)
    assert figures["known_right"] == 1
    assert summary([true("Ada", 100)], [said("t", 100, (0, "Ada"), side=300)])["known_right"] == 0


def test_faces_that_cross_are_not_taken_for_each_other() -> None:
    def going(first: float, last: float) -> tuple[Key, ...]:
        return Key(0, first, 100, 100, 100), Key(10_000, last, 100, 100, 100)

    truth = [TruthTrack("Ada", True, going(0, 500)), TruthTrack("Bob", True, going(500, 0))]
    heard = [
        SaidTrack("t", list(going(8, 508)), [Claim(0, "Ada")]),
        SaidTrack("u", list(going(492, -8)), [Claim(0, "Bob")]),
    ]
    figures = summary(truth, heard)
    assert figures["known_right"] == 1
    assert figures["pieces_mean"] == 1
    assert figures["names_idf1"] == 1


def test_a_face_in_two_pieces_keeps_its_name_but_not_its_track() -> None:
    heard = [said("t", 100, (0, "Ada"), until=4950), said("u", 100, (5000, "Ada"))]
    figures = summary([true("Ada", 100)], heard)
    assert figures["pieces_mean"] == 2
    assert figures["names_idf1"] == 1
    assert figures["names_hota"] == 1
    assert figures["faces_idf1"] == 0.5


def test_a_wrong_name_is_no_identity_however_steady() -> None:
    figures = summary([true("stranger-1", 100)], [said("t", 100, (0, "Ada"))])
    assert figures["names_idf1"] == 0
    assert figures["faces_idf1"] == 1
    figures = summary([true("Ada", 100)], [said("t", 100, (0, None))])
    assert figures["names_idf1"] == 0
    assert summary([true("stranger-1", 100)], [said("t", 100, (0, None))])["names_idf1"] == 1


def test_names_are_compared_in_their_composed_form() -> None:
    assert summary([true("Zoë", 100)], [said("t", 100, (0, "Zoe\u0308"))])["known_right"] == 1


def test_scores_add_up_over_clips() -> None:
    one = score([true("Ada", 100)], [said("t", 100, (0, "Ada"))]).score
    other = score([true("Ada", 100), true("stranger-1", 500)], [said("t", 500, (0, "Ada"))]).score
    one.latencies_ms, other.latencies_ms = [10.0, 20.0], [30.0]
    figures = (one + other).summary()
    assert figures["known_right"] == 0.5
    assert figures["stranger_named"] == 1
    assert figures["named_tracks"] == 0.5
    assert figures["people"] == {"Ada": {"visible_s": 20, "precision": 0.5, "recall": 0.5}}
    assert figures["latency_ms_p50"] == 20
    assert figures["names_idf1"] == pytest.approx(2 * 100 / 500)
    assert (Score() + one).summary() == one.summary()


_CLAIMS = st.lists(
    st.tuples(st.integers(0, 99).map(lambda t: t * 100.0), st.sampled_from([None, "Ada", "Bob"])),
    min_size=1,
    max_size=6,
    unique_by=lambda claim: claim[0],
).map(sorted)


@settings(deadline=None)
@given(_CLAIMS, st.sampled_from([90.0, 130.0, 400.0]), st.integers(1, 100))
def test_every_moment_is_under_one_verdict(
    claims: list[tuple[float, str | None]], x: float, frames: int
) -> None:
    heard = [said("t", x, *claims, until=max(100.0 * frames, claims[-1][0] + 1))]
    scored = score([true("Ada", 100), true("stranger-1", 600)], heard)
    assert sum(scored.score.known.values()) == pytest.approx(10)
    assert sum(scored.score.strangers.values()) == pytest.approx(10)
    for spans in scored.spans:
        assert spans[0].start_ms == 0
        assert spans[-1].end_ms == pytest.approx(10_000)
        for early, late in itertools.pairwise(spans):
            assert early.end_ms == pytest.approx(late.start_ms)
            assert early[2:] != late[2:]
