"""Critics against a generator that stands still: how they begin, and how they are trained."""

import math

import numpy as np
import pytest
from linears import linear, points
from seeded import rng

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.lab import critics
from scratchgan.lab.gaussians import TwoGaussians

# Networks and what they are shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth, count", [(4, 33_537), (12, 165_633)])
def test_a_network_has_so_many_linear_layers(depth, count):
    network = critics.mlp(2, 128, depth, rng())
    assert len(network) == depth and sum(p.numel() for p in network.parameters()) == count
    assert critics.outputs(network, points(5)).shape == (5, 1)


def test_weights_begin_as_in_the_toy_script():
    layers = [m for m in critics.mlp(3, 100, 3, rng(), outputs=2).modules() if isinstance(m, nn.Linear)]
    for layer, bound in zip(layers, (math.sqrt(6 / 3), math.sqrt(6 / 100), math.sqrt(6 / 102))):
        assert 0.98 * bound < np.abs(layer.weight.numpy()).max() <= bound
        assert not layer.bias.numpy().any()


def test_hidden_layers_are_not_linear():
    network, x = critics.mlp(2, 16, 2, rng()), points(1)
    assert abs(critics.scores(network, x) + critics.scores(network, -x)).item() > 1e-3


def test_the_frozen_generator_adds_normal_noise_of_variance_one():
    class Somewhere:
        def sample(self, n, rng):
            return np.full((n, 2), 7, np.float32)

    real, fake = critics.with_noise(Somewhere(), 4000, rng())
    assert real.dtype == fake.dtype == np.float32 and (real == 7).all()
    np.testing.assert_allclose([fake.mean(), fake.std()], [7, 1], atol=0.05)


def test_the_frozen_generator_does_not_know_the_batch():
    real, fake = critics.with_noise(toy.GaussianMixture("wide", [[0.0, 0.0]], 100), 1000, rng())
    assert abs(np.corrcoef(real[:, 0], fake[:, 0])[0, 1]) < 0.1


# Training -------------------------------------------------------------------------------------------------------------


def test_clipping_keeps_the_box_from_the_first_step_on():
    critic = critics.mlp(2, 8, 3, rng())
    steps = critics.train_clipped(critic, lambda: (points(4), points(4, seed=1) + 3), 5, bound=0.01, lr=0.1)
    for count, step in enumerate(steps, start=1):
        assert step == count and max(np.abs(p.numpy()).max() for p in critic.parameters()) <= np.float32(0.01)
    assert count == 5


def test_the_first_step_of_a_clipped_critic_sees_it_in_its_box():
    critic, seen = critics.mlp(2, 8, 3, rng()), []

    def batches():
        seen.append(max(np.abs(p.numpy()).max() for p in critic.parameters()))
        return points(4), points(4)

    next(critics.train_clipped(critic, batches, 1, bound=0.01))
    assert seen == [np.float32(0.01)]


def test_a_trained_discriminator_is_p_over_p_plus_q():
    line, draws = TwoGaussians(2.0), rng()
    discriminator = critics.mlp(1, 0, 1, rng())  # a line, as the best one is
    list(critics.train_discriminator(discriminator, lambda: line.sample(500, draws), 400, lr=0.03))
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    probability = 1 / (1 + np.exp(-critics.scores(discriminator, x[:, None])))
    np.testing.assert_allclose(probability, line.discriminator(x), atol=0.05)


def test_a_penalised_line_is_steeper_than_one_by_the_distance_over_twice_the_weight():
    """The maximum of s w − λ (w − 1)² is at w = 1 + s / (2 λ)."""
    line, draws = TwoGaussians(4.0), rng()
    critic = linear([[1.0]])
    list(critics.train_penalised(critic, lambda: line.sample(500, draws), 300, rng(), weight=5.0, lr=0.03))
    np.testing.assert_allclose(critic.parameters()[0].numpy(), [[1.4]], atol=0.03)
