import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan import metrics
from scratchgan.data import toy

seeds = st.integers(0, 2**32)
exponents = st.sampled_from([1, 1.5, 2, 3])


def clouds(seed, n=12, m=None, d=2, count=2):
    """Point sets that differ in place and width."""
    rng = np.random.default_rng(seed)
    return [rng.normal(rng.normal(size=d), rng.uniform(0.5, 2), size=(m if m and k else n, d)) for k in range(count)]


def brute_force(cost):
    n = len(cost)
    return min(sum(cost[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(n))) / n


# The cost of a way


@given(seeds, st.integers(1, 5))
def test_distances_are_euclidean(seed, d):
    x, y = clouds(seed, n=4, m=6, d=d)
    np.testing.assert_allclose(metrics.distances(x, y), [[math.dist(p, q) for q in y] for p in x], rtol=1e-12)


def test_the_distance_of_a_point_to_itself_is_0_far_from_the_origin():
    x = 1e6 + clouds(0)[0]
    assert (np.diag(metrics.distances(x, x)) == 0).all()
    assert metrics.wasserstein(x, x) == 0


# The assignment


@given(seeds, st.integers(1, 7), st.booleans())
def test_the_assignment_is_that_of_brute_force(seed, n, ties):
    rng = np.random.default_rng(seed)
    cost = rng.integers(-2, 3, (n, n)).astype(float) if ties else rng.standard_normal((n, n))
    found = metrics.optimal_assignment(cost)
    assert found.cost == pytest.approx(brute_force(cost), abs=1e-12)
    assert sorted(found.partner) == list(range(n))
    assert found.cost == pytest.approx(cost[np.arange(n), found.partner].mean(), abs=1e-12)


@settings(max_examples=25)
@given(seeds, st.sampled_from([2, 20, 60]))
def test_the_potentials_prove_that_the_plan_is_the_best(seed, n):
    cost = metrics.distances(*clouds(seed, n=n))
    found = metrics.optimal_assignment(cost)
    assert (found.f[:, None] + found.g <= cost + 1e-12).all()
    assert np.mean(found.f + found.g) == pytest.approx(found.cost, abs=1e-12)


@pytest.mark.parametrize("n", [1, 40, 150])
def test_the_assignment_is_that_of_scipy(n):
    optimize = pytest.importorskip("scipy.optimize")
    cost = metrics.distances(*clouds(0, n=n))
    assert metrics.optimal_assignment(cost).cost == pytest.approx(cost[optimize.linear_sum_assignment(cost)].mean())


@given(seeds, st.integers(2, 6))
def test_two_rows_that_want_the_same_column(seed, n):
    """All rows want the first column most: the greedy matching leaves all but one to the augmenting paths."""
    rng = np.random.default_rng(seed)
    cost = rng.random((n, n)) + np.arange(n) * 0.9
    before = cost.copy()
    assert metrics.optimal_assignment(cost).cost == pytest.approx(brute_force(cost), abs=1e-12)
    np.testing.assert_array_equal(cost, before)


# W_p between clouds


def test_two_points_and_two_places():
    """Each way is of length 1; the crossed plan would cost √2 or more."""
    found = metrics.optimal_assignment(metrics.distances([[0, 0], [1, 0]], [[1, 1], [0, 1]]))
    assert found.partner.tolist() == [1, 0] and found.cost == 1


@given(seeds, exponents, st.integers(1, 3))
def test_a_translated_cloud_is_as_far_as_the_shift(seed, p, d):
    x, shift = clouds(seed, d=d)[0], np.random.default_rng(seed).standard_normal(d)
    assert metrics.wasserstein(x, x + shift, p) == pytest.approx(np.linalg.norm(shift), rel=1e-9)


@given(seeds, exponents)
def test_a_cloud_that_is_spread_out(seed, p):
    """From x to s x about the origin: the map is a gradient of a convex function, so for p = 2 it is the best plan."""
    x = clouds(seed)[0]
    bound = np.mean(np.linalg.norm(0.5 * x, axis=1) ** p) ** (1 / p)
    found = metrics.wasserstein(x, 1.5 * x, p)
    assert found <= bound * (1 + 1e-12) and (p != 2 or found == pytest.approx(bound))


@given(seeds, exponents)
def test_a_distance_is_symmetric_and_0_on_itself(seed, p):
    x, y = clouds(seed)
    assert metrics.wasserstein(x, x, p) == 0 < metrics.wasserstein(x, y, p)
    assert metrics.wasserstein(x, y, p) == pytest.approx(metrics.wasserstein(y, x, p), rel=1e-9)


@given(seeds, exponents)
def test_the_order_of_the_points_does_not_matter(seed, p):
    x, y = clouds(seed)
    rng = np.random.default_rng(seed)
    shuffled = metrics.wasserstein(rng.permutation(x), rng.permutation(y), p)
    assert shuffled == pytest.approx(metrics.wasserstein(x, y, p), rel=1e-9)


@given(seeds, exponents, st.floats(0.01, 100))
def test_it_scales_with_the_points(seed, p, scale):
    x, y = clouds(seed)
    assert metrics.wasserstein(scale * x, scale * y, p) == pytest.approx(scale * metrics.wasserstein(x, y, p), rel=1e-9)


@given(seeds, exponents)
def test_the_triangle_inequality(seed, p):
    x, y, z = clouds(seed, count=3)
    there, then = metrics.wasserstein(x, y, p), metrics.wasserstein(y, z, p)
    assert metrics.wasserstein(x, z, p) <= (there + then) * (1 + 1e-12)


@given(seeds)
def test_it_grows_with_the_exponent(seed):
    x, y = clouds(seed)
    assert metrics.wasserstein(x, y, 1) <= metrics.wasserstein(x, y, 2) <= metrics.wasserstein(x, y, 4)


@pytest.mark.parametrize(
    "distribution, low, high",
    [(toy.eight_gaussians(), 0.06, 0.21), (toy.twenty_five_gaussians(), 0.1, 0.22), (toy.SwissRoll(), 0.08, 0.2)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_real_against_real_is_the_floor(distribution, low, high):
    """Above 0 by the noise of 500 samples; where the modes are of equal numbers, nearly all of it is gone."""
    rng = np.random.default_rng(0)
    assert low < metrics.wasserstein(distribution.sample(500, rng), distribution.sample(500, rng)) < high
    if distribution.name != "Swiss roll":
        even = [distribution.sample(500, rng, stratified=True) for _ in range(2)]
        assert 0.005 < metrics.wasserstein(*even) < 0.02


# On a line


@given(seeds, exponents, st.integers(1, 20))
def test_on_a_line_the_sorted_points_are_the_best_plan(seed, p, n):
    x, y = clouds(seed, n=n, d=1)
    sorted_points = np.mean(np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0])) ** p) ** (1 / p)
    assert metrics.wasserstein_1d(x[:, 0], y[:, 0], p=p) == pytest.approx(sorted_points, rel=1e-12)
    assert metrics.wasserstein_1d(x[:, 0], y[:, 0], p=p) == pytest.approx(metrics.wasserstein(x, y, p), abs=1e-12)


@given(seeds, st.integers(1, 9), st.integers(1, 9))
def test_on_a_line_w1_is_the_area_between_the_distribution_functions(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y, a, b = rng.normal(size=n), rng.normal(size=m), rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    ends = np.sort(np.concatenate([x, y]))
    F, G = ([w[points <= end].sum() for end in ends[:-1]] for points, w in ((x, a), (y, b)))
    area = np.abs(np.subtract(F, G)) @ np.diff(ends)
    assert metrics.wasserstein_1d(x, y, a, b) == pytest.approx(area, abs=1e-12)


@given(seeds, st.integers(1, 9), st.integers(1, 9))
def test_the_plan_on_a_line_moves_all_the_earth(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y, a, b = rng.normal(size=n), rng.normal(size=m), rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    i, j, mass = metrics.transport_1d(x, y, a, b)
    assert (mass >= 0).all() and len(mass) <= n + m - 1
    np.testing.assert_allclose(np.bincount(i, mass, n), a, atol=1e-12)
    np.testing.assert_allclose(np.bincount(j, mass, m), b, atol=1e-12)
    order = np.argsort(x[i], kind="stable")
    assert (np.diff(y[j][order]) >= 0).all()


@given(seeds)
def test_a_weight_of_two_is_two_points(seed):
    x, y = (points[:, 0] for points in clouds(seed, n=6, d=1))
    twice = metrics.wasserstein_1d(np.append(x[:5], x[0]), y)
    assert metrics.wasserstein_1d(x[:5], y, a=np.array([2, 1, 1, 1, 1]) / 6) == pytest.approx(twice, abs=1e-12)


def test_normal_laws_that_differ_by_a_shift_and_a_width():
    """W₂² = (m₁ − m₂)² + (s₁ − s₂)², on the quantiles of both: equation 2.41 of arXiv:1803.00567 in one dimension."""
    z = np.random.default_rng(0).standard_normal(4000)
    z = (z - z.mean()) / z.std()
    assert metrics.wasserstein_1d(1 + 2 * z, 4 + 6 * z, p=2) == pytest.approx(math.sqrt(3**2 + 4**2))
    assert metrics.wasserstein_1d(z, z[:2000] * 0 + 1, p=2) == pytest.approx(math.sqrt(2))


# Sliced


@given(seeds, exponents, st.integers(1, 4))
def test_sliced_is_at_most_the_whole(seed, p, d):
    x, y = clouds(seed, d=d)
    sliced = metrics.sliced_wasserstein(x, y, np.random.default_rng(seed), directions=20, p=p)
    assert 0 < sliced <= metrics.wasserstein(x, y, p) * (1 + 1e-12)
    assert metrics.sliced_wasserstein(x, x, np.random.default_rng(seed), directions=20, p=p) == 0


@given(seeds, exponents)
def test_sliced_is_the_mean_over_the_directions(seed, p):
    """In one direction it is the distance on that line; also of unequal numbers of points."""
    x, y = clouds(seed, n=6, m=9)
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((2, 3))
    theta /= np.linalg.norm(theta, axis=0)
    each = [metrics.wasserstein_1d(x @ t, y @ t, p=p) ** p for t in theta.T]
    found = metrics.sliced_wasserstein(x, y, np.random.default_rng(seed), directions=3, p=p)
    assert found == pytest.approx(np.mean(each) ** (1 / p))


def test_sliced_of_a_shift_in_closed_form():
    """E|cos θ| = 2/π in the plane, and E cos² θ = 1/2."""
    x = clouds(0)[0]
    found = [metrics.sliced_wasserstein(x, x + (3, 4), np.random.default_rng(0), 20_000, p) for p in (1, 2)]
    np.testing.assert_allclose(found, [5 * 2 / math.pi, 5 * math.sqrt(1 / 2)], rtol=0.02)


def test_sliced_takes_512_directions_of_the_generator():
    x, y = clouds(0)
    first, again, other = (metrics.sliced_wasserstein(x, y, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert first == metrics.sliced_wasserstein(x, y, np.random.default_rng(0), directions=512)


# Sinkhorn


def test_sinkhorn_on_the_example_of_pot():
    found = metrics.sinkhorn([[0, 1], [1, 0]], [0.5, 0.5], [0.5, 0.5], epsilon=1)
    np.testing.assert_allclose(found.plan, [[0.36552929, 0.13447071], [0.13447071, 0.36552929]], atol=1e-8)
    assert found.cost == pytest.approx(2 * 0.13447071) and found.steps < 5


@settings(max_examples=25)
@given(seeds, st.integers(1, 8), st.integers(1, 8))
def test_the_marginals_of_sinkhorn_hold(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    found = metrics.sinkhorn(metrics.distances(*clouds(seed, n=n, m=m)), a, b, epsilon=0.3)
    assert (found.plan >= 0).all() and found.error < 1e-6
    assert np.abs(found.plan.sum(1) - a).sum() == pytest.approx(found.error, abs=1e-9)
    np.testing.assert_allclose(found.plan.sum(0), b, atol=1e-12)


@settings(max_examples=25)
@given(seeds)
def test_the_values_of_sinkhorn_are_its_objective(seed):
    cost = metrics.distances(*clouds(seed, n=6, m=8))
    found = metrics.sinkhorn(cost, epsilon=0.5, tolerance=1e-10)
    relative = (found.plan * np.log(found.plan * 48)).sum()
    assert found.cost == pytest.approx((found.plan * cost).sum())
    assert found.value == pytest.approx(found.cost + 0.5 * relative, abs=1e-8)
    np.testing.assert_allclose(np.log(48 * found.plan) * 0.5, found.f[:, None] + found.g - cost, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_sinkhorn_tends_to_the_exact_cost(seed):
    x, y = clouds(seed, n=30)
    cost = metrics.distances(x, y + (3, 0))
    exact = metrics.optimal_assignment(cost).cost
    excess = [
        metrics.sinkhorn(cost, epsilon=share * np.median(cost), max_steps=20_000).cost / exact - 1
        for share in (0.5, 0.1, 0.01)
    ]
    assert excess[0] > excess[1] > excess[2] > -1e-6 and excess[2] < 0.01


def test_sinkhorn_with_an_epsilon_that_underflows_otherwise():
    """exp(−M / ε) is 0 in float64 for all pairs but the nearest."""
    x = clouds(0, n=5)[0]
    cost = metrics.distances(x, x + (100, 0))
    found = metrics.sinkhorn(cost, epsilon=0.05, max_steps=5000)
    assert found.cost == pytest.approx(100, rel=1e-3) and np.isfinite(found.f).all()


def test_the_usual_epsilon_is_a_twentieth_of_the_median():
    cost = metrics.distances(*clouds(0))
    expected = metrics.sinkhorn(cost, epsilon=0.05 * np.median(cost))
    np.testing.assert_array_equal(metrics.sinkhorn(cost).plan, expected.plan)
    np.testing.assert_array_equal(metrics.sinkhorn(np.zeros((2, 2))).plan, np.full((2, 2), 0.25))
    zeros, costs = np.eye(3), [[1.0, 0, 0], [0, 2, 0], [0, 0, 6]]  # the median of 1, 2 and 6 is that of the whole 0
    np.testing.assert_array_equal(metrics.sinkhorn(costs).plan, metrics.sinkhorn(costs, epsilon=0.1).plan)
    assert metrics.sinkhorn_divergence(zeros, -zeros) == metrics.sinkhorn_divergence(
        zeros, -zeros, metrics.transport.default_epsilon(metrics.distances(zeros, -zeros)), p=1
    )


def test_points_without_mass_take_no_part():
    cost = metrics.distances(*clouds(0, n=4))
    found = metrics.sinkhorn(cost, a=[0.5, 0, 0.25, 0.25], epsilon=0.5)
    assert (found.plan[1] == 0).all()
    rest = metrics.sinkhorn(cost[[0, 2, 3]], a=[0.5, 0.25, 0.25], epsilon=0.5)
    assert found.cost == pytest.approx(rest.cost) and found.value == pytest.approx(rest.value)


def test_sinkhorn_says_when_it_has_not_converged():
    cost = metrics.distances(*clouds(0))
    with pytest.warns(RuntimeWarning, match=r"after 3 steps the row sums are off by .* not 1e-06; raise max_steps"):
        found = metrics.sinkhorn(cost, epsilon=0.05, max_steps=3)
    assert found.steps == 3 and found.error > 1e-6
    assert np.abs(found.plan.sum(1) - 1 / 12).sum() == pytest.approx(found.error)
    assert metrics.sinkhorn(cost, epsilon=0.05, tolerance=2.0).steps == 1
    with pytest.warns(RuntimeWarning, match="after 1000 steps"):
        metrics.sinkhorn(cost, epsilon=1e-4)


@settings(max_examples=25)
@given(seeds, st.sampled_from([1, 2]))
def test_the_divergence_is_0_on_itself_symmetric_and_positive(seed, p):
    x, y = clouds(seed, n=6, m=8)
    options = {"epsilon": 8.0, "tolerance": 1e-10}
    assert metrics.sinkhorn_divergence(x, x, p=p, **options) == pytest.approx(0, abs=1e-12)
    found = metrics.sinkhorn_divergence(x, y, p=p, **options)
    between, *within = (
        metrics.sinkhorn(metrics.distances(*pair) ** p, **options).value for pair in ((x, y), (x, x), (y, y))
    )
    assert found == pytest.approx(between - sum(within) / 2, abs=1e-12)
    assert found > 1e-6 and found == pytest.approx(metrics.sinkhorn_divergence(y, x, p=p, **options), abs=1e-7)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, None])
def test_the_divergence_of_a_shift_is_the_shift(epsilon):
    """With squared distances the entropic bias of a translated cloud cancels exactly: S_ε = ‖s‖² for every ε."""
    x = clouds(0)[0]
    options = {"p": 2, "tolerance": 1e-9, "max_steps": 20_000}
    assert metrics.sinkhorn_divergence(x, x + (3, 4), epsilon, **options) == pytest.approx(25, rel=1e-6)
    cost = metrics.distances(x, x + (3, 4)) ** 2
    assert metrics.sinkhorn(cost, epsilon=1.0).value > 25.5


# What is refused


TWO = np.eye(2)
PAIRS = {
    "wasserstein": metrics.wasserstein,
    "sliced": lambda x, y: metrics.sliced_wasserstein(x, y, np.random.default_rng(0)),
    "divergence": metrics.sinkhorn_divergence,
    "distances": metrics.distances,
}


@pytest.mark.parametrize("measure", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize(
    "x, y, message",
    [
        (np.zeros((0, 2)), TWO, r"x must have shape \(n, d\), n and d at least 1, got \(0, 2\)"),
        (TWO, np.zeros(2), r"y must have shape .* got \(2,\): reshape"),
        (TWO, np.eye(3), r"x \(2, 2\) and y \(3, 3\) must have the same dimension, 2 != 3"),
        (TWO, [[0, 0], [np.nan, 0]], r"y: 1 of the 2 rows are not finite, first row 1, \[nan  0.\]"),
    ],
)
def test_clouds_that_have_no_distance(measure, x, y, message):
    with pytest.raises(ValueError, match=message):
        measure(x, y)


def test_clouds_of_different_sizes_have_no_permutation():
    with pytest.raises(ValueError, match=r"x \(2, 2\) and y \(3, 2\) must hold equally many points.*sinkhorn"):
        metrics.wasserstein(TWO, np.zeros((3, 2)))


@pytest.mark.parametrize(
    "cost, message",
    [
        (np.zeros((2, 3)), r"cost must be square, got \(2, 3\)"),
        (np.zeros((0, 0)), r"cost must have shape .* got \(0, 0\)"),
        ([[np.inf]], "cost: 1 of the 1 rows are not finite"),
    ],
)
def test_costs_that_have_no_assignment(cost, message):
    with pytest.raises(ValueError, match=message):
        metrics.optimal_assignment(cost)


@pytest.mark.parametrize("p", [0.5, 0, -1, np.nan, np.inf])
def test_exponents_without_a_distance(p):
    for measure in (
        lambda: metrics.wasserstein(TWO, TWO, p),
        lambda: metrics.wasserstein_1d([0.0], [1.0], p=p),
        lambda: metrics.sliced_wasserstein(TWO, TWO, np.random.default_rng(0), p=p),
        lambda: metrics.sinkhorn_divergence(TWO, TWO, p=p),
    ):
        with pytest.raises(ValueError, match=f"p={p} must be finite and at least 1"):
            measure()


@pytest.mark.parametrize("x", [TWO, 1.0, np.zeros((3, 1))])
def test_points_that_are_not_on_a_line(x):
    with pytest.raises(ValueError, match=r"x must be a vector \(n,\) of numbers on a line, got shape \("):
        metrics.wasserstein_1d(x, [0.0])


@pytest.mark.parametrize("a", [[0.5, 0.4], [1.5, -0.5], [1.0], [np.nan, 1.0], []])
def test_masses_that_are_none(a):
    for measure in (lambda: metrics.transport_1d([0.0, 1.0], [0.0], a=a), lambda: metrics.sinkhorn(TWO, a=a)):
        with pytest.raises(ValueError, match=r"a must be 2 masses, none negative, that sum to 1; got shape"):
            measure()


@pytest.mark.parametrize("off", [9e-7, -9e-7, 1.1e-6, -1.1e-6])
def test_masses_whose_sum_is_off_by_a_millionth_are_divided_by_it(off):
    masses = [0.5, 0.5 + off]
    if abs(off) > 1e-6:
        with pytest.raises(ValueError, match="b must be 2 masses, none negative, that sum to 1"):
            metrics.transport_1d([0.0], [0.0, 1.0], b=masses)
    else:
        _, _, mass = metrics.transport_1d([0.0], [0.0, 1.0], b=masses)
        np.testing.assert_allclose(mass, np.divide(masses, 1 + off), rtol=1e-14)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epsilon": np.inf}, "epsilon=inf must be positive and finite"),
        ({"epsilon": 0.0}, "epsilon=0.0 must be positive and finite"),
        ({"epsilon": np.nan}, "epsilon=nan must be positive and finite"),
        ({"max_steps": 0}, "max_steps=0 must be a whole number, 1 or more"),
    ],
)
def test_sinkhorn_with_nothing_to_do(options, message):
    with pytest.raises(ValueError, match=message):
        metrics.sinkhorn(TWO, **options)


def test_slices_in_no_direction():
    with pytest.raises(ValueError, match="directions=0 must be a whole number, 1 or more"):
        metrics.sliced_wasserstein(TWO, TWO, np.random.default_rng(0), directions=0)


@pytest.mark.parametrize("number", [0, -2, 1.5, None])
def test_steps_and_directions_are_whole_numbers(number):
    with pytest.raises(ValueError, match=f"max_steps={number} must be a whole number"):
        metrics.sinkhorn(np.eye(3), max_steps=number)
    with pytest.raises(ValueError, match=f"directions={number} must be a whole number"):
        metrics.sliced_wasserstein(np.eye(3), np.eye(3), np.random.default_rng(0), directions=number)


@pytest.mark.parametrize("a", [np.full(3, 1 / 3 + 0j), np.ma.masked_equal([0.5, 0.5, 0.0], 0), ["0.5", "0.25", "0.25"]])
def test_masses_are_real_numbers_all_of_them(a):
    with pytest.raises(ValueError, match="a .*(must be real numbers|must not be masked)"):
        metrics.sinkhorn(np.eye(3), a)
    with pytest.raises(ValueError, match="x .*(must be real numbers|must not be masked)"):
        metrics.transport_1d(a, np.zeros(3))
