"""The works, done by PyTorch, as a usual script does them. `ours` is the twin."""

import os
from functools import partial

import networks
import torch
from measure import CHAIN
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

BETA1 = 0.5  # of all these steps
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def about():
    """The version that the figures belong to."""
    return f"PyTorch {torch.__version__}"


# WGAN-GP -------------------------------------------------------------------------------------------------------------


class Critic:
    """Fakes, penalty, Adam: one step of the critic of the authors' MNIST network."""

    twice = None  # the critic of the penalty, where another can be differentiated twice

    def __init__(self, width):
        self.players = paper_networks(width)
        self.optimizers = [Adam(self.players[1].parameters(), 1e-4, (0.5, 0.9))]

    def __call__(self, real, latents, epsilon):
        generator, critic = self.players
        with torch.no_grad():
            fake = generator(latents)
        self.optimizers[0].zero_grad()
        numbers = critic_losses(critic, real, fake, epsilon, self.twice)
        numbers["critic_loss"].backward()
        self.optimizers[0].step()
        return numbers


class Generator:
    """One step of the generator; ``freeze`` switches the gradients of the critic's weights off, as few scripts do."""

    def __init__(self, width, freeze):
        self.players = paper_networks(width)
        self.players[1].requires_grad_(not freeze)
        self.optimizers = [Adam(self.players[0].parameters(), 1e-4, (0.5, 0.9))]

    def __call__(self, latents):
        generator, critic = self.players
        self.optimizers[0].zero_grad()
        (-critic(generator(latents)).mean()).backward()
        self.optimizers[0].step()


def critic_losses(critic, real, fake, epsilon, twice=None):
    """The terms of the critic's loss on one batch, and the loss itself; ``twice`` is the critic of the penalty."""
    distance = critic(real).mean() - critic(fake).mean()
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad((twice or critic)(between).sum(), between, create_graph=True)
    norms = slope.flatten(1).norm(dim=1)
    penalty = ((norms - 1) ** 2).mean()
    loss = -distance + 10 * penalty
    return {"wasserstein": distance, "penalty": penalty, "gradient_norm": norms.mean(), "critic_loss": loss}


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


class Gan:
    """A step of each player; the fakes are made once."""

    def __init__(self, *players):
        self.players = players
        self.optimizers = [Adam(player.parameters(), 2e-4, (0.5, 0.999)) for player in players]

    def __call__(self, real, latents):
        (generator, discriminator), (generator_optimizer, discriminator_optimizer) = self.players, self.optimizers

        def loss(images, label):
            logits = discriminator(images)
            return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

        fake = generator(latents)
        discriminator_optimizer.zero_grad()
        (loss(real, 1) + loss(fake.detach(), 0)).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss(fake, 1).backward()
        generator_optimizer.step()


class Block:
    """The gradients of relu(x + branch(x)) in x and all weights, from g, the gradient in its result."""

    def __init__(self, branch):
        self.players, self.optimizers = [_Residual(branch)], []

    def __call__(self, x, g):
        (block,) = self.players
        return torch.autograd.grad(block(x.requires_grad_()), [x, *block.parameters()], g)


class _Residual(nn.Module):
    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return F.relu(x + self.branch(x))


# The works -----------------------------------------------------------------------------------------------------------

# name: what does the step, from data and random numbers
WORKS = {
    "critic_step": lambda width, batch: Critic(width),
    "generator_step": lambda width, batch, freeze: Generator(width, freeze),
    "dcgan_step": lambda width, batch: Gan(*networks.dcgan(nn, width, inplace=True)),
    "mlp_step": lambda batch: Gan(*networks.mlp(nn)),
    "residual_block": lambda channels, size, batch: Block(networks.residual_branch(nn, channels)),
}
DRAW = {"uniform": torch.rand, "normal": torch.randn}


def repeated(name, *sizes, prepare=lambda train: train):
    """The step on the same data, with other random numbers each time."""
    train, kinds = prepare(WORKS[name](*sizes)), networks.inputs(name, *sizes)
    data = {key: DRAW[law](*shape) for key, (law, shape) in kinds.items() if key in ("real", "x", "g")}
    drawn = {key: kind for key, kind in kinds.items() if key not in data}
    return lambda: train(**data, **{key: DRAW[law](*shape) for key, (law, shape) in drawn.items()})


critic_step, generator_step, dcgan_step, mlp_step, residual_block = (partial(repeated, name) for name in WORKS)


# Parts ---------------------------------------------------------------------------------------------------------------


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


# From given numbers ---------------------------------------------------------------------------------------------------


def checked_step(work, given, prepare=lambda train: train):
    """What comes out of the step that is `ours_checked.given_step`: gradients, weights after it, terms of the loss."""
    name, *sizes = work
    train = WORKS[name](*sizes)
    names = ("generator", "critic") if train.optimizers else ("branch",)
    with torch.no_grad():
        for player, network in zip(names, train.players):
            for index, weight in enumerate(network.parameters()):
                weight.copy_(torch.from_numpy(given[f"{player} {index}"]))
    numbers = prepare(train)(*(torch.from_numpy(given[key]) for key in networks.inputs(*work)))
    if not train.optimizers:
        return {f"gradient {index}": gradient for index, gradient in enumerate(numbers)}
    moved = [pair for optimizer in train.optimizers for pair in optimizer.state.items()]
    results = {f"weight {index}": weight.detach() for index, (weight, _) in enumerate(moved)}
    results |= {f"gradient {index}": state["exp_avg"] / (1 - BETA1) for index, (_, state) in enumerate(moved)}
    if name == "critic_step":
        results |= {"penalty": 10 * numbers["penalty"].detach(), "critic_loss": numbers["critic_loss"].detach()}
    return results
