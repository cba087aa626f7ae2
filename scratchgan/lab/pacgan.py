"""The networks and rates of PacGAN's experiments in the plane, Lin et al. 2018, arXiv:1712.04086, section 4.1.

As in its program: a generator of four hidden layers of 400 units with batch norm and ReLU, a discriminator of three
maxout layers of 200 units of five pieces; Adam at a constant 10⁻⁴ with β₁ = 0.8; batches of 100; 400 epochs of 100,000
points, that is 400,000 steps. Here the points are drawn afresh, and latents are N(0, I₂). The measure is
`scratchgan.metrics.measure_modes` of 2,500 samples on `pacgan_ring` and `pacgan_grid`. WGAN-GP is not in the paper:
here it has the same networks and rates.
"""

from functools import partial

from scratchgan import nn
from scratchgan.hints import Random
from scratchgan.lab.plane import LATENT_SIZE, Recipe, linear
from scratchgan.losses import GradientPenalty, NonSaturating, Wasserstein
from scratchgan.optim import Adam

STEPS = 400_000

# Table 1, means of ten trials: modes with a sample within 3σ, share of high quality, reverse KL
PUBLISHED = {
    "PacGAN ring": {"GAN": (6.3, 0.982, 0.45), "PacGAN2": (7.9, 0.956, 0.07)},
    "PacGAN grid": {"GAN": (17.3, 0.948, 0.70), "PacGAN2": (23.8, 0.913, 0.13)},
}


def generator(rng: Random, width: int = 400, depth: int = 4) -> nn.Sequential:
    """(N, LATENT_SIZE) -> (N, 2)."""
    sizes = (LATENT_SIZE, *(width,) * depth)
    hidden = [(linear(*pair, rng), nn.BatchNorm1d(pair[1]), nn.ReLU()) for pair in zip(sizes, sizes[1:])]
    return nn.Sequential(*sum(hidden, ()), linear(width, 2, rng))


def discriminator(rng: Random, width: int = 200, depth: int = 3, pieces: int = 5) -> nn.Sequential:
    """(N, 2) -> (N, 1)."""
    sizes = (2, *(width,) * depth)
    hidden = [(linear(few, many * pieces, rng), nn.Maxout(pieces)) for few, many in zip(sizes, sizes[1:])]
    return nn.Sequential(*sum(hidden, ()), linear(width, 1, rng))


_as_printed = partial(
    Recipe,
    generator=generator,
    critic=discriminator,
    optimizer=partial(Adam, betas=(0.8, 0.999)),
    lr=1e-4,
    critic_lr=1e-4,
    rates_fall=False,
    batch=100,
)

RECIPES = {
    "pacgan-gan": _as_printed("GAN", NonSaturating()),
    "pacgan-wgan-gp": _as_printed("WGAN-GP", Wasserstein(), penalty=GradientPenalty(0.1), critic_steps=2),
}
