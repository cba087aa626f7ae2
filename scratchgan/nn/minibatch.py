"""Layers that let a discriminator look at a whole batch, so that it sees when all samples are alike.

They couple the samples: D(xᵢ) depends on the others. Never show them reals and fakes in one batch, whose statistics
would mix; and a penalty on the slope of D then contains slopes of the others' scores, too.
"""

import math

import numpy as np

from scratchgan import functional as F
from scratchgan.hints import Random
from scratchgan.nn import init
from scratchgan.nn.module import Module
from scratchgan.nn.options import Whole
from scratchgan.tensor import Parameter, Tensor


class MinibatchDiscrimination(Module):
    """Append to each sample's features how close it is to the others of its batch, as seen by B learned kernels.

    Salimans et al. 2016, arXiv:1606.03498, §3.2. With T of shape (A, B, C) and Mᵢ = xᵢ T of shape (B, C),

        c_b(xᵢ, xⱼ) = exp(−‖M_{i,b} − M_{j,b}‖₁),   o(xᵢ)_b = Σ_{j≠i} c_b(xᵢ, xⱼ),   output [xᵢ, o(xᵢ)].

    The paper's sum has j = i, which adds the constant 1; its authors' code leaves it out, as here. All alike, the
    samples of a batch of N get N − 1, all far apart 0. It is a sum, and so depends on the size of the batch.

    The slope of c_b in M_{i,b} is −c_b · sign(M_{i,b} − M_{j,b}): dead where the distances are large. So T begins with
    a scale at which features of variance 1, all independent, lie at distance 1 on average.

    State: weight (in_features, num_kernels, kernel_dim).

    Parameters
    ----------
    in_features, num_kernels, kernel_dim : int
        A, B and C.
    rng : numpy.random.Generator, optional
        Draws T; without it, a fresh one.
    """

    in_features, num_kernels, kernel_dim = Whole(), Whole(), Whole()

    def __init__(self, in_features: int, num_kernels: int, kernel_dim: int, *, rng: Random | None = None):
        self.in_features, self.num_kernels, self.kernel_dim = in_features, num_kernels, kernel_dim
        shape = (self.in_features, self.num_kernels, self.kernel_dim)
        scale = math.sqrt(math.pi / self.in_features) / (2 * self.kernel_dim)  # E |N(0, 2As²)| is 2s √(A/π)
        self.weight = Parameter((scale * init.generator(rng).standard_normal(shape)).astype(np.float32))

    def forward(self, input: Tensor) -> Tensor:
        """(N, A) -> (N, A + B)."""
        features, kernels, dims = self.weight.shape
        if input.ndim != 2 or input.shape[1] != features:
            raise ValueError(
                f"MinibatchDiscrimination got shape {input.shape}; it needs (N, {features}): flatten an image before"
            )
        m = (input @ self.weight.flatten(1)).unflatten(1, (kernels, dims))
        distances = (m.unsqueeze(0) - m.unsqueeze(1)).abs().sum(3)  # (N, N, B)
        return F.cat([input, (-distances).exp().sum(1) - 1], 1)  # the 1 is c_b(xᵢ, xᵢ)

    def extra_repr(self) -> str:
        """A, B, C."""
        return "{}, {}, {}".format(*self.weight.shape)


class MinibatchStdDev(Module):
    """Append channels that hold how much the samples of a group differ.

    Karras et al. 2018, arXiv:1710.10196, §3, in groups as in their code. The batch is split into M = N / G groups of
    size G = min(group_size, N); sample i belongs to group i mod M, *strided*. With a of shape (G, M, C, H, W),

        σ_{m,c,h,w} = √(mean_g (a − mean_g a)² + 10⁻⁸),   s_m = mean over c, h, w of σ,

    and each sample gets the s of its group as one more channel. With F = num_channels, C is cut into F parts, each with
    a channel of its own. The deviation is the population's (÷ G), and the ε keeps its slope finite where all samples of
    a group are alike; s is then 10⁻⁴.

    Parameters
    ----------
    group_size : int
        At most; 4 in the code, the whole batch in the paper.
    num_channels : int
        F, 1 in the paper.

    """

    group_size, num_channels = Whole(), Whole()

    def __init__(self, group_size: int = 4, num_channels: int = 1):
        self.group_size, self.num_channels = group_size, num_channels

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + F, H, W).

        Raises
        ------
        ValueError
            For a batch that is no whole number of groups, or channels that are no whole number of parts. Reals and
            fakes must be treated alike, so nothing is left over silently.
        """
        n, c, h, w = self._checked(input)
        size, parts = min(self.group_size, n), self.num_channels
        a = input.reshape(size, n // size, parts, c // parts, h, w)
        centered = a - a.mean(0, keepdim=True)
        sigma = ((centered * centered).mean(0) + 1e-8).sqrt()  # (M, F, C/F, H, W)
        s = sigma.mean((2, 3, 4)).expand(size, -1, -1)  # group m is at m, m + M, …: tiled, not repeated one by one
        return F.cat([input, s.reshape(n, parts, 1, 1).expand(n, parts, h, w)], 1)

    def _checked(self, input):
        if input.ndim != 4 or not len(input):
            raise ValueError(f"MinibatchStdDev got shape {input.shape}; it needs (N, C, H, W) with N ≥ 1")
        n, c = input.shape[:2]
        size = min(self.group_size, n)
        if n % size:
            raise ValueError(
                f"a batch of {n} is no whole number of groups of {size}: drop the last, smaller batch, or make "
                f"group_size a divisor of both batch sizes, such as {math.gcd(n, size)}"
            )
        if c % self.num_channels:
            raise ValueError(f"{c} channels do not split into num_channels={self.num_channels} parts")
        return input.shape

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.group_size}, {self.num_channels}"
