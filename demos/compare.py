"""Twelve GANs on one set of images, each trained for as long as the others and then judged.

Their settings are the defaults but for the number of steps: as many as --minutes are enough for on two cores. The
number is fixed, so that a slower machine takes longer and trains as much. The columns of the table:

  S          0: as good as real images, 1: as a Gaussian with their moments (of Fréchet distances, see metrics.judge)
  precision  share of the samples that lie among real images: are they good?
  recall     share of real images that lie among the samples: are they varied?
  sure       share of the samples of which the classifier is sure, p > 0.95
  classes    classes with at least 2 % of the samples, of ten
  accuracy   of the two that are told a class: share of the samples that look it
  weights    of the generator and of its critic
  seconds    of training

Below them stand three anchors, judged the same way: real images, the Gaussian, and the first system's generator before
its first step. Of digits of 32×32 pixels the margin of 2 is cut off.

With --ablation it is the path from ProGAN to StyleGAN that is compared, one change after the other, as in table 1 of
StyleGAN's paper (arXiv:1812.04948). Its numbers stand in a column of their own: Fréchet distances on the faces of FFHQ,
1024×1024, after days on eight GPUs. Their order is what can be compared.

A run that was stopped goes on where it was with the same --out and flags; what is finished is not trained again.
"""

import json
import sys
import time
from contextlib import contextmanager

import numpy as np

from scratchgan.checkpoint import CheckpointError, write_atomically
from scratchgan.lab import command, parallel, runs, style
from scratchgan.lab.claims import Claim
from scratchgan.lab.styles import digits
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS
from scratchgan.models.networks import count
from scratchgan.training.start import absolute

FULL = {"minutes": 3, "samples": 5000}
WAYS = "no one two three four five six seven eight nine ten eleven twelve".split()
SHOWN = 16  # samples of each system in the picture
STEPS_A_MINUTE = {  # on the machine of the table of speed in tests/README.md
    "gan": 5400,
    "dcgan": 1400,
    "lsgan": 1400,
    "wgan": 1000,
    "wgan_gp": 1060,
    "sngan": 1150,
    "cgan": 1150,
    "acgan": 750,
    "progan": 1140,
    "stylegan": 1000,
    "diffusion_gan": 1390,
    "r3gan": 560,  # on one core of another, faster one
    "stylegan:b": 1070,
    "stylegan:c": 1010,
    "stylegan:d": 1010,
    "stylegan:e": 1000,
}
SYSTEMS_ALONE = [name for name in STEPS_A_MINUTE if ":" not in name]
ABLATION = {  # what is added, and the published Fréchet distance
    "progan": ("A: ProGAN", 8.04),
    "stylegan:b": ("B: A with blurs, logistic loss and R₁", 5.25),
    "stylegan:c": ("C: B with mapping and styles", 4.85),
    "stylegan:d": ("D: C with a learned constant", 4.88),
    "stylegan:e": ("E: D with noise", 4.42),
    "stylegan": ("F: E with mixing: StyleGAN", 4.40),
}


def experiment(flags, folder):
    """Train, judge and print one system after the other; the table, and the picture."""
    judge = Judge(flags.data, classes=True)
    contestants = list(ABLATION if flags.ablation else flags.only)
    places = {name: folder / name.replace(":", "-") for name in contestants}

    def row(name):
        seconds = trained(name, flags, places[name])
        found = verdict(judge, places[name]) | {"seconds": seconds}
        if flags.ablation:
            found |= dict(zip(("title", "published"), ABLATION[name]))
        print(f"{title(name, found)}: S = {found['S']:.3f}\n", flush=True)
        return found

    rows = dict(zip(contestants, parallel.spread(lambda names: [row(name) for name in names], contestants)))
    beside = anchors(judge, flags, next(iter(places.values())))
    print(table(rows | beside))
    real = judge.real(SHOWN) / 127.5 - 1
    samples = {name: np.load(run / "samples.npy") for name, run in places.items()}
    save_picture(folder / "compare.png", samples, rows, real)
    return {"systems": rows, "anchors": beside}, list(claims(rows, beside))


def trained(name, flags, run):
    """Train a system, or finish its training; the seconds it took in all."""
    took, steps = run / "seconds.json", max(1, round(flags.minutes * STEPS_A_MINUTE[name]))
    if (run / "samples.npy").exists() and took.exists():
        refuse_another(run, data=absolute(flags.data), seed=flags.seed, steps=steps, samples=flags.samples)
        return json.loads(took.read_text())
    system, _, preset = name.partition(":")
    print(SYSTEMS[system].title, preset, flush=True)
    given = {"data": flags.data, "seed": flags.seed, "samples": flags.samples}
    with timed(took):
        runs.train(system, run, preset=preset or "default", steps=steps, rates_fall_over=steps, **given)
    return json.loads(took.read_text())


@contextmanager
def timed(path):
    """Add the seconds of some work, also of work that is stopped, to those in a file; no file without its folder."""
    before, began = json.loads(path.read_text()) if path.exists() else 0.0, time.perf_counter()
    try:
        yield
    finally:
        seconds = before + time.perf_counter() - began
        if path.parent.is_dir():
            write_atomically(path, lambda file: file.write(json.dumps(seconds).encode()))


def refuse_another(run, **asked):
    """An error when the finished run in a folder is not the one that the flags ask for."""
    samples = len(np.load(run / "samples.npy", mmap_mode="r"))
    config = json.loads((run / "config.json").read_text()) | {"samples": samples}
    different = [f"{name} {config[name]!r} and not {value!r}" for name, value in asked.items() if config[name] != value]
    if different:
        raise CheckpointError(f"the run in {run} has {', '.join(different)}: choose another --out")


def verdict(judge, run):
    """The columns of the table."""
    samples = np.load(run / "samples.npy")
    report = judge.report(digits(samples))
    game = runs.untrained(run).game
    weights = {"weights": [count(game.generator), count(game.critic)]}
    accuracy = (
        {"accuracy": judge.accuracy(samples, np.load(run / "labels.npy"))} if (run / "labels.npy").exists() else {}
    )
    return columns(report.score, report.samples) | weights | accuracy


def columns(score, measures):
    """What a report says of one set of images."""
    shares = {"precision": measures.precision, "recall": measures.recall, "sure": measures.sure}
    return {"S": score.S, **shares, "classes": score.classes}


def anchors(judge, flags, run):
    """The same columns of what is perfect, of what knows no shapes, and of a generator that has learnt nothing."""
    game = runs.untrained(run).game
    report = judge.report(digits(game.samples(flags.samples, np.random.default_rng([flags.seed, 2]))["samples"]))
    real = columns(judge.score(judge.real(flags.samples)), report.real)
    noise = report.gaussian
    gaussian = {"S": 1.0, "precision": noise.precision, "recall": noise.recall, "sure": noise.sure}
    untrained = columns(report.score, report.samples)
    return {"real": real | {"accuracy": report.accuracy}, "Gaussian": gaussian, "untrained": untrained}


def claims(rows, beside):
    """That each system is nearer to real images than the Gaussian, and that images look like what was asked for."""
    for name, row in rows.items():
        yield Claim(f"{name}, S", row["S"], high=1, anchors={"untrained": beside["untrained"]["S"]})
        if "accuracy" in row:
            yield Claim(f"{name}, accuracy", row["accuracy"], low=0.9, anchors={"chance": 0.1})


def table(rows):
    """As Markdown, which the page of the systems takes over."""
    heads = "system", "S", "precision", "recall", "sure", "classes", "accuracy", "weights", "seconds"
    every = any("published" in row for row in rows.values())
    lines = [[*heads, "published, of faces"], [*len(heads) * ["---"], "---"]]
    lines += [[title(name, row), *cells(row), published(row)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line if every else line[:-1])} |" for line in lines)


def title(name, row):
    """A system as people say it, or a step of the ablation; other rows by their own name."""
    return row.get("title") or (SYSTEMS[name].title if name in SYSTEMS else name)


def published(row):
    """The number of the paper as text; empty where there is none."""
    return f"{row['published']:.2f}" if "published" in row else ""


def cells(row):
    """A row of the table as text; empty where there is no such number."""
    weights = " + ".join(f"{number:,}" for number in row.get("weights", ()))
    seconds = f"{row['seconds']:.0f}" if "seconds" in row else ""
    quality = [f"{row['S']:.3f}", f"{row['precision']:.2f}", f"{row['recall']:.2f}", share(row, "sure")]
    return [*quality, f"{row.get('classes', '')}", share(row, "accuracy"), weights, seconds]


def share(row, name):
    """One share of a row as text; empty where there is no such number."""
    return f"{row[name]:.1%}" if name in row else ""


def save_picture(path, samples, rows, real):
    """A row of samples for each system, and one of real images."""
    heading = f"The same data, {WAYS[len(samples)]} way{'s'[: len(samples) > 1]} to play"
    with style.figure(len(samples) + 1, 1, (13, 0.95), heading) as (figure, panels):
        for axes, (name, images) in zip(panels, {"real": real, **samples}.items()):
            strip = np.concatenate(images[:SHOWN, 0], axis=1)
            axes.imshow(strip, cmap="gray_r", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            label = f"{title(name, rows[name])}\nS = {rows[name]['S']:.2f}" if name in rows else name
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        style.save(figure, path)


def add_flags(parser):
    """What is compared."""
    parser.add_argument("--data", default="mnist", metavar="mnist|fashion-mnist|DIR", help="default: mnist")
    minutes, samples = command.at_least(0, float), command.at_least(129)  # as many as features, and one
    parser.add_argument("--minutes", type=minutes, default=3, metavar="M", help="of training for each; default: 3")
    parser.add_argument("--samples", type=samples, default=5000, metavar="N", help="that are judged; default: 5000")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", choices=SYSTEMS_ALONE, default=SYSTEMS_ALONE, help="default: all")
    which.add_argument("--ablation", action="store_true", help="instead, the steps from ProGAN to StyleGAN")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "compare", experiment, add_flags, FULL, goes_on=True, spreads=True))
