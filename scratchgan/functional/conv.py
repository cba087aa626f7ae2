"""Convolution: one trilinear form ⟨y, x ⋆ w⟩, and the three functions that are its partial derivatives.

    ⟨g, conv(x, w)⟩ = ⟨conv_transpose(g, w), x⟩ = ⟨weight_grad(x, g), w⟩

so the family is closed under differentiation:

| | derivative for the 1st argument | for the 2nd |
|---|---|---|
| y = conv(x, w) | conv_transpose(g, w, size of x) | weight_grad(x, g) |
| x = conv_transpose(y, w) | conv(g, w) | weight_grad(g, y) |
| w = weight_grad(x, y) | conv_transpose(y, g, size of x) | conv(x, g) |

Shapes are (N, C, H, W) for x, (N, O, oh, ow) for y, (O, C, kh, kw) for w. In memory, results are channels-last: a
patch is then copied in runs of kw·C numbers, and the patches of a few images at a time, still in the cache, go straight
into a matrix product, whose other factor is w as (kh·kw·C, O).
"""

from dataclasses import dataclass

import numpy as np

from scratchgan.backend import array_module
from scratchgan.functional.elementwise import operands, refuse
from scratchgan.functional.shape import pad
from scratchgan.tensor import record


@dataclass(frozen=True)
class Geometry:
    """How a kernel (kh, kw) visits an image of ``size`` (H, W): with which stride, and how many zeros around it."""

    kernel: tuple
    stride: tuple
    padding: tuple
    size: tuple

    @property
    def output(self):
        """How often the kernel fits: o = ⌊(H + 2p − k) / s⌋ + 1 on each axis."""
        axes = zip(self.size, self.padding, self.kernel, self.stride)
        return tuple((n + 2 * p - k) // s + 1 for n, p, k, s in axes)


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
    ValueError
        When the channels differ, or the kernel is larger than the padded image.
    NotImplementedError
        For dilation or groups.
    """
    refuse(1, dilation=dilation, groups=groups)
    _check_ranks("conv2d", input, weight)
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
    return _batched(lambda x: _plus(conv(*operands(x, weight), geometry), bias), input)


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
    ValueError
        When the channels differ, the output would be empty, or output_padding is not smaller than the stride.
    NotImplementedError
        For dilation or groups.
    """
    refuse(1, dilation=dilation, groups=groups)
    _check_ranks("conv_transpose2d", input, weight)
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
    return _batched(lambda y: _plus(conv_transpose(*operands(y, weight), geometry), bias), input)


def pair(value, least=1):
    """An int for both axes, or a sequence of two (or one), as a tuple of two.

    Raises
    ------
    ValueError
        When it is something else, or smaller than ``least``.
    """
    values = (value, value) if isinstance(value, (int, np.integer)) else tuple(value) * (2 // max(len(value), 1))
    if len(values) != 2 or min(values) < least:
        raise ValueError(f"expected an int or two, each at least {least}, got {value!r}")
    return values


def _check_ranks(name, input, weight):
    if input.ndim not in (3, 4) or weight.ndim != 4:
        raise ValueError(
            f"{name} needs an input (N, C, H, W) or (C, H, W) and a weight of 4 axes, "
            f"got shapes {input.shape} and {weight.shape}"
        )


def _batched(function, input):
    """Apply a function of a batch also to a single image."""
    return function(input) if input.ndim == 4 else function(input.unsqueeze(0)).squeeze(0)


def _plus(y, bias):
    if bias is None:
        return y
    if bias.shape != y.shape[1:2]:
        raise ValueError(f"a bias of shape {bias.shape} does not fit an output with {y.shape[1]} channels")
    return y + bias.reshape(-1, 1, 1)


def _pad_same(input, weight, stride):
    if pair(stride) != (1, 1):
        raise ValueError(f'conv2d: padding="same" needs stride 1, got {stride}')
    kh, kw = weight.shape[2:]
    return pad(input, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2))


# The closed family ---------------------------------------------------------------------------------------------------


def conv(x, w, geometry):
    """(N, C, H, W) ⋆ (O, C, kh, kw) -> (N, O, oh, ow)."""
    return record(
        _conv(x.data, w.data, geometry),
        (x, lambda g, y: conv_transpose(g, w, geometry)),
        (w, lambda g, y: weight_grad(x, g, geometry)),
    )


def conv_transpose(y, w, geometry):
    """(N, O, oh, ow), (O, C, kh, kw) -> (N, C, H, W)."""
    return record(
        _conv_transpose(y.data, w.data, geometry),
        (y, lambda g, x: conv(g, w, geometry)),
        (w, lambda g, x: weight_grad(g, y, geometry)),
    )


def weight_grad(x, y, geometry):
    """(N, C, H, W), (N, O, oh, ow) -> (O, C, kh, kw)."""
    return record(
        _weight_grad(x.data, y.data, geometry),
        (x, lambda g, w: conv_transpose(y, g, geometry)),
        (y, lambda g, w: conv(x, g, geometry)),
    )


# On arrays: patches and one product ----------------------------------------------------------------------------------

TILE = 2**22  # bytes of patches that the cache still holds when the product reads them


def _conv(x, w, geometry):
    """Patches (N·oh·ow, kh·kw·C) times weights (kh·kw·C, O)."""
    ph, pw = geometry.padding
    windows = _windows(x, geometry.kernel, geometry.stride, (ph, ph, pw, pw))
    return _product(windows, _as_matrix(w)).transpose(0, 3, 1, 2)


def _weight_grad(x, y, geometry):
    """Patchesᵀ (kh·kw·C, N·oh·ow) times cotangents (N·oh·ow, O)."""
    (ph, pw), (kh, kw), c, o = geometry.padding, geometry.kernel, x.shape[1], y.shape[1]
    windows, y = _windows(x, geometry.kernel, geometry.stride, (ph, ph, pw, pw)), y.transpose(0, 2, 3, 1)
    w = np.zeros_like(y, order="C", shape=(kh * kw * c, o))
    for tile in _tiles(windows, windows.size):
        w += _rows(windows[tile]).T @ y[tile].reshape(-1, o)
    return w.reshape(kh, kw, c, o).transpose(3, 2, 0, 1)


def _conv_transpose(y, w, geometry):
    """The adjoint of `_conv` in x, in the cheaper of two forms that give the same."""
    return (_scattered if _scatter_is_cheaper(w, geometry) else _interleaved)(y, w, geometry)


def _as_matrix(w):
    """w (O, C, kh, kw) -> (kh·kw·C, O): free for weights that lie in memory as `nn.init` leaves them."""
    return w.transpose(2, 3, 1, 0).reshape(-1, len(w))


def _windows(x, kernel, stride, padding):
    """Every patch that the kernel visits, not yet copied: (N, C, H, W) -> (N, oh, ow, kh, kw, C).

    ``padding`` is (top, bottom, left, right); a negative width crops.
    """
    x = _padded(x.transpose(0, 2, 3, 1), *padding)
    (n, height, width, c), (kh, kw), (sh, sw) = x.shape, kernel, stride
    oh, ow = (height - kh) // sh + 1, (width - kw) // sw + 1
    sample, row, column, channel = x.strides
    return array_module(x).lib.stride_tricks.as_strided(
        x, (n, oh, ow, kh, kw, c), (sample, sh * row, sw * column, row, column, channel)
    )


def _padded(x, top, bottom, left, right):
    """x (N, H, W, C) with zeros around it."""
    n, height, width, c = x.shape
    x = x[:, max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)]
    if max(top, bottom, left, right) <= 0:
        return x
    padded = np.zeros_like(x, order="C", shape=(n, height + top + bottom, width + left + right, c))
    top, left = max(top, 0), max(left, 0)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return padded


def _rows(windows):
    """The patches copied, a row each: (N, oh, ow, kh, kw, C) -> (N·oh·ow, kh·kw·C)."""
    n, oh, ow, kh, kw, c = windows.shape
    return windows.reshape(n * oh * ow, kh * kw * c)


def patches(x, kernel, stride, padding):
    """Every patch that the kernel visits, a row each: (N, C, H, W) -> (N·oh·ow, kh·kw·C)."""
    return _rows(_windows(x, kernel, stride, padding))


def _product(windows, matrix):
    """Each patch times a matrix (kh·kw·C, O) -> (N, oh, ow, O)."""
    y = np.empty_like(matrix, order="C", shape=(*windows.shape[:3], matrix.shape[1]))
    for tile in _tiles(windows, windows.size):
        np.matmul(_rows(windows[tile]), matrix, out=y[tile].reshape(-1, matrix.shape[1]))
    return y


def _tiles(batch, numbers):
    """Slices of a batch, of about `TILE` bytes where all its patches have so many numbers; all at once on a GPU."""
    n, size = len(batch), numbers * batch.dtype.itemsize
    images = max(1, n * TILE // max(size, 1)) if isinstance(batch, np.ndarray) else max(1, n)
    return [slice(i, i + images) for i in range(0, n, images)]


# The adjoint, in two forms -------------------------------------------------------------------------------------------


def _scatter_is_cheaper(w, geometry):
    """Compare the multiplications of the two forms; moving a number takes as long as 60 to 80 of them (measured)."""
    (o, c, kh, kw), (oh, ow) = w.shape, geometry.output
    v, h = _phases(geometry)
    scattered = oh * ow * kh * kw * c * (o + 80)
    interleaved = v.count * h.count * v.taps * h.taps * o * (v.stride * h.stride * c + 60)
    return scattered < interleaved


def _scattered(y, w, geometry):
    """One product spreads each element of y over a patch; the patches are added up where they were."""
    (ph, pw), (height, width), (o, c, kh, kw) = geometry.padding, geometry.size, w.shape
    y, matrix = y.transpose(0, 2, 3, 1), _as_matrix(w)
    n, oh, ow, _ = y.shape
    full = np.zeros_like(y, order="C", shape=(n, height + 2 * ph, width + 2 * pw, c))
    for tile in _tiles(y, n * oh * ow * len(matrix)):
        spread = y[tile].reshape(-1, o) @ matrix.T
        _add_patches(spread.reshape(-1, oh, ow, kh, kw, c), full[tile], geometry)
    return full[:, ph : ph + height, pw : pw + width].transpose(0, 3, 1, 2)


def _add_patches(spread, full, geometry):
    """(N, oh, ow, kh, kw, C) added to the padded image (N, H + 2p, W + 2p, C), in place: the adjoint of `_windows`."""
    (kh, kw), (sh, sw), (oh, ow) = geometry.kernel, geometry.stride, geometry.output
    for i in range(kh):
        for j in range(kw):
            full[:, i : i + sh * oh : sh, j : j + sw * ow : sw] += spread[:, :, :, i, j]


def _interleaved(y, w, geometry):
    """One stride-1 convolution onto s·s phases, which are then interleaved ("sub-pixel" form).

    On one axis, full[i] = Σ y[a] w[k] over a·s + k = i. Write i = s·q + r and k = s·t + r: for each phase r < s this
    is a convolution full[s·q + r] = Σₜ y[q − t] w[s·t + r] with ⌈k/s⌉ taps. The image is full[p : p + H].
    """
    (v, h), n, channels = _phases(geometry), len(y), w.shape[1]
    around = [edge for axis, length in zip((v, h), y.shape[2:]) for edge in axis.padding(length)]
    full = _product(_windows(y, (v.taps, h.taps), (1, 1), around), _by_phase(w, v, h))  # (n, qv, qh, sv·sh·C)
    full = full.reshape(n, v.count, h.count, v.stride, h.stride, channels).transpose(0, 1, 3, 2, 4, 5)
    full = full.reshape(n, v.count * v.stride, h.count * h.stride, channels)
    return full[:, v.crop, h.crop].transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class _Phases:
    """One axis of the sub-pixel form: ``count`` groups of ``stride`` pixels, beginning with group ``first``."""

    stride: int
    taps: int
    first: int
    count: int
    crop: slice

    @classmethod
    def of_axis(cls, kernel, stride, padding, size):
        first, last = padding // stride, (padding + size - 1) // stride
        begin = padding - first * stride
        return cls(stride, -(-kernel // stride), first, last - first + 1, slice(begin, begin + size))

    def padding(self, length):
        """Zeros (or, negative, elements too many) around y, so that group q finds y[q − taps + 1 … q] in its patch."""
        return self.taps - 1 - self.first, self.first + self.count - length


def _phases(geometry):
    axes = zip(geometry.kernel, geometry.stride, geometry.padding, geometry.size)
    return [_Phases.of_axis(*axis) for axis in axes]


def _by_phase(w, v, h):
    """w (O, C, kh, kw), its taps reversed and split into phases -> (tv·th·O, sv·sh·C)."""
    o, c, kh, kw = w.shape
    whole = np.zeros_like(w, shape=(o, c, v.taps * v.stride, h.taps * h.stride))
    whole[:, :, :kh, :kw] = w
    split = whole.reshape(o, c, v.taps, v.stride, h.taps, h.stride)[:, :, ::-1, :, ::-1]
    return split.transpose(2, 4, 0, 3, 5, 1).reshape(v.taps * h.taps * o, v.stride * h.stride * c)


# Patches as a function of their own ----------------------------------------------------------------------------------


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every patch a column: (N, C, H, W) -> (N, C·kh·kw, oh·ow). Its adjoint is `fold`."""
    refuse(1, dilation=dilation)
    if input.ndim not in (3, 4):
        raise ValueError(f"unfold needs an image (N, C, H, W) or (C, H, W), got shape {input.shape}")
    geometry = Geometry(pair(kernel_size), pair(stride), pair(padding, least=0), input.shape[-2:])
    if min(geometry.output) < 1:
        raise ValueError(f"unfold: a kernel of {geometry.kernel} is larger than the padded image of {geometry.size}")
    return _batched(lambda x: _unfold(x, geometry), input)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Every column added back where its patch was: (N, C·kh·kw, oh·ow) -> (N, C, H, W), the adjoint of `unfold`."""
    refuse(1, dilation=dilation)
    geometry = Geometry(pair(kernel_size), pair(stride), pair(padding, least=0), pair(output_size))
    taps, count = geometry.kernel[0] * geometry.kernel[1], geometry.output[0] * geometry.output[1]
    if input.ndim not in (2, 3) or input.shape[-2] % taps or input.shape[-1] != count:
        raise ValueError(
            f"fold: an input of shape {input.shape} is not (N, C·{taps}, {count}), which kernel {geometry.kernel}, "
            f"stride {geometry.stride} and padding {geometry.padding} take to an image of {geometry.size}"
        )
    return _fold(input, geometry) if input.ndim == 3 else _fold(input.unsqueeze(0), geometry).squeeze(0)


def _unfold(x, geometry):
    (n, c), (ph, pw), (kh, kw), (oh, ow) = x.shape[:2], geometry.padding, geometry.kernel, geometry.output
    rows = patches(x.data, geometry.kernel, geometry.stride, (ph, ph, pw, pw))
    columns = rows.reshape(n, oh * ow, kh * kw, c).transpose(0, 3, 2, 1).reshape(n, c * kh * kw, oh * ow)
    return record(columns, (x, lambda g, y: _fold(g, geometry)))


def _fold(y, geometry):
    (n, rows), (height, width), (ph, pw), (kh, kw) = y.shape[:2], geometry.size, geometry.padding, geometry.kernel
    spread = y.data.reshape(n, rows // (kh * kw), kh, kw, *geometry.output).transpose(0, 4, 5, 2, 3, 1)
    full = np.zeros_like(y.data, order="C", shape=(n, height + 2 * ph, width + 2 * pw, spread.shape[-1]))
    _add_patches(spread, full, geometry)
    image = full[:, ph : ph + height, pw : pw + width].transpose(0, 3, 1, 2)
    return record(image, (y, lambda g, x: _unfold(g, geometry)))
