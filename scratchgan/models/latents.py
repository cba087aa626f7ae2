"""Latents: how they are drawn, and a way from one to another."""

from dataclasses import dataclass

import numpy as np


def standard_normal(shape, rng):
    """z ~ N(0, I)."""
    return rng.standard_normal(shape)


def of_kinds(shape, rng, kinds=10):
    """z = (√K e_k, n): the first K numbers say which kind k of image it shall be, the others are normal, n ~ N(0, I).

    G is continuous. Where all of z is normal, two images always have others between them, and of these nobody can say
    which digits they are. A discrete part lets G jump, as in the input of InfoGAN (Chen et al. 2016, arXiv:1606.03657).
    No label is needed: which kind is what, G decides.

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
    if shape[1] < kinds:
        raise ValueError(f"latents of {shape[1]} numbers have no place for {kinds} kinds: take a larger latent_size")
    z = rng.standard_normal(shape)
    z[:, :kinds] = np.sqrt(kinds) * np.eye(kinds)[rng.integers(kinds, size=shape[0])]
    return z


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


@dataclass(frozen=True, eq=False)
class Mixture:
    """K Gaussians of any shape and the same weight: z = cₖ + Aₖ n with n ~ N(0, I).

    Parameters
    ----------
    centres : array, (K, d)
        cₖ.
    factors : array, (K, d, d)
        Aₖ, invertible; the covariances are Aₖ Aₖᵀ.
    """

    centres: np.ndarray
    factors: np.ndarray

    def draw(self, count, rng, modes=None):
        """Latents (count, d), each of a mode drawn at random, or of ``modes``, (count,) integers."""
        modes = rng.integers(len(self.centres), size=count) if modes is None else modes
        normal = rng.standard_normal((count, self.centres.shape[1]))
        return self.centres[modes] + np.einsum("nij,nj->ni", self.factors[modes], normal)

    def moments(self):
        """Mean (d,) and covariance (d, d), exactly."""
        mean = self.centres.mean(0)
        away = self.centres - mean
        return mean, (self.factors @ self.factors.swapaxes(1, 2)).mean(0) + away.T @ away / len(away)

    def gaps(self, z):
        """How far the moments of points (N, d) are from those of the mixture, in coordinates where these are 0 and I.

        Returns
        -------
        mean, covariance : float
            The largest entries, in size, of the mean and of the covariance less I.
        """
        mean, covariance = self.moments()
        u = np.linalg.solve(np.linalg.cholesky(covariance), (np.asarray(z, float) - mean).T)
        return float(np.abs(u.mean(1)).max()), float(np.abs(np.cov(u).reshape(covariance.shape) - np.eye(len(u))).max())

    def modes_of(self, z):
        """Of latents (N, d) the mode that each is likeliest of: (N,) integers."""
        away = np.asarray(z)[:, None] - self.centres
        normal = np.einsum("kij,nkj->nki", np.linalg.inv(self.factors), away)
        return (-0.5 * (normal**2).sum(2) - np.linalg.slogdet(self.factors)[1]).argmax(1)


def one_gaussian(size, modes=1):
    """N(0, I) as a `Mixture`."""
    return Mixture(np.zeros((1, size)), np.eye(size)[None])


def petals(size=2, modes=10, radius=2.0, along=0.5, across=0.15):
    """Gaussians around a circle in the plane, each stretched away from the middle: figure 4 of arXiv:1511.05644."""
    if size != 2:
        raise ValueError(f"petals lie in the plane, and latents of {size} numbers do not")
    angles = 2 * np.pi * np.arange(modes) / modes
    out = np.stack([np.cos(angles), np.sin(angles)], 1)
    side = np.stack([-np.sin(angles), np.cos(angles)], 1)
    return Mixture(radius * out, np.stack([along * out, across * side], 2))
