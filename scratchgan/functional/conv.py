"""Convolution: one trilinear form ⟨y, x ⋆ w⟩, and the three functions that are its partial derivatives.

    ⟨g, conv(x, w)⟩ = ⟨conv_transpose(g, w), x⟩ = ⟨weight_grad(x, g), w⟩

so the family is closed under differentiation:

| | derivative for the 1st argument | for the 2nd |
|---|---|---|
| y = conv(x, w) | conv_transpose(g, w, size of x) | weight_grad(x, g) |
| x = conv_transpose(y, w) | conv(g, w) | weight_grad(g, y) |
| w = weight_grad(x, y) | conv_transpose(y, g, size of x) | conv(x, g) |

Shapes are (N, C, H, W) for x, (N, O, oh, ow) for y, (O, C, kh, kw) for w.

What all three promise, and so all derivatives of any order:

- An element depends only on the factors of its own sum. A NaN or a huge number elsewhere does not change one bit of it.
- Zeros in, exact zeros out. Where an image is black, ReLU's derivative stays 0, and so does a gradient that is 0.
- No sign that the exact sum cannot have: of factors that are not negative, the result is not negative.

Sums of products keep this promise. Methods with fewer products (Winograd's, or Fourier's) subtract numbers that cancel
only nearly, and break it. `unfold` shows the obvious way to compute a convolution, `kernels.strips` the fast one.
"""

import numpy as np

from scratchgan.functional.elementwise import add_to, agreed, refuse
from scratchgan.functional.kernels import strips
from scratchgan.functional.kernels.geometry import Geometry
from scratchgan.functional.shape import pad
from scratchgan.tensor import floating, record

# The public pair -----------------------------------------------------------------------------------------------------


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation y[n, o, i, j] = b[o] + Σ x[n, c, s·i + u − p, s·j + v − p] w[o, c, u, v].

    Parameters
    ----------
    input : Tensor, (N, C, H, W) or (C, H, W)
    weight : Tensor, (O, C, kh, kw)
    bias : Tensor, (O,), optional
    stride : int or (int, int)
    padding : int, (int, int), "valid" (none) or "same" (as large an output as input; stride 1)

    Raises
    ------
    TypeError
        For two factors of integers, whose sums would overflow; beside real numbers they are converted.
    ValueError
        When the channels differ, or the kernel is larger than the padded image.
    NotImplementedError
        For dilation or groups.
    """
    refuse(1, dilation=dilation, groups=groups)
    input, weight = _factors("conv2d", input, weight)
    if weight.shape[1] != input.shape[-3]:
        raise ValueError(
            f"conv2d: input of shape {input.shape} has {input.shape[-3]} channels, "
            f"weight of shape {weight.shape} (O, C, kh, kw) expects {weight.shape[1]}"
        )
    if padding == "same":
        input, padding = _pad_same(input, weight, stride), 0
    padding = pair(0 if padding == "valid" else padding, least=0)
    geometry = Geometry(weight.shape[2:], pair(stride), padding, input.shape[-2:])
    if min(geometry.output) < 1:
        raise ValueError(
            f"conv2d: a kernel of {geometry.kernel} is larger than the image of {geometry.size} padded by {padding}"
        )
    return batched(lambda x: _plus(conv(x, weight, geometry), bias), input)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of `conv2d` with the same weight, stride and padding: from the shape of its output to its input's.

    Parameters
    ----------
    input : Tensor, (N, I, h, w) or (I, h, w)
    weight : Tensor, (I, O, kh, kw)
    output_padding : int or (int, int)
        Several sizes of image give a convolution's output the same size; this chooses among them:
        H = (h − 1) s − 2p + k + output_padding, with output_padding < s.

    Raises
    ------
    TypeError
        For two factors of integers, whose sums would overflow; beside real numbers they are converted.
    ValueError
        When the channels differ, the output would be empty, or output_padding is not smaller than the stride.
    NotImplementedError
        For dilation or groups.
    """
    refuse(1, dilation=dilation, groups=groups)
    input, weight = _factors("conv_transpose2d", input, weight)
    if weight.shape[0] != input.shape[-3]:
        raise ValueError(
            f"conv_transpose2d: input of shape {input.shape} has {input.shape[-3]} channels, "
            f"weight of shape {weight.shape} (I, O, kh, kw) expects {weight.shape[0]}"
        )
    kernel, stride, padding, extra = weight.shape[2:], pair(stride), pair(padding, least=0), pair(output_padding, 0)
    if any(e >= s for e, s in zip(extra, stride)):
        raise ValueError(f"conv_transpose2d: output_padding {extra} must be smaller than the stride {stride}")
    size = tuple((n - 1) * s - 2 * p + k + e for n, s, p, k, e in zip(input.shape[-2:], stride, padding, kernel, extra))
    if min(size) < 1:
        raise ValueError(f"conv_transpose2d: padding {padding} leaves nothing of an output of size {size}")
    geometry = Geometry(kernel, stride, padding, size)
    return batched(lambda y: _plus(conv_transpose(y, weight, geometry), bias), input)


def pair(value, least=1):
    """An int for both axes, or a sequence of two (or one), as a tuple of two.

    Raises
    ------
    ValueError
        When it is something else, or smaller than ``least``.
    """
    values = (value,) if np.ndim(value) == 0 else tuple(value)
    values *= 2 // max(len(values), 1)
    if len(values) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in values):
        raise ValueError(f"expected an int or two, each at least {least}, got {value!r}")
    return values


def _factors(name, input, weight):
    """Input and weight, of the right ranks and of one floating dtype."""
    if input.ndim not in (3, 4) or weight.ndim != 4:
        raise ValueError(
            f"{name} needs an input (N, C, H, W) or (C, H, W) and a weight of 4 axes, "
            f"got shapes {input.shape} and {weight.shape}"
        )
    input, weight = agreed(input, weight)
    floating(**{f"{name}: input": input})
    return input, weight


def batched(function, input):
    """Apply a function of a batch also to a single image."""
    return function(input) if input.ndim == 4 else function(input.unsqueeze(0)).squeeze(0)


def _plus(y, bias):
    if bias is None:
        return y
    if bias.shape != y.shape[1:2]:
        raise ValueError(f"a bias of shape {bias.shape} does not fit an output with {y.shape[1]} channels")
    return add_to(y, bias.reshape(-1, 1, 1))


def _pad_same(input, weight, stride):
    if pair(stride) != (1, 1):
        raise ValueError(f'conv2d: padding="same" needs stride 1, got {stride}')
    kh, kw = weight.shape[2:]
    return pad(input, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2))


# The closed family ---------------------------------------------------------------------------------------------------


def conv(x, w, geometry):
    """(N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    return record(
        strips.conv(x.data, w.data, geometry),
        (x, lambda g, y: conv_transpose(g, w, geometry)),
        (w, lambda g, y: weight_grad(x, g, geometry)),
    )


def conv_transpose(y, w, geometry):
    """(N, O, oh, ow), (O, C, kh, kw) -> (N, C, H, W)."""
    return record(
        strips.conv_transpose(y.data, w.data, geometry),
        (y, lambda g, x: conv(g, w, geometry)),
        (w, lambda g, x: weight_grad(g, y, geometry)),
    )


def weight_grad(x, y, geometry):
    """(N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    return record(
        strips.weight_grad(x.data, y.data, geometry),
        (x, lambda g, w: conv_transpose(y, g, geometry)),
        (y, lambda g, w: conv(x, g, geometry)),
    )
