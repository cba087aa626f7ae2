"""The command line that the demos on images share."""

import argparse
import hashlib
import platform
import sys
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.backend import device_module
from scratchgan.checkpoint import CheckpointError
from scratchgan.checkpoint import load as load_checkpoint
from scratchgan.data import Batches, DataError, find, fitted
from scratchgan.data.mnist import SETS
from scratchgan.training.run import Run, TrainingError


def main(description, name, system, argv=None):
    """Read the flags, train, and leave a folder of results.

    Parameters
    ----------
    description : str
        What ``--help`` begins with.
    name : str
        Of the folder under ``runs/``.
    system : module
        A file of `scratchgan.models`, with ``PRESETS``, for each preset its settings (those of `Run`, "steps", "every"
        and "batch_size", and what ``build`` needs), and ``build(settings, rng, device) -> Game``.

    Returns
    -------
    int
        The exit status: 0, 1 for an error, 130 when stopped by Ctrl-C.
    """
    flags = _parser(description, system.PRESETS).parse_args(argv)
    try:
        return _demo(flags, name, system)
    except (CheckpointError, DataError, TrainingError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser(description, presets):
    parser = argparse.ArgumentParser(description=description)
    choices = ", ".join(f"{k}: {v['steps']} steps" for k, v in presets.items())
    parser.add_argument("--preset", choices=list(presets), help=f"how much to train ({choices}); default: default")
    parser.add_argument(
        "--data",
        metavar="mnist|fashion-mnist|DIR",
        help="a data set by name, or a folder with IDX files of 28×28 images; default: mnist",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder for the results; default: a new one under runs/"
    )
    parser.add_argument(
        "--steps", metavar="N", type=_positive, help="train until generator step N instead of the preset's"
    )
    parser.add_argument("--seed", metavar="N", type=_natural, help="of all random numbers; default: 0")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu", help="where to compute; default: cpu")
    parser.add_argument(
        "--resume", action="store_true", help="go on exactly where the run in --out, or the last one, ended"
    )
    parser.add_argument("--samples", metavar="N", type=_natural, default=0, help="also save N samples as samples.npy")
    return parser


def _natural(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _positive(text):
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def _demo(flags, name, system):
    device_module(flags.device)  # complain before anything long begins
    folder = _folder(flags, name)
    choice, steps = _choice(flags, folder)
    settings = {**system.PRESETS[choice["preset"]], **choice}
    planned, every = settings.pop("steps"), settings.pop("every")
    steps = flags.steps or steps or planned

    dataset = _dataset(choice["data"])
    settings["data_sha256"] = hashlib.sha256(dataset.images.tobytes() + dataset.labels.tobytes()).hexdigest()
    print(f"data: {len(dataset.images):,} images from {dataset.source}")
    rng = np.random.default_rng(settings["seed"])
    game = system.build(settings, rng, flags.device)
    labels = _labels(game, dataset)
    images = fitted(dataset.images, settings.get("size", 28), settings.get("channels", 1))
    batches = Batches(images, settings["batch_size"], rng, settings["low"], labels)
    run = Run(game, batches, rng, settings, folder)
    if flags.resume:
        run.load()
        print(f"resumed {folder} at step {run.step}")
    folder.mkdir(parents=True, exist_ok=True)
    run.describe(
        steps=steps, device=flags.device, source=dataset.source, scratchgan=scratchgan.__version__,
        numpy=np.__version__, python=platform.python_version(),
    )  # fmt: skip
    finished = run.train(steps, every, game.watch)
    run.finish(game.panels, flags.samples)
    if not finished:
        print(f"stopped at step {run.step}; to go on: python {sys.argv[0]} --resume --out {folder}")
    print(f"results: {folder}/  (samples.png, training.gif, curves.png, log.csv)")
    return 0 if finished else 130


def _folder(flags, name):
    """Where the run is, or will be. A run that is there is never overwritten."""
    if flags.out is not None:
        if not flags.resume and (flags.out / "checkpoint.npz").exists():
            raise CheckpointError(f"{flags.out} holds a run already: add --resume to go on, or choose another --out")
        return flags.out
    numbered = [Path("runs") / (name if i == 1 else f"{name}-{i}") for i in range(1, 10_000)]
    free = next(i for i, folder in enumerate(numbered) if not folder.exists())
    if not flags.resume:
        return numbered[free]
    if free == 0:
        raise CheckpointError(f"there is no run {numbered[0]} to resume")
    return numbered[free - 1]


def _choice(flags, folder):
    """Preset, data and seed, and the steps a resumed run was meant for: from the flags, or what the run began with."""
    given = {"preset": flags.preset, "data": absolute(flags.data), "seed": flags.seed}
    began, steps = {"preset": "default", "data": "mnist", "seed": 0}, None
    if flags.resume:
        _, facts = load_checkpoint(folder / "checkpoint.npz")
        began, steps = {k: facts["settings"][k] for k in began}, facts["steps"]
        for k, value in given.items():
            if value not in (None, began[k]):
                raise CheckpointError(
                    f"the run in {folder} began with {k} {began[k]!r}, so it cannot go on with {value!r}"
                )
    return {k: began[k] if value is None else value for k, value in given.items()}, steps


def _labels(game, dataset):
    """What a conditional game is told of each image; None for the others."""
    if not game.conditional:
        return None
    if dataset.labels.max() >= game.classes:
        raise DataError(
            f"{dataset.source} has labels up to {dataset.labels.max()}, and the networks know {game.classes} classes: "
            f"0 to {game.classes - 1}"
        )
    return dataset.labels


def absolute(data):
    """The name of a data set as it is, a folder as an absolute path, which a run can be resumed with from anywhere."""
    return data if data is None or data in SETS else str(Path(data).expanduser().resolve())


def _dataset(data):
    return find(data)
