"""One look for all pictures of the laboratory: one colour for what is real, one for what is generated, one for critics.

with style.figure(1, 2, title="Two piles of earth") as (figure, axes):
    style.cloud(axes[0], real, style.REAL, "real")
    ...
style.save(figure, path)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from scratchgan.checkpoint import write_atomically

REAL, GENERATED, CRITIC, INK = "#e07a5f", "#1f6f8b", "#6d597a", "#3d405b"
LINES = ("#1f6f8b", "#e07a5f", "#6d597a", "#81b29a", "#c9a227", "#3d405b", "#a44a3f", "#5fa8d3", "#8d99ae")
SURFACE = LinearSegmentedColormap.from_list("critic", ["#f7f5fa", "#b8a9c9", CRITIC])  # low to high scores

RULES = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=LINES),
    "lines.linewidth": 2.2,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "grid.alpha": 0.25,
    "savefig.dpi": 110,
}


@contextmanager
def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (4.2, 3.8), title: str | None = None, **options
) -> Iterator[tuple[Figure, Any]]:
    """A new figure and its axes, drawn by the rules of the house; ``size`` is that of one panel, in inches.

    Parameters
    ----------
    **options
        For ``Figure.subplots``, such as ``sharex=True``.

    Yields
    ------
    figure : Figure
    axes : Axes, or array of Axes
        As ``Figure.subplots`` gives them.
    """
    with matplotlib.rc_context(RULES):
        drawing = Figure(figsize=(size[0] * columns, size[1] * rows + 0.5 * bool(title)), layout="constrained")
        FigureCanvasAgg(drawing)
        if title:
            drawing.suptitle(title, x=0.01, ha="left", fontsize=16, fontweight="bold")
        yield drawing, drawing.subplots(rows, columns, **options)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as a PNG."""
    with matplotlib.rc_context(RULES):
        write_atomically(path, lambda file: figure.savefig(file, format="png"))


def frame(figure: Figure) -> np.ndarray:
    """A figure as an image for `save_animation`: uint8 (height, width, 3)."""
    with matplotlib.rc_context(RULES):
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def cloud(axes: Axes, points: ArrayLike, color: str, label: str | None = None, size: float = 8) -> None:
    """Points (N, 2) as translucent dots, with the same scale on both axes."""
    axes.scatter(*np.asarray(points).T, s=size, color=color, alpha=0.55, linewidths=0, label=label)
    axes.set_aspect("equal")
    axes.set(xticks=[], yticks=[])


def surface(
    axes: Axes, function: Callable[[np.ndarray], np.ndarray], limit: float, levels: ArrayLike = 14, cells: int = 128
) -> None:
    """The level lines of a critic on [−limit, limit]².

    Parameters
    ----------
    function : callable
        float32 (N, 2) -> (N,).
    """
    ticks = np.linspace(-limit, limit, cells, dtype=np.float32)
    plane = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    values = np.asarray(function(plane)).reshape(cells, cells)
    axes.contourf(ticks, ticks, values, levels, cmap=SURFACE)
    axes.contour(ticks, ticks, values, levels, colors=CRITIC, linewidths=0.6, alpha=0.7)
    axes.set_aspect("equal")
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[])
