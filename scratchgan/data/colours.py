"""Colours: twelve names for them, and how they are found again in an image. Pure functions of bytes.

The names are those of LoGAN (Mino & Spanakis 2018, arXiv:1810.10395); what red each of them means is this package's
choice.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import DataError, as_pixels, whole
from scratchgan.hints import Source

PALETTE = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (220, 30, 30),
    "orange": (245, 140, 20), "yellow": (245, 225, 40), "green": (40, 160, 60), "cyan": (40, 200, 210),
    "blue": (40, 70, 210), "purple": (130, 50, 170), "pink": (245, 130, 180), "brown": (125, 80, 40),
}  # fmt: skip
SHADES = {  # of CSS, which are called so, too: else a light grey would be nearest to pink
    "white": [(245, 245, 245)],
    "grey": [(105, 105, 105), (169, 169, 169), (211, 211, 211), (112, 128, 144)],
    "red": [(139, 0, 0), (220, 20, 60), (255, 99, 71)],
    "orange": [(255, 127, 80), (244, 164, 96)],
    "yellow": [(255, 215, 0), (240, 230, 140), (255, 255, 224)],
    "green": [(0, 100, 0), (50, 205, 50), (154, 205, 50), (107, 142, 35), (144, 238, 144), (143, 188, 143)],
    "cyan": [(0, 128, 128), (64, 224, 208), (175, 238, 238)],
    "blue": [(0, 0, 128), (70, 130, 180), (100, 149, 237), (135, 206, 235), (176, 196, 222)],
    "purple": [(75, 0, 130), (186, 85, 211), (147, 112, 219), (221, 160, 221)],
    "pink": [(255, 105, 180), (255, 182, 193), (255, 20, 147), (219, 112, 147)],
    "brown": [(139, 69, 19), (160, 82, 45), (210, 180, 140), (188, 143, 143), (205, 133, 63)],
}
NAMES = tuple(PALETTE)
PAPER = 235  # a pixel that is at least as light as this in each channel is white paper, on which nothing is drawn
DRAWN = 0.01  # the least share of pixels that makes a picture
_KNOWN = [(place, shade) for place, name in enumerate(NAMES) for shade in (PALETTE[name], *SHADES.get(name, ()))]


def contrast(one: str, other: str) -> float:
    """How far two colours of the palette are apart: ‖a − b‖ in red, green and blue, from 0 to 442."""
    return float(np.linalg.norm(np.subtract(PALETTE[one], PALETTE[other], dtype=float)))


def nearest(colours: ArrayLike) -> np.ndarray:
    """The place in `NAMES` of the nearest colour or shade: (…, 3), red, green and blue to 255 -> int64 (…).

    Raises
    ------
    DataError
        For another shape, and for numbers that are not finite: they are near nothing.
    """
    colours = _finite(colours, "colours")
    if colours.shape[-1:] != (3,):
        raise DataError(f"colours must be (…, 3), red, green and blue, not {colours.shape}")
    places, shades = map(np.array, zip(*_KNOWN))
    squares = ((colours[..., None, :] - shades) ** 2).sum(-1)
    return np.asarray(places[squares.argmin(-1)])


def _finite(numbers, what):
    numbers = np.asarray(numbers, dtype=float)
    if not np.isfinite(numbers).all():
        raise DataError(f"{what} {numbers.shape} must be finite: {(~np.isfinite(numbers)).sum()} numbers are not")
    return numbers


def clusters(points: ArrayLike, count: int = 3, turns: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """k-means: centres μ, and of each point the nearest; each centre becomes the mean of its points, in turns.

    The first centre is the point farthest from the mean, each further one the point farthest from all centres before:
    no random number is drawn, so the same points have the same clusters.

    Parameters
    ----------
    points : array_like, (N, D)
    count : int
        k.
    turns : int
        At most; it ends as soon as no point changes its cluster.

    Returns
    -------
    centres : ndarray, (count, D)
        Without a point, a centre stays where it was.
    sizes : ndarray of int64, (count,)

    Raises
    ------
    DataError
        If there are no points, or some are not finite.
    """
    points, count = _finite(points, "points"), whole(count, "count")
    if points.ndim != 2 or not len(points):
        raise DataError(f"clusters are of points (N, D), one at least, not of {points.shape}")
    centres = points.mean(0, keepdims=True)
    for known in (0, *range(1, count)):  # the mean is no centre: the first point takes its place
        farthest = points[_squares(points, centres).min(1).argmax()]
        centres = np.vstack([centres[:known], farthest])
    members = None
    for _ in range(turns):
        before, members = members, _squares(points, centres).argmin(1)
        if before is not None and (before == members).all():
            break
        belongs = (members[:, None] == np.arange(count)).astype(float)
        sizes = belongs.sum(0)
        centres = np.where(sizes[:, None] > 0, belongs.T @ points / np.maximum(sizes, 1)[:, None], centres)
    return centres, np.bincount(members, minlength=count)


def _squares(points, centres):
    """‖x − μ‖² of each pair, (N, k)."""
    return (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)


def prominent(images: np.ndarray, count: int = 3) -> np.ndarray:
    """The most prominent colour of pictures on white paper: that of the largest of ``count`` clusters of pixels.

    The pixels of the paper do not count, or else most pictures would be white. Where hardly anything is drawn, white it
    is.

    Parameters
    ----------
    images : ndarray of uint8, (N, 3, H, W)

    Returns
    -------
    ndarray of int64, (N,)
        Places in `NAMES`.
    """
    images = _in_colour(images)
    found = np.full(len(images), NAMES.index("white"))
    for i, pixels in enumerate(images.reshape(len(images), 3, -1).transpose(0, 2, 1)):
        drawn = pixels[(pixels < PAPER).any(1)]
        if len(drawn) > DRAWN * len(pixels):
            centres, sizes = clusters(drawn, count)
            found[i] = nearest(centres[sizes.argmax()])
    return found


def by_colour(dataset: Source, size: int = 32, balanced: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Pictures on white paper, and the most prominent colour of each.

    Parameters
    ----------
    dataset : Dataset or Pictures
    size : int
    balanced : bool
        Images of rarer colours are repeated until each colour has as many as the most frequent one.

    Returns
    -------
    images : ndarray of uint8, (N, 3, size, size)
    labels : ndarray of int64, (N,)
        Places in `NAMES`.

    Raises
    ------
    DataError
        If they are to be balanced and there is a colour that no image has.
    """
    images = dataset.sized(size, 3)
    labels = prominent(images)
    if not balanced:
        return images, labels
    places = [np.flatnonzero(labels == label) for label in range(len(NAMES))]
    if missing := [name for name, of_name in zip(NAMES, places) if not len(of_name)]:
        raise DataError(f"no picture is mostly {', '.join(missing)}: some of each of {len(NAMES)} colours are needed")
    chosen = np.concatenate([np.resize(of_name, max(map(len, places))) for of_name in places])
    return images[chosen], labels[chosen]


def separated(images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `views.coloured` has put together: ink a, and the two colours of I = a · foreground + (1 − a) · background.

    The background is the median of the pixels at the edge, the foreground the median of the twentieth of all pixels
    that are farthest from it.

    Parameters
    ----------
    images : ndarray of uint8, (N, 3, H, W)

    Returns
    -------
    ink : ndarray of uint8, (N, 1, H, W)
        255 · a; 0 in an image of one colour.
    foreground, background : ndarray, (N, 3)
    """
    images = _in_colour(images).astype(float)
    n, _, height, width = images.shape
    edge = np.ones((height, width), bool)
    edge[1:-1, 1:-1] = False
    background = np.median(images[:, :, edge], 2)
    pixels = images.reshape(n, 3, -1)
    away = pixels - background[:, :, None]
    farthest = np.argsort((away**2).sum(1), 1)[:, -max(1, height * width // 20) :]
    foreground = np.median(np.take_along_axis(pixels, farthest[:, None], 2), 2)
    direction = foreground - background
    share = np.einsum("ncp,nc->np", away, direction) / np.maximum((direction**2).sum(1), 1)[:, None]
    ink = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return ink.reshape(n, 1, height, width), foreground, background


def _in_colour(images):
    images = as_pixels(images)
    if images.ndim != 4 or images.shape[1] != 3:
        raise DataError(f"images in colour are (N, 3, H, W), got {images.shape}")
    return images
