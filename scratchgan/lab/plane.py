"""GANs in the plane: networks small enough to train in seconds, and one loop for every method.

A method is a `Recipe`: an objective, what is added to it, and what the critic is built of, all taken from
`scratchgan.losses` and `scratchgan.nn`. `RECIPES` holds those of the lecture; another one is another line:

    mine = Recipe("relativistic", Relativistic(), penalty=r1(0.1))
    trained = train(mine, eight_gaussians(), steps=2000, seed=0, snapshots=(0, 2000))
    trained.clouds[2000]  # float32 (2500, 2)

All methods share the generator and the number of its steps, so what differs between two rows of a table is what the
two recipes say. Critics with bounded slopes take two steps for one of the generator: they gain by being better trained.
Latents are N(0, I₂), as in WGAN-GP's program: the map from one plane to another is learnt sooner than one from a space
of eight dimensions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.losses import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Wasserstein,
    clip_weights,
    gradient_norms,
    gradient_penalty,
    interpolate,
    r1_penalty,
    r1_r2_penalty,
)
from scratchgan.nn import init
from scratchgan.optim import Adam, RMSprop
from scratchgan.tensor import Parameter, Tensor, grad, no_grad

LATENT_SIZE, WIDTH = 2, 64

# Networks ------------------------------------------------------------------------------------------------------------


def linear(inputs, outputs, rng):
    """A linear layer with weights uniform on ±√(6 / inputs), He et al. 2015, arXiv:1502.01852, and biases 0.

    He's variance 2 / inputs keeps the size of the signal through ReLUs; PyTorch's default, a sixth of it, would start
    the generator at a point and the critic flat.
    """
    layer = nn.Linear(inputs, outputs, rng=rng)
    layer.weight = Parameter(init.uniform((outputs, inputs), math.sqrt(6 / inputs), rng))
    layer.bias = Parameter(np.zeros(outputs, np.float32))
    return layer


def generator(rng, width=WIDTH):
    """The generator of all recipes: three hidden ReLU layers, (N, LATENT_SIZE) -> (N, 2)."""
    return _mlp(LATENT_SIZE, width, 2, lambda *sizes: linear(*sizes, rng))


def critic(rng, width=WIDTH):
    """Three hidden ReLU layers, (N, 2) -> (N, 1)."""
    return _mlp(2, width, 1, lambda *sizes: linear(*sizes, rng))


def spectral_critic(rng, width=WIDTH, slope=16.0):
    """``slope`` times a `critic` with `nn.SpectralNorm` around every layer: no slope is larger.

    The bound is far off: σ is the stretch of one direction, and all others are stretched less, layer by layer. At the
    start the mean slope is 0.01 times the bound, on eight Gaussians it comes to 0.2 times it. With a bound of 1 the
    critic would be too flat to tell modes apart.
    """
    return Scaled(_mlp(2, width, 1, lambda *sizes: nn.SpectralNorm(linear(*sizes, rng), rng=rng)), slope)


class Scaled(nn.Module):
    """c · f(x), for a module f and a number c."""

    def __init__(self, module, factor):
        self.module, self.factor = module, factor

    def forward(self, input):
        """What the module gives, times the factor."""
        return self.factor * self.module(input)


def discriminating_critic(rng, width=WIDTH, kernels=16, dims=2):
    """`critic` with `nn.MinibatchDiscrimination` before its last hidden layer."""
    return _batch_critic(rng, width, kernels, nn.MinibatchDiscrimination(width, kernels, dims, rng=rng))


def deviating_critic(rng, width=WIDTH):
    """`critic` with `nn.MinibatchStdDev` over the whole batch before its last hidden layer."""
    image = nn.Unflatten(1, (width, 1, 1))
    return _batch_critic(rng, width, 1, nn.Sequential(image, nn.MinibatchStdDev(group_size=2**30), nn.Flatten()))


def _mlp(inputs, width, outputs, layer):
    sizes = (inputs, width, width, width)
    hidden = [part for pair in zip(sizes, sizes[1:]) for part in (layer(*pair), nn.ReLU())]
    return nn.Sequential(*hidden, layer(width, outputs))


def _batch_critic(rng, width, extra, layer):
    """A critic that learns from ``layer`` what the batch is like: ``extra`` features more."""
    below = (linear(2, width, rng), nn.ReLU(), linear(width, width, rng), nn.ReLU())
    return nn.Sequential(*below, layer, linear(width + extra, width, rng), nn.ReLU(), linear(width, 1, rng))


# Penalties, as (critic, real, fake, rng) -> Tensor, () ---------------------------------------------------------------


def wgan_gp(weight):
    """λ E (‖∇D(x̂)‖ − 1)² on lines from real to fake: see `losses.gradient_penalty`."""

    def penalty(critic, real, fake, rng):
        return weight * gradient_penalty(gradient_norms(critic, interpolate(real, fake, rng)))

    return penalty


def r1(gamma):
    """γ/2 E ‖∇D(x)‖² on real points: see `losses.r1_penalty`."""
    return lambda critic, real, fake, rng: r1_penalty(critic, real, gamma)


def r1_r2(gamma):
    """γ/2 E ‖∇D‖² on real points and on generated ones: see `losses.r1_r2_penalty`."""
    return lambda critic, real, fake, rng: r1_r2_penalty(critic, real, fake, gamma)


# Recipes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Recipe:
    """A method: what the two players descend, and how.

    Parameters
    ----------
    name : str
        As in pictures and tables.
    objective : Objective
    penalty : callable, optional
        ``(critic, real, fake, rng) -> Tensor, ()``, added to the critic's loss.
    clip : float, optional
        The critic's weights are kept in [−clip, clip], after each of its steps.
    critic, generator : callable
        ``(rng) -> Module``: (N, 2) -> (N, 1) and (N, LATENT_SIZE) -> (N, 2).
    critic_steps : int
        For each step of the generator.
    optimizer : callable
        ``(params, lr) -> Optimizer``, for both players.
    lr, critic_lr : float
        The first learning rates.
    rates_fall : bool
        Whether they fall linearly to 0, which brings players to rest that would otherwise circle on.
    batch : int
        Real points, and as many generated ones, in a step.
    """

    name: str
    objective: Objective
    penalty: Callable | None = None
    clip: float | None = None
    critic: Callable = critic
    generator: Callable = generator
    critic_steps: int = 1
    optimizer: Callable = partial(Adam, betas=(0.5, 0.9))
    lr: float = 5e-3
    critic_lr: float = 5e-3
    rates_fall: bool = True
    batch: int = 128


RECIPES = {
    "minimax": Recipe("minimax", Minimax()),
    "non-saturating": Recipe("non-saturating", NonSaturating()),
    "least-squares": Recipe("least squares", LeastSquares()),
    "wgan-clip": Recipe(
        "WGAN, clipped", Wasserstein(), clip=0.3, critic_steps=2, optimizer=RMSprop, lr=1e-3, critic_lr=1e-3
    ),
    "wgan-gp": Recipe("WGAN-GP", Wasserstein(), penalty=wgan_gp(0.1), critic_steps=2),
    "spectral": Recipe("hinge, spectral norm", Hinge(), critic=spectral_critic, critic_steps=2),
    "r1": Recipe("non-saturating + R1", NonSaturating(), penalty=r1(0.1), critic_steps=2),
    "r1-r2": Recipe("non-saturating + R1, R2", NonSaturating(), penalty=r1_r2(0.1), critic_steps=2),
    "minibatch": Recipe("minibatch discrimination", NonSaturating(), critic=discriminating_critic, batch=32),
    "minibatch-std": Recipe("minibatch deviation", NonSaturating(), critic=deviating_critic),
}

# Training ------------------------------------------------------------------------------------------------------------


class Game:
    """The two players of a recipe, and the steps they take.

    Parameters
    ----------
    recipe : Recipe
    rng : numpy.random.Generator
        Draws the initial weights.
    """

    def __init__(self, recipe, rng):
        self.recipe, self.generator, self.critic = recipe, recipe.generator(rng), recipe.critic(rng)
        self.generator_optimizer = recipe.optimizer(self.generator.parameters(), lr=recipe.lr)
        self.critic_optimizer = recipe.optimizer(self.critic.parameters(), lr=recipe.critic_lr)

    def latents(self, count, rng):
        """z ~ N(0, I): Tensor (count, LATENT_SIZE)."""
        return Tensor(rng.standard_normal((count, LATENT_SIZE), dtype=np.float32))

    def critic_loss(self, real, fake, rng):
        """The objective's loss, and the penalty: Tensor, ()."""
        loss = self.recipe.objective.discriminator_loss(self.critic(real), self.critic(fake))
        return loss + self.recipe.penalty(self.critic, real, fake, rng) if self.recipe.penalty else loss

    def generator_loss(self, fake, real):
        """The objective's loss, of fresh fakes: Tensor, ()."""
        objective = self.recipe.objective
        return objective.generator_loss(self.critic(fake), self.critic(real) if objective.relativistic else None)

    def critic_step(self, real, rng):
        """One step of the critic on real points (N, 2); its loss, a float."""
        with no_grad():  # x̃ is a constant to the critic
            fake = self.generator(self.latents(len(real), rng))
        loss = self.critic_loss(real, fake, rng)
        weights = self.critic_optimizer.params
        self.critic_optimizer.step(grad(loss, weights))
        if self.recipe.clip:
            clip_weights(weights, self.recipe.clip)
        return loss.item()

    def generator_step(self, real, rng):
        """One step of the generator; its loss, a float. No gradient of the critic's weights is formed."""
        loss = self.generator_loss(self.generator(self.latents(len(real), rng)), real)
        self.generator_optimizer.step(grad(loss, self.generator_optimizer.params))
        return loss.item()

    def step(self, data, rng):
        """``critic_steps`` steps of the critic, each on fresh data, and one of the generator: the two last losses."""
        for _ in range(self.recipe.critic_steps):
            real = Tensor(data.sample(self.recipe.batch, rng))
            critic_loss = self.critic_step(real, rng)
        return critic_loss, self.generator_step(real, rng)

    def slow_down(self, remaining):
        """Set both learning rates to a share of the first ones."""
        self.generator_optimizer.lr = self.recipe.lr * remaining
        self.critic_optimizer.lr = self.recipe.critic_lr * remaining

    def samples(self, latents):
        """What the generator makes of latents (N, LATENT_SIZE), in evaluation mode: float32 (N, 2)."""
        self.generator.eval()
        with no_grad():
            made = self.generator(latents).numpy()
        self.generator.train()
        return made


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` leaves."""

    game: Game
    clouds: dict = field(repr=False)  # step: float32 (points, 2), all of the same latents
    losses: np.ndarray = field(repr=False)  # (steps, 2): the critic's and the generator's
    diverged: int | None = None  # the step that gave a loss or a sample which is not finite, and was the last


def train(recipe, data, steps, seed, snapshots=(), points=2500, progress=None, players=Game):
    """Train a GAN in the plane, to the end or until it diverges.

    Parameters
    ----------
    recipe : Recipe
    data : object with ``sample(n, rng)``
        Such as those of `scratchgan.data.toy`.
    steps : int
        Of the generator.
    seed : int
        Of all random numbers: the same seed gives the same numbers.
    snapshots : container of int
        After which steps, from 0 to ``steps``, samples are kept. They are all made from the same latents, so that
        from one to the next each point moves.
    points : int
        Samples of a snapshot.
    progress : callable, optional
        ``(step) -> None``, called after each step.
    players : callable
        ``(recipe, rng) -> Game``.

    Returns
    -------
    Trained
    """
    rng = np.random.default_rng(seed)
    game = players(recipe, rng)
    shown, losses = game.latents(points, np.random.default_rng([seed, 1])), np.empty((steps, 2))
    clouds = {0: game.samples(shown)} if 0 in snapshots else {}
    for step in range(steps):
        if recipe.rates_fall:
            game.slow_down(1 - step / steps)
        with np.errstate(all="ignore"):  # what overflows is found below
            losses[step] = game.step(data, rng)
            seen = {step + 1: game.samples(shown)} if step + 1 in snapshots else {}
        if not all(np.isfinite(numbers).all() for numbers in (losses[step], *seen.values())):
            return Trained(game, clouds, losses[: step + 1], diverged=step + 1)
        clouds |= seen
        if progress:
            progress(step + 1)
    return Trained(game, clouds, losses)
