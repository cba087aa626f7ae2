"""Diffusion-GAN: "Diffusion-GAN: Training GANs with Diffusion", Wang et al. 2022, arXiv:2206.02262.

Two distributions that hardly overlap are told apart at a glance, and then D teaches G little. Noise makes them overlap;
but how much of it? Here D judges images at all stages t of a diffusion,

    y = √ᾱ_t x + √(1 − ᾱ_t) σ ε,        ε ~ N(0, I),        t from 0, the image as it is, to T                       (1)

and is told which. What remains is the game of the first GAN, with ζ(u) = log(1 + eᵘ) and fakes ỹ made of G(z) by (1):

    L_D = E ζ(−D(y, t)) + E ζ(D(ỹ, t)),        L_G = E ζ(−D(ỹ, t))                                                  (2)

G learns through (1), whose slope is √ᾱ_t. Reals and fakes are diffused by the same law, in both players' steps, each
image with a t and an ε of its own: a G that is to pass among noisy reals needs no noise in its images. Samples are
taken without it.

How far the diffusion goes depends on D. Where it is too sure of the reals, r = E sign(D(y, t)) > d, the task is made
harder: T becomes larger, and smaller where r < d. `nn.diffusion` has the equations, and three laws for t; the paper and
its authors' program differ there.

At the last of 500 stages 8 % of an image's contrast is left, at the last of 100 still 60 %. In a training of minutes
short chains with a larger σ do better: from 500 digits S is 0.094, 0.080, 0.075 with T up to 500, 200, 100 and σ = 0.5, and
0.099 with the paper's 500 and σ = 0.05 (on one seed).

The presets `plain` and `few_plain` are the same game with T = 0, to compare with; `few` learns from 500 digits.

Departures:

| here                                               | the authors' code                                         |
|----------------------------------------------------|-----------------------------------------------------------|
| small networks of DCGAN, 28×28                     | StyleGAN2 and projected GANs, up to 1024×1024             |
| sines and cosines of t / T_max shift D's channels  | t itself, through the mapping network made for labels     |
| T from 5 to 100, uniform law                       | from 10 to 1000; the paper: from 5, to 500 if uniform     |
| σ = 0.5                                            | 0.05                                                      |
| p rises from 0 to 1 in 20,000 images               | in 100,000                                                |
| no R1; where there is one, at every step           | at every 16th                                             |
"""

import math
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.data import views
from scratchgan.functional import cat
from scratchgan.losses import R1, Hinge, LeastSquares, Minimax, NonSaturating
from scratchgan.models.game import Game
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import small_generator, strided_critic
from scratchgan.nn.diffusion import Diffusion
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor

# Networks ------------------------------------------------------------------------------------------------------------


class Timed(nn.Module):
    """D(y, s): a critic whose first layer gets a bias for each channel that depends on s = t / T_max.

    Parameters
    ----------
    critic : Sequential, (N, …) -> (N, 1)
    channels : int
        Of its first layer.
    waves : int
        The bias is linear in the sines and cosines of πs, 2πs, 4πs, …: how many of each.
    """

    def __init__(self, critic, channels, rng, waves=4):
        first, *rest = critic
        self.first, self.rest, self.waves = first, nn.Sequential(*rest), waves
        self.shift = nn.Linear(2 * waves, channels, bias=False, rng=rng)

    def forward(self, y, s):
        """(N, …), (N, 1) -> (N, 1). What is told is a constant: there is no gradient in s."""
        code = [Tensor(wave(s.data * (math.pi * 2**k))) for k in range(self.waves) for wave in (np.sin, np.cos)]
        h, shift = self.first(y), self.shift(cat(code, 1))
        return self.rest(h + shift.reshape(*shift.shape, *(1,) * (h.ndim - 2)))


def small_networks(rng, latent_size=64, width=16, batch_norm=True):
    """Those of DCGAN, with a critic that is told the stage; for R1, without ``batch_norm``.

    Returns
    -------
    generator : Module, (N, latent_size) -> (N, 1, 28, 28) in [−1, 1]
    critic : Module, (N, 1, 28, 28), (N, 1) -> (N, 1)
    """
    critic = strided_critic(width, rng, batch_norm)
    return small_generator(latent_size, 2 * width, rng), Timed(critic, width, rng)


# Training ------------------------------------------------------------------------------------------------------------


class Diffused(nn.Module):
    """x ↦ D(√ᾱ_t x + √(1 − ᾱ_t) σ ε, t), for one draw of t and ε; a penalty on its slope is one in the clean image."""

    def __init__(self, critic, share, scale, noise):
        self.critic, self.share, self.scale, self.noise = critic, share, scale, noise

    def forward(self, x):
        """(N, …) -> (N, 1)."""
        return self.critic(self.scale * x + self.noise, self.share)


def middle(objective):
    """The score at which D takes an image for real or fake with the same right: where p = p_G, it is D's best answer.

    Raises
    ------
    ValueError
        For an objective in which only differences of scores count: then the sign of a score says nothing.
    """
    if isinstance(objective, Minimax):
        return math.log(objective.real_target / (2 - objective.real_target))
    if isinstance(objective, LeastSquares):
        return (objective.real_target + objective.fake_target) / 2
    if isinstance(objective, Hinge):
        return 0.0
    raise ValueError(
        f"with {objective} a constant added to all scores changes nothing, so their signs do not say how sure D is, "
        "and T cannot follow it: take NonSaturating, Minimax, LeastSquares or Hinge"
    )


class DiffusionGAN(Game):
    """The game of (2); see `Game`.

    Parameters
    ----------
    generator : Module, (N, latent_size) -> (N, …)
    critic : Module, (N, …), (N, 1) -> (N, 1)
        It is told s = t / T_max.
    latent_size, objective, optimizer, critic_optimizer, **options
        See `Game`.
    diffusion : Diffusion
    """

    watch = Game.watch | {"T": "T"}
    panels = Game.panels | {"mean sign of D on reals": ["real_sign"], "length of the diffusion": ["T"]}

    def __init__(self, generator, critic, latent_size, objective, *optimizers, diffusion, **options):
        super().__init__(generator, critic, latent_size, objective, *optimizers, **options)
        self.diffusion, self.middle = diffusion, middle(objective)

    def diffused(self, images, rng):
        """The critic behind a fresh draw of the diffusion, for a batch like this."""
        drawn = (array.astype(images.dtype) for array in self.diffusion.draw(images.shape, rng))
        return Diffused(self.critic, *(Tensor(array_like(array, images.data)) for array in drawn))

    def critic_loss(self, real, fake, rng):
        """L_D on one batch, and numbers to watch; a penalty looks at the slope behind the reals' diffusion."""
        critic_of_reals, critic_of_fakes = (self.diffused(images, rng) for images in (real, fake))
        real_scores, fake_scores = critic_of_reals(real), critic_of_fakes(fake)
        loss = self.objective.discriminator_loss(real_scores, fake_scores)
        sign = self.tensor(np.sign(real_scores.data - self.middle)).mean()
        numbers = {"real_score": real_scores.mean(), "fake_score": fake_scores.mean(), "real_sign": sign}
        if self.penalty:
            numbers |= self.penalty(critic_of_reals, real, fake, rng=rng)
            loss = loss + numbers["penalty"]
        return numbers | {"critic_loss": loss}

    def generator_loss(self, z, real=None, rng=None):
        """L_G of images made from z."""
        fake = self.generator(*self.inputs(z, rng=rng))
        return self.objective.generator_loss(self.diffused(fake, rng)(fake))

    def critic_step(self, real, rng):
        """One step down L_D; the diffusion hears how sure D was of the reals."""
        numbers = super().critic_step(real, rng=rng)
        signs = self.ranks.means({"real_sign": numbers["real_sign"].item()})
        self.diffusion.observe(signs["real_sign"], len(real) * self.ranks.size)
        return numbers

    def train_step(self, batches, rng):
        """A step of each player, and perhaps a new T."""
        numbers = super().train_step(batches, rng)
        self.diffusion.adapt(self.ranks.alike(rng))
        return numbers | {"T": float(self.diffusion.T)}


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    timesteps=(5, 100),  # T_min, T_max; (0, 0) for the same game without diffusion
    sigma=0.5,  # σ
    law="uniform",  # of t
    target=0.6,  # d
    rise=20_000,  # images in which p goes from 0 to 1
    gamma=0.0,  # γ of R1; 0: no penalty
    lr=1e-2,  # α, of both players' Adam
    betas=(0.5, 0.999),
    average_decay=0.99,
):
    """The game of (2)."""
    generator, critic = (network.to(device) for network in networks(rng, latent_size))
    return DiffusionGAN(
        generator,
        critic,
        latent_size,
        NonSaturating(),
        partial(Adam, lr=lr, betas=betas),
        diffusion=Diffusion(rng, timesteps, sigma, law, target, rise),
        penalty=R1(gamma) if gamma else None,
        average_decay=average_decay,
    )


PLAIN = {"options": {"timesteps": (0, 0)}}
SYSTEM = System(
    "diffusion_gan",
    "Diffusion-GAN",
    "noise whose strength follows how sure D is",
    4,
    build,
    {
        "quick": Preset(600, every=50),
        "default": Preset(3000),
        "plain": Preset(3000, **PLAIN),
        "few": Preset(3000, view=views.few),
        "few_plain": Preset(3000, view=views.few, **PLAIN),
    },
)
