"""Latents: how they are drawn, and a way from one to another."""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import whole
from scratchgan.hints import Random


def standard_normal(shape: tuple[int, ...], rng: Random) -> np.ndarray:
    """z ~ N(0, I)."""
    return rng.standard_normal(shape)


def of_kinds(shape: tuple[int, int], rng: Random, kinds: int = 10) -> np.ndarray:
    """z = (√K e_k, n): the first K numbers say which kind k of image it shall be, the others are normal, n ~ N(0, I).

    e_k is the k-th of K unit vectors: a one among zeros.

    G is continuous. Where all of z is normal, two images always have others between them, and of these nobody can say
    which digits they are. A discrete part lets G jump, as in the input of InfoGAN (Chen et al. 2016, arXiv:1606.03657).
    No label is needed: which kind is what, G decides. It does not make ten kinds the ten digits, and a kind that holds
    two digits has images between them. So more kinds than classes are of use: of a WGAN-GP's digits a classifier is
    sure of 73 % with 10 kinds, of 87 % with 30 (on one seed). The price is variety, as fewer numbers are left for
    it: recall falls from 0.87 to 0.76, and to 0.57 where 50 of the 64 numbers are for kinds.

    Parameters
    ----------
    shape : (int, int)
        (N, d).
    rng : numpy.random.Generator
    kinds : int
        K, at most d; all are equally likely. E ‖z‖² = d, as of a normal z.

    Returns
    -------
    array, (N, d)
    """
    if shape[1] < whole(kinds, "kinds"):
        raise ValueError(f"latents of {shape[1]} numbers have no place for {kinds} kinds: take a larger latent_size")
    z = rng.standard_normal(shape)
    z[:, :kinds] = np.sqrt(kinds) * np.eye(kinds)[rng.integers(kinds, size=shape[0])]
    return z


def slerp(start: np.ndarray, end: np.ndarray, shares: ArrayLike) -> np.ndarray:
    """Spherical interpolation: sin((1−t) ω) / sin ω · z₀ + sin(t ω) / sin ω · z₁, with the angle ω between the two.

    Normal latents of d numbers lie close to a sphere of radius √d. The straight line between two of them leaves it,
    passing at √(d/2) where few latents lie that the generator has ever seen; the arc does not. Where the two are
    parallel, sin ω = 0, the arc is the line.

    Parameters
    ----------
    start, end : array, (d,)
        z₀ and z₁.
    shares : array_like, (n,)
        t, from 0 to 1.

    Returns
    -------
    array, (n, d)
    """
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle, t = np.arccos(np.clip(cosine, -1, 1)), np.asarray(shares, float)[:, None]
    if np.sin(angle) < 1e-4:
        return (1 - t) * start + t * end
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


def plane(side: int) -> np.ndarray:
    """A square of latents of two numbers, of which each stands for the same share of the prior N(0, I).

    The coordinates are Φ⁻¹((i + ½) / side), the quantiles of a normal number: close together where latents are many.
    An even grid would show latents that are never drawn, or leave out half of those that are.

    Parameters
    ----------
    side : int

    Returns
    -------
    array, (side², 2)
        Row by row; the first number grows from left to right, the second from bottom to top.
    """
    quantiles = [NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)]
    return np.array([(right, up) for up in quantiles[::-1] for right in quantiles])
