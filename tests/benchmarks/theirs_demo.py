"""The default demo as a user of PyTorch would write it: demos/wgan_gp_mnist.py with the same data, networks, settings,
learning rate, averaged weights, log, pictures and checkpoints. What comes after the last step is left out.
"""

import argparse
import copy
import csv
from pathlib import Path

import numpy as np
import torch
from theirs import critic_losses
from torch import nn

from scratchgan.data import Batches, load
from scratchgan.training.pictures import save_grid

BATCH, LATENTS, KINDS, LR, LR_STEPS, DECAY, EVERY = 64, 64, 30, 6e-3, 3500, 0.99, 100


def main():
    """Train for ``--steps`` steps, and leave a checkpoint after the last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int)
    flags = parser.parse_args()
    (flags.out / "frames").mkdir(parents=True)
    batches = Batches(load(directory=flags.data).images, BATCH, np.random.default_rng(0))
    with open(flags.out / "log.csv", "w", newline="") as file:
        train(batches, flags.steps, csv.writer(file), flags.out)


def train(batches, steps, log, out):
    """A step of the critic and one of the generator, so many times."""
    generator, critic = small_networks()
    average, fixed_latents = copy.deepcopy(generator).eval(), latents(64)
    optimizers = [torch.optim.Adam(network.parameters(), LR, (0.0, 0.9)) for network in (generator, critic)]
    keep(out, 0, average, fixed_latents, (generator, critic, *optimizers))
    for step in range(1, steps + 1):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = LR * max(0.05, 1 - (step - 1) / LR_STEPS)
        numbers = train_step(generator, critic, *optimizers, batches)
        log.writerow([step, *(value.item() for value in numbers.values())])
        follow(average, generator)
        if step % EVERY == 0 or step == steps:
            keep(out, step, average, fixed_latents, (generator, critic, *optimizers))


def train_step(generator, critic, generator_optimizer, critic_optimizer, batches):
    """Algorithm 1 of the paper, once, with one step of the critic."""
    (real,) = map(torch.from_numpy, next(batches))
    with torch.no_grad():
        fake = generator(latents(BATCH))
    numbers = critic_losses(critic, real, fake, torch.rand(BATCH, 1, 1, 1))
    critic_optimizer.zero_grad()
    numbers["critic_loss"].backward()
    critic_optimizer.step()
    loss = -critic(generator(latents(BATCH))).mean()
    generator_optimizer.zero_grad()
    loss.backward()
    generator_optimizer.step()
    return numbers | {"generator_loss": loss}


def latents(count):
    """Those of `scratchgan.models.latents.of_kinds`."""
    z = torch.randn(count, LATENTS)
    z[:, :KINDS] = KINDS**0.5 * torch.eye(KINDS)[torch.randint(KINDS, (count,))]
    return z


def small_networks():
    """The twin of `scratchgan.models.wgan_gp.small_networks`."""
    generator = nn.Sequential(
        nn.Linear(LATENTS, 64 * 7 * 7),
        nn.Unflatten(1, (64, 7, 7)),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),  # 14×14
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),  # 28×28
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, 24, 4, stride=2, padding=1),  # 14×14
        nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, stride=2, padding=1),  # 7×7
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 96, 4, stride=2, padding=1),  # 3×3
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(96 * 3 * 3, 1),
    )
    return generator, critic


@torch.no_grad()
def follow(average, generator):
    """Move the averaged weights and buffers towards the generator's."""
    for mean, value in zip(average.state_dict().values(), generator.state_dict().values()):
        mean.lerp_(value, 1 - DECAY) if mean.is_floating_point() else mean.copy_(value)


@torch.no_grad()
def keep(out, step, average, latents, parts):
    """A picture and a checkpoint."""
    save_grid(out / "frames" / f"{step:07d}.png", average(latents).numpy())
    torch.save([part.state_dict() for part in (*parts, average)], out / "checkpoint.pt")


if __name__ == "__main__":
    main()
