"""Errata: thirteen sentences that are often said of GANs and are not so, each with the numbers that decide it.

Nothing is trained: the numbers come from closed forms, and from the library's own losses and layers, within seconds.
They are written to errata.md, with the sentences, what is right and its equation, and drawn in errata.png.

What to look at, in the picture:
  the pull     on generated points when D is at its best, over the distance of two Gaussians. Minimax and least squares
               vanish side by side; only the slope of a Wasserstein critic does not care how far it is.
  flat where   log(1 − D) is flat for a sure D: over the logit, through which every gradient goes. Over D it is not.
  no minimum   with the bracket at the wrong place, a better discriminator is a larger one.
  two hills    one Gaussian cannot cover both. Minimax spreads over them, the non-saturating loss takes one.
  the sign     of λ: with + under the maximum, the steeper the critic, the better.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan.checkpoint import write_atomically
from scratchgan.lab import command, errata, style
from scratchgan.lab.claims import Claim, number
from scratchgan.lab.gaussians import GRID, HILLS, TwoGaussians, best_gaussian, hill
from scratchgan.losses import OBJECTIVES
from scratchgan.tensor import Tensor

KEPT = Path(__file__).parent / "pictures" / "mode_collapse.json"
COLORS = {
    "minimax": "#c9a227",
    "non-saturating": "#81b29a",
    "least squares": style.GENERATED,
    "wasserstein": style.CRITIC,
}
RIGHT, WRONG = "#3f8f72", "#a44a3f"


def experiment(flags, folder):
    """All the evidence, the page and the picture."""
    found = {name: list(erratum.evidence()) for name, erratum in errata.ERRATA.items()}
    found["variety"] += measured(json.loads(KEPT.read_text(encoding="utf-8"))["numbers"]["sets"])
    for erratum in errata.ERRATA.values():
        print(f"{erratum.title}\n  said   {erratum.said}\n  right  {erratum.right}\n         {erratum.equation}\n")
    text = page(found)
    write_atomically(folder / "errata.md", lambda file: file.write(text.encode()))
    draw(folder / "errata.png")
    return {}, [replace(claim, text=f"{name}: {claim.text}") for name, claims in found.items() for claim in claims]


def measured(sets):
    """The modes that `mode_collapse.py` found with minibatch deviation, in the mean of three seeds."""
    for name, modes, bound in (("8 Gaussians", 8, 7.5), ("25 Gaussians", 25, 15)):
        rows = sets[name]
        others = ("non-saturating", "non-saturating + R1", "untrained")
        beside = {other: rows[other]["modes"] for other in others}
        text = f"modes found of {modes}, non-saturating with minibatch deviation"
        yield Claim(text, rows["minibatch deviation"]["modes"], high=bound, anchors=beside)


def page(found):
    """The errata as Markdown."""
    blocks = ["# Errata", HEAD]
    for name, erratum in errata.ERRATA.items():
        blocks += [f"## {erratum.title}", f"> {erratum.said}", erratum.right, f"`{erratum.equation}`"]
        blocks.append("\n".join(f"- {said(claim)}" for claim in found[name]))
    return "\n\n".join(blocks) + "\n"


HEAD = """\
What is often said of GANs and is not so: the sentence, what is right, its equation, and the numbers that decide it.
`python demos/errata.py` computes them in a few seconds and writes this page;
[`lab/errata.py`](../scratchgan/lab/errata.py) holds each proof. In brackets: what stands against the number.

![Pulls over the distance, two losses over the logit and over D, and three of the errata](pictures/errata.png)"""


def said(claim):
    """A claim's number, in bold, and its anchors."""
    beside = ", ".join(f"{name}: {number(value)}" for name, value in claim.anchors.items())
    return f"{claim.text}: **{number(claim.value)}**" + (beside and f" ({beside})")


# Drawing -------------------------------------------------------------------------------------------------------------


def draw(path):
    """Six panels."""
    with style.figure(2, 3, size=(4.5, 3.5), title="Errata: often said, and not so") as (figure, axes):
        draw_pulls(axes[0, 0])
        draw_losses(axes[0, 1], axes[0, 2])
        draw_no_minimum(axes[1, 0])
        draw_hills(axes[1, 1])
        draw_sign(axes[1, 2])
        style.save(figure, path)


def draw_pulls(axes):
    """Mean pull on a generated point over the distance of two Gaussians."""
    distances = np.linspace(0.05, 10, 60)
    pulls = [TwoGaussians(distance).mean_slopes() for distance in distances]
    for name, color in COLORS.items():
        axes.semilogy(distances, [pull[name] for pull in pulls], color=color, label=name)
    axes.semilogy(distances, np.sqrt(np.pi / 2) * np.exp(-(distances**2) / 8), ":", color=style.INK, lw=1.2)
    axes.text(5.6, 0.045, r"$\sqrt{\pi/2}\,e^{-s^2/8}$", fontsize=12)
    axes.set(title="The pull on a fake, at the best D", xlabel="distance s of two Gaussians", ylabel="mean |∂L/∂x̃|")
    axes.set(ylim=(3e-7, 3e2))
    axes.legend(fontsize=9.5, ncols=2, loc="upper left", columnspacing=1)
    axes.text(9.9, 1e-6, "hinge: 0 at all distances", ha="right", fontsize=10)
    axes.grid()


def draw_losses(over_logit, over_d):
    """log(1 − D) and −log D of one fake, over the logit and over D."""
    logits = np.linspace(-7, 7, 200)
    d = 1 / (1 + np.exp(-logits))
    names = {"minimax": "log(1 − D)", "non-saturating": "−log D"}
    for name, label in names.items():
        loss = [OBJECTIVES[name].generator_loss(Tensor(np.array([[logit]]))).item() for logit in logits]
        over_logit.plot(logits, loss, color=COLORS[name], label=label)
        over_d.plot(d, loss, color=COLORS[name], label=label)
    over_logit.axvspan(-7, -3, color=style.INK, alpha=0.08, lw=0)
    over_logit.text(-5, -5.6, "D is sure:\nflat", ha="center")
    over_d.axvspan(0, 0.05, color=style.INK, alpha=0.08, lw=0)
    over_d.annotate("slope −1", (0.02, 0), (0.13, -2.6), arrowprops={"arrowstyle": "->", "color": style.INK})
    over_logit.set(title="Flat in the logit …", xlabel="logit ℓ of a fake", ylabel="its loss")
    over_d.set(title="… and not in D", xlabel="D = σ(ℓ)", ylim=(-7, 7))
    for axes in (over_logit, over_d):
        axes.legend(loc="upper center")
        axes.grid()


def draw_no_minimum(axes):
    """L_D of k times the best logit, right and as printed."""
    factors = np.geomspace(0.1, 10, 60)
    right, wrong = np.transpose([errata.discriminator_losses(factor) for factor in factors])
    axes.semilogx(factors, right, color=RIGHT, label="E log(1 − D): best at 1")
    axes.semilogx(factors, wrong, color=WRONG, label="E (1 − log D): no minimum")
    axes.axvline(1, color=style.INK, lw=1.2, ls=":")
    axes.set(title="A bracket, and no minimum", xlabel="logit / best logit", ylabel="loss of D", ylim=(-9, 7.5))
    axes.legend(loc="upper left", framealpha=1, frameon=True, edgecolor="none")
    axes.grid()


def draw_hills(axes):
    """The best single Gaussian for two hills, by two losses."""
    axes.fill_between(GRID, np.exp(HILLS), color=style.REAL, alpha=0.5, lw=0, label="real")
    for name, descended in errata.DESCENDED.items():
        axes.plot(GRID, np.exp(hill(*best_gaussian(descended))), color=COLORS[name], label=f"best for {name}")
    axes.set(title="Two objectives, not one", xlabel="x", ylabel="density", xlim=(-8, 8), ylim=(0, 0.62))
    axes.legend(loc="upper left", fontsize=11)


def draw_sign(axes):
    """What a critic k x gets for its slope k, by the sign of λ."""
    slopes = np.linspace(0, 3, 101)
    for sign, color, label in ((-1, RIGHT, "− λ: best at 1 + s/2λ"), (1, WRONG, "+ λ: no maximum")):
        axes.plot(slopes, [errata.penalised(k, sign) for k in slopes], color=color, label=label)
    axes.axvline(1.2, color=style.INK, lw=1.2, ls=":")
    axes.set(title="The sign of λ under max", xlabel="slope k of the critic k x", ylabel="what it ascends")
    axes.legend(loc="upper left", framealpha=1, frameon=True, edgecolor="none")
    axes.grid()


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "errata", experiment, seeded=False))
