"""How fast scratchgan is beside PyTorch on this CPU, and where the time goes.

python tests/benchmarks/speed.py                       # the table, and step_profile.png
python tests/benchmarks/speed.py --only critic-64 mlp  # some of its rows
python tests/benchmarks/speed.py --growth              # and how cost grows, with cost_growth.png
python tests/benchmarks/speed.py --demo --runs 3       # and the default demo as a whole program, half an hour

Each library works in a process of its own, a new one for each row, with the same number of threads and on the same
layers and sizes in float32. The two take turns, so that whatever else the machine does slows both. Without PyTorch
there are times, speeds and the share of this machine's own fastest matrix product.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import growth
import numpy as np
from tqdm import tqdm
from worker import Worker, environment

from scratchgan.training.command import whole

# What is measured ----------------------------------------------------------------------------------------------------

HERE = Path(__file__).parent
DEMOS = {"ours": HERE.parent.parent / "demos" / "wgan_gp_mnist.py", "theirs": HERE / "theirs_demo.py"}
OTHERS_FALL_ASLEEP = 0.1  # seconds: BLAS threads go on spinning for some 30 ms after a product, and would disturb


class Bench:
    """Both sides, ready to be measured in processes that have done nothing before: a context."""

    def __init__(self, sides, threads, steps):
        self.sides, self.threads, self.steps = sides, threads, steps

    def __enter__(self):
        self.workers = {side: Worker(self.threads) for side in self.sides}
        return self

    def __exit__(self, *error):
        for worker in self.workers.values():
            worker.__exit__(*error)

    def seconds(self, side, work):
        """Of one run of a work."""
        return self.workers[side].ask("measure", "seconds", side, work)

    def operation_seconds(self, side, work):
        """Of one operation on a tiny array."""
        return self.workers[side].ask("measure", "operation_seconds", side, *work)

    def peak_bytes(self, side, work):
        """By which a step makes the memory of a fresh process grow."""
        with Worker(self.threads) as fresh:
            return fresh.ask("measure", "peak_bytes", side, work)

    def demo_seconds(self, side, work):
        """From the start of the demo's process to its last step, whose checkpoint it leaves."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            _write_digits(folder)
            flags = ["--data", folder, "--out", out, "--steps", str(self.steps)]
            start = time.time()
            done = subprocess.run(
                [sys.executable, DEMOS[side], *flags], env=environment(self.threads), capture_output=True, text=True
            )
            if done.returncode:
                raise RuntimeError(done.stderr)
            return next(out.glob("checkpoint.*")).stat().st_mtime - start


def _write_digits(folder):
    """The digits that ship with the package as IDX files, so that no run waits for the network."""
    from scratchgan.data.mnist import embedded_digits

    digits = embedded_digits()
    for name, array in (("images-idx3", digits.images[:, 0]), ("labels-idx1", digits.labels)):
        header = np.array([0x0800 + array.ndim, *array.shape], ">u4").tobytes()
        (Path(folder) / f"train-{name}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())


def _as_time(seconds):
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _as_memory(size):
    return f"{size / 2**20:.0f} MiB"


@dataclass(frozen=True)
class Row:
    """A row of the table: a work, and how far from PyTorch it may be."""

    label: str
    work: tuple  # the name of a function of `ours` and `theirs`, and its arguments
    bar: float
    goal: float
    against: str = ""  # which of PyTorch's ways it is compared with
    measure: Callable = Bench.seconds
    form: Callable = _as_time
    bar_in_seconds: bool = False


# fmt: off
ROWS = {
    "critic-64": Row("critic step, DIM 64, batch 50", ("critic_step", 64, 50), 1.4, 1.0),
    "critic-16": Row("critic step, DIM 16, batch 64", ("critic_step", 16, 64), 1.4, 1.0),
    "generator-64": Row("generator step, DIM 64", ("generator_step", 64, 50, False), 1.0, 0.8, "usual"),
    "generator-64-frozen": Row("generator step, DIM 64", ("generator_step", 64, 50, True), 1.4, 1.0, "frozen critic"),
    "generator-16": Row("generator step, DIM 16", ("generator_step", 16, 64, False), 1.0, 0.8, "usual"),
    "generator-16-frozen": Row("generator step, DIM 16", ("generator_step", 16, 64, True), 1.4, 1.0, "frozen critic"),
    "demo": Row("default demo, to its last step", (), 1.4, 1.0, measure=Bench.demo_seconds),
    "dcgan": Row("DCGAN step, 64×64×3, batch 16", ("dcgan_step", 64, 16), 1.6, 1.0),
    "mlp": Row("MLP GAN step, batch 128", ("mlp_step", 128), 1.2, 1.0),
    "residual": Row("residual block, 64 × 32×32, batch 16", ("residual_block", 64, 32, 16), 1.6, 1.0),
    "forward": Row(
        "tiny operation, forward", ("forward",), 3e-6, 1.0, measure=Bench.operation_seconds, bar_in_seconds=True,
    ),
    "backward": Row(
        "tiny operation, backward", ("backward",), 3e-6, 1.0, measure=Bench.operation_seconds, bar_in_seconds=True,
    ),
    "memory": Row(
        "peak memory, critic step, DIM 64", ("critic_step", 64, 50), 1.3, 1.0, measure=Bench.peak_bytes,
        form=_as_memory,
    ),
}
# fmt: on


@dataclass(frozen=True)
class Result:
    """What was measured for a row: a value a run, and the FLOPs of the work if it has any."""

    row: Row
    ours: list
    theirs: list
    flops: float | None

    @property
    def ratio(self):
        """Ours to PyTorch's."""
        return np.median(self.ours) / np.median(self.theirs)

    @property
    def speed(self):
        """FLOPs a second."""
        return self.flops / np.median(self.ours)


# The command ---------------------------------------------------------------------------------------------------------


def main(argv=None):
    """Measure, print the tables, save the pictures."""
    flags = _parser().parse_args(argv)
    names = flags.only or [name for name in ROWS if flags.demo or name != "demo"]
    sides = ["ours", "theirs"] if importlib.util.find_spec("torch") else ["ours"]
    curves = []
    bench = Bench(sides, flags.threads, flags.steps)
    with bench:
        peak = bench.workers["ours"].ask("measure", "product_speed")
        print(_about(bench, peak), end="\n\n")
    timed = _steps(names)
    total = flags.runs * (len(names) + len(growth.AXES) * flags.growth) + len(timed)
    with tqdm(total=total, unit="run", leave=False, disable=None) as bar:
        results = {name: _result(bench, ROWS[name], flags.runs, bar) for name in names}
        with bench:
            profiles = {label: _profile(bench, work, flags.runs, bar) for label, work in timed.items()}
        if flags.growth:
            bar.set_description("how cost grows")
            with bench:
                curves = growth.measure(bench.workers["ours"], flags.runs, bar.update)
    print(table(results.values(), peak))
    if curves:
        print(f"\n{growth.table(curves)}")
    _draw(results.values(), profiles, curves, flags.out)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", choices=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument(
        "--runs", type=whole(1), default=9, metavar="N", help="timed runs of each side a row; default: 9"
    )
    parser.add_argument(
        "--threads", type=whole(1), default=os.cpu_count(), metavar="N", help="default: one for each CPU"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/speed"), metavar="DIR", help="default: runs/speed")
    parser.add_argument("--growth", action="store_true", help="how cost grows with width, batch and image size")
    which.add_argument(
        "--demo", action="store_true", help="also the default demo, whole: minutes for each side and run"
    )
    parser.add_argument("--steps", type=whole(1), default=3500, metavar="N", help="of the demo; default: 3500")
    return parser


def _about(bench, peak):
    versions = ", ".join(worker.ask(side, "about") for side, worker in bench.workers.items())
    return f"{versions}; threads: {bench.threads}; fastest float32 matrix product: {peak / 1e9:.0f} GFLOP/s"


def _result(bench, row, runs, bar):
    """The sides take turns, in processes of their own for each row: what another work left in memory slows some."""
    bar.set_description(row.label)
    values, flops = {"ours": [], "theirs": []}, None
    with bench:
        for _ in range(runs):
            for side in bench.sides:
                time.sleep(OTHERS_FALL_ASLEEP)
                values[side].append(row.measure(bench, side, row.work))
            bar.update()
        if row.measure is Bench.seconds:
            flops = bench.workers["ours"].ask("flops", "count", row.work)
    return Result(row, **values, flops=flops)


def _steps(names):
    """The works among the rows that are a step of several parts, by label, each once."""
    return {ROWS[name].label: ROWS[name].work for name in names if ROWS[name].measure is Bench.seconds}


def _profile(bench, work, runs, bar):
    bar.set_description("where the time goes")
    parts = bench.workers["ours"].ask("breakdown", "breakdown", work, runs)
    bar.update()
    return parts


# What it shows -------------------------------------------------------------------------------------------------------

FORMAT = "{:<38}{:>16}{:>16}  {:<13}{:>7}{:>13}  {:<9}{:<9}{:>8}{:>8}"
HEAD = ("median ± half the quartiles' distance", "ours", "PyTorch", "", "ratio", "quartiles", "bar", "goal")


def table(results, peak):
    """A line for each result; ✓ where the first bar, or the goal, is met."""
    head = FORMAT.format(*HEAD, "GFLOP/s", "of peak")
    return "\n".join([head, "─" * len(head), *(_line(result, peak) for result in results)])


def _line(result, peak):
    row = result.row
    theirs, ratio, quartiles, goal = "", "", "", ""
    bar = _limit(np.median(result.ours), row.bar, row.form(row.bar)) if row.bar_in_seconds else ""
    if result.theirs:
        theirs, ratio = spread(result.theirs, row.form), f"{result.ratio:.2f}"
        quartiles = "{:.2f}–{:.2f}".format(*np.percentile(np.divide(result.ours, result.theirs), (25, 75)))
        goal = _limit(result.ratio, row.goal, f"{row.goal:.1f}")
        bar = bar or _limit(result.ratio, row.bar, f"{row.bar:.1f}")
    speed = (f"{result.speed / 1e9:.0f}", f"{100 * result.speed / peak:.0f} %") if result.flops else ("", "")
    ours = spread(result.ours, row.form)
    return FORMAT.format(row.label, ours, theirs, row.against, ratio, quartiles, bar, goal, *speed).rstrip()


def spread(values, form):
    """The median of some values, and half the distance of their quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{form(middle)} ±{50 * (high - low) / middle:3.0f} %"


def _limit(value, limit, text):
    return f"≤ {text} {'✓' if value <= limit else '✗'}"


def _draw(results, profiles, curves, folder):
    from pictures import draw_growth, draw_profile  # here, see `measure.peak_bytes`

    if profiles:
        theirs = {result.row.label: 1 / result.ratio for result in results if result.theirs}  # the later, faster way
        draw_profile(profiles, theirs, folder / "step_profile.png")
        print(f"\npicture: {folder / 'step_profile.png'}")
    if curves:
        draw_growth(curves, folder / "cost_growth.png")
        print(f"\npicture: {folder / 'cost_growth.png'}")


if __name__ == "__main__":
    main()
