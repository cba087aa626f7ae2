"""Over a training: the critic's estimate beside S, the last generator beside the averaged one, and D over all labels.

A WGAN-GP is trained in parts, and a conditional GAN once, both by their quick presets: about three minutes, and less
time on more cores. What to look at:

  S and W    the judge's S of 2,000 samples falls and stays low. The estimate W falls at first and then *rises* again,
             as the critic gets better at telling. It is no measure of quality.
  averaged   both generators have the same latents. The averaged one mostly has the better S.
  labels     D(x, y′) of test digits for all ten labels y′, in the mean over the digits of each class y. With most
             labels D believes the right class most, by little: nobody but G ever showed it a wrong pair.
"""

import csv
import sys

import numpy as np

from scratchgan.data import load
from scratchgan.lab import command, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS
from scratchgan.models.model import made
from scratchgan.tensor import no_grad
from scratchgan.training import train
from scratchgan.training.pictures import grid

PARTS, COMPARED, TESTED = 8, 2000, 1000
FULL = {"steps": SYSTEMS["wgan_gp"].presets["quick"].steps}


def experiment(flags, folder):
    """The two trainings, their numbers, and the picture."""
    judge = Judge("mnist")
    steps = np.linspace(0, flags.steps, PARTS + 1).astype(int)[1:]
    numbers = {"steps": steps.tolist(), "averaged": [], "last": [], "W": []}
    for step in steps:
        run = trained_until(step, folder / "wgan_gp", flags.seed)
        pictures = both(run.model, COMPARED, np.random.default_rng(flags.seed))
        for name, images in pictures.items():
            numbers[name].append(judge.S(images))
    numbers["W"] = estimates(folder / "wgan_gp" / "log.csv", steps)
    conditional = train("cgan", "quick", out=folder / "cgan", steps=labelled_steps(flags.steps), seed=flags.seed).model
    digits = load("mnist", "test")
    beliefs = believed(conditional, digits.images[:TESTED], digits.labels[:TESTED])
    numbers["labels"] = beliefs.round(4).tolist()
    draw(folder / "over_training.png", numbers, pictures, beliefs)
    return numbers, list(claims(numbers, beliefs))


def trained_until(step, folder, seed):
    """The run of a WGAN-GP, begun or gone on with, whose rates fall as if it were as long as ever."""
    if folder.exists():
        return train("wgan_gp", out=folder, steps=int(step), resume=True)
    return train("wgan_gp", "quick", out=folder, steps=int(step), seed=seed)


def labelled_steps(steps):
    """As large a part of the conditional GAN's training."""
    return max(1, SYSTEMS["cgan"].presets["quick"].steps * steps // FULL["steps"])


def both(model, count, rng):
    """Images of the averaged and of the last generator, from the same latents: {"averaged": …, "last": …}."""
    z = model.latents(count, rng)
    return {
        name: model.shown(made(network, z)) for name, network in (("averaged", model.best), ("last", model.generator))
    }


def estimates(path, steps):
    """The mean of the critic's estimate over each part of the training: list of float."""
    with open(path, newline="", encoding="utf-8") as file:
        column = np.array([float(row["wasserstein"]) for row in csv.DictReader(file)])
    return [float(part.mean()) for part in np.split(column, steps[:-1])]


def believed(model, images, labels):
    """E σ(D(x, y′)) over the images of each class y, for all labels y′: array (y, y′)."""
    x = model.tensor(images.astype(np.float32) / 127.5 - 1)
    model.critic.eval()
    with no_grad():
        scores = [model.critic(x, model.one_hot(np.full(len(x), y))).numpy()[:, 0] for y in range(model.classes)]
    probabilities = 1 / (1 + np.exp(-np.stack(scores, 1).astype(np.float64)))
    return np.array([probabilities[labels == y].mean(0) for y in range(model.classes)])


def claims(numbers, beliefs):
    """S falls, the average is better, the estimate does not say so, and D knows its labels."""
    averaged, last, W = (np.array(numbers[name]) for name in ("averaged", "last", "W"))
    anchors = {"after the first part": averaged[0], "a Gaussian": 1}
    yield Claim("S of the averaged generator, at the end", averaged[-1], high=0.15, anchors=anchors)
    anchors = {"averaged": averaged.mean()}
    yield Claim("S of the last generator, beside the averaged one", (last / averaged).mean(), low=1, anchors=anchors)
    lowest = int(np.argmin(W))
    anchors = {"S then": averaged[lowest], "S at the end": averaged[-1], "W at the end": W[-1]}
    yield Claim("W at the end, in units of its least value", W[-1] / W[lowest], low=1.1, anchors=anchors)
    right, label = (float((beliefs.argmax(axis) == np.arange(len(beliefs))).mean()) for axis in (0, 1))
    anchors = {"classes whose own label it believes most": label, "chance": 1 / len(beliefs)}
    yield Claim("labels with which D believes the right class most", right, low=0.5, anchors=anchors)
    others = beliefs[~np.eye(len(beliefs), dtype=bool)].mean()
    text = "E σ(D(x, y′)) of the true label"
    yield Claim(text, np.diag(beliefs).mean(), low=0.4, anchors={"of the others": others})


def draw(path, numbers, pictures, beliefs):
    """Curves, images of both generators, and the beliefs."""
    with style.figure(1, 4, size=(4.1, 3.9), title="Over a training") as (figure, axes):
        axes[0].semilogy(numbers["steps"], numbers["averaged"], "o-", color=style.GENERATED, label="S, averaged G")
        axes[0].semilogy(numbers["steps"], numbers["last"], "o-", color=style.REAL, label="S, last G")
        axes[0].semilogy(numbers["steps"], np.maximum(numbers["W"], 1e-3), "s--", color=style.CRITIC, label="W")
        axes[0].set(title="S, and the critic's estimate W", xlabel="step")
        axes[0].legend(fontsize=10.5)
        axes[0].grid()
        for panel, (name, images) in zip(axes[1:3], pictures.items()):
            panel.imshow(np.asarray(grid(images[:49], 7, scale=1)), cmap="gray")
            panel.set(title=f"{name} generator, S = {numbers[name][-1]:.3f}", xticks=[], yticks=[])
        heat = axes[3].imshow(beliefs, cmap="PuBu", vmin=0, vmax=1)
        axes[3].set(title="E σ(D(x, y′))", xlabel="label y′", ylabel="class y of x", xticks=range(10), yticks=range(10))
        figure.colorbar(heat, ax=axes[3], shrink=0.8)
        style.save(figure, path)


def add_flags(parser):
    """How long it is."""
    default, words = FULL["steps"], f"of the WGAN-GP; default: {FULL['steps']:,}"
    parser.add_argument("--steps", type=command.at_least(PARTS), default=default, metavar="N", help=words)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "over_training", experiment, add_flags, FULL))
