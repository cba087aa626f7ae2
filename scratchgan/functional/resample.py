"""Resampling: pooling by averages, and interpolation. Each is linear and separable: one matrix for each axis.

    y = A_h x A_wᵀ

Row i of A holds the weights with which output i reads the inputs: a run of equal ones for an average, a single 1 for
the nearest neighbour, two neighbours' shares for linear interpolation. The adjoint is the transposed matrix, so one
primitive, ``along``, differentiates itself.
"""

import math

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional.conv import pair
from scratchgan.functional.elementwise import refuse
from scratchgan.tensor import record
from scratchgan.threads import product


def along(input, matrix, dim):
    """y[…, i, …] = Σⱼ matrix[i, j] x[…, j, …] on axis ``dim``."""
    rows = np.moveaxis(input.data, dim, 0)
    value = product(matrix, rows.reshape(len(rows), -1)).reshape(-1, *rows.shape[1:])
    value = np.moveaxis(value, 0, dim)
    return record(value, (input, lambda g, y: along(g, matrix.T, dim)))


# Averages ------------------------------------------------------------------------------------------------------------


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window of (…, H, W).

    Parameters
    ----------
    stride : int or (int, int), optional
        ``kernel_size`` without it.
    ceil_mode : bool
        Keep a last window that only partly fits.
    count_include_pad : bool
        Whether the zeros of the padding count as elements.
    divisor_override : int, optional
        Divide by it instead of by the number of elements.
    """
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override must not be zero")
    kernel, stride, padding = pooling(input, "avg_pool2d", kernel_size, stride, padding)
    counts = []
    for dim, size, k, s, p in zip((-2, -1), input.shape[-2:], kernel, stride, padding):
        windows, padded = _windows(size, k, s, p, ceil_mode)
        input = along(input, array_like(windows.astype(input.dtype), input.data), dim % input.ndim)
        counts.append(padded if count_include_pad else windows.sum(1))
    divisor = np.multiply.outer(*counts) if divisor_override is None else np.array(divisor_override)
    return input / array_like(divisor.astype(input.dtype), input.data)


def pooling(input, name, kernel_size, stride, padding):
    """Kernel, stride and padding of a pooling of (…, H, W), checked."""
    kernel, padding = pair(kernel_size), pair(padding, least=0)
    stride = kernel if stride is None or stride == () or stride == [] else pair(stride)
    if input.ndim not in (3, 4):
        raise ValueError(f"{name} needs an image (N, C, H, W) or (C, H, W), got shape {input.shape}")
    if any(2 * p > k for p, k in zip(padding, kernel)):
        raise ValueError(f"{name}: padding {padding} is more than half the kernel {kernel}")
    if any(n + 2 * p < k for n, p, k in zip(input.shape[-2:], padding, kernel)):
        raise ValueError(f"{name}: a kernel of {kernel} is larger than {input.shape[-2:]} padded by {padding}")
    return kernel, stride, padding


def window_starts(size, kernel, stride, padding, ceil_mode):
    """Where the windows along an axis begin; a window that begins in the padding after the image is left out."""
    span = size + 2 * padding - kernel
    count = (-(-span // stride) if ceil_mode else span // stride) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return np.arange(count) * stride - padding


def _windows(size, kernel, stride, padding, ceil_mode):
    """The matrix that sums each window, and the elements that each has with the padding counted."""
    start = window_starts(size, kernel, stride, padding, ceil_mode)
    position = np.arange(size) - start[:, None]
    return (0 <= position) & (position < kernel), np.minimum(start + kernel, size + padding) - start


# Interpolation -------------------------------------------------------------------------------------------------------


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
    """Images (N, C, …) of another size.

    Parameters
    ----------
    size : int or sequence of int, optional
    scale_factor : float or sequence of float, optional
        Either this or ``size``: the output has ⌊n · scale⌋ pixels.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "trilinear"}
    align_corners : bool, optional
        For the linear modes: whether the centres of the corner pixels (True) or their outer edges (False) stay.
    recompute_scale_factor : bool, optional
        Take the scale from the whole number of pixels.
    """
    axes = input.ndim - 2
    needed = {"linear": 1, "bilinear": 2, "trilinear": 3}.get(mode, axes)
    if mode not in _WEIGHTS:
        raise NotImplementedError(f"interpolate: mode {mode!r} is not supported, these are: {', '.join(_WEIGHTS)}")
    if axes < 1 or axes != needed:
        raise ValueError(f"interpolate: mode {mode!r} does not go with an input of shape {input.shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate needs either size or scale_factor")
    if mode.startswith("nearest"):
        refuse(None, align_corners=align_corners)
    given = size if scale_factor is None else scale_factor
    given = (given,) * axes if isinstance(given, (int, float, np.number)) else tuple(given)
    if len(given) != axes or min(given) <= 0:
        raise ValueError(
            f"interpolate: {given} should be a positive number for each of the {axes} axes of {input.shape}"
        )
    for dim, (n, factor) in enumerate(zip(input.shape[2:], given), start=2):
        length = int(factor) if scale_factor is None else math.floor(n * factor)
        if length < 1:
            raise ValueError(f"interpolate: scale_factor {factor} leaves nothing of axis {dim} of {input.shape}")
        known = scale_factor is not None and not recompute_scale_factor
        step = (1, factor) if known else (n, length)  # a fraction: 49 · (1/49) would be less than 1
        matrix = _WEIGHTS[mode](n, length, step, align_corners)
        input = along(input, array_like(matrix.astype(input.dtype), input.data), dim)
    return input


def _nearest(n, length, step, _, offset=0.0):
    source = np.floor((np.arange(length) + offset) * step[0] / step[1]).astype(int)
    return np.minimum(source, n - 1)[:, None] == np.arange(n)


def _nearest_exact(n, length, step, _):
    return _nearest(n, length, step, _, offset=0.5)


def _linear(n, length, step, align_corners):
    if align_corners:
        position = np.arange(length) * ((n - 1) / max(length - 1, 1))
    else:
        position = np.maximum((np.arange(length) + 0.5) * (step[0] / step[1]) - 0.5, 0)
    position = np.minimum(position, n - 1)
    return np.maximum(1 - np.abs(position[:, None] - np.arange(n)), 0)  # a tent over each pixel


_WEIGHTS = {
    "nearest": _nearest,
    "nearest-exact": _nearest_exact,
    "linear": _linear,
    "bilinear": _linear,
    "trilinear": _linear,
}
