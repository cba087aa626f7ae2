"""Initial weights: drawn on the host in float64 by an explicit generator, then rounded to float32.

The kernels of a convolution, of shape (O, C, kh, kw), lie in memory as (kh, kw, C, O): as a matrix product reads them.
"""

import math

import numpy as np


def uniform(shape, bound, rng):
    """Uniform on (−bound, bound)."""
    weights = rng.uniform(-bound, bound, shape).astype(np.float32)
    return weights if weights.ndim < 4 else np.ascontiguousarray(weights.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)


def default(shape, fan_in, rng):
    """PyTorch's default for weights and biases of linear and convolutional layers: uniform on ±1/√fan_in."""
    return uniform(shape, 1 / math.sqrt(fan_in) if fan_in else 0.0, rng)


def normal(shape, rng):
    """Standard normal."""
    return rng.standard_normal(shape).astype(np.float32)
