"""R3GAN against PyTorch: the same weights after ten steps from the same weights, images and latents.

The program is written from the paper: modules of its own, a logit for each image, penalties through
``torch.autograd.grad``, `interpolate` for twice the size and a depthwise convolution for half of it.
"""

import math

import numpy as np
import pytest

from scratchgan.models import r3gan
from scratchgan.models.networks import count

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)
T, TF = torch.nn, torch.nn.functional

STEPS, TOLERANCE, LATENTS = 10, 1e-5, 5
OPTIONS = {"lr": 1e-3, "gamma": (2.0, 0.5), "beta2": (0.9, 0.99), "half_life": (0.0, 4.0), "ramp": 8}


class Block(T.Module):
    def __init__(self, channels, inside):
        super().__init__()
        self.a = T.Conv2d(channels, inside, 1)
        self.b = T.Conv2d(inside, inside, 3, padding=1)
        self.c = T.Conv2d(inside, channels, 1, bias=False)

    def forward(self, x):
        return x + self.c(TF.leaky_relu(self.b(TF.leaky_relu(self.a(x), 0.2)), 0.2))


class Generator(T.Module):
    def __init__(self):
        super().__init__()
        self.basis = T.Parameter(torch.empty(6, 2, 2))
        self.linear = T.Linear(LATENTS, 6, bias=False)
        self.block2, self.to4, self.block4 = Block(6, 12), T.Conv2d(6, 4, 1, bias=False), Block(4, 8)
        self.to8, self.block8, self.out = (
            T.Conv2d(4, 2, 1, bias=False),
            Block(2, 4),
            T.ConvTranspose2d(2, 3, 2, 2, bias=False),
        )

    def forward(self, z):
        x = self.block2(self.basis[None] * self.linear(z)[:, :, None, None])
        for thin, block in ((self.to4, self.block4), (self.to8, self.block8)):
            x = block(TF.interpolate(thin(x), scale_factor=2, mode="bilinear", align_corners=False))
        return self.out(x)


class Discriminator(T.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.block8, self.to4 = T.Conv2d(3, 2, 2, 2, bias=False), Block(2, 4), T.Conv2d(2, 4, 1, bias=False)
        self.block4, self.to2, self.block2 = Block(4, 8), T.Conv2d(4, 6, 1, bias=False), Block(6, 12)
        self.basis, self.linear = T.Conv2d(6, 6, 2, groups=6, bias=False), T.Linear(6, 1, bias=False)

    def forward(self, x):
        x = self.inp(x)
        for block, widen in ((self.block8, self.to4), (self.block4, self.to2)):
            x = widen(half(block(x)))
        return self.linear(self.basis(self.block2(x)).flatten(1))  # 2×2 to 1×1


def half(x):
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 4, 4)
    return TF.conv2d(TF.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=x.shape[1])


def wave(first, last, step):
    return first + (last - first) * (1 - math.cos(math.pi * min(step / 8, 1.0))) / 2


def train_torch(generator, discriminator, batches, rng):
    """The weights of G's average are returned, as they are of no module."""
    down_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    down_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    average = [p.detach().clone() for p in generator.parameters()]
    for step, real in enumerate(batches):
        for optimizer in (down_g, down_d):
            optimizer.param_groups[0]["betas"] = (0.0, wave(0.9, 0.99, step))
        real = torch.from_numpy(real)

        down_d.zero_grad()
        fake = generator(torch.from_numpy(rng.standard_normal((len(real), LATENTS)))).detach().requires_grad_()
        seen = real.clone().requires_grad_()
        real_logits, fake_logits = discriminator(seen), discriminator(fake)
        (at_real,) = torch.autograd.grad(real_logits.sum(), seen, create_graph=True)
        (at_fake,) = torch.autograd.grad(fake_logits.sum(), fake, create_graph=True)
        r1, r2 = (g.square().sum((1, 2, 3)).mean() for g in (at_real, at_fake))
        loss = TF.softplus(-(real_logits - fake_logits)).mean() + wave(2.0, 0.5, step) / 2 * (r1 + r2)
        loss.backward()
        down_d.step()

        down_g.zero_grad()
        fake_logits = discriminator(generator(torch.from_numpy(rng.standard_normal((len(real), LATENTS)))))
        TF.softplus(-(fake_logits - discriminator(real))).mean().backward()
        down_g.step()

        kept = 0.5 ** (1 / wave(0.0, 4.0, step)) if step else 0.0
        with torch.no_grad():
            for mean, p in zip(average, generator.parameters()):
                mean.copy_(kept * mean + (1 - kept) * p)
    return (down_g, down_d), average


def start():
    """Our game in float64, with last weights of the blocks that are not 0, so that all weights move from the start."""
    rng = np.random.default_rng(0)
    networks = r3gan.residual_networks(rng, LATENTS, size=16, widths=(6, 4, 2), expansion=2, channels=3, patch=2)
    for block in (module for network in networks for module in network.modules() if isinstance(module, r3gan.Block)):
        block.change[4].weight.data = 0.4 * rng.standard_normal(block.change[4].weight.shape)
    return r3gan.build(None, networks=lambda *_: [network.to(np.float64) for network in networks], **OPTIONS,
                       latent_size=LATENTS)  # fmt: skip


def copied(ours, theirs):
    """Their module in float64, with our weights, which come in the same order."""
    theirs = theirs.to(torch.float64)
    with torch.no_grad():
        for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
            p.copy_(torch.from_numpy(np.array(q.data)).reshape(p.shape))
    return theirs


def test_ten_steps_end_in_the_same_weights_averages_and_images(record_property):
    """And every weight has moved much further than that, else two programs that do nothing would agree."""
    game, shape = start(), (6, 3, 16, 16)
    batches = [np.tanh(np.random.default_rng(step).standard_normal(shape)) for step in range(STEPS)]
    theirs = copied(game.generator, Generator()), copied(game.critic, Discriminator())
    assert sum(p.numel() for p in theirs[0].parameters()) == count(game.generator)
    before = [[p.data.copy() for p in network.parameters()] for network in (game.generator, game.critic)]
    optimizers, average = train_torch(*theirs, batches, np.random.default_rng(2))
    rng, stream = np.random.default_rng(2), iter([(batch,) for batch in batches])
    for _ in range(STEPS):
        game.train_step(stream, rng)

    pairs, moved = [], []
    for ours, network, optimizer, mine, first in zip(
        (game.generator, game.critic), theirs, optimizers, game.optimizers(), before
    ):
        pairs += [(p.data, q.detach().numpy()) for p, q in zip(ours.parameters(), network.parameters(), strict=True)]
        states = [optimizer.state[q]["exp_avg_sq"].numpy() for q in network.parameters()]
        pairs += list(zip((state["exp_avg_sq"] for state in mine.state), states, strict=True))
        moved += [np.abs(p.data - old).max() for p, old in zip(ours.parameters(), first)]
    pairs += list(zip((p.data for p in game.average.module.parameters()), (q.numpy() for q in average), strict=True))
    errors = [np.abs(one - other.reshape(one.shape)).max() / np.abs(other).max() for one, other in pairs]
    record_property("largest difference", np.max(errors))
    assert np.max(errors) < TOLERANCE < min(moved) / 10
