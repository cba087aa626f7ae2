"""Cases of every loss, and of the layers made for discriminators: what to call, and with which arrays.

They are read as those of `cases`. A penalty is a function of the critic's *weights*, and takes its data as constants:
its cases are those weights, of a critic D(x) = Σ tanh(xA) b, whose slope differs from point to point.
"""

import numpy as np

from scratchgan import losses, nn
from scratchgan.backend import array_like
from scratchgan.losses import OBJECTIVES, LeastSquares, Minimax, NonSaturating, Wasserstein
from scratchgan.tensor import Parameter, Tensor
from scratchgan.testing.cases import Case, away, distinct, normal, uniform

REAL, FAKE = np.random.default_rng(1).standard_normal((2, 5, 3))
WEIGHTS = normal(3, 4), normal(4, 1)


def rng():
    """A generator that begins anew: each call of a case draws the same numbers."""
    return np.random.default_rng(0)


def critic(a, b):
    """x ↦ Σ tanh(xA) b."""
    return lambda x: (x @ a).tanh() @ b


def beside(weight, data, requires_grad=False):
    """Data in the dtype, and on the device, of a weight."""
    return Tensor(array_like(data.astype(weight.dtype), weight.data), requires_grad)


def penalty(function):
    """``function(critic, real, fake)`` as one of the critic's weights."""
    return lambda a, b: function(critic(a, b), beside(a, REAL), beside(a, FAKE))


def norms(points):
    """The slopes at points that ``points(real, fake)`` gives, as a function of the critic's weights."""
    return penalty(lambda d, real, fake: losses.gradient_norms(d, points(real, fake)))


def slopes_on_the_way(d, real):
    """The slopes of scores that are there already."""
    x = Tensor(real.data, requires_grad=True)
    return losses.slopes_of(d(x), x)


def on_lines(center, one_sided=False):
    """WGAN-GP's penalty around a slope, as a function of the critic's weights."""

    def value(d, real, fake):
        slopes = losses.gradient_norms(d, losses.on_lines(real, fake, rng()))
        return losses.gradient_penalty(slopes, center, one_sided=one_sided)

    return penalty(value)


def historical(*weights):
    """The term of weights that were 1 before."""
    average = losses.HistoricalAverage([Parameter(np.ones_like(w.data)) for w in weights])
    average.params = weights
    return average.penalty()


def normalised(layer, weight, *inputs):
    """A layer under spectral normalisation with a weight of the case, and u and v that stand still."""
    layer = nn.SpectralNorm(layer, rng=rng()).eval()
    layer.u, layer.v = (array_like(a.astype(weight.dtype), weight.data) for a in (layer.u, layer.v))
    vars(layer.layer)["weight"] = weight  # a Tensor: it is differentiated, not learned
    return layer(*inputs)


def with_weight(layer):
    """A layer as a function of its input and its weight."""

    def value(x, weight):
        vars(layer)["weight"] = weight
        return layer(x)

    return value


# The adversarial objectives ------------------------------------------------------------------------------------------

# All 0.15 apart or more, and none at the margins of ±1; as many real ones as fakes, for those that compare pairs.
LOGITS = distinct(4, 1), distinct(4, 1, offset=0.15)


def objective_cases():
    """Both players' losses of every objective: {"Hinge.generator_loss": {…}, …}."""
    table = {}
    for name, objective in OBJECTIVES.items():
        kind = type(objective).__name__
        for_generator = LOGITS if objective.relativistic else LOGITS[:1]
        table.setdefault(f"{kind}.discriminator_loss", {})[name] = (objective.discriminator_loss, *LOGITS)
        table.setdefault(f"{kind}.generator_loss", {})[name] = (objective.generator_loss, *for_generator)
    return table


TABLE = objective_cases()
TABLE["Minimax.discriminator_loss"]["smoothed labels"] = (Minimax(0.9).discriminator_loss, normal(4, 1), normal(3, 1))
TABLE["NonSaturating.discriminator_loss"]["smoothed labels"] = (
    NonSaturating(0.7).discriminator_loss, normal(2), normal(3)
)  # fmt: skip
TABLE["Wasserstein.discriminator_loss"]["drift"] = (Wasserstein(0.5).discriminator_loss, normal(4, 1), normal(3, 1))
TABLE["NonSaturating.generator_loss"]["patches"] = (NonSaturating().generator_loss, normal(2, 1, 2, 3))
TABLE["LeastSquares.discriminator_loss"]["any coding"] = (
    LeastSquares(-0.5, 2.0, 0.7).discriminator_loss, normal(4, 1), normal(3, 1)
)  # fmt: skip

# Penalties, other terms, and layers ----------------------------------------------------------------------------------

TABLE |= {
    "squared_slopes": {
        "of each sample": (
            penalty(lambda d, x, _: losses.squared_slopes(d, Tensor(x.data, requires_grad=True))), *WEIGHTS
        ),
    },
    "slopes_of": {"scores that are there": (penalty(lambda d, x, _: slopes_on_the_way(d, x)), *WEIGHTS)},
    "gradient_norms": {
        "on lines": (norms(lambda x, y: losses.on_lines(x, y, rng())), *WEIGHTS),
        "around the data": (norms(lambda x, y: losses.perturb(x, rng())), *WEIGHTS),
    },
    "gradient_penalty": {
        "two-sided": (on_lines(1.0), *WEIGHTS),
        "zero-centred": (on_lines(0.0), *WEIGHTS),
        "one-sided": (on_lines(1.0, one_sided=True), *WEIGHTS),
        "of norms": (lambda n: losses.gradient_penalty(1 + n, one_sided=True), away(6)),
    },
    "r1_penalty": {"real": (penalty(lambda d, x, y: losses.r1_penalty(d, x, 3.0)), *WEIGHTS)},
    "r2_penalty": {"fake": (penalty(lambda d, x, y: losses.r2_penalty(d, y, 3.0)), *WEIGHTS)},
    "r1_r2_penalty": {"both": (penalty(lambda d, x, y: losses.r1_r2_penalty(d, x, y, 3.0)), *WEIGHTS)},
    "lazily": {
        "its step": (penalty(lambda d, x, y: losses.lazily(lambda: losses.r1_penalty(d, x, 3.0), 8, 4)), *WEIGHTS),
    },
    "feature_matching": {
        "vectors": (losses.feature_matching, normal(4, 3), normal(2, 3)),
        "images": (losses.feature_matching, normal(2, 2, 2, 3), normal(3, 2, 2, 3)),
    },
    "HistoricalAverage.penalty": {"two weights": (historical, normal(2, 3), normal(3))},
    "instance_noise": {"squared": (lambda x: losses.instance_noise(x, 0.3, rng()) ** 2, normal(3, 2))},
    "gaussian_kl": {"to the prior": (losses.gaussian_kl, normal(3, 2), normal(3, 2))},
    "gaussian_nll": {"of samples": (losses.gaussian_nll, normal(3, 2), normal(3, 2), normal(3, 2))},
    "bernoulli_nll": {
        "vectors": (losses.bernoulli_nll, normal(3, 4), uniform(0.1, 0.9, 3, 4)),
        "images": (losses.bernoulli_nll, normal(2, 2, 2, 3), uniform(0.1, 0.9, 2, 2, 2, 3)),
    },
    "importance_bound": {"four samples": (losses.importance_bound, normal(4, 3))},
    "reparametrise": {"squared": (lambda m, v: losses.reparametrise(m, v, rng()) ** 2, normal(3, 2), normal(3, 2))},
    "SpectralNorm": {
        "Linear": (lambda w, x: normalised(nn.Linear(4, 3, False, rng=rng()), w, x), normal(3, 4), normal(2, 4)),
        "Conv2d": (
            lambda w, x: normalised(nn.Conv2d(2, 3, 2, bias=False, rng=rng()), w, x),
            normal(3, 2, 2, 2), normal(2, 2, 3, 3),
        ),
        "ConvTranspose2d": (
            lambda w, x: normalised(nn.ConvTranspose2d(2, 3, 2, bias=False, rng=rng()), w, x),
            normal(2, 3, 2, 2), normal(2, 2, 2, 2),
        ),
    },
    "MinibatchDiscrimination": {
        "features": (with_weight(nn.MinibatchDiscrimination(4, 3, 2)), normal(5, 4), normal(4, 3, 2)),
    },
    "MinibatchStdDev": {
        "groups": (nn.MinibatchStdDev(2), distinct(4, 2, 2, 3)),
        "parts of the channels": (nn.MinibatchStdDev(4, 2), normal(4, 4, 1, 2)),
        "the whole batch": (nn.MinibatchStdDev(9), normal(3, 2, 2, 1)),
    },
}  # fmt: skip

CASES = [Case(name, note, call, recipes) for name, notes in TABLE.items() for note, (call, *recipes) in notes.items()]
