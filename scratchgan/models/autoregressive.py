"""What autoregressive models share: a likelihood that is exact, and images drawn pixel by pixel.

By the product rule every distribution of D pixels, taken in some order, is

    p(x) = Π_d p(x_d | x_1, …, x_{d−1}),                                                                            (1)

and a network that gives, for each pixel, the logit a_d of p(x_d = 1 | x_1, …, x_{d−1}) gives all of them at once: with
ζ the softplus

    −log p(x) = Σ_d ζ(a_d) − x_d a_d    nats.                                                                       (2)

There is no latent, no bound and no second player: (2) is the loss, and it is the measure. What it costs is sampling:
pixel d can be drawn only when those before it are there.

Pixels are black or white. Those of grey images are drawn anew in each step, white as often as the grey says: *dynamic*
binarisation. A likelihood of images binarised once, or by a threshold, is another number.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.functional import sigmoid
from scratchgan.hints import Array, Random
from scratchgan.losses.variational import bernoulli, bernoulli_nll
from scratchgan.models.latents import slerp
from scratchgan.models.model import Model, in_blocks, made
from scratchgan.nn import Module
from scratchgan.nn.masked import row_by_row
from scratchgan.optim import Adam, Optimizer
from scratchgan.tensor import Tensor, no_grad

BLOCK = 100  # images that are measured at once
COLUMNS = 8  # of the images that are shown


class Autoregressive(Model):
    """A network that gives the logit of each pixel, and an optimiser.

    Parameters
    ----------
    network : Module, (N, C, H, W) -> logits of the same shape
        That of a pixel depends on the pixels before it alone. The network also has a method ``draw(x, known, rng)``,
        which draws the pixels of an array (N, C, H, W) in their order, from number ``known`` on.
    optimizer : callable
        ``(parameters) -> Optimizer``.
    image : tuple of int
        (C, H, W).
    """

    low = 0.0
    watch, panels = {"nats": "nats"}, {"nats per image": ["nats"]}

    def __init__(self, network: Module, optimizer: Callable[..., Optimizer], image: tuple[int, int, int]):
        self.network, self.image = network, image
        self.optimizer = optimizer(network.parameters())

    def nats(self, x: Tensor) -> Tensor:
        """(2) of images of bits: (N, C, H, W) -> Tensor (N,)."""
        return bernoulli_nll(self.network(x), x)

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """One step down the mean of (2), over images whose pixels are drawn anew."""
        (x,) = self.draw(batches)
        return {"nats": self.descend(self.optimizer, self.nats(bernoulli(x, rng)).mean()).item()}

    def measure(self, held_out: tuple, rng: Random) -> dict[str, float]:
        """(2) on images that it never saw, and of the best model whose pixels are independent: their own means."""
        x = bernoulli(held_out[0], rng)
        nats = np.concatenate([self.measured(x[i : i + BLOCK]) for i in range(0, len(x), BLOCK)])
        return {"−log p, nats (dynamic bits)": float(nats.mean()), "independent pixels": independent_nats(x)}

    def measured(self, x: Tensor) -> np.ndarray:
        """(2) without a graph: array (N,)."""
        return bernoulli_nll(made(self.network, x), x).numpy()

    def show(self, examples: tuple, rng: Random) -> np.ndarray:
        """Eight images; below them the same, of which the second half is drawn; two rows that are drawn from nothing.

        All are bits.
        """
        real = bernoulli(examples[0][:COLUMNS], rng)
        half = int(np.prod(self.image)) // 2
        nothing = Tensor(np.zeros_like(real.data, shape=(2 * COLUMNS, *self.image)))
        rows = real, self.drawn(real, rng, half), self.drawn(nothing, rng)
        return np.concatenate([self.shown(x) for x in rows]).reshape(-1, COLUMNS, *self.image)

    @in_blocks
    def samples(self, count: int, rng: Random) -> dict[str, np.ndarray]:
        """Images drawn from nothing, as bits."""
        nothing = self.tensor(np.zeros((count, *self.image), np.float32))
        return {"samples": self.shown(self.drawn(nothing, rng))}

    def strip(self, rows: int, columns: int, rng: Random) -> np.ndarray:
        """Images as they are drawn, in so many stages; pixels that are not yet there are grey."""
        whole = self.samples(rows, rng)["samples"].reshape(rows, 1, -1)
        there = np.linspace(0, self.places().max() + 1, columns)[:, None] > self.places()
        return np.where(there, whole, np.float32(0)).reshape(rows, columns, *self.image)

    def drawn(self, x: Tensor, rng: Random, known: int = 0) -> Tensor:
        """Images whose first ``known`` pixels are those of x: (N, C, H, W) -> the same shape."""
        pixels = x.data.copy()
        with no_grad():
            self.network.draw(pixels, known, rng)
        return Tensor(pixels)

    def places(self) -> np.ndarray:
        """The place of each pixel in the order of drawing: integers (D,)."""
        return np.arange(np.prod(self.image))


def build(
    rng: Random,
    device: str = "cpu",
    *,
    network: Callable[[Random], Module],
    image: tuple[int, int, int] = (1, 28, 28),
    lr: float = 5e-3,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Autoregressive:
    """A model of images of bits by a network of (rng); ``lr`` and ``betas`` are Adam's."""
    return Autoregressive(network(rng).to(device), partial(Adam, lr=lr, betas=betas), image)


class FromCode(Model):
    """Images that have a code, and are drawn from it pixel by pixel: p(x|z) = Π_d p(x_d | x_1, …, x_{d−1}, z).

    A subclass says `codes` and `latents`, and how it is trained.

    Attributes
    ----------
    decoder : Module, x, z -> logits (N, C, H, W)
        With a method ``draw(x, known, rng, z)``.
    image : tuple of int
        (C, H, W).
    """

    low = 0.0
    decoder: Module
    image: tuple[int, int, int]

    def codes(self, x: Tensor, rng: Random) -> Tensor:
        """Codes of images of bits: Tensor (N, latent_size)."""
        raise TypeError(f"{type(self).__name__} does not say codes(x, rng)")

    def latents(self, count: int, rng: Random) -> np.ndarray:
        """Codes of the prior: array (count, latent_size)."""
        raise TypeError(f"{type(self).__name__} does not say latents(count, rng)")

    def between(self, start: np.ndarray, end: np.ndarray, shares: ArrayLike) -> np.ndarray:
        """Codes on the way from one to another: array (n, latent_size)."""
        return slerp(start, end, shares)

    def nats(self, x: Tensor, z: Tensor) -> Tensor:
        """−log p(x|z): Tensor (N,)."""
        return bernoulli_nll(self.decoder(x, z), x)

    def images(self, z: Tensor, rng: Random) -> np.ndarray:
        """Images drawn from codes: array (N, C, H, W) in [−1, 1]."""
        x = np.zeros_like(z.data, shape=(len(z), *self.image))
        with no_grad():
            self.decoder.draw(x, 0, rng, z)
        return self.shown(Tensor(x))

    def columns(self, rng: Random) -> np.ndarray:
        """The codes of the prior that pictures show, one in each column: array (n, latent_size)."""
        return self.latents(COLUMNS, rng)

    def show(self, examples: tuple, rng: Random) -> np.ndarray:
        """Images; the same drawn anew from their codes; codes of the prior, drawn twice. `columns` of each."""
        z = self.tensor(self.columns(rng))[: len(examples[0])]
        x = bernoulli(examples[0][: len(z)], rng)
        with no_grad():
            codes = self.codes(x, rng)
        return np.stack([self.shown(x), self.images(codes, rng), self.images(z, rng), self.images(z, rng)])

    @in_blocks
    def samples(self, count: int, rng: Random) -> dict[str, np.ndarray]:
        """Images drawn from codes of the prior, as bits."""
        return {"samples": self.images(self.tensor(self.latents(count, rng)), rng)}

    def strip(self, rows: int, columns: int, rng: Random) -> np.ndarray:
        """Rows of images on the way from one code to another."""
        ends = self.latents(2 * rows, rng).reshape(rows, 2, -1)
        paths = np.concatenate([self.between(*pair, np.linspace(0, 1, columns)) for pair in ends])
        return self.images(self.tensor(paths), rng).reshape(rows, columns, *self.image)


def independent_nats(x: Tensor) -> float:
    """−log p of images of bits, on average, under the best model of independent pixels: it knows their means."""
    p = x.data.astype(float).mean(0)
    return float(-sum((q * np.log(np.where(q > 0, q, 1))).sum() for q in (p, 1 - p)))


def draw_row_by_row(network: Module, x: Array, known: int, rng: Random, *told: Tensor) -> None:
    """Draw the pixels of images, row by row, from number ``known`` on, into the array x (N, 1, H, W).

    Each takes a pass over its row; what the network knows of the rows above, it remembers.

    Parameters
    ----------
    network : Module, (N, 1, H, W), *told -> logits of the same shape
    *told : Tensor, (N, C, 1, 1) or (N, C, H, W)
        What else it is given.
    """
    with row_by_row(network, x) as complete:
        for i in range(x.shape[2]):
            row = x[:, :, i : i + 1]
            c = [each if each.shape[2] == 1 else each[:, :, i : i + 1] for each in told]
            for j in range(max(known - i * x.shape[3], 0), x.shape[3]):
                row[..., j] = bernoulli(sigmoid(network(Tensor(row), *c)[..., j]), rng).data
            network(Tensor(row), *c)
            complete()
