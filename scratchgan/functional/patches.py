"""Convolution on arrays: patches, one matrix product, and the adjoint of both.

In memory, images are (H, N, W, C) here, rows first and channels last. A patch is then copied in runs of kw·C numbers.
And output rows that follow each other, over the whole batch, are one block: the result of one product of their patches
with the weights, which lie as (kh·kw·C, O).

Rows go in *bands*. At the edges of an image a patch reaches into the zeros around it: those rows of the kernel take no
part in the band's product (of 5×5 kernels on 7×7 pixels, with stride 2, that saves a fifth). And the patches of a band
are few enough to be in the cache still when the product reads them.
"""

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from scratchgan.backend import array_module

TILE = 2**22  # bytes of patches that the cache still holds when the product reads them


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


class Band(NamedTuple):
    """Visits that follow each other, the taps with which they all meet the axis, and where the first of them does."""

    visits: slice
    taps: slice
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
    def bands(self, most):
        """The visits in bands of at most ``most``, each of which meets the axis with the same taps."""
        bands = []
        for (tap, end), visits in groupby(range(self.count), self._met):
            visits = list(visits)
            for i in range(visits[0], visits[-1] + 1, most):
                first = self.start + self.stride * i + tap
                bands.append(Band(slice(i, min(i + most, visits[-1] + 1)), slice(tap, end), first))
        return bands

    def _met(self, i):
        """The taps of visit i, from one to before another, that meet an element and not a zero beside the axis."""
        first = self.start + self.stride * i
        tap = min(max(-first, 0), self.taps)
        return tap, max(tap, min(self.length - first, self.taps))


# The three partial derivatives of ⟨y, x ⋆ w⟩ -------------------------------------------------------------------------


def conv(x, w, geometry):
    """Patches times weights: (N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    return _outside(_correlate(_inside(x), _as_rows(w), geometry.axes))


def weight_grad(x, y, geometry):
    """Patchesᵀ times cotangents: (N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    vertical, horizontal = geometry.axes
    c, o = x.shape[1], y.shape[1]
    x, y = _columns(_inside(x), horizontal), _inside(y)
    w = np.zeros_like(y, order="C", shape=(vertical.taps, horizontal.taps * c, o))
    for band in _bands(x, geometry.axes):
        patches = _rows(_windows(x, band, geometry.axes))
        w[band.taps] += (patches.T @ y[band.visits].reshape(-1, o)).reshape(-1, *w.shape[1:])
    return w.reshape(*geometry.kernel, c, o).transpose(3, 2, 0, 1)


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
    vertical, horizontal = axes
    x, o = _columns(x, horizontal), w.shape[2]
    y = np.empty_like(x, order="C", shape=(vertical.count, x.shape[1], horizontal.count, o))
    for band in _bands(x, axes):
        patches = _rows(_windows(x, band, axes))
        np.matmul(patches, w[band.taps].reshape(-1, o), out=y[band.visits].reshape(-1, o))
    return y


def _bands(x, axes):
    """Bands of rows whose patches of x (H, N, W, C) take at most `TILE` bytes, or one row; on a GPU, of any size."""
    vertical, horizontal = axes
    visit = x.shape[1] * horizontal.count * vertical.taps * horizontal.taps * x.shape[3] * x.dtype.itemsize
    return vertical.bands(max(1, TILE // max(visit, 1)) if isinstance(x, np.ndarray) else vertical.count)


def _columns(x, axis):
    """The columns of x (H, N, W, C) from the first to the last visited, with zeros where there are none."""
    height, n, width, c = x.shape
    if 0 <= axis.start and axis.end <= width:
        return x[:, :, axis.start :]
    columns = np.zeros_like(x, order="C", shape=(height, n, axis.end - axis.start, c))
    first, end = max(axis.start, 0), max(axis.start, 0, min(axis.end, width))
    columns[:, :, first - axis.start : end - axis.start] = x[:, :, first:end]
    return columns


def _windows(x, band, axes):
    """What each visit of a band sees of x (H, N, W, C), as a view (visits, N, ow, taps, kw, C)."""
    vertical, horizontal = axes
    row, sample, column, channel = x.strides
    visits, taps = (s.stop - s.start for s in (band.visits, band.taps))
    return array_module(x).lib.stride_tricks.as_strided(
        x[band.first :],
        (visits, x.shape[1], horizontal.count, taps, horizontal.taps, x.shape[3]),
        (vertical.stride * row, sample, horizontal.stride * column, row, column, channel),
    )


def _rows(windows):
    """Windows copied, a row each: the patches (visits·N·ow, taps·kw·C)."""
    visits, n, ow, taps, kw, c = windows.shape
    return windows.reshape(visits * n * ow, taps * kw * c)


# The adjoint, in two forms -------------------------------------------------------------------------------------------


def _scatter_is_cheaper(y, w):
    """For each tap of the kernel, with m positions of y in the batch, the scatter adds up m·C numbers; the phases copy
    m·O numbers into patches and turn O·C weights round. Adding takes as long as 5 copies, turning as 12 (measured).
    """
    (n, o, *output), c = y.shape, w.shape[1]
    m = n * output[0] * output[1]
    return 5 * m * c < m * o + 12 * o * c


def _scattered(y, w, geometry):
    """One product spreads each element of y over a patch; the patches are added up where `conv` would read them."""
    (o, c, *_), (height, width), left = w.shape, geometry.size, geometry.padding[1]
    y, w = _inside(y), _as_rows(w)
    flat = c < 8  # few channels: longer runs lie along the rows of the image, which is (C, H, N, W) in memory then
    shape = height, y.shape[1], left + max(width, geometry.axes[1].end)
    x = np.zeros_like(y, order="C", shape=(c, *shape) if flat else (*shape, c))
    x = np.moveaxis(x, 0, 3) if flat else x
    for band in _bands(x, geometry.axes):
        windows = _windows(x, band, geometry.axes)
        rows, taps = y[band.visits].reshape(-1, o), w[band.taps].reshape(-1, o)
        spread = ((taps @ rows.T).T if flat else rows @ taps.T).reshape(windows.shape)
        for u, v in np.ndindex(windows.shape[3:5]):
            windows[:, :, :, u, v] += spread[:, :, :, u, v]
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
