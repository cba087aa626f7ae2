"""What is asked of images and labels, said once: bytes are pixels, integers are labels, and nothing is guessed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


class DataError(ValueError):
    """Data are missing, damaged, not what they should be, or cannot be fetched."""


class NoTestSetError(DataError):
    """There are images to learn from, but none to test with."""


def checked_split(split: str, name: object) -> str:
    """``split``; DataError if it is neither "train" nor "test"."""
    if split not in ("train", "test"):
        raise DataError(f"there is no split {split!r} of {name}: there are train and test")
    return split


def plain(array: ArrayLike, what: str = "array") -> np.ndarray:
    """``array`` as a plain ndarray: no subclass, whose operators may mean something else.

    Raises
    ------
    DataError
        For a masked array, as its mask would be lost without a word.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise DataError(f"{what} {array.shape} must not be masked: choose what stands there, with .filled(value)")
    return np.asarray(array)


def as_pixels(images: ArrayLike) -> np.ndarray:
    """Images of bytes, 0 black and 255 white: ndarray of uint8, (N, …).

    Raises
    ------
    DataError
        For numbers of any other kind, as their range would be a guess, and for numbers without axes.
    """
    images = plain(images, "images")
    if images.dtype == np.uint8 and images.ndim:
        return images
    span = f" in {images.min()}…{images.max()}" if images.size and images.dtype.kind in "biuf" else ""
    raise DataError(
        f"images must be uint8 (N, …), 0 black and 255 white, got {images.dtype} {images.shape}{span}; "
        "bytes of floats x are np.rint(255 * x).astype(np.uint8) for [0, 1], and "
        "np.rint(127.5 * x + 127.5).astype(np.uint8) for [-1, 1]"
    )


def as_labels(labels: ArrayLike, count: int, classes: int | None = None, what: str = "labels") -> np.ndarray:
    """Labels as int64 (count,): integers from 0, and below ``classes`` where that is given.

    Raises
    ------
    DataError
        For another shape, for floats and booleans, and for integers out of range.
    """
    labels = _as_integers(labels, count, 1, "(N,)", what)
    low, high = (labels.min(), labels.max()) if count else (0, 0)
    if low < 0 or (classes is not None and high >= classes):
        wanted = "0 or more" if classes is None else f"0…{classes - 1}"
        raise DataError(f"{what} must be {wanted}, found {low}…{high}")
    return labels.astype(np.int64)


def as_rows(rows: ArrayLike, count: int, what: str = "rows of numbers") -> np.ndarray:
    """A row of integers from 0 for each image, such as the words of its caption: int64 (count, L).

    Raises
    ------
    DataError
        For another shape, for floats, booleans and negative numbers.
    """
    rows = _as_integers(rows, count, 2, "(N, L)", what)
    if rows.min(initial=0) < 0:
        raise DataError(f"{what} must be 0 or more, found {rows.min()}…{rows.max()}")
    return rows.astype(np.int64)


def _as_integers(array, count, axes, shape, what):
    """An array of integers for ``count`` images."""
    array = plain(array, what)
    if array.ndim != axes or array.dtype.kind not in "iu":
        raise DataError(f"{what} must be integers of shape {shape}, got {array.dtype} {array.shape}")
    if len(array) != count:
        raise DataError(f"{count} images cannot have {len(array)} {what}")
    return array


def whole(number: int, name: str, least: int = 1) -> int:
    """``number`` as an int; DataError if it is no whole number, or below ``least``."""
    if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < least:
        raise DataError(f"{name}={number!r} must be a whole number, {least} or more")
    return int(number)


def wholes(numbers: Sequence[int], name: str, least: int = 1) -> tuple[int, ...]:
    """Such ``numbers`` as a tuple; DataError also if they are no tuple or list, or if there is none."""
    if not isinstance(numbers, (tuple, list)) or not numbers:
        raise DataError(f"{name}={numbers!r} must be a tuple of whole numbers, one at least")
    return tuple(whole(number, name, least) for number in numbers)
