"""Functions that move elements and never change them: all linear, all in adjoint pairs.

| function | its adjoint |
|---|---|
| reshape, permute | reshape and permute back |
| getitem (also with repeated indices) | scatter: add each element where it came from |
| pad with zeros by p | pad by −p, that is, crop |
| cat | the slices |
"""

import math

import numpy as np

from scratchgan.backend import array_module, is_array, plain
from scratchgan.functional.elementwise import agreed
from scratchgan.functional.reduce import axes_of
from scratchgan.tensor import Tensor, no_tensor, record

# Axes ----------------------------------------------------------------------------------------------------------------


def reshape(input, *shape):
    """The same elements in another shape; one axis may be −1."""
    return record(input.data.reshape(_ints(shape)), (input, lambda g, y: reshape(g, input.shape)))


def permute(input, *dims):
    """The axes in another order."""
    dims = _ints(dims)
    axes = axes_of(input, dims) if dims else ()
    if len(axes) != input.ndim:
        raise ValueError(f"permute: {dims} must name every axis of shape {input.shape} once")
    inverse = sorted(range(len(axes)), key=axes.__getitem__)
    return record(input.data.transpose(axes), (input, lambda g, y: permute(g, inverse)))


def _ints(values):
    """Both f(x, 2, 3) and f(x, (2, 3))."""
    return tuple(values[0]) if len(values) == 1 and not isinstance(values[0], (int, np.integer)) else values


def transpose(input, dim0, dim1):
    """Two axes exchanged, which is its own adjoint."""
    axes = axes_of(input, dim0) + axes_of(input, dim1)
    return _exchange(input, *axes) if axes else permute(input)


def _exchange(input, a, b):
    return record(input.data.swapaxes(a, b), (input, lambda g, y: _exchange(g, a, b)))


def flatten(input, start_dim=0, end_dim=-1):
    """The axes from ``start_dim`` to ``end_dim`` joined into one."""
    axes = axes_of(input, start_dim) + axes_of(input, end_dim)
    if not axes:
        return input.reshape(1)
    start, end = axes
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    joined = math.prod(input.shape[start : end + 1])
    return input.reshape(*input.shape[:start], joined, *input.shape[end + 1 :])


def unflatten(input, dim, sizes):
    """One axis split into several, the inverse of `flatten`."""
    (axis,) = axes_of(input, dim)
    return input.reshape(*input.shape[:axis], *sizes, *input.shape[axis + 1 :])


def squeeze(input, dim=None):
    """Without the axes of length 1, or without those named of them."""
    axes = () if dim == () else axes_of(input, dim)
    return input.reshape([n for i, n in enumerate(input.shape) if i not in axes or n != 1])


def unsqueeze(input, dim):
    """With a new axis of length 1 at ``dim``."""
    (axis,) = axes_of(input, dim, new=1)
    return input.reshape(*input.shape[:axis], 1, *input.shape[axis:])


# Joining -------------------------------------------------------------------------------------------------------------


def cat(tensors, dim=0):
    """The tensors joined along an axis; they agree in all others.

    Raises
    ------
    ValueError
        When they do not.
    """
    tensors = agreed(*_several(tensors))
    if not tensors:
        raise ValueError("cat: there are no tensors to join")
    (axis,) = axes_of(tensors[0], dim) or (0,)
    rest = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in tensors}
    if len(rest) > 1 or tensors[0].ndim == 0:
        raise ValueError(f"cat: shapes {[x.shape for x in tensors]} must agree except along dim={dim}, and not be 0-d")
    stops = np.cumsum([x.shape[axis] for x in tensors]).tolist()
    pieces = [(slice(None),) * axis + (slice(b - x.shape[axis], b),) for x, b in zip(tensors, stops)]
    edges = [(x, lambda g, y, piece=piece: g[piece]) for x, piece in zip(tensors, pieces)]
    return record(np.concatenate([x.data for x in tensors], axis), *edges)


def stack(tensors, dim=0):
    """The tensors, all of one shape, joined along a new axis."""
    return cat([unsqueeze(x, dim) for x in _several(tensors)], dim)


def _several(tensors):
    """The tensors; arrays among them as constants. One alone is not taken for its rows."""
    if isinstance(tensors, Tensor) or is_array(tensors) or not hasattr(tensors, "__iter__"):
        raise no_tensor("tensors", tensors, "a sequence of Tensors")
    return [_constant(f"tensors[{i}]", x) for i, x in enumerate(tensors)]


def _constant(name, x):
    if isinstance(x, Tensor):
        return x
    if is_array(x):
        return Tensor(x)
    raise no_tensor(name, x)


# Indexing ------------------------------------------------------------------------------------------------------------


def getitem(input, index):
    """``input[index]`` with NumPy's rules; indices are constants, tensors among them too."""
    index = _raw(index)
    return record(input.data[index], (input, lambda g, y: scatter(g, index, input)))


def scatter(input, index, like):
    """Zeros of the shape of ``like``, to which ``input`` is added at the index: the adjoint of `getitem`."""
    value = np.zeros_like(like.data)
    if _names_each_element_once(index):
        value[index] = input.data
    else:
        array_module(value).add.at(value, index, input.data)
    return record(value, (input, lambda g, y: getitem(g, index)))


def _raw(index):
    if isinstance(index, tuple):
        return tuple(_raw(item) for item in index)
    return index.data if isinstance(index, Tensor) else index


def _names_each_element_once(index):
    return all(
        item is None or item is Ellipsis or isinstance(item, (int, slice))
        for item in (index if isinstance(index, tuple) else (index,))
    )


def gather(input, dim, index):
    """Along ``dim``, the elements that ``index`` names: y[i, j] = x[index[i, j], j] for dim 0 of two axes.

    Raises
    ------
    IndexError
        For an index below 0 or beyond the end.
    """
    (axis,) = axes_of(input, dim) or (0,)
    index = indices("gather", index, input.shape[axis] if input.ndim else 1)
    others = [m <= n for i, (m, n) in enumerate(zip(index.shape, input.shape)) if i != axis]
    if index.ndim != input.ndim or not all(others):
        raise ValueError(f"gather: an index of shape {index.shape} does not fit {input.shape} beside dim={dim}")
    return taken(input, axis, index) if input.ndim else input


def taken(input, axis, index):
    """`gather` without a look at the index, which would have to wait for a GPU."""
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid = [array_module(index).asarray(axis) for axis in grid]
    grid[axis] = index
    return getitem(input, tuple(grid))


def index_select(input, dim, index):
    """The slices of ``input`` along ``dim`` that the one-dimensional ``index`` names, in its order.

    Raises
    ------
    IndexError
        For an index below 0 or beyond the end.
    """
    (axis,) = axes_of(input, dim) or (0,)
    index = indices("index_select", index, input.shape[axis] if input.ndim else 1)
    if index.ndim > 1:
        raise ValueError(f"index_select: an index has one axis, not the shape {index.shape}")
    return _selected(input, axis, index.reshape(-1))


def _selected(input, axis, index):
    return getitem(input if input.ndim else input.reshape(1), (slice(None),) * axis + (index,)).reshape(
        [len(index) if i == axis else n for i, n in enumerate(input.shape)]
    )


def indices(name, index, size):
    """An array of integers that name elements of an axis of the given size, counted from its beginning as in PyTorch.

    Raises
    ------
    TypeError
        For booleans and floating numbers.
    IndexError
        For an index below 0 or beyond the end.
    """
    index = plain(index.data if isinstance(index, Tensor) else index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, not {index.dtype}")
    if index.size and not (0 <= index.min() and index.max() < size):
        raise IndexError(f"{name}: indices {index.min()}…{index.max()} are not all in 0…{size - 1}")
    return index


# Padding -------------------------------------------------------------------------------------------------------------


def pad(input, pad, mode="constant", value=None):
    """``input`` with more, or for negative numbers fewer, elements at the ends of its last axes.

    Parameters
    ----------
    pad : sequence of int
        Before and after, in pairs that begin with the last axis: (left, right, top, bottom, …).
    mode : {"constant", "reflect", "replicate", "circular"}
    value : float, optional
        What a constant padding holds; 0 without it.

    Raises
    ------
    ValueError
        For an odd number of widths, more pairs than axes, an unknown mode, a width that a mode cannot fill.
    """
    pad = tuple(pad)
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(f"pad: {pad} must hold a pair of widths for each of up to {input.ndim} axes of {input.shape}")
    axes = range(input.ndim - 1, -1, -1)
    widths = [(axis, before, after) for axis, before, after in zip(axes, pad[::2], pad[1::2])]
    if mode == "constant":
        return _pad_constant(input, widths, value or 0)
    if mode not in _SOURCES:
        raise ValueError(f"pad: mode {mode!r} is none of 'constant', {', '.join(map(repr, _SOURCES))}")
    for axis, before, after in widths:
        source = _padded_positions(input.shape, axis, before, after, mode)
        input = _repeated(input, axis, source, before)
    return input


def _repeated(input, axis, source, before):
    """The elements along an axis that ``source`` names; from ``before`` on, these are all of them in their order."""
    size = input.shape[axis]
    array = input.data[(slice(None),) * axis + (array_module(input.data).asarray(source),)]
    return record(array, (input, lambda g, y: _folded(g, axis, source, before, size)))


def _folded(input, axis, source, before, size):
    """What was repeated, added where it came from: the adjoint of `_repeated`, without its slow sum at an index."""
    y, x = input.data.swapaxes(0, axis), np.zeros_like(input.data, shape=_resized(input.shape, axis, size))
    sums, first, last = x.swapaxes(0, axis), max(before, 0), min(before + size, len(source))
    sums[first - before : last - before] = y[first:last]
    for place in (*range(first), *range(last, len(source))):
        sums[source[place]] += y[place]
    return record(x, (input, lambda g, _: _repeated(g, axis, source, before)))


def _resized(shape, axis, size):
    return shape[:axis] + (size,) + shape[axis + 1 :]


def _pad_constant(input, widths, value):
    shape, outer, inner = list(input.shape), [slice(None)] * input.ndim, [slice(None)] * input.ndim
    for axis, before, after in widths:
        n = input.shape[axis]
        shape[axis] = n + before + after
        if shape[axis] < 0:
            raise ValueError(f"pad: widths {(before, after)} remove more than axis {axis} of {input.shape} has")
        outer[axis] = slice(max(before, 0), shape[axis] - max(after, 0))
        inner[axis] = slice(max(-before, 0), n - max(-after, 0))
    padded = np.full_like(input.data, value, shape=shape)  # keeps the memory order of the input
    padded[tuple(outer)] = input.data[tuple(inner)]
    back = [(axis, -before, -after) for axis, before, after in widths]
    return record(padded, (input, lambda g, y: _pad_constant(g, back, 0)))


_SOURCES = {
    "reflect": lambda i, n: (n - 1) - np.abs((n - 1) - np.abs(i)),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
    "circular": lambda i, n: i % n,
}


def _padded_positions(shape, axis, before, after, mode):
    """For each position after padding, the one before it that it repeats."""
    n = shape[axis]
    most = {"reflect": n - 1, "circular": n}.get(mode, math.inf if n else 0)
    least = 0 if mode == "circular" else -n
    if max(before, after) > most or min(before, after) < least or n + before + after < 0:
        raise ValueError(f"pad: mode {mode!r} cannot pad axis {axis} of shape {shape} by {(before, after)}")
    return _SOURCES[mode](np.arange(-before, n + after), n)


# Pixels --------------------------------------------------------------------------------------------------------------


def pixel_shuffle(input, upscale_factor):
    """Channels to pixels: (…, C r², H, W) -> (…, C, H r, W r)."""
    r, (*lead, channels, height, width) = upscale_factor, _image_shape(input, "pixel_shuffle")
    if r < 1 or channels % (r * r):
        raise ValueError(f"pixel_shuffle: {channels} channels are no multiple of {r}² = {r * r}")
    k = len(lead)
    split = input.reshape(*lead, channels // (r * r), r, r, height, width)
    return split.permute(*range(k + 1), k + 3, k + 1, k + 4, k + 2).reshape(
        *lead, channels // (r * r), height * r, width * r
    )


def pixel_unshuffle(input, downscale_factor):
    """Pixels to channels, the inverse of `pixel_shuffle`: (…, C, H r, W r) -> (…, C r², H, W)."""
    r, (*lead, channels, height, width) = downscale_factor, _image_shape(input, "pixel_unshuffle")
    if r < 1 or height % r or width % r:
        raise ValueError(f"pixel_unshuffle: an image of {height}×{width} is no multiple of {r}")
    k = len(lead)
    split = input.reshape(*lead, channels, height // r, r, width // r, r)
    return split.permute(*range(k + 1), k + 2, k + 4, k + 1, k + 3).reshape(
        *lead, channels * r * r, height // r, width // r
    )


def _image_shape(input, name):
    if input.ndim < 3:
        raise ValueError(f"{name} needs (…, C, H, W), got shape {input.shape}")
    return input.shape
