"""The layers of `networks` for JAX, under their names in ``torch.nn``: each a pair of functions.

``init(rng)`` draws a list of weights, ``apply(weights, x)`` uses them. Images are (N, H, W, C) and kernels (kh, kw, I,
O), which XLA computes fastest on a CPU; `from_torch` and `to_torch` lead from PyTorch's order and back.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

ORDER = ("NHWC", "HWIO", "NHWC")


class Layer(NamedTuple):
    """What draws weights, and what uses them."""

    init: callable
    apply: callable


def Sequential(*layers):
    """One after the other; the weights are a list of theirs."""

    def apply(weights, x):
        for layer, its in zip(layers, weights):
            x = layer.apply(its, x)
        return x

    return Layer(lambda rng: [layer.init(rng) for layer in layers], apply)


def Linear(inputs, outputs):
    """Of weights (inputs, outputs)."""
    return Layer(_uniform((inputs, outputs), inputs, outputs), lambda weights, x: x @ weights[0] + weights[1])


def Conv2d(channels, out, size, stride=1, padding=0, bias=True):
    """A convolution."""

    def convolve(x, w):
        return lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=ORDER)

    init = _uniform((size, size, channels, out), channels * size**2, out if bias else 0)
    return Layer(init, lambda weights, x: _biased(convolve(x, weights[0]), weights[1:]))


def ConvTranspose2d(channels, out, size, stride=1, padding=0, output_padding=0, bias=True):
    """The adjoint of a convolution, whose kernel it takes."""
    before = size - 1 - padding

    def convolve(x, w):
        pads = [(before, before + output_padding)] * 2
        return lax.conv_transpose(x, w, (stride, stride), pads, dimension_numbers=ORDER, transpose_kernel=True)

    init = _uniform((size, size, out, channels), out * size**2, out if bias else 0)
    return Layer(init, lambda weights, x: _biased(convolve(x, weights[0]), weights[1:]))


def BatchNorm2d(channels):
    """By the batch's own mean and variance; the running ones, which no step here reads, are left out."""

    def apply(weights, x):
        scale, shift = weights
        mean = x.mean((0, 1, 2))
        variance = jnp.square(x - mean).mean((0, 1, 2))
        return (x - mean) * (lax.rsqrt(variance + 1e-5) * scale) + shift

    return Layer(lambda rng: [np.ones(channels, np.float32), np.zeros(channels, np.float32)], apply)


def ReLU():
    """The greater of x and 0."""
    return _plain(jax.nn.relu)


def LeakyReLU(slope):
    """x, or slope · x where x is negative."""
    return _plain(lambda x: jax.nn.leaky_relu(x, slope))


def Tanh():
    """The hyperbolic tangent."""
    return _plain(jnp.tanh)


def Sigmoid():
    """1 / (1 + exp(−x))."""
    return _plain(jax.nn.sigmoid)


def Flatten():
    """In PyTorch's order: channels first."""
    return _plain(lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), -1))


def Unflatten(_, shape):
    """The way back; ``shape`` is (C, H, W)."""
    return _plain(lambda x: x.reshape(-1, *shape).transpose(0, 2, 3, 1))


def Crop(size):
    """The upper left corner, of ``size`` pixels a side."""
    return _plain(lambda x: x[:, :size, :size])


def image_from_torch(array):
    """(N, C, H, W) -> (N, H, W, C); what is no image remains."""
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def from_torch(array):
    """Weights in the order of this file: of kernels (kh, kw, I, O), of linear layers (inputs, outputs)."""
    return array.transpose({4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim, range(array.ndim)))


def to_torch(array):
    """The inverse of `from_torch`."""
    return array.transpose({4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, range(array.ndim)))


def _plain(function):
    return Layer(lambda rng: [], lambda _, x: function(x))


def _biased(y, bias):
    return y + bias[0] if bias else y


def _uniform(shape, fan, biases):
    def init(rng):
        shapes = [shape, (biases,)] if biases else [shape]
        return [rng.uniform(-(fan**-0.5), fan**-0.5, size).astype(np.float32) for size in shapes]

    return init
