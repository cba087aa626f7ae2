"""GANs beside the models that have a density or a code: the table that ends many courses, measured.

Its columns: *abstraction*, whether a linear probe reads the class off the code, or off what the network makes of an
image; *P(X)*, −log p of held-out digits in nats; *sampling*, seconds; *the loss*, and what it is; the *assumption* that
pixels are independent given the code, by the correlation of neighbours in what the code leaves open; *samples*, by S of
the judge, 0 for real digits and 1 for noise; and *interpolation*, S of what lies halfway between two codes.

Where a model has no such number there is a sentence. Beside each number stand its anchors: the same network before its
first step, the pixels themselves, independent pixels, cross-fades, real digits as bits.

With --runs DIR, finished runs in the folders of DIR are measured. What is not there is trained first, with --preset.

What to look at, in relatives.png: samples of all, with their numbers below. No model has the best of each. Those that
are exact draw pixel by pixel and are slow; what is fast has a bound or nothing; and S follows neither.
"""

import sys
from pathlib import Path

import numpy as np

from scratchgan.checkpoint import CheckpointError, write_atomically
from scratchgan.data import find
from scratchgan.lab import command, relatives, runs, style
from scratchgan.lab.claims import Claim
from scratchgan.metrics import Judge
from scratchgan.models import SYSTEMS

LABELLED, HELD_OUT, SIDE = 5000, 2000, 6
FULL = {"steps": min(SYSTEMS[name].presets["quick"].steps for name in relatives.ROWS)}
TITLES = {name: SYSTEMS[name].title for name in relatives.ROWS} | {
    "wgan_gp": "WGAN-GP", "vae": "VAE", "aae": "adversarial AE", "rbm": "Boltzmann machine", "pixelgan": "PixelGAN AE"
}  # fmt: skip
NONE = {  # where there is no number, why
    "nats": {"gan": "none: x = G(z)", "wgan_gp": "none: x = G(z)", "autoencoder": "none: no law of codes"},
    "S halfway": {
        "rbm": "no code to walk: a chain is the way", "made": "no code: pixels have an order",
        "gated_pixelcnn": "no code: pixels have an order",
    },
    "neighbours": {"gan": "z leaves nothing open", "wgan_gp": "z leaves nothing open"},
}  # fmt: skip
LOSS = {
    "gan": "a game; D sees a JSD of {:.2f} at least, and G descends KL − 2 JSD",
    "wgan_gp": "a game; E D(x) − E D(x̃) = {:.2f}: W₁, were D the best of slope 1",
    "autoencoder": "squared error",
    "vae": "a bound; with more draws {:.1f} nats tighter",
    "aae": "squared error, and a game about codes",
    "rbm": "the likelihood, whose slope chains estimate",
    "made": "the likelihood: KL + entropy",
    "gated_pixelcnn": "the likelihood: KL + entropy",
    "pixelvae": "a bound; with more draws {:.1f} nats tighter",
    "pixelgan": "likelihood given the code, and a game about codes",
}


def experiment(flags, folder):
    """Find or train all models, measure them, and leave the picture and the table."""
    there = runs.found(flags.runs, relatives.ROWS) if flags.runs else {}
    judge, digits = Judge(flags.data, classes=True), split(flags.data)
    rows, samples, steps = {}, {}, []
    for name, row in relatives.ROWS.items():
        run = there.get(name) or trained(name, flags, folder)
        taken, model, first = runs.models(name, run, flags.data)
        rng = np.random.default_rng(flags.seed)
        print(f"{TITLES[name]}: {taken:,} steps", flush=True)
        numbers, samples[name] = relatives.measured(row, model, first, digits, judge, flags.samples, rng)
        if row.nats and numbers["nats"] is None:
            raise CheckpointError(
                f"{run} has no {row.kind}, as its preset of {name} is another: leave it out of --runs"
            )
        rows[name] = {"steps": taken} | numbers
        steps.append(taken)
    flags.steps = min(steps)
    beside = relatives.anchors(digits, judge, flags.samples, np.random.default_rng(flags.seed))
    text = table(rows, beside)
    print(f"\n{text}\n")
    write_atomically(folder / "table.md", lambda file: file.write(text.encode()))
    save_picture(folder / "relatives.png", samples, rows, beside, digits)
    return {"rows": rows, "anchors": beside}, list(claims(rows, beside))


def trained(name, flags, folder):
    """The folder of a run that is trained here."""
    print(f"\n{name}, preset {flags.preset}", flush=True)
    options = {"data": flags.data, "seed": flags.seed, "steps": flags.steps, "preset": flags.preset}
    runs.train(name, folder / name, **options)
    return folder / name


def split(data):
    """Labelled digits of both sets, as `relatives.Digits`."""
    parts = []
    for part, count in (("train", LABELLED), ("test", HELD_OUT)):
        found = find(data, part)
        parts.append(((found.sized(28, 1)[:count] / np.float32(255)).astype(np.float32), found.labels[:count]))
    return relatives.Digits(*parts)


# The table


def table(rows, beside):
    """All as lines of Markdown: a row for each model, and one for the anchors."""
    lines = ["| | class read off (untrained) | −log p, nats | ms a sample | S | S halfway | neighbours | loss |"]
    lines.append("|---" * 8 + "|")
    for name, row in rows.items():
        spec = relatives.ROWS[name]
        what = spec.what.replace("|", "\\|")  # or it would end the cell
        cells = [
            f"{TITLES[name]}, {row['steps']:,} steps",
            f"{what}: {row['probe']:.1%} ({row['probe, untrained']:.1%})",
            cell(name, row, "nats", "{:.1f}, " + spec.kind),
            f"{1000 * row['seconds']:.3g}",
            f"{row['S']:.3f}" + (", of codes from a Gaussian fitted to them" if spec.law else ""),
            cell(name, row, "S halfway", "{:.3f}"),
            cell(name, row, "neighbours", "{:.3f}"),
            LOSS[name].format(row["loss"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    cells = (
        "*without a model*", f"pixels: {beside['probe']:.1%}", f"independent pixels: {beside['nats']:.1f}", "",
        f"real digits {beside['S']:.3f}, as bits {beside['S of bits']:.3f}",
        f"cross-fades: {beside['S halfway']:.3f}", f"mean image: {beside['neighbours']:.2f}", "",
    )  # fmt: skip
    return "\n".join([*lines, f"| {' | '.join(cells)} |"])


def cell(name, row, column, words):
    """A number in words, or the reason why there is none."""
    return NONE[column][name] if row[column] is None else words.format(row[column])


def claims(rows, beside):
    """What should come out, with what was there before any training."""
    gated, vae, gan = (rows[name] for name in ("gated_pixelcnn", "vae", "gan"))
    anchors = {"untrained": vae["probe, untrained"], "pixels": beside["probe"]}
    yield Claim("classes read off a VAE's code", vae["probe"], low=0.7, anchors=anchors)
    anchors = {"VAE, a bound": vae["nats"], "independent pixels": beside["nats"]}
    yield Claim("nats of a gated PixelCNN", gated["nats"], high=110, anchors=anchors)
    yield Claim("its time for a sample, in GANs", gated["seconds"] / gan["seconds"], low=20, anchors={"the same": 1.0})
    anchors = {"mean image": beside["neighbours"], "gated PixelCNN": gated["neighbours"]}
    yield Claim("correlation of neighbours that a VAE's code leaves", vae["neighbours"], low=0.05, anchors=anchors)
    kinds = rows["pixelgan"]["probe"]
    yield Claim("classes read off kinds", kinds, low=0.5, anchors={"untrained": rows["pixelgan"]["probe, untrained"]})


# The picture


def save_picture(path, samples, rows, beside, digits):
    """A panel for each model, samples above and numbers below; the first has real digits."""
    real = 2 * digits.test[0][: SIDE**2] - 1
    panels = [("real digits", real, of_real(beside))]
    panels += [(TITLES[name], samples[name], of_model(name, row)) for name, row in rows.items()]
    with style.figure(2, 6, (3.0, 4.6), "Samples, and what else each model can say") as (figure, axes):
        for place in axes.flat:
            place.axis("off")
        for place, (title, images, lines) in zip(axes.flat, panels):
            place.imshow(mosaic(images), cmap="gray_r", vmin=-1, vmax=1)
            place.set_anchor("N")
            place.set_title(title, loc="left", fontweight="bold")
            place.text(0, -0.03, "\n".join(lines), transform=place.transAxes, va="top", fontsize=10.5, linespacing=1.35)
        axes.flat[-1].text(0, 1, LEGEND, transform=axes.flat[-1].transAxes, va="top", fontsize=10.5, linespacing=1.45)
        style.save(figure, path)


LEGEND = "\n".join(
    (
        "−log p: nats of a held-out digit.",
        "S: 0 is real, 1 is noise; halfway:",
        "between two codes.",
        "class: read off the code, or off",
        "features, by a linear probe;",
        "in brackets, before training.",
        "neighbours: their correlation in",
        "what the code, or the pixels",
        "before, leave open.",
    )
)


def mosaic(images):
    """The first 36 as one image, with a gap between them."""
    tiles = np.pad(images[: SIDE**2, 0], [(0, 0), (1, 1), (1, 1)], constant_values=-1)
    height, width = tiles.shape[1:]
    return tiles.reshape(SIDE, SIDE, height, width).swapaxes(1, 2).reshape(SIDE * height, SIDE * width)


def of_model(name, row):
    """Its numbers as lines."""
    kind = relatives.ROWS[name].kind.split(",")[0]
    halfway, left = row["S halfway"], row["neighbours"]
    return [
        "−log p: none" if row["nats"] is None else f"−log p: {row['nats']:.1f}, {kind}",
        f"S {row['S']:.2f}" + ("" if halfway is None else f"; halfway {halfway:.2f}"),
        f"{1000 * row['seconds']:.3g} ms a sample",
        f"class: {row['probe']:.0%} ({row['probe, untrained']:.0%})",
        "neighbours: nothing is open" if left is None else f"neighbours: {left:.3f}",
    ]


def of_real(beside):
    """The anchors as lines."""
    return [
        f"independent pixels: {beside['nats']:.1f}",
        f"S {beside['S']:.2f}; as bits {beside['S of bits']:.2f}",
        f"cross-fades: S {beside['S halfway']:.2f}",
        f"class, of pixels: {beside['probe']:.0%}",
        f"neighbours, of the mean: {beside['neighbours']:.2f}",
    ]


def add_flags(parser):
    """Flags beside --out and --seed."""
    parser.add_argument("--runs", type=Path, metavar="DIR", help="a folder with finished runs in its folders")
    presets = ("quick", "default")
    parser.add_argument("--preset", choices=presets, default="quick", help="of what is not there; default: quick")
    parser.add_argument("--data", default="mnist", metavar="mnist|fashion-mnist|DIR", help="default: mnist")
    parser.add_argument("--steps", type=command.at_least(1), metavar="N", help="train so many instead of the preset's")
    parser.add_argument("--samples", type=command.at_least(200), default=1000, metavar="N", help="default: 1,000")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "relatives", experiment, add_flags, FULL, goes_on=True))
