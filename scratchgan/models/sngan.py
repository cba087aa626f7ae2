"""SN-GAN: "Spectral Normalization for Generative Adversarial Networks", Miyato et al. 2018, arXiv:1802.05957.

The slope of a network is at most the product of the slopes of its layers, and that of a linear layer is the largest
singular value of its weight, σ(W). Divide each weight by it,

    W̄ = W / σ(W),        ‖D‖_L ≤ Π_l σ(W̄_l) = 1,                                                                   (7)

with activations of slope 1, and the discriminator cannot become steep: no penalty, no clipping, one hyperparameter
less. σ is found by one step of power iteration in each forward pass, from where the last one ended; `nn.SpectralNorm`
has the equations. The players descend the hinge loss (16, 17)

    L_D = E max(0, 1 − D(x)) + E max(0, 1 + D(x̃)),        L_G = −E D(x̃)

where D no longer learns from images that it already tells apart by a margin.

Only D is normalised; G keeps its batch norm.

Departures:

| here                                                 | paper or its code                                      |
|------------------------------------------------------|--------------------------------------------------------|
| small discriminator of five convolutions, 28×28      | seven of up to 512 channels, 32×32, and ResNets        |
| α from 0.002 to a twentieth, β = (0, 0.9), n_dis = 1 | α = 0.0002, β = (0.5, 0.999) or (0, 0.9), n_dis 1 or 5 |
| G's step on as many samples as D's                   | on twice as many                                       |
| D first, then G                                      | the code has G first                                   |
| no noise on the images                               | the code adds U(0, 1/128)                              |
| G is averaged over time for samples                  | the last G                                             |
"""

from functools import partial

from scratchgan import nn
from scratchgan.losses import Hinge
from scratchgan.models.game import Game
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import small_generator
from scratchgan.optim import Adam


def small_discriminator(width, rng, wrap=nn.SpectralNorm):
    """Five convolutions, 28 -> 14 -> 7 pixels, and a linear layer, as the paper's table 3: every layer normalised.

    Parameters
    ----------
    width : int
        Channels of the first layer; they double with each halving of the size.
    wrap : callable
        ``(layer, rng=rng) -> Module``, around each layer.

    Returns
    -------
    Module, (N, 1, 28, 28) -> (N, 1)
    """

    def convolution(few, many, kernel, stride):
        return wrap(nn.Conv2d(few, many, kernel, stride=stride, padding=1, rng=rng), rng=rng), nn.LeakyReLU(0.1)

    return nn.Sequential(
        *convolution(1, width, 3, 1),
        *convolution(width, width, 4, 2),  # 14×14
        *convolution(width, 2 * width, 3, 1),
        *convolution(2 * width, 2 * width, 4, 2),  # 7×7
        *convolution(2 * width, 4 * width, 3, 1),
        nn.Flatten(),
        wrap(nn.Linear(4 * width * 7 * 7, 1, rng=rng), rng=rng),
    )


def small_networks(rng, latent_size=64, width=8):
    """A generator of four times the width, and `small_discriminator`."""
    return small_generator(latent_size, 4 * width, rng), small_discriminator(width, rng)


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size) -> G, D
    latent_size=64,
    critic_steps=1,  # n_dis
    lr=2e-3,  # α, of both players' Adam
    betas=(0.0, 0.9),
    average_decay=0.99,
):
    """The game of (16, 17)."""
    generator, discriminator = (network.to(device) for network in networks(rng, latent_size))
    adam, options = partial(Adam, lr=lr, betas=betas), {"critic_steps": critic_steps, "average_decay": average_decay}
    return Game(generator, discriminator, latent_size, Hinge(), adam, **options)


SYSTEM = System(
    "sngan",
    "SN-GAN",
    "spectral norm: a bound on every layer; the hinge",
    3,
    build,
    {"quick": Preset(600, every=50), "default": Preset(3000)},
)
