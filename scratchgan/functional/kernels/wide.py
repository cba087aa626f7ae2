"""Large images under a kernel of stride 1 that keeps their width: wide products, and few copies.

A product is fast when none of its sides is short, and when what it reads still lies in the cache. So here the rows u
of the kernel stand side by side, (kw·C, kh·O), and the rows r of an image come a few at a time. `conv` multiplies what
is seen of a row with all rows of the kernel at once,

    P[r, u] = strip[r] w[u],    y[i] = Σᵤ P[i + u − p, u],

and `weight_grad` with all outputs that see it: w[u] = Σᵣ strip[r]ᵀ y[r − u + p], for all u at once. With 64 channels
and 3×3 taps these are products with 192 columns, where those for one u have 64.

`conv` copies no strips. Pixels lie in memory one after the other, so what a row of the kernel sees is a run of kw·C
numbers, wherever it begins; and every kw-th run, one below the other, is the image itself, read as rows of kw·C. A run
that goes over the end of a row belongs to no output. In its place comes what the kernel sees at an edge.
"""

from dataclasses import replace

import numpy as np

from scratchgan.backend import solid
from scratchgan.functional.kernels.geometry import Visits
from scratchgan.threads import product

BLOCK = 2**20  # bytes that are written at once: half of a core's cache
WIDE = 256  # numbers in a row of P: more make a product no faster


def pays(x, axes, outputs):
    """Whether this way is faster: for images (H, N, W, C) that it can treat, and whose strips would fill the cache.

    A row of P must not be longer than the run that is multiplied, as its numbers are added up. On a GPU it is never
    faster: that wants few products, and large ones.
    """
    vertical, horizontal = axes
    return (
        vertical.stride == horizontal.stride == 1 < horizontal.taps <= horizontal.length == horizontal.count
        and vertical.taps * outputs <= min(WIDE, horizontal.taps * x.shape[3])
        and isinstance(x, np.ndarray)
        and x.nbytes * horizontal.taps > BLOCK
    )


def conv(x, w, axes):
    """x (H, N, W, C), w (kh, kw, C, O) -> y (oh, N, W, O)."""
    (vertical, horizontal), (kh, kw, c, o), (_, n, width, _) = axes, w.shape, x.shape
    y = np.zeros_like(w, order="C", shape=(vertical.count, n, width, o))
    w = w.transpose(1, 2, 0, 3).reshape(kw, c, kh * o)
    for some in _blocks(slice(0, len(x)), n * width * kh * o * x.itemsize):
        rows = x[some]
        products = _seen(rows, w, horizontal).reshape(len(rows), n, width, kh, o)
        for tap, visits, seen in replace(vertical, length=len(rows), start=vertical.start - some.start).by_tap():
            y[visits] += products[seen, :, :, tap]
    return y


def _seen(x, w, horizontal):
    """For each pixel of x (rows, N, W, C), what a row of the kernel around it sees, times w (kw, C, m): (pixels, m)."""
    (kw, c, m), pixels = w.shape, x.reshape(-1, x.shape[3])
    y = np.empty_like(w, order="C", shape=(len(pixels), m))
    for first in range(kw):
        count = (len(pixels) - first) // kw
        runs = pixels[first : first + count * kw].reshape(count, kw * c)
        product(runs, w.reshape(kw * c, m), out=y[first - horizontal.start :: kw][:count])
    columns = y.reshape(-1, horizontal.count, m)
    for band in horizontal.bands():
        if band.shape[1] < kw:  # at an edge, where each column is a band of its own
            seen = x[:, :, band.first :][:, :, : band.shape[1]].reshape(len(columns), -1)
            product(seen, w[band.taps].reshape(-1, m), out=columns[:, band.visits.start])
    return y


def weight_grad(x, y, axes):
    """x (H, N, W, C), y (oh, N, W, O) -> w (kh, kw, C, O)."""
    (vertical, horizontal), n, c, o = axes, x.shape[1], x.shape[3], y.shape[3]
    kh, kw = vertical.taps, horizontal.taps
    outputs = Visits(vertical.count, kh, 1, 1 - kh - vertical.start, vertical.length)  # to which a row gives, u falling
    w = np.zeros_like(y, order="C", shape=(kw, c, kh, o))
    for rows in outputs.bands():
        for columns in horizontal.bands():
            (width, across), down, taps = columns.shape, rows.shape[1], w[columns.taps, :, rows.taps]
            for some in _blocks(rows.visits, n * width * (across * c + down * o) * x.itemsize):
                first, count = rows.first + some.start - rows.visits.start, some.stop - some.start
                seen = _windows(x[some, :, columns.first :], 2, (count, n, width, across, c))
                seeing = _windows(y[first:, :, columns.visits], 0, (count, n, width, down, o))
                taps += product(seen.T, seeing).reshape(taps.shape)
    return solid(w[:, :, ::-1].transpose(2, 0, 1, 3))


def _windows(x, axis, shape):
    """From each pixel of x (H, N, W, C) on, some taps along an axis: (rows, N, columns, taps, C), as a matrix."""
    strides = *x.strides[:3], x.strides[axis], x.strides[3]
    windows = solid(np.lib.stride_tricks.as_strided(x, shape, strides, subok=True))
    return windows.reshape(-1, shape[3] * shape[4])


def _blocks(rows, size):
    """Slices of a slice of rows, of ``size`` bytes each, that are nearly equal and of about `BLOCK` bytes."""
    total = rows.stop - rows.start
    count = min(total, max(1, round(total * size / BLOCK)))
    edges = [rows.start + total * i // count for i in range(count + 1)]
    return [slice(*pair) for pair in zip(edges, edges[1:])]
