"""Critics against a generator that stands still: what they come to when they are trained as far as one likes.

A generator learns from nothing but the slope of its critic, so it pays to look at critics alone. Three kinds:

    discriminator   descends E ζ(−D(x)) + E ζ(D(x̃)), bounded by nothing          Goodfellow et al. 2014, 1406.2661
    clipped         descends E D(x̃) − E D(x), its weights kept in [−c, c]         Arjovsky et al. 2017, 1701.07875
    penalised       descends E D(x̃) − E D(x) + λ E (‖∇D(x̂)‖ − 1)²               Gulrajani et al. 2017, 1704.00028

Training is an iterator, so that one can look at the critic between two steps:

    for step in train_penalised(critic, batches, 1000, rng):
        ...
"""

import math
import sys
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from scratchgan import nn
from scratchgan.losses import OBJECTIVES, clip_weights, gradient_norms, gradient_penalty, on_lines
from scratchgan.metrics import distances, optimal_assignment
from scratchgan.nn import init
from scratchgan.optim import Adam, RMSprop
from scratchgan.tensor import Tensor, grad, no_grad

# Networks and what they are shown ------------------------------------------------------------------------------------


def mlp(inputs, width, depth, rng, outputs=1):
    """A ReLU network of ``depth`` linear layers, without any normalisation, as WGAN-GP's toy script begins it.

    Weights are uniform on ±√(6 / in) in hidden layers and on ±√(6 / (in + out)) in the last, biases 0.

    Parameters
    ----------
    inputs, width, depth, outputs : int
        The hidden layers are depth − 1, of ``width`` units each.
    rng : numpy.random.Generator

    Returns
    -------
    Sequential, (N, inputs) -> (N, outputs)
        Its children are the layers, each hidden one with its ReLU.
    """
    sizes = [inputs] + [width] * (depth - 1)
    hidden = [
        nn.Sequential(_linear(fan_in, width, (6 / fan_in) ** 0.5, rng), nn.ReLU()) for fan_in in sizes[: depth - 1]
    ]
    return nn.Sequential(*hidden, _linear(sizes[-1], outputs, (6 / (sizes[-1] + outputs)) ** 0.5, rng))


def _linear(inputs, outputs, bound, rng):
    layer = nn.Linear(inputs, outputs, rng=rng)
    layer.weight.data = init.uniform(layer.weight.shape, bound, rng)
    layer.bias.data = np.zeros_like(layer.bias.data)
    return layer


def with_noise(data, n, rng):
    """Real points, and those of a generator that stands still at the data plus N(0, I) noise.

    Gulrajani et al. 2017, arXiv:1704.00028, §3.1. The real points behind x̃ are drawn afresh, as for a generator that
    does not know the batch. (The authors' script adds its noise to the points of the batch itself, which pairs them.)

    Parameters
    ----------
    data : object
        With a method ``sample(n, rng)``, such as those of `data.toy`.
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    real, fake : ndarray of float32, (n, d)
    """
    real, other = data.sample(n, rng), data.sample(n, rng)
    return real, other + rng.standard_normal(other.shape).astype(other.dtype)


# Training ------------------------------------------------------------------------------------------------------------


def train_discriminator(discriminator, batches, steps, lr=1e-3):
    """Descend E ζ(−D(x)) + E ζ(D(x̃)) by Adam.

    Parameters
    ----------
    discriminator : Module, (N, d) -> (N, 1)
        Moved in place.
    batches : callable
        () -> real, fake: ndarrays (N, d).
    steps : int
    lr : float

    Yields
    ------
    int
        The number of steps taken, from 1.
    """

    def loss(real, fake):
        return OBJECTIVES["minimax"].discriminator_loss(discriminator(real), discriminator(fake))

    yield from _descend(loss, Adam(discriminator.parameters(), lr), batches, steps)


def train_clipped(critic, batches, steps, bound, lr=1e-4):
    """Descend E D(x̃) − E D(x) by RMSprop, all weights in [−c, c] before the first step and after each.

    Parameters
    ----------
    critic, batches, steps, lr
        As for `train_discriminator`. Arjovsky et al. 2017, §4, advise against momentum here.
    bound : float
        c > 0.

    Yields
    ------
    int
    """

    def loss(real, fake):
        return OBJECTIVES["wasserstein"].discriminator_loss(critic(real), critic(fake))

    clip_weights(critic.parameters(), bound)
    for step in _descend(loss, RMSprop(critic.parameters(), lr), batches, steps):
        clip_weights(critic.parameters(), bound)
        yield step


def train_penalised(critic, batches, steps, rng, weight=10.0, lr=1e-3):
    """Descend E D(x̃) − E D(x) + λ E (‖∇D(x̂)‖ − 1)² by Adam.

    Parameters
    ----------
    critic, batches, steps, lr
        As for `train_discriminator`.
    rng : numpy.random.Generator
        Draws the places x̂ on the lines.
    weight : float
        λ.

    Yields
    ------
    int
    """

    def loss(real, fake):
        penalty = gradient_penalty(gradient_norms(critic, on_lines(real, fake, rng)))
        return OBJECTIVES["wasserstein"].discriminator_loss(critic(real), critic(fake)) + weight * penalty

    yield from _descend(loss, Adam(critic.parameters(), lr, betas=(0.5, 0.9)), batches, steps)


def _descend(loss, optimizer, batches, steps):
    for step in range(1, steps + 1):
        real, fake = batches()
        optimizer.step(grad(loss(Tensor(real), Tensor(fake)), optimizer.params))
        yield step


def progress(total):
    """A bar of steps with the time that is left, on the error stream; seldom drawn where that is no terminal."""
    tty = sys.stderr.isatty()
    return tqdm(total=total, unit="step", mininterval=0.3 if tty else 15, dynamic_ncols=tty)


# What a critic has become --------------------------------------------------------------------------------------------


def outputs(network, x):
    """What a network gives for an ndarray x (N, d), without a graph: ndarray (N, …)."""
    with no_grad():
        return network(Tensor(x)).numpy()


def scores(critic, x):
    """D(x) for an ndarray x (N, d): ndarray (N,)."""
    return outputs(critic, x)[:, 0]


def critic_gap(critic, real, fake):
    """E D(x) − E D(x̃), which is K · W₁ at best for a critic of slopes up to K: float, from ndarrays (N, d)."""
    return float(scores(critic, real).mean(dtype=np.float64) - scores(critic, fake).mean(dtype=np.float64))


def slopes_between(critic, real, fake, rng):
    """‖∇D(x̂)‖ at a random place on each line from a real to a generated point: ndarrays (N, d), (N, d) to (N,)."""
    return gradient_norms(critic, on_lines(Tensor(real), Tensor(fake), rng)).numpy()


def layer_gradient_norms(critic, real, fake):
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


def weights_of(network):
    """The numbers in all its matrices, no biases: ndarray (count,)."""
    return np.concatenate([p.numpy().ravel() for p in network.parameters() if p.ndim > 1])


def share_near(weights, bound, within=0.05):
    """The share of the weights with |w| ≥ (1 − ``within``) · bound."""
    return float((np.abs(weights) >= (1 - within) * bound).mean())


def fit_cone(x, values):
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


def best_critic(real, fake):
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


def generator_slopes(objective, critic, x):
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


def generator_gradient_norm(objective, generator, critic, z):
    """‖∇_θ L_G‖ over all weights θ of the generator, for the latents z: float."""
    loss = objective.generator_loss(critic(generator(Tensor(z))))
    return float(np.linalg.norm([_norm(g) for g in grad(loss, generator.parameters())]))


def _norm(g):
    return np.linalg.norm(g.numpy().astype(np.float64))  # squares of vanishing gradients underflow in float32


# Where everything is known -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoGaussians:
    """Real points from p = N(s/2, 1), generated ones from q = N(−s/2, 1), on a line.

    The best discriminator has D*(x) = log p − log q = s x, so σ(D*) = p / (p + q) (Goodfellow et al. 2014,
    arXiv:1406.2661, proposition 1). The best critic of slope 1 is f*(x) = x, and W₁ = s: p is q moved by s.

    Under the penalty the best critic is a little steeper. With F and F̃ the distribution functions of p and q, and r the
    density of x̂ = ε x + (1 − ε) x̃,

        E f(x) − E f(x̃) − λ E (f'(x̂) − 1)² = ∫ f' (F̃ − F) − λ r (f' − 1)² dx

    has its maximum, place by place, at f' = 1 + (F̃ − F) / (2 λ r): about 1 + s / (2 λ) between the two.

    Parameters
    ----------
    distance : float
        s.
    """

    distance: float

    def sample(self, n, rng):
        """x and x̃: ndarrays of float32 (n, 1)."""
        noise = rng.standard_normal((2, n, 1)).astype(np.float32)
        return noise[0] + np.float32(self.distance / 2), noise[1] - np.float32(self.distance / 2)

    def densities(self, x):
        """p(x) and q(x), of the shape of x."""
        return _normal(x, self.distance / 2), _normal(x, -self.distance / 2)

    def discriminator(self, x):
        """σ(D*(x)) = p / (p + q), of the shape of x."""
        p, q = self.densities(x)
        return p / (p + q)

    def between(self, x):
        """r(x), the density of x̂, which is N((ε − ½) s, ε² + (1 − ε)²) given ε: of the shape of x."""
        epsilon = (np.arange(200) + 0.5) / 200
        scale = np.sqrt(epsilon**2 + (1 - epsilon) ** 2)
        return _normal(np.asarray(x)[..., None], (epsilon - 0.5) * self.distance, scale).mean(-1)

    def slopes(self, x, weight=10.0):
        """‖∂L_G/∂x̃‖ of a point at x under the best critics, by objective.

        Parameters
        ----------
        x : ndarray
        weight : float
            λ, of the penalised critic.

        Returns
        -------
        dict of str to ndarray
            minimax: s σ(s x), which vanishes like e^(−s |x|) where the generated points are; non-saturating: s σ(−s x);
            wasserstein: f'.
        """
        s, real = self.distance, self.discriminator(x)
        below = np.vectorize(math.erf)
        excess = (below((x + s / 2) / 2**0.5) - below((x - s / 2) / 2**0.5)) / 2  # F̃ − F
        steeper = excess / (2 * weight * self.between(x))
        return {"minimax": s * real, "non-saturating": s * (1 - real), "wasserstein": 1 + steeper}


def _normal(x, mean, scale=1.0):
    return np.exp(-(((x - mean) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))
