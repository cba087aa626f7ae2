"""A system that trains in milliseconds, in a file of its own, and the command line for it."""

import struct
from functools import partial
from pathlib import Path

import numpy as np

from scratchgan import nn
from scratchgan.models import Preset, System, wgan_gp
from scratchgan.training.command import main


def networks(rng, latent_size):
    generator = nn.Sequential(nn.Linear(latent_size, 784, rng=rng), nn.Unflatten(1, (1, 28, 28)), nn.Tanh())
    return generator, nn.Sequential(nn.Flatten(), nn.Linear(784, 1, rng=rng))


def build(rng, device="cpu"):
    return wgan_gp.build(rng, device, networks, 3, critic_steps=1, lr=1e-2, average_decay=0.9)


four = Preset(4, every=2, batch_size=8, rates_fall=False)
SYSTEM = System("tiny", "a test", "nothing", 1, build, {"default": four, "short": Preset(2, 2, 8, False)})
command = partial(main, "A test.", str(Path(__file__).resolve()), "tiny")


def save_digits(folder, count=40):
    """IDX files of noise, the same for the same count."""
    folder.mkdir(parents=True)
    images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, count, 28, 28) + images.tobytes())
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, count) + bytes(count))
    return folder


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    import sys

    sys.exit(command())
