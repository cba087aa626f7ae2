"""What a batch holds: pure functions from a data set to arrays, and from images to other images.

Pixels stay bytes, uint8, 0 for black and 255 for white; they are scaled where a batch is drawn. Other numbers are
refused, never guessed.
"""

import numpy as np
from PIL import Image

from scratchgan.data import pairs
from scratchgan.data.bicubic import smaller
from scratchgan.data.checks import DataError, as_labels, as_pixels, whole
from scratchgan.data.domains import Domains
from scratchgan.hints import Arrays, Colour, Random, Source

ORANGE, BLUE, BLACK, WHITE = (245, 140, 20), (40, 70, 210), (0, 0, 0), (255, 255, 255)

# Of a data set, as a preset has them: (Dataset) -> arrays, each with one entry for each image ------------------------


def images(dataset: Source, size: int = 28, channels: int = 1) -> Arrays:
    """The images, (N, channels, size, size)."""
    return (dataset.sized(size, channels),)


def few(dataset: Source, count: int = 500, size: int = 28, channels: int = 1) -> Arrays:
    """The first images of each class, in turn, until there are ``count``; without labels, the first: (count, …).

    Raises
    ------
    DataError
        Where there are fewer.
    """
    (pictures,), count = images(dataset, size, channels), whole(count, "count")
    if count > len(pictures):
        raise DataError(f"{count} images are asked for, and there are {len(pictures)}")
    labels = np.zeros(len(pictures), int) if dataset.labels is None else as_labels(dataset.labels, len(pictures))
    rank = np.empty(len(labels), int)  # of each image among those of its class
    for label in np.unique(labels):
        rank[labels == label] = np.arange((labels == label).sum())
    return (pictures[np.sort(np.argsort(rank, kind="stable")[:count])],)


def labelled(dataset: Source, size: int = 28, channels: int = 1, classes: int | None = None) -> Arrays:
    """The images, and their labels: integers from 0 to K − 1, (N,). Without ``classes``, K is their number.

    Raises
    ------
    DataError
        Where there are no labels, or other classes than these, or not an image of each: a game draws its classes from
        all K, and would make images of a class that no image has.
    """
    pictures = dataset.sized(size, channels)
    if dataset.labels is None:
        raise DataError(
            "these images have no labels, which are needed here: a folder for each class, and no picture beside these; "
            "or IDX files"
        )
    labels = as_labels(dataset.labels, len(pictures), classes)
    found = set(labels.tolist())
    classes = classes or len(dataset.classes or range(max(found) + 1))
    if missing := sorted(set(range(classes)) - found):
        raise DataError(f"no image has the labels {missing}: {classes} classes are needed here, 0 to {classes - 1}")
    return pictures, labels


def enlargements(dataset: Source, size: int = 28, channels: int = 1, factor: int = 4) -> Arrays:
    """Images, the same made smaller by bicubic resampling, and their labels where there are any.

    Returns
    -------
    large : ndarray of uint8, (N, channels, size, size)
    small : ndarray of uint8, (N, channels, size / factor, size / factor)
    labels : ndarray of int64, (N,)
        Of the data sets that have them.
    """
    large, *labels = images(dataset, size, channels) if dataset.labels is None else labelled(dataset, size, channels)
    return large, smaller(large, factor), *labels


def two_colours(dataset: Source) -> Arrays:
    """Two domains: every second image in orange on black, the others in blue on white; no image is in both.

    Halves would not do: the images may be sorted by classes.

    Returns
    -------
    x, y : ndarray of uint8, (N // 2, 3, 28, 28)
        They are no pairs: a stream shuffles each for itself.
    """
    grey = dataset.sized(28, 1)
    half = len(grey) // 2
    return coloured(grey[: 2 * half : 2], ORANGE, BLACK), coloured(grey[1::2], BLUE, WHITE)


def outlines(dataset: Source, size: int = 32, channels: int = 1, apart: int = 127, classes: bool = False) -> Arrays:
    """Pairs: the outlines of the images, see `outlined`, and the images.

    Parameters
    ----------
    classes : bool
        Whether the labels come with them, where there are any.

    Returns
    -------
    x : ndarray of uint8, (N, 1, size, size)
    y : ndarray of uint8, (N, channels, size, size)
    labels : ndarray of int64, (N,)
    """
    pictures = dataset.sized(size, channels)
    known = classes and dataset.labels is not None
    return outlined(pictures, apart), pictures, *([as_labels(dataset.labels, len(pictures))] if known else [])


def halves(dataset: Source, direction: str = "AtoB", size: int = 128, channels: int = 3) -> Arrays:
    """Pairs from pictures A|B, see `pairs.halves`: A and B, or for the direction "BtoA" B and A."""
    if direction not in ("AtoB", "BtoA"):
        raise DataError(f"direction={direction!r} must be 'AtoB' or 'BtoA'")
    a, b = pairs.halves(dataset, size, channels)
    return (a, b) if direction == "AtoB" else (b, a)


def both_colours(dataset: Source) -> Arrays:
    """Each image in orange on black, and in blue on white: the hidden truth of `two_colours`; and labels, if any."""
    grey = dataset.sized(28, 1)
    pairs = coloured(grey, ORANGE, BLACK), coloured(grey, BLUE, WHITE)
    return pairs if dataset.labels is None else (*pairs, dataset.labels)


def two_domains(dataset: Source, size: int, channels: int = 3) -> Arrays:
    """Those of a folder with trainA and trainB: two arrays, (N, channels, size, size) and (M, channels, size, size).

    Raises
    ------
    DataError
        For other data.
    """
    if not isinstance(dataset, Domains):
        raise DataError("two domains are needed here: name a folder with the folders trainA and trainB, --data DIR")
    return dataset.each(size, channels)


# Of images -----------------------------------------------------------------------------------------------------------


def sized(images: np.ndarray, size: int, channels: int = 1) -> np.ndarray:
    """Square images of another size and number of channels.

    A larger power of two is reached without a new pixel value: a margin of zeros up to the next power of two, then
    pixels repeated (28 -> 32 adds a margin of 2, 28 -> 64 shows each pixel of that as 2×2). Every other size is
    resampled (Lanczos). Grey is repeated over three channels; colours become their luma.

    Parameters
    ----------
    images : ndarray of uint8, (N, 1 or 3, H, H)
    size : int
    channels : {1, 3}

    Returns
    -------
    ndarray of uint8, (N, channels, size, size)

    Raises
    ------
    DataError
        For images that are not bytes or not square, or other numbers of channels.
    """
    images, size, side = as_pixels(images), whole(size, "size"), images.shape[-1]
    if channels not in (1, 3) or images.shape[1:] not in ((1, side, side), (3, side, side)):
        raise DataError(f"images of shape {images.shape[1:]} cannot be made ({channels}, {size}, {size})")
    if channels < images.shape[1]:
        images = _resampled(images, side, "L")
    if size != side:
        images = _enlarged(images, size) if _doubles(side, size) else _resampled(images, size)
    return images if images.shape[1] == channels else images.repeat(channels, 1)


def _doubles(side, size):
    """Whether ``size`` is a power of two from the next one after ``side`` on."""
    return size > side and size.bit_count() == 1


def _enlarged(images, size):
    side = images.shape[-1]
    padded = 1 << (side - 1).bit_length()
    before, after = (padded - side) // 2, (padded - side + 1) // 2
    images = np.pad(images, ((0, 0), (0, 0), (before, after), (before, after)))
    return images.repeat(size // padded, 2).repeat(size // padded, 3)


def _resampled(images, size, mode=None):
    """Each image by Pillow, in its own mode or another."""
    made = []
    for image in images:
        picture = Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))
        picture = picture.convert(mode) if mode else picture
        pixels = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
        made.append(pixels.reshape(size, size, -1).transpose(2, 0, 1))
    return np.stack(made) if made else np.empty((0, 1 if mode == "L" else images.shape[1], size, size), np.uint8)


def coloured(grey: np.ndarray, foreground: Colour, background: Colour) -> np.ndarray:
    """Ink in one colour on paper of another: a · foreground + (1 − a) · background, for ink a = grey / 255.

    Parameters
    ----------
    grey : ndarray of uint8, (N, 1, H, W)
    foreground, background : tuple of int
        Red, green and blue: whole numbers, 0 to 255.

    Returns
    -------
    ndarray of uint8, (N, 3, H, W)
    """
    ink = _grey(grey).astype(np.float32) / 255
    fore, back = (_colour(colour) for colour in (foreground, background))
    return np.rint(ink * fore + (1 - ink) * back).astype(np.uint8)


def outlined(images: np.ndarray, apart: int = 127) -> np.ndarray:
    """The outlines: white where, in some channel, the 3×3 pixels around differ by more than ``apart``, which is half.

    Parameters
    ----------
    images : ndarray of uint8, (N, C, H, W)
    apart : int

    Returns
    -------
    ndarray of uint8, (N, 1, H, W), 0 and 255
    """
    images = _four_axes(as_pixels(images))
    differ = _extreme(images, np.maximum) - _extreme(images, np.minimum) > apart
    return np.where(differ.any(1, keepdims=True), 255, 0).astype(np.uint8)


def _extreme(images, choose):
    """Of the 3×3 pixels around each, the largest or the smallest: of three in a row, then of three such."""
    x = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    x = choose(choose(x[..., :-2], x[..., 1:-1]), x[..., 2:])
    return choose(choose(x[..., :-2, :], x[..., 1:-1, :]), x[..., 2:, :])


def shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """Images reduced by a whole factor: the mean of each block of factor × factor pixels.

    Parameters
    ----------
    images : ndarray of uint8, (N, C, H, W)
        H and W are multiples of the factor.

    Returns
    -------
    ndarray of uint8, (N, C, H / factor, W / factor)
    """
    images = _four_axes(as_pixels(images))
    n, c, height, width = images.shape
    if height % whole(factor, "factor") or width % factor:
        raise DataError(f"images of {height}×{width} pixels cannot be shrunk {factor} times")
    blocks = images.reshape(n, c, height // factor, factor, width // factor, factor)
    return np.rint(blocks.mean((3, 5), dtype=np.float32)).astype(np.uint8)


def binarised(grey: np.ndarray, rng: Random | None = None) -> np.ndarray:
    """Black and white. Likelihoods of the two kinds cannot be compared: name the kind beside each number.

    Parameters
    ----------
    grey : ndarray of uint8, (N, C, H, W)
    rng : numpy.random.Generator, optional
        Draws white with the probability grey / 255 (stochastic binarisation); without it, white is what is brighter
        than half (threshold).

    Returns
    -------
    ndarray of uint8, of the same shape, 0 and 255
    """
    grey = as_pixels(grey)
    limit = 127.5 if rng is None else 255 * rng.random(grey.shape, dtype=np.float32)
    return np.where(grey > limit, 255, 0).astype(np.uint8)


def _grey(images):
    images = _four_axes(as_pixels(images))
    if images.shape[1] != 1:
        raise DataError(f"grey images are (N, 1, H, W), got {images.shape}")
    return images


def _four_axes(images):
    if images.ndim != 4:
        raise DataError(f"images are (N, C, H, W), got {images.shape}")
    return images


def _colour(colour):
    """A colour as float32 (3, 1, 1); DataError if it is none, whose bytes would wrap around."""
    numbers = np.asarray(colour)
    if numbers.shape != (3,) or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() > 255:
        raise DataError(f"a colour is red, green and blue, whole numbers from 0 to 255, not {colour!r}")
    return numbers.astype(np.float32).reshape(3, 1, 1)
