"""The limits of the losses: each best discriminator is the best one, and its loss that of the closed form."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.lab import limits
from scratchgan.losses import OBJECTIVES

LAWS = [([5, 3, 2], [1, 3, 6]), ([1, 1, 8], [3, 3, 4])]  # n p and n p_G
WITH_A_BEST = [name for name in OBJECTIVES if name not in ("wasserstein", "relativistic average")]
of_all = pytest.mark.parametrize("name", OBJECTIVES)
of_laws = pytest.mark.parametrize("real, fake", LAWS)
with_a_best = pytest.mark.parametrize("name", WITH_A_BEST)


@with_a_best
@of_laws
def test_at_the_best_scores_the_loss_is_that_of_the_closed_form(name, real, fake):
    scores = limits.best_scores(name, real, fake)
    assert limits.losses(name, scores, real, fake)[0] == pytest.approx(limits.least_loss(name, real, fake))


@with_a_best
@of_laws
def test_no_other_scores_have_a_smaller_loss(name, real, fake):
    """The losses are convex in the scores: what is least nearby is least of all."""
    scores, least = limits.best_scores(name, real, fake), limits.least_loss(name, real, fake)
    for step in 1e-2 * rng().standard_normal((50, 3)):
        assert limits.losses(OBJECTIVES[name], scores + step, real, fake)[0] >= least - 1e-12


@of_all
def test_where_both_laws_are_one_no_scores_do_better_than_one_for_all(name):
    if name == "wasserstein":
        return  # its loss is 0 for all scores
    least = limits.alike(name)[0]
    for scores in rng().standard_normal((50, 2)):
        assert limits.losses(OBJECTIVES[name], scores, [1, 1], [1, 1])[0] >= least - 1e-12


def test_what_the_losses_tend_to_where_the_generator_is_perfect():
    found = {name: limits.alike(name) for name in OBJECTIVES}
    log2 = np.log(2)
    expected = {
        "minimax": (2 * log2, -log2),
        "non-saturating": (2 * log2, log2),
        "least squares (0, 1, 1)": (1 / 4, 1 / 8),
        "least squares (-1, 1, 0)": (1, 0),
        "wasserstein": (0, 0),
        "hinge": (2, 0),
        "relativistic": (log2, log2),
        "relativistic average": (2 * log2, 2 * log2),
    }
    assert found == {name: pytest.approx(pair) for name, pair in expected.items()}
    assert all(limits.least_loss(name, [3, 2], [3, 2]) == pytest.approx(expected[name][0]) for name in WITH_A_BEST)


def test_what_they_tend_to_where_d_is_sure():
    found = {name: limits.told_apart(name) for name in OBJECTIVES}
    expected = {"least squares (0, 1, 1)": (0, 1 / 2), "least squares (-1, 1, 0)": (0, 1 / 2), "hinge": (0, 1)}
    expected |= {"minimax": (0, 0), "non-saturating": (0, 40), "wasserstein": (-80, 40)}
    expected |= {"relativistic": (0, 80), "relativistic average": (0, 160)}
    assert found == {name: pytest.approx(pair, abs=1e-15) for name, pair in expected.items()}


def test_the_divergence_is_log_2_at_most():
    assert limits.jensen_shannon(np.array([1 - 1e-12, 1e-12]), np.array([1e-12, 1 - 1e-12])) == pytest.approx(np.log(2))
    assert limits.jensen_shannon(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0


@pytest.mark.parametrize("distance", [0.5, 4.0])
def test_the_penalised_line_is_the_best_line(distance):
    found = limits.penalised_line(distance)
    slopes = np.linspace(0, 3, 3001)
    gains = slopes * distance - 10 * (slopes - 1) ** 2
    assert found["gradient_norm"] == pytest.approx(slopes[gains.argmax()], abs=1e-3)
    assert -found["critic_loss"] == pytest.approx(gains.max()) == found["wasserstein"] - found["penalty"]
    assert found["critic_loss"] == pytest.approx(-distance - distance**2 / 40)


@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_the_slope_is_found_from_the_estimate(weight):
    found = limits.penalised_line(3.0, weight)
    assert limits.slope_for(found["wasserstein"], weight) == pytest.approx(found["gradient_norm"])
    assert limits.slope_for(0.0, weight) == 1
    assert weight != 10 or limits.slope_for(4.0) == limits.slope_for(4.0, weight)  # the λ of nearly all systems
