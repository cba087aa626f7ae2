"""Photographs in their full size: cut into patches to learn from, and in pairs of large and small ones to test with."""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from scratchgan.data.bicubic import smaller
from scratchgan.data.checks import DataError, whole
from scratchgan.data.mnist import Dataset
from scratchgan.data.pictures import Pictures, files_in, flat
from scratchgan.hints import Arrays


def patches(
    dataset: Dataset | Pictures, size: int = 96, channels: int = 3, factor: int = 4, stride: int | None = None
) -> Arrays:
    """Squares cut out of pictures, and the same squares of the pictures made smaller by bicubic resampling.

    A picture is made smaller before it is cut, so that only its own border is one. What is left at the right and at
    the bottom is not used; pictures smaller than a patch have none.

    Parameters
    ----------
    dataset : Dataset or Pictures
    size, channels, factor : int
        ``size`` is a multiple of ``factor``.
    stride : int, optional
        From one patch to the next, a multiple of ``factor``; the size without it.

    Returns
    -------
    large : ndarray of uint8, (N, channels, size, size)
    small : ndarray of uint8, (N, channels, size / factor, size / factor)

    Raises
    ------
    DataError
        Where no picture is as large as a patch, or size and stride are no multiples of the factor.
    """
    size, factor, stride = whole(size, "size"), whole(factor, "factor"), whole(stride or size, "stride")
    if size % factor or stride % factor:
        raise DataError(f"size={size} and stride={stride} must be multiples of factor={factor}")
    large, small = [], []
    for picture in dataset.in_full(channels):
        height, width = (n - n % factor for n in picture.shape[1:])
        if min(height, width) >= size:
            picture = picture[None, :, :height, :width]
            large += _cut(picture, size, stride)
            small += _cut(smaller(picture, factor), size // factor, stride // factor)
    if not large:
        raise DataError(f"no picture is as large as a patch of {size}×{size} pixels: photographs are needed here")
    return np.concatenate(large), np.concatenate(small)


def _cut(picture, size, stride):
    """All squares of a picture (1, C, H, W), row by row."""
    corners = [range(0, n - size + 1, stride) for n in picture.shape[2:]]
    return [picture[:, :, y : y + size, x : x + size] for y in corners[0] for x in corners[1]]


def enlarged_pairs(source: str | Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The pairs of a benchmark such as Set5: NAME_HR.png, and the same image made smaller, NAME_LR.png.

    Parameters
    ----------
    source : path-like
        A folder, or a zip of one.

    Returns
    -------
    list of (str, ndarray, ndarray)
        NAME, and two images of uint8, (1 or 3, H, W), in the order of their names.

    Raises
    ------
    DataError
        Where there is no pair, a partner is missing, the sizes of two are no multiples, one is grey and the other is
        not, or a picture cannot be read.
    """
    pictures = {Path(name).stem: (name, picture) for name, picture in _all_in(Path(source).expanduser())}
    names = sorted({stem.removesuffix("_HR").removesuffix("_LR") for stem in pictures if stem[-3:] in ("_HR", "_LR")})
    if not names:
        raise DataError(f"{source} holds no pairs: NAME_HR.png and NAME_LR.png are read")
    found = []
    for name in names:
        for half in ("HR", "LR"):
            if f"{name}_{half}" not in pictures:
                raise DataError(f"{source}: {name} has no partner {name}_{half}")
        large, small = (_read(*pictures[f"{name}_{half}"]) for half in ("HR", "LR"))
        (channels, height, width), (others, low, narrow) = large.shape, small.shape
        if channels != others:
            raise DataError(f"{source}: of {name}, one image is grey and the other in colour")
        if height % low or width % narrow or height // low != width // narrow:
            raise DataError(f"{source}: {name} is {height}×{width} and small {low}×{narrow}, which is no whole factor")
        found.append((name, large, small))
    return found


def _all_in(source):
    """The names of all pictures of a folder or a zip, and how each is opened."""
    if source.is_dir():
        return [(str(path), path) for path in files_in(source)]
    try:
        with zipfile.ZipFile(source) as archive:
            return [(name, BytesIO(archive.read(name))) for name in archive.namelist() if not name.endswith("/")]
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{source} is neither a folder nor a zip: {error}") from error


def _read(name, file):
    try:
        with Image.open(file) as image:
            pixels = np.asarray(flat(image))
    except MemoryError:
        raise
    except Exception as error:  # decoders of damaged pictures raise anything
        raise DataError(f"{name} cannot be read: {error}") from error
    return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
