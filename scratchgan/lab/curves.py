"""The objectives as curves: what one image costs each player, over the score of the image, and the slope of that.

A score is a logit ℓ here. The score of the other image is 0 meanwhile, which adds a constant to most objectives; the
relativistic ones look at the difference of the two.
"""

from collections.abc import Callable

import numpy as np

from scratchgan.losses import OBJECTIVES, Objective
from scratchgan.tensor import Tensor, grad


def discriminator_on_real(objective: Objective, logits: Tensor) -> Tensor:
    """L_D where the real score is ℓ and the fake one 0."""
    return objective.discriminator_loss(logits, _zero())


def discriminator_on_fake(objective: Objective, logits: Tensor) -> Tensor:
    """L_D where the fake score is ℓ and the real one 0."""
    return objective.discriminator_loss(_zero(), logits)


def generator_on_fake(objective: Objective, logits: Tensor) -> Tensor:
    """L_G where the fake score is ℓ and the real one 0."""
    return objective.generator_loss(logits, _zero())


def _zero():
    return Tensor(np.zeros((1, 1)))


PLAYERS = {
    "D, of a real image": discriminator_on_real,
    "D, of a generated image": discriminator_on_fake,
    "G, of a generated image": generator_on_fake,
}


def curve(
    player: Callable[[Objective, Tensor], Tensor], objective: Objective, logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A loss and its slope at each logit, one after the other: no score meets another in a batch.

    Parameters
    ----------
    player : callable
        Of `PLAYERS`.
    objective : Objective
    logits : ndarray, (N,)

    Returns
    -------
    losses, slopes : ndarray of float64, (N,)
    """
    losses, slopes = [], []
    for logit in logits:
        x = Tensor(np.array([[float(logit)]]), requires_grad=True)
        loss = player(objective, x)
        losses.append(loss.item())
        slopes.append(grad(loss, x)[0].item())
    return np.array(losses), np.array(slopes)


def over_probabilities(probabilities: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """dL/dD from dL/dℓ, with D = σ(ℓ): the slope in the logit over D (1 − D)."""
    return slopes / (probabilities * (1 - probabilities))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """σ(x) = 1 / (1 + e⁻ˣ)."""
    return 1 / (1 + np.exp(-x))


# What G's slope is in closed form: the last column of the table in `losses.adversarial`, with D(x) = 0.
SLOPES = {
    "minimax": lambda x: -sigmoid(x),
    "non-saturating": lambda x: -sigmoid(-x),
    "least squares (0, 1, 1)": lambda x: x - 1,
    "least squares (-1, 1, 0)": lambda x: x,
    "wasserstein": lambda x: -np.ones_like(x),
    "hinge": lambda x: -np.ones_like(x),
    "relativistic": lambda x: -sigmoid(-x),
    "relativistic average": lambda x: -2 * sigmoid(-x),
}


def largest_error(name: str, logits: np.ndarray) -> float:
    """The largest distance of G's slope from its closed form: float."""
    slopes = curve(generator_on_fake, OBJECTIVES[name], logits)[1]
    return float(np.abs(slopes - SLOPES[name](logits)).max())
