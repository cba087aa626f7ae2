"""Weights that are part of the package: of some systems a trained generator, so that it draws at once.

scratchgan sample cgan --label 7                            a picture by the weights that ship
scratchgan train cgan                                       how they were made,
python -m scratchgan.training.weights runs/cgan             judged, and kept

A file holds the arrays that drawing needs, in half precision, and beside them the settings of the run, the numbers that
the judge saw, and the command. It is read as every checkpoint is: nothing is unpickled, and weights of other networks
than the system has now are refused.
"""

import sys
from pathlib import Path

import numpy as np

from scratchgan import checkpoint, models
from scratchgan.checkpoint import CheckpointError
from scratchgan.models.game import Game
from scratchgan.training.run import TrainingError, demand_facts, read, refuse_misfit, take_over
from scratchgan.training.stop import ended
from scratchgan.training.systems import SETTINGS, model_of, preset_of

HERE = Path(models.__file__).with_name("weights")


def shipped_model(name):
    """The game of a system whose weights ship, on the CPU. It has a trained generator, and a critic at its beginning.

    Raises
    ------
    CheckpointError
        Where there are no such weights, naming those that there are, or they are damaged or of other networks.
    """
    return _drawing(*shipped(name))


def _drawing(arrays, facts, path):
    """The game of these weights in half precision."""
    model = model_of(facts["settings"], np.random.default_rng(0))
    parts = {part: model.parts()[part] for part in model.drawing_parts()}
    arrays = {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}
    refuse_misfit(parts, arrays, path)
    take_over(parts, arrays, path)
    model.generator = model.best
    return model


def shipped(name):
    """The arrays and the facts of shipped weights, and their file."""
    path = HERE / f"{name}.npz"
    if not path.is_file():
        raise CheckpointError(
            f"no weights of {name} ship with scratchgan, only those of {', '.join(names())}: scratchgan train {name}"
        )
    arrays, facts = checkpoint.load(path)
    demand_facts(facts, path, settings=SETTINGS, step=int)
    return arrays, facts, path


def names():
    """The systems whose weights ship."""
    return sorted(path.stem for path in HERE.glob("*.npz"))


def keep(run, numbers):
    """Write what drawing needs of a finished run to a file of this package; its path.

    Parameters
    ----------
    run : path
    numbers : dict of str to float
        What the judge says of samples by these weights, see `judged`.

    Raises
    ------
    TrainingError
        For a system that is not part of this package, or that is not a game.
    """
    arrays, facts = _halved(run)
    settings, step = facts["settings"], facts["step"]
    path = HERE / f"{settings['system']}.npz"
    checkpoint.save(path, arrays, settings=settings, step=step, command=_command(settings, step), numbers=numbers)
    return path


def _halved(run):
    """The arrays that drawing needs, in half precision, and the facts of a run."""
    arrays, facts = read(run, settings=SETTINGS)
    system, game = facts["settings"]["system"], model_of(facts["settings"], np.random.default_rng(0))
    if system not in models.SYSTEMS or not isinstance(game, Game):
        raise TrainingError(f"weights of {system} cannot ship: it is no game of this package")
    kept = {name: array for name, array in arrays.items() if name.partition("/")[0] in game.drawing_parts()}
    return {k: array.astype(np.float16) if array.dtype == np.float32 else array for k, array in kept.items()}, facts


def _command(settings, steps):
    """How such a run is trained; data and steps are named where they are not the preset's."""
    preset = preset_of(models.SYSTEMS[settings["system"]], settings["preset"])
    words = f"scratchgan train {settings['system']} --preset {settings['preset']} --seed {settings['seed']}"
    words += f" --data {settings['data']}" if settings["data"] != preset.data else ""
    return words + (f" --steps {steps}" if steps != preset.steps else "")


def judged(run, count=5000):
    """What the judge says of samples by the weights of a run in half precision, as they are kept: {name: number}."""
    from scratchgan.metrics import Judge  # here, as drawing needs none

    arrays, facts = _halved(run)
    settings = facts["settings"]
    drawn = _drawing(arrays, facts, run).samples(count, np.random.default_rng([settings["seed"], 2]))
    judge = Judge(settings["data"])
    score = judge.score(drawn["samples"])
    numbers = {"S": score.S, "Fréchet distance": score.fid, "classes": score.classes}
    return numbers | ({"right class": judge.accuracy(drawn["samples"], drawn["labels"])} if "labels" in drawn else {})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m scratchgan.training.weights runs/cgan\nThe argument is a finished run.")
    sys.exit(ended(lambda: print(keep(sys.argv[1], judged(sys.argv[1]))), str))
