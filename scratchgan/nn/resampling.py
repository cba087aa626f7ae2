"""Images of twice and of half the size, by the filter [1, 3, 3, 1] that networks without aliasing use.

Both are linear and separable, y = A x Aᵀ, with one matrix between them. Half the size is reached by weighted means of
four neighbours on each axis, and twice the size by the adjoint, which shares each pixel out again:

    halved:   y_i = (x_{2i−1} + 3 x_{2i} + 3 x_{2i+1} + x_{2i+2}) / 8
    doubled:  y_{2i} = (x_{i−1} + 3 x_i) / 4,    y_{2i+1} = (3 x_i + x_{i+1}) / 4

[1, 3, 3, 1] is [1, 2, 1] convolved with [1, 1]: a triangle, so `doubled` is bilinear interpolation. Beyond its edges an
image goes on with its edge pixels, and so a constant stays what it is. Karras et al. 2020, arXiv:1912.04958, whose code
has zeros there.
"""

from functools import cache

import numpy as np

from scratchgan.backend import array_like
from scratchgan.nn.module import Module
from scratchgan.tensor import Tensor, floating


class Halved(Module):
    """(N, C, H, W) -> (N, C, H/2, W/2): A x Aᵀ, with the filter [1, 3, 3, 1] / 8 on each axis; H and W are even."""

    def forward(self, input: Tensor) -> Tensor:
        """Half the size."""
        floating(input=input)
        if input.ndim != 4 or input.shape[2] % 2 or input.shape[3] % 2:
            raise ValueError(f"Halved needs images (N, C, H, W) with even H and W, got shape {input.shape}")
        return _resampled(input, *(_means(size // 2) for size in input.shape[2:]))


class Doubled(Module):
    """(N, C, H, W) -> (N, C, 2H, 2W): 4 Aᵀ x A, the adjoint of `Halved`, which is bilinear interpolation."""

    def forward(self, input: Tensor) -> Tensor:
        """Twice the size."""
        floating(input=input)
        if input.ndim != 4:
            raise ValueError(f"Doubled needs images (N, C, H, W), got shape {input.shape}")
        return _resampled(input, *(2 * _means(size).T for size in input.shape[2:]))


@cache
def _means(count):
    """A, (count, 2 · count): the weights with which each of ``count`` pixels reads twice as many."""
    matrix = np.zeros((count, 2 * count))
    for row in range(count):
        for column, weight in zip(range(2 * row - 1, 2 * row + 3), (1, 3, 3, 1)):
            matrix[row, min(max(column, 0), 2 * count - 1)] += weight / 8
    return matrix


def _resampled(input, *matrices):
    """down · x · acrossᵀ of each image; channels stay beside each other in memory, as convolutions leave them."""
    down, across = (Tensor(array_like(matrix.astype(input.dtype), input.data)) for matrix in matrices)
    x = across @ input.permute(2, 0, 3, 1)  # (H, N, w, C)
    x = (down @ x.flatten(1)).unflatten(1, x.shape[1:])
    return x.permute(1, 3, 0, 2)
