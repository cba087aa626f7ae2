"""Judge a file of generated images, such as the samples.npy that a demo saves with --samples 5000.

python -m scratchgan.metrics runs/wgan_gp_mnist/samples.npy
python -m scratchgan.metrics samples.npy --data fashion-mnist --json numbers.json --picture judged.png
python -m scratchgan.metrics runs/dcgan/samples.npy --data emoji
"""

import argparse
import json
import os
import sys
from pathlib import Path

from scratchgan.checkpoint import make_room, write_atomically
from scratchgan.metrics.images import as_images, enough, kind_of
from scratchgan.metrics.judge import Judge
from scratchgan.npy import read_npy


def main(argv=None, prog="python -m scratchgan.metrics", judge_run=None):
    """Print the report, and write what is asked for; the exit status is 1 for an error.

    Where ``judge_run`` is given, the folder of a run may be named, too. It is called with that, and with the names of
    flags beside it.
    """
    parser = _parser(prog, judge_run)
    flags = parser.parse_args(argv)
    if judge_run and flags.samples.is_dir():
        others = {name: value for name, value in vars(flags).items() if name != "samples"}
        return judge_run(flags.samples, [name for name, value in others.items() if value != parser.get_default(name)])
    try:
        if judge_run and not os.path.lexists(flags.samples):
            raise FileNotFoundError(
                f"there is neither a file nor a run {flags.samples}: name the samples.npy that --samples 5000 leaves, "
                "or the folder of a run"
            )
        samples = _samples(flags.samples)  # whatever is wrong is said before anything long begins
        for path in filter(None, (flags.json, flags.picture)):
            make_room(path)
        judge = Judge(flags.data, flags.seed)
        report = judge.report(samples)
        print(report)
        if flags.json:
            text = json.dumps(report.numbers(), indent=1, ensure_ascii=False)
            write_atomically(flags.json, lambda file: file.write(text.encode()))
        if flags.picture:
            from scratchgan.metrics.picture import draw  # here, as Matplotlib takes a second

            draw(judge, samples, report, flags.picture)
    except (OSError, ValueError, MemoryError) as error:
        print(f"error: {error or 'not enough memory'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser(prog, with_runs=False):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.partition("\n")[0])
    about = "(N, 1, 28, 28), or (N, 3, 32, 32) without classes; floats in [−1, 1] or bytes"
    run = "; or the folder of a run, whose model is measured on images that it never saw, and which takes no flags"
    parser.add_argument(
        "samples",
        type=_path,
        metavar="NPY|RUN" if with_runs else "NPY",
        help=about + run if with_runs else about,
    )
    parser.add_argument(
        "--data",
        default="mnist",
        metavar="mnist|fashion-mnist|emoji|tiles|DIR",
        help="what they are to look like: a data set by name, or a folder of IDX files, of ten folders of pictures, or "
        "of pictures without classes; default: mnist",
    )
    parser.add_argument("--seed", type=_natural, default=0, metavar="N", help="of all random choices; default: 0")
    parser.add_argument("--json", type=_path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--picture", type=_path, metavar="PNG", help="also draw the classes and the nearest neighbours")
    return parser


def _path(text):
    if not text:
        raise argparse.ArgumentTypeError("it is empty: name a file")
    return Path(text).expanduser()


def _natural(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no whole number, 0 or more")
    return int(text)


def _samples(path):
    """The images in a file, if they can be judged."""
    try:
        images = read_npy(path)
        return enough(as_images(images, kind_of(images)), kind_of(images))
    except ValueError as error:
        named = "" if str(path) in str(error) else f"{path}: "
        raise ValueError(f"{named}{error}{_kind(path)}") from error


def _kind(path):
    """What a file is that is no .npy, and what to do about it."""
    kinds = {
        b"PK": "an archive of arrays or a ZIP: save the samples alone, with numpy.save",
        b"\x89PNG": "a picture: the samples are in samples.npy, which a demo leaves with --samples 5000",
        b"GIF8": "an animation: the samples are in samples.npy, which a demo leaves with --samples 5000",
        b"\x1f\x8b": "gzipped: unpack it",
    }
    try:
        with open(path if path.is_file() else os.devnull, "rb") as file:  # a pipe would be waited for
            begin = file.read(4)
    except OSError:
        return ""
    return next((f"; it is {kind}" for start, kind in kinds.items() if begin.startswith(start)), "")


if __name__ == "__main__":
    sys.exit(main())
