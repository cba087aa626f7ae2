"""How the cost of a critic step grows with width, batch and image size, beside how its arithmetic grows."""

from collections import namedtuple

import numpy as np

Curve = namedtuple("Curve", "name values seconds flops")

# name: (values, the arguments of `ours.sized_critic_step` for one of them)
AXES = {
    "width": ((8, 16, 32, 64), lambda width: (width, 32, 28)),
    "batch": ((16, 32, 64, 128), lambda batch: (16, batch, 28)),
    "image size": ((14, 28, 56), lambda size: (16, 32, size)),
}


def measure(worker, runs, progress):
    """A `Curve` for each axis: medians over so many runs."""
    return [_curve(name, worker, runs, progress) for name in AXES]


def _curve(name, worker, runs, progress):
    values, arguments = AXES[name]
    works = [("sized_critic_step", *arguments(value)) for value in values]
    seconds = [[] for _ in works]
    for _ in range(runs):
        for times, work in zip(seconds, works):
            times.append(worker.ask("measure", "seconds", "ours", work))
        progress()
    flops = [worker.ask("flops", "count", work) for work in works]
    return Curve(name, values, np.median(seconds, axis=1), np.array(flops))


def exponent(values, costs):
    """The b of the best fit costs ≈ a · valuesᵇ."""
    return float(np.polyfit(np.log(values), np.log(costs), 1)[0])


def table(curves):
    """For each axis the times, and the exponents of the time and of the work."""
    lines = [f"{'critic step, ms':<16}{'':<46}{'time grows as':>16}{'work as':>10}"]
    for name, values, seconds, flops in curves:
        points = "   ".join(f"{value}: {1e3 * s:.3g}" for value, s in zip(values, seconds))
        grows = (f"n^{exponent(values, costs):.2f}" for costs in (seconds, flops))
        lines.append("{:<16}{:<46}{:>16}{:>10}".format(name, points, *grows))
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])
