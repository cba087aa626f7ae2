"""Convolution on arrays: strips of patches, matrix products, and the adjoint of both.

In memory, images are (H, N, W, C) here, rows first and channels last. Then every row r of an image, of the whole batch
at once, gives a *strip*: what a row of the kernel sees of it, (N·ow, kw·C), copied in runs of kw·C numbers. A strip
serves all rows u of the kernel that meet it,

    y[i] = Σᵤ strip[s·i + u − p] w[u],

and strips that follow each other are one block of memory, so each term is one product with w[u], which lies as
(kw·C, O). At the edges of an image u reaches into the zeros around it: those terms are left out.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from scratchgan.backend import array_module

THIN = 16  # numbers in a row of a strip: with fewer, products are so thin that copying whole patches takes less time


@dataclass(frozen=True)
class Geometry:
    """How a kernel (kh, kw) visits an image of ``size`` (H, W): with which stride, and how many zeros around it."""

    kernel: tuple
    stride: tuple
    padding: tuple
    size: tuple

    @property
    def output(self):
        """How often the kernel fits: o = ⌊(H + 2p − k) / s⌋ + 1 on each axis."""
        axes = zip(self.size, self.padding, self.kernel, self.stride)
        return tuple((n + 2 * p - k) // s + 1 for n, p, k, s in axes)

    @property
    def axes(self):
        """The visits to the rows, and those to the columns."""
        axes = zip(self.size, self.kernel, self.stride, self.padding, self.output)
        return tuple(Visits(n, k, s, -p, o) for n, k, s, p, o in axes)


class Meeting(NamedTuple):
    """Visits of a kernel that lay a tap on an element of the axis and not on a zero beside it; the first element."""

    tap: int
    visits: slice
    first: int


@dataclass(frozen=True)
class Visits:
    """A kernel's visits to one axis of ``length``: visit i of ``count`` lays tap u on element start + stride·i + u."""

    length: int
    taps: int
    stride: int
    start: int
    count: int

    @property
    def end(self):
        """Just after the last element visited."""
        return self.start + self.stride * (self.count - 1) + self.taps

    @cache  # every step of a training asks for the same ones
    def meetings(self):
        """For each tap that meets the axis, when and where."""
        meetings = []
        for tap in range(self.taps):
            at = self.start + tap  # where visit 0 lays it
            begin, end = max(0, -(at // self.stride)), min(self.count, -((at - self.length) // self.stride))
            if begin < end:
                meetings.append(Meeting(tap, slice(begin, end), at + self.stride * begin))
        return meetings


# The three partial derivatives of ⟨y, x ⋆ w⟩ -------------------------------------------------------------------------


def conv(x, w, geometry):
    """Patches times weights: (N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    return _outside(_correlate(_inside(x), _as_rows(w), geometry.axes))


def weight_grad(x, y, geometry):
    """Patchesᵀ times cotangents: (N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    (kh, kw), c, o = geometry.kernel, x.shape[1], y.shape[1]
    x, y = _inside(x), _inside(y)
    w = np.zeros_like(y, order="C", shape=(kh, kw * c, o))
    for taps, visits, patches in _strips(x, geometry.axes):
        w[taps] = (patches.T @ y[visits].reshape(-1, o)).reshape(w[taps].shape)
    return w.reshape(kh, kw, c, o).transpose(3, 2, 0, 1)


def conv_transpose(y, w, geometry):
    """The adjoint of `conv` in x, in the cheaper of two forms that give the same."""
    return (_scattered if _scatter_is_cheaper(y, w) else _by_phases)(y, w, geometry)


def _inside(x):
    """(N, C, H, W) -> (H, N, W, C)."""
    return x.transpose(2, 0, 3, 1)


def _outside(x):
    """(H, N, W, C) -> (N, C, H, W)."""
    return x.transpose(1, 3, 0, 2)


def _as_rows(w):
    """w (O, C, kh, kw) -> (kh, kw·C, O): free for weights that lie in memory as `nn.init` leaves them."""
    o, c, kh, kw = w.shape
    return w.transpose(2, 3, 1, 0).reshape(kh, kw * c, o)


# Patches -------------------------------------------------------------------------------------------------------------


def _correlate(x, w, axes):
    """Each patch of x (H, N, W, C) times w (kh, kw·C, O) -> (oh, N, ow, O)."""
    (vertical, horizontal), o = axes, w.shape[2]
    y = np.zeros_like(x, order="C", shape=(vertical.count, x.shape[1], horizontal.count, o))
    for i, (taps, visits, patches) in enumerate(_strips(x, axes)):
        rows, weights = y[visits].reshape(-1, o), w[taps].reshape(-1, o)
        if i == 0:  # there is nothing yet to add to
            np.matmul(patches, weights, out=rows)
        else:
            rows += patches @ weights
    return y


def _strips(x, axes):
    """The patches of x (H, N, W, C) by rows of the kernel: its taps, the visits that lay them on x, what these see.

    Visits that follow each other see rows of x a stride apart, so strips lie in that order.
    """
    vertical, horizontal = axes
    x, stride = _framed(x, horizontal, 2), vertical.stride
    if horizontal.taps * x.shape[3] < THIN:
        everywhere = Visits(vertical.end - vertical.start, vertical.taps, stride, 0, vertical.count)
        yield slice(None), slice(None), _flat(_seen(_framed(x, vertical, 0), everywhere, horizontal))
        return
    phases = [Visits(len(x), 1, stride, i, len(range(i, len(x), stride))) for i in range(stride)]
    strips = [_seen(x, phase, horizontal) for phase in phases]
    for tap, visits, first in vertical.meetings():
        count, phase, begin = visits.stop - visits.start, first % stride, first // stride
        yield slice(tap, tap + 1), visits, _flat(strips[phase][begin : begin + count])


def _framed(x, axis, dim):
    """The elements of x from the first to the last visited along a dimension, with zeros where there are none."""
    length, shape = x.shape[dim], list(x.shape)
    shape[dim] = axis.end - axis.start
    first, end = max(axis.start, 0), max(axis.start, 0, min(axis.end, length))
    elements = np.moveaxis(x, dim, 0)[first:end]
    if len(elements) == shape[dim]:
        return np.moveaxis(elements, 0, dim)
    frame = np.zeros_like(x, order="C", shape=shape)
    np.moveaxis(frame, dim, 0)[first - axis.start : end - axis.start] = elements
    return frame


def _seen(x, rows, columns):
    """What each visit sees of x (H, N, W, C), copied: (visits, N·ow, taps·kw·C)."""
    row, sample, column, channel = x.strides
    windows = array_module(x).lib.stride_tricks.as_strided(
        x[rows.start :],
        (rows.count, x.shape[1], columns.count, rows.taps, columns.taps, x.shape[3]),
        (rows.stride * row, sample, columns.stride * column, row, column, channel),
    )
    return windows.reshape(rows.count, x.shape[1] * columns.count, rows.taps * columns.taps * x.shape[3])


def _flat(strips):
    """(visits, N·ow, K) -> (visits·N·ow, K)."""
    visits, m, k = strips.shape
    return strips.reshape(visits * m, k)


# The adjoint, in two forms -------------------------------------------------------------------------------------------


def _scatter_is_cheaper(y, w):
    """For each tap of the kernel, with m positions of y in the batch, the scatter adds up m·C numbers; the phases copy
    m·O numbers into patches and turn O·C weights round. Adding takes as long as 10 copies, turning as 12 (measured).
    """
    (n, o, *output), c = y.shape, w.shape[1]
    m = n * output[0] * output[1]
    return 10 * m * c < m * o + 12 * o * c


def _scattered(y, w, geometry):
    """One product spreads each element of y over a patch; the patches are added up where `conv` would read them."""
    (o, c, kh, kw), (height, width), left, sw = w.shape, geometry.size, geometry.padding[1], geometry.stride[1]
    vertical, horizontal = geometry.axes
    y, w = _inside(y), _as_rows(w)
    flat = c < 8  # few channels: longer runs lie along the rows of the image, which is (C, H, N, W) in memory then
    shape = height, y.shape[1], left + max(width, horizontal.end)
    x = np.zeros_like(y, order="C", shape=(c, *shape) if flat else (*shape, c))
    x = np.moveaxis(x, 0, 3) if flat else x
    elements, taps = y.reshape(-1, o), w.reshape(-1, o)
    spread = ((taps @ elements.T).T if flat else elements @ taps.T).reshape(*y.shape[:3], kh, kw, c)
    for tap, visits, first in vertical.meetings():
        rows = slice(first, first + vertical.stride * (visits.stop - visits.start), vertical.stride)
        for v in range(kw):
            x[rows, :, v : v + sw * horizontal.count : sw] += spread[visits, :, :, tap, v]
    return _outside(x[:, :, left : left + width])


def _by_phases(y, w, geometry):
    """Of the image, every s-th row and column from any offset is a convolution of y with stride 1 ("sub-pixel" form).

    On one axis x[i] = Σ y[a] w[k] over a·s + k = i + p. For offset h < s write h + p = s·q + r. Then x[s·j + h] =
    Σₜ y[j + q − t] w[s·t + r]: every s-th tap from r on, in reverse order.
    """
    y, w, (sh, sw) = _inside(y), w.transpose(1, 0, 2, 3), geometry.stride
    phases = [[_phase(axis, offset) for offset in range(min(axis.stride, axis.length))] for axis in geometry.axes]
    x = np.empty_like(y, order="C", shape=(geometry.size[0], y.shape[1], geometry.size[1], len(w)))
    for i, (rows, vertical) in enumerate(phases[0]):
        for j, (columns, horizontal) in enumerate(phases[1]):
            taps = _as_rows(w[:, :, rows, columns][:, :, ::-1, ::-1])
            x[i::sh, :, j::sw] = _correlate(y, taps, (vertical, horizontal))
    return _outside(x)


def _phase(axis, offset):
    """The taps that reach offset, offset + s, …, as a slice, and how the outputs are visited to gather them."""
    q, r = divmod(offset - axis.start, axis.stride)
    taps = len(range(r, axis.taps, axis.stride))
    count = len(range(offset, axis.length, axis.stride))
    return slice(r, None, axis.stride), Visits(axis.count, taps, 1, q - taps + 1, count)
