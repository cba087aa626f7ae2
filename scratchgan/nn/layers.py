"""Layers with weights, with the names, arguments, state keys and initialisation of ``torch.nn``.

Each draws its initial weights from the keyword ``rng``, a `numpy.random.Generator`; without it, from a fresh one.
"""

import numpy as np

from scratchgan import functional as F
from scratchgan.functional.conv import pair
from scratchgan.functional.elementwise import refuse
from scratchgan.nn import init
from scratchgan.nn.module import Module
from scratchgan.tensor import Parameter


def _fresh(rng):
    return np.random.default_rng() if rng is None else rng


class Linear(Module):
    """y = x Wᵀ + b, see `functional.linear`. State: weight (out, in), bias (out,)."""

    def __init__(self, in_features, out_features, bias=True, *, rng=None):
        rng = _fresh(rng)
        self.weight = Parameter(init.default((out_features, in_features), in_features, rng))
        self.bias = Parameter(init.default((out_features,), in_features, rng)) if bias else None

    def forward(self, input):
        """(…, in) -> (…, out)."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self):
        """in, out."""
        return "{1}, {0}".format(*self.weight.shape)


class Conv2d(Module):
    """Convolution, see `functional.conv2d`. State: weight (out, in, kh, kw), bias (out,)."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, *, rng=None
    ):
        refuse(1, dilation=dilation, groups=groups)
        rng, (kh, kw) = _fresh(rng), pair(kernel_size)
        fan_in = in_channels * kh * kw
        self.stride, self.padding = stride, padding
        self.weight = Parameter(init.default((out_channels, in_channels, kh, kw), fan_in, rng))
        self.bias = Parameter(init.default((out_channels,), fan_in, rng)) if bias else None

    def forward(self, input):
        """(N, in, H, W) -> (N, out, oh, ow)."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self):
        """in, out, kernel, stride, padding."""
        o, c, *kernel = self.weight.shape
        return f"{c}, {o}, kernel_size={tuple(kernel)}, stride={self.stride}, padding={self.padding}"


class ConvTranspose2d(Module):
    """Transposed convolution, see `functional.conv_transpose2d`. State: weight (in, out, kh, kw), bias (out,)."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        *,
        rng=None,
    ):
        refuse(1, dilation=dilation, groups=groups)
        rng, (kh, kw) = _fresh(rng), pair(kernel_size)
        fan_in = out_channels * kh * kw  # PyTorch's convention: it counts the weight's second axis
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.weight = Parameter(init.default((in_channels, out_channels, kh, kw), fan_in, rng))
        self.bias = Parameter(init.default((out_channels,), fan_in, rng)) if bias else None

    def forward(self, input):
        """(N, in, h, w) -> (N, out, H, W)."""
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding, self.output_padding)

    def extra_repr(self):
        """in, out, kernel, stride, padding, output_padding."""
        c, o, *kernel = self.weight.shape
        return (
            f"{c}, {o}, kernel_size={tuple(kernel)}, stride={self.stride}, padding={self.padding}, "
            f"output_padding={self.output_padding}"
        )


class Embedding(Module):
    """A learned vector for each integer, see `functional.embedding`. State: weight (num, dim), standard normal."""

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, *, rng=None):
        weight = init.normal((num_embeddings, embedding_dim), _fresh(rng))
        if padding_idx is not None:
            weight[padding_idx] = 0
        self.padding_idx, self.weight = padding_idx, Parameter(weight)

    def forward(self, input):
        """Integers (…) -> (…, dim)."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self):
        """num, dim."""
        return "{}, {}".format(*self.weight.shape)


class _BatchNorm(Module):
    """Normalise each channel over the batch (and pixels), see `functional.batch_norm`.

    State: weight, bias (C,); running_mean, running_var (C,); num_batches_tracked, an integer.
    """

    _ranks = ()

    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        self.running_mean = np.zeros(num_features, np.float32) if track_running_stats else None
        self.running_var = np.ones(num_features, np.float32) if track_running_stats else None
        self.num_batches_tracked = np.array(0) if track_running_stats else None

    def forward(self, input):
        """(N, C, …) -> the same shape."""
        if input.ndim not in self._ranks or input.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}({self.num_features}) got shape {input.shape}; it needs "
                f"{' or '.join(map(str, self._ranks))} axes with {self.num_features} channels on axis 1"
            )
        momentum, tracking = self.momentum, self.running_mean is not None
        if self.training and tracking:
            self.num_batches_tracked += 1
            momentum = 1 / int(self.num_batches_tracked) if momentum is None else momentum  # None: a plain average
        batch_statistics = self.training or not tracking
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, batch_statistics, momentum, self.eps
        )

    def extra_repr(self):
        """The number of channels."""
        return str(self.num_features)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W)."""

    _ranks = (4,)


class LayerNorm(Module):
    """Normalise each sample over its last axes, see `functional.layer_norm`. State: weight, bias of that shape."""

    def __init__(self, normalized_shape, eps=1e-05, elementwise_affine=True, bias=True):
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(np.ones(shape, np.float32)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if elementwise_affine and bias else None

    def forward(self, input):
        """(…, *normalized_shape) -> the same shape."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        """The shape."""
        return str(self.normalized_shape)


class GroupNorm(Module):
    """Normalise each sample over groups of channels, see `functional.group_norm`. State: weight, bias (C,)."""

    def __init__(self, num_groups, num_channels, eps=1e-05, affine=True):
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not split into {num_groups} groups")
        self.num_groups, self.eps = num_groups, eps
        self.weight = Parameter(np.ones(num_channels, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, np.float32)) if affine else None

    def forward(self, input):
        """(N, C, …) -> the same shape."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


class InstanceNorm2d(Module):
    """Normalise each channel of each image, see `functional.instance_norm`. State, if affine: weight, bias (C,)."""

    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False):
        refuse(False, track_running_stats=track_running_stats)
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None

    def forward(self, input):
        """(N, C, H, W) -> the same shape."""
        return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)
