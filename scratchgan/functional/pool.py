"""Pooling by the maximum: find the winners, then gather them. The winners' positions are constants."""

import math

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional.elementwise import refuse
from scratchgan.functional.resample import pooling, window_starts
from scratchgan.functional.shape import taken
from scratchgan.functional.unfold import sliding_windows
from scratchgan.tensor import Tensor


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of (…, H, W); the first of several equal ones takes the gradient.

    Parameters
    ----------
    return_indices : bool
        Also give the winners' positions in the flattened image, as integers.
    """
    refuse(1, dilation=dilation)
    kernel, stride, padding = pooling(input, "max_pool2d", kernel_size, stride, padding)
    indices = _winners(input.data, kernel, stride, padding, ceil_mode)
    flat = indices.reshape(*indices.shape[:-2], math.prod(indices.shape[-2:]))
    y = taken(input.flatten(-2), input.ndim - 2, flat).reshape(indices.shape)
    return (y, Tensor(indices)) if return_indices else y


def _winners(x, kernel, stride, padding, ceil_mode):
    """The position in the flattened image of the largest element of each window."""
    *lead, height, width = x.shape
    rows = window_starts(height, kernel[0], stride[0], padding[0], ceil_mode)
    columns = window_starts(width, kernel[1], stride[1], padding[1], ceil_mode)
    size = rows[-1] + padding[0] + kernel[0], columns[-1] + padding[1] + kernel[1]  # what the windows see
    padded = np.full_like(
        x, -np.inf, shape=(math.prod(lead), *(max(s, n + p) for s, n, p in zip(size, (height, width), padding)))
    )
    padded[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width] = x.reshape(-1, height, width)
    seen = sliding_windows(padded[:, : size[0], : size[1]], kernel, stride)
    best = seen.reshape(*lead, len(rows), len(columns), kernel[0] * kernel[1]).argmax(-1)
    row, column = best // kernel[1] + array_like(rows[:, None], x), best % kernel[1] + array_like(columns, x)
    return np.maximum(row, 0) * width + np.maximum(column, 0)  # a window of −∞ alone: not the padding before it
