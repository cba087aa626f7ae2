"""Likelihoods and the terms of a variational bound, in nats; each is a number for each example, none is a mean.

Pixels and latents are *summed*: log p(x) of an image is the sum of the logarithms of its pixels, and the KL of a code
is that of all its numbers. A mean over 784 pixels beside a sum over 20 latents would weigh the KL 784 times, and the
codes would say nothing. Only over the examples of a batch is a mean taken, by those who train.

Gaussians have a mean μ and a *log-variance* log σ², of independent numbers. Kingma & Welling 2014, arXiv:1312.6114.
"""

import math

import numpy as np

from scratchgan.backend import array_like
from scratchgan.functional import exp, logsumexp, softplus
from scratchgan.hints import Random
from scratchgan.tensor import Tensor, floating

# Terms ---------------------------------------------------------------------------------------------------------------


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σⱼ (μⱼ² + σⱼ² − 1 − log σⱼ²).

    Kingma & Welling 2014, arXiv:1312.6114, appendix B. Slopes: μ in the mean, ½ (σ² − 1) in the log-variance.

    Parameters
    ----------
    mean, log_variance : Tensor, (N, J)
        μ and log σ².

    Returns
    -------
    Tensor, (N,)
        In nats, ≥ 0, and 0 only for the prior itself.

    Raises
    ------
    ValueError
        For two shapes.
    """
    _alike(mean=mean, log_variance=log_variance)
    return 0.5 * (mean * mean + exp(log_variance) - 1 - log_variance).sum(-1)


def gaussian_nll(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """−log N(z; μ, σ²) = ½ Σⱼ ((zⱼ − μⱼ)² / σⱼ² + log σⱼ² + log 2π).

    Parameters
    ----------
    z, mean, log_variance : Tensor, (N, J)
        z, μ and log σ².

    Returns
    -------
    Tensor, (N,)
        In nats.

    Raises
    ------
    ValueError
        For shapes that differ.
    """
    _alike(z=z, mean=mean, log_variance=log_variance)
    distance = z - mean
    return 0.5 * (distance * distance * exp(-log_variance) + log_variance + math.log(2 * math.pi)).sum(-1)


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """−log p(x) = Σᵢ (ζ(aᵢ) − xᵢ aᵢ) of pixels that are white with the probabilities σ(aᵢ); ζ is the softplus.

    No logarithm of a rounded probability is taken. For grey x it is a cross-entropy, whose least value is not 0 but the
    entropy of the greys (45.5 nats for a digit): to call it a likelihood, draw black and white first, `bernoulli`.

    Parameters
    ----------
    logits : Tensor, (N, …)
        a, before any sigmoid.
    x : Tensor, (N, …)
        Pixels: 0 and 1, or grey between them.

    Returns
    -------
    Tensor, (N,)
        In nats.

    Raises
    ------
    ValueError
        For two shapes, or an x outside [0, 1].
    """
    _alike(logits=logits, x=x)
    _probabilities(x, "x", "images in [−1, 1] are taken there by (x + 1) / 2")
    loss = softplus(logits, threshold=np.inf) - x * logits
    return loss.flatten(1).sum(1)


def importance_bound(log_weights: Tensor) -> Tensor:
    """log (1/K) Σₖ wₖ ≤ log p(x) on average, for wₖ = p(x | zₖ) p(zₖ) / q(zₖ | x) with zₖ ~ q(z | x).

    Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519, equation (8). With K = 1 it is the variational bound; it rises
    with K, to log p(x).

    Parameters
    ----------
    log_weights : Tensor, (K, N)
        log wₖ of N examples.

    Returns
    -------
    Tensor, (N,)
        In nats.
    """
    floating(log_weights=log_weights)
    return logsumexp(log_weights, 0) - math.log(len(log_weights))


# Samples -------------------------------------------------------------------------------------------------------------


def reparametrise(mean: Tensor, log_variance: Tensor, rng: Random) -> Tensor:
    """z = μ + σ ε with ε ~ N(0, I): a sample through which gradients pass to μ and σ = exp(½ log σ²).

    Kingma & Welling 2014, arXiv:1312.6114, §2.4.

    Parameters
    ----------
    mean, log_variance : Tensor, (N, J)
        μ and log σ².
    rng : numpy.random.Generator

    Returns
    -------
    Tensor, (N, J)

    Raises
    ------
    ValueError
        For two shapes.
    """
    _alike(mean=mean, log_variance=log_variance)
    noise = rng.standard_normal(mean.shape).astype(mean.dtype)
    return mean + exp(0.5 * log_variance) * Tensor(array_like(noise, mean.data))


def bernoulli(probabilities: Tensor, rng: Random) -> Tensor:
    """Ones with these probabilities, else zeros: a constant Tensor of the same shape and dtype.

    Of grey images it makes black and white ones. If they are drawn anew in each step, that is *dynamic* binarisation.
    Name it beside each likelihood: with *fixed* bits, or a threshold, it would be another number.

    Parameters
    ----------
    probabilities : Tensor
        In [0, 1].
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        For numbers outside [0, 1].
    """
    floating(probabilities=probabilities)
    _probabilities(probabilities, "probabilities", "of logits take the sigmoid first")
    p = probabilities.data
    return Tensor((array_like(rng.random(p.shape), p) < p).astype(p.dtype))


def _probabilities(x, name, way_out):
    if x.data.size and not (0 <= x.data.min() and x.data.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1], got {x.data.min():.4g}…{x.data.max():.4g}; {way_out}")


def _alike(**tensors):
    """Refuse what is no floating Tensor, and two shapes: a (N, 1) beside a (N, J) would be broadcast without a word."""
    floating(**tensors)
    (first, x), *others = tensors.items()
    for name, y in others:
        if x.shape != y.shape:
            raise ValueError(f"{first} of shape {x.shape} and {name} of shape {y.shape} differ")
