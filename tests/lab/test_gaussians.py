"""Two Gaussians on a line: their densities, and the slopes of the best critics."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.lab.gaussians import GRID, HILLS, TwoGaussians, best_gaussian, divergences, hill
from scratchgan.lab.probes import generator_slopes
from scratchgan.losses import LeastSquares


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


def test_the_pull_of_least_squares_is_that_of_the_loss_at_its_best_discriminator():
    line, x = TwoGaussians(3.0), np.linspace(-4, 4, 9)
    found = generator_slopes(LeastSquares(), lambda x: (3 * x).sigmoid(), x[:, None])
    np.testing.assert_allclose(found, line.slopes(x)["least squares"], rtol=1e-6)


@pytest.mark.parametrize("distance", [1.0, 6.0])
def test_mean_slopes_are_means_over_generated_points(distance):
    line = TwoGaussians(distance)
    x = line.sample(200_000, rng())[1].astype(np.float64)[:, 0]
    for name, slopes in line.mean_slopes().items():
        sampled = np.ones_like(x) if name == "wasserstein" else line.slopes(x[:, None])[name][:, 0]
        assert slopes == pytest.approx(sampled.mean(), rel=0.1), name


def test_far_apart_the_pulls_are_those_of_the_closed_forms():
    pulls = TwoGaussians(10.0).mean_slopes()
    assert pulls["minimax"] == pytest.approx(np.sqrt(np.pi / 2) * np.exp(-100 / 8), rel=0.05)
    assert pulls["least squares"] / pulls["minimax"] == pytest.approx(3 / 8, rel=0.02)
    assert pulls["non-saturating"] == pytest.approx(10) and pulls["wasserstein"] == pytest.approx(1)
    assert pulls["hinge"] == 0


def test_divergences_of_gaussians():
    """KL of N(m, w²) from N(0, 1) is (m² + w² − 1) / 2 − log w; JSD is between 0 and log 2, and symmetric."""
    for mean, width in ((0, 1), (2, 1), (-1, 0.5)):
        kl, jsd = divergences(hill(mean, width), hill(0, 1))
        assert kl == pytest.approx((mean**2 + width**2 - 1) / 2 - np.log(width), abs=1e-9)
        assert jsd == pytest.approx(divergences(hill(0, 1), hill(mean, width))[1], abs=1e-12)
    assert divergences(hill(-9, 0.5), hill(9, 0.5))[1] == pytest.approx(np.log(2))
    assert (np.exp(HILLS).sum() * (GRID[1] - GRID[0])) == pytest.approx(1)


def test_the_best_gaussian_takes_one_hill_or_both():
    assert best_gaussian(lambda kl, jsd: kl) == pytest.approx((3, 1))
    assert best_gaussian(lambda kl, jsd: jsd) == pytest.approx((0, 3.1))
