"""Winograd's minimal filtering: the rows of a kernel over those of an image, with half of the products.

Along its rows, a convolution with stride 1 is what multiplies y in the trilinear form

    ⟨d, g ∗ y⟩ = Σ d[i + u] g[u] y[i],   u < r,  i < m,

of r rows g of the kernel, a *tile* of m rows y of the output, and the n = m + r − 1 rows d of the image that it is made
of. But g ∗ y, (g ∗ y)[j] = Σ g[u] y[j − u], is a product of polynomials. It has n coefficients, so its values at n
points determine it, and a value of the product is the product of the values. Let Vₖ (n, k) take k coefficients to the
values at fixed points, and ⊙ multiply element by element. Then g ∗ y = Vₙ⁻¹ [Vᵣ g ⊙ Vₘ y], and

    ⟨d, g ∗ y⟩ = ⟨Vₙ⁻ᵀ d, Vᵣ g ⊙ Vₘ y⟩,

which takes n products instead of m·r: 6 instead of 12 for the rows of a 3×3 kernel. The derivatives in y and in g are
`conv` and `weight_grad`, where each product is one of matrices, over the kernel's columns and the channels.

Source: Winograd, Arithmetic Complexity of Computations (1980); for networks Lavin & Gray (2016, arXiv:1509.09308).
"""

from dataclasses import replace
from functools import cache
from math import ceil

import numpy as np

from scratchgan.backend import array_module, solid
from scratchgan.functional.geometry import Visits

# And ∞. In float32 they leave 2.3 times the error of all products; 0, ±1 and ±2 would leave 3.3 times (measured).
POINTS = 0, 3 / 4, -3 / 4, 3 / 2, -3 / 2
VALUES = len(POINTS) + 1  # n


@cache
def pays(batch, vertical, horizontal):
    """Whether it takes less time than all products, for these visits to the rows and the columns of an image.

    Counted in products per pair of channels. Those made here count for 1½, as transforms come with them, and so do 150
    for each column of the kernel, to take its weights to the points (measured).
    """
    if not applies(vertical, horizontal):
        return False
    here = VALUES * ceil(vertical.count / _height(vertical.taps)) * horizontal.taps * horizontal.reach
    return batch * (vertical.touches * horizontal.touches - 1.5 * here) > 150 * horizontal.taps


def applies(vertical, horizontal):
    """Whether the kernel moves by one, and has rows to save and no more than the points determine."""
    return vertical.stride == horizontal.stride == 1 < vertical.taps < VALUES


def conv(x, w, vertical, horizontal):
    """Vₘᵀ [(Vₙ⁻ᵀ d) ⊙ (Vᵣ g)], as images lie in memory: (H, N, W, C) ⋆ (kh, kw, C, O) -> (oh, N, ow, O)."""
    (r, kw, c, o), batch = w.shape, x.shape[1]
    d = _seen(x, vertical, horizontal)
    g = (_values(r, w) @ w.reshape(r, -1)).reshape(VALUES, kw * c, o)
    y = np.empty_like(w, order="C", shape=(*d.shape[:2], o))
    y[:, d.shape[1] - kw + 1 :] = 0  # no patches are there; what memory held could warn when it is transformed
    for positions, patches in _patches(d, kw):
        np.matmul(patches, g, out=y[:, positions])
    m = _height(r)
    tiles = y.reshape(VALUES, ceil(vertical.count / m), -1).transpose(1, 0, 2)
    y = (_values(m, w).T @ tiles).reshape(-1, batch, horizontal.reach, o)
    return solid(y[: vertical.count, :, : horizontal.count])


def weight_grad(x, y, vertical, horizontal):
    """Vᵣᵀ Σ (Vₙ⁻ᵀ d) ⊙ (Vₘ y), the sum over all tiles: (H, N, W, C), (oh, N, ow, O) -> (kh, kw, C, O)."""
    r, kw, c, o = vertical.taps, horizontal.taps, x.shape[3], y.shape[3]
    d, m = _seen(x, vertical, horizontal), _height(r)
    y = _canvas(y, Visits(len(y), 1, 1, 0, m * ceil(len(y) / m)), Visits(y.shape[2], 1, 1, 0, horizontal.reach))
    y = _at_the_points(_values(m, y), y.reshape(-1, m, y[0].size)).reshape(VALUES, -1, o)
    g = sum(patches.transpose(0, 2, 1) @ y[:, positions] for positions, patches in _patches(d, kw))
    return (_values(r, y).T @ g.reshape(VALUES, -1)).reshape(r, kw, c, o)


def _height(r):
    """m = n + 1 − r, the height of a tile."""
    return VALUES + 1 - r


def _values(k, like):
    """Vₖ (n, k): k coefficients to a polynomial's values at the points; at ∞ it is the last of them."""
    return array_module(like).asarray(_vandermonde(k), like.dtype)


@cache
def _vandermonde(k):
    """Vₖ on the host, in float64."""
    return np.vstack([np.vander(POINTS, k, increasing=True), np.eye(k)[-1]])


@cache
def _inverse_transposed():
    """Vₙ⁻ᵀ (n, n)."""
    return np.linalg.inv(_vandermonde(VALUES)).T


def _seen(x, vertical, horizontal):
    """Vₙ⁻ᵀ d of all tiles: (H, N, W, C) -> (n, positions, C), tile by tile, image by image, column by column."""
    xp, m = array_module(x), _height(vertical.taps)
    tiles = ceil(vertical.count / m)
    rows = replace(vertical, taps=1, count=m * tiles + vertical.taps - 1)
    canvas = _canvas(x, rows, replace(horizontal, taps=1, count=horizontal.reach))
    row, *_, number = canvas.strides
    shape, strides = (tiles, VALUES, canvas[0].size), (m * row, row, number)
    d = xp.lib.stride_tricks.as_strided(canvas, shape, strides)  # tiles overlap by r − 1 rows
    return _at_the_points(xp.asarray(_inverse_transposed(), x.dtype), d).reshape(VALUES, -1, x.shape[3])


def _at_the_points(matrix, tiles):
    """matrix (n, k) times the k rows of each tile: (tiles, k, row) -> (n, tiles, row)."""
    values = np.empty_like(tiles, order="C", shape=(len(matrix), len(tiles), tiles.shape[2]))
    np.matmul(matrix, tiles, out=values.transpose(1, 0, 2))
    return values


def _patches(d, kw):
    """What the columns of a kernel see from each position, in kw sets: [(positions, (n, patches, kw·C))].

    Patches overlap. But those from 0, kw, 2kw, … lie side by side, as do those from 1, kw + 1, … and so on, so nothing
    is copied. From the last kw − 1 columns of an image they reach into the next one; what comes of that is left out.
    """
    for first in range(kw):
        count = (d.shape[1] - first) // kw
        end = first + count * kw
        yield slice(first, end, kw), d[:, first:end].reshape(VALUES, count, kw * d.shape[2])


def _canvas(x, rows, columns):
    """The elements of x (H, N, W, C) that are visited, and zeros where there are none, as one block of memory."""
    canvas = np.zeros_like(x, order="C", shape=(rows.count, x.shape[1], columns.count, x.shape[3]))
    for _, i, row in rows.meetings():
        for _, j, column in columns.meetings():
            canvas[i, :, j] = x[row:, :, column:][: i.stop - i.start, :, : j.stop - j.start]
    return canvas
