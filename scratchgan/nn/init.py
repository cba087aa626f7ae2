"""Initial weights: drawn on the host in float64 by an explicit generator, then rounded to float32.

Weights lie in memory as a matrix product reads them, and as it leaves their gradients: (out, in) of a linear layer as
(in, out), the kernels (O, C, kh, kw) of a convolution as (kh, kw, C, O).
"""

import math
from contextlib import contextmanager

import numpy as np

_given = []  # the generators that `drawing_from` holds, the innermost last


@contextmanager
def drawing_from(rng):
    """A context in which what is given no rng draws from this one: a forgotten ``rng=rng`` costs no reproducibility."""
    _given.append(rng)
    try:
        yield
    finally:
        _given.pop()


def generator(rng):
    """``rng`` itself, a `numpy.random.Generator`; for None, that of `drawing_from`, or else a fresh one."""
    if rng is None:
        return _given[-1] if _given else np.random.default_rng()
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng={rng!r} must be a numpy.random.Generator, such as np.random.default_rng(0)")
    return rng


def uniform(shape, bound, rng):
    """Uniform on (−bound, bound)."""
    return _as_read(rng.uniform(-bound, bound, shape).astype(np.float32))


def normal_as_read(shape, rng):
    """Standard normal, as weights lie in memory."""
    return _as_read(normal(shape, rng))


def _as_read(weights):
    if weights.ndim < 2:
        return weights
    as_read = np.moveaxis(weights, (1, 0), (-2, -1))
    return np.moveaxis(np.ascontiguousarray(as_read), (-2, -1), (1, 0))


def default(shape, fan_in, rng):
    """PyTorch's default for weights and biases of linear and convolutional layers: uniform on ±1/√fan_in."""
    return uniform(shape, 1 / math.sqrt(fan_in), rng)


def normal(shape, rng):
    """Standard normal."""
    return rng.standard_normal(shape).astype(np.float32)


def begin_uniform(layer, bound, rng):
    """Give a layer uniform weights on (−bound, bound) and biases 0."""
    layer.weight.data = uniform(layer.weight.shape, bound, rng)
    layer.bias.data = np.zeros_like(layer.bias.data)


def begin_he(layer, rng):
    """Give a layer He's weights, uniform of variance 2 / fan-in, which keep the size of signals; and biases 0."""
    begin_uniform(layer, math.sqrt(6 / math.prod(layer.weight.shape[1:])), rng)
