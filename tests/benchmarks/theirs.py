"""The works, done by PyTorch, as a usual script does them. `ours` is the twin."""

import os

import networks
import torch
from measure import CHAIN
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def about():
    """The version that the figures belong to."""
    return f"PyTorch {torch.__version__}"


# WGAN-GP -------------------------------------------------------------------------------------------------------------


def critic_step(width, batch):
    """Fakes, penalty, Adam: one step of the critic of the authors' MNIST network."""
    generator, critic = paper_networks(width)
    real, optimizer = torch.rand(batch, 1, 28, 28), Adam(critic.parameters(), 1e-4, (0.5, 0.9))

    def step():
        with torch.no_grad():
            fake = generator(torch.randn(batch, 128))
        optimizer.zero_grad()
        critic_losses(critic, real, fake)["critic_loss"].backward()
        optimizer.step()

    return step


def critic_losses(critic, real, fake):
    """The terms of the critic's loss on one batch, and the loss itself."""
    distance = critic(real).mean() - critic(fake).mean()
    epsilon = torch.rand(len(real), 1, 1, 1)
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norms = slope.flatten(1).norm(dim=1)
    penalty = ((norms - 1) ** 2).mean()
    loss = -distance + 10 * penalty
    return {"wasserstein": distance, "penalty": penalty, "gradient_norm": norms.mean(), "critic_loss": loss}


def generator_step(width, batch, freeze):
    """One step of the generator; ``freeze`` switches the gradients of the critic's weights off, as few scripts do."""
    generator, critic = paper_networks(width)
    optimizer = Adam(generator.parameters(), 1e-4, (0.5, 0.9))
    critic.requires_grad_(not freeze)

    def step():
        optimizer.zero_grad()
        (-critic(generator(torch.randn(batch, 128))).mean()).backward()
        optimizer.step()

    return step


def paper_networks(width):
    """The twin of `scratchgan.models.wgan_gp.paper_networks`."""
    up = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
    generator = nn.Sequential(
        nn.Linear(128, 4 * width * 4 * 4),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ConvTranspose2d(4 * width, 2 * width, **up),  # 8×8
        nn.ReLU(),
        _Crop(),
        nn.ConvTranspose2d(2 * width, width, **up),  # 14×14
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, **up),  # 28×28
        nn.Sigmoid(),
    )
    return generator, plain_critic(width)


class _Crop(nn.Module):
    def forward(self, x):
        return x[:, :, :7, :7]


def plain_critic(width):
    """Three strided convolutions, 28 -> 14 -> 7 -> 4 pixels, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 5, stride=2, padding=2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1),
    )


# The first GANs ------------------------------------------------------------------------------------------------------


def dcgan_step(width, batch):
    """A step of each player of the DCGAN."""
    return _gan_step(*networks.dcgan(nn, width, inplace=True), torch.rand(batch, 3, 64, 64), (batch, 100, 1, 1))


def mlp_step(batch):
    """A step of each player of the GAN of linear layers."""
    return _gan_step(*networks.mlp(nn), torch.rand(batch, 784), (batch, 100))


def _gan_step(generator, discriminator, real, latents):
    generator_optimizer = Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    discriminator_optimizer = Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))

    def loss(images, label):
        logits = discriminator(images)
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    def step():
        fake = generator(torch.randn(*latents))
        discriminator_optimizer.zero_grad()
        (loss(real, 1) + loss(fake.detach(), 0)).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss(fake, 1).backward()
        generator_optimizer.step()

    return step


# Parts ---------------------------------------------------------------------------------------------------------------


def residual_block(channels, size, batch):
    """Forward and backward through relu(x + branch(x)), with respect to x and all weights."""
    branch = networks.residual_branch(nn, channels)
    x = torch.randn(batch, channels, size, size, requires_grad=True)
    g, inputs = torch.randn(batch, channels, size, size), [x, *branch.parameters()]
    return lambda: torch.autograd.grad(F.relu(x + branch(x)), inputs, g)


def operation(name, direction):
    """A chain of one operation on four numbers: recording it, or the sweep back through it."""
    x, other, g = torch.rand(4, requires_grad=True), torch.rand(4), torch.rand(4)
    apply = {"add": lambda y: y + other, "mul": lambda y: y * other, "tanh": torch.tanh}[name]

    def forward():
        y = x
        for _ in range(CHAIN):
            y = apply(y)
        return y

    y = forward()
    return forward if direction == "forward" else lambda: torch.autograd.grad(y, x, g, retain_graph=True)
