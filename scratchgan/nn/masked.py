"""Layers that do not see everything: what a mask hides has weight 0, in the value and in every derivative.

The weights are multiplied by the mask M *where they are used*,

    y = (M ⊙ W) x + b.

So no gradient reaches a hidden weight, and no optimiser can bring it back. To zero the weights once, at the beginning,
would not do: the first step would move them.

Networks of such layers are autoregressive: output d depends on the pixels before d alone, and says how pixel d is
distributed given these.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from scratchgan import functional as F
from scratchgan.hints import Array, Pair, Random
from scratchgan.nn.layers import Conv2d, Linear
from scratchgan.nn.module import Module
from scratchgan.tensor import Tensor


class MaskedLinear(Linear):
    """y = x (M ⊙ W)ᵀ + b. State: weight (out, in), bias (out,), mask (out, in), all ones until it is replaced.

    Germain et al. 2015, arXiv:1502.03509, §4.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: Random | None = None):
        super().__init__(in_features, out_features, bias, rng=rng)
        self.mask = np.ones_like(self.weight.data)

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) -> (…, out).

        Raises
        ------
        ValueError
            When the mask has another shape than the weight.
        """
        if self.mask.shape != self.weight.shape:
            raise ValueError(f"a mask of shape {self.mask.shape} does not fit a weight of shape {self.weight.shape}")
        return F.linear(input, self.weight * Tensor(self.mask), self.bias)


class MaskedConv2d(Conv2d):
    """A convolution that keeps the size of an image and sees, of the kernel around a pixel, a part alone.

    Pixels are read row by row, from the left to the right. van den Oord et al. 2016, arXiv:1601.06759, §3.3, have two
    masks, and two stacks of arXiv:1606.05328, §2.2, see whole rows:

    | mask    | what it sees                            |
    |---------|-----------------------------------------|
    | "A"     | what comes before the pixel             |
    | "B"     | that, and the pixel itself              |
    | "above" | the rows above                          |
    | "rows"  | the rows above, and the row of the pixel |

    An "A" or "above" hides the pixel itself, so it belongs next to the image; behind it "B" and "rows" do no harm, as
    what stands at a pixel there no longer knows that pixel.

    State: weight (out, in, kh, kw), bias (out,), mask (kh, kw). See `row_by_row` for images that are not yet complete.

    Parameters
    ----------
    mask : {"A", "B", "above", "rows"}
    in_channels, out_channels : int
    kernel_size : int or (int, int)
        Odd, so that there is a pixel in the middle.
    bias : bool
    rng : numpy.random.Generator, optional

    Raises
    ------
    ValueError
        For another mask, one that hides all of the kernel, or an even kernel.
    """

    def __init__(
        self,
        mask: str,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        bias: bool = True,
        *,
        rng: Random | None = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, bias=bias, rng=rng)
        self.kind, self.mask = mask, _seen(mask, *self.kernel_size).astype(np.float32)
        self.padding = tuple(k // 2 for k in self.kernel_size)
        self.weight.data *= np.float32(self.mask.mean() ** -0.5)  # drawn for as many inputs as it sees

    above = seen = None  # in `row_by_row`: the rows above the one in hand, and these with it

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        rows = self.padding[0] + (self.kind != "above")  # below them the kernel sees nothing: it is cut off
        weight = self.weight[:, :, :rows] * Tensor(self.mask[:rows])
        if self.above is None:
            return F.conv2d(input, weight, self.bias, padding=self.padding)[..., : input.shape[-2], :]
        self.seen = F.cat([self.above, input], 2)
        return F.conv2d(self.seen[:, :, :rows], weight, self.bias, padding=(0, self.padding[1]))

    def extra_repr(self) -> str:
        """The mask, in, out, kernel."""
        return f"{self.kind!r}, {self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"


@contextmanager
def row_by_row(network: Module, like: Array) -> Iterator[Callable[[], None]]:
    """A context in which a network is given images a row at a time, and its masks remember the rows above.

    So a row costs a row, not an image: what is above it does not change any more. The same row may be given again and
    again, as its pixels are drawn, until it is complete.

    Parameters
    ----------
    network : Module, (N, C, 1, W) -> (N, …, 1, W)
        Of `MaskedConv2d`, and of layers that look at no other pixel.
    like : array, (N, C, H, W)
        The images.

    Yields
    ------
    callable
        To be called, without arguments, when the row that was given last is complete.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, MaskedConv2d)]

    def complete():
        for layer in layers:
            layer.above = layer.seen[:, :, 1:]

    try:
        for layer in layers:
            shape = (len(like), layer.in_channels, layer.padding[0], like.shape[3])
            layer.above = Tensor(np.zeros_like(like, shape=shape))
        yield complete
    finally:
        for layer in layers:
            layer.above = layer.seen = None


def _seen(kind, height, width):
    """The taps of a kernel that a mask leaves: (height, width), bool."""
    if height % 2 == 0 or width % 2 == 0:
        raise ValueError(f"kernel_size={(height, width)} must be odd, so that there is a pixel in the middle")
    row, column = np.ogrid[:height, :width]
    row, column = row - height // 2, column - width // 2
    before = (row < 0) | ((row == 0) & (column < 0))
    masks = {"A": before, "B": before | ((row == 0) & (column == 0)), "above": row < 0, "rows": row <= 0}
    if kind not in masks:
        raise ValueError(f"mask={kind!r} must be one of {', '.join(map(repr, masks))}")
    seen = np.broadcast_to(masks[kind], (height, width))
    if not seen.any():
        raise ValueError(f"mask={kind!r} hides all of a kernel of {(height, width)}")
    return seen
