import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan import metrics
from scratchgan.metrics import neighbours

seeds = st.integers(0, 2**32)


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def covariance(d, seed):
    x = normal(2 * d, d, seed)
    return x.T @ x / d


# Fréchet distance


@given(*[st.floats(-5, 5)] * 2, *[st.floats(0, 5)] * 2)
def test_the_frechet_distance_of_gaussians_on_a_line(mean1, mean2, sigma1, sigma2):
    found = metrics.frechet_distance_of_moments([mean1], [[sigma1**2]], [mean2], [[sigma2**2]])
    assert found == pytest.approx((mean1 - mean2) ** 2 + (sigma1 - sigma2) ** 2, abs=1e-9)


def test_three_formulas_for_the_trace_agree():
    c1, c2, zero = covariance(12, 1), covariance(12, 2), np.zeros(12)
    found = (np.trace(c1 + c2) - metrics.frechet_distance_of_moments(zero, c1, zero, c2)) / 2
    of_the_product = np.sqrt(np.linalg.eigvals(c1 @ c2).astype(complex)).sum().real
    of_factors = np.linalg.svd(np.linalg.cholesky(c1).T @ np.linalg.cholesky(c2), compute_uv=False).sum()
    assert found == pytest.approx(of_the_product, abs=1e-8) and found == pytest.approx(of_factors, abs=1e-8)


@pytest.mark.parametrize("n, d", [(50, 5), (4, 30), (2, 1)])
def test_a_set_is_at_no_distance_from_itself(n, d):
    """Also where the covariance is singular, and rounding makes some of its eigenvalues negative."""
    assert metrics.frechet_distance(normal(n, d), normal(n, d)) == pytest.approx(0, abs=1e-6 * d)


@given(seeds)
def test_the_frechet_distance_sees_neither_order_nor_place_nor_direction(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((40, 6)), 2 * rng.standard_normal((30, 6)) + 1
    turn, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    shift = 10 * rng.standard_normal(6)
    moved = metrics.frechet_distance(rng.permutation(y) @ turn + shift, rng.permutation(x) @ turn + shift)
    assert moved == pytest.approx(metrics.frechet_distance(x, y), rel=1e-8)


def test_the_moments_by_hand():
    mean, cov = metrics.moments([[0, 1], [2, 5], [4, 3]])
    np.testing.assert_allclose(mean, [2, 3])
    np.testing.assert_allclose(cov, [[4, 2], [2, 4]])
    assert metrics.moments([[1.0], [3.0]])[1] == [[2.0]]


def test_the_bias_is_the_stated_one():
    d, n = 64, 500
    found = metrics.frechet_distance(normal(n, d, 1), normal(n, d, 2))
    assert found == pytest.approx((d**2 / 2 + 2 * d) / n, rel=0.1)


# Kernel distance


@given(seeds)
def test_the_kernel_distance_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((5, 3)) + 1

    def mean(a, b, same):
        return np.mean([(p @ q / 3 + 1) ** 3 for i, p in enumerate(a) for j, q in enumerate(b) if not same or i != j])

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    assert metrics.squared_mmd(x, y) == pytest.approx(expected, abs=1e-9)


def test_subsets_are_of_half_at_most_and_their_mean_is_that_of_the_sets():
    """For lack of repetitions; with them, pairs of a point with itself would be among the others."""
    x, y, sizes = normal(40, 4, 1), normal(30, 4, 2), []

    class Counting(np.random.Generator):
        def choice(self, points, size, **how):
            sizes.append(size)
            return super().choice(points, size, **how)

    rng = Counting(np.random.PCG64(0))
    mean, deviation = metrics.kernel_distance(x, y, rng, subsets=2000)
    assert set(sizes) == {15} and deviation > 0
    assert mean == pytest.approx(metrics.squared_mmd(x, y), abs=4 * deviation / math.sqrt(2000))
    metrics.kernel_distance(x, y, rng, size=7)
    assert sizes[-1] == 7
    with pytest.raises(ValueError, match=r"y \(3, 4\): at least 4 rows are needed to fall into two halves"):
        metrics.kernel_distance(x, y[:3], rng)


def test_the_kernel_distance_of_one_law_is_zero():
    """Within four standard errors of a mean over subsets that are nearly independent; of two laws it is not."""
    rng = np.random.default_rng(0)
    mean, deviation = metrics.kernel_distance(normal(3000, 8, 1), normal(3000, 8, 2), rng, subsets=30, size=100)
    assert abs(mean) < 4 * deviation / math.sqrt(30)
    assert metrics.kernel_distance(normal(300, 8, 1), normal(300, 8, 2) + 0.5, rng)[0] > 0.2


# Score


def test_the_score_in_closed_form():
    assert metrics.classifier_score(np.full((50, 10), 0.1)) == (pytest.approx(1), pytest.approx(0))
    assert metrics.classifier_score(np.eye(10)[np.arange(500) % 10], splits=1) == (pytest.approx(10), 0)
    p = np.random.default_rng(0).dirichlet(np.ones(4), 30)
    divergences = [sum(q * math.log(q / m) for q, m in zip(row, p.mean(axis=0))) for row in p]
    assert metrics.classifier_score(p, splits=1)[0] == pytest.approx(math.exp(np.mean(divergences)))


# Balls


def squared_distance(a, b):
    return sum((p - q) ** 2 for p, q in zip(a, b))


def radius(i, points, k):
    return sorted(squared_distance(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]


def among(a, centres, k):
    return np.mean([any(squared_distance(p, c) <= radius(i, centres, k) for i, c in enumerate(centres)) for p in a])


@settings(max_examples=20)
@given(seeds, st.integers(1, 4))
def test_balls_one_by_one(seed, k):
    rng = np.random.default_rng(seed)
    real, fake = rng.standard_normal((12, 2)), rng.standard_normal((9, 2)) + 0.5
    assert metrics.precision_recall(real, fake, k) == (among(fake, real, k), among(real, fake, k))
    inside = np.array([[squared_distance(g, r) < radius(i, real, k) for i, r in enumerate(real)] for g in fake])
    assert metrics.density_coverage(real, fake, k) == pytest.approx((inside.sum() / (9 * k), inside.any(axis=0).mean()))


def test_the_rim_belongs_to_the_ball_for_precision_and_not_for_density():
    real, fake = [[-1.0], [1.0]], [[3.0], [-3.0]]
    assert metrics.precision_recall(real, fake, k=1) == (1, 1)
    assert metrics.density_coverage(real, fake, k=1) == (0, 0)


def test_one_law_has_density_one_and_the_stated_coverage():
    n = 2000
    density, coverage = metrics.density_coverage(normal(n, 8, 1), normal(n, 8, 2))
    assert density == pytest.approx(1, abs=0.06)
    assert coverage == pytest.approx(metrics.coverage_ceiling(n), abs=4 * math.sqrt(0.03 / n))
    assert metrics.coverage_ceiling(10**7) == pytest.approx(1 - 2**-5)
    for n, k in ((5, 5), (-3, 2), (100, 0)):
        with pytest.raises(ValueError, match="must be a whole number"):
            metrics.coverage_ceiling(n, k)
    assert metrics.coverage_ceiling(3, k=1) == pytest.approx(1 - 2 / 5)  # of 5 others, the nearest is one of 2 real


def ten_modes(n, seed):
    """Features in ten well separated clouds, n / 10 in each."""
    return 6 * np.repeat(normal(10, 16, 99), n // 10, axis=0) + normal(n, 16, seed)


def test_each_failure_shows_where_it_should():
    """Noise, a lost mode, and a single sample repeated."""
    real, perfect = ten_modes(500, 1), ten_modes(500, 2)
    precision, recall = metrics.precision_recall(real, perfect)
    _, coverage = metrics.density_coverage(real, perfect)
    assert precision > 0.7 and recall > 0.7 and coverage > 0.93
    assert metrics.precision_recall(real, 30 * normal(500, 16, 3))[0] == 0
    lost = perfect[50:]
    assert metrics.precision_recall(real, lost)[1] == pytest.approx(0.9 * recall, abs=0.06)
    assert metrics.density_coverage(real, lost)[1] == pytest.approx(0.9 * coverage, abs=0.03)
    density, coverage = metrics.density_coverage(real, np.repeat(real[:1], 500, axis=0))
    assert density >= 0.2 and coverage < 0.05
    assert metrics.precision_recall(real, np.repeat(real[:1], 500, axis=0))[1] < 0.05


def test_blocks_change_nothing(monkeypatch):
    x, y = normal(60, 3, 1), normal(45, 3, 2)
    whole = [f(x, y) for f in (metrics.precision_recall, metrics.density_coverage)]
    monkeypatch.setattr(neighbours, "BLOCK", 4 * 45)
    assert [f(x, y) for f in (metrics.precision_recall, metrics.density_coverage)] == whole


PAIRS = [
    metrics.frechet_distance,
    metrics.squared_mmd,
    metrics.precision_recall,
    metrics.density_coverage,
    lambda x, y: metrics.kernel_distance(x, y, np.random.default_rng(0)),
]


@pytest.mark.parametrize("measure", PAIRS)
def test_features_that_do_not_fit_are_refused(measure):
    with pytest.raises(ValueError, match=r"\(8, 3\) and .* \(8, 2\) must have the same dimension, 3 != 2"):
        measure(np.zeros((8, 3)), np.zeros((8, 2)))
    with pytest.raises(ValueError, match=r"\(1, 2\): at least \d rows are needed to"):
        measure(np.zeros((8, 2)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="1 of the 8 rows are not finite"):
        measure(np.zeros((8, 2)), np.where(np.eye(8, 2) * np.eye(1, 2) > 0, np.nan, 0))


@pytest.mark.parametrize("p", [np.full((20, 10), 0.2), np.tile([1.5, -0.5], (20, 1)), np.zeros((20, 3))])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match=rf"probabilities \(20, {p.shape[1]}\) must not be negative and sum to 1"):
        metrics.classifier_score(p)
    with pytest.raises(ValueError, match=r"\(20, 2\): at least 21 rows are needed to fill 21 splits"):
        metrics.classifier_score(np.full((20, 2), 0.5), splits=21)


def test_moments_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"got \[\(2,\), \(2, 2\), \(3,\), \(3, 3\)\]"):
        metrics.frechet_distance_of_moments(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))


@pytest.mark.parametrize("number", [0, -1, 1.5, True, None])
@pytest.mark.parametrize(
    "measure, name",
    [
        (lambda x, n: metrics.precision_recall(x, x, k=n), "k"),
        (lambda x, n: metrics.density_coverage(x, x, k=n), "k"),
        (lambda x, n: metrics.kernel_distance(x, x, np.random.default_rng(0), subsets=n), "subsets"),
        (lambda x, n: metrics.kernel_distance(x, x, np.random.default_rng(0), size=n), "size"),
        (lambda x, n: metrics.classifier_score(np.full((20, 2), 0.5), splits=n), "splits"),
    ],
)
def test_numbers_of_things_are_whole(measure, name, number):
    with pytest.raises(ValueError, match=f"{name}={number} must be a whole number"):
        measure(normal(20, 3), number)


def test_covariances_are_symmetric_matrices():
    with pytest.raises(ValueError, match=r"a covariance must be symmetric: this one \(2, 2\)"):
        metrics.frechet_distance_of_moments(np.zeros(2), np.eye(2), np.zeros(2), [[1, 0.5], [0, 1]])
    correlated = np.array([[1, 2], [2, 1]])  # along (1, −1) its variance would be −1
    for both in ((correlated, np.eye(2)), (np.eye(2), correlated)):
        with pytest.raises(ValueError, match=r"no negative variance: this one \(2, 2\) has -1"):
            metrics.frechet_distance_of_moments(np.zeros(2), both[0], np.zeros(2), both[1])
    with pytest.raises(ValueError, match="the means: 1 of the 2 rows are not finite"):
        metrics.frechet_distance_of_moments([0, np.nan], np.eye(2), np.zeros(2), np.eye(2))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_arrays_of_a_subclass_have_the_same_distance():
    """The product of np.matrix is another."""
    moments = np.zeros(3), covariance(3, 1), np.ones(3), covariance(3, 2)
    expected = metrics.frechet_distance_of_moments(*moments)
    as_matrix = np.matrix(moments[1]), np.matrix(moments[3])
    assert metrics.frechet_distance_of_moments(moments[0], as_matrix[0], moments[2], as_matrix[1]) == expected
    x, y = normal(30, 3, 1), normal(30, 3, 2)
    for measure in PAIRS:
        assert measure(np.matrix(x), np.matrix(y)) == measure(x, y)


def test_the_score_does_not_depend_on_the_order():
    """Sorted by class, each tenth would look all alike; the same to the last digit, copies among them or not."""
    p = np.random.default_rng(0).dirichlet(np.full(10, 0.1), 500).repeat(2, axis=0)
    expected = metrics.classifier_score(p)
    assert metrics.classifier_score(p[p.argmax(axis=1).argsort()]) == metrics.classifier_score(p[::-1]) == expected
    sure = np.eye(10)[np.arange(5000) // 500]
    assert metrics.classifier_score(sure)[0] == pytest.approx(10, abs=0.2)  # 500 in each part: (K − 1) / 2n of bias


def test_the_usual_numbers_are_those_of_the_papers():
    """Three neighbours for precision, five for coverage, 50 subsets of a thousand, ten parts."""
    real, fake = normal(60, 3, 1), normal(60, 3, 2) + 0.5
    assert metrics.precision_recall(real, fake) == metrics.precision_recall(real, fake, 3)
    assert metrics.density_coverage(real, fake) == metrics.density_coverage(real, fake, 5)
    assert metrics.coverage_ceiling(60) == metrics.coverage_ceiling(60, 5)
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    assert metrics.classifier_score(p) == metrics.classifier_score(p, 10)
    real, fake = normal(2000, 3, 1), normal(2000, 3, 2)
    usual, stated = (
        metrics.kernel_distance(real, fake, np.random.default_rng(0), *numbers) for numbers in ((), (50, 1000))
    )
    assert usual == stated


# Sure


def test_the_share_it_is_sure_of():
    p = np.array([[0.96, 0.04], [0.05, 0.95], [0.5, 0.5], [0.01, 0.99]])
    assert metrics.sure_share(p) == 0.5 and metrics.sure_share(p, 0.9) == 0.75
    with pytest.raises(ValueError, match="softmax them"):
        metrics.sure_share(p * 2)
