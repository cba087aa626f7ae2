"""Broadcasting, and its adjoint: a value that was spread over several elements collects the sum of their cotangents.

Here is also how arrays are summed.
"""

import numpy as np

from scratchgan.tensor import record


def sum_to(input, shape):
    """Sum ``input`` over the axes along which ``shape`` was broadcast to its shape: the adjoint of `broadcast_to`."""
    if input.shape == shape:
        return input
    extra = input.ndim - len(shape)
    spread = [i + extra for i, n in enumerate(shape) if n == 1 and input.shape[i + extra] != 1]
    value = total(input.data, (*range(extra), *spread)).reshape(shape)
    return record(value, (input, lambda g, y: broadcast_to(g, input.shape)))


def broadcast_to(input, size):
    """``input`` repeated along its axes of length 1, and along new leading ones, to the given size.

    Raises
    ------
    ValueError
        When another axis would have to change its length.
    """
    size = tuple(size)
    if input.shape == size:
        return input
    return record(np.broadcast_to(input.data, size), (input, lambda g, y: sum_to(g, input.shape)))


def expand(input, *size):
    """`broadcast_to`, where −1 keeps the length of an axis."""
    size = tuple(size[0] if len(size) == 1 and not isinstance(size[0], int) else size)
    extra = len(size) - input.ndim
    if -1 in size[: max(extra, 0)]:
        raise ValueError(f"expand: a new axis of {size} has no length to keep, shape {input.shape} ends before it")
    return broadcast_to(input, [input.shape[i - extra] if n == -1 else n for i, n in enumerate(size)])


# Sums of arrays ------------------------------------------------------------------------------------------------------

BLOCK = 16  # terms added one after the other; PyTorch's sums are about as accurate (measured)
SMALL = 128  # numbers that are added as NumPy likes: blocks would only take longer


def total(x, axes):
    """Σ x of an array over ``axes``, which are kept with length 1: every sum of the package.

    The rounding error of a sum grows with the number of terms that are added one after the other. NumPy adds pairs of
    halves along the axis that lies innermost in memory, but along others term after term. So those are added here in
    blocks, and then the sums of the blocks; the outermost first, because long runs of memory are added up fast.
    """
    if x.size <= SMALL:
        return x.sum(axes, keepdims=True)
    pairwise = _innermost_run(x, axes)
    for axis in outermost_first(x, axes):
        if x.shape[axis] > 1 and axis not in pairwise:
            x = _in_blocks(x, axis)
    return x.sum(axes, keepdims=True)


def total_product(a, b, axes):
    """Σ a b over ``axes``, which are kept with length 1, with no array of all products if an axis is short."""
    terms, multiplied = 1, []
    for axis in outermost_first(a, axes):
        if terms * a.shape[axis] <= SMALL:
            terms *= a.shape[axis]
            multiplied.append(axis)
    every = list(range(a.ndim))
    products = np.einsum(a, every, b, every, [axis for axis in every if axis not in multiplied])
    shape = [1 if axis in multiplied else n for axis, n in enumerate(a.shape)]
    return total(products.reshape(shape), axes)


def outermost_first(x, axes):
    """Axes in the order in which they lie in memory, from long strides to short ones."""
    return sorted(axes, key=lambda axis: -abs(x.strides[axis]))


def _innermost_run(x, axes):
    """Those of the axes that lie innermost in memory, one after the other, which NumPy adds pairwise."""
    run, length = [], x.dtype.itemsize
    for axis in outermost_first(x, range(x.ndim))[::-1]:
        if x.shape[axis] > 1:
            if axis not in axes or x.strides[axis] != length:
                break
            run.append(axis)
            length *= x.shape[axis]
    return run


def _in_blocks(x, axis):
    """Σ x over an axis, kept with length 1: the sums of blocks, then the sum of these, and of what no block holds."""
    n, lead = x.shape[axis], (slice(None),) * axis
    blocks = n // BLOCK
    if not blocks:
        return x.sum(axis, keepdims=True)
    whole = x[(*lead, slice(BLOCK * blocks))].reshape(*x.shape[:axis], BLOCK, blocks, *x.shape[axis + 1 :])
    y = _in_blocks(whole.sum(axis), axis)
    return y + x[(*lead, slice(BLOCK * blocks, None))].sum(axis, keepdims=True) if n % BLOCK else y
