"""The earth mover's distance between two sets of points: exact, in one dimension, smoothed, and sliced.

    W_p(μ, ν)^p = min_γ Σᵢⱼ γᵢⱼ ‖xᵢ − yⱼ‖^p   over all plans γ ≥ 0 with row sums a and column sums b,

where γᵢⱼ is the mass that goes from xᵢ to yⱼ (Peyré & Cuturi 2018, arXiv:1803.00567, equation 2.11). For p = 1 this is
the distance that the critic of a WGAN estimates, Arjovsky et al. 2017, arXiv:1701.07875.

A distance between samples is larger than the one between their laws: two draws of n points of one law are not the same
points. Compare it with this floor, for the same n, and in many dimensions as a ratio to it, since it falls only like
n^(−1/d). W₁ between two draws of 500 points each, mean and standard deviation of 16 such pairs:

    8 Gaussians    0.125 ± 0.032    PacGAN ring    0.089 ± 0.023
    25 Gaussians   0.142 ± 0.026    PacGAN grid    0.402 ± 0.073
    Swiss roll     0.129 ± 0.021    checkerboard   0.205 ± 0.040
    moons          0.086 ± 0.020

For the mixtures it is almost entirely the random number of points of each mode, and hides the loss of a single one of
25 modes; with stratified samples on both sides, the first two rows become 0.013 on the left, 0.009 and 0.037 on the
right. With 2,000 points the floor is half as high.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import plain, whole
from scratchgan.hints import Random
from scratchgan.metrics.points import as_points, same_space


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mᵢⱼ = ‖xᵢ − yⱼ‖: x (n, d) and y (m, d) to float64 (n, m).

    The squares are summed axis by axis, not expanded into ‖x‖² + ‖y‖² − 2 x·y: that cancels, and its root leaves 1e-8
    where the distance is 0.
    """
    x, y = same_space(x, y)
    squares = np.zeros((len(x), len(y)))
    for axis in range(x.shape[1]):
        squares += np.subtract.outer(x[:, axis], y[:, axis]) ** 2
    return np.sqrt(squares)


@dataclass(frozen=True, eq=False)
class Assignment:
    """An optimal plan between two sets of n points of mass 1/n each: it is a permutation.

    Its proof is the pair of potentials: fᵢ + gⱼ ≤ Mᵢⱼ everywhere makes Σ (fᵢ + gᵢ) / n a lower bound of every plan's
    cost, and this plan reaches it.
    """

    partner: np.ndarray  # int64 (n,): the earth of xᵢ goes to y[partner[i]]
    cost: float  # 1/n Σᵢ M[i, partner[i]]
    f: np.ndarray  # (n,), the potential of the rows
    g: np.ndarray  # (n,), the potential of the columns


def optimal_assignment(cost: ArrayLike) -> Assignment:
    """The permutation π that minimizes 1/n Σᵢ M[i, π(i)], exactly, by shortest augmenting paths.

    Jonker & Volgenant 1987, Computing 38, 325-340. The potentials keep every reduced cost Mᵢⱼ − fᵢ − gⱼ ≥ 0, and zero
    on the pairs matched so far, so that Dijkstra's algorithm finds the cheapest way to match one row more. It takes
    O(n³) operations at worst; for points in the plane, 0.1 s for n = 500 and 1 s for n = 2,000.

    Parameters
    ----------
    cost : array_like, (n, n)
        Any finite numbers; with `distances`, the result is W₁.

    Returns
    -------
    Assignment

    Raises
    ------
    ValueError
        If the matrix is not square, is empty, or holds NaN or infinity.
    """
    cost = as_points(cost, "cost")
    n = len(cost)
    if cost.shape != (n, n):
        raise ValueError(
            f"cost must be square, got {cost.shape}: take as many points of one kind as of the other, "
            "or sinkhorn, which does without"
        )
    g = cost.min(axis=0)
    f = (cost - g).min(axis=1)
    partner, owner = _tight_pairs(cost - g)
    for row in np.flatnonzero(partner < 0):
        _match_one_more(row, cost, f, g, partner, owner)
    return Assignment(partner, float(cost[np.arange(n), partner].mean()), f, g)


def _tight_pairs(cost):
    """A first matching: each row takes its cheapest column, where no row before took it; −1 marks those left over."""
    partner, owner = np.full(len(cost), -1), np.full(len(cost), -1)
    for row, column in enumerate(cost.argmin(axis=1)):
        if owner[column] < 0:
            partner[row], owner[column] = column, row
    return partner, owner


def _match_one_more(start, cost, f, g, partner, owner):
    """Match the free row ``start``, and re-match others, at the least total cost; changes all arrays but ``cost``."""
    length = cost[start] - f[start] - g  # of the cheapest path found to each column
    fringe, previous, tree = length.copy(), np.full(len(cost), start), np.zeros(len(cost), dtype=bool)
    while owner[column := fringe.argmin()] >= 0:
        row, tree[column], fringe[column] = owner[column], True, np.inf
        detour = (length[column] - f[row]) + cost[row] - g
        shorter = (detour < length) & ~tree  # rounding could shorten the ways within the tree
        length[shorter] = fringe[shorter] = detour[shorter]
        previous[shorter] = row
    slack = length[column] - length[tree]
    f[start] += length[column]
    f[owner[tree]] += slack
    g[tree] -= slack
    row = -1
    while row != start:
        row = previous[column]
        owner[column] = row
        partner[row], column = column, partner[row]


def wasserstein(x: ArrayLike, y: ArrayLike, p: int = 1) -> float:
    """W_p = (min_π 1/n Σᵢ ‖xᵢ − y_π(i)‖^p)^(1/p): exact, between two sets of equally many points.

    For the plan itself, which point goes where, see `optimal_assignment`.

    Parameters
    ----------
    x, y : array_like, (n, d)
    p : float
        At least 1. W₂², with the squared distance as cost, is ``wasserstein(x, y, p=2) ** 2``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For sets of different sizes or dimensions, without points or with points that are not finite, and for p < 1.
    """
    _check_exponent(p)
    x, y = same_space(x, y)
    if len(x) != len(y):
        raise ValueError(
            f"x {x.shape} and y {y.shape} must hold equally many points: draw as many of one as of the other, "
            "or use sinkhorn or sliced_wasserstein"
        )
    return optimal_assignment(distances(x, y) ** p).cost ** (1 / p)


def transport_1d(
    x: ArrayLike, y: ArrayLike, a: ArrayLike | None = None, b: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The optimal plan on a line: the lowest earth goes to the lowest place, and no two ways cross.

    It is the same for every p ≥ 1 (Peyré & Cuturi 2018, arXiv:1803.00567, remark 2.30).

    Parameters
    ----------
    x, y : array_like, (n,) and (m,)
    a, b : array_like, (n,) and (m,), optional
        Their masses; each sums to 1. Without them, 1/n and 1/m each.

    Returns
    -------
    i, j : ndarray of int64, (k,)
    mass : ndarray of float64, (k,)
        For each piece of earth: it goes from x[i] to y[j]. There are at most n + m − 1 pieces.

    Raises
    ------
    ValueError
        For points that are not finite or not a vector, and weights that are negative or do not sum to 1.
    """
    x, y = _line(x, "x"), _line(y, "y")
    order_x, order_y = x.argsort(kind="stable"), y.argsort(kind="stable")
    i, j, mass = _common_quantiles(_weights(a, len(x), "a")[order_x], _weights(b, len(y), "b")[order_y])
    return order_x[i], order_y[j], mass


def wasserstein_1d(
    x: np.ndarray, y: np.ndarray, a: np.ndarray | None = None, b: np.ndarray | None = None, p: int = 1
) -> float:
    """W_p = (∫₀¹ |F⁻¹(q) − G⁻¹(q)|^p dq)^(1/p), with the quantile functions of the weighted points x and y.

    For equally many points of the same weight it is (1/n Σ |x₍ᵢ₎ − y₍ᵢ₎|^p)^(1/p), over the sorted points.

    Parameters
    ----------
    x, y, a, b
        As for `transport_1d`.
    p : float
        At least 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `transport_1d`, and for p < 1.
    """
    _check_exponent(p)
    i, j, mass = transport_1d(x, y, a, b)
    return float((mass @ np.abs(_line(x, "x")[i] - _line(y, "y")[j]) ** p) ** (1 / p))


def _common_quantiles(a, b):
    """[0, 1] cut at the cumulative sums of both: of each piece, the index in a, that in b, and its length."""
    ends_a, ends_b = np.cumsum(a), np.cumsum(b)
    ends_a[-1] = ends_b[-1] = 1
    ends = np.union1d(ends_a, ends_b)
    mass = np.diff(ends, prepend=0)
    middle = ends - mass / 2  # safe from rounding, which the ends are not
    return np.searchsorted(ends_a, middle), np.searchsorted(ends_b, middle), mass


def sliced_wasserstein(x: ArrayLike, y: ArrayLike, rng: Random, directions: int = 512, p: int = 1) -> float:
    """SW_p = (mean over θ of W_p(θᵀx, θᵀy)^p)^(1/p), θ uniform on the sphere: Bonneel et al. 2015, J. Math. Imaging
    Vis. 51, 22-45; with images, Karras et al. 2017, arXiv:1710.10196, section 5, who take 512 directions.

    No projection lengthens a way, so SW_p ≤ W_p; the plan of a direction costs a sort only.

    Parameters
    ----------
    x, y : array_like, (n, d) and (m, d)
    rng : numpy.random.Generator
        Draws the directions: for the same state of it, the same ones.
    directions : int
    p : float
        At least 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For points of different dimensions, none, or not finite, no directions, and p < 1.
    """
    _check_exponent(p)
    directions = whole(directions, "directions")
    x, y = same_space(x, y)
    theta = rng.standard_normal((x.shape[1], directions))
    theta /= np.linalg.norm(theta, axis=0)
    i, j, mass = _common_quantiles(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)))
    ways = np.abs(np.sort(x @ theta, axis=0)[i] - np.sort(y @ theta, axis=0)[j])
    return float((mass @ ways**p).mean() ** (1 / p))


@dataclass(frozen=True, eq=False)
class Coupling:
    """A plan that `sinkhorn` finds."""

    plan: np.ndarray  # (n, m): γᵢⱼ, the mass that goes from xᵢ to yⱼ
    cost: float  # ⟨γ, M⟩, without the entropy
    value: float  # OT_ε = ⟨γ, M⟩ + ε KL(γ ‖ a ⊗ b) = ⟨f, a⟩ + ⟨g, b⟩
    f: np.ndarray  # (n,)
    g: np.ndarray  # (m,)
    error: float  # ‖γ 1 − a‖₁; the columns' sums are exact
    steps: int


def sinkhorn(
    cost: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    epsilon: float | None = None,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
) -> Coupling:
    """The plan that minimizes ⟨γ, M⟩ + ε KL(γ ‖ a ⊗ b): Cuturi 2013, arXiv:1306.0895, in the log domain.

        fᵢ ← −ε log Σⱼ bⱼ exp((gⱼ − Mᵢⱼ) / ε),   gⱼ ← −ε log Σᵢ aᵢ exp((fᵢ − Mᵢⱼ) / ε),
        γᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Mᵢⱼ) / ε).

    The entropy Σ γ log γ instead of the divergence has the same plan. With potentials instead of their
    exponentials nothing underflows, however small ε is (Peyré & Cuturi 2018, arXiv:1803.00567, section 4.4); but the
    number of steps grows like 1 / ε, and mass that must pass between modes far apart takes thousands of them.

    Parameters
    ----------
    cost : array_like, (n, m)
        M; `distances` for W₁, their squares for W₂².
    a, b : array_like, (n,) and (m,), optional
        Masses, each of sum 1; 1/n and 1/m each without them.
    epsilon : float, optional
        ε > 0, in the unit of the cost; without it, 1/20 of the median of the costs that are not zero.
    tolerance : float
        It stops when ‖γ 1 − a‖₁ is below.
    max_steps : int
        It stops after this many, with a RuntimeWarning.

    Returns
    -------
    Coupling

    Raises
    ------
    ValueError
        For a cost that is not a finite matrix, weights that are negative or do not sum to 1, ε ≤ 0, and no steps.
    """
    cost = as_points(cost, "cost")
    a, b = _weights(a, cost.shape[0], "a"), _weights(b, cost.shape[1], "b")
    epsilon = default_epsilon(cost) if epsilon is None else epsilon
    if not 0 < epsilon < np.inf:
        raise ValueError(f"epsilon={epsilon} must be positive and finite; for the exact plan see optimal_assignment")
    max_steps = whole(max_steps, "max_steps")
    scaled = cost / epsilon
    with np.errstate(divide="ignore"):  # no mass: log 0 = −∞, and its terms vanish
        log_a, log_b = np.log(a), np.log(b)
    next_f = -_log_sum_exp(log_b - scaled, axis=1)
    for step in range(1, max_steps + 1):
        f = next_f
        g = -_log_sum_exp((log_a + f)[:, None] - scaled, axis=0)
        next_f = -_log_sum_exp(log_b + g - scaled, axis=1)
        error = float(a @ np.abs(np.expm1(f - next_f)))  # the row sums are a exp(f − next_f)
        if error < tolerance:
            break
    else:
        warnings.warn(
            f"sinkhorn: after {max_steps} steps the row sums are off by {error:.2g} in all, not {tolerance:.2g}; "
            f"raise max_steps or epsilon={epsilon:.3g}",
            RuntimeWarning,
            stacklevel=2,
        )
    plan = np.exp((log_a + f)[:, None] + log_b + g - scaled)
    f, g = epsilon * f, epsilon * g
    return Coupling(plan, float((plan * cost).sum()), float(a @ f + b @ g), f, g, error, step)


def default_epsilon(cost):
    """1/20 of the median of the costs that are not zero; 1 where there are none."""
    cost = as_points(cost, "cost")
    positive = cost[cost > 0]
    return 0.05 * float(np.median(positive)) if positive.size else 1.0


def sinkhorn_divergence(x: ArrayLike, y: ArrayLike, epsilon: float | None = None, p: int = 1, **options) -> float:
    """S_ε = OT_ε(x, y) − ½ OT_ε(x, x) − ½ OT_ε(y, y), with the cost ‖xᵢ − yⱼ‖^p.

    Unlike OT_ε it is 0 for equal laws and positive for others, for every ε; it tends to W_p^p as ε → 0. Genevay et al.
    2017, arXiv:1706.00292; Feydy et al. 2018, arXiv:1810.08278, theorem 1.

    Parameters
    ----------
    x, y : array_like, (n, d) and (m, d)
    epsilon : float, optional
        The same in all three terms; without it, that which `sinkhorn` takes for x against y.
    p : float
        1 or 2 for the theorem.
    **options
        tolerance and max_steps, as for `sinkhorn`.

    Returns
    -------
    float
    """
    _check_exponent(p)
    cost = distances(x, y) ** p
    epsilon = default_epsilon(cost) if epsilon is None else epsilon
    between, within_x, within_y = (
        sinkhorn(matrix, epsilon=epsilon, **options).value
        for matrix in (cost, distances(x, x) ** p, distances(y, y) ** p)
    )
    return between - (within_x + within_y) / 2


def _log_sum_exp(x, axis):
    largest = x.max(axis=axis, keepdims=True)
    return np.log(np.exp(x - largest).sum(axis=axis)) + largest.squeeze(axis)


def _check_exponent(p):
    if not 1 <= p < np.inf:
        raise ValueError(f"p={p} must be finite and at least 1: below that, W_p is no distance")


def _line(x, what):
    """Numbers on a line as float64 (n,)."""
    x = plain(x, what)
    if x.ndim != 1:
        raise ValueError(f"{what} must be a vector (n,) of numbers on a line, got shape {x.shape}; use wasserstein")
    return as_points(x[:, None], what)[:, 0]


def _weights(weights, n, what):
    """Masses as float64 (n,), of sum 1."""
    if weights is None:
        return np.full(n, 1 / n)
    weights = plain(weights, what)
    if weights.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be real numbers, got {weights.dtype} {weights.shape}")
    weights = weights.astype(np.float64)
    if weights.shape != (n,) or not (weights >= 0).all() or not abs(weights.sum() - 1) < 1e-6:
        raise ValueError(
            f"{what} must be {n} masses, none negative, that sum to 1; got shape {weights.shape}, "
            f"least {weights.min(initial=np.inf)}, sum {weights.sum()}: divide by the sum"
        )
    return weights / weights.sum()
