"""How fast scratchgan is beside the engines of its own kind, Chainer and DeZero, on a step of the WGAN-GP critic.

Both are Python on NumPy, as it is, and can differentiate a gradient. Neither is developed any more, and the last NumPy
that both run on unchanged is 1.23, the last Python 3.11. (On NumPy 1.26, with the names that it lacks put back, neither
was faster.) One environment serves both:

python3.11 -m venv kin
kin/bin/pip install numpy==1.23.5 matplotlib==3.8.4 setuptools==65.5.0 wheel==0.43.0
kin/bin/pip install --no-build-isolation chainer==7.8.1 dezero==0.0.13

python tests/benchmarks/kin.py --chainer kin/bin/python --dezero kin/bin/python
python tests/benchmarks/kin.py --dezero kin/bin/python --only critic-16 --runs 5

Each library works in a process of its own, in the interpreter given, with the same number of threads and on the same
layers and sizes in float32. First each does one step from the same weights, data and random numbers: where the loss,
its penalty, a gradient or the step is not ours, there is an error and no time. Then they take turns, so that whatever
else the machine does slows all.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack, suppress

import alike
import numpy as np
from speed import OTHERS_FALL_ASLEEP, ROWS, spread
from tqdm import tqdm
from worker import Worker, interpreter

from scratchgan.training.command import whole

MODULES = {"scratchgan": "ours", "Chainer": "theirs_chainer", "DeZero": "theirs_dezero"}
NAMES = ("critic-64", "critic-16")
GOAL = 3.0  # times as fast as each
DRAWS = 3  # steps tried; in a few, one of a million units is so near to its ReLU's kink that rounding decides its slope


# What is measured ----------------------------------------------------------------------------------------------------


class Kin:
    """The libraries, each in its process: a context."""

    def __init__(self, pythons, threads, modules=MODULES):
        self.pythons, self.threads, self.modules = pythons, threads, modules

    def __enter__(self):
        with ExitStack() as stack:
            pythons = {"scratchgan": sys.executable, **self.pythons}
            self.workers = {name: stack.enter_context(Worker(self.threads, path)) for name, path in pythons.items()}
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def about(self):
        """A line for each: versions, and the fastest matrix product, which is its NumPy's own."""
        for name, worker in self.workers.items():
            speed = worker.ask("measure", "product_speed")
            about = worker.ask(self.modules[name], "about")
            yield f"{about}; fastest float32 matrix product: {speed / 1e9:.0f} GFLOP/s"

    def check(self, work):
        """By how much each library's step is off ours, by name, in the first of some steps in which they agree."""
        for _ in range(DRAWS - 1):
            with suppress(ValueError):
                return self._differences(work)
        return self._differences(work)

    def _differences(self, work):
        with tempfile.TemporaryDirectory() as folder:
            self.workers["scratchgan"].ask("alike", "give", folder, work)
            for name, worker in self.workers.items():
                module = "ours_checked" if name == "scratchgan" else self.modules[name]
                worker.ask("alike", "step", module, folder, work)
            return {name: alike.differences(self.modules[name], folder) for name in self.pythons}

    def seconds(self, work, runs, progress):
        """Of each run, by library."""
        seconds = {name: [] for name in self.workers}
        for _ in range(runs):
            for name, worker in self.workers.items():
                time.sleep(OTHERS_FALL_ASLEEP)
                seconds[name].append(worker.ask("measure", "seconds", self.modules[name], work))
            progress()
        return seconds


# The command ---------------------------------------------------------------------------------------------------------


def main(argv=None):
    """Check, measure, print the tables."""
    flags = _parser().parse_args(argv)
    pythons = {name: path for name, path in (("Chainer", flags.chainer), ("DeZero", flags.dezero)) if path}
    if not pythons:
        sys.exit("nothing to compare with: give --chainer, --dezero or both (see --help)")
    with Kin(pythons, flags.threads) as kin:
        print(f"threads: {flags.threads}", *kin.about(), sep="\n", end="\n\n")
        rows = [ROWS[name] for name in flags.only]
        checks = {row.label: kin.check(row.work) for row in rows}
        print(agreement(checks), end="\n\n", flush=True)
        with tqdm(total=flags.runs * len(rows), unit="run", leave=False, disable=None) as bar:
            results = {row.label: kin.seconds(row.work, flags.runs, bar.update) for row in rows}
    print(table(results))


def _parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chainer", type=interpreter, metavar="PYTHON", help="an interpreter that has Chainer")
    parser.add_argument("--dezero", type=interpreter, metavar="PYTHON", help="an interpreter that has DeZero")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="ROW", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--runs", type=whole(1), default=9, metavar="N", help="timed runs of each library a row; default: 9"
    )
    parser.add_argument(
        "--threads", type=whole(1), default=os.cpu_count(), metavar="N", help="default: one for each CPU"
    )
    return parser


# What it shows -------------------------------------------------------------------------------------------------------

AGREEMENT = "{:<38}{:<10}{:>16}{:>16}{:>16}{:>16}"
FORMAT = "{:<38}{:>16}{:>16}  {:<10}{:>7}{:>15}  {:<7}"


def agreement(checks):
    """By how much the same step comes out differently, by row and library: a line each."""
    head = AGREEMENT.format("largest relative difference from ours", "", "penalty", "loss", "gradients", "Adam's step")
    lines = [
        AGREEMENT.format(label, name, *(f"{off:.0e}" for off in differences.values()))
        for label, check in checks.items()
        for name, differences in check.items()
    ]
    return ruled(head, lines)


def table(results):
    """A line for each row and library: how many times as long as ours it takes; ✓ where the goal is met."""
    head = FORMAT.format("median ± half the quartiles' distance", "ours", "theirs", "", "ratio", "quartiles", "goal")
    lines = []
    for label, seconds in results.items():
        ours = seconds.pop("scratchgan")
        lines += [_line(label, name, ours, theirs) for name, theirs in seconds.items()]
    return ruled(head, lines)


def _line(label, name, ours, theirs):
    ratio = np.median(theirs) / np.median(ours)
    quartiles = "{:.2f}–{:.2f}".format(*np.percentile(np.divide(theirs, ours), (25, 75)))
    goal = f"≥ {GOAL:.1f} {'✓' if ratio >= GOAL else '✗'}"
    form = ROWS["critic-64"].form
    return FORMAT.format(
        label, spread(ours, form), spread(theirs, form), name, f"{ratio:.2f}", quartiles, goal
    ).rstrip()


def ruled(head, lines):
    return "\n".join([head, "─" * len(head), *lines])


if __name__ == "__main__":
    main()
