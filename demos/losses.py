"""How to read the losses: what healthy runs look like, what their numbers tend to, and what five failures look like.

Two pictures. In losses.png each panel is a run of a system, by its quick preset: the numbers that its log shows, and
dotted what they tend to where the generator is perfect and D at its best. In losses_failures.png each column is a game
in the plane that was made to fail, beside one that goes well:

  samples   of the game that fails, over real points.
  losses    L_D and L_G of both. In the first and the fourth column they would pass for those of a healthy run.
  telling   the number that gives the failure away. Only in the second and third is it in the losses, too.

--runs draws runs of yours over the healthy ones, dashed. The page that goes with this is demos/losses.md.
"""

import json
import sys
from pathlib import Path

import numpy as np

from scratchgan.lab import command, parallel, style
from scratchgan.lab.claims import Claim, finite, number
from scratchgan.lab.failures import EVERY, FAILURES, FEW, ROLL, play
from scratchgan.lab.flawed import DATA
from scratchgan.lab.limits import alike, slope_for
from scratchgan.lab.readings import READINGS, ends, thinned, windowed
from scratchgan.metrics import distances
from scratchgan.training import train

KEPT = Path(__file__).parent / "pictures" / "losses.json"
RIGHT, WRONG, COLUMNS = "#3f8f72", "#a44a3f", 7
FULL = {"steps": 1000}
PENALTIES = {"wgan_gp": 10.0, "acgan": 10.0, "logan": 10.0, "progan": 1.0}  # λ


def experiment(flags, folder):
    """The healthy runs, the failures, and a picture of each."""
    healthy = healthy_runs(flags.healthy)
    own = [thinned(run) for run in flags.runs]
    for run in own:
        print_beside(run, healthy[run["system"]])
    jobs = [(name, failing, flags.steps, flags.seed) for name in FAILURES for failing in (False, True)]
    seen = dict(zip([job[:2] for job in jobs], parallel.run_all(play, jobs, flags.processes, unit="game")))
    draw_healthy(folder / "losses.png", healthy, own)
    draw_failures(folder / "losses_failures.png", seen)
    numbers = {
        name: {kind: told(name, seen[name, kind == "failing"]) for kind in ("right", "failing")} for name in FAILURES
    }
    print("\n" + __doc__.split("\n\n", 1)[1].strip())
    claims = [claim for name in FAILURES for claim in of_failure(name, seen[name, False], seen[name, True])]
    return {"healthy": healthy, "failures": numbers}, [*of_runs(healthy), *claims]


def healthy_runs(folder):
    """The kept curves of all systems; or those of the runs in a folder, where what is missing is trained first."""
    if folder is None:
        return json.loads(KEPT.read_text(encoding="utf-8"))["numbers"]["healthy"]
    for name in READINGS:
        if not (folder / name / "log.csv").exists():
            train(name, preset="quick", out=folder / name)
    return {name: thinned(folder / name) for name in READINGS}


def print_beside(run, healthy):
    """Where a run of one's own stands at its end, and where the healthy one did."""
    print(f"{run['system']}, {run['steps']:,} steps, beside {healthy['steps']:,} of the healthy run")
    for column, limit in READINGS[run["system"]].items():
        mine, theirs = (number(ends(each["curves"][column])[1]) for each in (run, healthy))
        print(f"  {column:20}{mine:>10}{theirs:>10}" + (f"   tends to {limit:.3g}" if limit is not None else ""))


def told(name, seen):
    """What is kept of a game: its losses, in twenty windows, and its telling number."""
    curves = {loss: windowed(values, 20) for loss, values in zip(("L_D", "L_G"), seen.losses.T)}
    return curves | {"told": [finite(round(float(x), 4)) for x in seen.told], "diverged": seen.diverged}


# Claims --------------------------------------------------------------------------------------------------------------


def of_runs(healthy):
    """What the limits say of the healthy runs."""
    for name, weight in PENALTIES.items():
        curves = healthy[name]["curves"]
        norm, estimate = ends(curves["gradient_norm"])[1], ends(curves["wasserstein"])[1]
        expected = slope_for(estimate, weight)
        text = f"{name}: mean gradient norm at the end, beside (1 + √(1 + 2 W / λ)) / 2"
        yield Claim(text, norm / expected, low=0.9, high=1.1, anchors={"the norm": norm, "W": estimate, "λ": weight})
    for name, bound in {"gan": 1.0, "aae": 1.0, "cyclegan": 0.3, "stackgan": 0.7}.items():
        (column, limit), *_ = READINGS[name].items()
        end = ends(healthy[name]["curves"][column])[1]
        yield Claim(f"{name}: {column} at the end", end, low=bound, high=1.1 * limit, anchors={"its limit": limit})


def of_failure(name, right, failing):
    """The telling number is within its bounds where all is well, and out of them where the game fails."""
    failure, untrained = FAILURES[name], {"untrained": right.told[0]}
    for title, seen in (("all is well", right), (failure.made, failing)):
        text = f"{failure.title}, {failure.telling}: {title}"
        last = np.mean(seen.told[-5:])
        yield Claim(text, last, *failure.bounds, outside=seen is failing, anchors=untrained)
    if name == "collapse":
        early = failing.losses[len(failing.losses) // 10 : len(failing.losses) * 3 // 10, 1]
        text, limit = (
            "mode collapse: L_G from the first tenth to the third, as if all were well",
            alike("non-saturating")[1],
        )
        yield Claim(text, early.mean(), low=0.9 * limit, high=1.15 * limit, anchors={"log 2": limit})
    if name == "memory" and not failing.diverged:
        text, fresh = (
            "memorising: median distance of samples to a training point",
            ROLL.sample(500, np.random.default_rng(1)),
        )
        near, far = (np.median(distances(points, FEW.points).min(1)) for points in (failing.samples[:500], fresh))
        yield Claim(text, near, high=float(far) / 3, anchors={"of fresh points": float(far)})


# Healthy runs --------------------------------------------------------------------------------------------------------


def draw_healthy(path, healthy, own):
    """A panel for each system; runs of one's own are drawn over those of the same system."""
    rows = -(-len(healthy) // COLUMNS)
    title = "Healthy runs: the numbers of their logs, and dotted what these tend to" + "; dashed, yours" * bool(own)
    with style.figure(rows, COLUMNS, size=(2.75, 2.3), title=title) as (figure, axes):
        for panel in axes.flat[len(healthy) :]:
            panel.axis("off")
        for panel, (name, run) in zip(axes.flat, healthy.items()):
            draw_run(panel, name, run, [other for other in own if other["system"] == name])
        style.save(figure, path)


def draw_run(axes, name, run, own):
    """The curves of a system's log."""
    top, bottom = [], []
    for (column, limit), color in zip(READINGS[name].items(), (style.CRITIC, style.GENERATED, "#c9a227")):
        mean, deviation = (np.where(np.array(run["curves"][column][0]) == 0, np.nan, x) for x in run["curves"][column])
        place = np.linspace(0, run["steps"], len(mean))
        axes.fill_between(place, mean - deviation, mean + deviation, color=color, alpha=0.18, linewidth=0)
        axes.plot(place, mean, color=color, linewidth=1.8, label=column.replace("_", " "))
        for other in own:
            curve = np.array(other["curves"][column][0])
            axes.plot(np.linspace(0, other["steps"], len(curve)), curve, color=color, linewidth=1.2, linestyle="--")
        if limit is not None:
            axes.axhline(limit, color=color, linewidth=1.3, linestyle=":")
        settled = mean[len(mean) // 15 :]
        top += [np.nanmax(settled), limit if limit is not None else -np.inf]
        bottom += [np.nanmin(settled), limit if limit is not None else np.inf]
    low, high = min(bottom), max(top)
    axes.set_ylim(low - 0.12 * (high - low), high + 0.45 * (high - low))
    axes.set_title(f"{name}, {run['steps']:,} steps", fontsize=11)
    axes.tick_params(labelsize=9)
    axes.set_xticks([0, run["steps"]])
    axes.legend(fontsize=8.5, loc="upper right", handlelength=1.2, borderaxespad=0.1, labelspacing=0.15)
    axes.grid()


# Failures ------------------------------------------------------------------------------------------------------------


def draw_failures(path, seen):
    """A column for each."""
    title = "Five failures, and what gives them away"
    with style.figure(3, len(FAILURES), size=(3.7, 3.1), title=title) as (figure, axes):
        for column, (name, failure) in zip(axes.T, FAILURES.items()):
            right, failing = seen[name, False], seen[name, True]
            draw_samples(column[0], failure, failing)
            draw_losses(column[1], failure, right, failing)
            draw_telling(column[2], failure, right, failing)
        axes[1, 0].set_ylabel("losses")
        axes[2, 0].set_ylabel("what tells")
        handles, labels = axes[1, 0].get_legend_handles_labels()
        marks = [axes[0, 0].scatter([], [], color=color) for color in (style.REAL, style.GENERATED)]
        words = ["real", "generated"]
        figure.legend([*marks, *handles], [*words, *labels], loc="outside lower center", ncols=6, fontsize=12)
        style.save(figure, path)


def draw_samples(axes, failure, failing):
    """The samples of the game that fails; labels in colours of their own."""
    axes.set_title(f"{failure.title}\n", fontsize=15, weight="bold")
    axes.text(0.5, 1.03, failure.made, ha="center", transform=axes.transAxes, fontsize=10.5)
    axes.set(xticks=[], yticks=[])
    real = failure.right_data.sample(400, np.random.default_rng(0))
    limit = 1.35 * np.abs(real[:, :2]).max()
    style.cloud(axes, real[:, :2], style.REAL, size=16)
    if failing.samples is None:
        axes.text(0.5, 0.5, f"diverged\nat step {failing.diverged}", ha="center", va="center", transform=axes.transAxes)
    else:
        draw_points(axes, failure, failing.samples, limit)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit))


def draw_points(axes, failure, samples, limit):
    """Points; where they have labels, each in the colour of its label, as are the rings around the centres."""
    x, y = samples[:600, :2], samples[:600, 2:]
    if y.size:
        colors = np.array(style.LINES)[: y.shape[1]]
        axes.scatter(*x.T, s=7, color=colors[y.argmax(1)], linewidths=0, alpha=0.8, zorder=3)
        axes.scatter(*DATA.centres.T, s=330, facecolors="none", edgecolors=colors, linewidths=2.2)
        return
    style.cloud(axes, x, style.GENERATED, size=7)
    if failure is FAILURES["memory"]:
        axes.scatter(*FEW.points.T, s=90, facecolors="none", edgecolors=WRONG, linewidths=1.6)
        axes.text(0.03, 0.03, "circles: the 16 training points", transform=axes.transAxes, fontsize=10, color=WRONG)
    if (np.abs(x) > limit).any(1).mean() > 0.9:
        axes.text(0.5, 0.5, "samples: out of sight", ha="center", va="center", transform=axes.transAxes, fontsize=12)


def draw_losses(axes, failure, right, failing):
    """L_D and L_G of both games, smoothed."""
    for seen, color, word in ((right, RIGHT, "all is well"), (failing, WRONG, "it fails")):
        for values, line, name in zip(seen.losses.T, ("-", "--"), ("L_D", "L_G")):
            mean = windowed(values, 50)[0]
            axes.plot(
                np.linspace(0, len(values), len(mean)), mean, line, color=color, label=f"${name}$, {word}", lw=1.8
            )
    if failure is FAILURES["divergence"]:
        axes.set_yscale("symlog", linthresh=1)
    else:
        for value, text in zip(alike("non-saturating"), ("log 4", "log 2")):
            axes.axhline(value, color=style.INK, linewidth=1, linestyle=":")
            axes.text(1.01, value, text, transform=axes.get_yaxis_transform(), fontsize=10, va="center")
    axes.grid()


def draw_telling(axes, failure, right, failing):
    """The number that gives it away, in both games."""
    for seen, color in ((right, RIGHT), (failing, WRONG)):
        axes.plot(EVERY * np.arange(len(seen.told)), seen.told, color=color)
    if failure is FAILURES["divergence"]:
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_title(failure.telling, fontsize=11.5)
    axes.grid()


def add_flags(parser):
    """Which runs, how long the games are, and on how many cores."""
    default, words = FULL["steps"], f"of each game in the plane; default: {FULL['steps']:,}"
    parser.add_argument("--steps", type=command.at_least(EVERY), default=default, metavar="N", help=words)
    words = "folders of runs of yours, to be drawn over the healthy ones"
    parser.add_argument("--runs", nargs="+", default=[], metavar="DIR", help=words)
    words = "read the healthy runs from here, DIR/NAME, and train those that are missing: half an hour for all"
    parser.add_argument("--healthy", type=Path, metavar="DIR", help=words)
    words = "default: one a core; the numbers are the same"
    parser.add_argument("--processes", type=command.at_least(1), metavar="N", help=words)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "losses", experiment, add_flags, FULL))
