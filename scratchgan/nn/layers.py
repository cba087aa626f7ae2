"""Layers with weights, with the names, arguments, state keys and initialisation of ``torch.nn``.

Each draws its initial weights from the keyword ``rng``, a `numpy.random.Generator`; without it, from a fresh one.
"""

import numpy as np

from scratchgan import functional as F
from scratchgan.functional.conv import batched
from scratchgan.functional.elementwise import refuse
from scratchgan.hints import Axes, Operand, Pair, Random
from scratchgan.nn import init
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Several, Whole, pair, truth
from scratchgan.nn.synchronised import sync_batch_norm
from scratchgan.tensor import Parameter, Tensor


class Linear(Module):
    """y = x Wᵀ + b, see `functional.linear`. State: weight (out, in), bias (out,)."""

    in_features, out_features = Whole(), Whole()

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: Random | None = None):
        truth(bias=bias)
        self.in_features, self.out_features, rng = in_features, out_features, init.generator(rng)
        self.weight = Parameter(init.default((self.out_features, self.in_features), self.in_features, rng))
        self.bias = Parameter(init.default((self.out_features,), self.in_features, rng)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) -> (…, out)."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """in, out."""
        return "{1}, {0}".format(*self.weight.shape)


class Conv2d(Module):
    """Convolution, see `functional.conv2d`. State: weight (out, in, kh, kw), bias (out,)."""

    in_channels, out_channels, kernel_size, stride = Whole(), Whole(), pair(), pair()
    padding = pair("[0, ∞)", words=("same", "valid"))

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Random | None = None,
    ):
        refuse(1, dilation=dilation, groups=groups)
        truth(bias=bias)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, rng = stride, padding, init.generator(rng)
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, not stride={stride!r}")
        kh, kw = self.kernel_size
        fan_in = self.in_channels * kh * kw
        self.weight = Parameter(init.default((self.out_channels, self.in_channels, kh, kw), fan_in, rng))
        self.bias = Parameter(init.default((self.out_channels,), fan_in, rng)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, oh, ow)."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        """in, out, kernel, stride, padding."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}"
        )


class ConvTranspose2d(Module):
    """Transposed convolution, see `functional.conv_transpose2d`. State: weight (in, out, kh, kw), bias (out,)."""

    in_channels, out_channels, kernel_size, stride = Whole(), Whole(), pair(), pair()
    padding, output_padding = pair("[0, ∞)"), pair("[0, ∞)")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
        *,
        rng: Random | None = None,
    ):
        refuse(1, dilation=dilation, groups=groups)
        truth(bias=bias)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        if any(extra >= step for extra, step in zip(self.output_padding, self.stride)):
            raise ValueError(f"output_padding={output_padding!r} must be smaller than stride={stride!r}")
        rng, (kh, kw) = init.generator(rng), self.kernel_size
        fan_in = self.out_channels * kh * kw  # PyTorch's convention: it counts the weight's second axis
        self.weight = Parameter(init.default((self.in_channels, self.out_channels, kh, kw), fan_in, rng))
        self.bias = Parameter(init.default((self.out_channels,), fan_in, rng)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, h, w) -> (N, out, H, W)."""
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding, self.output_padding)

    def extra_repr(self) -> str:
        """in, out, kernel, stride, padding, output_padding."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, output_padding={self.output_padding}"
        )


class Embedding(Module):
    """A learned vector for each integer, see `functional.embedding`. State: weight (num, dim), standard normal."""

    num_embeddings, embedding_dim, padding_idx = Whole(), Whole(), Whole("(-∞, ∞)", optional=True)

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, rng: Random | None = None
    ):
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        weight = init.normal((self.num_embeddings, self.embedding_dim), init.generator(rng))
        if padding_idx is not None:
            weight[self.padding_idx] = 0
        self.weight = Parameter(weight)

    def forward(self, input: Operand) -> Tensor:
        """Integers (…) -> (…, dim)."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """num, dim."""
        return "{}, {}".format(*self.weight.shape)


class _ChannelNorm(Module):
    """What the norms of channels share: how many there are, ε, and scale and shift of each."""

    num_features, eps = Whole(), Number("[0, ∞)")
    _ranks, _channel_axis = (2, 3, 4, 5), 1

    def __init__(self, num_features: int, eps: float, affine: bool):
        truth(affine=affine)
        self.num_features, self.eps = num_features, eps
        self.weight = Parameter(np.ones(self.num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(self.num_features, np.float32)) if affine else None

    def _check(self, input):
        axis = self._channel_axis
        if input.ndim not in self._ranks or input.shape[axis] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}({self.extra_repr()}) got shape {input.shape}; it needs "
                f"{' or '.join(map(str, self._ranks))} axes with {self.num_features} channels on axis {axis}"
            )

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(self.num_features)


class _BatchNorm(_ChannelNorm):
    """Normalise each channel over the batch (and pixels), see `functional.batch_norm`.

    State: weight, bias (C,); running_mean, running_var (C,); num_batches_tracked, an integer.

    Attributes
    ----------
    together : Ranks or None
        The processes whose batches are normalised as one, see `nn.synchronised`; None: by its own alone.
    """

    momentum = Number("[0, 1]", optional=True)
    together = None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ):
        truth(track_running_stats=track_running_stats)
        super().__init__(num_features, eps, affine)
        self.momentum = momentum
        self.running_mean = np.zeros(self.num_features, np.float32) if track_running_stats else None
        self.running_var = np.ones(self.num_features, np.float32) if track_running_stats else None
        self.num_batches_tracked = np.array(0) if track_running_stats else None

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) -> the same shape."""
        self._check(input)
        momentum, tracking = self.momentum, self.running_mean is not None
        if self.training and tracking:
            self.num_batches_tracked += 1
            momentum = 1 / int(self.num_batches_tracked) if momentum is None else momentum  # None: a plain average
        batch_statistics, state = self.training or not tracking, (self.running_mean, self.running_var)
        if batch_statistics and self.together:
            return sync_batch_norm(input, *state, self.weight, self.bias, momentum, self.eps, self.together)
        return F.batch_norm(input, *state, self.weight, self.bias, batch_statistics, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W)."""

    _ranks = (4,)


class LayerNorm(Module):
    """Normalise each sample over its last axes, see `functional.layer_norm`. State: weight, bias of that shape."""

    normalized_shape, eps = Several(Whole(), alone=1), Number("[0, ∞)")

    def __init__(self, normalized_shape: Axes, eps: float = 1e-05, elementwise_affine: bool = True, bias: bool = True):
        truth(elementwise_affine=elementwise_affine, bias=bias)
        self.normalized_shape, self.eps = normalized_shape, eps
        shape = self.normalized_shape
        self.weight = Parameter(np.ones(shape, np.float32)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if elementwise_affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        """(…, *normalized_shape) -> the same shape."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape."""
        return str(self.normalized_shape)


class GroupNorm(_ChannelNorm):
    """Normalise each sample over groups of channels, see `functional.group_norm`. State: weight, bias (C,)."""

    num_groups = Whole()

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-05, affine: bool = True):
        self.num_groups = num_groups
        super().__init__(num_channels, eps, affine)
        if self.num_features % self.num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not split into {num_groups} groups")

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) -> the same shape."""
        self._check(input)
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The numbers of groups and channels."""
        return f"{self.num_groups}, {self.num_features}"


class InstanceNorm2d(_ChannelNorm):
    """Normalise each channel of each image, see `functional.instance_norm`. State, if affine: weight, bias (C,)."""

    momentum = Number("[0, 1]", optional=True)
    _ranks, _channel_axis = (3, 4), -3

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ):
        refuse(False, track_running_stats=track_running_stats)
        super().__init__(num_features, eps, affine)
        self.momentum = momentum

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) or (C, H, W) -> the same shape."""
        self._check(input)
        return batched(lambda x: F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps), input)


class PReLU(Module):
    """See `functional.prelu`. State: weight (num_parameters,)."""

    num_parameters, init = Whole(), Number()

    def __init__(self, num_parameters: int = 1, init: float = 0.25):
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(np.full(self.num_parameters, self.init, np.float32))

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) -> the same shape."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"
