"""PixelCNN: "Pixel Recurrent Neural Networks", van den Oord, Kalchbrenner & Kavukcuoglu 2016, §3.4.

arXiv:1601.06759. Pixels are read row by row, from the left to the right, and the logit of each comes from a
convolutional network that sees those before it alone:

    p(x) = Π_d p(x_d | x_1, …, x_{d−1}).                                                                            (1)

The kernels are *masked*. In the first layer mask A hides the pixel itself and all that comes after it. In the layers
behind it mask B hides only what comes after: what stands at a pixel there no longer knows that pixel, but those before.
A second mask A would hide good context; a first mask B would let the network see the answer. The network is

    7×7 A,  then blocks  x + [ReLU, 1×1, ReLU, 3×3 B, ReLU, 1×1](x),  then  ReLU, 1×1, ReLU, 1×1 → logits,

without a residual around the first layer, which would hand the pixel on. All likelihoods of an image come from one
pass. To draw one takes a pass for each pixel, but over its row alone, as what is above does not change any more.

There is a *blind spot*: of the pixels above and to the right, layers of 3×3 never see a triangle, however many they
are (``python demos/blind_spot.py``). `gated_pixelcnn` has none.

Departures:

| here                                                   | the paper                                  |
|--------------------------------------------------------|--------------------------------------------|
| images binarised anew in each step                     | binarised once                             |
| h = 16, 5 blocks of 5×5, as they see further           | h = 128, 15 blocks of 3×3 for CIFAR-10     |
| Adam, α from 0.005 to a twentieth, batches of 8        | RMSprop, batches of 16                     |
"""

from functools import partial

from scratchgan import nn
from scratchgan.models import autoregressive
from scratchgan.models.model import Preset, System


class PixelCNN(nn.Module):
    """(N, 1, H, W) -> logits of the same shape: 19,649 weights with these sizes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the weights.
    width : int
        h.
    blocks : int
    first, kernel : int
        The sizes of the first kernel and of those in the blocks.
    """

    def __init__(self, rng, width=16, blocks=5, first=7, kernel=3):
        wide = 2 * width
        self.first = nn.MaskedConv2d("A", 1, wide, first, rng=rng)
        self.blocks = nn.Sequential(*(Block(width, kernel, rng) for _ in range(blocks)))
        self.last = nn.Sequential(
            nn.ReLU(), nn.Conv2d(wide, wide, 1, rng=rng), nn.ReLU(), nn.Conv2d(wide, 1, 1, rng=rng)
        )

    def forward(self, x):
        """Each logit from the pixels before it."""
        return self.last(self.blocks(self.first(x)))

    def draw(self, x, known, rng):
        """Draw the pixels of an array (N, 1, H, W), from number ``known`` on."""
        autoregressive.draw_row_by_row(self, x, known, rng)


class Block(nn.Module):
    """x + f(x), where f narrows to h channels for the 3×3 layer: (N, 2h, H, W) -> the same shape."""

    def __init__(self, width, kernel, rng):
        self.change = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(2 * width, width, 1, rng=rng),
            nn.ReLU(),
            nn.MaskedConv2d("B", width, width, kernel, rng=rng),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 1, rng=rng),
        )

    def forward(self, x):
        """The same, with more seen."""
        return x + self.change(x)


def small_network(rng):
    """A PixelCNN that learns in minutes: with five blocks of 5×5 a logit sees 13 rows and columns around its pixel."""
    return PixelCNN(rng, kernel=5)


build = partial(autoregressive.build, network=small_network)
SYSTEM = System(
    "pixelcnn",
    "PixelCNN",
    "an exact likelihood by masked convolutions, and pixels drawn one by one",
    6,
    build,
    {
        "quick": Preset(1000, batch_size=8, every=250),
        "default": Preset(6000, batch_size=8, every=600),
    },
)
