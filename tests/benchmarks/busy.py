"""A critic step while other programs are busy, beside PyTorch under the same load. Three minutes:

python tests/benchmarks/busy.py

Busy are programs of one thread each: the first turns in a Python loop, the second multiplies matrices, and so on.

**A fair share**: where k others are busy, each of the k + 1 programs is due a part of the machine, so a step may take
k + 1 times as long as with the whole of it: the bound. The step is the one that a user gets, who sets nothing.

Everyone takes turns of a second, so that each load, and whatever else the machine does, is the same for all. A number
is the median over the turns of the mean of a turn, in which choosing the number of threads is included.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import numpy as np
from speed import OTHERS_FALL_ASLEEP, spread
from tqdm import tqdm
from worker import Worker, environment

from scratchgan.training.command import whole

WORKS = {"DIM 16, batch 64": ("critic_step", 16, 64), "DIM 64, batch 50": ("critic_step", 64, 50)}
LOADS = (
    "while True: pass",
    "import numpy as np; a = np.ones((512, 512), np.float32)\nwhile True: a @ a",
)
SECONDS = 1.0  # of a turn
SETTLING = 2.0  # after a load has begun


@contextmanager
def busy(programs):
    """Others that are busy."""
    loads = [
        subprocess.Popen([sys.executable, "-c", LOADS[i % len(LOADS)]], env=environment(1)) for i in range(programs)
    ]
    try:
        time.sleep(SETTLING)
        yield
    finally:
        for load in loads:
            load.kill()
            load.wait()


def sides(cores):
    """How the step is done: name of the column -> (library, threads in the environment, threads asked for)."""
    ours = {"ours": ("ours", None, 0), "1 thread": ("ours", None, 1), f"{cores} threads": ("ours", None, cores)}
    return ours | ({"PyTorch": ("theirs", cores, 0)} if importlib.util.find_spec("torch") else {})


def measure(work, sides, programs, turns, bar):
    """Seconds of a step, a number for each turn, by number of other programs and by column."""
    seconds = {k: {name: [] for name in sides} for k in programs}
    with ExitStack() as stack:
        workers = {}
        for name, (library, threads, asked) in sides.items():
            workers[name] = stack.enter_context(Worker(threads))
            if library == "ours":
                workers[name].ask("scratchgan.threads", "use", asked)
            workers[name].ask("measure", "mean_seconds", library, work, SECONDS)
        for k in programs:
            with busy(k):
                for _ in range(turns):
                    for name, (library, *_) in sides.items():
                        time.sleep(OTHERS_FALL_ASLEEP)
                        turn = workers[name].ask("measure", "mean_seconds", library, work, SECONDS)
                        seconds[k][name].append(turn)
                        bar.update()
    return seconds


def lines(label, seconds):
    """Of the table: a line for each number of other programs."""
    alone = np.median(seconds[0]["ours"])
    for k, columns in seconds.items():
        bound, step = (k + 1) * alone, np.median(columns["ours"])
        verdict = "" if k == 0 else f"≤ {1e3 * bound:.0f} ms {'✓' if step <= bound else '✗'}"
        ratio = f"{step / np.median(columns['PyTorch']):.2f}" if "PyTorch" in columns else ""
        cells = (spread(values, lambda s: f"{1e3 * s:.0f} ms") for values in columns.values())
        yield f"{label:<18}{k:>5}  " + "".join(f"{cell:>16}" for cell in cells) + f"{ratio:>8}  {verdict}"


def main(argv=None):
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=whole(1), default=5, metavar="N", help="of each column a load; default: 5")
    parser.add_argument("--busy", type=whole(0), default=2, metavar="N", help="other programs, at most; default: 2")
    flags = parser.parse_args(argv)
    cores, programs = os.cpu_count(), range(flags.busy + 1)
    columns = sides(cores)
    print(f"{cores} cores; {_load()}")
    with tqdm(total=len(WORKS) * len(programs) * flags.turns * len(columns), leave=False, disable=None) as bar:
        results = {label: measure(work, columns, programs, flags.turns, bar) for label, work in WORKS.items()}
    head = (
        f"{'critic step':<18}{'busy':>5}  " + "".join(f"{name:>16}" for name in columns) + f"{'ratio':>8}  fair share"
    )
    print(head, "─" * len(head), sep="\n")
    for label, seconds in results.items():
        print(*lines(label, seconds), sep="\n")
    print(_load())


def _load():
    return "load average: {:.1f}".format(os.getloadavg()[0]) if hasattr(os, "getloadavg") else "load average: unknown"


if __name__ == "__main__":
    main()
