"""Patches as functions of their own: cut out of an image, and added back. Convolution the obvious way.

If every patch is a column and every kernel a row, a convolution is one matrix product, `conv2d_by_unfold`. Its
derivatives follow from those of the product, and from `fold`, which is the adjoint of `unfold`.
"""

import numpy as np

from scratchgan.backend import array_module
from scratchgan.functional.conv import batched, pair
from scratchgan.functional.elementwise import refuse
from scratchgan.functional.kernels.geometry import Geometry
from scratchgan.tensor import floating, record


def sliding_windows(x, kernel, stride):
    """What a kernel sees of an array (…, H, W) at each of its places, as a view (…, oh, ow, kh, kw)."""
    *lead, height, width = x.shape
    *step, row, column = x.strides
    (kh, kw), (sh, sw) = kernel, stride
    shape = *lead, (height - kh) // sh + 1, (width - kw) // sw + 1, kh, kw
    return array_module(x).lib.stride_tricks.as_strided(x, shape, (*step, sh * row, sw * column, row, column))


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every patch a column: (N, C, H, W) -> (N, C·kh·kw, oh·ow). Its adjoint is `fold`."""
    refuse(1, dilation=dilation)
    if input.ndim not in (3, 4):
        raise ValueError(f"unfold needs an image (N, C, H, W) or (C, H, W), got shape {input.shape}")
    geometry = Geometry(pair(kernel_size), pair(stride), pair(padding, least=0), input.shape[-2:])
    if min(geometry.output) < 1:
        raise ValueError(f"unfold: a kernel of {geometry.kernel} is larger than the padded image of {geometry.size}")
    return batched(lambda x: _unfold(x, geometry), input)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Every column added back where its patch was: (N, C·kh·kw, oh·ow) -> (N, C, H, W), the adjoint of `unfold`."""
    refuse(1, dilation=dilation)
    floating(**{"fold: input": input})
    geometry = Geometry(pair(kernel_size), pair(stride), pair(padding, least=0), pair(output_size))
    taps, count = geometry.kernel[0] * geometry.kernel[1], geometry.output[0] * geometry.output[1]
    if input.ndim not in (2, 3) or input.shape[-2] % taps or input.shape[-1] != count:
        raise ValueError(
            f"fold: an input of shape {input.shape} is not (N, C·{taps}, {count}), which kernel {geometry.kernel}, "
            f"stride {geometry.stride} and padding {geometry.padding} take to an image of {geometry.size}"
        )
    return _fold(input, geometry) if input.ndim == 3 else _fold(input.unsqueeze(0), geometry).squeeze(0)


def conv2d_by_unfold(input, weight, stride=1, padding=0):
    """`conv2d` of a batch in three lines: the definition, for reading and for comparing.

    It copies each pixel kh·kw times and multiplies the zeros of the padding too; `kernels.strips` does neither.

    Parameters
    ----------
    input : Tensor, (N, C, H, W)
    weight : Tensor, (O, C, kh, kw)
    """
    (o, _, *kernel), size = weight.shape, input.shape[-2:]
    columns = unfold(input, kernel, padding=padding, stride=stride)  # (N, C·kh·kw, oh·ow)
    y = weight.reshape(o, -1) @ columns  # (N, O, oh·ow)
    return y.reshape(-1, o, *Geometry(kernel, pair(stride), pair(padding, least=0), size).output)


def _unfold(x, geometry):
    (n, c, height, width), (ph, pw) = x.shape, geometry.padding
    (kh, kw), (oh, ow) = geometry.kernel, geometry.output
    padded = np.zeros_like(x.data, shape=(n, c, height + 2 * ph, width + 2 * pw))
    padded[:, :, ph : ph + height, pw : pw + width] = x.data
    windows = sliding_windows(padded, geometry.kernel, geometry.stride)
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, oh * ow)
    return record(columns, (x, lambda g, y: _fold(g, geometry)))


def _fold(y, geometry):
    (height, width), (ph, pw), (kh, kw) = geometry.size, geometry.padding, geometry.kernel
    (n, rows, _), (oh, ow), (sh, sw) = y.shape, geometry.output, geometry.stride
    spread = y.data.reshape(n, rows // (kh * kw), kh, kw, oh, ow)
    full = np.zeros_like(spread, shape=(*spread.shape[:2], height + 2 * ph, width + 2 * pw))
    for u, v in np.ndindex(kh, kw):
        full[:, :, u : u + sh * oh : sh, v : v + sw * ow : sw] += spread[:, :, u, v]
    return record(full[:, :, ph : ph + height, pw : pw + width], (y, lambda g, x: _unfold(g, geometry)))
