"""Reductions: the cotangent of a sum is spread over the elements that were summed."""

import math

import numpy as np

from scratchgan.functional.broadcast import broadcast_to, total
from scratchgan.functional.elementwise import exp, sqrt, where
from scratchgan.tensor import Tensor, record

# Axes ----------------------------------------------------------------------------------------------------------------


def axes_of(input, dim, new=0):
    """``dim`` (None or () for all, an int, or several) as a tuple of distinct axes, of which ``new`` are still to come.

    Raises
    ------
    TypeError
        For what is no int: True is none, but a flag in the wrong position.
    ValueError
        For an axis that the tensor does not have, or one named twice.
    """
    axes = () if dim is None else tuple(dim) if hasattr(dim, "__iter__") else (dim,)
    if not axes:
        return tuple(range(input.ndim))
    if not all(isinstance(axis, (int, np.integer)) and not isinstance(axis, bool) for axis in axes):
        raise TypeError(f"dim={dim!r} must be an int, or several")
    ndim = max(input.ndim + new, 1)  # PyTorch lets a 0-d tensor have axis 0
    if not all(-ndim <= axis < ndim for axis in axes):
        raise ValueError(f"dim={dim} is out of range for shape {input.shape}")
    axes = tuple(axis % ndim for axis in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"dim={dim} names an axis of shape {input.shape} twice")
    return axes if input.ndim + new else ()


def _spread(g, input, axes):
    """A cotangent of a reduction over ``axes``, spread over ``input`` again."""
    return broadcast_to(_kept(g, input, axes), input.shape)


def _kept(value, input, axes):
    """The reduced axes put back with length 1."""
    return value.reshape([1 if i in axes else n for i, n in enumerate(input.shape)])


# Sums ----------------------------------------------------------------------------------------------------------------


def sum(input, dim=None, keepdim=False):
    """Σ x over ``dim``."""
    axes = axes_of(input, dim)
    return record(_total(input.data, axes, keepdim), (input, lambda g, y: _spread(g, input, axes)))


def mean(input, dim=None, keepdim=False):
    """Σ x / n over ``dim``, where n counts the elements summed."""
    axes = axes_of(input, dim)
    n = _count(input, axes)
    return record(_total(input.data, axes, keepdim) / n, (input, lambda g, y: _spread(g / n, input, axes)))


def _total(x, axes, keepdim):
    value = total(x, axes)
    return value if keepdim else value.squeeze(axes)


def _count(input, axes):
    return math.prod(input.shape[axis] for axis in axes)


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Σ (x − mean x)² / (n − correction), by default with correction 1."""
    if isinstance(dim, bool):  # PyTorch's older form var(input, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    axes = axes_of(input, dim)
    centred = input - mean(input, axes, keepdim=True) if axes else input - input
    freedom = max(_count(input, axes) - correction, 0)
    squares = sum(centred * centred, axes, keepdim)
    return squares / freedom if freedom else squares * float("inf")


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """√var, with derivative 0 instead of NaN where the variance is 0."""
    variance = var(input, dim, unbiased, keepdim, correction=correction)
    constant = variance.data == 0
    return where(constant, 0.0, sqrt(where(constant, 1.0, variance)))


# Maxima and their smooth form ----------------------------------------------------------------------------------------


def amax(input, dim=(), keepdim=False):
    """The largest element over ``dim``; elements that tie share the gradient."""
    axes = axes_of(input, dim)
    value = input.data.max(axes, keepdims=keepdim)

    def vjp(g, y):
        winners = input.data == _kept(y.data, input, axes)
        share = Tensor(total(winners.astype(input.dtype), axes))
        return where(winners, _spread(g, input, axes) / share, 0.0)

    return record(value, (input, vjp))


def logsumexp(input, dim, keepdim=False):
    """log Σ eˣ over ``dim``, shifted by the maximum so that nothing overflows; its derivative is the softmax."""
    axes = axes_of(input, dim)
    x = input.data
    shift = _largest(x, axes)
    shift = np.where(np.isfinite(shift), shift, 0).astype(x.dtype)
    value = np.log(total(np.exp(x - shift), axes)) + shift
    value = value if keepdim else value.squeeze(axes)
    return record(value, (input, lambda g, y: _spread(g, input, axes) * exp(input - _spread(y, input, axes))))


def _largest(x, axes):
    """The maximum over ``axes``, which are kept with length 1; 0 where there is nothing."""
    return x.max(axes, keepdims=True) if x.size else x.sum(axes, keepdims=True)


def softmax(input, dim=None, dtype=None):
    """eˣ / Σ eˣ over ``dim``; the vjp is y (g − Σ g y)."""
    input = _prepared(input, dim, dtype)
    axes = axes_of(input, dim)
    e = np.exp(input.data - _largest(input.data, axes))
    return record(e / total(e, axes), (input, lambda g, y: y * (g - sum(g * y, axes, keepdim=True))))


def log_softmax(input, dim=None, dtype=None):
    """x − log Σ eˣ over ``dim``; the vjp is g − softmax(x) Σ g."""
    input = _prepared(input, dim, dtype)
    axes = axes_of(input, dim)
    shifted = input.data - _largest(input.data, axes)
    value = shifted - np.log(total(np.exp(shifted), axes))
    return record(value, (input, lambda g, y: g - exp(y) * sum(g, axes, keepdim=True)))


def _prepared(input, dim, dtype):
    if dim is None:
        raise ValueError(f"softmax over which dim of shape {input.shape}? Pass dim, for example dim=1 for classes")
    return input if dtype is None else input.to(dtype)
