"""Convolution on arrays: strips of patches, matrix products, and the adjoint of both.

In memory, images are (H, N, W, C) here, rows first and channels last. Then a row r of an image, of the whole batch at
once, gives a *strip*: what a row of the kernel sees of it, (N·ow, kw·C), copied in runs of kw·C numbers. A strip serves
all rows u of the kernel that ever lie on it: with stride s, padding p and an output (oh, N, ow, O), row i of it is

    y[i] = Σᵤ strip[s·i + u − p] w[u],

and strips that follow each other are one block of memory, so each term is one product with w[u], which lies as
(kw·C, O). Strips hold no zeros from around the image, which would be a third of all factors for 5×5 kernels on 7×7
pixels with stride 2: terms whose rows lie outside are left out, and columns go in *bands* that meet the image with the
same taps. Where a kernel moves by one over many pixels, `winograd` needs fewer products.
"""

import math

import numpy as np

from scratchgan.backend import array_module, solid
from scratchgan.functional import winograd
from scratchgan.functional.geometry import Geometry, Visits

THIN = 16  # numbers in a row of a strip; products of fewer take longer than to make rows of the kernel channels


# The three partial derivatives of ⟨y, x ⋆ w⟩ -------------------------------------------------------------------------


def conv(x, w, geometry):
    """Patches times weights: (N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    if _is_thin(x, geometry):
        x, geometry = _deepened(x, geometry)
        w = w.transpose(0, 2, 1, 3).reshape(len(w), -1, 1, w.shape[3])
    x, w, axes = _inside(x), _as_taps(w), geometry.axes
    if winograd.pays(x.shape[1], *axes):
        return _outside(winograd.conv(x, w, *axes))
    return _outside(_correlate(_cut(x, axes), w, axes[0]))


def weight_grad(x, y, geometry):
    """Patchesᵀ times cotangents: (N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    (kh, kw), c, o = geometry.kernel, x.shape[1], y.shape[1]
    if _is_thin(x, geometry):
        x, deep = _deepened(x, geometry)
        w = weight_grad(x, y, deep).reshape(o, kh, c, kw).transpose(0, 2, 1, 3)
        return _as_taps(w).transpose(3, 2, 0, 1)  # in memory as all others
    x, y = _inside(x), _inside(y)
    if winograd.pays(x.shape[1], *geometry.axes):
        return winograd.weight_grad(x, y, *geometry.axes).transpose(3, 2, 0, 1)
    w = np.zeros_like(y, order="C", shape=(kh, kw, c, o))
    for band, strips in _cut(x, geometry.axes):
        part = solid(y[:, :, band.visits])
        for tap, visits, patches in _by_taps(strips, geometry.axes[0]):
            w[tap, band.taps] += (patches.T @ part[visits].reshape(-1, o)).reshape(-1, c, o)
    return w.transpose(3, 2, 0, 1)


def conv_transpose(y, w, geometry):
    """The adjoint of `conv` in x, in the cheapest of three forms that give the same."""
    if _scatter_is_cheaper(y, w):
        return _scattered(y, w, geometry)
    if geometry.stride == (1, 1) and winograd.pays(len(y), *geometry.turned.axes):
        return _turned(y, w, geometry)
    return _by_phases(y, w, geometry)


def _inside(x):
    """(N, C, H, W) -> (H, N, W, C): free for what convolutions leave."""
    return solid(x.transpose(2, 0, 3, 1))


def _outside(x):
    """(H, N, W, C) -> (N, C, H, W)."""
    return x.transpose(1, 3, 0, 2)


def _as_taps(w):
    """w (O, C, kh, kw) -> (kh, kw, C, O): free for weights that lie in memory as `nn.init` leaves them."""
    return solid(w.transpose(2, 3, 1, 0))


def _is_thin(x, geometry):
    """Whether the rows of a strip are so short that the rows of the kernel had better be channels."""
    return geometry.kernel[0] > 1 and geometry.kernel[1] * x.shape[1] < THIN


def _deepened(x, geometry):
    """The rows of a kernel as channels: x'[u, c, i, j] = x[c, s·i + u − p, j − q], which a kernel of one row visits.

    The q zeros on each side are part of x': a product of so few channels is cheaper than bands.
    """
    (n, c, _, width), (kh, kw), vertical, q = x.shape, geometry.kernel, geometry.axes[0], geometry.padding[1]
    deep = np.zeros_like(x, order="C", shape=(vertical.count, n, width + 2 * q, kh, c))
    x = _inside(x)
    for tap, visits, first in vertical.meetings():
        deep[visits, :, q : q + width, tap] = x[first :: vertical.stride][: visits.stop - visits.start]
    deep = _outside(deep.reshape(vertical.count, n, width + 2 * q, kh * c))
    return deep, Geometry((1, kw), (1, geometry.stride[1]), (0, 0), deep.shape[2:])


# Patches -------------------------------------------------------------------------------------------------------------


def _cut(x, axes):
    """x (H, N, W, C) in bands of columns: [(band, strips)].

    Visits that follow each other see rows a stride apart. So there is an array for each phase: every stride-th row from
    some offset on, of which it holds what a row of the kernel sees, (rows, N, columns, taps, C), copied.
    """
    (vertical, horizontal), (row, sample, column, channel) = axes, x.strides
    cut = []
    for band in horizontal.bands():
        columns, taps = (s.stop - s.start for s in (band.visits, band.taps))
        windows = array_module(x).lib.stride_tricks.as_strided(
            x[:, :, band.first :],
            (len(x), x.shape[1], columns, taps, x.shape[3]),
            (row, sample, horizontal.stride * column, column, channel),
        )
        cut.append((band, [solid(windows[phase :: vertical.stride]) for phase in range(vertical.stride)]))
    return cut


def _by_taps(strips, vertical):
    """By rows of the kernel: the tap, the visits that lay it on a strip, and these strips, as rows for a product."""
    for tap, visits, first in vertical.meetings():
        begin, phase = divmod(first, vertical.stride)
        seen = strips[phase][begin : begin + visits.stop - visits.start]
        yield tap, visits, seen.reshape(math.prod(seen.shape[:3]), math.prod(seen.shape[3:]))


def _correlate(cut, w, vertical):
    """y[i] = Σᵤ strip[s·i + u − p] w[u], for w (kh, kw, C, O) -> (oh, N, ow, O)."""
    parts = [_summed(strips, w[:, band.taps], vertical) for band, strips in cut]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, 2)


def _summed(strips, w, vertical):
    """The columns of y in one band."""
    (_, n, columns, *_), o = strips[0].shape, w.shape[3]
    y = np.zeros_like(w, order="C", shape=(vertical.count, n, columns, o))
    for i, (tap, visits, patches) in enumerate(_by_taps(strips, vertical)):
        rows, weights = y[visits].reshape(-1, o), w[tap].reshape(-1, o)
        if i == 0:  # there is nothing yet to add to
            np.matmul(patches, weights, out=rows)
        else:
            rows += patches @ weights
    return y


# The adjoint, in three forms -----------------------------------------------------------------------------------------


def _scatter_is_cheaper(y, w):
    """For each tap of the kernel, with m positions of y in the batch, the scatter adds up m·C numbers; the phases copy
    m·O numbers into strips and turn O·C weights round. Adding takes as long as 10 copies, turning as 12 (measured).
    """
    (n, o, *output), c = y.shape, w.shape[1]
    m = n * output[0] * output[1]
    return 10 * m * c < m * o + 12 * o * c


def _scattered(y, w, geometry):
    """One product spreads each element of y over a patch; the patches are added up where `conv` would read them."""
    (o, c, kh, kw), (height, width), left, sw = w.shape, geometry.size, geometry.padding[1], geometry.stride[1]
    vertical, horizontal = geometry.axes
    y, w = _inside(y), _as_taps(w)
    flat = c < 8  # few channels: longer runs lie along the rows of the image, which is (C, H, N, W) in memory then
    end = horizontal.start + horizontal.reach
    shape = height, y.shape[1], left + max(width, end)
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
    vertical, horizontal = ([_phase(axis, h) for h in range(min(axis.stride, axis.length))] for axis in geometry.axes)
    x = np.empty_like(y, order="C", shape=(geometry.size[0], y.shape[1], geometry.size[1], len(w)))
    for j, (columns, across) in enumerate(horizontal):
        cut = _cut(y, (vertical[0][1], across))  # for all rows alike: their strides are 1
        for i, (rows, down) in enumerate(vertical):
            taps = _as_taps(w[:, :, rows, columns][:, :, ::-1, ::-1])
            x[i::sh, :, j::sw] = _correlate(cut, taps, down)
    return _outside(x)


def _turned(y, w, geometry):
    """With stride 1 the adjoint is itself a convolution, of y with the kernel turned round."""
    taps = _as_taps(w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
    return _outside(winograd.conv(_inside(y), taps, *geometry.turned.axes))


def _phase(axis, offset):
    """The taps that reach offset, offset + s, …, as a slice, and how the outputs are visited to gather them."""
    q, r = divmod(offset - axis.start, axis.stride)
    taps = len(range(r, axis.taps, axis.stride))
    count = len(range(offset, axis.length, axis.stride))
    return slice(r, None, axis.stride), Visits(axis.count, taps, 1, q - taps + 1, count)
