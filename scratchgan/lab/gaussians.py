"""Gaussians on a line, where everything is known: densities, the best critics, the slopes they give, divergences."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scratchgan.hints import Random


@dataclass(frozen=True)
class TwoGaussians:
    """Real points from p = N(s/2, 1), generated ones from q = N(−s/2, 1), on a line.

    The best discriminator has D*(x) = log p − log q = s x, so σ(D*) = p / (p + q) (Goodfellow et al. 2014,
    arXiv:1406.2661, proposition 1). The best critic of slope 1 is f*(x) = x, and W₁ = s: p is q moved by s.

    Under the penalty the best critic is a little steeper. With F and F̃ the distribution functions of p and q, and r the
    density of x̂ = ε x + (1 − ε) x̃,

        E f(x) − E f(x̃) − λ E (f'(x̂) − 1)² = ∫ f' (F̃ − F) − λ r (f' − 1)² dx

    has its maximum, place by place, at f' = 1 + (F̃ − F) / (2 λ r): about 1 + s / (2 λ) between the two.

    Parameters
    ----------
    distance : float
        s.
    """

    distance: float

    def sample(self, n: int, rng: Random) -> tuple[np.ndarray, np.ndarray]:
        """x and x̃: ndarrays of float32 (n, 1)."""
        noise = rng.standard_normal((2, n, 1)).astype(np.float32)
        return noise[0] + np.float32(self.distance / 2), noise[1] - np.float32(self.distance / 2)

    def densities(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p(x) and q(x), of the shape of x."""
        return _normal(x, self.distance / 2), _normal(x, -self.distance / 2)

    def discriminator(self, x: np.ndarray) -> np.ndarray:
        """σ(D*(x)) = p / (p + q), of the shape of x."""
        p, q = self.densities(x)
        return p / (p + q)

    def between(self, x: np.ndarray) -> np.ndarray:
        """r(x), the density of x̂, which is N((ε − ½) s, ε² + (1 − ε)²) given ε: of the shape of x."""
        epsilon = (np.arange(200) + 0.5) / 200
        scale = np.sqrt(epsilon**2 + (1 - epsilon) ** 2)
        return _normal(np.asarray(x)[..., None], (epsilon - 0.5) * self.distance, scale).mean(-1)

    def slopes(self, x: np.ndarray, weight: float = 10.0) -> dict[str, np.ndarray]:
        """‖∂L_G/∂x̃‖ of a point at x under the best critics, by objective.

        Parameters
        ----------
        x : ndarray
        weight : float
            λ, of the penalised critic.

        Returns
        -------
        dict of str to ndarray
            minimax: s σ(s x), which vanishes like e^(−s |x|) where the generated points are; non-saturating: s σ(−s x);
            least squares, of (0, 1, 1): (1 − D*) dD*/dx with D* = σ(s x), so s σ(s x) σ(−s x)²; wasserstein: f';
            hinge: 0, as its best D is the sign of p − q, a step.
        """
        s, real = self.distance, self.discriminator(x)
        below = np.vectorize(math.erf)
        excess = (below((x + s / 2) / 2**0.5) - below((x - s / 2) / 2**0.5)) / 2  # F̃ − F
        steeper = excess / (2 * weight * self.between(x))
        return {
            "minimax": s * real,
            "non-saturating": s * (1 - real),
            "least squares": s * real * (1 - real) ** 2,
            "wasserstein": 1 + steeper,
            "hinge": np.zeros_like(real),
        }

    def mean_slopes(self) -> dict[str, float]:
        """E ‖∂L_G/∂x̃‖ over the generated points, under the best critics; that of slope 1 for wasserstein.

        For large s, minimax tends to √(π/2) e^(−s²/8), and least squares to 3/8 of it; non-saturating tends to s.

        Returns
        -------
        dict of str to float
            By objective.
        """
        reach = self.distance / 2 + 9
        x = np.linspace(-reach, reach, 4001)
        q = self.densities(x)[1] * (x[1] - x[0])
        return {name: float((q * slopes).sum()) for name, slopes in self.slopes(x, weight=np.inf).items()}


def _normal(x, mean, scale=1.0):
    return np.exp(-(((x - mean) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))


# Others, on a grid ---------------------------------------------------------------------------------------------------

GRID = np.linspace(-20, 20, 4001)


def hill(mean: float, width: float) -> np.ndarray:
    """log N(x; mean, width²) on `GRID`: in logarithms no density underflows."""
    return -(((GRID - mean) / width) ** 2) / 2 - np.log(width * np.sqrt(2 * np.pi))


HILLS = np.logaddexp(hill(-3, 1), hill(3, 1)) - np.log(2)  # log of ½ N(−3, 1) + ½ N(3, 1)


def divergences(generated: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """KL(p_G‖p) and JSD(p_G, p) of the logarithms of two densities on `GRID`: two floats."""
    middle = np.logaddexp(generated, real) - np.log(2)

    def kl(first, second):
        return float((np.exp(first) * (first - second)).sum() * (GRID[1] - GRID[0]))

    return kl(generated, real), (kl(generated, middle) + kl(real, middle)) / 2


def best_gaussian(descended: Callable[[float, float], float]) -> tuple[float, float]:
    """The one Gaussian that comes nearest to two hills, ½ N(−3, 1) + ½ N(3, 1).

    Parameters
    ----------
    descended : callable
        ``(KL(p_G‖p), JSD(p_G, p)) -> float``: what is least for it.

    Returns
    -------
    mean, width : float
        Of a grid with steps of 0.25 and 0.1; the mean is not negative.
    """
    tried = [(mean, width) for mean in np.arange(0, 3.6, 0.25) for width in np.arange(0.6, 3.9, 0.1)]
    return min(tried, key=lambda shape: descended(*divergences(hill(*shape), HILLS)))
