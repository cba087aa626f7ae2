"""A tiny game of each system, for 4×4 images: quick, and with every kind of layer in it that the real one has."""

from functools import partial
from itertools import repeat

import numpy as np

from scratchgan import nn
from scratchgan.models import (
    acgan,
    cgan,
    dcgan,
    diffusion_gan,
    gan,
    logan,
    lsgan,
    progan,
    r3gan,
    sngan,
    stylegan,
    wgan,
    wgan_gp,
)  # fmt: skip
from scratchgan.models.networks import Conditioned, strided_critic

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
pair_critic = partial(critic, channels=1 + CLASSES)


def residual(rng, latent_size):
    """Of two sizes; the last weights of the blocks, which begin as 0, are as if some steps had been taken."""
    networks = r3gan.residual_networks(rng, latent_size, size=4, widths=(3, 2), expansion=2)
    for block in (module for network in networks for module in network.modules() if isinstance(module, r3gan.Block)):
        last = block.change[4].weight
        last.data = 0.5 * rng.standard_normal(last.shape).astype(np.float32)
    return networks


def conditional(critic_of, maps=None):
    """Networks that are told a class: both, or the generator alone."""

    def networks(rng, latent_size, classes):
        told = (lambda network: cgan.Pairs(network, maps)) if maps else (lambda network: network)
        return Conditioned(generator(rng, latent_size + classes)), told(critic_of(rng))

    return networks


def timed(rng):
    """A critic that is told the stage of a diffusion."""
    return diffusion_gan.Timed(plain_critic(rng), 3, rng, waves=2)


def plain(critic_of):
    """Networks without classes."""
    return lambda rng, latent_size: (generator(rng, latent_size), critic_of(rng))


def growing(rng, latent_size):
    """4×4 and 8×8 pixels; the critic compares three images."""
    return progan.Generator(rng, latent_size, (4, 3), 1), progan.Critic(rng, (4, 3), 1, group_size=3)


def styled(rng, latent_size):
    """The same sizes, with styles, mixed ones now and then."""
    generator = stylegan.Generator(rng, latent_size, (4, 3), 1, depth=2)
    return generator, progan.Critic(rng, (4, 3), 1, blur=(nn.Blur(),), group_size=3)


# name: (the paper's file, the networks, the options of its build)
GAMES = {
    "GAN": (gan, plain(maxout_critic), {}),
    "GAN, saturating": (gan, plain(maxout_critic), {"saturating": True}),
    "DCGAN": (dcgan, plain(critic), {}),
    "DCGAN, discrimination": (dcgan, plain(discriminating_critic), {}),
    "DCGAN, deviation": (dcgan, plain(deviation_critic), {}),
    "LSGAN": (lsgan, plain(critic), {}),
    "LSGAN, Pearson": (lsgan, plain(critic), {"codes": (-1.0, 1.0, 0.0)}),
    "WGAN": (wgan, plain(plain_critic), {"clip": 2.0, "critic_steps": 2, "warm_up": (3, 2)}),
    "WGAN-GP": (wgan_gp, plain(plain_critic), {"critic_steps": 2}),
    "SN-GAN": (sngan, plain(normalised_critic), {}),
    "ProGAN": (progan, growing, {"rest": 6, "rise": 24}),
    "StyleGAN": (stylegan, styled, {"rest": 6, "rise": 24}),
    "StyleGAN, Wasserstein": (stylegan, styled, {**stylegan.WASSERSTEIN, "rest": 6, "rise": 24}),
    "CGAN": (cgan, conditional(pair_critic, cgan.constant_maps), {"classes": CLASSES}),
    "CGAN, banded": (cgan, conditional(pair_critic, cgan.banded_maps), {"classes": CLASSES}),
    "AC-GAN": (
        acgan,
        conditional(partial(plain_critic, outputs=1 + CLASSES)),
        {"critic_steps": 2, "classes": CLASSES, "class_weights": (1.0, 0.1)},
    ),
    "LoGAN": (
        logan,
        conditional(partial(plain_critic, outputs=1 + CLASSES)),
        {"classes": CLASSES, "class_weights": (0.5, 1.0)},
    ),
    "Diffusion-GAN": (
        diffusion_gan,
        plain(timed),
        {"timesteps": (20, 60), "sigma": 0.5, "law": "paper", "rise": 96, "gamma": 0.5},
    ),
    "R3GAN": (r3gan, residual, {"ramp": 4}),
}
CONDITIONAL = [name for name, (*_, options) in GAMES.items() if "classes" in options]


def make(name, dtype=np.float64, networks=None, rng=None, **options):
    """The game of this name, in training mode; ``options`` go to its build."""
    paper, usual_networks, usual = GAMES[name]

    def networks_of(rng, latent_size, *classes):
        return [network.to(dtype) for network in (networks or usual_networks)(rng, latent_size, *classes)]

    rng = np.random.default_rng(0) if rng is None else rng
    game = paper.build(rng, networks=networks_of, latent_size=LATENTS, **{**usual, **options})
    if hasattr(game, "growth"):
        game.growth.seen = 10  # of the first 30 images: a block is being faded in
    return game


def image(name):
    """The shape of its images: those of a network that grows are larger by one level."""
    return (1, 8, 8) if "rest" in GAMES[name][2] else IMAGE


def raw_batch(game, count=6, seed=1):
    """A batch as the data give it: images, and where there are labels these, as integers."""
    shape = (1, 8, 8) if hasattr(game, "growth") else IMAGE
    images = np.tanh(np.random.default_rng(seed).standard_normal((count, *shape)))
    return (images, np.arange(count) % CLASSES) if hasattr(game, "one_hot") else (images,)


def batch(game, **options):
    """What a critic step takes: real images, and what the players are told of them."""
    return game.draw(iter([raw_batch(game, **options)]))


def reseed(game, seed=0):
    """Let dropout draw the same masks again, or from a random number generator instead of the seed."""
    for module in game.critic.modules():
        if isinstance(module, nn.Dropout):
            module.rng = np.random.default_rng(seed)


def trained(name, steps=2, **options):
    """The game after some steps on one and the same batch; ``options`` go to `make`."""
    game, rng = make(name, **options), np.random.default_rng(0)
    reseed(game)
    same = repeat(raw_batch(game))
    for _ in range(steps):
        game.train_step(same, rng)
    return game
