"""The game that the GANs here play: two players, their optimisers, and the steps they take in turn.

What is common to all papers stands here, so that a paper's own file holds what it says: its objective, its networks
and what it does differently. A generator G maps latents z ~ N(0, I) to images x̃ = G(z); a critic D, whether it is
called so or a discriminator, maps images to scores, one number each; an objective of `scratchgan.losses` says which
mean of the scores each player descends. One iteration is

    critic_steps times:   real batch x, fresh fakes x̃ = G(z);   one step of D's weights down L_D(D(x), D(x̃)) + penalty
    once:                 fresh z;                              one step of G's weights down L_G(D(G(z)))

Labels y, where there are any, travel beside: G(z, y) and D(x, y). Reals and fakes go through D one after the other,
never in one batch: batch norm would mix their statistics.
"""

from collections.abc import Callable, Iterator

import numpy as np

from scratchgan.hints import Array, Random, Told
from scratchgan.losses import clip_weights
from scratchgan.losses.adversarial import Objective
from scratchgan.models.latents import slerp, standard_normal
from scratchgan.models.model import Model, in_blocks, made
from scratchgan.nn import AveragedWeights, Module
from scratchgan.nn.options import Number, Varying, Whole
from scratchgan.optim import Optimizer
from scratchgan.tensor import Tensor, no_grad


class Game(Model):
    """Two players, their optimisers, and alternating steps.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …) -> (N, 1)
    latent_size : int
    objective : Objective
        See `scratchgan.losses`.
    optimizer : callable
        ``(parameters) -> Optimizer``, called for each player, such as ``partial(Adam, lr=2e-4)``.
    critic_optimizer : callable, optional
        For the critic, where it has another.
    critic_steps : int or callable
        The critic's steps for each one of the generator; where they change, a function of the iteration, from 0.
    penalty : callable, optional
        ``(critic, real, fake, *y, rng) -> {"penalty": Tensor, …}``, such as `losses.GradientPenalty`: a term of the
        critic's loss, and numbers to watch.
    clip : float, optional
        c: after each of its steps, the critic's weights are brought back to [−c, c].
    noise : callable
        ``(shape, rng) -> array``: the latents.
    average_decay : float, optional
        β of `nn.AveragedWeights`: pictures and samples are made by an average of G over time.
    low : float
        See `Model`.
    """

    latent_size, critic_steps, clip = Whole(), Varying(), Number("(0, ∞)", optional=True)
    watch = {"critic_loss": "L_D", "generator_loss": "L_G"}
    panels = {"losses": ["critic_loss", "generator_loss"], "mean scores": ["real_score", "fake_score"]}

    def __init__(
        self,
        generator: Module,
        critic: Module,
        latent_size: int,
        objective: Objective,
        optimizer: Callable[..., Optimizer],
        critic_optimizer: Callable[..., Optimizer] | None = None,
        critic_steps: int | Callable[[int], int] = 1,
        penalty: Callable[..., dict[str, Tensor]] | None = None,
        clip: float | None = None,
        noise: Callable[[tuple[int, int], Random], Array] = standard_normal,
        average_decay: float | None = None,
        low: float = -1.0,
    ):
        self.generator, self.critic, self.latent_size, self.low = generator, critic, latent_size, low
        self.objective, self.critic_steps = objective, critic_steps
        self.penalty, self.clip, self.noise = penalty, clip, noise
        self.generator_optimizer = optimizer(generator.parameters())
        self.critic_optimizer = (critic_optimizer or optimizer)(critic.parameters())
        self.average = AveragedWeights(generator, average_decay) if average_decay is not None else None

    def latents(self, count: int, rng: Random) -> Tensor:
        """z: Tensor (count, latent_size)."""
        return self.tensor(self.noise((count, self.latent_size), rng))

    def conditions(self, count: int, rng: Random, alike: bool = False) -> tuple:
        """What both players are told besides images: nothing here; ``alike``: the same for all of them."""
        return ()

    def inputs(self, z: Tensor, *y: Told, rng: Random | None) -> tuple:
        """What the generator is given; one that draws noise of its own is given ``rng``, too."""
        return (z, *y)

    # What the players descend -----------------------------------------------------------------------------------------

    def critic_loss(self, real: Tensor, fake: Tensor, *y: Told, rng: Random) -> dict[str, Tensor]:
        """L_D on one batch, and numbers to watch: {"real_score": E D(x), "fake_score": E D(x̃), …, "critic_loss": L_D}.

        Parameters
        ----------
        real, fake : Tensor, (N, …)
        *y : Tensor, (N, classes)
            The labels of both, where there are any.
        rng : numpy.random.Generator
            Draws the points of a penalty.
        """
        real_scores, fake_scores = self.critic(real, *y), self.critic(fake, *y)
        loss = self.objective.discriminator_loss(real_scores, fake_scores)
        numbers = {"real_score": real_scores.mean(), "fake_score": fake_scores.mean()}
        if self.penalty:
            numbers |= self.penalty(self.critic, real, fake, *y, rng=rng)
            loss = loss + numbers["penalty"]
        return numbers | {"critic_loss": loss}

    def generator_loss(self, z: Tensor, *y: Told, real: tuple | None = None, rng: Random | None = None) -> Tensor:
        """L_G of images made from z; relativistic objectives compare them with ``real``, a batch as `draw` gives it."""
        fake_scores = self.critic(self.generator(*self.inputs(z, *y, rng=rng)), *y)
        return self.objective.generator_loss(fake_scores, self.critic(*real) if self.objective.relativistic else None)

    # Steps ------------------------------------------------------------------------------------------------------------

    def critic_step(self, real: Tensor, *y: Told, rng: Random) -> dict[str, Tensor]:
        """One step down L_D. Only the critic's weights move."""
        with no_grad():  # x̃ is a constant to the critic
            fake = self.generator(*self.inputs(self.latents(len(real), rng), *y, rng=rng))
        numbers = self.critic_loss(real, fake, *y, rng=rng)
        numbers["critic_loss"] = self.descend(self.critic_optimizer, numbers["critic_loss"])
        if self.clip is not None:
            clip_weights(self.critic.parameters(), self.clip)
        return {name: value.detach() for name, value in numbers.items()}

    def generator_step(self, *real: Told, rng: Random) -> dict[str, Tensor]:
        """One step down L_G. Only the generator's weights move, and no gradient of the critic's is formed.

        ``real`` is the critic's last batch. Most games need only its length, as they draw fresh labels; a relativistic
        objective compares pairs, and both of a pair have the label of the real one.
        """
        y = real[1:] if self.objective.relativistic else self.conditions(len(real[0]), rng)
        loss = self.generator_loss(self.latents(len(real[0]), rng), *y, real=real, rng=rng)
        return {"generator_loss": self.descend(self.generator_optimizer, loss)}

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """The critic's steps, each on a fresh batch, and one of the generator; the last numbers of each."""
        for _ in range(self._critic_steps_now()):
            real = self.draw(batches)
            numbers = self.critic_step(*real, rng=rng)
        numbers |= self.generator_step(*real, rng=rng)
        if self.average:
            self.average.update(self.generator)
        return {name: value.item() for name, value in numbers.items()}  # read once: each reading waits for a GPU

    def _critic_steps_now(self):
        steps = self.critic_steps
        return steps(self.generator_optimizer.steps) if callable(steps) else steps

    # Pictures and samples ---------------------------------------------------------------------------------------------

    def images(self, z: Tensor, *y: Told, rng: Random | None = None) -> np.ndarray:
        """Images of given latents (and labels), by the averaged generator if there is one: float32 in [−1, 1]."""
        return self.shown(made(self.best, *self.inputs(z, *y, rng=rng)))

    @property
    def best(self) -> Module:
        """The generator that pictures and samples are made by: the averaged one, if there is one."""
        return self.average.module if self.average else self.generator

    def drawing_parts(self) -> tuple[str, ...]:
        """The best generator."""
        return ("average" if self.average else "generator",)

    def show(self, examples: tuple, rng: Random) -> np.ndarray:
        """64 images, in rows of eight."""
        images = self.images(self.latents(64, rng), *self.conditions(64, rng), rng=rng)
        return images.reshape(8, 8, *images.shape[1:])

    @in_blocks
    def samples(self, count: int, rng: Random) -> dict[str, np.ndarray]:
        """``count`` images."""
        return {"samples": self.images(self.latents(count, rng), *self.conditions(count, rng), rng=rng)}

    def strip(self, rows: int, columns: int, rng: Random) -> np.ndarray:
        """Rows of images along arcs from one latent to another."""
        arcs = [slerp(*self.latents(2, rng).numpy(), np.linspace(0, 1, columns)) for _ in range(rows)]
        y = self.conditions(rows * columns, rng, alike=True)
        images = self.images(self.tensor(np.concatenate(arcs)), *y, rng=rng)
        return images.reshape(rows, columns, *images.shape[1:])


class ConditionalGame(Game):
    """A game in which each image has a class y, which the generator is told: G(z, y).

    In a batch a label is an integer; the networks see it as a one-hot vector e_y = (0, …, 1, …, 0).

    Parameters
    ----------
    generator : Module, (N, latent_size), (N, classes) -> (N, …)
    critic : Module, (N, …), (N, classes) -> (N, 1)
    latent_size, objective, optimizer, **options
        See `Game`.
    classes : int
    """

    classes = Whole()

    def __init__(
        self,
        generator: Module,
        critic: Module,
        latent_size: int,
        objective: Objective,
        optimizer: Callable[..., Optimizer],
        classes: int = 10,
        **options,
    ):
        super().__init__(generator, critic, latent_size, objective, optimizer, **options)
        self.classes = classes

    def one_hot(self, labels: np.ndarray) -> Tensor:
        """e_y of integers y, each in 0 … classes − 1: Tensor (N, classes)."""
        if np.min(labels, initial=0) < 0 or np.max(labels, initial=0) >= self.classes:
            raise ValueError(f"labels {np.min(labels)}…{np.max(labels)} are outside the classes 0…{self.classes - 1}")
        return self.tensor(np.eye(self.classes)[labels])

    def draw(self, batches: Iterator) -> tuple:
        """The next batch of real images, and their labels as one-hot vectors."""
        images, labels = super().draw(batches)
        return images, self.one_hot(labels)

    def conditions(self, count: int, rng: Random, alike: bool = False) -> tuple:
        """Classes drawn uniformly, each for itself or one for all, as one-hot vectors."""
        return (self.one_hot(np.broadcast_to(rng.integers(self.classes, size=1 if alike else count), count)),)

    def show(self, examples: tuple, rng: Random) -> np.ndarray:
        """Ten rows, each of one z, and a column for each class."""
        z = self.latents(10, rng).numpy().repeat(self.classes, 0)
        images = self.images(self.tensor(z), self.one_hot(np.tile(np.arange(self.classes), 10)), rng=rng)
        return images.reshape(10, self.classes, *images.shape[1:])

    @in_blocks
    def samples(self, count: int, rng: Random, label: int | None = None) -> dict[str, np.ndarray]:
        """``count`` images of classes drawn uniformly, or all of one class, and these classes."""
        if label is not None and not 0 <= label < self.classes:
            raise ValueError(f"label={label} is none of the {self.classes} classes, 0 to {self.classes - 1}")
        (y,) = self.conditions(count, rng) if label is None else (self.one_hot(np.full(count, label)),)
        return {"samples": self.images(self.latents(count, rng), y, rng=rng), "labels": y.numpy().argmax(1)}
