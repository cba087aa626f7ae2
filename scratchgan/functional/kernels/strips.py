"""Convolution on arrays: strips of patches, matrix products, and the adjoint of both.

In memory, images are (H, N, W, C) here, rows first and channels last. Then a row r of an image, of the whole batch at
once, gives a *strip*: what a row of the kernel sees of it, (N·ow, kw·C), copied in runs of kw·C numbers. A strip serves
all rows u of the kernel that ever lie on it: with stride s, padding p and an output (oh, N, ow, O), row i of it is

    y[i] = Σᵤ strip[s·i + u − p] w[u],

and strips that follow each other are one block of memory, so each term is one product with w[u], which lies as
(kw·C, O). Strips hold no zeros from around the image, which would be a third of all factors for 5×5 kernels on 7×7
pixels with stride 2: terms whose rows lie outside are left out, and columns go in *bands* that see the same taps.

Every factor belongs to the result. This keeps the promise of `conv`: no zero is multiplied by a NaN from beside it.
"""

import math

import numpy as np

from scratchgan.backend import array_module, solid
from scratchgan.functional.kernels.geometry import Visits
from scratchgan.threads import product

THIN = 16  # numbers in a row of a strip; products of fewer take longer than to make rows of the kernel channels


# The three partial derivatives of ⟨y, x ⋆ w⟩ -------------------------------------------------------------------------


def conv(x, w, geometry):
    """Patches times weights: (N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    x, w, axes = _inside(x), _as_taps(w), geometry.axes
    if not _is_thin(x, w):
        return _outside(_correlate(_cut(x, axes), w, axes[0]))
    kw, o = w.shape[1], w.shape[3]
    parts = []
    for band, deep, flat in _deepened(x, axes):
        taps = w[band.taps].transpose(1, 0, 2, 3).reshape(1, kw, deep.shape[3], o)
        parts.append(_correlate(_cut(deep, flat), taps, flat[0]))
    return _outside(_joined(parts, 0))


def weight_grad(x, y, geometry):
    """Patchesᵀ times cotangents: (N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    x, y, axes, (kh, kw) = _inside(x), _inside(y), geometry.axes, geometry.kernel
    c, o = x.shape[3], y.shape[3]
    w = np.zeros_like(y, order="C", shape=(kh, kw, c, o))
    if _is_thin(x, w):
        for band, deep, flat in _deepened(x, axes):
            taps = np.zeros_like(w, shape=(1, kw, deep.shape[3], o))
            _add_products(_cut(deep, flat), y[band.visits], flat[0], taps)
            w[band.taps] += taps.reshape(kw, band.shape[1], c, o).transpose(1, 0, 2, 3)
    else:
        _add_products(_cut(x, axes), y, axes[0], w)
    return w.transpose(3, 2, 0, 1)


def conv_transpose(y, w, geometry):
    """The adjoint of `conv` in x, in the cheaper of two forms that give the same."""
    return (_scattered if _scatter_is_cheaper(y, w) else _by_phases)(y, w, geometry)


def _inside(x):
    """(N, C, H, W) -> (H, N, W, C): no copy where a convolution made x."""
    return solid(x.transpose(2, 0, 3, 1))


def _outside(x):
    """(H, N, W, C) -> (N, C, H, W)."""
    return x.transpose(1, 3, 0, 2)


def _as_taps(w):
    """w (O, C, kh, kw) -> (kh, kw, C, O): free for weights that lie in memory as `nn.init` leaves them."""
    return solid(w.transpose(2, 3, 1, 0))


def _joined(parts, axis):
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


# Strips --------------------------------------------------------------------------------------------------------------


def _cut(x, axes):
    """x (H, N, W, C) in bands of columns: [(band, strips)].

    Visits that follow each other see rows a stride apart. So there is an array for each phase: every stride-th row from
    some offset on, of which it holds what a row of the kernel sees, (rows, N, columns, taps, C), copied.
    """
    (vertical, horizontal), (row, sample, column, channel) = axes, x.strides
    cut = []
    for band in horizontal.bands():
        windows = array_module(x).lib.stride_tricks.as_strided(
            x[:, :, band.first :],
            (len(x), x.shape[1], *band.shape, x.shape[3]),
            (row, sample, horizontal.stride * column, column, channel),
        )
        cut.append((band, [solid(windows[phase :: vertical.stride]) for phase in range(vertical.stride)]))
    return cut


def _by_taps(strips, vertical):
    """By rows of the kernel: the tap, the visits that lay it on a strip, and these strips, as rows for a product."""
    for tap, visits, rows in vertical.by_tap():
        begin, phase = divmod(rows.start, vertical.stride)
        seen = strips[phase][begin : begin + visits.stop - visits.start]
        yield tap, visits, seen.reshape(math.prod(seen.shape[:3]), math.prod(seen.shape[3:]))


def _correlate(cut, w, vertical):
    """y[i] = Σᵤ strip[s·i + u − p] w[u], for w (kh, kw, C, O) -> (oh, N, ow, O)."""
    return _joined([_summed(strips, w[:, band.taps], vertical) for band, strips in cut], 2)


def _summed(strips, w, vertical):
    """The columns of y in one band."""
    (_, n, columns, *_), o = strips[0].shape, w.shape[3]
    y = np.zeros_like(w, order="C", shape=(vertical.count, n, columns, o))
    for i, (tap, visits, patches) in enumerate(_by_taps(strips, vertical)):
        rows, weights = y[visits].reshape(-1, o), w[tap].reshape(-1, o)
        if i == 0:  # there is nothing yet to add to
            product(patches, weights, out=rows)
        else:
            rows += product(patches, weights)
    return y


def _add_products(cut, y, vertical, w):
    """w[u] += Σᵢ strip[s·i + u − p]ᵀ y[i], for w (kh, kw, C, O) and y (oh, N, ow, O)."""
    for band, strips in cut:
        part = solid(y[:, :, band.visits])
        for tap, visits, patches in _by_taps(strips, vertical):
            taps = w[tap, band.taps]
            taps += product(patches.T, part[visits].reshape(-1, w.shape[3])).reshape(taps.shape)


# Images of few channels ----------------------------------------------------------------------------------------------


def _is_thin(x, w):
    """Whether the rows of a strip are so short that it is faster to treat the rows of the kernel as channels."""
    return w.shape[0] > 1 and w.shape[1] * x.shape[3] < THIN


def _deepened(x, axes):
    """The rows of a kernel as channels, band by band: the band, x' (visits, N, W, taps·C), and the visits to x'.

    In a band of rows, x'[i, …, u·C + c] = x[s·i + u − p, …, c]. So a kernel of one row visits each row of x' once.
    """
    vertical, horizontal = axes
    (_, n, width, c), s = x.shape, vertical.stride
    for band in vertical.bands():
        count, taps = band.shape
        deep = np.empty_like(x, order="C", shape=(count, n, width, taps, c))
        for u in range(taps):
            deep[:, :, :, u] = x[band.first + u :: s][:count]
        yield band, deep.reshape(count, n, width, taps * c), (Visits(count, 1, 1, 0, count), horizontal)


# The adjoint, in two forms -------------------------------------------------------------------------------------------


def _scatter_is_cheaper(y, w):
    """For each tap of the kernel, with m positions of y in the batch, the scatter adds up m·C numbers; the phases copy
    m·O numbers into strips and turn O·C weights round. Adding takes as long as 10 copies, turning as 12 (measured).
    """
    (n, o, *output), c = y.shape, w.shape[1]
    m = n * output[0] * output[1]
    return 10 * m * c < m * o + 12 * o * c


def _scattered(y, w, geometry):
    """One product spreads each element of y over a patch; the patches are added up where `conv` would read them."""
    (o, c, kh, kw), (vertical, horizontal) = w.shape, geometry.axes
    y, w = _inside(y), _as_taps(w)
    flat = c < 8  # few channels: longer runs lie along the rows of the image, which is (C, H, N, W) in memory then
    shape = vertical.length, y.shape[1], horizontal.length
    x = np.zeros_like(y, order="C", shape=(c, *shape) if flat else (*shape, c))
    x = np.moveaxis(x, 0, 3) if flat else x
    elements, taps = y.reshape(-1, o), w.reshape(-1, o)
    spread = (product(taps, elements.T).T if flat else product(elements, taps.T)).reshape(*y.shape[:3], kh, kw, c)
    for u, down, rows in vertical.by_tap():
        for v, across, columns in horizontal.by_tap():
            x[rows, :, columns] += spread[down, :, across, u, v]
    return _outside(x)


def _by_phases(y, w, geometry):
    """Of the image, every s-th row and column from any offset is a convolution of y with stride 1 ("sub-pixel" form).

    On one axis x[i] = Σ y[a] w[k] over a·s + k = i + p. For offset h < s write h + p = s·q + r. Then x[s·j + h] =
    Σₜ y[j + q − t] w[s·t + r]: every s-th tap from r on, in reverse order. With s = 2, four taps and p = 1 these are
    x[2j] = y[j] w[1] + y[j−1] w[3] and x[2j+1] = y[j+1] w[0] + y[j] w[2].
    """
    y, w, (sh, sw) = _inside(y), w.transpose(1, 0, 2, 3), geometry.stride
    vertical, horizontal = ([_phase(axis, h) for h in range(min(axis.stride, axis.length))] for axis in geometry.axes)
    x = np.empty_like(y, order="C", shape=(geometry.size[0], y.shape[1], geometry.size[1], len(w)))
    for j, (columns, across) in enumerate(horizontal):
        cut = _cut(y, (vertical[0][1], across))  # for all rows alike: their strides are 1
        for i, (rows, down) in enumerate(vertical):
            phase, taps = x[i::sh, :, j::sw], _as_taps(w[:, :, rows, columns][:, :, ::-1, ::-1])
            for band, strips in cut:
                phase[:, :, band.visits] = _summed(strips, taps[:, band.taps], down)
    return _outside(x)


def _phase(axis, offset):
    """The taps that reach offset, offset + s, …, as a slice, and how the outputs are visited to gather them."""
    q, r = divmod(offset - axis.start, axis.stride)
    taps = len(range(r, axis.taps, axis.stride))
    count = len(range(offset, axis.length, axis.stride))
    return slice(r, None, axis.stride), Visits(axis.count, taps, 1, q - taps + 1, count)
