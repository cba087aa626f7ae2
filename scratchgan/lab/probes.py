"""What a critic has become, and what a generator learns from it: slopes, gaps, weights, the best critic beside it."""

from collections.abc import Callable

import numpy as np

from scratchgan.hints import Random
from scratchgan.lab.critics import scores
from scratchgan.losses import OBJECTIVES, Objective, gradient_norms, on_lines
from scratchgan.metrics import distances, optimal_assignment
from scratchgan.nn import Module, Sequential
from scratchgan.tensor import Tensor, grad
from scratchgan.threads import on_one_thread

# What a critic has become --------------------------------------------------------------------------------------------


def critic_gap(critic: Module, real: np.ndarray, fake: np.ndarray) -> float:
    """E D(x) − E D(x̃), which is K · W₁ at best for a critic of slopes up to K: float, from ndarrays (N, d)."""
    return float(scores(critic, real).mean(dtype=np.float64) - scores(critic, fake).mean(dtype=np.float64))


def slopes_between(critic: Module, real: np.ndarray, fake: np.ndarray, rng: Random) -> np.ndarray:
    """‖∇D(x̂)‖ at a random place on each line from a real to a generated point: ndarrays (N, d), (N, d) to (N,)."""
    return gradient_norms(critic, on_lines(Tensor(real), Tensor(fake), rng)).numpy()


def layer_gradient_norms(critic: Sequential, real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """‖∂L/∂hₖ‖ for each layer's values hₖ, from the data h₀ to the scores, with L = E D(x̃) − E D(x).

    The norm is over the whole batch, real and generated. At the scores it is √(2/N), whatever the critic; each layer
    further down multiplies by its weights. Gulrajani et al. 2017, arXiv:1704.00028, figure 1b.

    Parameters
    ----------
    critic : Sequential, (N, d) -> (N, 1)
        As from `mlp`: its children are the layers.
    real, fake : ndarray, (N, d)

    Returns
    -------
    ndarray of float64, (layers + 1,)
    """
    h = [Tensor(np.concatenate([real, fake]), requires_grad=True)]
    for layer in critic:
        h.append(layer(h[-1]))
    loss = OBJECTIVES["wasserstein"].discriminator_loss(h[-1][: len(real)], h[-1][len(real) :])
    return np.array([_norm(g) for g in grad(loss, h)])


def weights_of(network: Module) -> np.ndarray:
    """The numbers in all its matrices, no biases: ndarray (count,)."""
    return np.concatenate([p.numpy().ravel() for p in network.parameters() if p.ndim > 1])


def share_near(weights: np.ndarray, bound: float, within: float = 0.05) -> float:
    """The share of the weights with |w| ≥ (1 − ``within``) · bound."""
    return float((np.abs(weights) >= (1 - within) * bound).mean())


@on_one_thread
def fit_cone(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """The best a + bᵀx + c ‖x‖ in least squares, and its R² = 1 − Σ (v − v̂)² / Σ (v − v̄)².

    A plane with a cone on it is about the simplest function that can tell a cloud from the same cloud with noise.

    Parameters
    ----------
    x : ndarray, (N, d)
    values : ndarray, (N,)

    Returns
    -------
    coefficients : ndarray, (d + 2,)
        a, b and c.
    r2 : float
    """
    basis = np.column_stack([np.ones(len(x)), x, np.linalg.norm(x, axis=1)])
    coefficients = np.linalg.lstsq(basis, values, rcond=None)[0]
    return coefficients, float(1 - np.var(values - basis @ coefficients) / np.var(values))


def best_critic(real: np.ndarray, fake: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The critic of slope 1 with the largest gap between these points, which is their W₁: from optimal transport.

    With the potentials of the optimal assignment, fᵢ + gⱼ ≤ ‖xᵢ − x̃ⱼ‖, it is D(x) = minⱼ ‖x − x̃ⱼ‖ − gⱼ: Villani 2009,
    Optimal Transport, chapter 5. It knows nothing but these points, and each has a cone of its own.

    Parameters
    ----------
    real, fake : ndarray, (n, d)
        Equally many, and not too many: it takes O(n³) operations.

    Returns
    -------
    callable
        ndarray (N, d) -> ndarray of float64 (N,).
    """
    potentials = optimal_assignment(distances(real, fake))
    return lambda x: (distances(x, fake) - potentials.g).min(axis=1)


# What a generator learns from it -------------------------------------------------------------------------------------


def generator_slopes(objective: Objective, critic: Module, x: np.ndarray) -> np.ndarray:
    """‖N ∂L_G/∂x̃‖ of each generated point x̃: how strongly it is moved.

    Parameters
    ----------
    objective : Objective
    critic : Module, (N, d) -> (N, 1)
    x : ndarray, (N, d)

    Returns
    -------
    ndarray of float64, (N,)
    """
    points = Tensor(x, requires_grad=True)
    (g,) = grad(objective.generator_loss(critic(points)), points)
    return len(x) * np.linalg.norm(g.numpy().astype(np.float64), axis=1)


def generator_gradient_norm(objective: Objective, generator: Module, critic: Module, z: np.ndarray) -> float:
    """‖∇_θ L_G‖ over all weights θ of the generator, for the latents z: float."""
    loss = objective.generator_loss(critic(generator(Tensor(z))))
    return float(np.linalg.norm([_norm(g) for g in grad(loss, generator.parameters())]))


@on_one_thread
def _norm(g):
    return np.linalg.norm(g.numpy().astype(np.float64))  # squares of vanishing gradients underflow in float32
