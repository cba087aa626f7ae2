"""Equalized learning rate: weights are stored as N(0, 1), and scaled where they are used.

Karras et al. 2018, arXiv:1710.10196, §4.1. With the size of He's initial weights, g / √fan_in,

    ŵ = g / √fan_in · w,   w ~ N(0, 1)

Adam moves each number by about the learning rate, however small the gradient. So it moves all stored w, which are about
1, by the same share of their size, and the ŵ as well: under Adam each layer has a learning rate of its own,
lr · g / √fan_in. (The paper divides by a constant c "from He's initializer"; its code multiplies, as here.)
"""

import math

import numpy as np

from scratchgan import functional as F
from scratchgan.hints import Pair, Random
from scratchgan.nn import init
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Whole, pair, plain, truth
from scratchgan.tensor import Parameter, Tensor


class EqualizedLinear(Module):
    """y = x ŵᵀ + μ b with ŵ = μ g / √in · w. State: weight (out, in) ~ N(0, 1/μ²), bias (out,), 0 at the start.

    A multiplier μ below 1 leaves ŵ as it begins and slows its learning down: Adam's step of w is a smaller share of it.
    StyleGAN's mapping network has μ = 0.01 (Karras et al. 2019, arXiv:1812.04948, appendix C).

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    gain : float
        g: √2 before a leaky ReLU, 1 where nothing follows.
    lr_multiplier : float
        μ.
    """

    in_features, out_features = Whole(), Whole()
    gain, lr_multiplier = Number("(0, ∞)"), Number("(0, ∞)")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        gain: float = 2**0.5,
        lr_multiplier: float = 1.0,
        rng: Random | None = None,
    ):
        truth(bias=bias)
        self.in_features, self.out_features = in_features, out_features
        self.gain, self.lr_multiplier = gain, lr_multiplier
        shape = (self.out_features, self.in_features)
        self.weight = Parameter(init.normal_as_read(shape, init.generator(rng)) / np.float32(self.lr_multiplier))
        self.bias = Parameter(np.zeros(self.out_features, np.float32)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) -> (…, out)."""
        bias = self.bias if self.lr_multiplier == 1 or self.bias is None else self.lr_multiplier * self.bias
        return F.linear(input, self.scale * self.weight, bias)

    @property
    def scale(self) -> float:
        """μ g / √in."""
        return self.lr_multiplier * self.gain / math.sqrt(self.in_features)

    def extra_repr(self) -> str:
        """in, out, gain."""
        return f"{self.in_features}, {self.out_features}, gain={self.gain:.3g}"


class EqualizedConv2d(Module):
    """Convolution by ŵ = g / √(in · kh · kw) · w. State: weight (out, in, kh, kw) ~ N(0, 1), bias (out,), 0 at first.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding : int or (int, int)
        See `functional.conv2d`.
    bias : bool
    gain : float
        g: √2 before a leaky ReLU, 1 where nothing follows.
    """

    in_channels, out_channels, kernel_size, stride = Whole(), Whole(), pair(), pair()
    padding, gain = pair("[0, ∞)"), Number("(0, ∞)")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        bias: bool = True,
        *,
        gain: float = 2**0.5,
        rng: Random | None = None,
    ):
        truth(bias=bias)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.gain = stride, padding, gain
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        self.weight = Parameter(init.normal_as_read(shape, init.generator(rng)))
        self.bias = Parameter(np.zeros(self.out_channels, np.float32)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, oh, ow)."""
        return F.conv2d(input, self.scale * self.weight, self.bias, self.stride, self.padding)

    @property
    def scale(self) -> float:
        """g / √fan_in."""
        return self.gain / math.sqrt(self.in_channels * math.prod(self.kernel_size))

    def extra_repr(self) -> str:
        """in, out, kernel, stride, padding, gain."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, gain={self.gain:.3g}"
        )


class EqualizedUpConv2d(EqualizedConv2d):
    """Each pixel repeated 2×2, and then a convolution by ŵ, in one: by the kernel `doubled`, with a stride of 2.

    The same but for rounding, with 4 instead of 9 products for each pixel made. State: weight (in, out, k, k), turned
    round as that of a transposed convolution is; bias (out,).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
        Odd: the size doubles.
    bias : bool
    gain : float
        g.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        bias: bool = True,
        *,
        gain: float = 2**0.5,
        rng: Random | None = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, 2, _centred(kernel_size), bias, gain=gain, rng=rng)
        self.weight = Parameter(self.weight.data.swapaxes(0, 1))

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, 2H, 2W)."""
        return F.conv_transpose2d(input, doubled(self.scale * self.weight), self.bias, 2, self.padding)


class EqualizedDownConv2d(EqualizedConv2d):
    """A convolution by ŵ, and then means of 2×2 pixels, in one: by a quarter of the kernel `doubled`.

    The same but for rounding, with 16 instead of 36 products for each pixel made. State: weight (out, in, k, k), bias
    (out,).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
        Odd: the size is halved.
    bias : bool
    gain : float
        g.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        bias: bool = True,
        *,
        gain: float = 2**0.5,
        rng: Random | None = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, 2, _centred(kernel_size), bias, gain=gain, rng=rng)

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H/2, W/2)."""
        return F.conv2d(input, doubled(self.scale / 4 * self.weight), self.bias, 2, self.padding)


def _centred(kernel_size):
    """The padding that keeps the size of an image under an odd kernel; for others there is none."""
    size = plain(kernel_size)
    if isinstance(size, bool) or not isinstance(size, int) or size % 2 == 0:
        raise ValueError(f"kernel_size={kernel_size!r} must be one odd number, for both axes")
    return size // 2


def doubled(weight: Tensor) -> Tensor:
    """A kernel (…, k, k) beside itself moved by one pixel, in both directions: (…, k + 1, k + 1)."""
    wide = F.pad(weight, (1, 0)) + F.pad(weight, (0, 1))
    return F.pad(wide, (0, 0, 1, 0)) + F.pad(wide, (0, 0, 0, 1))
