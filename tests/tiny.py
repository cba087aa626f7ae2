"""A system that trains in milliseconds, and the command line for it."""

import struct
from functools import partial
from types import SimpleNamespace

import numpy as np

from scratchgan import nn
from scratchgan.models.wgan_gp import WGANGP
from scratchgan.training.command import main

SETTINGS = {"batch_size": 8, "low": -1.0, "average_decay": 0.9, "lr": 1e-2, "lr_steps": None, "steps": 4, "every": 2}


def build(settings, rng, device):
    generator = nn.Sequential(nn.Linear(3, 784, rng=rng), nn.Unflatten(1, (1, 28, 28)), nn.Tanh())
    critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 1, rng=rng))
    return WGANGP(generator, critic, latent_size=3, critic_steps=1, lr=1e-2)


PRESETS = {"default": SETTINGS, "short": SETTINGS | {"steps": 2}}
SYSTEM = SimpleNamespace(PRESETS=PRESETS, build=build, __name__="tiny")
command = partial(main, "A test.", "tiny", SYSTEM)


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
