"""What people look at: grids of samples, their animation, and curves."""

import csv

import numpy as np
from PIL import Image

from scratchgan.checkpoint import write_atomically


def grid(images, columns=None, scale=2, gap=2):
    """Images (N, C, H, W) in [−1, 1], C = 1 or 3, side by side as one picture: uint8 (height, width, C)."""
    n, c, h, w = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    pixels = ((np.clip(images, -1, 1) + 1) * 127.5).round().astype(np.uint8)
    sheet = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), 255, np.uint8)
    for i, image in enumerate(pixels.transpose(0, 2, 3, 1)):
        top, left = gap + (i // columns) * (h + gap), gap + (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet.repeat(scale, 0).repeat(scale, 1)


def _as_image(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_grid(path, images, columns=None):
    """Write a `grid` of images as a PNG."""
    write_atomically(path, lambda file: _as_image(grid(images, columns)).save(file, "PNG"))


def save_animation(path, frames, milliseconds=150):
    """Write ``frames``, PNGs of digits or images uint8 (H, W, 3), as one looping GIF that rests on its last picture.

    PNGs that are missing, damaged or of another size than the last one are left out.
    """
    if isinstance(frames[0], np.ndarray):
        images = _in_common_colors(frames)
    else:
        images = [image for image in map(_picture, frames) if image]
        images = [image for image in images if image.size == images[-1].size]
    durations = [milliseconds] * (len(images) - 1) + [10 * milliseconds]
    write_atomically(
        path,
        lambda file: images[0].save(
            file, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True
        ),
    )


def _picture(path):
    """A PNG in grey; None for a file that is missing or no PNG."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.convert("L")
    except MemoryError:
        raise
    except Exception:  # decoders of damaged pictures raise anything: SyntaxError, struct.error, OSError, …
        return None


def _in_common_colors(frames):
    """The 256 colours of a GIF, from the first and last frame: with one palette, what stands still costs nothing."""
    frames = [np.where(frame > 247, 255, frame).astype(np.uint8) for frame in frames]  # as a palette is coarse in white
    both = Image.fromarray(np.concatenate([frames[0], frames[-1]]))
    palette = both.quantize(256)
    return [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def save_curves(path, log, panels):
    """Draw columns of a CSV against its first one, each panel a list of columns, raw and smoothed.

    Parameters
    ----------
    log : path
    panels : dict of str to list of str
        Title and columns.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with open(log, newline="") as file:
        rows = list(csv.DictReader(file))
    values = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    steps = values["step"]
    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, columns) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels.items()):
        smooth = {column: _smooth(values[column]) for column in columns}
        for column, curve in smooth.items():
            (line,) = axes.plot(steps, curve, label=column.replace("_", " "))
            axes.plot(steps, values[column], color=line.get_color(), alpha=0.25, linewidth=0.7)
        settled = np.concatenate([curve[len(steps) // 20 :] for curve in smooth.values()])
        margin = 0.3 * (np.ptp(settled) or 1)  # the first steps and the noise would hide the rest
        axes.set_ylim(settled.min() - margin, settled.max() + margin)
        axes.set(title=title, xlabel="generator step")
        axes.legend(frameon=False)
        axes.grid(alpha=0.2)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def _smooth(values):
    """The mean over a window of a fiftieth of the curve."""
    width = max(1, len(values) // 50)
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
