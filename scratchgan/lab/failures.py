"""The five commonest failures of a GAN, each made on purpose beside a game that goes well: what do the losses show?

A `Failure` is two games in the plane that differ in one part. Both are watched: their losses in each step, and now and
then the number that gives the failure away. Often that is no loss. Two of the five have the losses of a healthy game.

    seen = play("collapse", failing=True, steps=600, seed=0)
    seen.losses[200]  # L_D and L_G: near log 4 and log 2, as if all were well
    seen.told[5]      # modes found, of eight: 1
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.data.toy import SwissRoll
from scratchgan.functional import cat
from scratchgan.hints import Distribution, Random
from scratchgan.lab import plane, probes
from scratchgan.lab.critics import scores
from scratchgan.lab.flawed import DATA
from scratchgan.lab.plane import Recipe
from scratchgan.metrics import distances, modes_covered
from scratchgan.models.game import Game
from scratchgan.models.model import made
from scratchgan.tensor import Tensor

EVERY = 40  # steps from one look to the next
LOOKED_AT = 500  # points, in each look

# Games ----------------------------------------------------------------------------------------------------------------


class Watched(Game):
    """A game that keeps a number of itself: before its first step, and after every fortieth.

    Attributes
    ----------
    tell : callable
        ``(game, rng) -> float``.
    told : list of float
    """

    tell, told = None, None

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """One step, and a look at the game, by random numbers of its own."""
        self.told = self.told or [self.look()]
        numbers = super().train_step(batches, rng)
        if self.generator_optimizer.steps % EVERY == 0:
            self.told.append(self.look())
        return numbers

    def look(self) -> float:
        """The number as it is now: float."""
        with np.errstate(all="ignore"):  # of a game that diverges
            return float(self.tell(self, np.random.default_rng(0)))

    def points(self, rng: Random) -> np.ndarray:
        """Samples: float32 (LOOKED_AT, …)."""
        return made(self.generator, self.latents(LOOKED_AT, rng)).numpy()


class Labelled(Watched):
    """A conditional game in the plane: a point and its label are one vector, (x, e_y), which both players see.

    The generator is given z with a label behind it, and hands the label on; so D is shown pairs.
    """

    def latents(self, count: int, rng: Random) -> Tensor:
        """(z, e_y): Tensor (count, 2 + 8), with labels at equal odds."""
        y = np.eye(len(DATA.centres), dtype=np.float32)[rng.integers(len(DATA.centres), size=count)]
        return self.tensor(np.concatenate([self.noise((count, self.latent_size), rng), y], 1))


class HandsOn(nn.Module):
    """(z, e_y) ↦ (G(z, e_y), e_y)."""

    def __init__(self, module: nn.Module):
        self.module = module

    def forward(self, input: Tensor) -> Tensor:
        """A point, with the label it was asked for."""
        return cat([self.module(input), input[:, plane.LATENT_SIZE :]], 1)


def told_generator(rng: Random) -> nn.Module:
    """`plane.generator`, told a label."""
    return HandsOn(plane.generator(rng, labels=len(DATA.centres)))


# Data -----------------------------------------------------------------------------------------------------------------


class Pairs:
    """Eight Gaussians and their numbers as one vector, (x, e_y): float32 (n, 2 + 8).

    Parameters
    ----------
    mixed : bool
        Whether points and labels are shuffled separately, a common slip.
    """

    def __init__(self, mixed: bool = False):
        self.mixed = mixed

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """n pairs."""
        y = rng.integers(len(DATA.centres), size=n)
        x = (DATA.centres[y] + DATA.sigma * rng.standard_normal((n, 2))).astype(np.float32)
        return np.concatenate(
            [x, np.eye(len(DATA.centres), dtype=np.float32)[rng.permutation(y) if self.mixed else y]], 1
        )


class Few:
    """A training set of so many points of a Swiss roll, drawn once, which come again and again.

    Parameters
    ----------
    count : int
    data : object with ``sample(n, rng)``
    """

    def __init__(self, count: int, data: Distribution):
        self.points = data.sample(count, np.random.default_rng(5))

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """n of them, with replacement."""
        return self.points[rng.integers(len(self.points), size=n)]


ROLL = SwissRoll()
FEW = Few(16, ROLL)

# What gives them away, as (game, rng) -> float ------------------------------------------------------------------------


def modes(game: Watched, rng: Random) -> float:
    """The modes with a fifth of their share of the samples, or more."""
    least = math.ceil(0.2 * LOOKED_AT / len(DATA.centres))
    return modes_covered(game.points(rng), DATA.centres, DATA.spacing / 4, least)


def believed(game: Watched, rng: Random) -> float:
    """E σ(D(x̃)), which is the size of the slope of minimax in the logit: all that G is given."""
    return (1 / (1 + np.exp(-scores(game.critic, game.points(rng)).astype(float)))).mean()


def slope(game: Watched, rng: Random) -> float:
    """E ‖∇D(x̂)‖ between real and generated points."""
    return float(probes.slopes_between(game.critic, DATA.sample(LOOKED_AT, rng), game.points(rng), rng).mean())


def right_label(game: Watched, rng: Random) -> float:
    """The share of samples that lie next to the centre that was asked for."""
    points = game.points(rng)
    nearest = distances(points[:, :2], DATA.centres).argmin(1)
    return (nearest == points[:, 2:].argmax(1)).mean()


def favour(game: Watched, rng: Random) -> float:
    """E D(x) of the sixteen training points, less that of fresh points of the same law."""
    return float(scores(game.critic, FEW.points).mean() - scores(game.critic, ROLL.sample(LOOKED_AT, rng)).mean())


# The failures ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Failure:
    """A game that fails beside one that does not.

    Parameters
    ----------
    title : str
    made : str
        How it is made to fail.
    telling : str
        What ``tell`` gives, as in pictures.
    tell : callable
        ``(game, rng) -> float``: the number that gives it away.
    failing, right : Recipe
    bounds : tuple of float
        Of that number, at the end of a game that goes well.
    failing_data, right_data : object with ``sample(n, rng)``
    kind : type
        `Watched`, or a subclass.
    """

    title: str
    made: str
    telling: str
    tell: Callable[[Watched, Random], float]
    bounds: tuple[float, float]
    failing: Recipe
    right: Recipe = plane.RECIPES["r1"]
    failing_data: Distribution = DATA
    right_data: Distribution = DATA
    kind: type = Watched


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a game."""

    losses: np.ndarray = field(repr=False)  # (steps, 2): L_D and L_G
    told: np.ndarray = field(repr=False)  # before the first step, and after each fortieth
    samples: np.ndarray | None = field(repr=False)  # float32 (2500, …), none of a game that diverged
    diverged: int | None


def play(name: str, failing: bool, steps: int, seed: int) -> Seen:
    """Train a game of `FAILURES` that fails, or the one beside it that does not.

    Parameters
    ----------
    name : str
    failing : bool
    steps, seed : int
        As for `plane.train`.

    Returns
    -------
    Seen
    """
    failure = FAILURES[name]
    game = (failure.failing, failure.failing_data) if failing else (failure.right, failure.right_data)
    kind = type("Game", (failure.kind,), {"tell": staticmethod(failure.tell)})
    trained = plane.train(*game, steps, seed, snapshots=(steps,), kind=kind)
    return Seen(trained.losses, np.array(trained.game.told), trained.clouds.get(steps), trained.diverged)


_NS, _GP = plane.RECIPES["non-saturating"], plane.RECIPES["wgan-gp"]
_TOLD = replace(plane.RECIPES["r1"], generator=told_generator, critic=partial(plane.critic, labels=len(DATA.centres)))
_TWO_STEPS = replace(_NS, critic_steps=2)

FAILURES = {
    "collapse": Failure(
        "mode collapse",
        "G learns ten times as fast as D, and no rate falls",
        "modes found, of 8",
        modes,
        (8, 8),
        replace(_NS, lr=2e-3, critic_lr=2e-4, rates_fall=False),
    ),
    "saturation": Failure(
        "D too strong",
        "minimax, four steps of D for each of G",
        "E σ(D(x̃)): all that G is given",
        believed,
        (0.4, 0.6),
        replace(plane.RECIPES["minimax"], critic_steps=4, lr=1e-3, rates_fall=False),
    ),
    "divergence": Failure(
        "divergence",
        "WGAN-GP without its penalty",
        "slope of D between reals and fakes",
        slope,
        (0.7, 1.3),
        replace(_GP, penalty=None),
        right=_GP,
    ),
    "labels": Failure(
        "labels not learnt",
        "points and labels shuffled separately",
        "share of samples with the right label",
        right_label,
        (0.95, 1),
        _TOLD,
        right=_TOLD,
        failing_data=Pairs(mixed=True),
        right_data=Pairs(),
        kind=Labelled,
    ),
    "memory": Failure(
        "memorising",
        "16 training points, again and again",
        "D of training points, less D of fresh ones",
        favour,
        (-1.5, 1.5),
        _TWO_STEPS,
        right=_TWO_STEPS,
        failing_data=FEW,
        right_data=ROLL,
    ),
}
