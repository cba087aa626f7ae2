"""Trainings on images that an experiment needs, each done once, and the models that they left."""

import numpy as np

from scratchgan import training
from scratchgan.checkpoint import CheckpointError
from scratchgan.training.run import read
from scratchgan.training.start import absolute
from scratchgan.training.systems import OPTIONS, SHAPE, model_of


def train(system, folder, **options):
    """Train a system in a folder, or finish the training that was stopped there.

    Parameters
    ----------
    system : str
        Of `models.SYSTEMS`.
    folder : path
    **options
        Of `training.train`.

    Raises
    ------
    KeyboardInterrupt
        When the training was stopped, with the signal's number.
    """
    run = training.train(system, out=folder, resume=(folder / "checkpoint.npz").exists(), **options)
    if run.stopped_by:
        raise KeyboardInterrupt(run.stopped_by)


def demand(system, folder, data):
    """Raise CheckpointError where the run in a folder is one of another system, or learned from other data."""
    facts = read(folder, settings=SHAPE, options=OPTIONS)[1]
    found, learned = facts["settings"]["system"], (facts["settings"]["data"], facts["options"]["data_at"])
    if found != system:
        raise CheckpointError(f"{folder} holds a run of {found} and not of {system}")
    if absolute(data) not in learned:  # where they were, or are now
        raise CheckpointError(f"the run in {folder} learned from {learned[0]}, so --data {data} would not fit it")


def steps(folder):
    """How many steps a run has done."""
    return read(folder)[1]["step"]


class Drawing:
    """A game as a function of arrays: latents (N, d), and one-hot labels, -> images (N, C, H, W) in [−1, 1]."""

    def __init__(self, game):
        self.game, self.latent_size = game, game.latent_size

    def __call__(self, *inputs):
        return self.game.images(*map(self.game.tensor, inputs))


def drawing(folder):
    """The game of a run, as a `Drawing`."""
    return Drawing(training.load_model(folder))


def untrained(folder):
    """The game of a run before its first step, as a `Drawing`."""
    settings = read(folder)[1]["settings"]
    return Drawing(model_of(settings, np.random.default_rng(settings["seed"])))
