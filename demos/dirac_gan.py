"""Dirac-GAN: the smallest GAN there is, and what each objective and each remedy does to it.

The data are one point, 0. The generator is one point, θ. The critic is a line, D(x) = ψx. Training should bring both
numbers to 0. Ten duels are played by the library's own objectives and gradients, from (θ, ψ) = (1, 1).

What to look at, in dirac_gan.png: the arrows turn around the solution, so steps that both players take at once drift
outwards, and steps in turn go round for ever; clipping, or asking for a slope of 1, holds a cycle; only a penalty that
asks for slope 0 where the data are (R1) makes the arrows point inwards, and lands. The average of the weights lies near
the solution even while the players circle. In dirac_gan.gif: the same as two players, a line that tilts and a point
that runs up it.
"""

import sys

import numpy as np

from scratchgan.lab import dirac, style
from scratchgan.lab.command import main
from scratchgan.training.pictures import save_animation

COLORS = {"simultaneous": "#c9a227", "alternating": style.INK, "averaged": "#4f9d80"}
LIMIT = 2.4
FILMED = ("minimax", "WGAN-GP, g = 1", "NS + R1, γ = 0.1", "NS + R1, γ = 1")


def experiment(flags, folder):
    """Play all duels, compare them with what must come out, and draw them."""
    paths = {name: dirac.play(duel) for name, duel in dirac.DUELS.items()}
    ends = {name: dirac.final_radii(three) for name, three in paths.items()}
    print_table(ends)
    print("\n" + __doc__.split("\n\n")[-1].strip())
    draw(paths, ends, folder / "dirac_gan.png")
    if not flags.no_animation:
        film(paths, folder / "dirac_gan.gif")
    numbers = {
        "radii": {name: dict(zip(dirac.WAYS, three)) for name, three in ends.items()},
        "known": {name: dict(zip(dirac.WAYS, three)) for name, three in dirac.TABLE.items()},
    }
    return numbers, dirac.criteria(paths)


def print_table(ends):
    """The final radii beside the known ones, and the eigenvalues that explain them."""
    print(f"distance from the solution after {dirac.STEPS} steps of {dirac.LR}, 1 at the start (known value)\n")
    print(f"  {'':22}" + "".join(f"{way:>19}" for way in dirac.WAYS) + "   eigenvalues at the solution")
    for name, three in ends.items():
        cells = [(value, known, dirac.agrees(value, known)) for value, known in zip(three, dirac.TABLE[name])]
        row = "".join(f"{f'{value:.4f} ({known})' + ' !'[not good]:>19}" for value, known, good in cells)
        print(f"  {name:22}{row}   {eigenvalues(name)}")


def eigenvalues(name):
    """Of the field, as text."""
    if name.startswith("WGAN-GP"):
        return "none: a kink"
    first, second = np.linalg.eigvals(dirac.jacobian(dirac.DUELS[name]))
    if first.imag:
        return f"{first.real + 0.0:.3g} ± {abs(first.imag):.3g}i"
    return f"{first.real:.3g}, {second.real:.3g}"


def draw(paths, ends, path):
    """A phase portrait of each duel."""
    with style.figure(2, 5, size=(3.1, 3.45), title=TITLE, sharex=True, sharey=True) as (figure, axes):
        for panel, name in zip(axes.flat, paths):
            portrait(panel, name)
            for way in dirac.WAYS:
                panel.plot(*paths[name][way][:, 0].T, color=COLORS[way], linewidth=1.7, label=WORDS[way])
            panel.plot(0, 0, "o", color=style.REAL, markersize=8, zorder=5, label="the solution")
            panel.set_title(name)
            for x, way in zip((0.2, 0.5, 0.8), dirac.WAYS):
                panel.text(x, 0.03, f"{ends[name][dirac.WAYS.index(way)]:.2f}", color=COLORS[way], ha="center",
                           fontweight="bold", transform=panel.transAxes, bbox=PAPER)  # fmt: skip
        label_players(axes[-1], axes[:, 0])
        figure.get_layout_engine().set(h_pad=0.1)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=13)
        style.save(figure, path)


TITLE = "Who finds the solution?  The numbers: how far off after 500 steps (1 = at the start)"
FILM_TITLE = "In turn, they step: the line tilts, the point runs up it"
WORDS = {"simultaneous": "both step at once", "alternating": "they step in turn", "averaged": "average of “in turn”"}
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}


def portrait(panel, name):
    """The arrows of the field, and the box of the clipped critic."""
    ticks = np.linspace(-LIMIT, LIMIT, 14)[1:-1]  # not 0: at the solution there is no direction
    points = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    arrows = dirac.field(dirac.DUELS[name], points)
    arrows /= np.linalg.norm(arrows, axis=1, keepdims=True)
    panel.quiver(*points.T, *arrows.T, color="#cfd3dc", pivot="middle", units="xy", scale=3.6, width=0.03,
                 headwidth=4.5)  # fmt: skip
    bound = dirac.DUELS[name].bound
    if bound:
        panel.axhspan(-bound, bound, color=style.CRITIC, alpha=0.18, linewidth=0)
    panel.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), xticks=(-2, 0, 2), yticks=(-2, 0, 2), aspect="equal")


def label_players(bottom, left):
    """The generator's number in its colour, the critic's in its own."""
    for panel in bottom:
        panel.set_xlabel("generated point θ", color=style.GENERATED)
    for panel in left:
        panel.set_ylabel("critic’s slope ψ", color=style.CRITIC)


def film(paths, path, frames=60, every=5):
    """The critic as a line, the generated point on it; below, their path."""
    with style.figure(2, len(FILMED), size=(2.9, 2.9), title=FILM_TITLE) as (figure, axes):
        duels = [paths[name]["alternating"][:, 0] for name in FILMED]
        movers = [prepared(*pair, name) for pair, name in zip(axes.T, FILMED)]
        label_players(axes[1], axes[1:, 0])
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.set_dpi(70)
        style.frame(figure)
        figure.set_layout_engine("none")
        images = []
        for step in range(0, frames * every, every):
            for duel, (line, point, trail, head) in zip(duels, movers):
                theta, psi = duel[step]
                line.set_data([-LIMIT, LIMIT], [-LIMIT * psi, LIMIT * psi])
                point.set_data([theta], [0])
                trail.set_data(*duel[: step + 1].T)
                head.set_data([theta], [psi])
            images.append(style.frame(figure))
        save_animation(path, images, milliseconds=70)


def prepared(above, below, name):
    """The two panels of a duel, and what moves in them."""
    above.axhline(0, color=style.INK, linewidth=0.8)
    above.plot(0, 0, "o", color=style.REAL, markersize=11, label="data 0")
    above.set(title=name, xlim=(-LIMIT, LIMIT), ylim=(-2, 2), xticks=[], yticks=[])
    (line,) = above.plot([], [], color=style.CRITIC, label="critic ψx")
    (point,) = above.plot([], [], "o", color=style.GENERATED, markersize=11, label="generated θ")
    portrait(below, name)
    (trail,) = below.plot([], [], color=COLORS["alternating"], linewidth=1.5)
    below.plot(0, 0, "o", color=style.REAL, markersize=7)
    (head,) = below.plot([], [], "o", color=COLORS["alternating"], markersize=7)
    return line, point, trail, head


def add_flags(parser):
    parser.add_argument("--no-animation", action="store_true", help="leave out the GIF, which takes most of the time")


if __name__ == "__main__":
    sys.exit(main(__doc__, "dirac_gan", experiment, add_flags, seeded=False))
