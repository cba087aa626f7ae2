"""Two Gaussians on a line: their densities, and the slopes of the best critics."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.lab.gaussians import TwoGaussians


def test_the_two_gaussians_are_where_they_are_said_to_be():
    real, fake = TwoGaussians(3.0).sample(20_000, rng())
    assert real.shape == fake.shape == (20_000, 1) and real.dtype == fake.dtype == np.float32
    np.testing.assert_allclose([real.mean(), fake.mean(), real.std(), fake.std()], [1.5, -1.5, 1, 1], atol=0.03)


def test_their_densities_are_those_of_the_samples():
    line, x = TwoGaussians(3.0), np.linspace(-8, 8, 3201)
    for density, mean in zip(line.densities(x), (1.5, -1.5)):
        moments = [(density * x**k).sum() * (x[1] - x[0]) for k in range(3)]
        np.testing.assert_allclose(moments, [1, mean, 1 + mean**2], rtol=1e-6)


def test_the_density_between_is_that_of_the_interpolates():
    line, width = TwoGaussians(3.0), 0.5
    real, fake = line.sample(200_000, rng())
    epsilon = rng(1).random(real.shape)
    found = epsilon * real + (1 - epsilon) * fake
    for centre in (-2.0, 0.0, 1.0):
        share = (np.abs(found - centre) < width / 2).mean() / width
        assert line.between(np.array(centre)) == pytest.approx(share, rel=0.05)


def test_no_other_slope_serves_the_penalised_critic_better():
    line, weight, x = TwoGaussians(4.0), 10.0, np.linspace(-9, 9, 2001)
    p, q = line.densities(x)
    excess = np.cumsum(q - p) * (x[1] - x[0])

    def worth(slope):
        return (slope * excess - weight * line.between(x) * (slope - 1) ** 2).sum()

    best = line.slopes(x, weight)["wasserstein"]
    assert worth(best) > max(worth(best + 0.02), worth(best - 0.02), worth(best + 0.1 * np.sin(x)))
