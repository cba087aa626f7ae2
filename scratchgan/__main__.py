"""scratchgan: every GAN of the curriculum, from scratch, in NumPy.

scratchgan list                                    the systems, and what each teaches
scratchgan train wgan_gp --preset quick            train one, or one of your own: train my_gan.py
scratchgan sample runs/wgan_gp --strip             draw from a run, finished or not,
scratchgan sample cgan --label 7                   or by the weights that ship
scratchgan judge runs/wgan_gp/samples.npy          how good the samples are,
scratchgan judge runs/autoencoder                  or what a run that makes images from images does with unseen ones
scratchgan check conv2d                            derivatives against finite differences
"""

import argparse
import sys
import textwrap

import numpy as np

from scratchgan.ranks import one_voice, started

WIDTH = 100  # of a list
USUAL = "quick", "default"  # presets that every system has
ROWS = 6  # of a strip of interpolations
COLUMNS = 12


def main(argv=None):
    """Do what the first word says; the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] != ["train"] and started()[1]:
        return 0  # one process is enough for all else
    try:
        with one_voice():
            return _done(words)
    except KeyboardInterrupt:  # while something is imported
        return 130


def _done(words):
    if words[:1] in (["judge"], ["check"]):
        from scratchgan.training.stop import ended

        return ended(lambda: _elsewhere(words[0], words[1:]), str)
    flags = _parser(words[:1]).parse_args(words)
    return flags.work(flags)


def _elsewhere(word, words):
    """The commands that are programs of their own."""
    if word == "judge":
        from scratchgan.metrics.__main__ import main as judge

        return judge(words, "scratchgan judge", _measured)
    from scratchgan.testing.__main__ import main as check

    return check(words, "scratchgan check")


def _measured(run, flags):
    """What the model of a run does with images that it never saw."""
    from scratchgan.training import TrainingError
    from scratchgan.training.held_out import held_out_numbers, table

    if flags:
        out = ", ".join(f"--{flag}" for flag in flags)
        raise TrainingError(f"{run} is a run, and is judged on the test set of its data: leave out {out}")
    print(table(held_out_numbers(run)))
    return 0


def _parser(word):
    """The parser of the command line. Only its first word gets its flags: what they need takes time to import."""
    parser = argparse.ArgumentParser(
        prog="scratchgan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        if [name] == word:
            FLAGS[name](command)
    return parser


# list ----------------------------------------------------------------------------------------------------------------


def _list_flags(parser):
    parser.set_defaults(work=_list)


def _list(flags):
    from scratchgan.training.stop import ended

    return ended(_listed, str)


def _listed():
    """For each system a line, and another for further presets; none is longer than ``WIDTH``."""
    from scratchgan.models import SYSTEMS
    from scratchgan.models.networks import count
    from scratchgan.nn import Module

    name = max(map(len, SYSTEMS))
    indent = (name + 22) * " "
    print(f"{'name':{name}}  {'weights':>10}    time  teaches")
    for system in SYSTEMS.values():
        model = system.build(np.random.default_rng(0))
        weights = sum(count(part) for part in model.parts().values() if isinstance(part, Module))
        first = f"{system.name:{name}}  {weights:>10,}  {system.minutes:>2} min  "
        print(textwrap.fill(system.teaches, WIDTH, initial_indent=first, subsequent_indent=indent))
        if more := [name for name in system.presets if name not in USUAL]:
            print(textwrap.fill(f"presets: {', '.join(more)}", WIDTH, initial_indent=indent, subsequent_indent=indent))
    print(f"\nAll have the presets {' and '.join(USUAL)}. Times are of the default preset on two free cores.")
    return 0


# train ---------------------------------------------------------------------------------------------------------------


def _train_flags(parser):
    from scratchgan.training.command import add_flags

    parser.add_argument("system", nargs="?", metavar="NAME|FILE.py", help="a system of `list`, or a file of your own")
    add_flags(parser)
    parser.set_defaults(work=_train)


def _train(flags):
    from scratchgan.training.command import run_with

    return run_with(flags, flags.system, None, ["-m", "scratchgan", "train"])


# sample --------------------------------------------------------------------------------------------------------------


def _sample_flags(parser):
    from scratchgan.training.command import whole
    from scratchgan.training.weights import names

    about = f"the folder of a run, finished or still training; or whose weights ship: {', '.join(names())}"
    parser.add_argument("run", metavar="RUN|NAME", help=about)
    parser.add_argument("--count", metavar="N", type=whole(1), help="how many; default: 64")
    parser.add_argument("--label", metavar="K", type=whole(0), help="of this class, where the system knows classes")
    parser.add_argument("--strip", action="store_true", help="rows that lead from one latent to another")
    parser.add_argument("--seed", metavar="N", type=whole(0), default=0, help="of the latents; default: 0")
    parser.add_argument(
        "--out", metavar="FILE", help="a picture.png or an array.npy; default: RUN/drawn.png or NAME.png"
    )
    parser.set_defaults(work=_sample)


def _sample(flags):
    """Draw from a run."""
    from scratchgan.training.stop import ended

    return ended(lambda: _drawn(flags), str)


def _drawn(flags):
    from scratchgan.checkpoint import make_room, write_atomically
    from scratchgan.models import SYSTEMS
    from scratchgan.training import TrainingError, load_model, pictures
    from scratchgan.training.folder import expanded
    from scratchgan.training.weights import shipped_model

    run = expanded(flags.run)
    ships = not run.exists() and flags.run in SYSTEMS
    place = f"{run}.png" if ships else run / "drawn.png"
    path = expanded(place if flags.out is None else flags.out)
    if path.suffix.lower() not in (".png", ".npy"):
        raise TrainingError(f"{path}: name a picture.png or an array.npy")
    if flags.strip and (flags.count, flags.label) != (None, None):
        raise TrainingError(f"a strip is {ROWS} rows of {COLUMNS} images, of any class: leave out --count and --label")
    model = shipped_model(run) if ships else load_model(run)
    make_room(path)
    try:
        images = _strip(model, flags) if flags.strip else _samples(model, flags, path.parent)
    except (TypeError, ValueError) as error:
        raise TrainingError(str(error)) from error
    if path.suffix.lower() == ".npy":
        write_atomically(path, lambda file: np.save(file, images))
    else:
        pictures.save_grid(path, images, COLUMNS if flags.strip else None)
    print(path)
    return 0


def _strip(model, flags):
    strip = model.strip(ROWS, COLUMNS, np.random.default_rng(flags.seed))
    return strip.reshape(-1, *strip.shape[2:])


def _samples(model, flags, folder):
    from scratchgan.training.run import demand_room, drawn

    if flags.label is not None and not getattr(model, "classes", 0):
        raise ValueError(f"{type(model).__name__} knows no classes, so --label={flags.label} means nothing to it")
    options = {} if flags.label is None else {"label": flags.label}
    count, rng = flags.count or 64, np.random.default_rng(flags.seed)
    demand_room(count, drawn(model, 1, np.random.default_rng(0), **options), folder)
    return drawn(model, count, rng, **options)["samples"]


COMMANDS = {
    "list": "the systems: what each teaches, its weights, its time",
    "train": "train a system, or go on with its training",
    "sample": "draw samples, or a strip of interpolations, from a run",
    "judge": "how good and how varied samples are, beside real images and noise; or what a run does with unseen ones",
    "check": "compare the derivatives of all functions with finite differences",
}
FLAGS = {
    "list": _list_flags,
    "train": _train_flags,
    "sample": _sample_flags,
}  # judge and check are programs of their own

if __name__ == "__main__":
    sys.exit(main())
