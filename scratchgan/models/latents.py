"""Latents: how they are drawn, and a way from one to another."""

import numpy as np


def standard_normal(shape, rng):
    """z ~ N(0, I)."""
    return rng.standard_normal(shape)


def slerp(start, end, shares):
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
