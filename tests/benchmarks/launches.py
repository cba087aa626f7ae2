"""How many kernels a step launches on a GPU, counted where there is none.

python tests/benchmarks/launches.py           # the table, and the files that ask for the kernels
python tests/benchmarks/launches.py --top 12  # and the functions that ask for most

On a GPU a function of arrays is a kernel, or several, and the host has to launch each. With small arrays this takes
longer than the kernel itself. So each work of `ours` is done once on the arrays of `pretend`, which stand in for
CuPy's, and what would launch a kernel is counted. The count depends on nothing but shapes: it is always the same.

| kind | one launch each |
|---|---|
| products | ``@``, ``einsum`` |
| elementwise | every other ufunc, ``where``, ``clip`` |
| reductions | ``sum``, ``max``, … |
| copies | ``astype``, ``copy``, ``reshape``, an index, an assignment; ``concatenate``: one for each of up to 8 arrays |
| fills | ``zeros_like``, ``ones_like``, ``full_like``, the assignment of a number |

Views are free: slices, transposes, broadcasts, strided windows, a ``reshape`` or ``astype`` that copies nothing. So are
new memory and the second half of ``x[i] += y``, which assigns what is there already.

The count is a lower bound. It leaves out that one call may be several kernels (a long sum in two passes, the copies
before an ``einsum``), the random numbers that come from the host, and how long a kernel runs: all but the products wait
for memory, not for arithmetic.

The times are estimates; nothing here was measured on a GPU.

- `LAUNCH`: a launch takes the host "5–20 microseconds" (Holistic Trace Analysis, "CUDA Kernel Launch Statistics",
  https://hta.readthedocs.io), of which this is the least.
- `CALL`: a call of ``sum`` takes the host 12 µs in CuPy's guide ("Performance Best Practices", https://docs.cupy.dev).
- `FLOPS`: the peak of an A100 in float32, from its data sheet. No product of these sizes comes near it.
"""

import argparse
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import flops
import numpy as np
import ours
from speed import ROWS

import scratchgan
from scratchgan.functional.kernels import strips
from scratchgan.models.wgan_gp import paper_networks
from scratchgan.optim import Adam, Optimizer

sys.path.append(str(Path(__file__).resolve().parents[1]))

import pretend

from scratchgan.training.command import whole

LAUNCH, CALL, FLOPS = 5e-6, 12e-6, 19.5e12  # seconds, seconds, 1 / second
KINDS = PRODUCTS, ELEMENTWISE, REDUCTIONS, COPIES, FILLS = "products", "elementwise", "reductions", "copies", "fills"
WHOLE = "whole"  # no launch, but a call that one kernel could do: a convolution, or a step of an optimiser
WHOLES = "functional/kernels/strips.py", "optim.py"  # what these ask for belongs to such a call
MANY = 8  # arrays; CuPy joins more by one kernel
PACKAGE = Path(scratchgan.__file__).parent
SERVANTS = "backend.py", "threads.py"  # what they launch, others asked them for
STEPS = "critic-16 critic-64 generator-16 generator-64 dcgan mlp residual".split()  # rows of `speed`


# The count -----------------------------------------------------------------------------------------------------------


class Launch(NamedTuple):
    """What is launched, and the function of the package that asks for it, by its file and its name."""

    kind: str
    file: str
    function: str


@contextmanager
def counted():
    """What is launched in this context: a Counter of `Launch`."""
    counts = Counter()
    with ExitStack() as patched:
        for rule, owner, names in RULES:
            for name in names.split():
                patched.enter_context(patch.object(owner, name, _counting(getattr(owner, name), rule, counts)))
        yield counts


def _counting(function, rule, counts):
    def call(*args, **options):
        value = function(*args, **options)
        kind, launches = rule(value, *args)
        counts[Launch(kind, *_asking())] += launches
        return value

    return call


def _asking():
    """The file and the name of the innermost function of the package that is running."""
    frame = sys._getframe(2)
    while frame and not _inside(frame.f_code.co_filename):
        frame = frame.f_back
    return (_inside(frame.f_code.co_filename), frame.f_code.co_name) if frame else ("the step itself", "")


@cache
def _inside(file):
    """The file's path in the package; empty if it lies elsewhere, or only serves others."""
    path = Path(file)
    return path.relative_to(PACKAGE).as_posix() if PACKAGE in path.parents and path.name not in SERVANTS else ""


def _one(kind):
    return lambda value, *args: (kind, 1)


def _ufunc(value, array, ufunc, *args):
    return PRODUCTS if ufunc is np.matmul else ELEMENTWISE, 1


def _unless_view(value, array, *args):
    return COPIES, int(not np.may_share_memory(value._host, array._host))


def _assignment(_, array, index, value):
    if not isinstance(value, pretend.ndarray):
        return FILLS, 1
    there = array._host[pretend._index(index)]
    return COPIES, int(there.__array_interface__ != value._host.__array_interface__)


def _joined(value, arrays, *args):
    return COPIES, len(arrays) if len(arrays) <= MANY else 1


RULES = [
    (_ufunc, pretend.ndarray, "__array_ufunc__"),
    (_one(REDUCTIONS), pretend.ndarray, "sum mean max min argmax any all var std"),
    (_unless_view, pretend.ndarray, "astype copy reshape __getitem__"),
    (_assignment, pretend.ndarray, "__setitem__"),
    (_one(PRODUCTS), pretend, "einsum tensordot"),
    (_one(ELEMENTWISE), pretend, "where clip"),
    (_one(FILLS), pretend, "zeros_like ones_like full_like"),
    (_joined, pretend, "concatenate"),
    (_one(COPIES), pretend.add, "at"),
    (_one(WHOLE), strips, "conv conv_transpose weight_grad"),
    (_one(WHOLE), Optimizer, "step"),
]


# The works -----------------------------------------------------------------------------------------------------------


@contextmanager
def on_the_stand_in():
    """The works of `ours` that are made in this context are done on the stand-in."""
    modules = {"cpu": np, "gpu": pretend}.get
    with (
        patch.object(ours, "device", "gpu"),
        patch.object(ours, "device_module", modules),
        patch("scratchgan.nn.module.device_module", modules),
    ):
        yield


def adam_step():
    """A step of Adam alone, for the critic of DIM 64."""
    weights = paper_networks(ours.rng, width=64)[1].to(ours.device).parameters()
    adam, gradients = Adam(weights), [ours.normal(*weight.shape) for weight in weights]
    return lambda: adam.step(gradients)


def launches(make, *sizes):
    """The Counter of one step, for the function that makes the step."""
    with on_the_stand_in():
        step = make(*sizes)
        with counted() as counts:
            step()
    return counts


# The command ---------------------------------------------------------------------------------------------------------


def main(argv=None):
    """Count, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--top", type=whole(0), default=0, metavar="N", help="functions to show of each step; default: 0"
    )
    flags = parser.parse_args(argv)
    works = {name: ROWS[name].work for name in STEPS}
    counts = {name: launches(getattr(ours, work), *sizes) for name, (work, *sizes) in works.items()}
    counts["Adam alone"] = launches(adam_step)
    print(table(counts, {name: flops.count(work) for name, work in works.items()}))
    print(f"\n{by_file(counts)}")
    for name, count in counts.items() if flags.top else ():
        print(f"\n{name}\n{top(count, flags.top)}")


FORMAT = "{:<12}" + "{:>9}" + "{:>12}" * len(KINDS) + "{:>8}" + "{:>10}" * 3
HEAD = FORMAT.format("", "launches", *KINDS, "fused", "at 5 µs", "at 12 µs", "products")


def table(counts, arithmetic):
    """A line for each step: its launches, and estimates of its least time."""
    lines = [f"{'estimates, ms':>{len(HEAD)}}", HEAD, "─" * len(HEAD)]
    for name, count in counts.items():
        number, kinds = total(count), [total(count, [kind]) for kind in KINDS]
        times = number * LAUNCH, number * CALL, arithmetic.get(name, 0) / FLOPS
        lines.append(FORMAT.format(name, number, *kinds, fused(count), *(f"{1e3 * time:.2f}" for time in times)))
    return "\n".join(lines)


def total(count, kinds=KINDS, files=None):
    """The launches, or those of some kinds or files."""
    return sum(n for launch, n in count.items() if launch.kind in kinds and (files is None or launch.file in files))


def fused(count):
    """The launches if each convolution were one kernel, with all that it asks for, and each step of an optimiser."""
    wholes = total(count, [WHOLE]) - total(count, [WHOLE], WHOLES)  # without those that another asks for
    return total(count) - total(count, files=WHOLES) + wholes


def by_file(counts):
    """A line for each file, those that ask for most first."""
    files, form = Counter(), "{:<30}" + "{:>14}" * len(counts)
    for launch, n in sum(counts.values(), Counter()).items():
        files[launch.file] += n * (launch.kind in KINDS)
    rows = [(file, *(total(count, files=[file]) for count in counts.values())) for file, n in files.most_common() if n]
    return "\n".join(form.format(*row) for row in [("asked for by", *counts), *rows])


def top(count, number):
    """A line for each function and kind, those that ask for most first."""
    lines = [(n, launch) for launch, n in count.most_common() if launch.kind in KINDS][:number]
    return "\n".join(f"{n:>6} {launch.kind:<12} {launch.file}: {launch.function}" for n, launch in lines)


if __name__ == "__main__":
    main()
