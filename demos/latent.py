"""A walk through latent space: interpolation, arithmetic with a success rate, and from class to class.

Top: between two random latents along the arc; every image on the way should be a possible one. S says how far the
images on 200 arcs are from real ones (0; 1 is a Gaussian with their moments). The largest step of a path is measured in
distances of two unrelated samples: a path that jumps from one digit to the next has 1.

Middle: "thick − thin", the mean latent of three thick digits minus that of three thin ones, added to other latents; and
the same with digits that lean right and left. The success rate counts, for 200 such differences, each of three
exemplars drawn anew and added to a random latent, how often the attribute grows by half its standard deviation in a
class of real digits, while the judge's classifier is sure before and after, and sees the same digit.

Bottom: a conditional generator with one z, and its class vector moved from one class to the next in straight lines.

Beside each number stand its anchors: a random direction of the same length, the same generators untrained, a
cross-fade of pixels, real images. The generators are those whose weights ship, those of finished runs (--dcgan and
--cgan), or trained first (--train), which takes minutes.
"""

import sys

import numpy as np

from scratchgan.lab import command, latent, runs, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS as KNOWN
from scratchgan.models.latents import slerp

FRAMES, PATHS, TRIALS, EXEMPLARS, COMPARED = 12, 4, 200, 3, 2000
SYSTEMS = "dcgan", "cgan"
ATTRIBUTES = {name: latent.ATTRIBUTES[name] for name in ("thickness", "slant")}
FULL = {"steps": min(KNOWN[name].presets["default"].steps for name in SYSTEMS)}


def experiment(flags, folder):
    """The three walks; the numbers, and the picture."""
    judge = Judge(flags.data, classes=True)
    found = {name: runs.pair(name, runs.chosen(name, flags, folder), flags.data) for name in SYSTEMS}
    steps, trained, untrained = (dict(zip(SYSTEMS, each)) for each in zip(*found.values()))
    flags.steps = min(steps.values())
    rng = np.random.default_rng(flags.seed)
    paths = [along(draw, *ends) for draw in [trained["dcgan"]] for ends in pairs(draw, PATHS, rng)]
    strips = paths, walks(trained["dcgan"], rng), classes(trained["cgan"], rng)
    save_picture(folder / "latent.png", *strips)
    print(f"{folder / 'latent.png'}; now the numbers that belong to it", flush=True)
    numbers = {}
    for what, draw in (("trained", trained), ("untrained", untrained)):
        numbers[what] = arcs(draw["dcgan"], judge, flags.seed) | arithmetic(draw["dcgan"], judge, flags.seed)
        numbers[what]["right class"] = right_class(draw["cgan"], judge, flags.seed)
    print_table(numbers)
    save_picture(folder / "latent.png", *strips, numbers["trained"])
    return numbers, list(claims(numbers))


# Arcs


def pairs(draw, count, rng):
    """Ends of paths: (count, 2, d)."""
    return rng.standard_normal((count, 2, draw.latent_size))


def along(draw, start, end):
    """Images on the arc from one latent to another."""
    return draw(slerp(start, end, np.linspace(0, 1, FRAMES)))


def arcs(draw, judge, seed):
    """S of samples, of images on arcs between them, and of cross-fades of pixels; the largest steps of the arcs."""
    rng = np.random.default_rng([seed, 1])
    paths = np.stack([along(draw, *ends) for ends in pairs(draw, TRIALS, rng)])
    shares = np.linspace(0, 1, FRAMES)[1:-1, None, None, None]
    fades = (1 - shares) * paths[:, :1] + shares * paths[:, -1:]
    steps = [latent.largest_step(path, paths[:, 0]) for path in paths]
    return {
        "S of samples": judge.S(draw(rng.standard_normal((COMPARED, draw.latent_size)))),
        "S of images on arcs": judge.S(np.concatenate(paths[:, 1:-1])),
        "S of cross-fades": judge.S(np.concatenate(fades)),
        "largest step": float(np.mean(steps)),
    }


# Arithmetic


def arithmetic(draw, judge, seed):
    """For each attribute how often it grows, and how often the digit also stays what it is: {name: rates}."""
    real, rng = judge.real(COMPARED), np.random.default_rng([seed, 2])
    z = rng.standard_normal((COMPARED, draw.latent_size))
    images, numbers = draw(z), {}
    for name, measure in ATTRIBUTES.items():
        least = latent.spread_in_classes(measure(real / 127.5 - 1), judge.classify(real).argmax(1)) / 2
        values = measure(images)
        changes = np.stack([np.subtract(*latent.concept(z, values, EXEMPLARS, rng)) for _ in range(TRIALS)])
        anyhow = rng.standard_normal(changes.shape)
        anyhow *= np.linalg.norm(changes, axis=1, keepdims=True) / np.linalg.norm(anyhow, axis=1, keepdims=True)
        for direction, change in ((name, changes), (f"{name}, random direction", anyhow)):
            numbers[direction] = rates(draw, judge, measure, z[:TRIALS], change, least)
    return numbers


def rates(draw, judge, measure, z, change, least):
    """Of latents z moved by a change: how often an attribute grows, by ``least``, and in a digit that stays."""
    pair = [draw(latent.moved(z, step, 0)) for step in (0, change)]
    grown = np.diff([measure(images) for images in pair], axis=0)[0]
    same = latent.same_digit(*map(judge.classify, pair))
    found = {"grows": grown > 0, "same digit": same, "success": same & (grown >= least)}
    return {name: float(held.mean()) for name, held in found.items()}


def walks(draw, rng):
    """For each attribute: images with ever more of it."""
    z = rng.standard_normal((COMPARED, draw.latent_size))
    images, start = draw(z), z[TRIALS]
    changes = {
        name: np.subtract(*latent.concept(z, measure(images), EXEMPLARS, rng)) for name, measure in ATTRIBUTES.items()
    }
    shares = np.linspace(-1, 1, FRAMES)[:, None]
    return {name: draw(latent.moved(start, shares * change, 0)) for name, change in changes.items()}


# Classes


def right_class(draw, judge, seed):
    """The share of images that look like the class that was asked for."""
    z, labels = np.random.default_rng([seed, 3]).standard_normal((TRIALS, draw.latent_size)), np.arange(TRIALS) % 10
    return judge.accuracy(draw(z, np.eye(10)[labels]), labels)


def classes(draw, rng):
    """One z from class to class, 0 to 9, in straight lines between the one-hot vectors."""
    z, vectors = rng.standard_normal(draw.latent_size), np.eye(10)
    places = np.linspace(0, 9, 2 * FRAMES)
    low = np.minimum(places.astype(int), 8)
    blend = (1 - places + low)[:, None] * vectors[low] + (places - low)[:, None] * vectors[low + 1]
    return draw(np.tile(z, (len(places), 1)), blend)


# What is left


def print_table(numbers):
    """A row a number, a column for the trained generators and one for the same untrained."""
    print(f"\n  {'':44}{'trained':>10}{'untrained':>12}")
    for name, value in numbers["trained"].items():
        rows = value if isinstance(value, dict) else {"": value}
        for what in rows:
            cells = [
                numbers[column][name][what] if what else numbers[column][name] for column in ("trained", "untrained")
            ]
            print(f"  {name + (what and ', ' + what):44}{cells[0]:10.3f}{cells[1]:12.3f}")
    print("  S is 0 for real images, 1 for a Gaussian with their moments")


def claims(numbers):
    """What training must have brought, each with its anchors."""
    trained, untrained = numbers["trained"], numbers["untrained"]
    for name in ATTRIBUTES:
        anchors = {"random direction": trained[f"{name}, random direction"]["success"]}
        anchors["untrained"] = untrained[name]["success"]
        yield Claim(f"{name} grows in the same digit", trained[name]["success"], low=0.1, anchors=anchors)
    anchors = {name: trained[f"S of {name}"] for name in ("samples", "cross-fades")}
    anchors["untrained"] = untrained["S of images on arcs"]
    yield Claim("S of images on arcs", trained["S of images on arcs"], high=0.2, anchors=anchors)
    anchors = {"a jump": 1.0, "untrained": untrained["largest step"]}
    yield Claim("largest step of an arc", trained["largest step"], high=0.5, anchors=anchors)
    anchors = {"chance": 0.1, "untrained": untrained["right class"]}
    yield Claim("right class", trained["right class"], low=0.9, anchors=anchors)


def save_picture(path, paths, walks, blended, numbers=None):
    """A strip of images for each walk, with the rates of success once there are any."""
    strips = [(f"arc {i + 1}", images) for i, images in enumerate(paths)]
    strips += [(f"more {name}{rates_of(name, numbers)}", images) for name, images in walks.items()]
    strips += [("classes 0–4", blended[:FRAMES]), ("classes 5–9", blended[FRAMES:])]
    with style.figure(len(strips), 1, (13, 1.15), "A walk through latent space") as (figure, panels):
        for axes, (label, images) in zip(panels, strips):
            axes.imshow(np.concatenate(images[:, 0], axis=1), cmap="gray_r", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        style.save(figure, path)


def rates_of(name, numbers):
    """As part of a label."""
    if numbers is None:
        return ""
    found, anyhow = (numbers[key]["success"] for key in (name, f"{name}, random direction"))
    return f"\n({found:.0%}; random: {anyhow:.0%})"


def add_flags(parser):
    """Where the generators come from."""
    runs.add_flags(parser, *SYSTEMS)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "latent", experiment, add_flags, FULL, goes_on=True))
