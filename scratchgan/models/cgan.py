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
from scratchgan.functional import cat
from scratchgan.losses import NonSaturating
from scratchgan.models.game import ConditionalGame
from scratchgan.models.networks import small_generator, strided_critic
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


MAPS = {"constant": constant_maps, "banded": banded_maps}

# Networks ------------------------------------------------------------------------------------------------------------


def small_networks(rng, latent_size=64, width=16, classes=10):
    """DCGAN's small networks, with ``classes`` inputs and channels more.

    Returns
    -------
    generator : Module, (N, latent_size + classes) -> (N, 1, 28, 28) in [−1, 1]
    discriminator : Module, (N, 1 + classes, 28, 28) -> (N, 1)
    """
    return small_generator(latent_size + classes, 2 * width, rng), strided_critic(width, rng, channels=1 + classes)


def keras_networks(rng, latent_size=128, classes=10):
    """Those of the Keras example: 1,491,215 and 80,385 weights, no norms, images in [0, 1]."""
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
    return generator, discriminator


# Training ------------------------------------------------------------------------------------------------------------


class ConditionalGAN(ConditionalGame):
    """The two players, their optimisers, and alternating steps; see `ConditionalGame`.

    Parameters
    ----------
    generator : Module, (N, latent_size + classes) -> (N, C, H, W)
    discriminator : Module, (N, C + classes, H, W) -> (N, 1)
    latent_size, classes : int
    lr, betas
        Of both players' Adam.
    maps : {"constant", "banded"}
        How D sees the labels.
    """

    def __init__(self, generator, discriminator, latent_size, lr=3e-4, betas=(0.9, 0.999), classes=10, maps="constant"):
        if maps not in MAPS:
            raise ValueError(f"maps={maps!r} must be one of {', '.join(map(repr, MAPS))}")
        adam = partial(Adam, lr=lr, betas=betas)
        super().__init__(generator, discriminator, latent_size, NonSaturating(), adam, classes=classes)
        self.maps = MAPS[maps]

    def pairs(self, images, y):
        """(x, y), as D sees it: Tensor (N, C + classes, H, W)."""
        return cat([images, self.maps(y, *images.shape[2:])], 1)

    def critic_loss(self, real, fake, y, rng):
        """L_D on one batch of pairs, and the mean scores."""
        return super().critic_loss(self.pairs(real, y), self.pairs(fake, y), rng)

    def generator_loss(self, z):
        """L_G of images made from [z; e_y]."""
        return self.objective.generator_loss(self.critic(self.pairs(self.generator(z), self.conditions(z))))


# Presets -------------------------------------------------------------------------------------------------------------

SMALL = {
    "networks": "small", "latent_size": 64, "maps": "constant", "low": -1.0, "batch_size": 64, "lr": 1e-2,
    "betas": [0.5, 0.999], "average_decay": 0.99,
}  # fmt: skip
KERAS = {"networks": "keras", "latent_size": 128, "low": 0.0, "lr": 3e-4, "lr_steps": None, "betas": [0.9, 0.999]}
PRESETS = {
    "quick": {**SMALL, "steps": 600, "lr_steps": 600, "every": 50},
    "default": {**SMALL, "steps": 3000, "lr_steps": 3000, "every": 100},
    "banded": {**SMALL, "maps": "banded", "steps": 3000, "lr_steps": 3000, "every": 100},
    "keras": {**SMALL, **KERAS, "steps": 20_000, "every": 100},
}


def build(settings, rng, device):
    """The game of a preset."""
    networks = {"small": small_networks, "keras": keras_networks}[settings["networks"]]
    players = (network.to(device) for network in networks(rng, settings["latent_size"]))
    return ConditionalGAN(*players, **{name: settings[name] for name in ("latent_size", "lr", "betas", "maps")})
