"""The game that the GANs here play: two players, their optimisers, and the steps they take in turn.

What is common to all papers stands here, so that a paper's own file holds what it says: its objective, its networks
and what it does differently. A generator G maps latents z ~ N(0, I) to images x̃ = G(z); a critic D, whether it is
called so or a discriminator, maps images to scores, one number each; an objective of `scratchgan.losses` says which
mean of the scores each player descends. One iteration is

    repeat critic_steps times:   real batch x, fresh fakes x̃ = G(z);   one step of D's weights down L_D(D(x), D(x̃))
    once:                        fresh z;                              one step of G's weights down L_G(D(G(z)))

Reals and fakes go through D one after the other, never in one batch: batch norm would mix their statistics.
"""

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional import cat
from scratchgan.nn.options import Whole
from scratchgan.tensor import Tensor, grad, no_grad


class Game:
    """Two players, their optimisers, and alternating steps.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …) -> (N, 1)
    latent_size : int
    objective : Objective
        See `scratchgan.losses`. Relativistic ones, for which the generator's loss needs real images, do not fit.
    optimizer : callable
        ``(parameters) -> Optimizer``, called for each player, such as ``partial(Adam, lr=2e-4)``.
    critic_steps : int
        The critic's steps for each one of the generator.
    """

    latent_size, critic_steps = Whole(), Whole()
    conditional = False  # whether batches must come with labels
    watch = {"critic_loss": "L_D", "generator_loss": "L_G"}
    panels = {"losses": ["critic_loss", "generator_loss"], "mean scores": ["real_score", "fake_score"]}

    def __init__(self, generator, critic, latent_size, objective, optimizer, critic_steps=1):
        self.generator, self.critic, self.latent_size = generator, critic, latent_size
        self.objective, self.critic_steps = objective, critic_steps
        self.generator_optimizer = optimizer(generator.parameters())
        self.critic_optimizer = optimizer(critic.parameters())

    @property
    def optimizers(self):
        """Both players' optimisers."""
        return self.generator_optimizer, self.critic_optimizer

    def parts(self):
        """Everything that has a state to save."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
        }

    def tensor(self, array):
        """A NumPy array of numbers as a Tensor of the networks' dtype, on their device."""
        weight = self.generator.parameters()[0].data
        return Tensor(array_like(array.astype(weight.dtype, copy=False), weight))

    def latents(self, count, rng):
        """z ~ N(0, I): Tensor (count, latent_size)."""
        return self.tensor(rng.standard_normal((count, self.latent_size)))

    def draw(self, batches):
        """The next batch: what `critic_step` takes."""
        return (self.tensor(next(batches)),)

    def shown_latents(self, rng):
        """Latents of the pictures made during training: 64, shown in rows of eight."""
        return self.latents(64, rng)

    def critic_loss(self, real, fake, rng):
        """L_D on one batch, and numbers to watch: {"real_score": E D(x), "fake_score": E D(x̃), "critic_loss": L_D}."""
        real_scores, fake_scores = self.critic(real), self.critic(fake)
        return {
            "real_score": real_scores.mean(),
            "fake_score": fake_scores.mean(),
            "critic_loss": self.objective.discriminator_loss(real_scores, fake_scores),
        }

    def generator_loss(self, z):
        """L_G of images made from z."""
        return self.objective.generator_loss(self.critic(self.generator(z)))

    def critic_step(self, real, rng):
        """One step down L_D. Only the critic's weights move."""
        with no_grad():  # x̃ is a constant to the critic
            fake = self.generator(self.latents(len(real), rng))
        return self.improve_critic(self.critic_loss(real, fake, rng))

    def improve_critic(self, numbers):
        """Take the critic's step down ``numbers["critic_loss"]``; the numbers, without their graph."""
        self.critic_optimizer.step(grad(numbers["critic_loss"], self.critic_optimizer.params))
        return {name: value.detach() for name, value in numbers.items()}  # who holds a loss holds its whole graph

    def generator_step(self, count, rng):
        """One step down L_G. Only the generator's weights move, and no gradient of the critic's is formed."""
        loss = self.generator_loss(self.latents(count, rng))
        self.generator_optimizer.step(grad(loss, self.generator_optimizer.params))
        return {"generator_loss": loss.detach()}

    def steps_now(self):
        """How many steps the critic takes in this iteration."""
        return self.critic_steps

    def train_step(self, batches, rng):
        """`steps_now` steps of the critic, each on a fresh batch, and one of the generator.

        Parameters
        ----------
        batches : iterator of array, (N, …)
        rng : numpy.random.Generator

        Returns
        -------
        dict of str to float
            The numbers to watch, of the last critic step and of the generator step.
        """
        for _ in range(self.steps_now()):
            real = self.draw(batches)
            numbers = self.critic_step(*real, rng)
        numbers |= self.generator_step(len(real[0]), rng)
        return {name: value.item() for name, value in numbers.items()}  # read once: each reading waits for a GPU


class ConditionalGame(Game):
    """A game in which each image has a class y, which the generator is told: G(z, y).

    The generator's input is [z; e_y], with the one-hot vector e_y = (0, …, 1, …, 0) after the latent. A subclass
    gives `critic_loss` and `generator_loss`, which see the one-hot vectors, too.

    Parameters
    ----------
    generator : Module, (N, latent_size + classes) -> (N, …)
    critic, latent_size, objective, optimizer, critic_steps
        See `Game`.
    classes : int
    """

    classes = Whole()
    conditional = True

    def __init__(self, generator, critic, latent_size, objective, optimizer, critic_steps=1, classes=10):
        super().__init__(generator, critic, latent_size, objective, optimizer, critic_steps)
        self.classes = classes

    def one_hot(self, labels):
        """e_y of integers y, each in 0 … classes − 1: Tensor (N, classes)."""
        if np.min(labels, initial=0) < 0 or np.max(labels, initial=0) >= self.classes:
            raise ValueError(f"labels {np.min(labels)}…{np.max(labels)} are outside the classes 0…{self.classes - 1}")
        return self.tensor(np.eye(self.classes)[labels])

    def latents(self, count, rng, labels=None):
        """[z; e_y] with z ~ N(0, I), and classes drawn uniformly where none are given."""
        labels = rng.integers(self.classes, size=count) if labels is None else labels
        return cat([super().latents(count, rng), self.one_hot(labels)], 1)

    def shown_latents(self, rng):
        """Ten rows, each of one z, and a column for each class."""
        z = super().latents(10, rng).numpy().repeat(self.classes, 0)
        return cat([self.tensor(z), self.one_hot(np.tile(np.arange(self.classes), 10))], 1)

    def conditions(self, latents):
        """e_y of [z; e_y]."""
        return latents[:, self.latent_size :]

    def labels_of(self, latents):
        """y of [z; e_y]: int64 array (N,)."""
        return self.conditions(latents).numpy().argmax(1)

    def draw(self, batches):
        """The next batch of real images, and its labels."""
        images, labels = next(batches)
        return self.tensor(images), labels

    def critic_step(self, real, labels, rng):
        """One step down L_D, on real images and on fakes of the same classes."""
        z = self.latents(len(real), rng, labels)
        with no_grad():
            fake = self.generator(z)
        return self.improve_critic(self.critic_loss(real, fake, self.one_hot(labels), rng))
