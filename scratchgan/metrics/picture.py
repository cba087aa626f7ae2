"""What a report looks like: how many samples of each class, and samples above their nearest training images."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scratchgan.checkpoint import write_atomically
from scratchgan.metrics.images import CLASSES, as_floats

SHOWN = 12  # samples in the picture
GENERATED, REAL = "#1f6f8b", "#e07a5f"


def draw(judge, samples, report, path):
    """Write a PNG: samples above the training images nearest in pixels and in features, and beside them a bar for each
    class, if there are classes."""
    figure = Figure(figsize=(13, 3.7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{report.count:,} samples judged on {report.data}: S = {report.score.S:.2f}", x=0.01, ha="left")
    *beside, pictures = figure.subplots(1, 2, width_ratios=(1, 2)) if report.score.histogram else [figure.subplots()]
    for bars in beside:
        bars.bar(range(CLASSES), report.score.histogram, color=GENERATED)
        bars.axhline(report.count / CLASSES, color=REAL, linestyle="--")
        bars.set(title="samples of each class (dashed: even)", xticks=range(CLASSES))
    shown = sheet(
        samples[report.looked_up[:SHOWN]],
        *(judge.train.images[neighbours.index[:SHOWN]] for neighbours in (report.in_pixels, report.in_features)),
    )
    pictures.imshow((shown.clip(-1, 1) + 1) / 2, cmap="gray", vmin=0, vmax=1)
    pictures.set(title="samples and their nearest training images", xticks=[])
    pictures.set_yticks((np.arange(3) + 0.5) * len(shown) / 3, ["samples", "in pixels", "in features"])
    for axes in (*beside, pictures):
        axes.spines[:].set_visible(axes is not pictures)
        axes.tick_params(length=0)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def sheet(*rows):
    """Rows of images (n, C, H, W), side by side with a white frame: a picture in [−1, 1], (h, w) or (h, w, 3)."""
    framed = [np.pad(as_floats(row), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=1) for row in rows]
    picture = np.concatenate([np.concatenate(list(row), axis=2) for row in framed], axis=1)
    return picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
