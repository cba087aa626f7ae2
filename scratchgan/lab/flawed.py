"""The wrong parts of `mistakes`: each a small function or class, as people write it, where the right one belongs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.functional import softplus
from scratchgan.hints import Critic, Random
from scratchgan.lab import plane
from scratchgan.lab.plane import linear
from scratchgan.losses import (
    Minimax,
    Wasserstein,
    gradient_norms,
    gradient_penalty,
    on_lines,
    r1_penalty,
    squared_slopes,
)
from scratchgan.models.game import Game
from scratchgan.tensor import Tensor, grad

DATA = toy.eight_gaussians()

# Parts of E (‖∇D(x̂)‖ − 1)² -------------------------------------------------------------------------------------------


def penalty_of(
    weight: float, points: Callable = on_lines, norms: Callable = gradient_norms, average: Callable = gradient_penalty
) -> Callable:
    """λ E (‖∇D(x̂)‖ − 1)² from its three parts, which are those of `losses.GradientPenalty` until one is replaced.

    Parameters
    ----------
    weight : float
        λ.
    points : callable
        ``(real, fake, rng) -> Tensor, (N, 2)``: x̂.
    norms : callable
        ``(critic, x) -> Tensor, (N,)``: ‖∇D(x̂)‖.
    average : callable
        ``(norms) -> Tensor, ()``: E (‖·‖ − 1)².

    Returns
    -------
    callable
        A penalty of a `plane.Recipe`.
    """
    return lambda critic, real, fake, rng: {"penalty": weight * average(norms(critic, points(real, fake, rng)))}


def real_points_only(real: Tensor, fake: Tensor, rng: Random) -> Tensor:
    """x̂ = ε x + (1 − ε) x̃ with ε = 1 for all."""
    return Tensor(real.data, requires_grad=True)


def norm_of_each_pixel(critic: Critic, x: Tensor) -> Tensor:
    """|∂D/∂xᵢ|, each coordinate a pixel: `norm(2, dim=1)` of an image (N, 1, H, W) is taken over its one channel."""
    (g,) = grad(critic(x).sum(), x, create_graph=True)
    return (g * g + 1e-12).sqrt().flatten()


def norm_of_the_batch(critic: Critic, x: Tensor) -> Tensor:
    """√(Σₙ ‖∇D(x̂ₙ)‖²): `norm(2)` without a dimension."""
    return squared_slopes(critic, x).sum().sqrt().reshape(1)


def norms_not_recorded(critic: Critic, x: Tensor) -> Tensor:
    """‖∇D(x̂)‖ without ``create_graph=True``: the right number, and a constant to the weights."""
    return gradient_norms(critic, x).detach()


def norms_without_epsilon(critic: Critic, x: Tensor) -> Tensor:
    """√‖∇D(x̂)‖², whose derivative is 0 / 0 where the critic is flat."""
    return squared_slopes(critic, x).sqrt()


def norms_of_a_function(critic: Critic, x: Tensor) -> Tensor:
    """‖∇D(x̂)‖ of a critic of which the penalty cannot see what it is built of, and so cannot refuse batch norm."""
    return gradient_norms(lambda x: critic(x), x)


def square_of_the_mean(norms: Tensor) -> Tensor:
    """(E ‖∇D(x̂)‖ − 1)²."""
    return (norms.mean() - 1) ** 2


def r1_of_the_probability(gamma: float) -> Callable:
    """γ/2 E ‖∇σ(D(x))‖²."""
    return lambda critic, real, fake, rng: {"penalty": r1_penalty(lambda x: critic(x).sigmoid(), real, gamma)}


# Objectives, critics, data --------------------------------------------------------------------------------------------


class FlippedSign(Wasserstein):
    """L_G = E D(x̃)."""

    def _generator(self, fake):
        return fake.mean()


class NoMinimum(Minimax):
    """L_D = −E log σ(D(x)) − E (1 − log σ(D(x̃))): the bracket of log (1 − σ(D(x̃))) at the wrong place."""

    def _discriminator(self, real, fake):
        return softplus(-real).mean() - (1 + softplus(-fake)).mean()


class NotDescended(Wasserstein):
    """L_D is computed and printed, and only the penalty is descended."""

    def _discriminator(self, real, fake):
        return 0 * super()._discriminator(real, fake)


def with_sigmoid(rng: Random) -> nn.Module:
    """σ(D(x)), which goes into losses that take logits."""
    return nn.Sequential(plane.critic(rng), nn.Sigmoid())


def with_batch_norm(rng: Random, width: int = plane.WIDTH) -> nn.Module:
    """`plane.critic` with batch norm before its second and its third ReLU, as DCGAN's discriminator has it."""
    hidden = [(linear(width, width, rng), nn.BatchNorm1d(width), nn.ReLU()) for _ in range(2)]
    return nn.Sequential(linear(2, width, rng), nn.ReLU(), *sum(hidden, ()), linear(width, 1, rng))


def flat_at_first(rng: Random) -> nn.Module:
    """`plane.critic` with zeros in its last layer, a common way to begin: D(x) = 0 for all x."""
    critic = plane.critic(rng)
    critic[-1].weight.data = np.zeros_like(critic[-1].weight.data)
    return critic


class RingOfSeven:
    """Eight Gaussians on the angles ``linspace(0, 2π, 8)``, of which the first and the last are the same."""

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """n points: float32 (n, 2)."""
        angles = np.linspace(0, 2 * np.pi, 8)[rng.integers(8, size=n)]
        circle = np.linalg.norm(DATA.centres[0]) * np.stack([np.cos(angles), np.sin(angles)], 1)
        return (circle + DATA.sigma * rng.standard_normal((n, 2))).astype(np.float32)


# Steps ----------------------------------------------------------------------------------------------------------------


class LeakyCritic(Game):
    """x̃ is no constant to the critic's loss, whose gradients in the generator are added to the generator's own."""

    def __init__(self, *players: Any, **options):
        super().__init__(*players, **options)
        self.left = [0] * len(self.generator_optimizer.params)

    def critic_step(self, real: Tensor, rng: Random) -> dict[str, Tensor]:
        """One step of the critic; what is left in the generator's ``.grad`` stays there."""
        numbers = self.critic_loss(real, self.generator(self.latents(len(real), rng)), rng=rng)
        mine, theirs = self.critic_optimizer.params, self.generator_optimizer.params
        gradients = grad(numbers["critic_loss"], [*mine, *theirs])
        self.critic_optimizer.step(gradients[: len(mine)])
        self.left = [g + left for g, left in zip(gradients[len(mine) :], self.left)]
        return numbers

    def generator_step(self, real: Tensor, rng: Random) -> dict[str, Tensor]:
        """One step of the generator, down both gradients."""
        loss = self.generator_loss(self.latents(len(real), rng), real=(real,))
        gradients = grad(loss, self.generator_optimizer.params)
        self.generator_optimizer.step([g + left for g, left in zip(gradients, self.left)])
        self.left = [0] * len(gradients)
        return {"generator_loss": loss}


class OneOptimizer(Game):
    """One optimiser holds the weights of both: the generator's step moves the critic, too, to the generator's good."""

    def generator_step(self, real: Tensor, rng: Random) -> dict[str, Tensor]:
        """One step of both players down the generator's loss."""
        loss = self.generator_loss(self.latents(len(real), rng), real=(real,))
        mine, theirs = self.generator_optimizer.params, self.critic_optimizer.params
        gradients = grad(loss, [*mine, *theirs])
        self.generator_optimizer.step(gradients[: len(mine)])
        self.critic_optimizer.step(gradients[len(mine) :])
        return {"generator_loss": loss}


class CutOff(Game):
    """The generator's gradient does not pass through the critic: it is 0, and `grad` must be told not to mind."""

    def generator_step(self, real: Tensor, rng: Random) -> dict[str, Tensor]:
        """A step that goes nowhere."""
        fake = self.generator(self.latents(len(real), rng)).detach()
        loss = self.objective.generator_loss(self.critic(fake))
        weights = self.generator_optimizer.params
        self.generator_optimizer.step(grad(loss, weights, allow_unused=True))
        return {"generator_loss": loss}
