import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan.data import toy

MIXTURES = [toy.eight_gaussians(), toy.twenty_five_gaussians(), toy.pacgan_ring(), toy.pacgan_grid()]
ALL = [*MIXTURES, toy.SwissRoll(), toy.Moons(), toy.Checkerboard()]

every_distribution = pytest.mark.parametrize("distribution", ALL, ids=lambda d: d.name)
every_mixture = pytest.mark.parametrize("mixture", MIXTURES, ids=lambda d: d.name)


def generator(seed=0):
    return np.random.default_rng(seed)


@every_distribution
@given(n=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_samples_are_float32_and_given_by_the_generator(distribution, n, seed):
    samples = distribution.sample(n, generator(seed))
    assert samples.dtype == np.float32 and samples.shape == (n, 2) and np.isfinite(samples).all()
    np.testing.assert_array_equal(samples, distribution.sample(n, generator(seed)))


@every_distribution
def test_the_next_samples_are_new_ones(distribution):
    rng = generator()
    first = distribution.sample(50, rng)
    assert not (first[:, None] == distribution.sample(50, rng)).all(-1).any()


# Each mean and covariance by hand; the tolerances are several standard errors.


@pytest.mark.parametrize(
    "distribution, mean, cov",
    [
        (MIXTURES[0], (0, 0), (2 + 0.0004) / 1.414**2 * np.eye(2)),
        (MIXTURES[1], (0, 0), (8 + 0.0025) / 2.828**2 * np.eye(2)),
        (MIXTURES[2], (0, 0), (0.5 + 0.0001) * np.eye(2)),
        (MIXTURES[3], (0, 0), (8 + 0.0025) * np.eye(2)),
        (toy.Checkerboard(), (0, 0), np.array([[4 / 3, 1 / 4], [1 / 4, 4 / 3]])),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_mean_and_covariance(distribution, mean, cov):
    samples = distribution.sample(200_000, generator()).astype(np.float64)
    np.testing.assert_allclose(samples.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), cov, atol=0.012 * np.trace(cov))


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_the_swiss_roll_winds_twice_around_at_a_growing_radius(scale):
    """Without noise each point lies on the spiral: its radius t tells its angle."""
    x = toy.SwissRoll(noise=0.0, scale=scale).sample(20_000, generator()).astype(np.float64) * scale
    t = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(np.stack([np.cos(t), np.sin(t)], 1), x / t[:, None], atol=1e-5)
    np.testing.assert_allclose(np.quantile(t, [0, 0.25, 0.5, 0.75, 1]) / np.pi, [1.5, 2.25, 3, 3.75, 4.5], atol=0.05)


def test_the_moons_are_two_half_circles():
    x = toy.Moons(noise=0.0).sample(20_000, generator()).astype(np.float64)
    upper = np.abs(np.linalg.norm(x, axis=1) - 1) < 1e-6
    lower = np.abs(np.linalg.norm(x - (1, 0.5), axis=1) - 1) < 1e-6
    assert (upper | lower).all() and abs(upper.mean() - 0.5) < 0.02
    assert (x[upper, 1] >= 0).all() and (x[lower, 1] <= 0.5).all()
    np.testing.assert_allclose(
        np.quantile(np.arctan2(x[upper, 1], x[upper, 0]), [0.25, 0.75]) / np.pi, [0.25, 0.75], atol=0.02
    )


@pytest.mark.parametrize("kind, scale", [(toy.SwissRoll, 7.5), (toy.Moons, 1.0)])
def test_noise_is_normal_and_of_the_stated_width(kind, scale):
    """The same draws with and without noise differ by the noise alone."""
    noisy, clean = (kind(noise=noise).sample(100_000, generator()).astype(np.float64) for noise in (0.1, 0.0))
    noise = (noisy - clean) * scale / 0.1
    np.testing.assert_allclose(noise.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=0.02)
    np.testing.assert_allclose((noise**4).mean(), 3, atol=0.1)


@every_mixture
def test_all_centres_are_distinct(mixture):
    gaps = np.linalg.norm(mixture.centres[:, None] - mixture.centres, axis=-1)
    nearest = (gaps + np.diag(np.full(len(gaps), np.inf))).min(1)
    assert nearest.min() > 20 * mixture.sigma
    np.testing.assert_allclose(nearest, mixture.spacing)
    assert toy.GaussianMixture("uneven", [[0, 0], [3, 0], [4, 0]], mixture.sigma).spacing == 1


@pytest.mark.parametrize(
    "mixture, modes", list(zip(MIXTURES, (8, 25, 8, 25))), ids=lambda value: getattr(value, "name", "")
)
def test_centres_in_the_units_of_their_papers(mixture, modes):
    assert len(mixture.centres) == modes
    scale, sigma = {"8 G": (1.414, 0.02), "25 ": (2.828, 0.05), "Pac": (1, 0.01 if modes == 8 else 0.05)}[
        mixture.name[:3]
    ]
    assert mixture.sigma * scale == pytest.approx(sigma)
    centres = mixture.centres * scale
    if modes == 25:
        assert {tuple(c) for c in np.rint(centres)} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
        np.testing.assert_allclose(centres, np.rint(centres), atol=1e-12)
    else:
        z = centres @ (1, 1j)
        np.testing.assert_allclose(z, abs(z[0]) * np.exp(1j * np.pi / 4 * np.arange(8)), atol=1e-12)
        assert abs(z[0]) == pytest.approx(2 if scale > 1 else 1)


@every_mixture
def test_every_mode_has_its_share(mixture):
    samples = mixture.sample(1000 * len(mixture.centres), generator())
    mode = np.linalg.norm(samples[:, None] - mixture.centres, axis=-1).argmin(1)
    counts = np.bincount(mode, minlength=len(mixture.centres))
    assert len(set(counts)) > 1 and np.abs(counts - 1000).max() < 150


@given(n=st.integers(1, 200), seed=st.integers(0, 2**32))
def test_stratified_modes_differ_by_one_sample_at_most(n, seed):
    mixture = toy.pacgan_ring()
    samples = mixture.sample(n, generator(seed), stratified=True)
    mode = np.linalg.norm(samples[:, None] - mixture.centres, axis=-1).argmin(1)
    assert np.ptp(np.bincount(mode, minlength=8)) <= 1


def test_stratified_samples_are_shuffled_and_favour_no_mode():
    """One sample of eight modes comes from each of them, in turn, as seeds go by; and neighbours are of any modes."""
    mixture = toy.pacgan_ring()
    mode = [
        np.linalg.norm(mixture.sample(1, generator(seed), stratified=True) - mixture.centres, axis=1).argmin()
        for seed in range(200)
    ]
    assert set(mode) == set(range(8))
    samples = mixture.sample(800, generator(), stratified=True)
    mode = np.linalg.norm(samples[:, None] - mixture.centres, axis=-1).argmin(1)
    assert (mode[1:] == mode[:-1]).mean() < 0.25 and (mode[8:] == mode[:-8]).mean() < 0.25


@pytest.mark.parametrize("distribution", [*MIXTURES, toy.Checkerboard()], ids=lambda d: d.name)
def test_densities_integrate_to_one(distribution):
    """By the midpoint rule, in a square around each mode; a board is one square."""
    centres = getattr(distribution, "centres", np.zeros((1, 2)))
    half = 8 * distribution.sigma if hasattr(distribution, "sigma") else 3.0
    side = half * (np.arange(60) + 0.5) / 30 - half
    x = centres[:, None, None] + np.stack(np.meshgrid(side, side), -1)
    assert distribution.density(x).shape == (len(centres), 60, 60)
    assert distribution.density(x).sum() * (half / 30) ** 2 == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("distribution", [toy.ring("wide", 8, 1.0, 0.3), toy.Checkerboard()], ids=lambda d: d.name)
def test_samples_fall_where_the_density_says(distribution):
    """The histogram of many samples on a board of 16 x 16 squares, against the integral over each."""
    edges = np.linspace(-2, 2, 17)
    samples = distribution.sample(100_000, generator())
    found, _, _ = np.histogram2d(*samples.T, bins=(edges, edges))
    fine = (np.arange(160) + 0.5) / 40 - 2
    density = distribution.density(np.stack(np.meshgrid(fine, fine, indexing="ij"), -1))
    expected = density.reshape(16, 10, 16, 10).sum((1, 3)) / 40**2 * 100_000
    assert (np.abs(found - expected) < 5 * np.sqrt(expected) + 5).all()


def test_the_density_of_one_gaussian():
    mixture = toy.GaussianMixture("one", [[1.0, 2.0, 3.0]], sigma=2.0)
    assert mixture.density([1.0, 2.0, 3.0]) == pytest.approx((2 * math.pi * 4) ** -1.5)
    assert mixture.density([1.0, 4.0, 3.0]) == pytest.approx((2 * math.pi * 4) ** -1.5 * math.exp(-0.5))
    assert mixture.spacing == np.inf


@pytest.mark.parametrize(
    "square, value", [((-2, -2), 1 / 8), ((0, 0), 1 / 8), ((0, 1), 0), ((1, 1), 1 / 8), ((2, 0), 0)]
)
def test_the_board_is_black_at_its_lower_left(square, value):
    assert toy.Checkerboard().density(np.add(square, 0.5)) == value
    assert toy.Checkerboard().density(np.add(square, (0.01, 0.99))) == value


def test_the_ring_of_seven_modes_is_refused():
    angles = np.linspace(0, 2 * np.pi, 8)
    with pytest.raises(ValueError, match="two of the 8 centres are .* apart.*leave out the angle 2π"):
        toy.GaussianMixture("seven", np.stack([np.cos(angles), np.sin(angles)], 1), 0.01)


@pytest.mark.parametrize("sigma", [0.01, 100.0])
def test_centres_are_apart_by_more_than_a_millionth_of_the_width(sigma):
    for apart, refused in [(0.5e-6, True), (1e-6, True), (1.01e-6, False)]:
        with pytest.raises(ValueError, match="leave out the angle") if refused else contextlib.nullcontext():
            toy.GaussianMixture("pair", [[0.0, 0.0], [0.0, apart * sigma]], sigma)


def test_the_curves_are_as_wide_as_published():
    """WGAN-GP's script: make_swiss_roll(noise=0.25) divided by 7.5; scikit-learn's example: make_moons(noise=0.05)."""
    assert toy.SwissRoll() == toy.SwissRoll(noise=0.25, scale=7.5)
    assert toy.Moons() == toy.Moons(noise=0.05)
    for kind in (toy.SwissRoll, toy.Moons):
        noisy, clean = (curve.sample(1000, generator()) for curve in (kind(), kind(noise=0.0)))
        assert (noisy - clean).std() == pytest.approx(0.25 / 7.5 if kind is toy.SwissRoll else 0.05, rel=0.05)


@pytest.mark.parametrize("centres", [[0.0, 1.0], [[0.0, np.nan]], np.zeros((0, 2))])
def test_centres_that_are_none(centres):
    with pytest.raises(ValueError, match=r"centres must be finite, of shape \(K, d\), got shape \("):
        toy.GaussianMixture("none", centres, 0.01)


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, np.inf])
def test_a_width_must_be_positive(sigma):
    with pytest.raises(ValueError, match=f"sigma={sigma} must be positive"):
        toy.ring("flat", 8, 1.0, sigma)


@pytest.mark.parametrize("distribution", [MIXTURES[0], toy.Checkerboard()], ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(3,), (2, 5), (), (2, 1)])
def test_the_density_of_points_elsewhere(distribution, shape):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 2\), got \("):
        distribution.density(np.zeros(shape))


def test_batches_are_fresh_draws_of_one_stream():
    data, rng = toy.Moons(), np.random.default_rng(3)
    stream = toy.batches(data, 5, np.random.default_rng(3))
    for _ in range(3):
        np.testing.assert_array_equal(next(stream), data.sample(5, rng))
