"""Shapes: what layers do to them, and what lectures draw on the blackboard, drawn from the library's own functions.

Nothing is trained but a line; it takes seconds. Two pictures. In shapes_layers.png, row by row:

  stride 1   a transposed convolution: each number of y puts down its multiple of the kernel, and what overlaps adds up.
  stride 2   the same, two pixels further for each number. With a kernel of 2 nothing overlaps.
  uneven     with a kernel of 3 at stride 2 some pixels are reached once, some twice, some four times: a chessboard.
             With 4 all are reached equally often, but for the edge. And the transposed convolution undoes nothing.
  norms      the inputs that have a say in one output (dark), by its derivatives. Images go backwards, channels to the
             right, pixels upwards.

In shapes_lines.png: the line and the arc between two latents; modes, which are peaks; the double cone, in which a
function of slope 1 stays wherever it is put; what a penalised critic's slope becomes over λ; and a plan of transport
beside a critic of slope 1, which have the same value.
"""

import sys
from itertools import product

import numpy as np

from scratchgan.data.mnist import embedded_digits
from scratchgan.data.toy import ring
from scratchgan.lab import command, probes, shapes, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import distances, optimal_assignment

Y, KERNEL = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [2.0, 3.0]])
SHAPE = (4, 6, 2, 3)  # of the cubes
EDGE = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]) + np.array(
    [[0, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 0]]
)
DIMENSION, SHIFT, WEIGHTS = 512, 4.0, np.geomspace(0.1, 100, 13)
MODES = ring("five hills", 5, 1.1, 0.3)
COLORS = (style.GENERATED, style.REAL, style.CRITIC, "#81b29a")


def experiment(flags, folder):
    """The pictures and the numbers in them."""
    print(__doc__)
    draw_layers(folder / "shapes_layers.png")
    draw_lines(folder / "shapes_lines.png")
    return {}, list(claims())


def claims():
    """The numbers in the pictures."""
    for size, least, most in ((3, 1, 4), (4, 4, 4)):
        inside = shapes.overlaps(6, size, 2)[2:-2, 2:-2]
        text = f"kernel {size} at stride 2: most often / least often reached pixel, but for the edge"
        yield Claim(text, inside.max() / inside.min(), most / least, most / least)
    error, halves = shapes.there_and_back(digit(), EDGE, 2)[1], {"of an inverse": 0, "of nothing": 1}
    yield Claim("error of convᵀ(conv(x)), at its best size", error, low=0.2, anchors=halves)
    n, c, h, w = SHAPE
    sizes = {"batch norm": n * h * w, "layer norm": c * h * w, "instance norm": h * w, "group norm": c // 2 * h * w}
    for name, count in (sizes | {"pixel norm": c, "AdaIN": h * w}).items():
        found = shapes.reduced(name, SHAPE).sum()
        yield Claim(f"{name}: inputs with a say in one output", found, count, count, anchors={"of": n * c * h * w})
    line, arc = (lengths.mean(0)[32] for lengths in latent_ways())
    beside = {"√(d/2)": (DIMENSION / 2) ** 0.5, "on the arc": arc, "√d": DIMENSION**0.5}
    yield Claim("length in the middle of the line between two latents", line, 15.5, 16.5, anchors=beside)
    yield Claim("peaks of five hills", len(shapes.peaks(MODES.density)), 5, 5)
    for name, share in (("slope 1", 0.0), ("slope 2", 0.1)):
        x, values = graphs()[name]
        worst = max(shapes.outside_the_cone(x, values, at) for at in range(0, len(x), 10))
        high = 0.0 if name == "slope 1" else 1.0
        yield Claim(f"share of a graph of {name} out of the cone, at the worst place", worst, share, high)
    errors = [shapes.best_line(SHIFT, weight) / (1 + SHIFT / (2 * weight)) - 1 for weight in WEIGHTS]
    yield Claim("slope learnt beside 1 + s / 2λ: the largest error", float(np.abs(errors).max()), high=1e-6)
    real, fake, plan, critic = piles()
    gap = critic(real).mean() - critic(fake).mean()
    yield Claim(
        "value of the critic / cost of the plan", gap / plan.cost, 1 - 1e-9, 1 + 1e-9, anchors={"W₁": plan.cost}
    )


def digit():
    """A digit of 27×27 pixels, in [0, 1]."""
    return embedded_digits().images[7, 0, :27, :27] / 255.0


def latent_ways(pairs=20):
    """Lengths along lines and arcs: two arrays (pairs, 65)."""
    latents = np.random.default_rng(0).standard_normal((pairs, 2, DIMENSION))
    return (np.array(lengths) for lengths in zip(*(shapes.ways(*pair) for pair in latents)))


def graphs():
    """Two functions of a line, {name: (x, values)}: of slopes up to 1, and up to 2."""
    x = np.linspace(-4, 4, 401)
    return {"slope 1": (x, np.sin(x) * 0.9), "slope 2": (x, np.sin(2 * x) * 0.9)}


def piles(count=14):
    """Two piles on a line, the cheapest plan, and the best critic."""
    rng = np.random.default_rng(3)
    real, sides = rng.normal(0.2, 0.5, (count, 1)), np.repeat([[-1.8], [1.8]], count // 2, axis=0)
    fake = sides + rng.normal(0, 0.5, (count, 1))
    return real, fake, optimal_assignment(distances(real, fake)), probes.best_critic(real, fake)


# Layers --------------------------------------------------------------------------------------------------------------


def draw_layers(path):
    """Three rows of convolutions, and one of norms."""
    title = "Transposed convolutions, and what each norm sees"
    with style.figure(4, 6, size=(2.75, 2.75), title=title) as (figure, axes):
        for panel in axes.flat:
            panel.set(xticks=[], yticks=[])
            panel.axis("off")
        for row, stride in zip(axes, (1, 2)):
            draw_step_by_step(row, stride)
        draw_uneven(axes[2])
        for panel, name in zip(axes[3], shapes.NORMS):
            draw_cube(panel, name)
        style.save(figure, path)


def draw_step_by_step(row, stride):
    """y, its four stamps, and their sum."""
    side = stride + len(KERNEL)
    grid(row[0], np.pad(Y, ((0, side - 2), (0, side - 2)), constant_values=np.nan), [style.INK])
    for (i, j), color in zip(product(range(2), repeat=2), COLORS):
        square(row[0], i, j, color)
    row[0].set_title(f"y, stride {stride}")
    words = " ".join(f"{value:g}" for value in KERNEL.ravel()).split()
    row[0].text(
        side - 0.5, side - 0.6, f"kernel\n{words[0]} {words[1]}\n{words[2]} {words[3]}", ha="right", va="bottom"
    )
    pieces = shapes.stamps(Y, KERNEL, stride)
    for panel, piece, color, value, (i, j) in zip(row[1:5], pieces, COLORS, Y.ravel(), product(range(2), repeat=2)):
        grid(panel, np.where(inside(side, i * stride, j * stride), piece, np.nan), [color])
        panel.set_title(f"{value:g} × kernel", color=color)
    grid(row[5], pieces.sum(0), [style.INK])
    for (i, j), color in zip(product(range(2), repeat=2), COLORS):
        square(row[5], i * stride, j * stride, color, 2)
    row[5].set_title("their sum")


def inside(side, top, left):
    """Where a kernel of two pixels lies: array of bool."""
    rows, columns = np.indices((side, side))
    return (rows >= top) & (rows < top + 2) & (columns >= left) & (columns < left + 2)


def grid(axes, numbers, colors):
    """Numbers in cells; NaN are empty cells."""
    side = len(numbers)
    for i, j in product(range(side), repeat=2):
        known = np.isfinite(numbers[i, j])
        axes.add_patch(cell(j, i, colors[0] if known else "none", 0.16 if known else 1.0))
        if known:
            axes.text(j, i, f"{numbers[i, j]:g}", ha="center", va="center", fontsize=13, color=style.INK)
    axes.set(xlim=(-0.6, side - 0.4), ylim=(side - 0.4, -0.6), aspect="equal")


def cell(x, y, color, alpha):
    """A square around a place."""
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, alpha=alpha, edgecolor="#c9cbd8", linewidth=0.8)


def square(axes, i, j, color, size=1):
    """The outline of what one number puts down; those of the sum lie one in the other, so that all can be seen."""
    inset = 0.06 * (1 + COLORS.index(color)) if size > 1 else 0.06
    x, y, width = j - 0.5 + inset, i - 0.5 + inset, size - 2 * inset
    axes.plot([x, x + width, x + width, x, x], [y, y, y + width, y + width, y], color=color, linewidth=2)


def draw_uneven(row):
    """How often pixels are reached; and a digit that does not come back."""
    for panel, size in zip(row, (3, 4)):
        counts = shapes.overlaps(6, size, 2)
        panel.imshow(counts, cmap="PuBu", vmin=0, vmax=5)
        for i, j in product(range(len(counts)), repeat=2):
            color = "white" if counts[i, j] > 3 else style.INK
            panel.text(j, i, f"{counts[i, j]:g}", ha="center", va="center", fontsize=8, color=color)
        panel.set_title(f"kernel {size}, stride 2")
    x = digit()
    back, error = shapes.there_and_back(x, EDGE, 2)
    small = shapes.convolved(x, EDGE, 2)
    pictures = {"x": x, "the kernel": EDGE, "conv(x), stride 2": small, f"convᵀ(conv(x)): off by {error:.0%}": back}
    for panel, (title, picture) in zip(row[2:], pictures.items()):
        panel.imshow(picture, cmap="gray")
        panel.set_title(title, fontsize=12)


def draw_cube(axes, name):
    """Images go backwards, channels to the right, pixels upwards; what has a say is dark."""
    n, c, h, w = SHAPE
    seen = shapes.reduced(name, SHAPE).reshape(n, c, h * w)
    faces = {
        "front": ((c, h * w), lambda i, j: seen[0, i, j], lambda i, j: (0, i, j), ((0, 1, 0), (0, 0, 1))),
        "right": ((n, h * w), lambda i, j: seen[i, -1, j], lambda i, j: (i, c, j), ((1, 0, 0), (0, 0, 1))),
        "top": ((n, c), lambda i, j: seen[i, j, -1], lambda i, j: (i, j, h * w), ((1, 0, 0), (0, 1, 0))),
    }
    shade = {"front": 1.0, "right": 0.75, "top": 0.88}
    for face, ((rows, columns), dark, corner, (along, across)) in faces.items():
        for i, j in product(range(rows), range(columns)):
            start, a, b = (np.array(each, float) for each in (corner(i, j), along, across))
            outline = np.array([flat(point) for point in (start, start + a, start + a + b, start + b)])
            color = np.array([0.12, 0.44, 0.55] if dark(i, j) else [0.93, 0.93, 0.95]) * shade[face]
            axes.fill(*outline.T, facecolor=color, edgecolor="white", linewidth=0.8)
    axes.set(aspect="equal")
    axes.set_title(f"{name}: {seen.sum()} of {seen.size}", fontsize=12)
    if name == "batch norm":
        for text, place in (("C", (0, c / 2, -0.7)), ("H, W", (0, -0.8, h * w / 2)), ("N", (n / 2 + 0.5, c + 1, 0))):
            axes.text(*flat(np.array(place, float)), text, ha="center", va="center", fontsize=11)


def flat(point):
    """(image, channel, pixel) as a place on paper."""
    n, c, p = point
    return c + 0.55 * n, 0.9 * p + 0.45 * n


# Lines ---------------------------------------------------------------------------------------------------------------


def draw_lines(path):
    """Six panels."""
    with style.figure(2, 3, size=(4.6, 3.6), title="What the blackboard shows, measured") as (figure, axes):
        draw_latents(axes[0, 0])
        draw_peaks(axes[0, 1])
        draw_cones(axes[0, 2])
        draw_sweep(axes[1, 0])
        draw_duality(axes[1, 1], axes[1, 2])
        style.save(figure, path)


def draw_latents(axes):
    """Twenty lines and arcs."""
    shares = np.linspace(0, 1, 65)
    for lengths, color, name in zip(latent_ways(), (style.REAL, style.GENERATED), ("line", "arc")):
        axes.plot(shares, lengths.T, color=color, alpha=0.35, linewidth=1.2)
        axes.plot([], [], color=color, label=name)
    for value, text in ((DIMENSION**0.5, r"$\sqrt{d}$"), ((DIMENSION / 2) ** 0.5, r"$\sqrt{d/2}$")):
        axes.axhline(value, color=style.INK, linewidth=1, linestyle=":")
        axes.text(1.06, value, text, va="center")
    axes.set(title=f"From latent to latent, d = {DIMENSION}", xlabel="t", ylabel="length", ylim=(14, 26))
    axes.legend(loc="lower left")


def draw_peaks(axes):
    """A density and its peaks."""
    style.surface(axes, MODES.density, 2.0, levels=10)
    axes.scatter(*shapes.peaks(MODES.density).T, marker="*", s=170, color=style.REAL, edgecolors="white", zorder=3)
    axes.set_title("Modes: the peaks of a density")


def draw_cones(axes):
    """A function of slope 1 in its cones, and a steeper one."""
    (x, within), (_, steep) = graphs().values()
    for at in (90, 200, 290):
        reach = np.abs(x - x[at])
        axes.fill_between(x, within[at] + reach, 4, color=style.CRITIC, alpha=0.1, linewidth=0)
        axes.fill_between(x, within[at] - reach, -4, color=style.CRITIC, alpha=0.1, linewidth=0)
        axes.scatter(x[at], within[at], color=style.GENERATED, s=45, zorder=3)
    axes.plot(x, within, color=style.GENERATED, label="slope at most 1")
    axes.plot(x, steep, color=style.REAL, linestyle="--", linewidth=1.6, label="slope up to 1.8")
    axes.set(title="The double cone: shaded is forbidden", ylim=(-2.6, 2.6), xlim=(-4, 4), xlabel="x", ylabel="f(x)")
    axes.legend(fontsize=10, loc="lower center", ncols=2)


def draw_sweep(axes):
    """The slope of a penalised critic over λ."""
    fine = np.geomspace(0.1, 100, 100)
    axes.loglog(fine, 1 + SHIFT / (2 * fine), color=style.CRITIC, label="1 + s / 2λ")
    learnt = [shapes.best_line(SHIFT, weight) for weight in WEIGHTS]
    axes.scatter(WEIGHTS, learnt, color=style.GENERATED, s=40, zorder=3, label="learnt by descent")
    axes.axhline(1, color=style.INK, linewidth=1, linestyle=":")
    axes.axvline(10, color=style.INK, linewidth=1, linestyle=":")
    axes.text(11, 12, "λ = 10")
    axes.set(title=f"The slope of a penalised critic, s = {SHIFT:g}", xlabel="λ", ylabel="slope")
    axes.legend()
    axes.grid()


def draw_duality(left, right):
    """A plan, and a critic: one value."""
    real, fake, plan, critic = piles()
    for i, j in enumerate(plan.partner):
        left.plot([fake[j, 0], real[i, 0]], [0, 1], color=style.INK, linewidth=1, alpha=0.5)
    left.scatter(fake[:, 0], np.zeros(len(fake)), color=style.GENERATED, zorder=3)
    left.scatter(real[:, 0], np.ones(len(real)), color=style.REAL, zorder=3)
    left.set(title=f"The cheapest plan costs {plan.cost:.3f}", yticks=[0, 1], xlabel="x", ylim=(-0.2, 1.2))
    left.set_yticklabels(["x̃", "x"])
    ticks = np.linspace(-3.2, 3.2, 400)
    right.plot(ticks, critic(ticks[:, None]), color=style.CRITIC)
    for points, color in ((fake, style.GENERATED), (real, style.REAL)):
        right.scatter(points[:, 0], critic(points), color=color, zorder=3)
    gap = critic(real).mean() - critic(fake).mean()
    right.set(title=f"The best critic: E f(x) − E f(x̃) = {gap:.3f}", xlabel="x", ylabel="f(x)")
    right.grid()


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "shapes", experiment, seeded=False))
