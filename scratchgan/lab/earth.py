"""The earth mover's distance beside the divergences that cannot tell how far away a distribution is.

Parallel lines: P is uniform on {0} × [0, 1] and Q on {θ} × [0, 1]. Unless θ = 0, which makes all three 0,

    W₁(P, Q) = |θ|,      JS(P, Q) = log 2,      KL(P ‖ Q) = ∞:

only the first has a slope in θ, and so something to say to a generator that should move Q onto P. Arjovsky et al. 2017,
arXiv:1701.07875, example 1.

All three can be seen through a network. With the minimax objective L_D the best discriminator has
JS = log 2 − L_D / 2; with the gradient penalty the best critic has E D(x) − E D(x̃) near W₁.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scratchgan import nn
from scratchgan.data.toy import eight_gaussians
from scratchgan.hints import Arrays, Random
from scratchgan.losses import OBJECTIVES, gradient_norms, gradient_penalty, on_lines
from scratchgan.metrics import transport_1d, wasserstein
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, grad

# Two piles on a line -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Flow:
    """The optimal plan between two histograms, in k pieces from the lowest earth to the highest.

    A piece is a part of the base of one bar, and goes to a part of the base of another. The parts lie side by side, so
    no two ways cross, and are as wide as the piece's share of the bar.
    """

    source: np.ndarray  # int64 (k,): the bar that it leaves
    target: np.ndarray  # int64 (k,): the bar that it goes to
    mass: np.ndarray  # (k,)
    leaves: np.ndarray  # (k, 2): from where to where on the axis
    lands: np.ndarray  # (k, 2)
    cost: float  # Σ mass · |x[source] − x[target]| = W₁


def flow(x: ArrayLike, a: ArrayLike, b: ArrayLike, width: float = 1.0) -> Flow:
    """How to move the histogram ``a`` to the histogram ``b``, over the same bars, at the least cost.

    Parameters
    ----------
    x : array_like, (n,)
        The middles of the bars, ascending.
    a, b : array_like, (n,)
        Their masses; each sums to 1.
    width : float
        Of the bars.

    Returns
    -------
    Flow

    Raises
    ------
    ValueError
        For middles that do not ascend, and as `transport_1d`.
    """
    x, a, b = (np.asarray(values, dtype=np.float64) for values in (x, a, b))
    if not (np.diff(x) > 0).all():
        raise ValueError(f"the middles of the bars must ascend, got {x}")
    source, target, mass = transport_1d(x, x, a, b)
    moved = np.cumsum(mass)
    quantiles = np.stack([moved - mass, moved], axis=1)
    whole = mass > 1e-12  # rounding leaves slivers between bars that end at the same quantile
    leaves, lands = (_on_the_axis(quantiles[whole], x, h, i[whole], width) for h, i in ((a, source), (b, target)))
    cost = float(mass @ np.abs(x[source] - x[target]))
    return Flow(source[whole], target[whole], mass[whole], leaves, lands, cost)


def _on_the_axis(quantiles, x, heights, bar, width):
    """Where on the base of its bar a part of it lies, when the bars are filled from left to right."""
    share = (quantiles - (np.cumsum(heights) - heights)[bar, None]) / heights[bar, None]
    return x[bar, None] + width * (share - 0.5)


# Parallel lines ------------------------------------------------------------------------------------------------------


def parallel_lines(theta: float, n: int, rng: Random) -> Arrays:
    """n points of {0} × [0, 1] and n of {θ} × [0, 1]: two float32 (n, 2)."""
    return tuple(np.stack([np.full(n, at), rng.random(n)], axis=1).astype(np.float32) for at in (0, theta))


def divergences_of_lines(theta: float) -> dict[str, float]:
    """{"W1": |θ|, "JS": log 2, "KL": ∞}, or 0 for θ = 0; in nats."""
    apart = theta != 0
    return {"W1": abs(theta), "JS": math.log(2) if apart else 0.0, "KL": math.inf if apart else 0.0}


def histogram_divergences(x: np.ndarray, y: np.ndarray, width: float) -> dict[str, float]:
    """KL(P ‖ Q) and JS(P, Q) of the histograms of two point sets.

        KL = Σ p log(p / q),      JS = ½ KL(P ‖ M) + ½ KL(Q ‖ M),   M = (P + Q) / 2.

    KL is infinite as soon as one cell holds points of P and none of Q. Neither knows where the cells are.

    Parameters
    ----------
    x, y : array_like, (n, d) and (m, d)
    width : float
        Of the cells, cubes with a corner at 0.

    Returns
    -------
    dict of str to float
        "JS" and "KL", in nats.

    Raises
    ------
    ValueError
        For a width that is not positive.
    """
    if not width > 0:
        raise ValueError(f"width={width} must be positive")
    cells, place = np.unique(np.floor(np.concatenate([x, y]) / width), axis=0, return_inverse=True)
    place = place.reshape(-1)
    p, q = (np.bincount(part, minlength=len(cells)) / len(part) for part in (place[: len(x)], place[len(x) :]))
    middle = (p + q) / 2
    return {"JS": (_kl(p, middle) + _kl(q, middle)) / 2, "KL": _kl(p, q)}


def _kl(p, q):
    inside = p > 0
    with np.errstate(divide="ignore"):
        return float(p[inside] @ np.log(p[inside] / q[inside]))


# What a network makes of them ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """What a trained critic says of W₁."""

    gap: float  # E D(x) − E D(x̃)
    slope: float  # E ‖∇D‖ on the lines between the points; 1 is asked for

    @property
    def distance(self) -> float:
        """The gap of the critic when it is scaled to slope 1."""
        return self.gap / self.slope


def learnt_distance(x: np.ndarray, y: np.ndarray, rng: Random, weight: float = 10.0, **options) -> Estimate:
    """W₁ between two point sets as a critic with the gradient penalty sees it.

    The penalty is a price and no wall. On two points at a distance θ the critic D(x) = ax gains aθ − λ (a − 1)², at
    most for a = 1 + θ / 2λ: its gap is too large by the share θ / 2λ, 5 % for θ = 1. Its own slope tells by how much.

    Parameters
    ----------
    x, y : ndarray of float32, (n, d)
        Real and generated points.
    rng : numpy.random.Generator
    weight : float
        λ.
    **options
        Of `train`.

    Returns
    -------
    Estimate
    """

    def loss(critic, real, fake):
        penalty = gradient_penalty(gradient_norms(critic, on_lines(real, fake, rng)))
        return OBJECTIVES["wasserstein"].discriminator_loss(critic(real), critic(fake)) + weight * penalty

    critic = train(x, y, loss, rng, **options)
    real, fake = Tensor(x), Tensor(y)
    gap = -OBJECTIVES["wasserstein"].discriminator_loss(critic(real), critic(fake))
    return Estimate(gap.item(), gradient_norms(critic, on_lines(real, fake, rng)).mean().item())


def learnt_js(x: np.ndarray, y: np.ndarray, rng: Random, **options) -> float:
    """JS between two point sets as a discriminator sees it, log 2 − L_D / 2: a float, too small where it is not done.

    Goodfellow et al. 2014, arXiv:1406.2661, theorem 1: at the best discriminator L_D = log 4 − 2 JS.

    Parameters
    ----------
    x, y : ndarray of float32, (n, d)
    rng : numpy.random.Generator
    **options
        Of `train`.
    """

    def loss(discriminator, real, fake):
        return OBJECTIVES["minimax"].discriminator_loss(discriminator(real), discriminator(fake))

    return math.log(2) - loss(train(x, y, loss, rng, **options), Tensor(x), Tensor(y)).item() / 2


def compare_lines(theta: float, n: int, rng: Random, **options) -> dict:
    """The divergences of two `parallel_lines` of n points each: exact, from samples, and as networks learn them.

    Returns
    -------
    dict
        "theta", and for each of "W1", "JS" and "KL" a dict of its values, "exact", "sampled" and, but for KL, "learnt".
    """
    x, y = parallel_lines(theta, n, rng)
    sampled = {"W1": wasserstein(x, y), **histogram_divergences(x, y, width=0.05)}
    learnt = {"W1": learnt_distance(x, y, rng, **options).distance, "JS": learnt_js(x, y, rng, **options)}
    row = {name: {"exact": value, "sampled": sampled[name]} for name, value in divergences_of_lines(theta).items()}
    for name, value in learnt.items():
        row[name]["learnt"] = value
    return {"theta": theta, **row}


def ring_and_cloud(n: int, shift: float, rng: Random) -> Arrays:
    """n points of eight modes on a ring, and n of a cloud around its middle, moved aside: two float32 (n, 2)."""
    cloud = 0.4 * rng.standard_normal((n, 2)) + (shift, 0)
    return eight_gaussians().sample(n, rng, stratified=True), cloud.astype(np.float32)


def compare_clouds(shift: float, n: int, rng: Random, **options) -> dict[str, float]:
    """W₁ of `ring_and_cloud`: {"shift", "exact", "gap", "slope", "distance", "error"}, all but two of a critic.

    "error" is that of the critic's "distance", relative to the exact one between the same samples.
    """
    x, y = ring_and_cloud(n, shift, rng)
    exact, seen = wasserstein(x, y), learnt_distance(x, y, rng, **options)
    critic = {"gap": seen.gap, "slope": seen.slope, "distance": seen.distance, "error": seen.distance / exact - 1}
    return {"shift": shift, "exact": exact, **critic}


def train(
    x: np.ndarray,
    y: np.ndarray,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    rng: Random,
    steps: int = 300,
    batch_size: int = 128,
    lr: float = 5e-3,
    width: int = 64,
) -> nn.Module:
    """A network of two hidden layers that has descended a loss, with Adam at a rate that falls to 0.

    Parameters
    ----------
    x, y : ndarray of float32, (n, d)
    loss : callable
        (network, real, fake) -> Tensor, (), of Tensors (batch_size, d) drawn from x and y.
    rng : numpy.random.Generator
    steps, batch_size : int
    lr : float
    width : int
        Of the hidden layers.

    Returns
    -------
    Module, (N, d) -> (N, 1)
    """
    network = nn.Sequential(
        nn.Linear(x.shape[1], width, rng=rng), nn.ReLU(),
        nn.Linear(width, width, rng=rng), nn.ReLU(),
        nn.Linear(width, 1, rng=rng),
    )  # fmt: skip
    optimizer = Adam(network.parameters(), lr, betas=(0.0, 0.9))
    for step in range(steps):
        optimizer.lr = lr * (1 - step / steps)
        real, fake = (Tensor(points[rng.integers(len(points), size=batch_size)]) for points in (x, y))
        optimizer.step(grad(loss(network, real, fake), network.parameters()))
    return network
