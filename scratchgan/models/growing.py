"""Networks that grow, as in ProGAN (Karras et al. 2018, arXiv:1710.10196), and the game of their two players.

The *level* says in one number how far they have grown: 0 is 4×4 pixels, 1 is 8×8, and 0.3 is 8×8 whose blocks have a
share of α = 0.3 in what comes out.
"""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from scratchgan.functional import avg_pool2d, interpolate
from scratchgan.hints import Random
from scratchgan.losses import R1, GradientPenalty, gradient_norms, gradient_penalty, on_lines, r1_penalty
from scratchgan.losses.adversarial import Objective
from scratchgan.models.game import Game
from scratchgan.nn import Module, ModuleList
from scratchgan.nn.options import Whole
from scratchgan.optim import Optimizer
from scratchgan.tensor import Tensor, grad

# Sizes and shares ----------------------------------------------------------------------------------------------------


def up(images: Tensor) -> Tensor:
    """Each pixel twice in each direction."""
    return interpolate(images, scale_factor=2)


def pool(images: Tensor) -> Tensor:
    """Means of 2×2 pixels."""
    return avg_pool2d(images, 2)


def fade(old: Tensor, new: Tensor, share: float) -> Tensor:
    """(1 − α) · old + α · new."""
    return (1 - share) * old + share * new


def split(level: float, blocks: ModuleList) -> tuple[int, float]:
    """The level of the blocks that are at work in full, and the share α of the next one."""
    if not 0 <= level <= len(blocks) - 1:
        raise ValueError(f"level={level} must be from 0 to {len(blocks) - 1}: there are {len(blocks)} blocks")
    return int(level), level % 1


def blended(images: Tensor, level: float, top: int) -> Tensor:
    """Images (N, C, H, H) of the ``top`` level as the critic sees them at this one.

    Raises
    ------
    ValueError
        For images of another size: what is no power of 2 would lose its last pixels on the way.
    """
    if images.shape[2:] != (4 << top, 4 << top):
        size = f"{4 << top}×{4 << top}"
        raise ValueError(f"networks up to level {top} learn from images of {size} pixels, not of shape {images.shape}")
    for _ in range(top - int(np.ceil(level))):
        images = pool(images)
    return fade(up(pool(images)), images, level % 1) if level % 1 else images


# The level -----------------------------------------------------------------------------------------------------------


class Growth:
    """The level as a function of the images that the critic has seen: it rests, and it rises by 1, in turns.

    Parameters
    ----------
    top : int
        The last level.
    rest, rise : int
        Images of each rest but the last, which does not end, and of each rise.

    Attributes
    ----------
    seen : int
    """

    top, rest, rise = Whole("[0, ∞)"), Whole("[0, ∞)"), Whole()

    def __init__(self, top: int, rest: int, rise: int):
        self.top, self.rest, self.rise, self.seen = top, rest, rise, 0

    @property
    def level(self) -> float:
        """From 0 to ``top``."""
        turns, images = divmod(self.seen, self.rest + self.rise)
        return min(turns + max(0, images - self.rest) / self.rise, float(self.top))

    def state_dict(self) -> dict[str, np.ndarray]:
        """The number of images."""
        return {"seen": np.array(self.seen)}

    def count(self, images: int) -> bool:
        """See these images, too; whether a rise begins or ends with them."""
        before = self.level
        self.seen += images
        return [np.ceil(before), np.floor(before)] != [np.ceil(self.level), np.floor(self.level)]

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over the number of images."""
        self.seen = int(state["seen"])


# Penalties -----------------------------------------------------------------------------------------------------------


def steepness(critic: Module, level: float) -> int:
    """How many times as steep D is as a function of images of this level as it is of them enlarged to the last one.

    Each level below halves the side: an image has a quarter of the pixels, of which each counts four times as much, so
    the slope is twice as long. A penalty on slopes that is blind to this asks D for another scale whenever it grows.
    """
    return 2 ** (len(critic.blocks) - 1 - math.ceil(level))


class R1OfEnlarged(R1):
    """R₁ of D as a function of images enlarged to the last level; see `steepness`. γ is that of the last level."""

    def __call__(self, critic: Module, real: Tensor, fake: Tensor, level: float, rng: Random) -> dict[str, Tensor]:
        """{"penalty": Tensor, ()}."""
        return {"penalty": r1_penalty(critic, real, self.gamma / steepness(critic, level) ** 2, level)}


class GradientPenaltyOfEnlarged(GradientPenalty):
    """λ E (‖∇D(x̂)‖ − c)² of D as a function of images enlarged to the last level; see `steepness`."""

    def __call__(self, critic: Module, real: Tensor, fake: Tensor, level: float, rng: Random) -> dict[str, Tensor]:
        """{"penalty": Tensor, (), "gradient_norm": Tensor, ()}."""
        norms = gradient_norms(critic, on_lines(real, fake, rng), level) / steepness(critic, level)
        penalty = self.weight * gradient_penalty(norms, self.center, one_sided=self.one_sided)
        return {"penalty": penalty, "gradient_norm": norms.mean()}


# The game ------------------------------------------------------------------------------------------------------------


class Growing(Game):
    """Two players of networks that grow, their optimisers, and a level that rises; see `Game`.

    Parameters
    ----------
    generator, critic : Module
        They are given the level, too.
    latent_size, objective, optimizer, **options
        See `Game`.
    growth : Growth
    """

    watch = {"level": "level", "critic_loss": "L_D", "generator_loss": "L_G"}
    panels = {"level: 0 is 4×4 pixels, each more doubles them": ["level"], **Game.panels}

    def __init__(
        self,
        generator: Module,
        critic: Module,
        latent_size: int,
        objective: Objective,
        optimizer: Callable[..., Optimizer],
        growth: Growth,
        **options,
    ):
        super().__init__(generator, critic, latent_size, objective, optimizer, **options)
        if callable(self.critic_steps):  # the optimisers count the iterations, and begin anew at each level
            raise ValueError("critic_steps of networks that grow must be a number: no function of the iteration")
        self.growth, self.seen = growth, 0  # the images of this iteration

    def draw(self, batches: Iterator) -> tuple:
        """The next batch as it looks at this level, and the level."""
        (images,) = super().draw(batches)
        return blended(images, self.growth.level, self.growth.top), self.growth.level

    def conditions(self, count: int, rng: Random, alike: bool = False) -> tuple:
        """The level."""
        return (self.growth.level,)

    def descend(self, optimizer: Optimizer, loss: Tensor) -> Tensor:
        """One step; the gradients of blocks that are asleep are 0, so Adam leaves these alone."""
        optimizer.step(grad(loss, optimizer.params, allow_unused=True))
        return loss.detach()

    def critic_step(self, real: Tensor, level: float, rng: Random) -> dict[str, Tensor]:
        """One step down L_D, and its images are counted."""
        self.seen += len(real) * self.ranks.size
        return super().critic_step(real, level, rng=rng)

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """As in every game, at one level; then it may rise. Where a rise begins or ends, both optimisers begin anew."""
        level, self.seen = self.growth.level, 0
        numbers = super().train_step(batches, rng)
        if self.growth.count(self.seen):
            for optimizer in self.optimizers():
                optimizer.reset()
        return {"level": level, **numbers}

    def drawing_parts(self) -> tuple[str, ...]:
        """The best generator, and how far it has grown."""
        return (*super().drawing_parts(), "growth")

    def images(self, z: Tensor, level: float | None = None, rng: Random | None = None) -> np.ndarray:
        """Images by the averaged generator, of this level or the present one, in the size of the last level."""
        return self.enlarged(super().images(z, self.growth.level if level is None else level, rng=rng))

    def enlarged(self, images: np.ndarray) -> np.ndarray:
        """Images in the size of the last level; what a linear output has beyond [−1, 1] is cut off."""
        times = (4 << self.growth.top) // images.shape[-1]
        return np.clip(images, -1, 1).repeat(times, 2).repeat(times, 3)
