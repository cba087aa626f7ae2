"""MADE: "Masked Autoencoder for Distribution Estimation", Germain, Gregor, Murray & Larochelle 2015.

arXiv:1502.03509. An autoencoder's output d may depend on input d, so it says nothing about how likely an image is. MADE
takes weights away until output d depends on the pixels before d alone. Then the outputs are the factors of

    p(x) = Π_d p(x_d | x_<d),                                                                                       (1)

all of them in one pass. Each unit gets a *degree*, a number from 0 on: that of pixel d is its place in the order, and
that of a hidden unit is drawn. A unit of degree m may know the pixels of degree ≤ m. So between hidden layers, and from
the pixels to the first, a weight stays where the degree does not fall, and at the output where it rises:

    h^l = ReLU(b^l + (M^l ⊙ W^l) h^{l−1}),    M^l[k, j] = 1 if m^l(k) ≥ m^{l−1}(j), else 0                          (2)
    a   = c + (M^V ⊙ V) h^L,                  M^V[d, k] = 1 if m⁰(d) > m^L(k), else 0                               (3)

where a are the logits. Hidden degrees lie between the least degree below, or the unit would know nothing, and D − 2:
nobody may know the last pixel. The first pixel depends on nothing, so its logit is a bias.

The same weights serve several *arrangements*: orders of the pixels, and degrees. With K of them, each step takes one,
and an image has the *mean probability*, p(x) = 1/K Σ_k p_k(x). The mean of the logits would be no distribution: its
probabilities do not add up to 1.

To draw an image takes D steps, but not D passes: each hidden unit is computed once, as soon as the last pixel that it
may know is drawn.

Departures:

| here                                                  | the paper                                            |
|-------------------------------------------------------|------------------------------------------------------|
| images binarised anew in each step                    | binarised once                                       |
| 784-1000-784, one arrangement, the natural order      | 784-8000-8000-784, 32 arrangements                   |
| Adam, α from 0.005 to a twentieth, batches of 100     | Adagrad, α = 0.01, batches of 100                    |
| PyTorch's first weights                               | orthogonal                                           |
| arrangements drawn at random                          | taken in turns                                       |
| no direct weights from pixels to logits               | an option                                            |
"""

from contextlib import contextmanager
from functools import partial

import numpy as np

from scratchgan import nn
from scratchgan.backend import array_like
from scratchgan.functional import relu, sigmoid
from scratchgan.losses.variational import bernoulli, importance_bound
from scratchgan.models.autoregressive import Autoregressive
from scratchgan.models.model import Preset, System
from scratchgan.nn.options import Whole
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor


class MADE(nn.Module):
    """Masked layers, and the degrees of their units: (N, …) -> logits of the same shape.

    Parameters
    ----------
    size : int
        D.
    hidden : sequence of int
        Units of the hidden layers; without any it is logistic regression of each pixel on those before it.
    rng : numpy.random.Generator
        Draws the weights. The degrees are drawn by the number of an arrangement, see `arrange`.
    """

    def __init__(self, size, hidden, rng):
        self.sizes = (size, *hidden)
        pairs = zip(self.sizes, (*hidden, size))
        self.layers = nn.ModuleList([nn.MaskedLinear(few, many, rng=rng) for few, many in pairs])
        self.arrangement = np.array(-1)
        self.arrange(0)

    def degrees(self, arrangement):
        """m⁰, …, m^L of an arrangement: arrays of integers. Number 0 has the pixels in their natural order."""
        rng, size = np.random.default_rng(arrangement), self.sizes[0]
        degrees = [rng.permutation(size) if arrangement else np.arange(size)]
        for count in self.sizes[1:]:
            degrees.append(rng.integers(degrees[-1].min(), max(size - 1, 1), count))
        return degrees

    def arrange(self, arrangement):
        """Give all layers the masks of an arrangement, which is named by a whole number from 0."""
        if arrangement == self.arrangement:
            return
        degrees = self.degrees(arrangement)
        masks = [above[:, None] >= below for below, above in zip(degrees, degrees[1:])]
        for layer, mask in zip(self.layers, [*masks, degrees[0][:, None] > degrees[-1]], strict=True):
            layer.mask = np.empty_like(layer.weight.data)  # which lies in memory as the weights do
            layer.mask[...] = array_like(mask, layer.weight.data)
        self.arrangement = np.array(arrangement)

    def forward(self, x):
        """(2) and (3): (N, …) -> logits of the same shape."""
        *hidden, last = self.layers
        h = x.flatten(1)
        for layer in hidden:
            h = relu(layer(h))
        return last(h).reshape(*x.shape)

    def draw(self, x, known, rng):
        """Draw the pixels of an array (N, …) in their order, from number ``known`` on."""
        degrees, layers = self.degrees(int(self.arrangement)), list(self.layers)
        values = [x.reshape(len(x), -1), *(np.zeros_like(x, shape=(len(x), count)) for count in self.sizes[1:])]
        for d in range(self.sizes[0]):
            if d >= known:
                now = degrees[0] == d
                values[0][:, now] = bernoulli(sigmoid(_units(layers[-1], now, values[-1])), rng).data
            for below, above, layer, degree in zip(values, values[1:], layers, degrees[1:]):
                above[:, degree == d] = relu(_units(layer, degree == d, below)).data


def _units(layer, chosen, h):
    """What these units of a masked layer get from the units h below."""
    weight = layer.weight.data[chosen] * layer.mask[chosen]
    return Tensor(h @ weight.T + layer.bias.data[chosen])


class Mixture(Autoregressive):
    """A MADE, its optimiser, and K, the number of its arrangements.

    Parameters
    ----------
    network : MADE
    optimizer : callable
        ``(parameters) -> Optimizer``.
    image : tuple of int
    arrangements : int
        K.
    """

    arrangements = Whole()

    def __init__(self, network, optimizer, image, arrangements):
        super().__init__(network, optimizer, image)
        self.arrangements, self.last = arrangements, 0  # that of the images that were drawn last

    def train_step(self, batches, rng):
        """One step in an arrangement that is drawn."""
        self.network.arrange(int(rng.integers(self.arrangements)))
        return super().train_step(batches, rng)

    @contextmanager
    def arranged(self, arrangement):
        """A context in which the network has an arrangement. Then that of the last step is back: to look is no step."""
        before = int(self.network.arrangement)
        self.network.arrange(arrangement)
        try:
            yield
        finally:
            self.network.arrange(before)

    def measured(self, x):
        """−log 1/K Σ_k p_k(x): array (N,)."""
        nats = []
        for k in range(self.arrangements):
            with self.arranged(k):
                nats.append(super().measured(x))
        return -importance_bound(Tensor(-np.stack(nats))).numpy()

    def drawn(self, x, rng, known=0):
        """Images in an arrangement that is drawn; what is known are the first pixels in its order."""
        self.last = int(rng.integers(self.arrangements))
        with self.arranged(self.last):
            return super().drawn(x, rng, known)

    def places(self):
        """The place of each pixel in the order of the last images that were drawn."""
        return self.network.degrees(self.last)[0]


def build(
    rng,
    device="cpu",
    image=(1, 28, 28),
    hidden=(1000,),
    arrangements=1,  # K
    lr=5e-3,
    betas=(0.9, 0.999),
):
    """A MADE for images of bits; ``lr`` and ``betas`` are Adam's."""
    network = MADE(int(np.prod(image)), hidden, rng).to(device)
    return Mixture(network, partial(Adam, lr=lr, betas=betas), image, arrangements)


SYSTEM = System(
    "made",
    "MADE",
    "an exact likelihood: an autoencoder whose masks hide what is to come",
    5,
    build,
    {
        "quick": Preset(3000, batch_size=50, every=300, options={"hidden": (500,), "lr": 1e-2}),
        "default": Preset(12_000, batch_size=100, every=1000),
        "orders": Preset(12_000, batch_size=100, every=1000, options={"arrangements": 8}),
    },
)
