"""What is measured of a critic, and of what a generator learns from it, where it is known in closed form."""

import math

import numpy as np
import pytest
from linears import linear, points
from seeded import rng

from scratchgan import nn
from scratchgan.lab import critics, probes
from scratchgan.lab.gaussians import TwoGaussians
from scratchgan.losses import OBJECTIVES
from scratchgan.metrics import distances, wasserstein

# What a critic has become ---------------------------------------------------------------------------------------------


def test_the_gap_is_that_of_the_mean_scores():
    assert probes.critic_gap(linear([[2, 1]]), np.float32([[1, 0], [3, 0]]), np.float32([[0, 1]])) == 3


def test_slopes_between_are_norms_of_the_gradient_in_the_data():
    slopes = probes.slopes_between(linear([[3, 4]]), points(6), points(6, seed=1), rng())
    np.testing.assert_allclose(slopes, np.full(6, 5), rtol=1e-6)


def test_gradients_of_the_layers_are_those_of_the_chain_by_hand():
    first, second = np.array([[1.0, 2], [0, -1], [3, 1]]), np.array([[2.0, -1, 0.5]])
    norms = probes.layer_gradient_norms(linear(first, second), points(8), points(8, seed=1))
    chain = [np.linalg.norm(second @ first), np.linalg.norm(second), 1]  # at the data, the hidden layer, the score
    np.testing.assert_allclose(norms, math.sqrt(2 / 8) * np.array(chain), rtol=1e-6)


def test_gradients_of_the_layers_do_not_underflow():
    tiny = np.array([[1e-30]])
    norms = probes.layer_gradient_norms(linear(tiny), points(2, 1), points(2, 1))
    np.testing.assert_allclose(norms, [1e-30, 1], rtol=1e-5)


def test_weights_without_biases():
    assert probes.weights_of(critics.mlp(2, 8, 3, rng())).shape == (2 * 8 + 8 * 8 + 8,)


def test_the_share_near_a_bound_counts_both_signs():
    weights = np.array([-1, -0.96, -0.94, 0, 0.5, 0.951, 1, 0.2])
    assert probes.share_near(weights, 1) == 4 / 8
    assert probes.share_near(weights, 1, within=0.5) == 6 / 8


def test_the_fit_finds_a_planted_plane_and_cone():
    x = points(500).astype(np.float64)
    values = 3 + x @ [1, -2] + 0.5 * np.linalg.norm(x, axis=1)
    coefficients, r2 = probes.fit_cone(x, values)
    np.testing.assert_allclose(coefficients, [3, 1, -2, 0.5], atol=1e-10)
    assert r2 == pytest.approx(1)


def test_the_fit_reports_the_share_of_the_variance_that_it_explains():
    x, noise = points(20_000, seed=1), points(20_000, 1, seed=2)[:, 0]
    assert probes.fit_cone(x, 2 * x[:, 0] + noise)[1] == pytest.approx(4 / 5, abs=0.02)


def test_the_best_critic_has_a_gap_of_w1_and_slope_one():
    real, fake, x = points(40), 2 * points(40, seed=1), 3 * points(300, seed=2)
    best = probes.best_critic(real, fake)
    assert best(real).mean() - best(fake).mean() == pytest.approx(wasserstein(real, fake))
    rise = np.abs(np.subtract.outer(best(x), best(x)))
    assert (rise <= distances(x, x) + 1e-9).all()


# What a generator learns from it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_a_point_feels_the_slope_of_the_loss_at_the_best_discriminator(name):
    line, x = TwoGaussians(3.0), np.linspace(-4, 4, 9)
    found = probes.generator_slopes(OBJECTIVES[name], linear([[3.0]]), x[:, None].astype(np.float32))
    np.testing.assert_allclose(found, line.slopes(x)[name], rtol=1e-4)


def test_where_the_discriminator_is_sure_the_saturating_slope_is_gone():
    slopes = TwoGaussians(4.0).slopes(np.array([-2.0, -4.0]))
    np.testing.assert_allclose(slopes["minimax"], 4 / (1 + np.exp([8.0, 16.0])))
    np.testing.assert_allclose(slopes["non-saturating"] + slopes["minimax"], 4)


def test_the_gradient_of_a_linear_generator_by_hand():
    """L = −E wᵀ(A z + b) has −w E zᵀ in A and −w in b."""
    generator, w, z = nn.Sequential(nn.Linear(3, 2, rng=rng())), np.array([[3.0, 4.0]]), points(7, 3)
    found = probes.generator_gradient_norm(OBJECTIVES["wasserstein"], generator, linear(w), z)
    assert found == pytest.approx(5 * math.sqrt(1 + np.square(z.mean(0)).sum()), rel=1e-5)
