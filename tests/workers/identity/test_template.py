import numpy as np
import pytest

from workers.identity.template import MAX_LOOKS, Template

SPREAD = 0.8
E = np.eye(128, dtype=np.float32)


def leaning(towards: int, share: float) -> np.ndarray:
    """A unit vector of the first direction that leans towards another."""
    return np.asarray(np.sqrt(1 - share) * E[0] + np.sqrt(share) * E[towards], np.float32)


def template(*embeddings: np.ndarray, memory: float = 30.0, quality: float = 1.0) -> Template:
    made = Template(memory, SPREAD)
    for embedding in embeddings:
        made.add(embedding, quality)
    return made


def test_one_crop_is_its_own_mean() -> None:
    made = template(E[3])
    assert made.vector == pytest.approx(E[3])
    assert (made.independent, made.apart, made.squared_distance(E[3])) == (1.0, 0.0, 0.0)


def test_noise_averages_out() -> None:
    made = template(*(leaning(direction, 0.4) for direction in (1, 2, 3, 4)))
    assert made.squared_distance(E[0]) < 0.5 * template(leaning(1, 0.4)).squared_distance(E[0])
    assert 3.5 < made.independent <= 4.0


def test_a_hundred_crops_of_one_picture_are_one_look() -> None:
    rng = np.random.default_rng(0)
    picture = [E[0] + 0.01 * rng.standard_normal(128).astype(np.float32) for _ in range(100)]
    made = template(*(row / np.linalg.norm(row) for row in picture))
    assert made.independent == pytest.approx(1.0, abs=0.05)
    other = leaning(1, 0.6)
    made.add(other, 1.0)
    assert made.squared_distance(other) == pytest.approx(made.squared_distance(E[0]), rel=0.2)


def test_looks_that_have_much_in_common_are_worth_fewer() -> None:
    near = template(*(leaning(direction, 0.2) for direction in (1, 2, 3, 4)))
    far = template(*(leaning(direction, 0.4) for direction in (1, 2, 3, 4)))
    assert 1.0 < near.independent < far.independent


def test_the_better_crop_counts_more() -> None:
    made = Template(30.0, SPREAD)
    made.add(leaning(1, 0.5), 0.3)
    made.add(leaning(2, 0.5), 1.0)
    assert made.squared_distance(leaning(2, 0.5)) < made.squared_distance(leaning(1, 0.5))


def test_what_is_not_seen_any_more_fades() -> None:
    soon, late = (template(leaning(1, 0.5), memory=memory) for memory in (3.0, 300.0))
    for made in (soon, late):
        for _ in range(10):
            made.add(leaning(2, 0.5), 1.0)
    assert soon.squared_distance(leaning(2, 0.5)) < 0.02
    assert late.squared_distance(leaning(2, 0.5)) > 0.2


def test_only_so_many_looks_are_kept_and_the_oldest_make_room() -> None:
    made = template(*(E[number] for number in range(MAX_LOOKS + 3)))
    assert made.independent <= MAX_LOOKS
    similarity = E @ made.vector
    assert (similarity[:3] < 1e-6).all()
    assert (similarity[3 : MAX_LOOKS + 3] > 0.1).all()


def test_joined_templates_have_the_looks_of_both() -> None:
    made, earlier = template(leaning(1, 0.4)), template(leaning(2, 0.4), leaning(3, 0.4))
    alone = made.squared_distance(E[0])
    made.join(earlier)
    assert made.crops == 3
    assert made.independent > 2.5
    assert made.squared_distance(E[0]) < 0.5 * alone
