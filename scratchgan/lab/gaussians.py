"""Two Gaussians on a line, where everything is known: densities, the best critics, and the slopes they give."""

import math
from dataclasses import dataclass

import numpy as np


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

    def sample(self, n, rng):
        """x and x̃: ndarrays of float32 (n, 1)."""
        noise = rng.standard_normal((2, n, 1)).astype(np.float32)
        return noise[0] + np.float32(self.distance / 2), noise[1] - np.float32(self.distance / 2)

    def densities(self, x):
        """p(x) and q(x), of the shape of x."""
        return _normal(x, self.distance / 2), _normal(x, -self.distance / 2)

    def discriminator(self, x):
        """σ(D*(x)) = p / (p + q), of the shape of x."""
        p, q = self.densities(x)
        return p / (p + q)

    def between(self, x):
        """r(x), the density of x̂, which is N((ε − ½) s, ε² + (1 − ε)²) given ε: of the shape of x."""
        epsilon = (np.arange(200) + 0.5) / 200
        scale = np.sqrt(epsilon**2 + (1 - epsilon) ** 2)
        return _normal(np.asarray(x)[..., None], (epsilon - 0.5) * self.distance, scale).mean(-1)

    def slopes(self, x, weight=10.0):
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
            wasserstein: f'.
        """
        s, real = self.distance, self.discriminator(x)
        below = np.vectorize(math.erf)
        excess = (below((x + s / 2) / 2**0.5) - below((x - s / 2) / 2**0.5)) / 2  # F̃ − F
        steeper = excess / (2 * weight * self.between(x))
        return {"minimax": s * real, "non-saturating": s * (1 - real), "wasserstein": 1 + steeper}


def _normal(x, mean, scale=1.0):
    return np.exp(-(((x - mean) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))
