"""Trainings on images that an experiment needs, each done once, and the models that they left."""

from argparse import ArgumentParser, Namespace
from collections.abc import Container
from pathlib import Path

import numpy as np

from scratchgan import training
from scratchgan.checkpoint import CheckpointError
from scratchgan.lab.command import at_least
from scratchgan.models.game import Game
from scratchgan.models.model import Model
from scratchgan.ranks import ALONE
from scratchgan.training import weights
from scratchgan.training.run import read
from scratchgan.training.start import absolute
from scratchgan.training.systems import OPTIONS, SHAPE, model_of


def train(system: str, folder: Path, **options) -> None:
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
    resume = (folder / "checkpoint.npz").exists()
    run = training.train(system, out=folder, resume=resume, ranks=ALONE, **options)  # others may train another system
    if run.stopped_by:
        raise KeyboardInterrupt(run.stopped_by)


def demand(system: str, folder: Path, data: str | Path) -> None:
    """Raise CheckpointError where the run in a folder is one of another system, or learned from other data."""
    facts = read(folder, settings=SHAPE, options=OPTIONS)[1]
    found, learned = facts["settings"]["system"], (facts["settings"]["data"], facts["options"]["data_at"])
    if found != system:
        raise CheckpointError(f"{folder} holds a run of {found} and not of {system}")
    if absolute(data) not in learned:  # where they were, or are now
        raise CheckpointError(f"the run in {folder} learned from {learned[0]}, so --data {data} would not fit it")


class Drawing:
    """A game as a function of arrays: latents (N, d), and one-hot labels, -> images (N, C, H, W) in [−1, 1]."""

    def __init__(self, game: Game):
        self.game, self.latent_size = game, game.latent_size

    def __call__(self, *inputs: np.ndarray) -> np.ndarray:
        return self.game.images(*map(self.game.tensor, inputs))


def untrained(folder: Path) -> Drawing:
    """The game of a run before its first step, as a `Drawing`."""
    return _begun(read(folder)[1]["settings"])


def _begun(settings):
    return Drawing(_first(settings))


def _first(settings):
    return model_of(settings, np.random.default_rng(settings["seed"]))


def add_flags(parser: ArgumentParser, *systems: str, data: str = "mnist|fashion-mnist|DIR") -> None:
    """Where the generators of a lesson come from: ``--NAME DIR``, ``--train``, ``--steps`` and ``--data``."""
    for name in systems:
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=f"a finished run of {name}")
    parser.add_argument("--data", default="mnist", metavar=data, help="default: mnist; for others one is trained")
    parser.add_argument("--train", action="store_true", help="anew, for minutes, instead of the weights that ship")
    steps = at_least(1)
    parser.add_argument("--steps", type=steps, metavar="N", help="train anew, so many steps instead of the preset's")


def chosen(system: str, flags: Namespace, folder: Path, **options) -> Path | None:
    """The run that a lesson is about, or None for the weights that ship: these have learned from MNIST.

    Parameters
    ----------
    system : str
    flags : Namespace
        Of `add_flags`, and ``seed``.
    folder : path
        In which one is trained, if it is to be.
    **options
        Of `training.train`.

    Returns
    -------
    path or None
    """
    given, ships = getattr(flags, system), system in weights.names() and flags.data == "mnist"
    if given or ships and not (flags.train or flags.steps):
        return given
    train(system, folder / system, data=flags.data, seed=flags.seed, steps=flags.steps, **options)
    return folder / system


def found(folder: Path, systems: Container[str]) -> dict[str, Path]:
    """The runs within a folder: of each system the one that was trained longest, {name: folder}."""
    if not folder.is_dir():
        raise CheckpointError(f"there is no folder {folder} with runs in its folders")
    runs = {}
    for config in sorted(folder.glob("*/checkpoint.npz")):
        facts = read(config.parent, settings=SHAPE, options=OPTIONS)[1]
        name, step = facts["settings"]["system"], facts["step"]
        if name in systems and step > runs.get(name, (0,))[0]:
            runs[name] = step, config.parent
    return {name: path for name, (_, path) in runs.items()}


def models(system: str, folder: Path, data: str | Path) -> tuple[int, Model, Model]:
    """The model of a run on these data, and the same before its first step.

    Returns
    -------
    steps : int
    trained, untrained : Model
    """
    demand(system, folder, data)
    facts = read(folder)[1]
    return facts["step"], training.load_model(folder), _first(facts["settings"])


def pair(system: str, folder: Path | None, data: str | Path) -> tuple[int, Drawing, Drawing]:
    """A system trained and untrained, of a run on these data or, where this is None, of the weights that ship.

    Returns
    -------
    steps : int
    trained, untrained : Drawing
    """
    if folder is None:
        facts, model = weights.shipped(system)[1], weights.shipped_model(system)
        return facts["step"], Drawing(model), _begun(facts["settings"])
    steps, *both = models(system, folder, data)
    return steps, *map(Drawing, both)
