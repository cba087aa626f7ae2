"""Judge a file of generated images, such as the samples.npy that a demo saves with --samples 5000.

python -m scratchgan.metrics runs/wgan_gp_mnist/samples.npy
python -m scratchgan.metrics samples.npy --data fashion-mnist --json numbers.json --picture judged.png
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from scratchgan.checkpoint import write_atomically
from scratchgan.lab import style
from scratchgan.metrics.images import as_floats
from scratchgan.metrics.judge import Judge
from scratchgan.training.pictures import grid

SHOWN = 12  # samples in the picture


def main(argv=None, prog="python -m scratchgan.metrics"):
    """Print the report, and write what is asked for; the exit status is 1 for an error."""
    flags = _parser(prog).parse_args(argv)
    try:
        for path in filter(None, (flags.json, flags.picture)):
            path.parent.mkdir(parents=True, exist_ok=True)
        samples = _read(flags.samples)
        judge = Judge(flags.data, flags.seed)
        report = judge.report(samples)
        print(report)
        if flags.json:
            text = json.dumps(report.numbers(), indent=1, ensure_ascii=False)
            write_atomically(flags.json, lambda file: file.write(text.encode()))
        if flags.picture:
            draw(judge, samples, report, flags.picture)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser(prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.partition("\n")[0])
    parser.add_argument("samples", type=Path, metavar="NPY", help="(N, 1, 28, 28), floats in [−1, 1] or bytes")
    parser.add_argument(
        "--data",
        default="mnist",
        metavar="mnist|fashion-mnist|DIR",
        help="what they are to look like: a data set by name, or a folder with its IDX files; default: mnist",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all random choices; default: 0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="also draw the classes and the nearest neighbours")
    return parser


def _read(path):
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} holds {len(array.files)} arrays: save the samples alone, with numpy.save")
    return array


def draw(judge, samples, report, path):
    """A bar for each class, and samples above the training images that are nearest in pixels and in features."""
    neighbours = [as_floats(judge.train.images[n.index[:SHOWN]]) for n in (report.in_pixels, report.in_features)]
    sheet = grid(np.concatenate([as_floats(samples[:SHOWN]), *neighbours]), columns=len(neighbours[0]))
    title = f"{report.count:,} samples judged on {report.data}: S = {report.score.S:.2f}"
    with style.figure(1, 2, size=(6.5, 3.2), title=title, width_ratios=(1, 2)) as (figure, (bars, pictures)):
        bars.bar(range(10), report.score.histogram, color=style.GENERATED)
        bars.axhline(report.count / 10, color=style.REAL, linestyle="--")
        bars.set(title="samples of each class (dashed: even)", xticks=range(10))
        pictures.imshow(sheet[..., 0], cmap="gray", vmin=0, vmax=255)
        pictures.set(title="samples and their nearest training images", xticks=[])
        pictures.set_yticks((np.arange(3) + 0.5) * len(sheet) / 3, ["samples", "in pixels", "in features"])
        pictures.tick_params(length=0)
        pictures.spines[:].set_visible(False)
    style.save(figure, path)


if __name__ == "__main__":
    sys.exit(main())
