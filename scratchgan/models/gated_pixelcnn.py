"""Gated PixelCNN: "Conditional Image Generation with PixelCNN Decoders", van den Oord et al. 2016.

arXiv:1606.05328. It is a PixelCNN, see `pixelcnn`, with two differences. Its units are *gated*: of twice the channels,
one half decides how much of the other passes,

    y = tanh(W_f ∗ x + V_f c) ⊙ σ(W_g ∗ x + V_g c).                                                                 (1)

The optional c says what to draw, such as a class or a code: a vector, which shifts all pixels alike, or a map that has
one for each pixel.

And it sees with two *stacks*, so that there is no blind spot. The vertical one reads all rows above the pixel, as its
kernels need no mask within a row; the horizontal one reads what comes before the pixel in its own row, and is told by
1×1 kernels, before their gate, what the vertical one sees:

    v ← gate(V),             V = k×k rows ∗ v                                                                       (2)
    h ← h + 1×1 gate(H),     H = 1×k B ∗ h + 1×1 V.                                                                 (3)

In the first layer the vertical kernel sees only the rows *above*, so that v never knows the row it stands at, and the
horizontal one has mask A. There is no residual there: x itself would reach its own logit. (Others let the vertical
kernel see its own row, and shift V down by a row before it reaches h: that is the same.)

Departures:

| here                                               | the paper                                    |
|----------------------------------------------------|----------------------------------------------|
| images binarised anew in each step                 | 256 levels of colour                         |
| 16 channels, a layer of 7×7 and 4 of 5×5           | ImageNet: 384 channels, 20 layers of 5×5     |
| Adam, α from 0.005 to a twentieth, batches of 8    | RMSprop, batches of 128                      |
"""

from functools import partial

from scratchgan import nn
from scratchgan.functional import sigmoid, tanh
from scratchgan.models import autoregressive
from scratchgan.models.model import Preset, System


def gate(x):
    """(1): (N, 2p, H, W) -> (N, p, H, W)."""
    half = x.shape[1] // 2
    return tanh(x[:, :half]) * sigmoid(x[:, half:])


class GatedLayer(nn.Module):
    """(2) and (3): v (N, few, H, W), h (N, few, H, W) -> both (N, p, H, W).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the weights.
    few, width : int
        Channels that come in, and p.
    kernel : int
        k.
    first : bool
        Whether it stands next to the image, and hides the pixel itself.
    told : int
        The channels of c; 0 without one.
    """

    def __init__(self, rng, few, width, kernel, first=False, told=0):
        self.first, twice = first, 2 * width
        self.vertical = nn.MaskedConv2d("above" if first else "rows", few, twice, kernel, rng=rng)
        self.horizontal = nn.MaskedConv2d("A" if first else "B", few, twice, (1, kernel), rng=rng)
        self.across = nn.Conv2d(twice, twice, 1, rng=rng)
        self.change = nn.Conv2d(width, width, 1, rng=rng)
        self.told = nn.Conv2d(told, 2 * twice, 1, bias=False, rng=rng) if told else None

    def forward(self, v, h, *c):
        """v and h of the next layer; c is (N, told, 1, 1), or a map (N, told, H, W)."""
        above = self.vertical(v)
        here = self.horizontal(h) + self.across(above)
        if self.told:
            shift, half = self.told(*c), above.shape[1]
            above, here = above + shift[:, :half], here + shift[:, half:]
        change = self.change(gate(here))
        return gate(above), change if self.first else h + change


class GatedPixelCNN(nn.Module):
    """x (N, 1, H, W), and c (N, told, 1, 1) or (N, told, H, W) if there is one -> logits (N, 1, H, W).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the weights.
    width : int
        p.
    layers : int
        Those behind the first.
    kernel, first : int
        Their size, and that of the first.
    told : int
        The channels of c; 0 without one.
    """

    def __init__(self, rng, width=16, layers=5, kernel=3, first=7, told=0):
        self.layers = nn.ModuleList([GatedLayer(rng, 1, width, first, True, told)])
        for _ in range(layers):
            self.layers.append(GatedLayer(rng, width, width, kernel, told=told))
        self.last = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, 2 * width, 1, rng=rng), nn.ReLU(), nn.Conv2d(2 * width, 1, 1, rng=rng)
        )

    def forward(self, x, *c):
        """Each logit from the pixels before it, and from c."""
        v = h = x
        for layer in self.layers:
            v, h = layer(v, h, *c)
        return self.last(h)

    def draw(self, x, known, rng, *c):
        """Draw the pixels of an array (N, 1, H, W), from number ``known`` on."""
        autoregressive.draw_row_by_row(self, x, known, rng, *c)


class Told(nn.Module):
    """A gated PixelCNN that is told a code: x (N, 1, H, W), z (N, latent_size) -> logits (N, 1, H, W).

    Parameters
    ----------
    upward : Module, (N, latent_size) -> c
        A map as large as the image, so that a code says where, too.
    network : GatedPixelCNN
    """

    def __init__(self, upward, network):
        self.upward, self.network = upward, network

    def forward(self, x, z):
        """Each logit from the pixels before it, and from z."""
        return self.network(x, self.upward(z))

    def draw(self, x, known, rng, z):
        """Draw the pixels of an array (N, 1, H, W), from number ``known`` on."""
        self.network.draw(x, known, rng, self.upward(z))


def small_network(rng):
    """One that learns in minutes: with four layers of 5×5 a logit sees 11 rows and columns around its pixel."""
    return GatedPixelCNN(rng, layers=4, kernel=5)


build = partial(autoregressive.build, network=small_network)
SYSTEM = System(
    "gated_pixelcnn",
    "Gated PixelCNN",
    "two stacks that see all that was drawn, without a blind spot",
    6,
    build,
    {
        "quick": Preset(600, batch_size=8, every=150),
        "default": Preset(4000, batch_size=8, every=400),
        "shallow": Preset(
            7500, batch_size=16, every=750, options={"network": partial(GatedPixelCNN, layers=0, first=5)}
        ),
    },
)
