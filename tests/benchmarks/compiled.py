"""How fast scratchgan is beside what compiles a step: JAX (`jit`) and `torch.compile`, and PyTorch as it is.

JAX needs an environment of its own, and `torch.compile` a C++ compiler:

python -m venv jaxenv
jaxenv/bin/pip install jax==0.10.2

python tests/benchmarks/compiled.py --jax jaxenv/bin/python
python tests/benchmarks/compiled.py --only critic-16 mlp --runs 5  # some rows, PyTorch alone

Each library works in a process of its own, a new one for each row, with the same number of threads and on the same
layers and sizes in float32. The first step, in which the two compile, is timed by itself. Then each does one step from
the same weights, data and random numbers: where a gradient, or how Adam moves the weights, is not ours, there is an
error and no time. Then they take turns, so that whatever else the machine does slows all. How many processors
each kept busy stands beside it.
"""

import argparse
import importlib.util
import os
import sys

import numpy as np
from kin import Kin, ruled
from speed import ROWS, spread
from tqdm import tqdm
from worker import interpreter

from scratchgan.training.command import whole

MODULES = {"scratchgan": "ours", "PyTorch": "theirs", "torch.compile": "theirs_compiled", "JAX": "theirs_jax"}
NAMES = [name for name in ROWS if ROWS[name].work and ROWS[name].measure is ROWS["mlp"].measure]
# Of so many units one is nearly always at the kink of its ReLU (see `kin.DRAWS`), so these are checked in small.
CHECKED = {("dcgan_step", 64, 16): ("dcgan_step", 16, 4)}


def main(argv=None):
    """Compile, check and measure a row after the other, print the tables."""
    flags = _parser().parse_args(argv)
    torch = {name: sys.executable for name in ("PyTorch", "torch.compile") if importlib.util.find_spec("torch")}
    pythons = torch | ({"JAX": flags.jax} if flags.jax else {})
    if not pythons:
        sys.exit("nothing to compare with: install PyTorch, give --jax, or both (see --help)")
    rows = [ROWS[name] for name in flags.only]
    with tqdm(total=flags.runs * len(rows), unit="run", leave=False, disable=None) as bar:
        results = [_measured(row, pythons, flags, bar) for row in rows]
    print(f"threads: {flags.threads}; {', '.join(results[0]['about'])}", end="\n\n")
    print(before(rows, results), table(rows, results), sep="\n\n")


def _parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jax", type=interpreter, metavar="PYTHON", help="an interpreter that has JAX")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="ROW", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--runs", type=whole(1), default=9, metavar="N", help="timed runs of each library a row; default: 9"
    )
    parser.add_argument(
        "--threads", type=whole(1), default=os.cpu_count(), metavar="N", help="default: one for each CPU"
    )
    return parser


def _measured(row, pythons, flags, bar):
    """What the libraries need for a row: a dict by library for each number."""
    bar.set_description(row.label)
    with Kin(pythons, flags.threads, MODULES) as libraries:

        def each(number):
            return {
                name: worker.ask("measure", number, MODULES[name], row.work)
                for name, worker in libraries.workers.items()
            }

        return {
            "about": [worker.ask(MODULES[name], "about") for name, worker in libraries.workers.items()],
            "first": each("first_seconds"),
            "off": {"scratchgan": {}} | libraries.check(CHECKED.get(row.work, row.work)),
            "cpus": each("cpus"),
            "seconds": libraries.seconds(row.work, flags.runs, bar.update),
        }


# What it shows -------------------------------------------------------------------------------------------------------

BEFORE = "{:<38}{:<16}{:>14}{:>14}{:>14}{:>14}"


def before(rows, results):
    """A line for each row and library: its first step, how far it is off ours, how many processors it keeps busy."""
    head = BEFORE.format("relative difference from ours", "", "gradients", "Adam's step", "first step", "CPUs busy")
    lines = []
    for row, result in zip(rows, results):
        for name, off in result["off"].items():
            numbers = [f"{off[key]:.0e}" if key in off else "" for key in ("gradients", "step")]
            numbers += [f"{result['first'][name]:.1f} s", f"{result['cpus'][name]:.1f}"]
            lines.append(BEFORE.format(row.label, name, *numbers))
    return ruled(head, lines)


def table(rows, results):
    """A line for each row: medians, and of each other library how many times its time ours takes."""
    names = list(results[0]["seconds"])
    form = "{:<38}" + "{:>16}" + "{:>17}{:>7}" * (len(names) - 1)
    columns = (column for name in names[1:] for column in (name, "ratio"))
    head = form.format("median ± half the quartiles' distance", names[0], *columns)
    return ruled(head, [_line(form, row, result["seconds"]) for row, result in zip(rows, results)])


def _line(form, row, seconds):
    ours, *others = seconds.values()
    cells = [spread(ours, row.form)]
    for theirs in others:
        cells += [spread(theirs, row.form), f"{np.median(ours) / np.median(theirs):.2f}"]
    return form.format(f"{row.label}, {row.against}" if row.against else row.label, *cells)


if __name__ == "__main__":
    main()
