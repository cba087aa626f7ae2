"""GANs in the plane: networks small enough to train in seconds, and one loop for every method.

A method is a `Recipe`: an objective, what is added to it, and what the critic is built of, all taken from
`scratchgan.losses` and `scratchgan.nn`. `RECIPES` holds those of the lecture, and R3GAN's last; another one is another
line:

    mine = Recipe("hinge + R1", Hinge(), penalty=R1(0.1))
    trained = train(mine, eight_gaussians(), steps=2000, seed=0, snapshots=(0, 2000))
    trained.clouds[2000]  # float32 (2500, 2)

All methods share the generator and the number of its steps, so what differs between two rows of a table is what the
two recipes say. Critics with bounded slopes take two steps for one of the generator: they gain by being better trained.
Latents are N(0, I₂), as in WGAN-GP's program: the map from one plane to another is learnt sooner than one from a space
of eight dimensions.
"""

import math
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.hints import Arrays, Distribution, Random
from scratchgan.losses import (
    R1,
    R1R2,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    Wasserstein,
)
from scratchgan.models.game import Game
from scratchgan.models.model import made
from scratchgan.nn import init
from scratchgan.optim import Adam, RMSprop
from scratchgan.tensor import Parameter, Tensor

LATENT_SIZE, WIDTH = 2, 64

# Networks ------------------------------------------------------------------------------------------------------------


def linear(inputs: int, outputs: int, rng: Random) -> nn.Linear:
    """A linear layer with weights uniform on ±√(6 / inputs), He et al. 2015, arXiv:1502.01852, and biases 0.

    He's variance 2 / inputs keeps the size of the signal through ReLUs; PyTorch's default, a sixth of it, would start
    the generator at a point and the critic flat.
    """
    layer = nn.Linear(inputs, outputs, rng=rng)
    layer.weight = Parameter(init.uniform((outputs, inputs), math.sqrt(6 / inputs), rng))
    layer.bias = Parameter(np.zeros(outputs, np.float32))
    return layer


def generator(rng: Random, width: int = WIDTH, labels: int = 0) -> nn.Sequential:
    """The generator of all recipes: three hidden ReLU layers, (N, LATENT_SIZE + labels) -> (N, 2)."""
    return _mlp(LATENT_SIZE + labels, width, 2, lambda *sizes: linear(*sizes, rng))


def critic(rng: Random, width: int = WIDTH, labels: int = 0) -> nn.Sequential:
    """Three hidden ReLU layers, (N, 2 + labels) -> (N, 1)."""
    return _mlp(2 + labels, width, 1, lambda *sizes: linear(*sizes, rng))


def spectral_critic(rng: Random, width: int = WIDTH, slope: float = 16.0) -> nn.Module:
    """``slope`` times a `critic` with `nn.SpectralNorm` around every layer: no slope is larger.

    The bound is far off: σ is the stretch of one direction, and all others are stretched less, layer by layer. At the
    start the mean slope is 0.01 times the bound, on eight Gaussians it grows to 0.2 times it. With a bound of 1 the
    critic would be too flat to tell modes apart.
    """
    return Scaled(_mlp(2, width, 1, lambda *sizes: nn.SpectralNorm(linear(*sizes, rng), rng=rng)), slope)


class Scaled(nn.Module):
    """c · f(x), for a module f and a number c."""

    def __init__(self, module: nn.Module, factor: float):
        self.module, self.factor = module, factor

    def forward(self, input: Tensor) -> Tensor:
        """What the module gives, times the factor."""
        return self.factor * self.module(input)


def discriminating_critic(rng: Random, width: int = WIDTH, kernels: int = 16, dims: int = 2) -> nn.Sequential:
    """`critic` with `nn.MinibatchDiscrimination` before its last hidden layer."""
    return _batch_critic(rng, width, kernels, nn.MinibatchDiscrimination(width, kernels, dims, rng=rng))


def deviating_critic(rng: Random, width: int = WIDTH) -> nn.Sequential:
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
        As `Game` takes it: a term of the critic's loss.
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
    "wgan-gp": Recipe("WGAN-GP", Wasserstein(), penalty=GradientPenalty(0.1), critic_steps=2),
    "spectral": Recipe("hinge, spectral norm", Hinge(), critic=spectral_critic, critic_steps=2),
    "r1": Recipe("non-saturating + R1", NonSaturating(), penalty=R1(0.1), critic_steps=2),
    "r1-r2": Recipe("non-saturating + R1, R2", NonSaturating(), penalty=R1R2(0.1), critic_steps=2),
    "minibatch": Recipe("minibatch discrimination", NonSaturating(), critic=discriminating_critic, batch=32),
    "minibatch-std": Recipe("minibatch deviation", NonSaturating(), critic=deviating_critic),
    "rpgan": Recipe("RpGAN", Relativistic(), critic_steps=2),
    "rpgan-r1": Recipe("RpGAN + R1", Relativistic(), penalty=R1(0.1), critic_steps=2),
    "rpgan-r1-r2": Recipe("RpGAN + R1, R2", Relativistic(), penalty=R1R2(0.1), critic_steps=2),
}

# Training ------------------------------------------------------------------------------------------------------------


def players(recipe: Recipe, rng: Random, kind: Callable[..., Game] = Game) -> Game:
    """The game of a recipe: its networks, drawn from ``rng``, and its optimisers.

    Parameters
    ----------
    recipe : Recipe
    rng : numpy.random.Generator
    kind : type
        `Game`, or a subclass.
    """
    return kind(
        recipe.generator(rng),
        recipe.critic(rng),
        LATENT_SIZE,
        recipe.objective,
        partial(recipe.optimizer, lr=recipe.lr),
        partial(recipe.optimizer, lr=recipe.critic_lr),
        critic_steps=recipe.critic_steps,
        penalty=recipe.penalty,
        clip=recipe.clip,
        noise=single,
    )


def single(shape: tuple[int, ...], rng: Random) -> np.ndarray:
    """z ~ N(0, I) in float32."""
    return rng.standard_normal(shape, dtype=np.float32)


def batches(data: Distribution, size: int, rng: Random) -> Iterator[Arrays]:
    """Fresh points in each batch, without end."""
    while True:
        yield (data.sample(size, rng),)


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` leaves."""

    game: Game
    clouds: dict[int, np.ndarray] = field(repr=False)  # step: float32 (points, 2), all of the same latents
    losses: np.ndarray = field(repr=False)  # (steps, 2): the critic's and the generator's
    diverged: int | None = None  # the step that gave a loss or a sample which is not finite, and was the last


def train(
    recipe: Recipe,
    data: Distribution,
    steps: int,
    seed: int,
    snapshots: Container[int] = (),
    points: int = 2500,
    progress: Callable[[int], object] | None = None,
    kind: Callable[..., Game] = Game,
) -> Trained:
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
    kind : type
        `Game`, or a subclass.

    Returns
    -------
    Trained
    """
    rng = np.random.default_rng(seed)
    game, losses = players(recipe, rng, kind), np.empty((steps, 2))
    stream, shown = batches(data, recipe.batch, rng), game.latents(points, np.random.default_rng([seed, 1]))
    clouds = {0: made(game.generator, shown).numpy()} if 0 in snapshots else {}
    for step in range(steps):
        if recipe.rates_fall:
            for optimizer, lr in zip(game.optimizers(), (recipe.lr, recipe.critic_lr)):
                optimizer.lr = lr * (1 - step / steps)
        with np.errstate(all="ignore"):  # what overflows is found below
            numbers = game.train_step(stream, rng)
            losses[step] = numbers["critic_loss"], numbers["generator_loss"]
            seen = {step + 1: made(game.generator, shown).numpy()} if step + 1 in snapshots else {}
        if not all(np.isfinite(numbers).all() for numbers in (losses[step], *seen.values())):
            return Trained(game, clouds, losses[: step + 1], diverged=step + 1)
        clouds |= seen
        if progress:
            progress(step + 1)
    return Trained(game, clouds, losses)
