"""The works, done by scratchgan. Each function makes the data and gives a callable that does the work once.

`theirs` is the twin: the same names, the same arguments, PyTorch.
"""

from functools import partial

import networks
import numpy as np
from measure import CHAIN

import scratchgan
from scratchgan import Tensor, grad, nn, no_grad
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
    model = _wgan_gp(*paper_networks(rng, width=width))
    return partial(model.critic_step, uniform(batch, 1, 28, 28), rng=rng)


def given_step(width, batch):
    """Weights, data and random numbers for one step of the critic that other libraries do, too: arrays by name."""
    given = {"real": uniform(batch, 1, 28, 28).data, "latents": normal(batch, 128).data}
    given["epsilon"] = uniform(batch, 1, 1, 1).data
    for name, network in zip(("generator", "critic"), paper_networks(rng, width=width)):
        for index, weight in enumerate(network.parameters()):
            given[f"{name} {index}"] = weight.data + normal(*weight.shape).data / 50  # biases, too, are not 0
    return given


def checked_step(width, given):
    """What comes out of the step that is `given_step`: terms of the loss, gradients, weights after it."""
    players = paper_networks(rng, width=width)
    for name, network in zip(("generator", "critic"), players):
        for index, weight in enumerate(network.parameters()):
            weight.data = given[f"{name} {index}"]
    model, drawn = _wgan_gp(*players), _Drawn(given)
    real = Tensor(given["real"])
    with no_grad():
        fake = model.generator(model.latents(len(real), drawn))
    loss, weights = model.critic_loss(real, fake, rng=drawn)["critic_loss"], model.critic.parameters()
    results = {f"gradient {index}": g.data for index, g in enumerate(grad(loss, weights))}
    numbers = model.critic_step(real, rng=drawn)
    results |= {f"weight {index}": weight.data for index, weight in enumerate(weights)}
    return results | {name: numbers[name].data for name in ("penalty", "critic_loss")}


class _Drawn:
    """A generator of random numbers that gives those drawn before."""

    def __init__(self, given):
        self.given = given

    def standard_normal(self, _):
        return self.given["latents"]

    def random(self, _):
        return self.given["epsilon"]


def generator_step(width, batch, freeze):
    """One step of the generator. There is nothing to freeze: `grad` asks for no gradient of the critic's weights."""
    model = _wgan_gp(*paper_networks(rng, width=width))
    return partial(model.generator_step, uniform(batch, 1, 28, 28), rng=rng)


def sized_critic_step(width, batch, size):
    """The critic's step on images of any size."""
    model = _wgan_gp(*sized_networks(width, size))
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


def _wgan_gp(generator, critic):
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
    generator, discriminator = generator.to(device), discriminator.to(device)
    generator_optimizer = Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    discriminator_optimizer = Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))

    def loss(images, label):
        logits = discriminator(images)
        return F.binary_cross_entropy_with_logits(logits, Tensor(np.full_like(logits.data, label)))

    def step():
        fake = generator(normal(*latents))
        discriminator_loss = loss(real, 1) + loss(fake.detach(), 0)
        discriminator_optimizer.step(grad(discriminator_loss, discriminator.parameters()))
        generator_optimizer.step(grad(loss(fake, 1), generator.parameters()))

    return step


# Parts ---------------------------------------------------------------------------------------------------------------


def residual_block(channels, size, batch):
    """Forward and backward through relu(x + branch(x)), with respect to x and all weights."""
    branch = networks.residual_branch(nn, channels).to(device)
    x, g = (normal(size, batch, size, channels).permute(1, 3, 0, 2).data for _ in "xg")  # as convolutions leave them
    x, g = Tensor(x, requires_grad=True), Tensor(g)
    inputs = [x, *branch.parameters()]
    return lambda: grad(F.relu(x + branch(x)), inputs, g)


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
