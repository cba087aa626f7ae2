"""The command line of training: flags for `train`, the line that goes on with a run, and an exit status."""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from scratchgan.ranks import one_voice
from scratchgan.threads import MANY
from scratchgan.training.run import LONGEST
from scratchgan.training.start import train
from scratchgan.training.stop import ended
from scratchgan.training.systems import NORMS, find_system

FLAGS = "preset data out seed steps device threads samples resume batch_norm".split()


def main(description, system, name=None, argv=None):
    """A program that trains one system: read the flags, train, and leave a folder of results.

    Parameters
    ----------
    description : str
        What ``--help`` begins with.
    system : str
        A name of `models.SYSTEMS`, or a file.
    name : str, optional
        Of the folder under ``runs/``.
    argv : list of str, optional

    Returns
    -------
    int
        The exit status: 0, 1 for an error, 128 and the signal's number when stopped (130 for Ctrl-C).
    """
    with one_voice():
        parser = argparse.ArgumentParser(description=description)
        add_flags(parser, find_system(system).presets)
        return run_with(parser.parse_args(argv), system, name, [Path(sys.argv[0]).resolve()])


def add_flags(parser, presets=None):
    """The flags of `train`; with ``presets``, those of one system, their names are choices."""
    if presets:
        steps = ", ".join(f"{name}: {preset.steps:,} steps" for name, preset in presets.items())
        parser.add_argument("--preset", choices=list(presets), help=f"how much to train ({steps}); default: default")
    else:
        parser.add_argument("--preset", metavar="NAME", help="how much to train, see `list`; default: default")
    parser.add_argument(
        "--data",
        metavar="mnist|fashion-mnist|emoji|tiles|DIR",
        help="a data set by name, or a folder of pictures of any size, or of IDX files; default: mnist",
    )
    parser.add_argument("--out", metavar="DIR", help="folder for the results; default: a new one in runs/")
    parser.add_argument(
        "--steps", metavar="N", type=whole(1, LONGEST), help="train until this step instead of the preset's last"
    )
    parser.add_argument("--seed", metavar="N", type=whole(0), help="of all random numbers; default: 0")
    parser.add_argument("--device", choices=["cpu", "gpu"], help="where to compute; default: cpu")
    parser.add_argument(
        "--resume", action="store_true", help="go on exactly where the run in --out, or the last one, ended"
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=whole(0, MANY),
        help="of matrix products; default: 0, the number that is fastest now",
    )
    parser.add_argument(
        "--samples",
        metavar="N",
        type=whole(0),
        help="also save N samples as samples.npy, which `scratchgan judge` reads, emoji with --data emoji; default: 0",
    )
    parser.add_argument(
        "--batch-norm", choices=NORMS, help="under mpirun: over each process's part of a batch (default), or the whole"
    )


def run_with(flags, system, name, program):
    """Train as the flags say; the exit status.

    Parameters
    ----------
    flags : argparse.Namespace
    system : str or None
    name : str or None
        Of the folder under ``runs/``.
    program : list
        The words of the command line that the flags follow, without the interpreter.
    """
    runs = []  # the one in hand, for what is said at the end

    def work():
        options = {key: getattr(flags, key) for key in FLAGS}
        run = train(system, name=name, began=runs.append, **options)
        if run.stopped_by:
            print(f"stopped at step {run.step}; to go on: {to_go_on(program, run)}")
        print(f"results: {run.folder}/  (samples.png, training.gif, curves.png, log.csv)")
        return 128 + run.stopped_by if run.stopped_by else 0

    return ended(work, lambda: _kept(runs, program))


def to_go_on(program, run):
    """The command that goes on with a run, from any folder."""
    together = ["mpirun", "-n", run.ranks.size] if run.ranks.size > 1 else []
    words = [*together, sys.executable or "python", *program, "--resume", "--out", run.folder.resolve()]
    words = [str(word) for word in words]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _kept(runs, program):
    """What is kept of a run that was cut short, and how to go on."""
    if not runs:
        return ""
    (run,) = runs
    if run.saved is None or not run.checkpoint.exists():
        return f"nothing is kept in {run.folder}\n"
    return f"kept: step {run.saved} in {run.checkpoint}; to go on: {to_go_on(program, run)}\n"


def whole(low, high=None):
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
