"""Distributions in the plane, to be learnt in minutes and seen at a glance.

    data = eight_gaussians()
    real = data.sample(256, np.random.default_rng(0))  # float32 (256, 2)
    for real in batches(data, 256, np.random.default_rng(0)):  # the same, and so on without end
        ...

Each step of a training run draws points never seen before, so there is nothing to shuffle and nothing to overfit: the
generator's state is the whole place in the stream. The scales are those of the programs that the figures come from;
they differ, and so do the numbers: rows of different papers cannot be compared unless σ over the distance is equal.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.hints import Distribution, Random


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """p(x) = 1/K Σₖ N(x; cₖ, σ² I): K round Gaussians of the same weight and width.

    Parameters
    ----------
    name : str
    centres : array_like, (K, d)
        Kept as float64.
    sigma : float
        σ > 0, the standard deviation along each axis.

    Raises
    ------
    ValueError
        If the centres are not a matrix of finite numbers, σ is not positive, or two centres coincide. A ring whose
        angles are ``linspace(0, 2π, 8)``, the end included, has only seven modes, one of them with double weight; it
        has been published more than once.
    """

    name: str
    centres: np.ndarray
    sigma: float

    def __post_init__(self):
        centres = np.array(self.centres, dtype=np.float64)
        if centres.ndim != 2 or not centres.size or not np.isfinite(centres).all():
            raise ValueError(f"centres must be finite, of shape (K, d), got shape {centres.shape}:\n{centres}")
        if not 0 < self.sigma < np.inf:
            raise ValueError(f"sigma={self.sigma} must be positive and finite")
        object.__setattr__(self, "centres", centres)
        if len(centres) > 1 and self.spacing <= 1e-6 * self.sigma:
            raise ValueError(
                f"two of the {len(centres)} centres are {self.spacing} apart, so there are fewer modes than named; "
                "on a ring, leave out the angle 2π"
            )

    @property
    def spacing(self) -> float:
        """The distance of the two nearest centres, float; infinite for a single one."""
        return min(
            (np.linalg.norm(self.centres[:k] - self.centres[k], axis=1).min() for k in range(1, len(self.centres))),
            default=np.inf,
        )

    def sample(self, n: int, rng: Random, stratified: bool = False) -> np.ndarray:
        """Draw n points.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        stratified : bool
            Whether the modes get n / K points each (or, where K does not divide n, that rounded down or up) instead of
            a random number. Then the distance between two sets of points is not hidden by the noise of these numbers.

        Returns
        -------
        ndarray of float32, (n, d)
        """
        K, d = self.centres.shape
        modes = rng.permutation(K)[rng.permutation(n) % K] if stratified else rng.integers(K, size=n)
        return (self.centres[modes] + self.sigma * rng.standard_normal((n, d))).astype(np.float32)

    def density(self, x: ArrayLike) -> np.ndarray:
        """p(x) for x of shape (..., d): float64 (...)."""
        squares = ((_points(x, self.centres.shape[1])[..., None, :] - self.centres) ** 2).sum(-1)
        peak = (2 * np.pi * self.sigma**2) ** (-self.centres.shape[1] / 2)
        return np.asarray(peak * np.exp(-squares / (2 * self.sigma**2)).mean(-1))


def ring(name: str, modes: int, radius: float, sigma: float) -> GaussianMixture:
    """K Gaussians on a circle, cₖ = r (cos 2πk/K, sin 2πk/K) for k = 0 … K−1: a `GaussianMixture`."""
    angles = 2 * np.pi * np.arange(modes) / modes
    return GaussianMixture(name, radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sigma)


def grid(name: str, ticks: ArrayLike, sigma: float) -> GaussianMixture:
    """Gaussians at all pairs of ``ticks``, a sequence of numbers: a `GaussianMixture`."""
    return GaussianMixture(name, np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2), sigma)


def eight_gaussians() -> GaussianMixture:
    """A circle of radius 2, σ = 0.02, all divided by 1.414: the set of WGAN-GP's figure 1, arXiv:1704.00028.

    The script behind that figure divides by 1.414 to bring the deviation of each coordinate to one.
    """
    return ring("8 Gaussians", modes=8, radius=2 / 1.414, sigma=0.02 / 1.414)


def twenty_five_gaussians() -> GaussianMixture:
    """The grid {−4, −2, 0, 2, 4}², σ = 0.05, all divided by 2.828: WGAN-GP's figure 1, arXiv:1704.00028."""
    return grid("25 Gaussians", ticks=np.arange(-4, 5, 2) / 2.828, sigma=0.05 / 2.828)


def pacgan_ring() -> GaussianMixture:
    """Eight modes on the unit circle, σ = 0.01: PacGAN's 2D-ring, Lin et al. 2018, arXiv:1712.04086, section 4.1.

    Its table 1 is measured on 2,500 generated points; see `scratchgan.metrics.measure_modes`.
    """
    return ring("PacGAN ring", modes=8, radius=1.0, sigma=0.01)


def pacgan_grid() -> GaussianMixture:
    """Modes at {−4, −2, 0, 2, 4}², σ = 0.05: PacGAN's 2D-grid, Lin et al. 2018, arXiv:1712.04086, section 4.1."""
    return grid("PacGAN grid", ticks=np.arange(-4, 5, 2), sigma=0.05)


@dataclass(frozen=True)
class SwissRoll:
    """A spiral: (t cos t, t sin t) + noise · N(0, I), all divided by ``scale``, with t uniform on [1.5π, 4.5π).

    The roll of scikit-learn without the axis along which it is flat, as WGAN-GP uses it, arXiv:1704.00028. There is no
    closed form of its density.
    """

    noise: float = 0.25
    scale: float = 7.5
    name: str = "Swiss roll"

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """Draw n points with a numpy.random.Generator: float32 (n, 2)."""
        t = rng.uniform(1.5 * np.pi, 4.5 * np.pi, n)
        spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)
        return ((spiral + self.noise * rng.standard_normal((n, 2))) / self.scale).astype(np.float32)


@dataclass(frozen=True)
class Moons:
    """Two half circles that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), t uniform on [0, π).

    The two moons of scikit-learn, with t drawn at random instead of evenly spaced, and normal noise. There is no
    closed form of the density.
    """

    noise: float = 0.05
    name: str = "moons"

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """Draw n points, each from either moon at equal odds, with a numpy.random.Generator: float32 (n, 2)."""
        t, lower = rng.uniform(0, np.pi, n), rng.random(n) < 0.5
        upper_moon = np.stack([np.cos(t), np.sin(t)], axis=1)
        moons = np.where(lower[:, None], (1, 0.5) - upper_moon, upper_moon)
        return (moons + self.noise * rng.standard_normal((n, 2))).astype(np.float32)


@dataclass(frozen=True)
class Checkerboard:
    """Uniform on the eight black squares, ⌊x₁⌋ + ⌊x₂⌋ even, of the board [−2, 2)².

    Half as wide as in FFJORD, Grathwohl et al. 2018, arXiv:1810.01367, so that its deviation is near one.
    """

    name: str = "checkerboard"

    def sample(self, n: int, rng: Random) -> np.ndarray:
        """Draw n points with a numpy.random.Generator: float32 (n, 2)."""
        column = rng.integers(-2, 2, n)
        row = 2 * rng.integers(-1, 1, n) + column % 2
        return (np.stack([column, row], axis=1) + rng.random((n, 2))).astype(np.float32)

    def density(self, x: ArrayLike) -> np.ndarray:
        """p(x) = 1/8 on the black squares and 0 elsewhere, for x of shape (..., 2): float64 (...)."""
        square = np.floor(_points(x, 2))
        on_board = ((square >= -2) & (square < 2)).all(-1)
        return np.where(on_board & (square.sum(-1) % 2 == 0), 1 / 8, 0.0)


def batches(data: Distribution, batch_size: int, rng: Random) -> Iterator[np.ndarray]:
    """Fresh points without end.

    Parameters
    ----------
    data : object
        With a method ``sample(n, rng)``, such as those of this file.
    batch_size : int
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of float32, (batch_size, d)
    """
    while True:
        yield data.sample(batch_size, rng)


def _points(x, d):
    x = np.asarray(x, dtype=np.float64)
    if x.shape[-1:] != (d,):
        raise ValueError(f"points of this distribution have shape (..., {d}), got {x.shape}")
    return x
