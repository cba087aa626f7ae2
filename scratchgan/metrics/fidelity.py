"""How close a cloud of generated features is to a cloud of real ones: Fréchet and kernel distances, coverage and score.

Features are any vectors, (N, d): such as those of `classifier`. No number here means much by itself: the distances of
two sets of features depend on what made them, and all depend on the number of samples. Compare with a floor, real
against real, of the same N.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import whole
from scratchgan.hints import Random
from scratchgan.metrics.neighbours import squared_distances, squared_radii
from scratchgan.metrics.points import as_points, mixed_order, same_space
from scratchgan.threads import on_one_thread

# Fréchet distance ----------------------------------------------------------------------------------------------------


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½): W₂² between Gaussians fitted to the two sets. With Inception, "FID".

    Heusel et al. 2017, arXiv:1706.08500, equation 6. It is biased upwards, about as 1 / N: two sets of N standard
    normal vectors are (d²/2 + 2d) / N apart, 1.7 for d = 128 and N = 5,000. So N should be well above d, and the same
    wherever distances are compared.

    Parameters
    ----------
    x, y : array_like, (N, d) and (M, d)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As all functions of this module: for features that are not finite, not matrices, of different d, or too few.
    """
    x, y = same_space(x, y)
    return frechet_distance_of_moments(*moments(x), *moments(y))


@on_one_thread
def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d), divided by N − 1, in float64."""
    features = _at_least(2, as_points(features, "features"), "features", "have a covariance")
    return features.mean(axis=0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:])


def frechet_distance_of_moments(
    mean1: np.ndarray, covariance1: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray
) -> float:
    """`frechet_distance` where the moments are known: means (d,), covariances (d, d), symmetric."""
    shapes = [np.shape(moment) for moment in (mean1, covariance1, mean2, covariance2)]
    if len(shapes[0]) != 1 or shapes != [shapes[0], 2 * shapes[0]] * 2:
        raise ValueError(f"mean, covariance, mean, covariance must be (d,), (d, d), (d,), (d, d), got {shapes}")
    mean1, mean2 = as_points([mean1, mean2], "the means")
    covariance1, covariance2 = _symmetric(covariance1), _symmetric(covariance2)
    gap = np.subtract(mean1, mean2)
    trace = np.trace(covariance1) + np.trace(covariance2) - 2 * _trace_of_root(covariance1, covariance2)
    return float(gap @ gap + trace)


def _symmetric(covariance):
    covariance = as_points(covariance, "a covariance")
    if not np.allclose(covariance, covariance.T):
        raise ValueError(f"a covariance must be symmetric: this one {covariance.shape} is not its own transpose")
    variances = _variances(covariance)
    if variances[0] < -1e-6 * variances[-1]:  # less is rounding
        raise ValueError(f"a covariance has no negative variance: this one {covariance.shape} has {variances[0]:.4g}")
    return covariance


@on_one_thread
def _variances(covariance):
    """Along its axes, in ascending order."""
    return np.linalg.eigvalsh(covariance)


@on_one_thread
def _trace_of_root(c1, c2):
    """tr (C₁ C₂)^½ = Σ √λ, λ the eigenvalues of C₁^½ C₂ C₁^½: symmetric, so none is complex, and C may be singular."""
    values, vectors = np.linalg.eigh(c1)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()


# Kernel distance -----------------------------------------------------------------------------------------------------


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """E k(x, x′) + E k(y, y′) − 2 E k(x, y), with k(a, b) = (a·b / d + 1)³; no pair of a point with itself.

    Without those pairs the mean is unbiased: 0 for two sets of one law, and negative half of the time. Gretton et al.
    2012, JMLR 13, equation 3; the kernel is that of Bińkowski et al. 2018, arXiv:1801.01401, section 4.
    """
    x, y = same_space(x, y)
    return _mean_of_pairs(_at_least(2, x, "x")) + _mean_of_pairs(_at_least(2, y, "y")) - 2 * _kernel(x, y).mean()


@on_one_thread
def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_of_pairs(x):
    gram, n = _kernel(x, x), len(x)
    return (gram.sum() - gram.trace()) / (n * (n - 1))


def kernel_distance(
    x: ArrayLike, y: ArrayLike, rng: Random, subsets: int = 50, size: int = 1000
) -> tuple[float, float]:
    """`squared_mmd` of random subsets: with Inception, "KID". Mean and standard deviation over ``subsets`` of ``size``.

    Its mean does not depend on N, so it can tell sets apart that are too small for `frechet_distance`. Bińkowski et
    al. 2018, arXiv:1801.01401, section 4.

    Parameters
    ----------
    x, y : array_like, (N, d) and (M, d)
    rng : numpy.random.Generator
    size : int
        At most half of the smaller set is taken, so each needs four points: subsets of nearly all would be nearly the
        same, and their deviation 0. (Where a set is small, StyleGAN's program takes all of it; torchmetrics refuses.)

    Returns
    -------
    mean, deviation : float
    """
    x, y = (_at_least(4, points, name, "fall into two halves") for points, name in zip(same_space(x, y), "xy"))
    subsets, size = whole(subsets, "subsets"), min(whole(size, "size", 2), len(x) // 2, len(y) // 2)
    found = [
        squared_mmd(rng.choice(x, size, replace=False), rng.choice(y, size, replace=False)) for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


# The score of a classifier -------------------------------------------------------------------------------------------


def classifier_score(probabilities: ArrayLike, splits: int = 10) -> tuple[float, float]:
    """exp E KL(p(y|x) ‖ p(y)): from 1, where all images look alike, to K, all sure and evenly spread.

    With Inception, the "Inception score": Salimans et al. 2016, arXiv:1606.03498, section 4. It does not see what is
    real: ten images, one of each class, have the best of all scores.

    Parameters
    ----------
    probabilities : array_like, (N, K)
        Rows that sum to 1.
    splits : int
        Parts to score apart, each drawn from all samples by `points.mixed_order`: of samples sorted by class, a tenth
        in their own order would look all alike.

    Returns
    -------
    mean, deviation : float
        Over the parts.
    """
    p = as_probabilities(probabilities)
    p = _at_least(whole(splits, "splits"), p, "probabilities", f"fill {splits} splits")
    scores = [_score(part) for part in np.array_split(p[mixed_order(p)], splits)]
    return float(np.mean(scores)), float(np.std(scores))


def sure_share(probabilities: ArrayLike, sure: float = 0.95) -> float:
    """The share of images whose class has a probability above ``sure``: what has broken strokes has it less often.

    A classifier that is trained to the end is sure of anything, so the number needs its anchors. That of `classifier`
    is sure of 96 % of real digits, 87 % of those with two rows or columns wiped out, 68 % with four, 37 % with eight,
    and of 18 % of draws from a Gaussian; and it is right as often as it says (the best temperature is 0.9).

    Parameters
    ----------
    probabilities : array_like, (N, K)
        Rows that sum to 1.
    """
    return float((as_probabilities(probabilities).max(axis=1) > sure).mean())


def as_probabilities(probabilities):
    """Rows (N, K) as float64; ValueError if they are no probabilities."""
    p = as_points(probabilities, "probabilities")
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise ValueError(f"probabilities {p.shape} must not be negative and sum to 1 in each row: softmax them")
    return p


def _score(p):
    tiny = np.finfo(float).tiny  # 0 log 0 = 0
    return np.exp((p * (np.log(p + tiny) - np.log(p.mean(axis=0) + tiny))).sum(axis=1).mean())


# Manifolds of balls --------------------------------------------------------------------------------------------------


def precision_recall(real: ArrayLike, generated: ArrayLike, k: int = 3) -> tuple[float, float]:
    """The share of generated points among the real ones, and of real points among the generated ones.

    A point lies in a set's manifold if it falls within the k-nearest-neighbour ball of at least one of its points.
    Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 2.

    Parameters
    ----------
    real, generated : array_like, (M, d) and (N, d)
        Best M = N: balls are the smaller the more there are.

    Returns
    -------
    precision, recall : float
        Quality and variety, from 0 to 1. For one law, how near to 1 depends on d and N: compare with real and real.
    """
    real, generated = _with_neighbours(real, generated, k)
    return _share_among(generated, real, k), _share_among(real, generated, k)


def _share_among(points, centres, k):
    radii = squared_radii(centres, k)
    return float(np.mean(np.concatenate([(d <= radii).any(axis=1) for _, d in squared_distances(points, centres)])))


def density_coverage(real: np.ndarray, generated: np.ndarray, k: int = 5) -> tuple[float, float]:
    """How many balls of real points a generated one is in, over k, and the share of balls that have a generated one.

        density = 1/kN Σⱼ Σᵢ 1[gⱼ ∈ Bᵢ],   coverage = 1/M Σᵢ 1[∃ j: gⱼ ∈ Bᵢ],

    where Bᵢ reaches from the real point rᵢ to its k-th neighbour among the real ones, its rim excluded. Naeem et al.
    2020, arXiv:2002.09797, equations 3 and 4.

    Returns
    -------
    density, coverage : float
        For one law and M = N, 1 and `coverage_ceiling`. Samples crowded in the middle have a density above 1.
    """
    real, generated = _with_neighbours(real, generated, k)
    radii, inside, reached = squared_radii(real, k), 0, np.zeros(len(real), bool)
    for _, squares in squared_distances(generated, real):
        within = squares < radii
        inside += int(within.sum())
        reached |= within.any(axis=0)
    return inside / (k * len(generated)), float(reached.mean())


def coverage_ceiling(n: int, k: int = 5) -> float:
    """1 − Πᵢ (n − i) / (2n − i), i = 1 … k: the coverage of a perfect generator, with n real and n generated points.

    A ball is missed if the k points nearest to its centre, of all 2n − 1 others, are real. The coverage nears 1 − 2⁻ᵏ,
    0.969 for k = 5. Naeem et al. 2020, arXiv:2002.09797, equation 6. With n ≤ k no point has a k-th neighbour.
    """
    n, i = whole(n, "n", whole(k, "k") + 1), np.arange(1, k + 1)
    return float(1 - np.prod((n - i) / (2 * n - i)))


def _with_neighbours(real, generated, k):
    real, generated, k = *same_space(real, generated, ("real", "generated")), whole(k, "k")
    why = f"have a neighbour number {k}"
    return _at_least(k + 1, real, "real", why), _at_least(k + 1, generated, "generated", why)


def _at_least(count, points, what, why="form pairs"):
    if len(points) < count:
        raise ValueError(f"{what} {points.shape}: at least {count} rows are needed to {why}")
    return points
