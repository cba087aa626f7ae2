"""Check the derivatives of every function and every loss, and show how far each is from central differences.

python -m scratchgan.testing            # all functions, first and second order
python -m scratchgan.testing conv2d batch_norm --order 3
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from scratchgan.testing import cases, check_grads, losses, worst_errors
from scratchgan.testing.cases import Case
from scratchgan.testing.check import allowed

TABLES = cases.TABLE, losses.TABLE

ORDINALS = ("first", "second", "third", "fourth")
COLORS = ("#1f6f8b", "#e07a5f", "#81b29a", "#3d405b")
EXACT = 1e-14  # errors below it are drawn there
PICTURE = Path("runs/gradient_checks.png")


def main(argv=None, prog="python -m scratchgan.testing"):
    """Print the table, save it as a picture; the exit status is 1 if a derivative is wrong."""
    parser = _parser(prog)
    flags = parser.parse_args(argv)
    known = {name: notes for table in TABLES for name, notes in table.items()}
    unknown = [name for name in flags.functions if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0].lower(), known, 1)
        hint = f", did you mean {near[0]}?" if near else "."
        parser.error(f"there is no {', '.join(unknown)}{hint} The functions are: {', '.join(known)}")
    rows, complaints = {}, []
    for name in tqdm(flags.functions or known, unit="function", leave=False, disable=None):
        calls = [Case(name, note, call, tuple(recipes)) for note, (call, *recipes) in known[name].items()]
        errors = [worst_errors(case.call, case.arrays(), flags.order) for case in calls]
        rows[name] = np.max(errors, axis=0)
        complaints += filter(None, (complaint(case, flags.order) for case in calls))
    print(table(rows))
    out = flags.out or (PICTURE.with_stem(f"{PICTURE.stem}_of_some") if flags.functions else PICTURE)
    draw(rows, out)
    print(f"\npicture: {out}")
    for text in complaints:
        print(f"\n{text}", file=sys.stderr)
    return 1 if complaints else 0


def _parser(prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.partition("\n")[0])
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="which to check; default: all")
    parser.add_argument("--order", type=int, choices=range(1, len(ORDINALS) + 1), default=2, help="default: 2")
    parser.add_argument(
        "--out", metavar="PNG", type=Path, help=f"the picture; default: {PICTURE}, and another name for some functions"
    )
    return parser


def complaint(case, order):
    """What the checker has to say against a case, or None."""
    try:
        check_grads(case.call, case.arrays(), order)
    except AssertionError as error:
        return f"{case}: {error}"


def table(rows):
    """A line for each function with its worst relative errors, and below them the worst of all and what is allowed."""
    worst = np.max(list(rows.values()), axis=0)
    limits = [allowed(order) for order in range(1, len(worst) + 1)]
    width = max(map(len, rows | {"worst of all": 0}))
    head = f"{'relative error':{width}}" + "".join(f"{ORDINALS[k] + ' order':>15}" for k in range(len(worst)))
    lines = [_line(name, errors, limits, width) for name, errors in rows.items()]
    feet = [_line("worst of all", worst, limits, width), _line("allowed", limits, limits, width)]
    rule = "─" * len(head)
    return "\n".join([head, rule, *lines, rule, *feet])


def _line(name, errors, limits, width):
    marks = (" " if error <= limit else "✗" for error, limit in zip(errors, limits))
    return f"{name:{width}}" + "".join(f"{error:>13.1e} {mark}" for error, mark in zip(errors, marks))


def draw(rows, path):
    """The table as a picture: a row for each function, a dot for each order, and lines at what is allowed."""
    names, errors = list(rows), np.array(list(rows.values()))
    half = -(-len(names) // 2)
    figure = Figure(figsize=(11, 1.4 + 0.2 * half), layout="constrained")
    for axes, part in zip(figure.subplots(1, 2, sharex=True), (slice(0, half), slice(half, None))):
        rows_here = np.arange(len(names[part]))
        for k, color in zip(range(errors.shape[1]), COLORS):
            seen = np.nan_to_num(errors[part, k], nan=1).clip(EXACT, 1)
            axes.plot(seen, rows_here, "o", color=color, markersize=5, alpha=0.85, label=f"{ORDINALS[k]} order")
            axes.axvline(allowed(k + 1), color=color, linestyle="--", linewidth=1)
        axes.set_yticks(rows_here, names[part], fontsize=8)
        axes.set(xscale="log", xlim=(EXACT / 2, 2), ylim=(half - 0.4, -0.6), xlabel="relative error")
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=errors.shape[1], frameon=False)
    figure.suptitle("Derivatives against central differences (dashed: what is allowed)", x=0.01, ha="left", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    figure.savefig(unfinished, format="png", dpi=110)
    os.replace(unfinished, path)


if __name__ == "__main__":
    sys.exit(main())
