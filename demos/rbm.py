"""Gibbs chains of a Boltzmann machine: how long one stays in a digit, and what it finds when learning has stopped.

A machine is trained first, or a finished run of `scratchgan train rbm` is named with --rbm. Then chains begin in three
places: at test digits, at the chains of training, and at random bits. In gibbs.gif, all of them over 1,000 turns, in
steps that grow: digits tremble, slant and grow thin long before one becomes another. What began as noise falls into a
valley where no digit is, and needs a thousand turns to leave it. And the longer *any* chain runs, the more of them are
in such valleys: during training each step raises the ground under the chains, which drives them on, and so they looked
better than the machine is. The two estimates of its likelihood, by `scratchgan judge`, are apart for that reason.

What is measured, at 1, 10, 100 and 1,000 turns or the nearest frames: the share of chains that the judge's classifier
still sees in the class of their first turn (chance is 10 %), and S, how far all states together are from real digits
(0; 1 is a Gaussian).
"""

import sys

import numpy as np

from scratchgan.data import find
from scratchgan.lab import command, runs, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS
from scratchgan.tensor import no_grad
from scratchgan.training import load_model, pictures

FULL = {"steps": SYSTEMS["rbm"].presets["default"].steps, "turns": 1000, "chains": 300}
FRAMES = 24


def experiment(flags, folder):
    """Chains from three places; their numbers, film and picture."""
    where = runs.chosen("rbm", flags, folder)
    runs.demand("rbm", where, flags.data)
    model, judge = load_model(where), Judge(flags.data, classes=True)
    flags.steps = max(optimizer.steps for optimizer in model.optimizers())
    rng = np.random.default_rng(flags.seed)
    moments = sorted({0, *np.geomspace(1, flags.turns, FRAMES).round().astype(int).tolist()})
    states = {name: chain(model, v, moments, rng) for name, v in beginnings(model, flags, rng).items()}
    numbers = {name: measured(images, judge) for name, images in states.items()}
    print_table(numbers)
    film(folder / "gibbs.gif", states)
    draw(folder / "gibbs.png", states, numbers)
    return numbers, list(claims(numbers))


def beginnings(model, flags, rng):
    """Where chains begin: bits (N, D) by name."""
    pixels = find(flags.data, "test").sized(model.image[-1], model.image[0])
    digits = pixels[rng.permutation(len(pixels))[: flags.chains]].reshape(flags.chains, -1) / 255
    kept = model.machine.chains[rng.integers(len(model.machine.chains), size=flags.chains)]
    bits = {"test digits": rng.random(digits.shape) < digits, "chains of training": kept}
    return bits | {"random bits": rng.random(digits.shape) < 0.5}


def chain(model, v, moments, rng):
    """The probabilities of the pixels after so many turns: {turns: images (N, C, H, W) in [−1, 1]}."""
    v, done, images = model.tensor(v.astype(np.float32)), 0, {}
    with no_grad():
        for moment in moments:
            v, done = model.machine.gibbs(v, moment - done, rng), moment
            p = model.machine.visible(model.machine.hidden(v)) if moment else v
            images[moment] = model.shown(p.unflatten(1, model.image))
    return images


def measured(images, judge):
    """At each moment, S and the share of chains that are in the class in which they were after one turn."""
    seen = {moment: judge.classify(each).argmax(1) for moment, each in images.items() if moment}
    first = seen[min(seen)]
    return {
        moment: {"same class": float((seen[moment] == first).mean()), "S": judge.S(images[moment])} for moment in seen
    }


def told(numbers):
    """The moments that the table shows: powers of ten, or the nearest that there are."""
    there = list(numbers)
    wanted = [10**k for k in range(int(np.log10(max(there))) + 1)]
    return sorted({min(there, key=lambda moment: abs(np.log(moment / ten))) for ten in wanted})


def print_table(numbers):
    """A row for each beginning."""
    moments = told(next(iter(numbers.values())))
    print(f"\n  {'turns':24}" + "".join(f"{moment:>18,}" for moment in moments))
    for name, found in numbers.items():
        cells = [f"{found[m]['same class']:.0%}, S {found[m]['S']:.2f}" for m in moments]
        print(f"  {name:24}" + "".join(f"{cell:>18}" for cell in cells))
    print("  share of chains in the class in which they were after one turn (chance: 10%), and S of their states")


def claims(numbers):
    """What should come out."""
    digits, kept, noise = numbers.values()
    early, late = told(digits)[-2:]
    same, again = digits[early]["same class"], digits[late]["same class"]
    yield Claim("digits of the same class after a tenth of the turns", same, low=0.4, anchors={"chance": 0.1})
    yield Claim("fewer of them at the end, by", same - again, low=0.1, anchors={"chains that never move": 0.0})
    rise = kept[late]["S"] - kept[early]["S"]
    anchors = {"S after a tenth": kept[early]["S"], "random bits": noise[early]["S"]}
    yield Claim("S of the chains of training rises from there to the end by", rise, low=0.2, anchors=anchors)


def film(path, states):
    """Five rows of sixteen chains of each kind, a frame for each moment."""
    frames = []
    for moment in next(iter(states.values())):
        rows = np.concatenate([images[moment][:48] for images in states.values()])
        grid = pictures.grid(rows, 16, scale=1)
        frames.append(grid.repeat(3, 2) if grid.shape[2] == 1 else grid)
    pictures.save_animation(path, frames, milliseconds=250)


def draw(path, states, numbers):
    """A chain in each row, four of each kind; and how many are in the class in which they began."""
    with style.figure(1, 2, size=(4.6, 7.4), title="Chains stay, and then drift") as (
        figure,
        (left, right),
    ):
        moments = [0, *told(next(iter(numbers.values())))]
        rows = [np.concatenate([images[m][i, 0] for m in moments], 1) for images in states.values() for i in range(4)]
        left.imshow(np.concatenate(rows), cmap="gray_r", vmin=-1, vmax=1)
        size = rows[0].shape[0]
        left.set_xticks([(i + 0.5) * size for i in range(len(moments))], [f"{m:,}" for m in moments])
        left.set_yticks([(4 * i + 2) * size for i in range(len(states))], [name.replace(" ", "\n") for name in states])
        left.set(xlabel="turns")
        for name, found in numbers.items():
            right.plot(list(found), [each["same class"] for each in found.values()], label=name)
        right.axhline(0.1, linestyle="--", color=style.INK, lw=1)
        right.set(xscale="log", ylim=(0, 1), xlabel="turns", title="chains in the class of their first turn")
        right.legend()
        style.save(figure, path)


def add_flags(parser):
    """Where the machine comes from, and how long its chains are."""
    runs.add_flags(parser, "rbm")
    for name, what in (("turns", "of each chain"), ("chains", "of each kind")):
        least = command.at_least(10 if name == "turns" else 200)
        parser.add_argument(
            f"--{name}", type=least, default=FULL[name], metavar="N", help=f"{what}; default: {FULL[name]:,}"
        )


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "rbm", experiment, add_flags, FULL, goes_on=True))
