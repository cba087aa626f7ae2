"""A tiny game of each system, for 4×4 images: quick, and with every kind of layer in it that the real one has."""

from functools import partial
from itertools import repeat

import numpy as np

from scratchgan import nn
from scratchgan.models.acgan import ACGAN
from scratchgan.models.cgan import ConditionalGAN
from scratchgan.models.dcgan import DCGAN
from scratchgan.models.gan import GAN
from scratchgan.models.lsgan import LSGAN
from scratchgan.models.networks import strided_critic
from scratchgan.models.sngan import SNGAN
from scratchgan.models.wgan import WGAN
from scratchgan.models.wgan_gp import WGANGP

IMAGE, LATENTS, CLASSES = (1, 4, 4), 3, 4


def generator(rng, inputs):
    return nn.Sequential(
        nn.Linear(inputs, 12, bias=False, rng=rng),
        nn.Unflatten(1, (3, 2, 2)),
        nn.BatchNorm2d(3),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(3, 1, 4, stride=2, padding=1, rng=rng),
        nn.Tanh(),
    )


def maxout_critic(rng):
    dropout = partial(nn.Dropout, rng=rng)
    hidden = nn.Linear(16, 15, rng=rng), nn.Maxout(3), dropout(0.5), nn.Linear(5, 8, rng=rng), nn.Maxout(2)
    return nn.Sequential(nn.Flatten(), dropout(0.2), *hidden, nn.Linear(4, 1, rng=rng))


def critic(rng, outputs=1, look=(), features=12, **options):
    """The small networks' own, whose halvings leave one pixel; ``look``: layers that see the whole batch.

    Its weights are larger than usual: else so small an image would tell few units to be on and others off.
    """
    head = (*look, nn.Flatten(), nn.Linear(features, outputs, rng=rng))
    network = strided_critic(3, rng, head=head, **options)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = 4 * layer.weight.data
    return network


def normalised_critic(rng):
    return nn.Sequential(
        nn.SpectralNorm(nn.Conv2d(1, 3, 4, stride=2, padding=1, rng=rng), rng=rng),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.SpectralNorm(nn.Linear(12, 1, rng=rng), rng=rng),
    )


def discriminating_critic(rng):
    return critic(rng, look=(nn.Flatten(), nn.MinibatchDiscrimination(12, 3, 2, rng=rng)), features=15)


deviation_critic = partial(critic, look=(nn.MinibatchStdDev(3),), features=13)
plain_critic = partial(critic, batch_norm=False)
CGAN = partial(critic, channels=1 + CLASSES), {"classes": CLASSES}

# name: (the class, the critic as a function of the rng, the options)
GAMES = {
    "GAN": (GAN, maxout_critic, {}),
    "GAN, saturating": (GAN, maxout_critic, {"saturating": True}),
    "DCGAN": (DCGAN, critic, {}),
    "DCGAN, discrimination": (DCGAN, discriminating_critic, {}),
    "DCGAN, deviation": (DCGAN, deviation_critic, {}),
    "LSGAN": (LSGAN, critic, {}),
    "LSGAN, Pearson": (LSGAN, critic, {"codes": (-1.0, 1.0, 0.0)}),
    "WGAN": (WGAN, plain_critic, {"clip": 2.0, "critic_steps": 2, "warm_up": (3, 2)}),
    "WGAN-GP": (WGANGP, plain_critic, {"critic_steps": 2}),
    "SN-GAN": (SNGAN, normalised_critic, {}),
    "CGAN": (ConditionalGAN, *CGAN),
    "CGAN, banded": (ConditionalGAN, CGAN[0], {**CGAN[1], "maps": "banded"}),
    "AC-GAN": (ACGAN, partial(plain_critic, outputs=1 + CLASSES), {"critic_steps": 2, "classes": CLASSES}),
}


def make(name, dtype=np.float64, place=lambda module: module, **options):
    """The game of this name, in training mode; ``place`` moves its networks, ``options`` go to its class."""
    of, critic_of, usual = GAMES[name]
    rng = np.random.default_rng(0)
    inputs = LATENTS + CLASSES * of.conditional
    players = (place(network.to(dtype)) for network in (generator(rng, inputs), critic_of(rng)))
    return of(*players, LATENTS, **{**usual, **options})


def batch(game, count=6, seed=1):
    """What a critic step takes: real images, and the labels where there are any."""
    rng = np.random.default_rng(seed)
    images = game.tensor(np.tanh(rng.standard_normal((count, *IMAGE))))
    return (images, np.arange(count) % CLASSES) if game.conditional else (images,)


def reseed(game, seed=0):
    """Let dropout draw the same masks again, or from a random number generator in the place of the seed."""
    for module in game.critic.modules():
        if isinstance(module, nn.Dropout):
            module.rng = np.random.default_rng(seed)


def trained(name, steps=2, **options):
    """The game after so many steps on one and the same batch; ``options`` go to `make`."""
    game, rng = make(name, **options), np.random.default_rng(0)
    reseed(game)
    images, *labels = batch(game)
    same = repeat((images.numpy(), *labels) if labels else images.numpy())
    for _ in range(steps):
        game.train_step(same, rng)
    return game
