"""The works, done by scratchgan. Each function makes the data and gives a callable that does the work once.

`theirs` is the twin: the same names, the same arguments, PyTorch.
"""

from functools import partial

import networks
import numpy as np
from measure import CHAIN

import scratchgan
from scratchgan import Tensor, grad, nn
from scratchgan import functional as F
from scratchgan.backend import device_module
from scratchgan.models import wgan_gp
from scratchgan.models.wgan_gp import paper_networks
from scratchgan.optim import Adam

rng = np.random.default_rng(0)
device = "cpu"  # where the works are done


def about():
    """The versions that the figures belong to."""
    blas = np.show_config("dicts")["Build Dependencies"]["blas"]
    return f"scratchgan {scratchgan.__version__} on NumPy {np.__version__} ({blas['name']} {blas['version']})"


def normal(*shape):
    """Standard normal numbers."""
    return Tensor(device_module(device).asarray(rng.standard_normal(shape, dtype=np.float32)))


def uniform(*shape):
    """Uniform numbers in [0, 1)."""
    return Tensor(device_module(device).asarray(rng.random(shape, dtype=np.float32)))


# WGAN-GP -------------------------------------------------------------------------------------------------------------


def critic_step(width, batch):
    """Fakes, penalty, Adam: one step of the critic of the authors' MNIST network."""
    model = wgan_gp_of(*paper_networks(rng, width=width))
    return partial(model.critic_step, uniform(batch, 1, 28, 28), rng=rng)


def generator_step(width, batch, freeze):
    """One step of the generator. There is nothing to freeze: `grad` asks for no gradient of the critic's weights."""
    model = wgan_gp_of(*paper_networks(rng, width=width))
    return partial(model.generator_step, uniform(batch, 1, 28, 28), rng=rng)


def sized_critic_step(width, batch, size):
    """The critic's step on images of any size."""
    model = wgan_gp_of(*sized_networks(width, size))
    return partial(model.critic_step, uniform(batch, 1, size, size), rng=rng)


def sized_networks(width, size):
    """The layers of `paper_networks` for images of ``size`` pixels a side."""
    half, quarter, eighth = (-(-size // n) for n in (2, 4, 8))

    def up(channels, out, before, after):
        return nn.ConvTranspose2d(channels, out, 5, stride=2, padding=2, output_padding=after - 2 * before + 1)

    def down(channels, out):
        return nn.Conv2d(channels, out, 5, stride=2, padding=2)

    generator = nn.Sequential(
        nn.Linear(128, 4 * width * eighth**2),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, eighth, eighth)),
        up(4 * width, 2 * width, eighth, quarter),
        nn.ReLU(),
        up(2 * width, width, quarter, half),
        nn.ReLU(),
        up(width, 1, half, size),
        nn.Sigmoid(),
    )
    critic = nn.Sequential(
        down(1, width),
        nn.LeakyReLU(0.2),
        down(width, 2 * width),
        nn.LeakyReLU(0.2),
        down(2 * width, 4 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * width * eighth**2, 1),
    )
    return generator, critic


def wgan_gp_of(generator, critic):
    """The game of the authors' MNIST script between two networks."""
    options = {**wgan_gp.PAPER, "networks": lambda *_: (generator, critic)}
    return wgan_gp.build(rng, device, **options)


# The first GANs ------------------------------------------------------------------------------------------------------


def dcgan_step(width, batch):
    """A step of each player of the DCGAN."""
    return _gan_step(*networks.dcgan(nn, width), uniform(batch, 3, 64, 64), (batch, 100, 1, 1))


def mlp_step(batch):
    """A step of each player of the GAN of linear layers."""
    return _gan_step(*networks.mlp(nn), uniform(batch, 784), (batch, 100))


def _gan_step(generator, discriminator, real, latents):
    gan = Gan(generator.to(device), discriminator.to(device))
    return lambda: gan.step(real, normal(*latents))


class Gan:
    """Two players and what moves them."""

    def __init__(self, *players):
        self.players = players
        self.optimizers = [Adam(player.parameters(), 2e-4, (0.5, 0.999)) for player in players]

    def step(self, real, latents):
        """A step of the discriminator, then one of the generator; the fakes are made once."""
        (generator, discriminator), (generator_optimizer, discriminator_optimizer) = self.players, self.optimizers

        def loss(images, label):
            logits = discriminator(images)
            return F.binary_cross_entropy_with_logits(logits, Tensor(np.full_like(logits.data, label)))

        fake = generator(latents)
        discriminator_loss = loss(real, 1) + loss(fake.detach(), 0)
        discriminator_optimizer.step(grad(discriminator_loss, discriminator.parameters()))
        generator_optimizer.step(grad(loss(fake, 1), generator.parameters()))


# Parts ---------------------------------------------------------------------------------------------------------------


def residual_block(channels, size, batch):
    """Forward and backward through relu(x + branch(x)), with respect to x and all weights."""
    branch = networks.residual_branch(nn, channels).to(device)
    x, g = (normal(size, batch, size, channels).permute(1, 3, 0, 2).data for _ in "xg")  # as convolutions leave them
    return partial(block_gradients, branch, Tensor(x, requires_grad=True), Tensor(g))


def block_gradients(branch, x, g):
    """Of relu(x + branch(x)) in x and all weights, from g, the gradient in its result."""
    return grad(F.relu(x + branch(x)), [x, *branch.parameters()], g)


def operation(name, direction):
    """A chain of one operation on four numbers: recording it, or the sweep back through it."""
    x, other, g = Tensor(uniform(4).data, requires_grad=True), uniform(4), uniform(4)
    apply = {"add": lambda y: y + other, "mul": lambda y: y * other, "tanh": F.tanh}[name]

    def forward():
        y = x
        for _ in range(CHAIN):
            y = apply(y)
        return y

    y = forward()
    return forward if direction == "forward" else lambda: grad(y, x, g)
