"""Diffusion-GAN on 25 Gaussians: noise that grows where the discriminator is too sure brings lost modes back.

A plain GAN, and the same networks, rates and first weights with a discriminator that sees the points at all stages of a
diffusion. Three seeds each, about a minute. The table says of 2,500 points of each generator:

  modes          modes with a fair share of the points: 20 of them within a quarter of the spacing of the centres
  3-sigma modes  modes with at least one point within 3 sigma, which may be luck
  quality        share of the points that lie within 3 sigma of a centre
  reverse KL     how unevenly the points are spread over the modes, each counted for the nearest one

"Spread evenly" are points that know nothing of the modes. A fifth of their square lies within a quarter of the spacing,
so they have about 20 at each mode, and half of the modes by luck; only quality tells that they are no good.

What to look at, in diffusion.png: (left) the plain GAN's samples leave more than half of the 25 modes out; (middle)
those of Diffusion-GAN reach nearly all, and more of its points lie on the way between two; (right) T, the length of the
diffusion, rises as the discriminator becomes sure of the reals: on one seed a little, on two until it can rise no more.
Below that, how sure it is: the mean sign of its scores of reals, with the target as a dashed line, near which diffusion
holds it. Without diffusion nothing does.
"""

import sys

import numpy as np

from scratchgan.lab import diffusion, parallel, style
from scratchgan.lab.command import at_least, main

FULL = {"steps": 6000, "seeds": 3}
COLORS = {"plain GAN": "#c9a227", "Diffusion-GAN": style.GENERATED}


def experiment(flags, folder):
    """Train both with every seed, compare them, and draw the first."""
    seeds = range(flags.seed, flags.seed + flags.seeds)
    jobs = [(name, seed, flags.steps, (0,)) for seed in seeds for name in diffusion.CHAINS]
    played = parallel.run_all(diffusion.play, jobs, flags.processes)
    runs = {name: [run for job, run in zip(jobs, played) if job[0] == name] for name in diffusion.CHAINS}
    unlearned = {
        "untrained": [diffusion.measured(run.clouds[0]) for run in runs["plain GAN"]],
        "spread evenly": [diffusion.measured(diffusion.spread_evenly(seed)) for seed in seeds],
    }
    learned = {name: [run.numbers for run in each] for name, each in runs.items()}
    rows = {name: summary(each) for name, each in (unlearned | learned).items()}
    print_table(rows, f"{flags.steps:,} steps, mean of --seed {', '.join(map(str, seeds))}")
    draw(folder / "diffusion.png", runs, flags.steps)
    beside = {name: rows[name]["modes"]["mean"] for name in unlearned}
    return {"seeds": list(seeds), "rows": rows}, list(diffusion.claims(runs, beside))


def summary(measured):
    """{name: {"mean", "seeds"}} of the numbers of several seeds."""
    return {
        name: {"mean": float(np.mean([row[name] for row in measured])), "seeds": [row[name] for row in measured]}
        for name in measured[0]
    }


def print_table(rows, what):
    """A row for each method; of the modes each seed's number, too."""
    print(f"\n{diffusion.DATA.name}: {what}")
    print(f"  {'':16}{'modes':>8}{'3-sigma modes':>16}{'quality':>10}{'reverse KL':>13}   modes of each seed")
    for name, row in rows.items():
        modes, strict, quality, kl = (row[key]["mean"] for key in row)
        each = ", ".join(str(count) for count in row["modes"]["seeds"])
        print(f"  {name:16}{modes:>8.1f}{strict:>16.1f}{quality:>10.1%}{kl:>13.2f}   {each}")


def draw(path, runs, steps):
    """The samples of the first seed, T, and how sure D is, of all seeds."""
    with style.figure(2, 3, size=(4.4, 2.4), title=TITLE) as (figure, axes):
        grid = axes[0, 0].get_gridspec()
        for place in axes[:, :2].flat:
            place.remove()
        for column, (name, each) in enumerate(runs.items()):
            draw_samples(figure.add_subplot(grid[:, column]), name, each[0], steps)
        for place, what in zip(axes[:, 2], ("T", "sign")):
            for name, each in runs.items():
                for run in each:
                    label = name if run is each[0] else None
                    place.plot(smooth(getattr(run, what)), color=COLORS[name], alpha=0.75, lw=1.4, label=label)
            place.set(title=WORDS[what], xlim=(0, steps))
        axes[1, 2].axhline(diffusion.CHAIN["target"], linestyle="--", color=style.INK, lw=1)
        axes[1, 2].set(xlabel="steps of the generator")
        axes[0, 2].legend(loc="upper left", fontsize=10)
        style.save(figure, path)


TITLE = "Noise that follows the discriminator brings modes back"
WORDS = {"T": "length of the diffusion", "sign": "how sure D is of the reals"}


def draw_samples(axes, name, run, steps):
    """The last cloud over real points."""
    real = diffusion.DATA.sample(1000, np.random.default_rng(0))
    style.cloud(axes, real, style.REAL, size=14)
    style.cloud(axes, run.clouds[steps], style.GENERATED, size=3)
    limit = 1.25 * np.abs(diffusion.DATA.centres).max()
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), title=f"{name}: {run.numbers['modes']} of 25 modes")
    axes.spines[:].set_visible(False)


def smooth(values, share=50):
    """Means over a fiftieth of the steps."""
    width = max(1, len(values) // share)
    return np.convolve(np.pad(values, (width - 1, 0), mode="edge"), np.ones(width) / width, mode="valid")


def add_flags(parser):
    """Flags beside --out and --seed."""
    positive = at_least(1)
    steps, seeds = (f"default: {FULL[name]:,}" for name in ("steps", "seeds"))
    parser.add_argument("--steps", type=positive, default=FULL["steps"], metavar="N", help=f"of the generator; {steps}")
    parser.add_argument("--seeds", type=positive, default=FULL["seeds"], metavar="N", help=f"runs of each; {seeds}")
    parser.add_argument("--processes", type=positive, metavar="N", help="default: one a core; the numbers are the same")


if __name__ == "__main__":
    sys.exit(main(__doc__, "diffusion", experiment, add_flags, FULL, spreads=True))
