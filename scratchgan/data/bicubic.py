"""Images of another size by cubic convolution (Keys 1981, a = −½), to the bit as papers on super-resolution have it.

Output i of an axis lies at u = (i + ½)/s − ½ of the input, where s is the scale, and reads the inputs j around with

    k(u − j),   k(t) = 3/2 |t|³ − 5/2 |t|² + 1  (|t| ≤ 1),   −1/2 |t|³ + 5/2 |t|² − 4 |t| + 2  (|t| ≤ 2),   0 beyond.

To shrink an image, the kernel is widened to k(s (u − j)), so that every pixel is read and nothing flickers; without
that, 7×7 pixels of 28×28 would be a choice of a few. Weights sum to 1. Beyond its edge an image goes on with its edge
pixels. The columns are resampled first, then the rows, and the numbers become bytes after each.

That is MATLAB's ``imresize`` of a uint8 image as it was in 2014, when the small images of Set5 and Set14 were made, and
gives these to the last bit. A newer one mirrors the image at its edges. OpenCV and PyTorch have a = −¾ and shrink
without the wider kernel; Pillow has another edge. A network that is trained on one and tested on another loses some
tenths of a decibel.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import DataError, as_pixels, whole

BLOCK = 2**22  # pixels in float64 at a time


def resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Images of another size.

    Parameters
    ----------
    images : ndarray of uint8, (N, …, H, W)
    height, width : int

    Returns
    -------
    ndarray of uint8, (N, …, height, width)

    Raises
    ------
    DataError
        For images that are not bytes, or have no pixels.
    """
    images, shape = as_pixels(images), (whole(height, "height"), whole(width, "width"))
    if images.ndim < 3 or 0 in images.shape[-2:]:
        raise DataError(f"images are (N, …, H, W), got {images.shape}")
    down, across = (_weights(size, wanted) for size, wanted in zip(images.shape[-2:], shape))
    flat = images.reshape(-1, *images.shape[-2:])
    made, at_once = np.empty((len(flat), *shape), np.uint8), max(1, BLOCK // max(flat[:1].size, 1))
    for start in range(0, len(flat), at_once):
        block = slice(start, start + at_once)
        made[block] = _bytes(_bytes(down @ flat[block]) @ across.T)
    return made.reshape(*images.shape[:-2], *shape)


def smaller(images: np.ndarray, factor: int) -> np.ndarray:
    """Images reduced by a whole factor; DataError where height and width are no multiples of it."""
    height, width = np.shape(images)[-2:]
    if height % whole(factor, "factor") or width % factor:
        raise DataError(f"images of {height}×{width} pixels cannot be reduced {factor} times")
    return resized(images, height // factor, width // factor)


def larger(images: np.ndarray, factor: int) -> np.ndarray:
    """Images enlarged by a whole factor."""
    height, width = np.shape(images)[-2:]
    return resized(images, height * whole(factor, "factor"), width * factor)


def kernel(t: ArrayLike) -> np.ndarray:
    """k(t) of the equation above."""
    t = np.abs(t)
    near, far = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0))


@cache
def _weights(size, wanted):
    """A, (wanted, size): with which weights each output of an axis reads the inputs."""
    scale = wanted / size
    sharpness = min(scale, 1)
    u = (np.arange(wanted)[:, None] + 0.5) / scale - 0.5
    j = np.floor(u - 2 / sharpness).astype(int) + np.arange(int(np.ceil(4 / sharpness)) + 2)
    weights = kernel(sharpness * (u - j))
    matrix = np.zeros((wanted, size))
    np.add.at(matrix, (np.arange(wanted)[:, None], j.clip(0, size - 1)), weights / weights.sum(1, keepdims=True))
    return matrix


def _bytes(numbers):
    """Rounded, halves up, and cut off at black and white."""
    return np.floor(numbers + 0.5).clip(0, 255).astype(np.uint8)
