"""What the losses tend to: their values at the best discriminator, where the generator is perfect and where it is not.

The laws p of real images and p_G of generated ones are given as counts on k places, each with the same total n, so that
a batch of n images can have exactly these shares. A discriminator is then k scores, one for each place, and the best
ones are known:

    minimax, non-saturating   D* = log p/p_G                       L_D = log 4 − 2 JSD(p, p_G)
    least squares (a, b, c)   D* = (b p + a p_G) / (p + p_G)       L_D = (b − a)²/2 · Σ p p_G / (p + p_G)
    hinge                     D* = sign(p − p_G)                   L_D = 2 Σ min(p, p_G)
    relativistic              D* = log p/p_G, up to a constant     L_D = log 2 − JSD(p ⊗ p_G, p_G ⊗ p)
    Wasserstein, slope ≤ K    D* = K f*                            L_D = −K W₁(p, p_G)

The relativistic discriminator tells which of a *pair* is the real one: the first law is that of the pairs (x, x̃), the
second that of (x̃, x), and Bayes' rule for the two is σ(D*(x) − D*(x̃)).
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.losses import OBJECTIVES, LeastSquares, Objective
from scratchgan.tensor import Tensor

SURE = 40.0  # a logit whose sigmoid is 1, to the last digit


def losses(objective: Objective | str, scores: ArrayLike, real: ArrayLike, fake: ArrayLike) -> tuple[float, float]:
    """L_D and L_G where place i has the score D_i, and real and generated images are as frequent as said.

    Each real image meets each generated one, as a relativistic objective wants it. The others do not mind.

    Parameters
    ----------
    objective : Objective or str
        Or the name of one of `OBJECTIVES`.
    scores : array_like of float, (k,)
    real, fake : array_like of int, (k,)
        n p and n p_G.

    Returns
    -------
    tuple of float
    """
    objective = OBJECTIVES[objective] if isinstance(objective, str) else objective
    x, y = (np.repeat(np.asarray(scores, np.float64), counts) for counts in (real, fake))
    pairs = [Tensor(each.reshape(-1, 1)) for each in (np.repeat(x, len(y)), np.tile(y, len(x)))]
    return objective.discriminator_loss(*pairs).item(), objective.generator_loss(*pairs[::-1]).item()


def best_scores(name: str, real: ArrayLike, fake: ArrayLike) -> np.ndarray:
    """D* of an objective by its name: array (k,), of any law that leaves no place empty.

    Raises
    ------
    KeyError
        For Wasserstein's, which has none without a bound on the slope, and the relativistic average, of which no closed
        form is known here.
    """
    p, q = _shares(real, fake)
    if name.startswith("least squares"):
        targets = OBJECTIVES[name]
        return (targets.real_target * p + targets.fake_target * q) / (p + q)
    if name == "hinge":
        return np.sign(p - q)
    return {name: np.log(p / q) for name in ("minimax", "non-saturating", "relativistic")}[name]


def least_loss(name: str, real: ArrayLike, fake: ArrayLike) -> float:
    """L_D at D*, by its closed form: float."""
    p, q = _shares(real, fake)
    if isinstance(objective := OBJECTIVES[name], LeastSquares):
        return (objective.real_target - objective.fake_target) ** 2 / 2 * (p * q / (p + q)).sum()
    if name == "hinge":
        return 2 * np.minimum(p, q).sum()
    if name == "relativistic":
        return np.log(2) - jensen_shannon(np.outer(p, q), np.outer(q, p))
    return {name: np.log(4) - 2 * jensen_shannon(p, q) for name in ("minimax", "non-saturating")}[name]


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """JSD(p, q) in nats: log 2 at most, where the two have no place in common."""
    middle = (p + q) / 2
    return (p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2


def _shares(*counts):
    return (np.asarray(count, np.float64) / np.sum(count) for count in counts)


def alike(name: str) -> tuple[float, float]:
    """L_D and L_G where p_G = p and D is at its best: it gives all images one score, and tells nothing.

    Which score that is, matters to some: ½ (a + b) is the best one of least squares, and 0 that of the logarithms. The
    others leave it open, and L_G with it: here it is 0.
    """
    objective = OBJECTIVES[name]
    middle = (objective.fake_target + objective.real_target) / 2 if isinstance(objective, LeastSquares) else 0.0
    return losses(objective, [middle], [1], [1])


def told_apart(name: str) -> tuple[float, float]:
    """L_D and L_G where D is sure of every image: its scores are the codes, the margins, or as large as may be."""
    objective = OBJECTIVES[name]
    real, fake = (SURE, -SURE) if name != "hinge" else (1.0, -1.0)
    if isinstance(objective, LeastSquares):
        real, fake = objective.real_target, objective.fake_target
    return losses(objective, [real, fake], [1, 0], [0, 1])


def penalised_line(distance: float, weight: float = 10.0) -> dict[str, float]:
    """The best penalised critic of two laws that differ by a shift s, where it is a line: f(x) = k x.

    It ascends k s − λ (k − 1)², so k = 1 + s / 2λ. A weak penalty thus lets the estimate grow beyond the distance.

    Parameters
    ----------
    distance : float
        s = W₁.
    weight : float
        λ.

    Returns
    -------
    dict of str to float
        As in the log: "gradient_norm" k, "wasserstein" k s, "penalty" λ (k − 1)² = s² / 4λ, and their "critic_loss",
        −s − s² / 4λ.
    """
    slope = 1 + distance / (2 * weight)
    penalty = weight * (slope - 1) ** 2
    numbers = {"gradient_norm": slope, "wasserstein": slope * distance, "penalty": penalty}
    return numbers | {"critic_loss": penalty - slope * distance}


def slope_for(estimate: float, weight: float = 10.0) -> float:
    """The slope k of that critic, from the estimate k s that the log shows: k = (1 + √(1 + 2 k s / λ)) / 2.

    This solves k s = s + s² / 2λ for s. Put in the estimate of your run: k is the mean gradient norm to expect.
    """
    return (1 + np.sqrt(1 + 2 * estimate / weight)) / 2
