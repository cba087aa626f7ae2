"""Losses that are more than a comparison of two arrays (those are in `functional`): what networks descend.

`adversarial` is what they play for, `penalties` are terms with a gradient inside, `regularisers` keep the balance;
`variational` has likelihoods, and the terms of their bounds, for models that have a density.
"""

# fmt: off
from scratchgan.losses.adversarial import (
    OBJECTIVES, Hinge, LeastSquares, Minimax, NonSaturating, Objective, Relativistic, RelativisticAverage, Wasserstein,
)
from scratchgan.losses.penalties import (
    R1, R1R2, GradientPenalty, gradient_norms, gradient_penalty, on_lines, lazily, perturb, r1_penalty,
    r1_r2_penalty, r2_penalty, slopes_of, squared_slopes,
)
from scratchgan.losses.regularisers import (
    HistoricalAverage, clip_weights, feature_matching, instance_noise, linear_decay,
)
from scratchgan.losses.variational import (
    bernoulli, bernoulli_nll, gaussian_kl, gaussian_nll, importance_bound, reparametrise,
)

__all__ = [
    "GradientPenalty", "Hinge", "HistoricalAverage", "LeastSquares", "Minimax", "NonSaturating", "OBJECTIVES",
    "Objective", "R1", "R1R2", "Relativistic", "RelativisticAverage", "Wasserstein", "bernoulli",
    "bernoulli_nll", "clip_weights", "feature_matching", "gaussian_kl", "gaussian_nll", "gradient_norms",
    "gradient_penalty", "importance_bound", "instance_noise", "lazily", "linear_decay", "on_lines", "perturb",
    "r1_penalty", "r1_r2_penalty", "r2_penalty", "reparametrise", "slopes_of", "squared_slopes",
]
# fmt: on
