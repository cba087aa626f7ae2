"""The objectives as curves: what one image costs D and G, over its score, and how hard each score is pushed.

What to look at, column by column: D looks at a real image, D at a generated one, G at a generated one. The score of the
other image is 0 meanwhile. To most objectives it adds a constant; the relativistic one looks at the difference of the
two, and then has the slopes of the non-saturating one.

  losses       over the score ℓ of the image, the logit. A curve that falls to the right wants the score to rise.
  slopes       of these. What is 0 pushes nothing. Where D is sure of a fake, on the left of the last column, minimax
               gives G nothing, all others give it something. On the right, where D is fooled, least squares bring a
               score back that lies beyond its code, and the hinge and Wasserstein go on as ever.
  over D       the same two, where the score is a logit of a probability D = σ(ℓ). In D the slope of log(1 − D) is −1
               where minimax saturates: what vanishes is the slope of σ, D (1 − D).

These are slopes in the score. The pull on the image is that times ∇D: see errata.py for what becomes of it.
"""

import sys

import numpy as np

from scratchgan.lab import command, curves, style
from scratchgan.lab.claims import Claim
from scratchgan.losses import OBJECTIVES

LOGITS = np.linspace(-6, 6, 97)
SURE, FOOLED = -8.0, 8.0
DRAWN = {
    "minimax": ("#c9a227", "-"),
    "non-saturating": ("#81b29a", "-"),
    "least squares (0, 1, 1)": (style.GENERATED, "-"),
    "least squares (-1, 1, 0)": ("#5fa8d3", "-"),
    "wasserstein": (style.CRITIC, "-"),
    "hinge": (style.REAL, "--"),
    "relativistic": (style.INK, ":"),
}
PROBABILITIES = ("minimax", "non-saturating", "relativistic")


def experiment(flags, folder):
    """The picture, and the slopes beside their closed forms."""
    found = {
        name: {player: curves.curve(function, OBJECTIVES[name], LOGITS) for player, function in curves.PLAYERS.items()}
        for name in DRAWN
    }
    print(__doc__)
    draw(folder / "objectives.png", found)
    return {}, list(claims())


def claims():
    """Slopes of G's loss: everywhere, where D is sure of a fake, and where it is fooled."""
    sure, fooled = ({name: pull(name, logit) for name in OBJECTIVES} for logit in (SURE, FOOLED))
    for name in OBJECTIVES:
        beside = {f"where D is sure (ℓ = {SURE:g})": sure[name], f"where it is fooled (ℓ = {FOOLED:g})": fooled[name]}
        text = f"{name}: largest error of G's slope beside its closed form"
        yield Claim(text, curves.largest_error(name, LOGITS), high=1e-12, anchors=beside)
    others = {name: abs(slope) for name, slope in sure.items() if name != "minimax"}
    text = "where D is sure, size of minimax's slope in the logit"
    yield Claim(text, abs(sure["minimax"]), high=1e-3, anchors=others)
    in_d = curves.over_probabilities(curves.sigmoid(SURE), sure["minimax"])
    text, beside = "where D is sure, minimax's slope in D", {"in the logit": sure["minimax"]}
    yield Claim(text, in_d, low=-1.01, high=-1, anchors=beside)


def pull(name, logit):
    """The slope of G's loss in one score: float."""
    return float(curves.curve(curves.generator_on_fake, OBJECTIVES[name], [logit])[1][0])


def draw(path, found):
    """Four rows: losses and slopes over the logit, and over D; a column for each player and image."""
    title = "What one image costs, and how hard its score is pushed"
    with style.figure(4, 3, size=(4.4, 2.9), title=title) as (figure, axes):
        probabilities = curves.sigmoid(LOGITS)
        for column, player in zip(axes.T, curves.PLAYERS):
            for name, (color, line) in DRAWN.items():
                loss, slope = found[name][player]
                look = {"color": color, "linestyle": line, "label": name}
                column[0].plot(LOGITS, loss, **look)
                column[1].plot(LOGITS, slope, **look)
                if name in PROBABILITIES:
                    column[2].plot(probabilities, loss, **look)
                    column[3].plot(probabilities, curves.over_probabilities(probabilities, slope), **look)
            column[0].set(title=player, ylim=(-6.5, 8), xlabel="ℓ")
            column[1].set(ylim=(-3.2, 3.2), xlabel="ℓ")
            column[2].set(ylim=(-5, 5), xlabel="D = σ(ℓ)")
            column[3].set(ylim=(-12, 12), xlabel="D = σ(ℓ)")
        for place, label in zip(axes[:, 0], ("loss", "slope dL/dℓ", "loss", "slope dL/dD")):
            place.set_ylabel(label)
        for place in axes.flat:
            place.axhline(0, color=style.INK, linewidth=0.8, alpha=0.6)
            place.grid()
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=12)
        style.save(figure, path)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "objectives", experiment, seeded=False))
