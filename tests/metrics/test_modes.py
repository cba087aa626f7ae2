import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan import metrics
from scratchgan.data import toy

RING, GRID = toy.pacgan_ring(), toy.pacgan_grid()
PROTOCOL = 2500  # samples, in PacGAN's table and VEEGAN's

both = pytest.mark.parametrize("mixture", [RING, GRID], ids=lambda d: d.name)


def drawn(mixture, n=PROTOCOL, seed=0, **options):
    return mixture.sample(n, np.random.default_rng(seed), **options)


def by_hand(samples, centres, radius):
    """The counts of the modes, one sample and one centre at a time."""
    counts = [0] * len(centres)
    for x in samples:
        gaps = [math.dist(x, c) for c in centres]
        counts[gaps.index(min(gaps))] += min(gaps) <= radius
    return counts


@given(st.integers(0, 2**32), st.sampled_from([np.inf, 0.5, 0.1]))
def test_each_sample_counts_for_the_nearest_centre_within_reach(seed, radius):
    rng = np.random.default_rng(seed)
    samples, centres = rng.standard_normal((30, 3)), rng.standard_normal((5, 3))
    found = metrics.mode_counts(samples, centres, radius)
    assert found.tolist() == by_hand(samples, centres, radius) and found.dtype == np.int64


def test_a_sample_on_the_rim_counts():
    assert metrics.mode_counts([[3.0, 0.0]], [[0.0, 0.0]], radius=3.0) == [1]
    assert metrics.high_quality_share([[3.0, 0.0]], [[0.0, 0.0]], radius=3.0) == 1


@both
def test_the_truth_covers_all_modes(mixture):
    found = metrics.measure_modes(drawn(mixture), mixture)
    assert found.covered == len(mixture.centres) and isinstance(found.covered, int)


def test_lost_modes_are_missed():
    samples = drawn(RING)
    mode = np.linalg.norm(samples[:, None] - RING.centres, axis=-1).argmin(1)
    assert metrics.measure_modes(samples[(mode != 2) & (mode != 5)], RING).covered == 6
    assert metrics.modes_covered(samples[mode == 3], RING.centres, radius=0.03) == 1


def test_a_mode_of_too_few_samples_is_not_covered():
    samples, centres = [[0.0, 0.0]] * 5 + [[1.0, 0.0]] * 2, [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    assert [metrics.modes_covered(samples, centres, 0.1, at_least) for at_least in (1, 2, 3, 5, 6)] == [2, 2, 1, 1, 0]


def test_samples_far_from_every_centre_cover_nothing():
    found = metrics.measure_modes(1.04 * RING.centres, RING)
    assert found.covered == 0 and found.high_quality == 0 and found.reverse_kl == 0


def test_the_ceiling_is_the_stated_one():
    assert metrics.high_quality_ceiling() == pytest.approx(0.9889, abs=5e-5)
    assert metrics.high_quality_ceiling(1.0) == pytest.approx(1 - math.exp(-1 / 2))


@both
def test_the_truth_reaches_the_ceiling_and_not_more(mixture):
    """The tolerance is four standard errors of a share of 200,000 samples."""
    found = metrics.measure_modes(drawn(mixture, 200_000), mixture)
    assert found.high_quality == pytest.approx(metrics.high_quality_ceiling(), abs=4 * math.sqrt(0.011 / 200_000))


def test_shrunken_modes_beat_the_truth_and_show_it_in_their_spread():
    shrunken = toy.ring("shrunken", 8, 1.0, RING.sigma / 2)
    found = metrics.measure_modes(drawn(shrunken), RING)
    assert found.high_quality == 1
    np.testing.assert_allclose(found.spread, 0.5, atol=0.05)


@both
def test_the_reverse_kl_of_the_truth_is_its_floor(mixture):
    """The mean over many draws; one draw is a χ² of K − 1 degrees of freedom over 2n."""
    K = len(mixture.centres)
    floor = metrics.reverse_kl_floor(PROTOCOL, K)
    found = [metrics.reverse_kl(drawn(mixture, seed=seed), mixture.centres) for seed in range(100)]
    assert np.mean(found) == pytest.approx(floor, abs=4 * floor * math.sqrt(2 / (K - 1) / 100))


def test_the_floors_are_the_stated_ones():
    assert metrics.reverse_kl_floor(2500, 8) == pytest.approx(0.0014)
    assert metrics.reverse_kl_floor(2500, 25) == pytest.approx(0.0048)


def test_the_reverse_kl_in_closed_form():
    centres = np.eye(4)
    assert metrics.reverse_kl(np.eye(4), centres) == 0
    assert metrics.reverse_kl(np.eye(4)[:1], centres) == pytest.approx(math.log(4))
    assert metrics.reverse_kl(np.eye(4)[:2], centres) == pytest.approx(math.log(2))
    expected = 0.75 * math.log(3) + 0.25 * math.log(1)
    assert metrics.reverse_kl(np.eye(4)[[0, 0, 0, 1]], centres) == pytest.approx(expected)


def test_stratified_samples_have_no_reverse_kl():
    assert metrics.reverse_kl(drawn(RING, 800, stratified=True), RING.centres) == 0


@both
def test_the_spread_of_the_truth(mixture):
    """σ for all samples of a mode; less for those within 3σ, by the variance of the normal law cut off there."""
    samples = drawn(mixture, 4000 * len(mixture.centres))
    np.testing.assert_allclose(metrics.mode_spread(samples, mixture.centres) / mixture.sigma, 1, atol=0.04)
    cut = math.sqrt(1 - 4.5 / math.expm1(4.5))
    found = metrics.measure_modes(samples, mixture).spread
    assert cut == pytest.approx(0.974, abs=5e-4) and found.mean() == pytest.approx(cut, abs=0.008)


def test_the_spread_by_hand():
    """About the mode's own mean, not its centre; NaN where there are fewer than two samples."""
    samples = [[0.2, 0.1], [0.4, 0.1], [5.0, 5.0]]
    found = metrics.mode_spread(samples, [[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]])
    np.testing.assert_allclose(found, [math.sqrt(0.02 / 2), np.nan, np.nan])
    np.testing.assert_allclose(
        metrics.mode_spread([[0.0], [1.0], [4.0]], [[0.0], [9.0]], radius=2.0)[0], math.sqrt(0.5)
    )


@given(st.integers(0, 2**32))
def test_neither_order_nor_place_matters(seed):
    rng = np.random.default_rng(seed)
    samples, shift = drawn(RING, 60, seed) + 0.01 * rng.standard_normal((60, 2)), rng.standard_normal(2)
    moved = toy.GaussianMixture("moved", RING.centres + shift, RING.sigma)
    first, second = metrics.measure_modes(samples, RING), metrics.measure_modes(rng.permutation(samples) + shift, moved)
    assert (first.covered, first.high_quality) == (second.covered, second.high_quality)
    assert first.reverse_kl == pytest.approx(second.reverse_kl, abs=1e-12)
    np.testing.assert_allclose(first.spread, second.spread, rtol=1e-9)


def test_float32_samples_are_measured_in_float64():
    """Far from the origin a float32 mean is too coarse for the deviation from it."""
    samples = np.float32(1000 + 0.01 * np.random.default_rng(0).standard_normal((500, 2)))
    exact = np.sqrt(samples.astype(np.float64).var(axis=0, ddof=1).mean())
    np.testing.assert_allclose(metrics.mode_spread(samples, [[1000.0, 1000.0]]), exact, rtol=1e-9)


MEASURES = [
    lambda samples, centres: metrics.mode_counts(samples, centres, 1.0),
    lambda samples, centres: metrics.modes_covered(samples, centres, 1.0),
    lambda samples, centres: metrics.high_quality_share(samples, centres, 1.0),
    metrics.reverse_kl,
    metrics.mode_spread,
]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "samples, centres, message",
    [
        (np.zeros((0, 2)), np.eye(2), r"samples must have shape \(n, d\), n and d at least 1, got \(0, 2\)"),
        (np.zeros(2), np.eye(2), r"samples must have shape .* got \(2,\): reshape"),
        (np.eye(2), np.zeros((3, 2, 1)), r"centres must have shape .* got \(3, 2, 1\)"),
        (np.eye(3), np.eye(2), r"samples \(3, 3\) and centres \(2, 2\) must have the same dimension, 3 != 2"),
        ([[0, 0], [0, np.nan]], np.eye(2), r"samples: 1 of the 2 rows are not finite, first row 1, \[ 0. nan\]"),
        (np.eye(2), [[np.inf, 0]], "centres: 1 of the 1 rows are not finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(measure, samples, centres, message):
    with pytest.raises(ValueError, match=message):
        measure(samples, centres)


@pytest.mark.parametrize("radius", [-1.0, np.nan])
def test_a_radius_is_not_negative(radius):
    for measure in (metrics.mode_counts, metrics.modes_covered, metrics.high_quality_share, metrics.mode_spread):
        with pytest.raises(ValueError, match=f"radius={radius} must not be negative"):
            measure(np.eye(2), np.eye(2), radius)


@pytest.mark.parametrize("number", [0, -1, 0.5])
def test_less_than_one_sample_covers_nothing(number):
    with pytest.raises(ValueError, match=f"at_least={number} must be a whole number, 1 or more"):
        metrics.modes_covered(np.eye(2), np.eye(2), 1.0, number)
    with pytest.raises(ValueError, match=f"n={number} must be"):
        metrics.reverse_kl_floor(number, 8)
    with pytest.raises(ValueError, match=f"modes={number} must be"):
        metrics.reverse_kl_floor(8, number)


@pytest.mark.parametrize(
    "counts, message",
    [
        ([0, 0], "of the 2 counts, one at least must be above 0"),
        ([], "counts must be integers|of the 0 counts"),
        ([0.5, 0.5], "counts must be integers"),
        ([-1, 2], "counts must be 0 or more, found -1…2"),
        (3, "counts must be integers"),
    ],
)
@pytest.mark.parametrize("measure", [metrics.kl_to_uniform, metrics.classes_present])
def test_what_is_no_histogram_is_refused(measure, counts, message):
    with pytest.raises(ValueError, match=message):
        measure(counts)


def test_a_histogram_may_be_a_list():
    assert metrics.kl_to_uniform([3, 1]) == metrics.kl_to_uniform(np.array([3, 1], np.uint8)) > 0
