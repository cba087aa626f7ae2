"""The command line that the demos on images share."""

import argparse
import hashlib
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.backend import device_module
from scratchgan.checkpoint import CheckpointError
from scratchgan.data import Batches, DataError, find, fitted
from scratchgan.data.mnist import SETS
from scratchgan.threads import use as use_threads
from scratchgan.training.folder import claimed, claimed_anew, refuse_remains
from scratchgan.training.run import LONGEST, Run, read
from scratchgan.training.stop import ended

SHAPING = {"preset": "default", "data": "mnist", "seed": 0}  # what a run is, to its end
OPTIONS = {"samples": 0, "device": "cpu", "threads": 0}  # what may be given anew when it goes on, and else stays


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
    argv : list of str, optional
        The flags, from a program that has others of its own; it says itself how to go on.

    Returns
    -------
    int
        The exit status: 0, 1 for an error, 128 and the signal's number when stopped (130 for Ctrl-C).
    """
    flags = _parser(description, system.PRESETS).parse_args(argv)
    flags.program = sys.argv[0] if argv is None else None
    runs = []  # the one in hand, for what is said at the end
    return ended(lambda: _demo(flags, name, system, runs), lambda: _kept(flags, runs))


def _parser(description, presets):
    parser = argparse.ArgumentParser(description=description)
    choices = ", ".join(f"{k}: {v['steps']} steps" for k, v in presets.items())
    parser.add_argument("--preset", choices=list(presets), help=f"how much to train ({choices}); default: default")
    parser.add_argument(
        "--data",
        metavar="mnist|fashion-mnist|DIR",
        help="a data set by name, or a folder with IDX files of 28×28 images; default: mnist",
    )
    parser.add_argument("--out", metavar="DIR", type=_path, help="folder for the results; default: a new one in runs/")
    parser.add_argument(
        "--steps", metavar="N", type=_whole(1, LONGEST), help="train until generator step N instead of the preset's"
    )
    parser.add_argument("--seed", metavar="N", type=_whole(0), help="of all random numbers; default: 0")
    parser.add_argument("--device", choices=["cpu", "gpu"], help="where to compute; default: cpu")
    parser.add_argument(
        "--resume", action="store_true", help="go on exactly where the run in --out, or the last one, ended"
    )
    parser.add_argument(
        "--threads", metavar="N", type=_whole(0), help="of matrix products; default: 0, as many as are fastest just now"
    )
    parser.add_argument("--samples", metavar="N", type=_whole(0), help="also save N samples as samples.npy; default: 0")
    return parser


def _path(text):
    return Path(os.path.expanduser(text))


def _whole(low, high=None):
    """A type of flags: whole numbers from ``low``, up to ``high`` if there is one."""

    def number(text):
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if value < low:
            raise argparse.ArgumentTypeError(f"{value} is negative" if value < 0 else f"must be at least {low}")
        if high is not None and value > high:
            raise argparse.ArgumentTypeError(f"must be at most {high:,}")
        return value

    return number


def _demo(flags, name, system, runs):
    with _folder(flags, name) as claim:
        shape, options, steps = _choices(flags, claim.path, system.PRESETS)
        device_module(options["device"])  # complain before anything long begins
        use_threads(options["threads"])
        settings = {**system.PRESETS[shape["preset"]], **shape}
        planned, every = settings.pop("steps"), settings.pop("every")
        steps = flags.steps or steps or planned
        run, source = _run(system, settings, options, claim)
        if flags.resume:
            run.load()
            print(f"resumed {run.folder} at step {run.step}")
        runs.append(run)
        run.demand_room(options["samples"])
        run.describe(
            **options, steps=max(steps, run.step), source=source, scratchgan=scratchgan.__version__,
            numpy=np.__version__, python=platform.python_version(),
        )  # fmt: skip
        finished = run.train(steps, every, run.model.watch)
        run.finish(run.model.panels, options["samples"])
        if not finished:
            print(f"stopped at step {run.step}{_to_go_on(flags, run)}")
        print(f"results: {run.folder}/  (samples.png, training.gif, curves.png, log.csv)")
        return 0 if finished else 128 + run.stopped_by


def _run(system, settings, options, claim):
    """The run of these settings at its first step, and where its data are from."""
    dataset = find(settings["data"])
    settings["data_sha256"] = hashlib.sha256(dataset.images.tobytes() + dataset.labels.tobytes()).hexdigest()
    print(f"data: {len(dataset.images):,} images from {dataset.source}")
    rng = np.random.default_rng(settings["seed"])
    game = system.build(settings, rng, options["device"])
    labels = _labels(game, dataset)
    try:
        images = fitted(dataset.images, settings.get("size", 28), settings.get("channels", 1))
        batches = Batches(images, settings["batch_size"], rng, settings["low"], labels)
    except ValueError as error:
        raise DataError(f"{dataset.source}: {error}") from error
    return Run(game, batches, rng, settings, claim.path, options, claim.check), dataset.source


def _folder(flags, name):
    """Where the run is, or will be, claimed. A run that is there is never overwritten."""
    if flags.out is not None:
        if flags.resume and not flags.out.is_dir():
            raise CheckpointError(f"there is no checkpoint in {flags.out}, which is no folder")
        return claimed(flags.out)
    numbered = [Path("runs") / (name if i == 1 else f"{name}-{i}") for i in range(1, 10_000)]
    if not flags.resume:
        return claimed_anew(numbered)
    there = [folder for folder in numbered if folder.exists()]
    if not there:
        raise CheckpointError(f"there is no run {numbered[0]} to resume")
    return claimed(there[-1])


def _choices(flags, folder, presets):
    """What the run is, its options, and the steps it was meant for: from the flags, or as it began."""
    given = {"preset": flags.preset, "data": absolute(flags.data), "seed": flags.seed}
    shape, options, steps = SHAPING, OPTIONS, None
    if flags.resume:
        _, facts = read(folder, settings=_kinds(SHAPING), options=_kinds(OPTIONS))
        shape, options, steps = {k: facts["settings"][k] for k in SHAPING}, facts["options"], facts["steps"]
        for k, value in given.items():
            if value not in (None, shape[k]):
                raise CheckpointError(
                    f"the run in {folder} began with {k} {shape[k]!r}, so it cannot go on with {value!r}"
                )
        if shape["preset"] not in presets:
            raise CheckpointError(f"the run in {folder} is another demo's: no preset {shape['preset']!r} here")
    else:
        refuse_remains(folder)
    choose = {k: value if given[k] is None else given[k] for k, value in shape.items()}
    return choose, {k: options[k] if getattr(flags, k) is None else getattr(flags, k) for k in OPTIONS}, steps


def _kinds(examples):
    return {k: type(value) for k, value in examples.items()}


def _kept(flags, runs):
    """What is left of a run that was cut short, in lines of their own."""
    if not runs:
        return ""
    (run,) = runs
    if run.saved is None or not run.checkpoint.exists():
        return f"nothing is kept in {run.folder}\n"
    return f"kept: step {run.saved} in {run.checkpoint}{_to_go_on(flags, run)}\n"


def _to_go_on(flags, run):
    """The command that goes on with a run, from any folder."""
    if flags.program is None:
        return ""
    program = [sys.executable or "python", Path(flags.program).resolve()]
    words = [str(word) for word in [*program, "--resume", "--out", run.folder.resolve()]]
    return f"; to go on: {subprocess.list2cmdline(words) if os.name == 'nt' else shlex.join(words)}"


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
    return data if data is None or data in SETS else str(_path(data).resolve())
