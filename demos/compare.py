"""Eight GANs on one set of images, each trained for as long as the others and then judged.

Their settings are the defaults but for the number of steps: as many as --minutes are enough for on two cores. The
number is fixed, so that a slower machine takes longer and trains as much. The columns of the table:

  S          0: as good as real images, 1: as a Gaussian with their moments (of Fréchet distances, see metrics.judge)
  precision  share of the samples that lie among real images: are they good?
  recall     share of real images that lie among the samples: are they varied?
  classes    classes with at least 2 % of the samples, of ten
  accuracy   of the two that are told a class: share of the samples that look it
  weights    of the generator and of its critic
  seconds    of training

A run that was stopped goes on where it was with the same --out and flags; what is finished is not trained again.
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np

from scratchgan.checkpoint import CheckpointError, write_atomically
from scratchgan.lab import command, style
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS
from scratchgan.models.networks import count
from scratchgan.training.command import absolute
from scratchgan.training.command import main as train

SHOWN = 16  # samples of each system in the picture
STEPS_A_MINUTE = {  # on the machine of the README's table of speed
    "GAN": 5400,
    "DCGAN": 1400,
    "LSGAN": 1400,
    "WGAN": 1000,
    "WGAN-GP": 700,
    "SN-GAN": 1150,
    "CGAN": 1150,
    "AC-GAN": 750,
}


def experiment(flags, folder):
    """Train, judge and print one system after the other; the table, and the picture."""
    judge = Judge(flags.data)
    rows = {}
    for name in flags.only:
        run = folder / name.lower()
        seconds = trained(name, flags, run)
        rows[name] = verdict(judge, name, run) | {"seconds": seconds}
        print(f"{name}: S = {rows[name]['S']:.3f}\n", flush=True)
    print(table(rows))
    real = judge.real(SHOWN) / 127.5 - 1
    save_picture(
        folder / "compare.png", {name: np.load(folder / name.lower() / "samples.npy") for name in rows}, rows, real
    )
    return {"data": flags.data, "minutes": flags.minutes, "systems": rows}


def trained(name, flags, run):
    """Train a system, or finish its training; the seconds it took in all."""
    took, steps = run / "seconds.json", max(1, round(flags.minutes * STEPS_A_MINUTE[name]))
    if (run / "samples.npy").exists() and took.exists():
        refuse_another(run, data=absolute(flags.data), seed=flags.seed, steps=steps, samples=flags.samples)
        return json.loads(took.read_text())
    arguments = ["--out", run, "--data", flags.data, "--seed", flags.seed, "--samples", flags.samples]
    arguments += ["--resume"] if (run / "checkpoint.npz").exists() else []
    print(f"{name}", flush=True)
    began = time.perf_counter()
    if train("", name, with_steps(SYSTEMS[name], steps), [str(argument) for argument in arguments]):
        raise KeyboardInterrupt
    seconds = time.perf_counter() - began
    write_atomically(took, lambda file: file.write(json.dumps(seconds).encode()))
    return seconds


def with_steps(system, steps):
    """A system whose default is so many steps, over which its learning rate falls."""
    default = system.PRESETS["default"] | {"steps": steps, "lr_steps": steps}
    return SimpleNamespace(PRESETS={"default": default}, build=system.build)


def refuse_another(run, **asked):
    """An error when the finished run in a folder is not the one that the flags ask for."""
    samples = len(np.load(run / "samples.npy", mmap_mode="r"))
    config = json.loads((run / "config.json").read_text()) | {"samples": samples}
    different = [f"{name} {config[name]!r} and not {value!r}" for name, value in asked.items() if config[name] != value]
    if different:
        raise CheckpointError(f"the run in {run} has {', '.join(different)}: choose another --out")


def verdict(judge, name, run):
    """The columns of the table."""
    samples = np.load(run / "samples.npy")
    report = judge.report(samples)
    config = json.loads((run / "config.json").read_text())
    game = SYSTEMS[name].build(config, np.random.default_rng(0), "cpu")
    numbers = {
        "S": report.score.S,
        "precision": report.samples.precision,
        "recall": report.samples.recall,
        "classes": report.score.classes,
        "weights": [count(game.generator), count(game.critic)],
    }
    return numbers | ({"accuracy": judge.accuracy(samples, np.load(run / "labels.npy"))} if game.conditional else {})


def table(rows):
    """As Markdown, which the README takes over."""
    lines = [
        "| system | S | precision | recall | classes | accuracy | weights | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        accuracy = f"{row['accuracy']:.1%}" if "accuracy" in row else ""
        weights = " + ".join(f"{number:,}" for number in row["weights"])
        quality = f"{row['S']:.3f} | {row['precision']:.2f} | {row['recall']:.2f}"
        lines.append(f"| {name} | {quality} | {row['classes']} | {accuracy} | {weights} | {row['seconds']:.0f} |")
    return "\n".join(lines)


def save_picture(path, samples, rows, real):
    """A row of samples for each system, and one of real images."""
    with style.figure(len(samples) + 1, 1, (13, 0.95), "The same data, eight ways to play") as (figure, panels):
        for axes, (name, images) in zip(panels, {"real": real, **samples}.items()):
            strip = np.concatenate(images[:SHOWN, 0], axis=1)
            axes.imshow(strip, cmap="gray_r", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            label = f"{name}\nS = {rows[name]['S']:.2f}" if name in rows else name
            axes.set_ylabel(label, rotation=0, ha="right", va="center")
        style.save(figure, path)


def add_flags(parser):
    """What is compared."""
    parser.add_argument("--data", default="mnist", metavar="mnist|fashion-mnist|DIR", help="default: mnist")
    parser.add_argument("--minutes", type=float, default=3, metavar="M", help="of training for each; default: 3")
    parser.add_argument("--samples", type=int, default=5000, metavar="N", help="that are judged; default: 5000")
    parser.add_argument("--only", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS), help="default: all")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "compare", experiment, add_flags))
