"""The earth mover's distance: two piles of earth, the cheapest way to move one onto the other, and why GANs want it.

What to look at, in earth_mover.png: (a) the cheapest plan on a line never crosses itself; (b) in the plane it is an
assignment, each generated point to one real point; (c) two parallel lines at a distance θ: JS jumps to log 2 and stays
there, KL is infinite, and only W₁ says how far there is to go, for the exact values as for what networks learn; (d) the
critic of a WGAN-GP measures W₁ without a plan: its gap, divided by its slope, beside the exact distance. In
earth_mover.gif: the plan of (b), carried out.
"""

import math
import sys

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from tqdm import tqdm

from scratchgan.lab import earth, style
from scratchgan.lab.claims import Claim
from scratchgan.lab.command import at_least, main
from scratchgan.metrics import distances, optimal_assignment
from scratchgan.training.pictures import save_animation

THETAS = (0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0)  # between the parallel lines
SHIFTS = (0.0, 1.0, 2.0, 3.0, 4.0)  # of the generated cloud from the real one
POINTS = 256
FULL = {"steps": 400}
HILLS, BAR = ((9, 1.8), (4.5, 1.3), (15, 1.6)), 0.96
JS, KL, ARROW = "#c9a227", "#a44a3f", {"arrowstyle": "->", "color": style.INK}


def experiment(flags, folder):
    """Two plans, two tables, four panels."""
    rng = np.random.default_rng(flags.seed)
    x, a, b = piles = two_piles()
    clouds = earth.ring_and_cloud(80, 0, rng)
    flow, plan = earth.flow(*piles, BAR), optimal_assignment(distances(*clouds))
    anyhow = {"piles": a @ np.abs(np.subtract.outer(x, x)) @ b, "clouds": distances(*clouds).mean()}
    print(f"piles:   the best plan moves earth by {flow.cost:.3f} on average, one at random by {anyhow['piles']:.3f}")
    print(f"clouds:  the best plan moves a point by {plan.cost:.3f}, one at random by {anyhow['clouds']:.3f}\n")
    learnt = measured(rng, flags.steps)
    lines, shifts = learnt.values()
    print_lines(lines)
    print_shifts(shifts)
    untrained = measured(np.random.default_rng([flags.seed, 1]), 0)
    print("\n" + __doc__.split("\n\n")[-1].strip())
    draw(piles, flow, clouds, plan, lines, shifts, folder / "earth_mover.png")
    film(clouds, plan, folder / "earth_mover.gif")
    numbers = {
        "piles": {"best": flow.cost, "random": float(anyhow["piles"])},
        "clouds": {"best": plan.cost, "random": float(anyhow["clouds"])},
        **plain(learnt),
        "untrained": plain(untrained),
    }
    return numbers, claims(lines, shifts, untrained)


def measured(rng, steps):
    """Both tables, with networks trained for ``steps`` steps: {"parallel lines": rows, "critics": rows}."""
    options = {"n": POINTS, "rng": rng, "steps": steps}
    lines = [earth.compare_lines(theta, **options) for theta in tqdm(THETAS, desc="parallel lines", leave=False)]
    shifts = [earth.compare_clouds(shift, **options) for shift in tqdm(SHIFTS, desc="critics", leave=False)]
    return {"parallel lines": lines, "critics": shifts}


def two_piles():
    """The bars' middles and the two histograms over them: one hill, and two."""
    x = np.arange(0.5, 20)
    one, left, right = (np.exp(-(((x - middle) / width) ** 2) / 2) for middle, width in HILLS)
    two = 0.6 * left + right
    return x, one / one.sum(), two / two.sum()


def plain(numbers):
    """JSON knows no infinity."""
    if isinstance(numbers, dict):
        return {name: plain(value) for name, value in numbers.items()}
    if isinstance(numbers, list):
        return [plain(value) for value in numbers]
    return "infinite" if numbers == math.inf else numbers


def print_lines(rows):
    print(f"two parallel lines, {POINTS} points of each; log 2 = {math.log(2):.4f}")
    print("     θ   W1: exact  samples  critic     JS: exact  cells  discriminator     KL: exact  cells")
    for row in rows:
        w1, js, kl = row["W1"], row["JS"], row["KL"]
        print(f"  {row['theta']:4.2f}   {w1['exact']:9.3f}  {w1['sampled']:7.3f}  {w1['learnt']:6.3f}     "
              f"{js['exact']:9.4f} {js['sampled']:6.4f}  {js['learnt']:13.4f}     "
              f"{kl['exact']:9.3g} {kl['sampled']:6.3g}")  # fmt: skip


def print_shifts(rows):
    print("\na ring and a cloud that is moved aside: the critic against the exact distance")
    print("  shift   exact W1   gap of the critic   its slope   gap / slope   error")
    line = "  {shift:5.1f}   {exact:8.3f}   {gap:17.3f}   {slope:9.3f}   {distance:11.3f}   {error:+5.1%}"
    print("\n".join(line.format(**row) for row in rows))


def claims(lines, shifts, untrained):
    """What must come out, each with its number: the largest error in a column, and that of networks untrained."""

    def apart(rows):
        return max(abs(row["JS"]["learnt"] - math.log(2)) for row in rows if row["theta"] > 0)

    def off(rows):
        return max(abs(row["W1"]["learnt"] - row["theta"]) for row in rows)

    def wrong(rows):
        return max(abs(row["error"]) for row in rows)

    said = {
        "gap / slope of the critic, error relative to the exact W₁": (wrong, shifts, untrained["critics"], 0.05),
        "W₁ of the lines as learnt, error": (off, lines, untrained["parallel lines"], 0.05),
        "JS of the lines as learnt, error unless θ = 0": (apart, lines, untrained["parallel lines"], 0.01),
    }
    return [
        Claim(text, largest(rows), high=high, anchors={"untrained": largest(none)})
        for text, (largest, rows, none, high) in said.items()
    ]


# The picture


def draw(piles, flow, clouds, plan, lines, far, path):
    with style.figure(2, 2, size=(6.3, 3.9), title="How much earth, and how far?") as (figure, axes):
        draw_piles(axes[0, 0], piles, flow)
        draw_clouds(axes[0, 1], clouds, plan)
        draw_lines(axes[1, 0], lines)
        draw_critics(axes[1, 1], far)
        style.save(figure, path)


def draw_piles(panel, piles, flow):
    """The pile above, the hollow below, and each piece of earth on its way."""
    x, a, b = piles
    panel.bar(x, a, BAR, bottom=1, color=style.GENERATED)
    panel.bar(x, -b, BAR, bottom=0.6, color=style.REAL)
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    for i, j, (left, right), (low, high) in zip(flow.source, flow.target, flow.leaves, flow.lands):
        corners = [(left, 1), (left, 0.8), (low, 0.8), (low, 0.6), (high, 0.6), (high, 0.8), (right, 0.8), (right, 1)]
        shade = 0.7 * math.sqrt(a[i] * b[j]) / max(*a, *b)  # as dark as the earth is high
        panel.add_patch(PathPatch(Path(corners, codes), color=style.GENERATED, alpha=shade, linewidth=0))
    panel.set(title=f"(a) the cheapest plan on a line: W₁ = {flow.cost:.2f}", xlabel="place", xlim=(0, 20), yticks=[])
    panel.set(xticks=range(0, 21, 5), ylim=(0.28, 1.25))
    panel.text(12.4, 1.12, "the earth", color=style.GENERATED, fontweight="bold")
    panel.text(8.7, 0.42, "the place\nfor it", color=style.REAL, fontweight="bold", ha="center", va="center")
    panel.spines["left"].set_visible(False)


def draw_clouds(panel, clouds, plan):
    real, fake = clouds
    ways = np.stack([real, fake[plan.partner]])
    panel.plot(*ways.transpose(2, 0, 1), color=style.INK, linewidth=0.8, alpha=0.45, zorder=0)
    style.cloud(panel, real, style.REAL, "real", size=26)
    style.cloud(panel, fake, style.GENERATED, "generated", size=26)
    panel.set_aspect("equal", adjustable="datalim")
    panel.legend(loc="lower right", handletextpad=0.1)
    panel.set_title(f"(b) and in the plane: W₁ = {plan.cost:.2f}")
    panel.spines[:].set_visible(False)


def draw_lines(panel, rows):
    """The exact values as lines, what networks learnt as dots, and a small drawing of the two lines."""
    theta = [row["theta"] for row in rows]
    end = theta[-1]
    panel.plot([0, end], [0, end], color=style.CRITIC)
    panel.plot(theta, [row["W1"]["learnt"] for row in rows], "o", color=style.CRITIC, markersize=8)
    panel.plot([0, end], [math.log(2)] * 2, color=JS)
    panel.plot(0, math.log(2), "s", color="white", markeredgecolor=JS, markersize=7)
    panel.plot(theta, [row["JS"]["learnt"] for row in rows], "s", color=JS, markersize=7)
    panel.annotate("KL = ∞", (0.1, 2.4), (0.1, 1.9), color=KL, ha="center", arrowprops=ARROW | {"color": KL})
    panel.plot([0.45] * 2, [1.5, 2.3], color=style.REAL, linewidth=4)
    panel.plot([0.95] * 2, [1.5, 2.3], color=style.GENERATED, linewidth=4)
    panel.annotate("", (0.93, 1.7), (0.47, 1.7), arrowprops=ARROW)
    panel.text(0.7, 1.77, "θ", ha="center")
    panel.text(1.55, 1.8, "W₁ = θ", color=style.CRITIC, ha="right")
    panel.text(end, 0.8, "JS = log 2", color=JS, ha="right")
    panel.text(end, 0.1, "lines: exact\ndots: learnt by a network", fontsize=12, ha="right")
    panel.set(title="(c) two parallel lines move apart", xlabel="distance θ", ylabel="divergence", ylim=(-0.1, 2.45))


def draw_critics(panel, rows):
    """The exact distance as a line; the critic's as dots, with their errors."""
    shift, exact, gap, distance = ([row[name] for row in rows] for name in ("shift", "exact", "gap", "distance"))
    panel.plot(shift, exact, color=style.INK, label="exact W₁")
    panel.plot(shift, gap, "o", color="white", markeredgecolor=style.CRITIC, markersize=8, label="critic’s gap")
    panel.plot(shift, distance, "o", color=style.CRITIC, markersize=8, label="gap / slope")
    for row in rows:
        error = f"{row['error']:+.1%}".replace("-", "−")
        panel.text(row["shift"] + 0.04, row["distance"] - 0.5, error, color=style.CRITIC, fontsize=12)
    panel.set(title="(d) a critic measures W₁", xlabel="shift of the generated cloud", ylabel="distance", ylim=(0, 5.2))
    panel.set_xlim(-0.2, 4.6)
    panel.legend(loc="upper left")


def film(clouds, plan, path, frames=40):
    """Each point on its straight way."""
    real, fake = clouds[0], clouds[1][plan.partner]
    with style.figure(size=(4.4, 4.4), title="The plan, carried out") as (figure, panel):
        panel.spines[:].set_visible(False)
        panel.plot(*np.stack([real, fake]).transpose(2, 0, 1), color=style.INK, linewidth=0.6, alpha=0.25, zorder=0)
        style.cloud(panel, real, style.REAL, size=30)
        moving = panel.scatter(*fake.T, s=30, color=style.GENERATED, linewidths=0)
        images = []
        for share in (1 - np.cos(np.linspace(0, np.pi, frames))) / 2:
            moving.set_offsets((1 - share) * fake + share * real)
            images.append(style.frame(figure))
        save_animation(path, images, milliseconds=60)


def add_flags(parser):
    default, words = FULL["steps"], f"of each network; default: {FULL['steps']}"
    parser.add_argument("--steps", type=at_least(1), default=default, metavar="N", help=words)


if __name__ == "__main__":
    sys.exit(main(__doc__, "earth_mover", experiment, add_flags, FULL))
