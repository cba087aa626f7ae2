"""The better the discriminator, the less the generator learns from it: unless its loss is another one.

After Arjovsky & Bottou 2017, arXiv:1701.04862, figures 2 and 3, and figure 2 of WGAN, arXiv:1701.07875. The generator
stands still while its critic is trained; what is measured is the gradient that it would get.

What to look at:
  above     two Gaussians on a line, where the best critics are known (dashed; what was trained is drawn through). The
            discriminator is flat where the generated points are, and tells them nothing; the critic of a WGAN has
            slope 1 everywhere. On the right, how strongly a generated point is moved from where it is.
  below     a fresh generator, whose points lie in the middle, against 8 Gaussians. As the discriminator learns, the
            gradient of the saturating loss vanishes with the probability σ(D) of the fakes, a factor ten for each
            factor ten. Those of the other two losses stay.

What it does not show: that a large gradient is a good one. The non-saturating one is as steep as the discriminator,
which has no bound, and it changes from one discriminator to the next: its variance grows as D is trained (figure 3 and
theorem 2.6 of Arjovsky & Bottou). The norm of one gradient cannot tell. Nor does it show generated points that lie
among the real ones: there no discriminator can be sure, and the saturating gradient does not vanish.
"""

import sys

import numpy as np

from scratchgan import nn
from scratchgan.data import toy
from scratchgan.lab import command, critics, probes, style
from scratchgan.lab.claims import Claim
from scratchgan.lab.gaussians import TwoGaussians
from scratchgan.losses import OBJECTIVES
from scratchgan.metrics import wasserstein_1d

LINE, DATA = TwoGaussians(distance=4.0), toy.eight_gaussians()
X = np.linspace(-5, 5, 401)
COLORS = {"minimax": "#c9a227", "non-saturating": "#81b29a", "wasserstein": style.CRITIC}
NAMES = {"minimax": "saturating", "non-saturating": "non-saturating", "wasserstein": "Wasserstein, penalty"}
RUNS, FULL = 3, {"steps": 2000}


def line_critics(rng):
    """A discriminator and a critic of points on a line, untrained."""
    return critics.mlp(1, 64, 3, rng), critics.mlp(1, 64, 3, rng)


def train_on_line(steps, rng, bar):
    """A discriminator and a penalised critic of the two Gaussians."""

    def batches():
        return LINE.sample(256, rng)

    discriminator, critic = line_critics(rng)
    for _ in critics.train_discriminator(discriminator, batches, steps):
        bar.update()
    for _ in critics.train_penalised(critic, batches, steps, rng, lr=3e-3):
        bar.update()
    return discriminator, critic


def fresh_generator(rng):
    """One with PyTorch's initial weights, which give all of its points a place in the middle, far from the data."""
    layers = nn.Linear(2, 128, rng=rng), nn.ReLU(), nn.Linear(128, 128, rng=rng), nn.ReLU(), nn.Linear(128, 2, rng=rng)
    return nn.Sequential(*layers)


def train_in_plane(steps, rng, bar):
    """Both critics of one fresh generator, and its gradient at some moments: {objective, "step", "fooled": array}."""
    generator = fresh_generator(rng)
    z = rng.standard_normal((1000, 2)).astype(np.float32)
    moments = np.unique(np.geomspace(1, steps, 50).round().astype(int))
    seen = {name: [] for name in (*COLORS, "fooled")}

    def batches():
        latents = rng.standard_normal((256, 2)).astype(np.float32)
        return DATA.sample(256, rng), critics.outputs(generator, latents)

    def look(name, critic):
        seen[name].append(probes.generator_gradient_norm(OBJECTIVES[name], generator, critic, z))

    discriminator, critic = critics.mlp(2, 128, 4, rng), critics.mlp(2, 128, 4, rng)
    for step in critics.train_discriminator(discriminator, batches, steps):
        bar.update()
        if step in moments:
            look("minimax", discriminator)
            look("non-saturating", discriminator)
            logits = critics.scores(discriminator, critics.outputs(generator, z))
            seen["fooled"].append(float(sigmoid(logits).mean()))
    for step in critics.train_penalised(critic, batches, steps, rng):
        bar.update()
        if step in moments:
            look("wasserstein", critic)
    return {"step": moments, **{name: np.array(values) for name, values in seen.items()}}


def sigmoid(logits):
    """σ in float64, where it does not underflow."""
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def claims(line, untrained, runs, rng):
    """What should come out, each with its number, and with that of untrained networks or of the other loss."""
    points = LINE.sample(4000, rng)
    beside = on_line(*untrained, points)
    limits = {"high": 0.05}, {"high": 0.1}, {"low": 1, "high": 1.3}
    for (text, value), bounds in zip(on_line(*line, points).items(), limits):
        yield Claim(f"line: {text}", value, **bounds, anchors={"untrained": beside[text]})
    for number, run in enumerate(runs, start=1):
        sure, steep = run["fooled"] < 0.01, run["non-saturating"] / run["minimax"]
        ratio = steep[sure].min(initial=np.inf) if sure.any() else np.nan
        text = f"plane, run {number}: non-saturating / saturating where σ(D) < 0.01"
        yield Claim(text, ratio, low=20, anchors={"after one step": steep[0]})
        falls = {name: np.log10(run[name].max() / run[name][-1]) for name in COLORS}
        text = f"plane, run {number}: orders of magnitude that the saturating gradient falls"
        yield Claim(text, falls["minimax"], low=3, anchors={NAMES[name]: falls[name] for name in list(COLORS)[1:]})
        later = run["step"] >= run["step"][-1] / 10
        steady = {name: run[name][later].min() / run[name][later].max() for name in COLORS}
        text = f"plane, run {number}: Wasserstein, least / largest of the last 90 %"
        yield Claim(text, steady["wasserstein"], low=0.5, anchors={"saturating": steady["minimax"]})


def on_line(discriminator, critic, points):
    """How far the two are from the best ones: {what: number}."""
    real, fake = points
    core = np.abs(X) < 4.05  # 98 % of the mass
    places = X[core, None].astype(np.float32)
    error = sigmoid(critics.scores(discriminator, places)) - LINE.discriminator(X[core])
    slopes = probes.generator_slopes(OBJECTIVES["wasserstein"], critic, places)
    off = np.abs(slopes - LINE.slopes(X[core])["wasserstein"]).mean()
    ratio = probes.critic_gap(critic, real, fake) / wasserstein_1d(real[:, 0], fake[:, 0])
    return {
        "largest error of σ(D) where 98 % of the mass is": np.abs(error).max(),
        "mean error of the critic's slope": off,
        "critic gap / exact W1 (the penalty allows about 1 + s / 2λ = 1.2)": ratio,
    }


def draw(path, line, runs):
    """The picture."""
    title = "Train the discriminator, and the gradient is gone"
    with style.figure(2, 2, size=(6.4, 4.4), title=title) as (figure, axes):
        draw_line(axes[0, 0], *line)
        draw_slopes(axes[0, 1], *line)
        for run in runs:
            first = run is runs[0]
            for name, color in COLORS.items():
                label = NAMES[name] if first else None
                axes[1, 0].loglog(run["step"], run[name], color=color, alpha=0.8, label=label)
                if name != "wasserstein":
                    axes[1, 1].loglog(run["fooled"], run[name], "o", color=color, alpha=0.6, ms=5, label=label)
        fooled = np.geomspace(min(run["fooled"].min() for run in runs), 0.5)
        factor = np.median(np.concatenate([run["minimax"] / run["fooled"] for run in runs]))
        axes[1, 1].loglog(fooled, factor * fooled, ":", color=style.INK, label="proportional to σ(D)")
        axes[1, 0].set(title="The generator's gradient, 8 Gaussians", xlabel="steps of its critic", ylabel="‖∇L‖")
        axes[1, 1].set(title="… and how sure the discriminator is", xlabel="mean σ(D) of the fakes", ylabel="‖∇L‖")
        axes[1, 1].invert_xaxis()
        for place in axes[1]:
            place.legend()
            place.grid()
        style.save(figure, path)


def draw_line(axes, discriminator, critic):
    """Densities, both critics, and the closed forms."""
    points = X[:, None].astype(np.float32)
    p, q = LINE.densities(X)
    axes.fill_between(X, p, color=style.REAL, alpha=0.5, lw=0, label="real")
    axes.fill_between(X, q, color=style.GENERATED, alpha=0.5, lw=0, label="generated")
    axes.plot(X, sigmoid(critics.scores(discriminator, points)), color=COLORS["minimax"], label="σ(D)")
    axes.plot(X, LINE.discriminator(X), "--", color=style.INK, lw=1.2)
    axes.set(title="Where the fakes are, σ(D) is flat", xlabel="x", ylabel="σ(D), density", ylim=(0, 1.05))
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    values = critics.scores(critic, points)
    right.plot(X, values - values.mean(), color=style.CRITIC, label="critic of a WGAN (right)")
    best = np.cumsum(LINE.slopes(X)["wasserstein"]) * (X[1] - X[0])
    right.plot(X, best - best.mean(), "--", color=style.INK, lw=1.2, label="best in closed form")
    right.set(ylabel="f(x)", ylim=(-6.5, 6.5))
    handles = [pair for place in (axes, right) for pair in zip(*place.get_legend_handles_labels())]
    axes.legend(*zip(*handles), loc="upper left", fontsize=10)


def draw_slopes(axes, *line):
    """How strongly a generated point at x is moved."""
    points = X[:, None].astype(np.float32)
    for (name, color), critic in zip(COLORS.items(), (line[0], line[0], line[1])):
        axes.semilogy(X, probes.generator_slopes(OBJECTIVES[name], critic, points), color=color, label=NAMES[name])
        axes.semilogy(X, LINE.slopes(X)[name], "--", color=style.INK, lw=1.2)
    axes.set(title="… and a fake at x is pulled by", xlabel="x", ylabel="|∂L/∂x|")
    axes.legend(fontsize=10)
    axes.grid()


def experiment(flags, folder):
    """Train, draw, and say what holds."""
    print(__doc__)
    rng = np.random.default_rng(flags.seed)
    with command.progress(2 * (RUNS + 1) * flags.steps) as bar:
        line = train_on_line(flags.steps, rng, bar)
        runs = [train_in_plane(flags.steps, rng, bar) for _ in range(RUNS)]
    draw(folder / "vanishing_gradient.png", line, runs)
    untrained = line_critics(np.random.default_rng([flags.seed, 1]))
    plane = [{name: values.tolist() for name, values in run.items()} for run in runs]
    return {"runs": plane}, list(claims(line, untrained, runs, rng))


def add_flags(parser):
    """How long to train."""
    default, words = FULL["steps"], f"of each critic; default: {FULL['steps']}"
    parser.add_argument("--steps", type=command.at_least(1), default=default, metavar="N", help=words)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "vanishing_gradient", experiment, add_flags, FULL))
