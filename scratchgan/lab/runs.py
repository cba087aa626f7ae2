"""Trainings on images that an experiment needs, each done once, and the generators that they left."""

import numpy as np

from scratchgan.tensor import Tensor, no_grad
from scratchgan.training.command import main
from scratchgan.training.run import averaged_generator, read


def train(name, system, folder, **flags):
    """Train a system in a folder, or finish the training that was stopped there.

    Parameters
    ----------
    name : str
    system : module
        A file of `scratchgan.models`.
    folder : path
    **flags
        Of the command, without their dashes, such as ``data="mnist"``; None: not given.

    Raises
    ------
    KeyboardInterrupt
        When the training was stopped, with the signal's number.
    RuntimeError
        When it could not be done; the command has said why.
    """
    arguments = [str(text) for flag, value in flags.items() if value is not None for text in (f"--{flag}", value)]
    resumed = ["--resume"] if (folder / "checkpoint.npz").exists() else []
    status = main("", name, system, ["--out", str(folder), *arguments, *resumed])
    if status > 128:
        raise KeyboardInterrupt(status - 128)
    if status:
        raise RuntimeError(f"{name} could not be trained in {folder}")


def steps(folder):
    """How many steps a run has done."""
    return read(folder)[1]["step"]


class Drawing:
    """A generator as a function of NumPy arrays: latents (N, d) -> images, float32 (N, C, H, W) in [−1, 1]."""

    def __init__(self, generator, settings):
        self.generator, self.low, self.latent_size = generator, settings["low"], settings["latent_size"]

    def __call__(self, latents):
        with no_grad():
            images = self.generator(Tensor(latents.astype(np.float32))).numpy()
        return (images - self.low) * (2 / (1 - self.low)) - 1


def drawing(system, folder):
    """The averaged generator of a run, as a `Drawing`."""
    return Drawing(*averaged_generator(system, folder))


def untrained(system, folder):
    """The generator of a run before its first step, as a `Drawing`."""
    _, settings = averaged_generator(system, folder)
    game = system.build(settings, np.random.default_rng(settings["seed"]), "cpu")
    return Drawing(game.generator.eval(), settings)
