"""Models that have a density, a code or a game, by one yardstick: what each can say of an image, and how that is known.

A `Row` says of one system where its features are, what it predicts of pixels given the code, what lies halfway between
two images, and which of its own numbers is a likelihood. What a row lacks is a sentence.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchgan.functional import avg_pool2d, binary_cross_entropy, relu, sigmoid
from scratchgan.hints import Array, Random
from scratchgan.losses import OBJECTIVES, bernoulli, gaussian_nll, importance_bound, reparametrise
from scratchgan.metrics import Judge, linear_classes
from scratchgan.metrics.fidelity import moments
from scratchgan.models.model import Model, made
from scratchgan.nn import Sequential
from scratchgan.tensor import Tensor, no_grad
from scratchgan.threads import on_one_thread

Sampler = Callable[[int, Random], np.ndarray]  # (count, rng) -> (count, C, H, W)

BLOCK, WIDTHS = 250, (0.03, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Row:
    """What is asked of a system. Each function gets the model; x are images in [low, 1], v the same as bits.

    Parameters
    ----------
    features : callable
        (model, x) -> (N, d): the code, or what the network makes of an image on its way.
    what : str
        Which these are.
    nats : str or callable
        The number of `Model.measure` that is −log p(x) or a bound of it; or (model, x, v, rng) -> float.
    kind : str
        Whether it is exact, a bound or an estimate, and of which bits; or why there is none.
    given : callable, optional
        (model, x, v, rng) -> pixels, and what the model expects of them given its code or the pixels before: (N, D).
    halfway : callable, optional
        (model, x, count, rng) -> images halfway between two codes, (count, C, H, W) in [−1, 1].
    law : callable, optional
        (model, x) -> a function (count, rng) -> samples, for a model that has none: with a law of codes, fitted to x.
    loss : callable, optional
        (model, x, rng) -> float: what its loss measures of held-out images.
    """

    features: Callable
    what: str
    nats: str | Callable | None
    kind: str
    given: Callable | None = None
    halfway: Callable | None = None
    law: Callable | None = None
    loss: Callable | None = None


# Features ------------------------------------------------------------------------------------------------------------


def by_the_critic(model: Any, x: Tensor) -> Tensor:
    """What D sees of images in its last hidden layer."""
    return made(Sequential(*list(model.critic)[:-1]), x).flatten(1)


def by_the_encoder(model: Any, x: Tensor) -> Tensor:
    """f(x)."""
    return made(model.encoder, x)


def by_the_mean(model: Any, x: Tensor) -> Tensor:
    """μ of q(z|x)."""
    return made(model.encoder, x)[:, : model.latent_size]


def by_hidden_bits(model: Any, x: Tensor) -> Tensor:
    """p(h = 1 | v)."""
    return model.machine.hidden(x.flatten(1))


def by_hidden_units(model: Any, x: Tensor) -> Tensor:
    """Those of the first layer of MADE."""
    return relu(model.network.layers[0](x.flatten(1)))


def by_the_last_map(model: Any, x: Tensor) -> Tensor:
    """What a gated PixelCNN knows before it gives logits, as means over the squares of a 4×4 grid."""
    v = h = x
    for layer in model.network.layers:
        v, h = layer(v, h)
    return avg_pool2d(h, h.shape[2] // 4).flatten(1)


# A density -----------------------------------------------------------------------------------------------------------


def around_the_code(model: Any, x: Tensor, v: Tensor, rng: Random, draws: int = 20) -> float:
    """A bound of −log p(x) for a code without a law of its own: the best of those with q(z|x) = N(f(x), s² I).

    Any q gives a bound. ``s`` is chosen among `WIDTHS`.
    """
    mean = made(model.encoder, v)
    prior = 0 * mean
    bounds = []
    for width in WIDTHS:
        spread = prior + 2 * np.log(width)
        weights = []
        for _ in range(draws):
            z = reparametrise(mean, spread, rng)
            weights.append((gaussian_nll(z, mean, spread) - gaussian_nll(z, prior, prior)).data - nats(model, v, z))
        bounds.append(-importance_bound(Tensor(np.stack(weights))).mean().item())
    return min(bounds)


def nats(model: Any, v: Tensor, z: Tensor) -> Array:
    """−log p(v|z) of bits that are white with the probabilities of the decoder: array (N,)."""
    p = made(model.decoder, z)
    return binary_cross_entropy(p, v, reduction="none").flatten(1).sum(1).data


# What is left of pixels ----------------------------------------------------------------------------------------------


def after_the_decoder(model: Any, x: Tensor, v: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
    """Bits, and the grey that comes back of the grey that they were drawn with."""
    return v, made(model.decoder, made(model.encoder, x))


def after_a_draw(model: Any, x: Tensor, v: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
    """Bits, and their probabilities given a draw from q(z|x)."""
    outputs = made(model.encoder, v)
    z = reparametrise(outputs[:, : model.latent_size], outputs[:, model.latent_size :], rng)
    return v, sigmoid(made(model.decoder, z))


def after_hidden_bits(model: Any, x: Tensor, v: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
    """Bits, and their probabilities given a draw of h."""
    return v.flatten(1), model.machine.visible(bernoulli(model.machine.hidden(v.flatten(1)), rng))


def after_those_before(model: Any, x: Tensor, v: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
    """Bits, and their probabilities given all bits before."""
    return v, sigmoid(made(model.network, v))


def after_code_and_those_before(model: Any, x: Tensor, v: Tensor, rng: Random) -> tuple[Tensor, Tensor]:
    """Bits, and their probabilities given a code and all bits before."""
    return v, sigmoid(made(model.decoder, v, model.codes(v, rng)))


def neighbours_correlation(pixels: np.ndarray, expected: np.ndarray) -> float:
    """Of what is left of pixels, x − E[x|…], the correlation of neighbours to the right and below: a float.

    Where pixels are independent given the code, it is 0.

    Parameters
    ----------
    pixels, expected : array, (N, 1, H, W)
    """
    left = np.asarray(pixels, float) - expected
    across, down = left[..., :-1] * left[..., 1:], left[..., :-1, :] * left[..., 1:, :]
    return float((across.mean() + down.mean()) / 2 / np.square(left).mean())


# Between two images --------------------------------------------------------------------------------------------------


def on_arcs(model: Model, x: Tensor, count: int, rng: Random) -> np.ndarray:
    """The middles of arcs from one latent to another."""
    return model.strip(count, 3, rng)[:, 1]


def between_codes(model: Any, x: Tensor, count: int, rng: Random) -> np.ndarray:
    """What lies halfway between the codes of two images."""
    codes = made(model.encoder, x).numpy()
    pairs = rng.integers(len(codes), size=(2, count))
    return model.images(model.tensor(codes[pairs].mean(0)))


def drawn_halfway(model: Any, x: Tensor, count: int, rng: Random) -> np.ndarray:
    """Images drawn from the middle of two codes of the prior."""
    ends = model.latents(2 * count, rng).reshape(count, 2, -1)
    middles = np.concatenate([model.between(*pair, [0.5]) for pair in ends])
    return model.images(model.tensor(middles), rng)


def of_a_fitted_gaussian(model: Any, x: Tensor) -> Sampler:
    """What codes give that are drawn from a Gaussian with the moments of those of images."""
    mean, covariance = moments(made(model.encoder, x).numpy())

    @on_one_thread
    def drawn(count, rng):
        return model.images(model.tensor(rng.multivariate_normal(mean, covariance, size=count)))

    return drawn


# What a loss is ------------------------------------------------------------------------------------------------------


def scores(model: Any, x: Tensor, rng: Random) -> list[Tensor]:
    """Those of D, of images and of as many samples: two Tensors (N, 1)."""
    fakes = model.samples(len(x), rng)["samples"]
    return [made(model.critic, images) for images in (x, model.tensor(fakes))]


def divergence_by_the_critic(model: Any, x: Tensor, rng: Random) -> float:
    """log 2 − L_D / 2: a lower bound of the JSD, and the JSD itself for the best D alone."""
    return float(np.log(2) - OBJECTIVES["minimax"].discriminator_loss(*scores(model, x, rng)).item() / 2)


def difference_of_scores(model: Any, x: Tensor, rng: Random) -> float:
    """E D(x) − E D(x̃), which is W₁ for the best D of slope 1."""
    real, fake = scores(model, x, rng)
    return (real.mean() - fake.mean()).item()


def gap_of_the_bound(model: Model, x: Tensor, rng: Random) -> float:
    """How much tighter the bound becomes with more draws: at most KL(q(z|x) ‖ p(z|x)), in nats."""
    one, many, *_ = model.measure((x,), rng).values()
    return one - many


ROWS = {
    "gan": Row(
        by_the_critic, "D's last layer", None, "none", halfway=on_arcs, loss=divergence_by_the_critic
    ),
    "wgan_gp": Row(
        by_the_critic, "D's last layer", None, "none", halfway=on_arcs, loss=difference_of_scores
    ),
    "autoencoder": Row(
        by_the_encoder, "code", None, "none", after_the_decoder, between_codes, of_a_fitted_gaussian
    ),
    "vae": Row(
        by_the_mean, "mean of the code", "with 50 draws (dynamic bits)", "bound, dynamic bits", after_a_draw, on_arcs,
        loss=gap_of_the_bound,
    ),
    "aae": Row(by_the_encoder, "code", around_the_code, "bound, dynamic bits", after_the_decoder, on_arcs),
    "rbm": Row(by_hidden_bits, "p(h|v)", "nats of fixed bits, by AIS", "estimate, fixed bits", after_hidden_bits),
    "made": Row(
        by_hidden_units, "hidden layer", "−log p, nats (dynamic bits)", "exact, dynamic bits", after_those_before
    ),
    "gated_pixelcnn": Row(
        by_the_last_map, "last map", "−log p, nats (dynamic bits)", "exact, dynamic bits", after_those_before
    ),
    "pixelvae": Row(
        by_the_mean, "mean of the code", "with 10 draws (dynamic bits)", "bound, dynamic bits",
        after_code_and_those_before, drawn_halfway, loss=gap_of_the_bound,
    ),
    "pixelgan": Row(
        by_the_encoder, "shares of the kinds", "−log p, nats (dynamic bits)", "exact, dynamic bits",
        after_code_and_those_before, drawn_halfway,
    ),
}  # fmt: skip


# Measuring -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Digits:
    """Labelled grey images in [0, 1], float32 (N, 1, 28, 28): of the training set, and held out."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    def __post_init__(self):
        for images, labels in (self.train, self.test):
            if len(images) != len(labels):
                raise ValueError(f"{len(images)} images have {len(labels)} labels")


def in_blocks(function: Callable[[Model, Tensor], Tensor], model: Model, x: np.ndarray) -> np.ndarray:
    """A function of images, a block at a time and without a graph: array (N, d)."""
    with no_grad():
        blocks = [function(model, model.tensor(x[i : i + BLOCK])) for i in range(0, len(x), BLOCK)]
    return np.concatenate([block.numpy() for block in blocks])


def as_taken(model: Model, x: np.ndarray) -> np.ndarray:
    """Grey images in [0, 1] as the model takes them."""
    return model.low + (1 - model.low) * x


def probed(row: Row, model: Model, digits: Digits) -> float:
    """The share of held-out digits whose class a linear probe reads off the features, fitted on training digits."""
    (x, labels), (others, truth) = digits.train, digits.test
    codes, read = (in_blocks(row.features, model, as_taken(model, images)) for images in (x, others))
    return float((linear_classes(codes, labels, read) == truth).mean())


def likelihood(row: Row, model: Model, digits: Digits, rng: Random, count: int = 1000) -> float | None:
    """−log p(x) of held-out images in nats, as the row has it; None where there is none."""
    if row.nats is None:
        return None
    x = model.tensor(digits.test[0][:count])
    if callable(row.nats):
        return row.nats(model, x, bernoulli(x, rng), rng)
    found = model.measure((x, digits.test[1][:count]), rng).get(row.nats)
    return None if found is None else abs(found)


def correlation(row: Row, model: Model, digits: Digits, rng: Random, count: int = 1000) -> float | None:
    """`neighbours_correlation` of held-out images given the code, or what else the row has; None for nothing."""
    if row.given is None:
        return None
    x = model.tensor(digits.test[0][:count])
    with no_grad():
        pixels, expected = (each.numpy().reshape(x.shape) for each in row.given(model, x, bernoulli(x, rng), rng))
    return neighbours_correlation(pixels, expected)


def sampler(row: Row, model: Model, digits: Digits) -> Sampler:
    """What draws samples: (count, rng) -> (count, C, H, W) in [−1, 1]."""
    if row.law:
        return row.law(model, model.tensor(digits.train[0]))
    return lambda count, rng: model.samples(count, rng)["samples"]


def seconds(drawn: Sampler, rng: Random, count: int = 100, least: float = 0.5) -> float:
    """For one sample, of ``count`` that are drawn at once: the fastest of the draws that fit into ``least`` seconds."""
    taken = []
    while sum(taken) < least:
        began = time.perf_counter()
        drawn(count, rng)
        taken.append(time.perf_counter() - began)
    return min(taken) / count


def measured(
    row: Row, model: Model, untrained: Model, digits: Digits, judge: Judge, count: int, rng: Random
) -> tuple[dict[str, float | None], np.ndarray]:
    """All numbers of a row, and the samples.

    Parameters
    ----------
    row : Row
    model, untrained : Model
        As it is, and before its first step.
    digits : Digits
    judge : Judge
    count : int
        Samples.
    rng : numpy.random.Generator

    Returns
    -------
    numbers : dict of str to float or None
        None where there is nothing to measure.
    samples : array, (count, C, H, W)
    """
    drawn = sampler(row, model, digits)
    samples = drawn(count, rng)
    between = row.halfway and row.halfway(model, model.tensor(as_taken(model, digits.test[0])), count, rng)
    numbers = {
        "S": judge.S(samples),
        "S halfway": None if between is None else judge.S(between),
        "nats": likelihood(row, model, digits, rng),
        "probe": probed(row, model, digits),
        "probe, untrained": probed(row, untrained, digits),
        "neighbours": correlation(row, model, digits, rng),
        "seconds": seconds(drawn, rng),
        "loss": row.loss and row.loss(model, model.tensor(as_taken(model, digits.test[0][:1000])), rng),
    }
    return numbers, samples


def anchors(digits: Digits, judge: Judge, count: int, rng: Random) -> dict[str, float]:
    """The same of what needs no model: pixels, independent pixels, cross-fades of real digits, real digits as bits."""
    (x, labels), (others, truth) = digits.train, digits.test
    real = judge.real(2 * count) / 127.5 - 1
    bits = bernoulli(Tensor(others[:1000]), rng).data
    means = np.broadcast_to(bits.mean(0), bits.shape)
    alone = -(bits * np.log(np.maximum(means, 1e-9)) + (1 - bits) * np.log(np.maximum(1 - means, 1e-9)))
    return {
        "probe": float(
            (linear_classes(x.reshape(len(x), -1), labels, others.reshape(len(others), -1)) == truth).mean()
        ),
        "nats": float(alone.sum((1, 2, 3)).mean()),
        "neighbours": neighbours_correlation(bits, means),
        "S": judge.S(real[:count].astype(np.float32)),
        "S of bits": judge.S(2 * bernoulli(Tensor((real[:count] + 1) / 2), rng).data - 1),
        "S halfway": judge.S(((real[:count] + real[count:]) / 2).astype(np.float32)),
    }
