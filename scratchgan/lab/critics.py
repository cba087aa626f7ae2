"""Critics against a generator that stands still: what becomes of them when they are trained as long as one likes.

A generator learns from nothing but the slope of its critic, so it pays to look at critics alone. Three kinds:

    discriminator   descends E ζ(−D(x)) + E ζ(D(x̃)), bounded by nothing          Goodfellow et al. 2014, 1406.2661
    clipped         descends E D(x̃) − E D(x), its weights kept in [−c, c]         Arjovsky et al. 2017, 1701.07875
    penalised       descends E D(x̃) − E D(x) + λ E (‖∇D(x̂)‖ − 1)²               Gulrajani et al. 2017, 1704.00028

Training is an iterator, so that one can look at the critic between two steps:

    for step in train_penalised(critic, batches, 1000, rng):
        ...
"""

from collections.abc import Callable, Iterator

import numpy as np

from scratchgan import nn
from scratchgan.hints import Arrays, Distribution, Random
from scratchgan.losses import OBJECTIVES, clip_weights, gradient_norms, gradient_penalty, on_lines
from scratchgan.nn import init
from scratchgan.optim import Adam, RMSprop
from scratchgan.tensor import Tensor, grad, no_grad

# Networks and what they are shown ------------------------------------------------------------------------------------


def mlp(inputs: int, width: int, depth: int, rng: Random, outputs: int = 1) -> nn.Sequential:
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


def with_noise(data: Distribution, n: int, rng: Random) -> tuple[np.ndarray, np.ndarray]:
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


def train_discriminator(
    discriminator: nn.Module, batches: Callable[[], Arrays], steps: int, lr: float = 1e-3
) -> Iterator[int]:
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


def train_clipped(
    critic: nn.Module, batches: Callable[[], Arrays], steps: int, bound: float, lr: float = 1e-4
) -> Iterator[int]:
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


def train_penalised(
    critic: nn.Module, batches: Callable[[], Arrays], steps: int, rng: Random, weight: float = 10.0, lr: float = 1e-3
) -> Iterator[int]:
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


# As functions of arrays ----------------------------------------------------------------------------------------------


def outputs(network: nn.Module, x: np.ndarray) -> np.ndarray:
    """What a network gives for an ndarray x (N, d), without a graph: ndarray (N, …)."""
    with no_grad():
        return network(Tensor(x)).numpy()


def scores(critic: nn.Module, x: np.ndarray) -> np.ndarray:
    """D(x) for an ndarray x (N, d): ndarray (N,)."""
    return outputs(critic, x)[:, 0]
