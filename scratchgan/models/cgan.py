"""Conditional GAN: "Conditional Generative Adversarial Nets", Mirza & Osindero 2014, arXiv:1411.1784.

Both players of the first GAN are told a class y. G makes an image of that class, and D says how likely the *pair* is a
real one (equation 2 of the paper):

    min_G max_D   E_{x,y} [log σ(D(x, y))] + E_{z,y} [log(1 − σ(D(G(z, y), y)))]

The game never shows D a real image with a wrong label, and need not: once fakes of class y look real, the only way to
tell the pairs apart is that some of them do not fit, so G has to see to it that they do.

How does one tell a network? G gets the one-hot vector e_y = (0, …, 1, …, 0) next to z. D, a convolution, gets it as
maps: ten channels more, of which the y-th is 1 everywhere and the others are 0.

A widely copied example builds these maps by repeating the *flattened* vectors and reshaping them, which lets an image
of class y have, in all ten channels alike, a band of rows of ones, from about 2.8 y to 2.8 (y + 1). D can still read
the class from the place of the band, with more effort, and hardly if it pools over the image. ``maps="banded"``
shows it.

Departures (the example is Keras's; its networks are `keras_networks`):

| here                                           | paper or example                                                 |
|------------------------------------------------|------------------------------------------------------------------|
| small networks of DCGAN's kind                 | paper: maxout; example: as large as 1,491,215 and 80,385 weights |
| real has target 1, fake 0                      | the example has them the other way round, which changes nothing  |
| the generator's step draws classes of its own  | the example uses those of the real batch                         |
| non-saturating loss, G is averaged for samples | the paper writes the minimax loss                                |
"""

import math
from functools import partial

from scratchgan import nn
from scratchgan.data import views
from scratchgan.functional import cat
from scratchgan.losses import NonSaturating
from scratchgan.models.game import ConditionalGame
from scratchgan.models.model import Preset, System
from scratchgan.models.networks import Conditioned, small_generator, strided_critic
from scratchgan.nn import init
from scratchgan.optim import Adam

# Labels as maps ------------------------------------------------------------------------------------------------------


def constant_maps(y, height, width):
    """One-hot vectors (N, K) as K maps of which the y-th is 1 everywhere: Tensor (N, K, height, width)."""
    return y.unflatten(1, (-1, 1, 1)).expand(-1, -1, height, width)


def banded_maps(y, height, width):
    """The same numbers in the order of the well-known slip: each vector is stretched along the rows of the image."""
    n, classes = y.shape
    flat = y.unsqueeze(2).expand(n, classes, height * width)  # memory order: class, then pixel
    return flat.reshape(n, height, width, classes).permute(0, 3, 1, 2)  # read as if it were pixel, then class


class Pairs(nn.Module):
    """D(x, y): a network that sees the maps of the label as channels behind the image.

    Parameters
    ----------
    network : Module, (N, C + classes, H, W) -> (N, 1)
    maps : callable
        How it sees the labels.
    """

    def __init__(self, network, maps=constant_maps):
        self.network, self.maps = network, maps

    def forward(self, x, y):
        """(N, C, H, W), (N, classes) -> (N, 1)."""
        return self.network(cat([x, self.maps(y, *x.shape[2:])], 1))


# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, classes=10, width=16, maps=constant_maps):
    """DCGAN's small networks, with ``classes`` inputs and channels more.

    Returns
    -------
    generator : Module, (N, latent_size), (N, classes) -> (N, 1, 28, 28) in [−1, 1]
    discriminator : Module, (N, 1, 28, 28), (N, classes) -> (N, 1)
    """
    generator = small_generator(latent_size + classes, 2 * width, rng)
    return Conditioned(generator), Pairs(strided_critic(width, rng, channels=1 + classes), maps)


def keras_networks(rng, latent_size=128, classes=10):
    """Those of the Keras example: 1,491,215 and 80,385 weights, no norms, images in [0, 1]; as `small_networks`."""
    inputs = latent_size + classes
    generator = nn.Sequential(
        nn.Linear(inputs, inputs * 7 * 7, rng=rng),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (inputs, 7, 7)),
        nn.ConvTranspose2d(inputs, 128, 4, stride=2, padding=1, rng=rng),  # 14×14
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(128, 128, 4, stride=2, padding=1, rng=rng),  # 28×28
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 1, 7, padding=3, rng=rng),
        nn.Sigmoid(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1 + classes, 64, 3, stride=2, padding=1, rng=rng),  # 14×14
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 3, stride=2, padding=1, rng=rng),  # 7×7
        nn.LeakyReLU(0.2),
        nn.MaxPool2d(7),
        nn.Flatten(),
        nn.Linear(128, 1, rng=rng),
    )
    for layer in (*generator.modules(), *discriminator.modules()):
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            many, few, *kernel = layer.weight.shape
            fans = (many + few) * math.prod(kernel)
            init.begin_uniform(layer, (6 / fans) ** 0.5, rng)  # Glorot's: of variance 2 / (fan_in + fan_out)
    return Conditioned(generator), Pairs(discriminator)


# Training ------------------------------------------------------------------------------------------------------------


def build(
    rng,
    device="cpu",
    networks=small_networks,  # (rng, latent_size, classes) -> G, D
    latent_size=64,
    classes=10,
    lr=1e-2,  # of both players' Adam
    betas=(0.5, 0.999),
    average_decay=0.99,
    low=-1.0,
):
    """The game of equation (2), with the non-saturating loss."""
    generator, discriminator = (network.to(device) for network in networks(rng, latent_size, classes))
    adam, options = partial(Adam, lr=lr, betas=betas), {"average_decay": average_decay, "low": low}
    return ConditionalGame(generator, discriminator, latent_size, NonSaturating(), adam, classes, **options)


KERAS = {"networks": keras_networks, "latent_size": 128, "lr": 3e-4, "betas": (0.9, 0.999), "low": 0.0}
SYSTEM = System(
    "cgan",
    "conditional GAN",
    "a label for both players",
    3,
    build,
    {
        "quick": Preset(600, every=50, view=views.labelled),
        "default": Preset(3000, view=views.labelled),
        "banded": Preset(3000, view=views.labelled, options={"networks": partial(small_networks, maps=banded_maps)}),
        "keras": Preset(20_000, view=views.labelled, rates_fall=False, options=KERAS),
    },
)
