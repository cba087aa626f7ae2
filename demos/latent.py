"""A walk through latent space: interpolation, arithmetic with a success rate, and from class to class.

Top: between two random latents along the arc; every image on the way should be a possible one. The number is the
largest step between two neighbours over the median one: above 4, the path jumps.

Middle: "thick − thin", the mean latent of three thick digits minus that of three thin ones, added to other latents; and
the same with digits that lean right and left. The success rate counts, for 50 such differences, each of three exemplars
drawn anew and added to a random latent, how often the stroke gets thicker, or leans more to the right.

Bottom: a conditional generator with one z, and its class vector moved from one class to the next in straight lines.

The generators are those of finished runs (--dcgan and --cgan), or trained first, which takes minutes.
"""

import sys
from pathlib import Path

import numpy as np

from scratchgan.lab import command, latent, style
from scratchgan.models import cgan, dcgan
from scratchgan.tensor import Tensor, no_grad
from scratchgan.training.command import main as train
from scratchgan.training.run import averaged_generator

FRAMES, PATHS, TRIALS, EXEMPLARS = 12, 4, 50, 3
SYSTEMS = {"dcgan": dcgan, "cgan": cgan}


def experiment(flags, folder):
    """The three walks; the numbers, and the picture."""
    generators = {}
    for name, system in SYSTEMS.items():
        run = getattr(flags, name) or trained(name, system, flags, folder)
        generator, settings = averaged_generator(system, run)
        generators[name] = Drawing(generator, settings)
    rng = np.random.default_rng(flags.seed)
    paths, jumps = interpolations(generators["dcgan"], rng)
    walks, numbers = arithmetic(generators["dcgan"], rng)
    numbers |= {"largest over median step": [round(jump, 2) for jump in jumps]}
    for what, number in numbers.items():
        print(f"{what}: {number}")
    save_picture(folder / "latent.png", paths, walks, classes(generators["cgan"], rng), numbers)
    return numbers


class Drawing:
    """A generator as a function of NumPy arrays: latents -> images (N, 1, H, W) in [−1, 1]."""

    def __init__(self, generator, settings):
        self.generator, self.low, self.latent_size = generator, settings["low"], settings["latent_size"]

    def __call__(self, latents):
        with no_grad():
            images = self.generator(Tensor(latents.astype(np.float32))).numpy()
        return (images - self.low) * (2 / (1 - self.low)) - 1


def trained(name, system, flags, folder):
    """Train a system with its default preset; its folder."""
    arguments = ["--out", folder / name, "--data", flags.data, "--seed", flags.seed]
    arguments += ["--steps", flags.steps] if flags.steps else []
    if train("", name, system, [str(argument) for argument in arguments]):
        raise KeyboardInterrupt
    return folder / name


def interpolations(draw, rng):
    """Images along arcs, and how evenly they change."""
    ends = rng.standard_normal((PATHS, 2, draw.latent_size))
    paths = [draw(latent.slerp(start, end, np.linspace(0, 1, FRAMES))) for start, end in ends]
    return paths, [latent.unevenness(path) for path in paths]


def arithmetic(draw, rng):
    """For each attribute: images with ever more of it, and how often it moves as it should."""
    z = rng.standard_normal((2000, draw.latent_size))
    images, walks, numbers = draw(z), {}, {}
    for name, measure in latent.ATTRIBUTES.items():
        values, successes = measure(images), 0
        for start in z[:TRIALS]:
            much, little = latent.concept(z, values, EXEMPLARS, rng)
            ends = draw(np.stack([latent.moved(start, 0, 0), latent.moved(start, much, little)]))
            successes += np.diff(measure(ends)).item() > 0
        numbers[f"{name} grows"] = f"{successes} of {TRIALS}"
        change, start = np.subtract(*latent.concept(z, values, EXEMPLARS, rng)), z[TRIALS]
        walks[name] = draw(np.stack([latent.moved(start, t * change, 0) for t in np.linspace(-1, 1, FRAMES)]))
    return walks, numbers


def classes(draw, rng):
    """One z from class to class, 0 to 9, in straight lines between the one-hot vectors."""
    z, vectors = rng.standard_normal(draw.latent_size), np.eye(10)
    places = np.linspace(0, 9, 2 * FRAMES)
    low = np.minimum(places.astype(int), 8)
    blend = (1 - places + low)[:, None] * vectors[low] + (places - low)[:, None] * vectors[low + 1]
    return draw(np.concatenate([np.tile(z, (len(places), 1)), blend], 1))


def save_picture(path, paths, walks, blended, numbers):
    """A strip of images for each walk."""
    strips = [(f"arc {i + 1}", images) for i, images in enumerate(paths)]
    strips += [(f"more {name}\n({numbers[f'{name} grows']})", images) for name, images in walks.items()]
    strips += [("classes 0–4", blended[:FRAMES]), ("classes 5–9", blended[FRAMES:])]
    with style.figure(len(strips), 1, (13, 1.15), "A walk through latent space") as (figure, panels):
        for axes, (label, images) in zip(panels, strips):
            axes.imshow(np.concatenate(images[:, 0], axis=1), cmap="gray_r", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        style.save(figure, path)


def add_flags(parser):
    """Where the generators come from."""
    for name, system in SYSTEMS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=f"a finished run of {name}_mnist.py")
    parser.add_argument("--data", default="mnist", metavar="mnist|fashion-mnist|DIR", help="default: mnist")
    parser.add_argument("--steps", type=int, metavar="N", help="of each training, instead of the preset's")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "latent", experiment, add_flags))
