"""Mode collapse, and what mends it: ten GANs on eight and on 25 Gaussians.

Look along a row of the picture: from a generator that has hardly begun to where it ends. Then down its last columns.
The plain GANs of the first three rows leave modes out. Bounded slopes of the critic (clipping, penalties, spectral
norm) bring them back, all eight and most or all of the 25. A critic that sees the whole batch helps with eight modes
and not with 25. The table says how well:

  modes    modes with a fair share of the samples: a fifth of n/K within a quarter of the spacing of the centres
  quality  share of the samples within 3 sigma of a centre; the truth has 98.9 %, and one repeated mode as much
  KL       reverse KL: of the samples' shares of the modes to equal ones; the truth has (K - 1) / 5000
  W1       earth mover's distance of 500 samples to 500 real points; the truth has the number in its own row

The first two rows are the anchors: real points, and the same generator before its first step.

A run whose losses or samples are no longer finite has diverged; the table says when, and the means are of the others.

mode_collapse.gif shows the first set and seed over time: each dot is one latent, and has a long way to go.

All methods have the same generator and as many steps of it; a row's seconds show what its critic costs.

--protocol pacgan is the published experiment behind table 1 of arXiv:1712.04086, with its data, networks and number of
steps. It takes hours a run; --steps and --seeds shorten it.
"""

import math
import sys
import time

import numpy as np

from scratchgan.data import toy
from scratchgan.lab import command, pacgan, parallel, plane, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import measure_modes, modes_covered, wasserstein
from scratchgan.training.pictures import save_animation

DATA = {
    "8": toy.eight_gaussians(),
    "25": toy.twenty_five_gaussians(),
    "swiss": toy.SwissRoll(),
    "moons": toy.Moons(),
    "checkerboard": toy.Checkerboard(),
    "ring": toy.pacgan_ring(),
    "grid": toy.pacgan_grid(),
}
RECIPES = plane.RECIPES | pacgan.RECIPES
PLAIN = "minimax", "non-saturating", "least-squares"
BOUNDED = "wgan-clip", "wgan-gp", "spectral", "r1", "r1-r2"
BATCHES = "minibatch", "minibatch-std"
PROTOCOLS = {
    "ours": {"data": ["8", "25"], "methods": [*PLAIN, *BOUNDED, *BATCHES], "seeds": 3},
    "pacgan": {"data": ["ring", "grid"], "methods": list(pacgan.RECIPES), "seeds": 10},
}
STEPS = {"quick": 500, "default": 1500, "long": 10_000}
FULL = {"steps": STEPS["default"], "seeds": 3}
MOMENTS = (0.02, 0.1, 0.3, 1.0)  # of the pictures, as shares of the steps
FRAMES = [(i / 40) ** 2 for i in range(1, 41)]  # of the animation: most happens early
SAMPLES, TRANSPORTED = 2500, 500


def experiment(flags, folder):
    """Train every method on every set with every seed; the table, and the picture of the first seed."""
    for name, default in PROTOCOLS[flags.protocol].items():
        setattr(flags, name, getattr(flags, name) or default)
    flags.steps = steps = flags.steps or (pacgan.STEPS if flags.protocol == "pacgan" else STEPS[flags.preset])
    seeds = range(flags.seed, flags.seed + flags.seeds)
    jobs = [(method, data, seed, steps) for seed in seeds for data in flags.data for method in flags.methods]
    runs = dict(zip(jobs, parallel.run_all(run, jobs, flags.processes)))
    numbers = {}
    for data in flags.data:
        truth = [measure(DATA[data].sample(SAMPLES, np.random.default_rng([seed, 3])), data, seed) for seed in seeds]
        fresh = [measure(untrained(flags.methods[0], seed), data, seed) for seed in seeds]
        rows = {"real points": summary(truth), "untrained": summary(fresh)}
        for method in flags.methods:
            rows[RECIPES[method].name] = summary([runs[method, data, seed, steps][1] for seed in seeds])
        numbers[DATA[data].name] = rows
        print_table(DATA[data], rows, f"{steps:,} steps, mean and deviation of --seed {', '.join(map(str, seeds))}")
    save_picture(folder / "mode_collapse.png", flags, steps, runs, numbers)
    film(folder / "mode_collapse.gif", flags, steps, runs)
    return {"steps": steps, "seeds": list(seeds), "sets": numbers}, list(claims(numbers))


def claims(numbers):
    """On eight and on 25 Gaussians plain GANs leave modes out, and bounded critics bring them back."""
    for name, few, many in (("8 Gaussians", 7, 8), ("25 Gaussians", 18, 20)):
        found = {method: row["modes"]["mean"] for method, row in numbers.get(name, {}).items() if "modes" in row}
        for methods, bounds in ((PLAIN, {"high": few}), (BOUNDED, {"low": many})):
            for method in (RECIPES[method].name for method in methods):
                if method in numbers.get(name, {}):
                    modes, anchors = found.get(method, np.nan), {"untrained": found["untrained"]}
                    yield Claim(f"{name}, modes of {method}", modes, **bounds, anchors=anchors)


def untrained(method, seed):
    """Samples of the generator of a method before its first step."""
    return plane.train(RECIPES[method], DATA["8"], 0, seed, snapshots=(0,), points=SAMPLES).clouds[0]


def run(method, data, seed, steps):
    """One training run: the clouds at the moments of the picture, and the numbers of the last one, or its end."""
    began = time.perf_counter()
    snapshots = {moment(share, steps) for share in (*MOMENTS, *FRAMES)}
    trained = plane.train(RECIPES[method], DATA[data], steps, seed, snapshots, points=SAMPLES)
    seconds = time.perf_counter() - began
    if trained.diverged:
        return trained.clouds, {"diverged": trained.diverged}
    return trained.clouds, measure(trained.clouds[steps], data, seed) | {"seconds": seconds}


def measure(samples, data, seed):
    """The columns of the table for samples (SAMPLES, 2)."""
    distribution = DATA[data]
    real = distribution.sample(TRANSPORTED, np.random.default_rng([seed, 2]))
    numbers = {"w1": wasserstein(samples[:TRANSPORTED], real)}
    if not hasattr(distribution, "centres"):
        return numbers
    fair_share = math.ceil(0.2 * len(samples) / len(distribution.centres))
    found = measure_modes(samples, distribution)
    return numbers | {
        "modes": modes_covered(samples, distribution.centres, distribution.spacing / 4, fair_share),
        "modes within 3 sigma": found.covered,
        "quality": found.high_quality,
        "reverse_kl": found.reverse_kl,
    }


def summary(measured):
    """Of numbers of several seeds: {name: {mean, deviation, seeds}}; of a run that diverged, only the step is known."""
    names = dict.fromkeys(name for row in measured for name in row)
    values = {name: np.array([row[name] for row in measured if name in row], float) for name in names}
    return {name: {"mean": v.mean(), "deviation": v.std(), "seeds": v.tolist()} for name, v in values.items()}


def print_table(distribution, rows, what):
    """The table of one set."""
    print(f"\n{distribution.name}: {what}")
    print(f"  {'':24}{'modes':>14}{'3-sigma modes':>16}{'quality':>16}{'reverse KL':>16}{'W1':>18}{'seconds':>10}")
    for name, row in rows.items():
        modes, strict = (cell(row.get(column), "{:.1f}") for column in ("modes", "modes within 3 sigma"))
        quality, kl = cell(row.get("quality"), "{:.1%}"), cell(row.get("reverse_kl"), "{:.2f}")
        w1 = cell(row.get("w1"), "{:.3f}")
        seconds = cell(row.get("seconds"), "{:.1f}").partition(" ±")[0]
        ends = end_of(row)
        print(f"  {name:24}{modes:>14}{strict:>16}{quality:>16}{kl:>16}{w1:>18}{seconds:>10}{ends and '   ' + ends}")
    for name, (strict, quality, kl) in pacgan.PUBLISHED.get(distribution.name, {}).items():
        print(f"  {'published: ' + name:24}{'':14}{strict:>16}{quality:>16.1%}{kl:>16.2f}")


def end_of(row):
    """Of the runs that diverged, when, else nothing."""
    return (
        f"diverged at step {', '.join(f'{step:,.0f}' for step in row['diverged']['seeds'])}"
        if "diverged" in row
        else ""
    )


def cell(numbers, form):
    """Mean ± deviation, or a dash."""
    return f"{form.format(numbers['mean'])} ± {form.format(numbers['deviation'])}" if numbers else "–"


def save_picture(path, flags, steps, runs, numbers):
    """A row a method; for each set, the clouds of the first seed over time, and the means of all seeds."""
    rows, columns, title = len(flags.methods), len(flags.data) * len(MOMENTS), "Mode collapse, and what mends it"
    with style.figure(rows, columns, (1.8, 1.3), title, squeeze=False) as (figure, panels):
        for i, data in enumerate(flags.data):
            block = panels[:, i * len(MOMENTS) : (i + 1) * len(MOMENTS)]
            for row, method in zip(block, flags.methods):
                draw_run(row, DATA[data], *runs[method, data, flags.seed, steps], steps)
                verdict = caption(DATA[data], numbers[DATA[data].name][RECIPES[method].name])
                row[-1].text(1.08, 0.5, verdict, transform=row[-1].transAxes, va="center")
            for axes, share in zip(block[0], MOMENTS):
                axes.set_title(f"\nstep {moment(share, steps):,}", fontsize=12)
            corner = block[0, 0]
            name = corner.text(0, 1.26, DATA[data].name, transform=corner.transAxes, fontsize=15, weight="bold")
            name.set_in_layout(False)  # or the first column would be as wide as its text
        for axes, method in zip(panels[:, 0], flags.methods):
            axes.set_ylabel(RECIPES[method].name.replace(" + ", "\n+ "), rotation=0, ha="right", va="center")
        colors = {"real": style.REAL, "generated": style.GENERATED}
        dots = [panels[0, 0].scatter([], [], color=color, alpha=0.55) for color in colors.values()]
        figure.legend(dots, colors, loc="upper right", ncols=2, markerscale=1.5, fontsize=14)
        style.save(figure, path)


def moment(share, steps):
    """The step at which a share of all is done."""
    return max(1, round(share * steps))


def draw_run(row, distribution, clouds, numbers, steps):
    """The clouds of one run, each over real points; after it diverged, where it did."""
    for axes, share in zip(row, MOMENTS):
        samples = clouds.get(moment(share, steps))
        prepare(axes, distribution, f"diverged\nat step {numbers['diverged']:,}" if samples is None else "")
        if samples is not None:
            style.cloud(axes, samples[:500], style.GENERATED, size=2)


def prepare(axes, distribution, words=""):
    """A panel with real points, or with words instead."""
    real = distribution.sample(300, np.random.default_rng(0))
    limit = 1.25 * np.abs(real).max()
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), facecolor="#f6f5f2", xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=10)
    if not words:
        style.cloud(axes, real, style.REAL, size=5)


def film(path, flags, steps, runs):
    """The first set and seed: all methods side by side, each with the same latents in every frame."""
    data, columns = flags.data[0], min(5, len(flags.methods))
    rows = -(-len(flags.methods) // columns)
    with style.figure(rows, columns, (1.9, 2.0), "Step 10,000", squeeze=False) as (figure, panels):
        for axes in panels.flat[len(flags.methods) :]:
            axes.axis("off")
        clouds = [runs[method, data, flags.seed, steps][0] for method in flags.methods]
        for axes, method in zip(panels.flat, flags.methods):
            prepare(axes, DATA[data])
            axes.set_title(RECIPES[method].name.replace(" + ", "\n+ ").replace(" d", "\nd"), fontsize=11)
        dots = [axes.scatter([], [], s=4, color=style.GENERATED, linewidths=0) for axes, _ in zip(panels.flat, clouds)]
        figure.set_dpi(75)
        style.frame(figure)
        figure.set_layout_engine("none")
        images = []
        for step in sorted({moment(share, steps) for share in FRAMES}):
            figure.suptitle(f"Step {step:,}", x=0.01, ha="left", fontsize=16, fontweight="bold")
            for drawn, cloud in zip(dots, clouds):
                drawn.set_offsets(cloud[step][:400] if step in cloud else np.empty((0, 2)))
            images.append(style.frame(figure))
        save_animation(path, images, milliseconds=150)


def caption(distribution, row):
    """What stands beside a row of clouds."""
    if "w1" not in row:
        return "no run ended"
    w1 = f"$W_1$ = {row['w1']['mean']:.2f}"
    if "modes" not in row:
        return w1
    modes = f"{row['modes']['mean']:.1f}".removesuffix(".0")
    return f"{modes}/{len(distribution.centres)} modes\n{w1}"


def add_flags(parser):
    """Flags beside --out and --seed."""
    presets = [f"{steps:,} ({preset})" for preset, steps in STEPS.items()]
    positive = command.at_least(1)
    many = {"nargs": "+", "metavar": "NAME"}
    parser.add_argument("--protocol", choices=PROTOCOLS, default="ours", help="whose experiment; default: ours")
    parser.add_argument("--data", choices=DATA, help=f"of {', '.join(DATA)}; default: 8 25", **many)
    parser.add_argument("--methods", choices=RECIPES, help=f"of {', '.join(RECIPES)}; default: the first ten", **many)
    parser.add_argument("--seeds", type=positive, metavar="N", help="runs of each method; default: 3 (pacgan: 10)")
    parser.add_argument("--preset", choices=STEPS, default="default", help="how many steps: see --steps")
    parser.add_argument("--steps", type=positive, metavar="N", help=f"of the generator; default: {', '.join(presets)}")
    parser.add_argument("--processes", type=positive, metavar="N", help="default: one a core; the numbers are the same")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "mode_collapse", experiment, add_flags, FULL, spreads=True))
