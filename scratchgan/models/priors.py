"""Priors: what the codes of an autoencoder may be made to look like."""

from dataclasses import dataclass

import numpy as np

from scratchgan.models.latents import slerp
from scratchgan.threads import on_one_thread


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

    def between(self, start, end, shares):
        """Latents on the arc from one to another: (n, d)."""
        return slerp(start, end, shares)

    def moments(self):
        """Mean (d,) and covariance (d, d), exactly."""
        mean = self.centres.mean(0)
        away = self.centres - mean
        return mean, (self.factors @ self.factors.swapaxes(1, 2)).mean(0) + away.T @ away / len(away)

    @on_one_thread
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


@dataclass(frozen=True)
class Categorical:
    """z = e_k, one of K vectors (0, …, 1, …, 0), all equally likely.

    Parameters
    ----------
    kinds : int
        K.
    """

    kinds: int

    @property
    def centres(self):
        """The K vectors: (K, K)."""
        return np.eye(self.kinds)

    def draw(self, count, rng, modes=None):
        """Latents (count, K), each of a kind drawn at random, or of ``modes``, (count,) integers."""
        return self.centres[rng.integers(self.kinds, size=count) if modes is None else modes]

    def between(self, start, end, shares):
        """Shares of two kinds: (n, K)."""
        shares = np.asarray(shares)[:, None]
        return (1 - shares) * start + shares * end

    def modes_of(self, z):
        """Of latents (N, K), or shares of kinds, the largest: (N,) integers."""
        return np.argmax(z, 1)


def categorical(size, modes=None):
    """One of ``size`` kinds, as a `Categorical`."""
    return Categorical(size)


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
