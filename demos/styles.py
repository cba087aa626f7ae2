"""What the styles of a StyleGAN do: they mix, they can be cut short, and directions in w mean something.

mixing.png: images of one w with the coarse, middle or fine styles of another. The change is the mean distance of images
before and after, 1 where two images have nothing to do with each other: in pixels, and in features of the classifier.

noise.png: the same styles with other noise. The map is the standard deviation of each pixel.

truncation.png: w̄ + ψ (w − w̄). Where ψ falls, recall must fall; precision rises as long as images near the mean are
good ones. At ψ = 0 there is one style, and only the noise differs.

directions.png: in w and in z, the step that changes one attribute (thickness, slant, width) most, and the others not at
all, according to a linear fit; each as long as the others in deviations of its space. It succeeds where the attribute
grows by half its deviation in a class of real digits, while the classifier is sure before and after, and sees the same
digit. Leakage is how much the other attributes change for each unit of the wanted one, all in their own deviations.
R² is that of the fit on samples that it has not seen: how near each space is to having an axis for each attribute.

The perceptual path length asks how even ways through a space are: 1 is a straight line in features of the judge's own
classifier, so compare it with no other.

Beside each number stands that of the same generator untrained. The generator is the one whose weights ship, that of a
finished run (--stylegan), or trained first (--train), which takes minutes. Emoji, and other pictures without classes,
have hue and brightness for attributes and their pixels for features. There are no classes to stay in, and precision and
recall are left out, as nothing classifies them.
"""

import sys
from itertools import groupby

import numpy as np

from scratchgan.checkpoint import CheckpointError
from scratchgan.lab import command, latent, runs, seen, style, styles
from scratchgan.lab.claims import Claim
from scratchgan.models import SYSTEMS as KNOWN
from scratchgan.models.stylegan import Generator

PSIS, EPSILON, LENGTH = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5), 1e-4, 1.5
FULL = {"steps": KNOWN["stylegan"].presets["default"].steps, "samples": 4000}


def experiment(flags, folder):
    """All measures, of the trained generator and of the untrained one; the numbers, and the pictures."""
    kind = seen.eyes_for(flags.data)
    place = runs.chosen("stylegan", flags, folder, preset="default" if kind.classified else "emoji")
    flags.steps, *games = runs.pair("stylegan", place, flags.data)
    networks = dict(zip(("trained", "untrained"), (drawing.game.best for drawing in games)))
    refuse_unfit(networks["untrained"], kind, place)
    generator = styles.Styled(networks["trained"])
    save_pictures(folder, generator, flags.seed)
    print(f"{folder}/ has the first pictures; now the numbers that belong to them", flush=True)
    eyes = kind(flags.data, flags.samples // 2)
    numbers = {what: measured(network, eyes, flags) for what, network in networks.items()}
    numbers["real"] = eyes.among_real()
    print_tables(numbers)
    save_pictures(folder, generator, flags.seed, numbers)
    rng = np.random.default_rng([flags.seed, 3])
    save_directions(folder / "directions.png", generator, eyes, numbers["trained"], flags.samples, rng)
    return numbers, list(claims(numbers, eyes))


def refuse_unfit(network, eyes, place):
    """Raise CheckpointError for a generator without styles, and one that draws in grey what is seen in colour."""
    if not isinstance(network, Generator):
        raise CheckpointError(f"the generator of {place} has no styles: take a run of another preset")
    generator = styles.Styled(network)
    (image,) = generator(generator.center[None])
    if len(image) != eyes.channels:
        ours, theirs = ("grey" if channels == 1 else "colour" for channels in (len(image), eyes.channels))
        raise CheckpointError(
            f"{place} draws in {ours}, and its data are seen in {theirs}: take a run of another preset"
        )


def measured(network, eyes, flags):
    """{name: {what: number}}."""
    generator, precise = styles.Styled(network), styles.Styled(network, np.float64)
    rng, few = np.random.default_rng([flags.seed, 1]), flags.samples // 4
    numbers = mixing(generator, eyes, drawn(generator, few, rng)) | noise(generator, drawn(generator, few, rng))
    numbers |= truncation(generator, eyes, drawn(generator, few, rng)) | paths(precise, eyes, few // 4, rng)
    return numbers | directions(generator, eyes, flags.samples, rng)


def drawn(generator, count, rng):
    """Styles of random latents: (count, d)."""
    return generator.w(rng.standard_normal((count, generator.latent_size)))


# The measures


def mixing(generator, eyes, w):
    """What each group of styles changes, all of them, and the noise alone."""
    other, before, numbers = np.roll(w, 1, axis=0), generator(w), {}
    groups = {f"{name} styles": (group, 0) for name, group in styles.GROUPS.items()}
    groups |= {"all styles": (slice(None), 0), "noise alone": (slice(0), 1)}
    for name, (group, draw) in groups.items():
        after = generator(styles.mixed(w, other, group, generator.layers), noise=draw)
        numbers[name] = {"pixels": styles.change(before, after)}
        if eyes.classified:
            numbers[name]["features"] = styles.change(*map(eyes.features, (before, after)))
            numbers[name]["another digit"] = float((eyes.classes(before) != eyes.classes(after)).mean())
    return numbers


def noise(generator, w):
    """The mean deviation of a pixel over draws of the noise, that over latents, and their ratio."""
    over = {"noise": float(styles.noise_deviation(generator, w[:32]).mean())}
    over["latents"] = float(generator(w).std(0).mean())
    return {"deviation of a pixel": over | {"ratio": over["noise"] / over["latents"]}}


def truncation(generator, eyes, w):
    """For each ψ: the spread over that at ψ = 1, precision, recall."""
    judged = (eyes.features, eyes.features(eyes.real[: len(w)])) if eyes.classified else ()
    found = {psi: styles.at_psi(generator, w, psi, *judged) for psi in PSIS}
    return {f"ψ = {psi:g}": row | {"spread": row["spread"] / found[1]["spread"]} for psi, row in found.items()}


def paths(generator, eyes, pairs, rng):
    """Path lengths in z and w, over the whole path and at its end; and of cross-fades of pixels."""
    z, t = rng.standard_normal((2, pairs, generator.latent_size)), rng.random(pairs) * (1 - EPSILON)
    w = [generator.w(end) for end in z]
    images = [generator(end) for end in w]
    walks = {
        "path length in z": lambda t: generator(generator.w(styles.arc(*z, t))),
        "path length in w": lambda t: generator(styles.line(*w, t)),
        "path length of cross-fades": lambda t: styles.line(*images, t),
    }
    return {
        name: {
            what: styles.path_length(walk, eyes.features, place, EPSILON)
            for what, place in {"full": t, "end": 0 * t}.items()
        }
        for name, walk in walks.items()
    }


def directions(generator, eyes, samples, rng):
    """In each space, for each attribute: R², and what a step along its direction does, beside random steps."""
    z, start = (rng.standard_normal((count, generator.latent_size)) for count in (samples, samples // 8))
    images, numbers = generator(generator.w(z)), {}
    values, labels = eyes.values(images), eyes.classes(images)
    fitted, unseen = np.split(np.arange(samples), [samples // 2])
    measure = Effects(generator(generator.w(start)), eyes, styles.within(values, labels).std(0))
    for space, to, draw in spaces(generator):
        latents, mixed = to(z), rng.permutation(fitted)
        fit = styles.Fit.of(latents[fitted], values[fitted], labels[fitted])
        noise = styles.Fit.of(latents[fitted], values[mixed], labels[mixed])
        r2, r2_of_noise = (each.explained(latents[unseen], values[unseen], labels[unseen]) for each in (fit, noise))
        after_any = draw(to(start) + fit.anyhow(len(start), LENGTH, rng))
        for i, (name, step) in enumerate(zip(eyes.attributes, fit.steps(LENGTH))):
            numbers[f"{name} in {space}"] = {"R²": float(r2[i])} | measure(draw(to(start) + step), i)
            numbers[f"{name} in {space}, random"] = {"R²": float(r2_of_noise[i])} | measure(after_any, i)
    return numbers


def spaces(generator):
    """Of each space its name, the way there from z, and the images of its points."""
    return ("W", generator.w, generator), ("Z", lambda z: z, lambda z: generator(generator.w(z)))


class Effects:
    """What becomes of images ``before``; ``own`` are the deviations of the attributes among the generator's images."""

    def __init__(self, before, eyes, own):
        self.eyes, self.own, self.real = eyes, own, eyes.deviations(eyes.real)
        self.values, self.probabilities = eyes.values(before), eyes.probabilities(before)

    def __call__(self, after, wanted):
        """Growth of the wanted attribute in real deviations, rates, and leakage."""
        probabilities, change = self.eyes.probabilities(after), self.eyes.values(after) - self.values
        same = latent.same_digit(self.probabilities, probabilities)
        grown = change[:, wanted] / self.real[wanted]
        found = {"growth": float(grown.mean()), "success": float((same & (grown >= 0.5)).mean())}
        another = float((self.probabilities.argmax(1) != probabilities.argmax(1)).mean())
        found |= {"another digit": another} if self.eyes.classified else {}
        return found | {"leakage": styles.leakage(change / self.own, wanted)}


# What is left


def print_tables(numbers):
    """A table for all rows with the same columns: the trained generator, and in brackets the same one untrained."""
    for columns, rows in groupby(numbers["trained"].items(), lambda row: tuple(row[1])):
        print(f"\n  {'trained (untrained)':28}" + "".join(f"{what:>20}" for what in columns))
        for name, found in rows:
            cells = [f"{value:.3f} ({numbers['untrained'][name][what]:.3f})" for what, value in found.items()]
            print(f"  {name:28}" + "".join(f"{cell:>20}" for cell in cells))
    for what, value in numbers["real"].items():
        print(f"  {what} of real images: {value:.3f}")
    print("  changes: 1 for two unrelated images; path length: 1 for a straight line in features, 1 / ε for a jump")


def claims(numbers, eyes):
    """What training must have brought, each with its anchors."""
    trained, untrained = numbers["trained"], numbers["untrained"]
    coarse, _, fine = (f"{name} styles" for name in styles.GROUPS)
    in_what = "features" if eyes.classified else "pixels"
    ratios = [column[coarse][in_what] / column[fine][in_what] for column in (trained, untrained)]
    yield Claim("change by coarse styles over that by fine ones", ratios[0], low=1, anchors={"untrained": ratios[1]})
    yield Claim("change by all styles", trained["all styles"][in_what], 0.8, 1.2, anchors={"unrelated images": 1.0})
    ratio, anchors = trained["deviation of a pixel"]["ratio"], {"nothing but noise": 1.0, "no noise": 0.0}
    yield Claim("deviation by noise over that by latents", ratio, high=0.5, anchors=anchors)
    yield from claims_of_truncation(trained, untrained, numbers["real"])
    for space in "zw":
        name = f"path length in {space}"
        anchors = {"a straight line": 1.0, "a jump": 1 / EPSILON, "untrained": untrained[name]["full"]}
        anchors["a cross-fade"] = trained["path length of cross-fades"]["full"]
        yield Claim(name, trained[name]["full"], high=30, anchors=anchors)
    for attribute in eyes.attributes:
        name = f"{attribute} in W"
        for what, bounds in {"success": {"low": 0.2}, "leakage": {"high": 0.8}, "R²": {"low": 0.2}}.items():
            anchors = {"in Z": trained[f"{attribute} in Z"][what]}
            anchors["noise" if what == "R²" else "random direction"] = trained[f"{name}, random"][what]
            anchors["untrained"] = untrained[name][what]
            yield Claim(f"{what} of {name}", trained[name][what], **bounds, anchors=anchors)


def claims_of_truncation(trained, untrained, real):
    """That less of ψ is less variety, and no worse."""
    less, one = trained["ψ = 0.5"], trained["ψ = 1"]
    anchors = {"untrained": untrained["ψ = 0.5"]["spread"], "noise alone": trained["ψ = 0"]["spread"]}
    yield Claim("spread at ψ = 0.5 over that at 1", less["spread"], high=0.9, anchors=anchors)
    for name, bounds in (("precision", {"low": 0}), ("recall", {"high": -0.05})) if real else ():
        anchors = {"at 1": one[name], "real": real[name]}
        yield Claim(f"{name} at ψ = 0.5 less that at 1", less[name] - one[name], **bounds, anchors=anchors)


# Pictures


def save_pictures(folder, generator, seed, numbers=None):
    """Those of the first lessons: the same images each time, with their numbers once there are any."""
    rng = np.random.default_rng([seed, 2])
    save_mixing(folder / "mixing.png", generator, rng, numbers)
    save_noise(folder / "noise.png", generator, rng, numbers)
    save_truncation(folder / "truncation.png", generator, rng, numbers)


def mosaic(axes, images, label=""):
    """Rows of images (rows, columns, C, H, W) without gaps, and a label on the left."""
    rows, columns, channels, height, width = images.shape
    whole = images.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, channels)
    axes.imshow((whole + 1) / 2 if channels == 3 else whole[..., 0], cmap="gray_r", vmin=-1, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center")


def save_mixing(path, generator, rng, numbers, rows=3, columns=10):
    """Above the sources of styles, on the left the images that are given them."""
    w, other = drawn(generator, rows, rng), drawn(generator, columns, rng)
    pairs = np.repeat(w, columns, 0), np.tile(other, (rows, 1))
    ratios = {"height_ratios": [1, *[rows] * len(styles.GROUPS)], "width_ratios": [1, columns]}
    with style.figure(4, 2, (5.2, 2.2), "The styles of one image in another", gridspec_kw=ratios) as (figure, panels):
        panels[0, 0].set_axis_off()
        mosaic(panels[0, 1], generator(other)[None])
        for (left, right), (name, group) in zip(panels[1:], styles.GROUPS.items()):
            images = generator(styles.mixed(*pairs, group, generator.layers))
            found = numbers["trained"][f"{name} styles"] if numbers else {}
            lines = [f"{what}: {value:.2f}" for what, value in found.items()]
            mosaic(left, generator(w)[:, None], "\n".join([name, *lines]))
            mosaic(right, images.reshape(rows, columns, *images.shape[1:]))
        style.save(figure, path)


def save_noise(path, generator, rng, numbers, columns=10):
    """Two draws of the noise, and the deviation over many."""
    w, title = drawn(generator, columns, rng), "The same styles, other noise"
    if numbers:
        title += f": {numbers['trained']['deviation of a pixel']['ratio']:.0%} of the deviation between images"
    deviation = styles.noise_deviation(generator, w).mean(1)
    with style.figure(3, 1, (11, 1.35), title) as (figure, panels):
        for draw, axes in enumerate(panels[:2]):
            mosaic(axes, generator(w, noise=draw)[None], f"draw {draw + 1}")
        shown = panels[2].imshow(np.concatenate(deviation, 1), cmap="magma", vmin=0)
        panels[2].set(xticks=[], yticks=[])
        panels[2].set_ylabel("deviation\nover 64", rotation=0, ha="right", va="center")
        figure.colorbar(shown, ax=panels[2], shrink=0.9, pad=0.01)
        style.save(figure, path)


def save_truncation(path, generator, rng, numbers, rows=6):
    """The same latents with more and more of ψ; beside them the curves."""
    w, real = drawn(generator, rows, rng), numbers["real"] if numbers else {}
    found = [numbers["trained"][f"ψ = {psi:g}"] if numbers else {} for psi in PSIS]
    images = np.stack([generator(styles.truncated(generator, w, psi)) for psi in PSIS], 1)
    with style.figure(1, 2, (6.4, 5), "Truncation: less of ψ, less of variety") as (figure, (left, right)):
        mosaic(left, images)
        left.set_xticks(images.shape[-1] * (np.arange(len(PSIS)) + 0.5), [f"{psi:g}" for psi in PSIS])
        left.set(xlabel="ψ")
        for name in found[0]:
            (line,) = right.plot(PSIS, [row[name] for row in found], marker="o", label=name)
            if name in real:
                right.axhline(real[name], color=line.get_color(), ls=":", lw=1.4)
        right.set(xlabel="ψ", ylim=(0, None), title="dotted: real images" * bool(real))
        if found[0]:
            right.legend()
        style.save(figure, path)


def save_directions(path, generator, eyes, numbers, samples, rng, rows=2, columns=9):
    """From less to more of each attribute, in W and in Z, from the same images."""
    z, start = (rng.standard_normal((count, generator.latent_size)) for count in (samples, rows))
    images, shares = generator(generator.w(z)), np.linspace(-2, 2, columns)[:, None]
    values, labels, many = eyes.values(images), eyes.classes(images), len(eyes.attributes)
    with style.figure(many, 2, (7.2, 2.2), "From less to more, along one direction") as (figure, panels):
        for column, (space, to, draw) in zip(panels.T, spaces(generator)):
            steps = styles.Fit.of(to(z), values, labels).steps(LENGTH)
            for axes, name, step in zip(column, eyes.attributes, steps):
                made = draw((to(start)[:, None] + shares * step).reshape(-1, generator.latent_size))
                mosaic(axes, made.reshape(rows, columns, *made.shape[1:]), name * (space == "W"))
                found = numbers[f"{name} in {space}"]
                told = f"success {found['success']:.0%}, leakage {found['leakage']:.2f}, R² {found['R²']:.2f}"
                axes.set_title(f"{space}: {told}", fontsize=12)
        style.save(figure, path)


def add_flags(parser):
    """Where the generator comes from, and how many images are measured."""
    runs.add_flags(parser, "stylegan", data="mnist|fashion-mnist|emoji|tiles|DIR")
    samples = command.at_least(128)
    parser.add_argument("--samples", type=samples, default=FULL["samples"], metavar="N", help="measured; default: 4000")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "styles", experiment, add_flags, FULL, goes_on=True))
