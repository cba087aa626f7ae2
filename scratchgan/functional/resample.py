"""Resampling: pooling by averages, and interpolation. Each is linear and separable: one matrix for each axis.

    y = A_h x A_wᵀ

Row i of A holds the weights with which output i reads the inputs: a run of equal ones for an average, a single 1 for
the nearest neighbour, two neighbours' shares for linear interpolation. Nearly all others are 0 and are left out, so no
NaN reaches an output that does not read it. The rest is a sum of *layers*, each with at most one weight in a row and in
a column: y[rows] += weights x[columns]. The adjoint has the same layers with rows and columns exchanged, so one
primitive, ``along``, differentiates itself.
"""

import math
from functools import cache

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional.conv import pair
from scratchgan.functional.elementwise import refuse
from scratchgan.functional.kernels.geometry import Visits
from scratchgan.tensor import floating, record


def along(input, layers, length, dim):
    """y[…, rows, …] = Σ weights · x[…, columns, …] on axis ``dim``, which gets another length.

    Parameters
    ----------
    layers : list of (rows, columns, weights)
        Indices or slices of the axis, and an array of weights; without it (None) they are 1.
    """
    x, lead = input.data, (slice(None),) * dim
    y = np.zeros_like(x, shape=(*x.shape[:dim], length, *x.shape[dim + 1 :]))
    for rows, columns, weights in layers:
        seen = x[(*lead, columns)]
        if weights is not None:
            seen = seen * array_like(weights.astype(x.dtype).reshape(-1, *[1] * (x.ndim - dim - 1)), x)
        y[(*lead, rows)] += seen
    adjoint = [(columns, rows, weights) for rows, columns, weights in layers]
    return record(y, (input, lambda g, y: along(g, adjoint, x.shape[dim], dim)))


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
        start = window_starts(size, k, s, p, ceil_mode)
        windows = Visits(size, k, s, -p, len(start))
        layers = [(visits, elements, None) for _, visits, elements in windows.by_tap()]
        input = along(input, layers, len(start), dim % input.ndim)
        beside = p if count_include_pad else 0
        counts.append(np.minimum(start + k, size + beside) - np.maximum(start, -beside))
    divisor = np.multiply.outer(*counts) if divisor_override is None else np.array(divisor_override)
    return input / array_like(divisor.astype(input.dtype), input.data)


def pooling(input, name, kernel_size, stride, padding):
    """Kernel, stride and padding of a pooling of (…, H, W), checked."""
    floating(**{f"{name}: input": input})
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


def blur(input):
    """Each pixel of (N, C, H, W) as a mean of itself and its neighbours, weighed by [1, 2, 1]ᵀ [1, 2, 1] / 16.

    The binomial filter: it lets no chessboard pass. Beyond the border the image is 0.
    """
    floating(**{"blur: input": input})
    if input.ndim != 4:
        raise ValueError(f"blur needs images (N, C, H, W), got shape {input.shape}")
    for dim in (2, 3):
        every, left, right = slice(None), slice(None, -1), slice(1, None)
        layers = [(every, every, None), (every, every, None), (right, left, None), (left, right, None)]
        input = along(input, layers, input.shape[dim], dim)
    return input / 16


# Interpolation -------------------------------------------------------------------------------------------------------


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
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

    Raises
    ------
    TypeError
        For a linear mode of data that are not floating.
    ValueError
        When not exactly one of ``size`` and ``scale_factor`` is given, or they do not fit the input's axes.
    NotImplementedError
        For other modes, ``antialias``, and ``align_corners`` with a nearest neighbour.
    """
    axes = input.ndim - 2
    refuse(False, antialias=antialias)
    if mode not in (*_NEAREST, *_LINEAR):
        known = ", ".join([*_NEAREST, *_LINEAR])
        raise NotImplementedError(f"interpolate: mode {mode!r} is not supported, these are: {known}")
    if axes < 1 or axes != _LINEAR.get(mode, axes):
        raise ValueError(f"interpolate: mode {mode!r} does not go with an input of shape {input.shape}")
    if mode in _NEAREST:
        refuse(None, align_corners=align_corners)
    else:
        floating(**{f"interpolate, mode {mode!r}: input": input})
    for dim, (length, scale) in enumerate(_lengths(input, size, scale_factor, recompute_scale_factor), start=2):
        n = input.shape[dim]
        if mode in _LINEAR:
            layers = _linear(n, length, scale, bool(align_corners))
        else:
            layers = _nearest(n, length, scale, _NEAREST[mode], as_images=mode == "nearest" and axes == 2)
        input = along(input, layers, length, dim)
    return input


_NEAREST = {"nearest": 0.0, "nearest-exact": 0.5}  # where in a new pixel its old one is looked up
_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}  # for how many axes


def _lengths(input, size, scale_factor, recompute):
    """For each axis of an image the new length, and the scale that was given for it (or None)."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate needs either size or scale_factor")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, not with size")
        return [(int(length), None) for length in _of_each_axis(size, input, "whole number", (int, np.integer))]
    scales = _of_each_axis(scale_factor, input, "number", (int, float, np.number))
    lengths = [math.floor(n * scale) for n, scale in zip(input.shape[2:], scales)]
    if min(lengths) < 1:
        axis = 2 + lengths.index(0)
        raise ValueError(f"interpolate: scale_factor {scale_factor} leaves nothing of axis {axis} of {input.shape}")
    return [(length, None if recompute else float(scale)) for length, scale in zip(lengths, scales)]


def _of_each_axis(value, input, what, kinds):
    """One value for all axes of an image, or one for each, checked."""
    axes = input.ndim - 2
    values = (value,) * axes if np.ndim(value) == 0 else tuple(value)
    if len(values) != axes or not all(isinstance(v, kinds) and 0 < v < math.inf for v in values):
        raise ValueError(
            f"interpolate: {value} should be a positive {what} for each of the {axes} axes of {input.shape}"
        )
    return values


@cache
def _nearest(n, length, scale, offset, as_images):
    """Output i reads input ⌊(i + offset) / scale⌋.

    A whole scale repeats each input. Others are computed in float32 as in PyTorch, where a position that is nearly
    whole may be rounded to the next one. Images whose length stays or doubles are copied or repeated, also as there.
    """
    whole = length % n == 0 and scale in (None, length // n)
    if whole or (as_images and length in (n, 2 * n)):
        source = np.arange(length) // (length // n)
    else:
        step = np.float32(1 / scale) if scale else np.float32(n) / np.float32(length)
        source = np.floor((np.arange(length, dtype=np.float32) + np.float32(offset)) * step).astype(int)
    return _layers(np.arange(length), np.minimum(source, n - 1))


@cache
def _linear(n, length, scale, align_corners):
    """Output i lies between two inputs and reads each by its nearness; whoever keeps its length is copied."""
    at = np.arange(length)
    if align_corners:
        position = at * ((n - 1) / max(length - 1, 1))
    elif length == n:
        position = at * 1.0
    else:
        position = np.maximum((at + 0.5) * (1 / scale if scale else n / length) - 0.5, 0)
    position = np.minimum(position, n - 1)
    left = np.floor(position).astype(int)
    share = position - left
    between = share > 0
    right = at[between], left[between] + 1, share[between]
    return _layers(at, left, 1 - share) + _layers(*right)


def _layers(rows, columns, weights=None):
    """Elements of a matrix in layers. No row occurs twice; the r-th element of each column goes to layer r."""
    turn = np.arange(len(columns)) - np.searchsorted(columns, columns)  # columns ascend
    chosen = [turn == r for r in range(turn.max(initial=-1) + 1)]
    return [(_sliced(rows[c]), _sliced(columns[c]), weights if weights is None else weights[c]) for c in chosen]


def _sliced(index):
    """Ascending positions as a slice, which copies nothing, if their distances are equal."""
    step = index[1] - index[0] if len(index) > 1 else 1
    even = (np.diff(index) == step).all()
    return slice(int(index[0]), int(index[-1]) + 1, int(step)) if even else index
