"""Pooling by the maximum: find the winners, then gather them. The winners' positions are constants."""

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional.conv import pair
from scratchgan.functional.elementwise import refuse
from scratchgan.functional.resample import pooling, window_starts
from scratchgan.functional.shape import gather
from scratchgan.tensor import Tensor


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window of (…, H, W); the first of several equal ones takes the gradient.

    Parameters
    ----------
    return_indices : bool
        Also give the winners' positions in the flattened image, as integers.
    """
    refuse(dilation=pair(dilation) != (1, 1) and dilation)
    kernel, stride, padding = pooling(input, "max_pool2d", kernel_size, stride, padding)
    indices = _winners(input.data, kernel, stride, padding, ceil_mode)
    flat = indices.reshape(*indices.shape[:-2], -1 if indices.size else 0)
    y = gather(input.flatten(-2), input.ndim - 2, flat).reshape(indices.shape)
    return (y, Tensor(indices)) if return_indices else y


def _winners(x, kernel, stride, padding, ceil_mode):
    """The position in the flattened image of the largest element of each window."""
    (height, width), (kh, kw), (ph, pw) = x.shape[-2:], kernel, padding
    rows, columns = (
        window_starts(n, k, s, p, ceil_mode) for n, k, s, p in zip((height, width), kernel, stride, padding)
    )
    padded = np.full_like(x, -np.inf, shape=(*x.shape[:-2], rows[-1] + 2 * ph + kh, columns[-1] + 2 * pw + kw))
    shown = padded[..., ph : ph + height, pw : pw + width]
    shown[...] = x[..., : shown.shape[-2], : shown.shape[-1]]
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, (-2, -1))
    windows = windows[..., :: stride[0], :: stride[1], :, :][..., : len(rows), : len(columns), :, :]
    best = windows.reshape(*windows.shape[:-2], kh * kw).argmax(-1)
    row, column = best // kw + array_like(rows[:, None], x), best % kw + array_like(columns, x)
    return row * width + column
