"""The layers of the networks that grow, and of those that have styles."""

import numpy as np

from scratchgan import functional as F
from scratchgan.backend import array_like
from scratchgan.functional.normalize import pixel_norm
from scratchgan.functional.resample import blur
from scratchgan.hints import Random
from scratchgan.nn import init
from scratchgan.nn.equalized import EqualizedLinear
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Several, Whole
from scratchgan.nn.stateless import _Function
from scratchgan.tensor import Parameter, Tensor


class PixelNorm(_Function):
    """See `functional.normalize.pixel_norm`: it bounds the activations of a generator; weights it does not touch."""

    eps = Number("(0, ∞)")

    def __init__(self, eps: float = 1e-8):
        super().__init__(pixel_norm, eps=eps)


class Blur(_Function):
    """See `functional.resample.blur`."""

    def __init__(self):
        super().__init__(blur)


class Noise(Module):
    """x + γ_c n with fresh n ~ N(0, 1) for each pixel, the same for all channels. State: weight γ (C,), 0 at the start.

    Karras et al. 2019, arXiv:1812.04948, §2: what is random in an image and is no matter of style, such as where each
    hair lies, need not be made up from the latent. Each channel learns how much of the noise it wants.
    """

    num_features = Whole()

    def __init__(self, num_features: int):
        self.num_features = num_features
        self.weight = Parameter(np.zeros(self.num_features, np.float32))

    def forward(self, input: Tensor, rng: Random) -> Tensor:
        """(N, C, H, W) -> the same shape; n is drawn from ``rng``, a `numpy.random.Generator`."""
        if input.ndim != 4 or input.shape[1] != self.num_features:
            raise ValueError(f"Noise({self.num_features}) got {input.shape}; it needs (N, {self.num_features}, H, W)")
        n, _, height, width = input.shape
        noise = rng.standard_normal((n, 1, height, width), dtype=np.float32).astype(input.dtype, copy=False)
        return input + self.weight.reshape(-1, 1, 1) * Tensor(array_like(noise, input.data))

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(self.num_features)


def restyled(input: Tensor, mean: Tensor, deviation: Tensor, eps: float = 1e-5) -> Tensor:
    """Images whose channels have another mean and deviation: σ (x − mean x) / √(var x + ε) + μ.

    Parameters
    ----------
    input : Tensor, (N, C, H, W)
    mean, deviation : Tensor, (N, C, 1, 1)
        μ and σ, such as the `statistics` of other images, of any size.
    eps : float
        ε.
    """
    return F.instance_norm(input, eps=eps) * deviation + mean


def statistics(input: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and deviation √(var + ε) of each channel over all places: two Tensors, (N, C, 1, 1).

    The variance is divided by their number. Without ε, the slope of the root would be infinite where a channel is
    silent, as many are behind a ReLU.
    """
    mean = input.mean((2, 3), keepdim=True)
    return mean, (((input - mean) ** 2).mean((2, 3), keepdim=True) + eps).sqrt()


class AdaIN(Module):
    """Adaptive instance normalisation: mean and deviation of each channel are those that a style asks for.

    Karras et al. 2019, arXiv:1812.04948, equation (1), after Huang and Belongie 2017, arXiv:1703.06868. With
    (s, b) = A(w), A learned and affine,

        AdaIN(x, w)_c = (1 + s_c) (x_c − mean x_c) / √(var x_c + ε) + b_c

    with mean and variance over the pixels of one image. What the style before has said of size is wiped out, so each
    style governs one layer. Where all pixels of a channel are alike, only ε = 10⁻⁸ keeps this from 0 / 0, and its slope
    is 10⁴.

    Parameters
    ----------
    num_features : int
        C.
    style_size : int
        Of w.
    lr_multiplier : float
        μ of A, see `EqualizedLinear`.

    State: that of A, affine.weight (2C, style_size) and affine.bias (2C,).
    """

    num_features, style_size, eps = Whole(), Whole(), Number("(0, ∞)")

    def __init__(
        self,
        num_features: int,
        style_size: int,
        eps: float = 1e-8,
        lr_multiplier: float = 1.0,
        *,
        rng: Random | None = None,
    ):
        self.num_features, self.style_size, self.eps = num_features, style_size, eps
        self.affine = EqualizedLinear(
            self.style_size, 2 * self.num_features, gain=1.0, lr_multiplier=lr_multiplier, rng=rng
        )

    def forward(self, input: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W), (N, style_size) -> (N, C, H, W)."""
        if input.ndim != 4 or input.shape[1] != self.num_features or len(input) != len(style):
            raise ValueError(
                f"AdaIN({self.extra_repr()}) got {input.shape} and styles {style.shape}; it needs images "
                f"(N, {self.num_features}, H, W) and as many styles"
            )
        affine = self.affine(style).reshape(len(style), 2, self.num_features, 1, 1)
        return restyled(input, affine[:, 1], 1 + affine[:, 0], self.eps)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.num_features}, {self.style_size}"


class Constant(Module):
    """A learned tensor, the same for each sample: what a generator with styles begins with instead of a latent.

    State: weight of the given shape, N(0, 1) at the start, as in StyleGAN2. Where all pixels are alike, as in the first
    StyleGAN, a norm makes nothing of them, and the first structure comes from the border of the next convolution.
    """

    shape = Several(Whole(), alone=1)

    def __init__(self, *shape: int, rng: Random | None = None):
        self.shape = shape
        self.weight = Parameter(init.normal(self.shape, init.generator(rng)))

    def forward(self, count: int) -> Tensor:
        """``count`` of it: (N, *shape)."""
        return self.weight.expand(count, *self.weight.shape)

    def extra_repr(self) -> str:
        """The shape."""
        return ", ".join(map(str, self.shape))
