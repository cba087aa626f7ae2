"""The partition function Z = Σ e^−E(v,h) of a restricted Boltzmann machine: exactly, and estimated by annealing.

The machine has weights W (D, H), and biases b (D,) and c (H,) of the visible and the hidden bits. Summed over the
latter, its unnormalised probability of v is p*(v) = e^{b·v} Πⱼ (1 + e^{(c + v W)ⱼ}), and p(v) = p*(v) / Z. Without Z
there is no likelihood; and it has 2^min(D, H) terms, twice as many for each further bit.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.hints import Random
from scratchgan.metrics.points import as_points

MOST, BLOCK = 24, 2**12  # bits that are listed, which takes minutes; states at once


def log_partition(weight: ArrayLike, visible_bias: ArrayLike, hidden_bias: ArrayLike) -> float:
    """log Z, exactly: log Σ_h exp(c·h + Σᵢ ζ(b + W h)ᵢ) over the states of the smaller layer, with the softplus ζ.

    Parameters
    ----------
    weight : array_like, (D, H)
    visible_bias : array_like, (D,)
    hidden_bias : array_like, (H,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For shapes that do not fit, numbers that are not finite, or more than 24 bits in the smaller layer.
    """
    w, b, c = _machine(weight, visible_bias, hidden_bias)
    if len(b) < len(c):
        w, b, c = w.T, c, b
    if len(c) > MOST:
        raise ValueError(f"2^{len(c)} states are too many to list: annealed_log_partition estimates their sum")
    bits = np.arange(len(c))
    starts = range(0, 2 ** len(c), BLOCK)
    sums = []
    for start in starts:
        h = (np.arange(start, min(start + BLOCK, 2 ** len(c)))[:, None] >> bits & 1).astype(float)
        sums.append(_log_of_sum(h @ c + _softplus(b + h @ w.T).sum(1)))
    return _log_of_sum(np.array(sums))


def annealed_log_partition(
    weight: ArrayLike,
    visible_bias: ArrayLike,
    hidden_bias: ArrayLike,
    base: ArrayLike,
    rng: Random,
    temperatures: int = 1000,
    chains: int = 100,
    states: ArrayLike | None = None,
) -> tuple[float, float]:
    """log Z, estimated by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008).

    Chains go from a machine whose Z is known to this one, through those between, 0 = β₀ < … < β_K = 1:

        p*_β(v) = e^{((1−β) a + β b)·v} Πⱼ (1 + e^{β (c + v W)ⱼ}).

    At β = 0 the pixels are independent with log-odds a, and log Z₀ = Σᵢ ζ(aᵢ) + H log 2. Each chain begins with a draw
    from that machine, and in turn weighs its state by p*_β(k) / p*_β(k−1), then moves as a Gibbs chain of p*_β(k):

        log Z ≈ log Z₀ + log mean w,        log w = Σₖ log p*_β(k)(vₖ) − log p*_β(k−1)(vₖ).

    E w = Z / Z₀ whatever the steps, so the logarithm is below log Z on average (Jensen), the more the fewer the steps:
    *too few flatter the likelihood*. With ``states`` the same path is walked backwards, from states of the machine
    itself to the independent pixels, and the estimate errs on the other side, as far as these states are draws from p.

    Parameters
    ----------
    weight, visible_bias, hidden_bias : array_like, (D, H), (D,), (H,)
        Of float32, and the chains are computed in it; else in float64.
    base : array_like, (D,)
        a: best the log-odds of the pixels' means.
    rng : numpy.random.Generator
    temperatures : int
        K. A thirtieth of the steps is below β = 0.5, two thirds above 0.9, as in the paper.
    chains : int
        M.
    states : array_like, (M, D), optional
        Bits drawn from the machine: the path is walked backwards.

    Returns
    -------
    value, error : float
        The estimate, and its standard error as the spread of the weights tells it; weights that all miss the same
        states tell nothing of that.

    Raises
    ------
    ValueError
        As `log_partition`, and for a base or states of another size.
    """
    dtype = np.float32 if np.asarray(weight).dtype == np.float32 else np.float64
    machine = [x.astype(dtype) for x in _machine(weight, visible_bias, hidden_bias)]
    a = as_points([base], "base")[0].astype(dtype)
    if a.shape != machine[1].shape:
        raise ValueError(f"base {a.shape} must be the log-odds of {len(machine[1])} visible bits")
    betas = np.interp(np.linspace(0, 1, temperatures + 1), [0, 1 / 30, 1 / 3, 1], [0, 0.5, 0.9, 1])
    if states is None:
        v = _bits(np.broadcast_to(a, (chains, len(a))), rng)
    else:
        betas, v = betas[::-1], as_points(states, "states").astype(dtype)
        if v.shape[1:] != a.shape:
            raise ValueError(f"states {v.shape} must be bits of {len(a)} pixels")
    log_weights = _walk(v, *machine, a, betas.astype(dtype), rng)
    value, error = _log_mean(log_weights)
    first = _softplus(a.astype(float)).sum() + len(machine[2]) * np.log(2)
    return float(first + (value if states is None else -value)), error


def _walk(v, w, b, c, a, betas, rng):
    """The logarithms of the chains' weights, (M,)."""
    log_weights = np.zeros(len(v))
    for beta, following in zip(betas, betas[1:]):
        x = c + v @ w
        log_weights += (following - beta) * (v @ (b - a)) + (_softplus(following * x) - _softplus(beta * x)).sum(1)
        h = _bits(following * x, rng)
        v = _bits((1 - following) * a + following * (b + h @ w.T), rng)
    return log_weights


def _log_mean(log_values):
    """log mean eˣ, and its standard error: that of the mean over the mean."""
    top = log_values.max()
    values = np.exp(log_values - top)
    return top + np.log(values.mean()), float(values.std() / values.mean() / np.sqrt(len(values)))


def _log_of_sum(x):
    return float(x.max() + np.log(np.exp(x - x.max()).sum()))


def _softplus(x):
    """ζ(x) = log(1 + eˣ), which neither overflows nor loses a digit."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _bits(logits, rng):
    """Ones with the probabilities σ(logits)."""
    noise = rng.random(logits.shape, dtype=logits.dtype)
    with np.errstate(over="ignore"):  # e^∞ is ∞, and 1 / ∞ is 0
        return (noise * (1 + np.exp(-logits)) < 1).astype(logits.dtype)


def _machine(weight, visible_bias, hidden_bias):
    """The three as float64, of shapes that fit."""
    w = as_points(weight, "weight")
    b, c = (as_points([x], name)[0] for x, name in ((visible_bias, "visible_bias"), (hidden_bias, "hidden_bias")))
    if w.shape != (len(b), len(c)):
        raise ValueError(f"weight {w.shape} does not fit {len(b)} visible and {len(c)} hidden biases")
    return w, b, c
