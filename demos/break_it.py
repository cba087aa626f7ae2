"""Break it: the recurring mistakes of the field, each beside the right thing.

Eighteen mistakes, all of them found in public code or lectures, are made one at a time in GANs that else find their
eight modes.

What to look at, in each pair of panels, left the right thing and right the mistake:

  slopes    of the critics in the first row, whose samples look alike. With a wrong norm, mean or set of points the
            critic of a plane is a little too steep, or too flat by a factor that Adam divides away. Only the number
            under the panel shows it: so a mistake lives on until the images have 784 pixels. (The right slope is a
            little above 1, as the weight of the penalty is small: 0.1, that of WGAN-GP's toy program.)
  samples   of all others. Mistakes of signs, and of who moves whom, ruin them. A penalty that reaches no weight does in
            one run and not in the next (--seed 2), and where clipping is forgotten they hardly tell so far, though the
            slopes are tens to thousands of times too large.

Each pair has one number, chosen so that the right game is within bounds and the mistake is not. Beside it stands that
of an untrained game. W1 is the earth mover's distance of 500 samples to 500 real points: the table says how far real
points and an untrained generator are; above 0.3 the samples are called ruined. --list explains the mistakes.
"""

import sys
from functools import cache, partial

import numpy as np

from scratchgan.lab import command, critics, parallel, plane, style
from scratchgan.lab.claims import Claim, finite
from scratchgan.lab.mistakes import DATA, MISTAKES, Played, earth_mover, play, slopes

RIGHT, WRONG, LIMIT, RUINED, COLUMNS = "#3f8f72", "#a44a3f", 2.0, 0.3, 4
FULL = {"steps": 1200}
SAMPLES = {False: "hardly hurt", True: "ruined"}


def experiment(flags, folder):
    """Play each right game and each wrong one; the table and the picture."""
    names = flags.only or list(MISTAKES)
    jobs = [(name, wrong) for name in names for wrong in (False, True) if wrong or twin(name, names) == name]
    played = parallel.run_all(play, [(*job, flags.steps, flags.seed) for job in jobs], flags.processes, unit="game")
    games = dict(zip(jobs, played))
    pairs = {name: (games[twin(name, names), False], games[name, True]) for name in names}
    numbers = {name: measure(name, pair, flags.seed) for name, pair in pairs.items()}
    real = Played(None, DATA.sample(2500, np.random.default_rng([flags.seed, 3])), None).number(earth_mover, flags.seed)
    print_table(numbers, flags.steps, real)
    draw(folder / "break_it.png", pairs, numbers)
    print("\n" + __doc__.split("\n\n", 2)[2].strip())
    return numbers | {"real points": {"w1": real}}, [claim for name in names for claim in claims(name, numbers[name])]


def twin(name, names):
    """The first of the mistakes with the same right game, which is played once."""
    return next(other for other in names if MISTAKES[other].right is MISTAKES[name].right)


def measure(name, pair, seed):
    """Of the right game, the wrong one and an untrained one: the number of the mistake, and W1."""
    mistake, games = MISTAKES[name], (*pair, untrained(MISTAKES[name].right, seed))
    number, w1 = ([measured(game, what, seed) for game in games] for what in (mistake.measure, earth_mover))
    numbers = {"symptom": mistake.symptom, "number": [*map(finite, number)], "w1": [*map(finite, w1)]}
    return numbers | {"diverged": pair[1].diverged, "ruins samples": not w1[1] <= RUINED}


def claims(name, numbers):
    """The number of the right game is within bounds and that of the wrong one is not; and the right game has learnt."""
    mistake, (right, wrong, fresh) = MISTAKES[name], (np.nan if x is None else x for x in numbers["number"])
    anchors = {"untrained": fresh}
    yield Claim(f"{name}, {mistake.symptom} of the right game", right, *mistake.within, anchors=anchors)
    yield Claim(f"{name}, {mistake.symptom} of the mistake", wrong, *mistake.within, outside=True, anchors=anchors)
    if mistake.measure is not earth_mover:  # an untrained critic may have a slope of 1, too
        w1, _, fresh = (np.nan if x is None else x for x in numbers["w1"])
        yield Claim(f"{name}, W1 of the right game", w1, high=RUINED, anchors={"untrained": fresh})


@cache
def untrained(recipe, seed):
    """The game of a recipe before its first step."""
    trained = plane.train(recipe, DATA, 0, seed, snapshots=(0,))
    return Played(trained.game.critic, trained.clouds[0], None)


@cache
def measured(game, what, seed):
    """A number of a game, once for all mistakes with the same right game."""
    return game.number(what, seed)


def print_table(numbers, steps, real):
    """A row a mistake."""
    print(f"\n8 Gaussians, {steps:,} steps; W1 of two sets of real points: {text(real)}\n")
    print(f"  {'':32}{'number':14}{'right':>10}{'wrong':>11}{'untrained':>11}{'W1, right':>14}{'wrong':>10}", end="")
    print(f"{'untrained':>11}   samples")
    for name, row in numbers.items():
        cells = "".join(f"{text(x):>{width}}" for x, width in zip(row["number"] + row["w1"], (10, 11, 11, 14, 10, 11)))
        hurt = f"diverged at step {row['diverged']}" if row["diverged"] else SAMPLES[row["ruins samples"]]
        print(f"  {MISTAKES[name].title:32}{row['symptom']:14}{cells}   {hurt}")


def text(value):
    """A number of a few signs."""
    if value is None:
        return "–"
    return "> 100,000" if value > 1e5 else f"{value:,.0f}" if value >= 100 or value % 1 == 0 else f"{value:.2f}"


def draw(path, pairs, numbers):
    """Pairs of panels, right and wrong."""
    columns = min(COLUMNS, len(pairs))
    ratios = ([1, 1, 0.12] * columns)[:-1]  # a gap after each pair
    options = {"squeeze": False, "width_ratios": ratios}
    title = "Break it: mistakes of the field, each beside the right thing"
    with style.figure(-(-len(pairs) // columns), len(ratios), (1.32, 2.6), title, **options) as (figure, axes):
        for panel in axes.flat:
            panel.axis("off")
        for i, (name, pair) in enumerate(pairs.items()):
            left = 3 * (i % columns)
            draw_pair(axes[i // columns, left : left + 2], name, pair, numbers[name])
        figure.get_layout_engine().set(h_pad=0.07)
        colors = {"right": RIGHT, "wrong": WRONG, "real": style.REAL, "generated": style.GENERATED}
        marks = [axes[0, 0].scatter([], [], color=color) for color in colors.values()]
        marks += axes[0, 0].plot([], [], ":", color=style.INK)
        figure.legend(marks, [*colors, "the slope asked for: 1"], loc="outside lower center", ncols=5)
        style.save(figure, path)


def draw_pair(panels, name, pair, numbers):
    """One mistake."""
    mistake = MISTAKES[name]
    panels[0].set_title(mistake.title, loc="left", fontsize=13.5, weight="bold")
    for axes, game, color, value, w1 in zip(panels, pair, (RIGHT, WRONG), numbers["number"], numbers["w1"]):
        axes.axis("on")
        axes.set(xticks=[], yticks=[], box_aspect=1)
        axes.spines[:].set(visible=True, color=color, linewidth=3)
        if game.diverged:
            write(axes, f"diverged\nat step {game.diverged}", color)
            continue
        {"samples": draw_samples, "slopes": draw_slopes}[mistake.drawn](axes, game, color)
        symptom = [f"{mistake.symptom} {text(value)}"] if mistake.measure is not earth_mover else []
        axes.set_xlabel("\n".join([*symptom, f"$W_1$ {text(w1)}"]), color=color, fontsize=12)


def write(axes, words, color):
    """In the middle of a panel."""
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axes.text(0.5, 0.5, words, ha="center", va="center", color=color, transform=axes.transAxes, bbox=paper)


def draw_samples(axes, game, color):
    """Samples and real points over the critic's level lines."""
    values = partial(critics.scores, game.critic.eval())
    style.surface(axes, lambda x: values(x) - values(x).min(), LIMIT, levels=8)
    style.cloud(axes, DATA.sample(250, np.random.default_rng(0)), style.REAL, size=14)
    style.cloud(axes, game.samples[:500], style.GENERATED, size=5)
    if (np.abs(game.samples) > LIMIT).any(1).mean() > 0.9:
        write(axes, "samples:\nout of sight", color)
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT))


def draw_slopes(axes, game, color):
    """The slopes on lines from real points to samples, which should be 1."""
    found = slopes(game.critic, DATA.sample(2500, np.random.default_rng(0)), game.samples)
    axes.hist(np.minimum(found, 2.95), np.linspace(0, 3, 41), color=color, alpha=0.75)
    axes.axvline(1, color=style.INK, linewidth=1.2, linestyle=":")
    axes.set(xlim=(0, 3), xticks=[0, 1, 2])
    axes.tick_params(labelsize=9, length=2, pad=1)


def add_flags(parser):
    """Which, how long, and on how many cores."""
    listed = "\n\n".join(f"{name}: {explained(mistake)}" for name, mistake in MISTAKES.items())
    parser.add_argument("--list", action="version", version=listed, help="explain all mistakes and exit")
    parser.add_argument("--only", nargs="+", choices=MISTAKES, metavar="NAME", help=f"of {', '.join(MISTAKES)}")
    default, words = FULL["steps"], f"of each generator; default: {FULL['steps']:,}"
    parser.add_argument("--steps", type=command.at_least(1), default=default, metavar="N", help=words)
    parser.add_argument(
        "--processes", type=command.at_least(1), metavar="N", help="default: one a core; the numbers are the same"
    )


def explained(mistake):
    """A mistake for --list."""
    return "\n    ".join((mistake.title, mistake.written, mistake.fault, mistake.threads))


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "break_it", experiment, add_flags, FULL, spreads=True))
