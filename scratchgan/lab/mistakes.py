"""The recurring mistakes of the field, each as people write it, beside the right thing: what changes is one part.

A `Mistake` is two games that differ in one part, and a number that tells them apart. The right part is always that of
`scratchgan.losses` or `plane`; the wrong one is a small function or class of `flawed`. Threads are issues and pull
requests of GitHub in which the mistake was found; some of them are open.

    game = play("one-axis", wrong=True, steps=1200, seed=0)
    game.number(mean_slope, seed=0)  # should be about 1, and is 1.7

Five of them, or six, do not stop a GAN from learning points in the plane, where critics are small, and Adam hides what
only changes a scale. That is why they live so long: the loss falls, samples come, and the number is wrong. Those that
the engine does not allow, such as a gradient left over from the other player's step, are written out to be shown.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scratchgan import nn
from scratchgan.hints import Distribution
from scratchgan.lab import flawed, plane, probes
from scratchgan.lab.flawed import DATA
from scratchgan.lab.plane import Recipe
from scratchgan.losses import gradient_norms
from scratchgan.metrics import modes_covered, wasserstein
from scratchgan.models.game import Game
from scratchgan.tensor import Tensor, grad

# Numbers that tell, as (critic, real, fake) -> float -----------------------------------------------------------------


def slopes(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """‖∇D‖ on lines from real to generated points: ndarray (N,)."""
    return probes.slopes_between(critic, real, fake, np.random.default_rng(0))


def mean_slope(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """E ‖∇D(x̂)‖."""
    return float(slopes(critic, real, fake).mean())


def spread_of_slopes(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """The standard deviation of ‖∇D(x̂)‖."""
    return float(slopes(critic, real, fake).std())


def steep_share(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """The share of slopes above 1.5."""
    return float((slopes(critic, real, fake) > 1.5).mean())


def slope_at_data(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """E ‖∇D(x)‖ at real points."""
    return float(gradient_norms(critic, Tensor(real, requires_grad=True)).numpy().mean())


def influence_of_others(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """Σ_{j≠0} ‖∂D(x₀)/∂xⱼ‖ / Σⱼ ‖∂D(x₀)/∂xⱼ‖ in a batch of real points, with the critic as it trains."""
    x = Tensor(real[:128], requires_grad=True)
    (g,) = grad(critic.train()(x)[0].sum(), x)
    shares = np.linalg.norm(g.numpy(), axis=1)
    return float(shares[1:].sum() / shares.sum())


def earth_mover(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> float:
    """W₁ of 500 real and 500 generated points."""
    return wasserstein(real[:500], fake[:500])


def modes(critic: nn.Module, real: np.ndarray, fake: np.ndarray) -> int:
    """The modes with a fair share of the samples, as in the demo of mode collapse."""
    return modes_covered(fake, DATA.centres, DATA.spacing / 4, math.ceil(0.2 * len(fake) / len(DATA.centres)))


# The mistakes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mistake:
    """A mistake beside the right thing.

    Parameters
    ----------
    title : str
    written : str
        What people write.
    fault : str
        What is wrong with it, a sentence.
    threads : str
        Where it was found.
    symptom : str
        What ``measure`` gives, as in tables.
    measure : callable
        ``(critic, real, fake) -> float``, of a trained game.
    within : tuple of float
        The bounds of the number when nothing is wrong.
    right, wrong : Recipe
    kind : type
        Of the wrong game: `Game`, or a subclass.
    data : object with ``sample(n, rng)``
        Of the wrong game.
    drawn : str
        "samples" over the critic's level lines, or the "slopes" of critics whose samples look alike.
    """

    title: str
    written: str
    fault: str
    threads: str
    symptom: str
    measure: Callable[..., float]
    within: tuple[float, float]
    wrong: Recipe
    right: Recipe = plane.RECIPES["wgan-gp"]
    kind: type = Game
    data: Distribution = DATA
    drawn: str = "samples"


@dataclass(frozen=True, eq=False)
class Played:
    """What came of a game."""

    critic: nn.Module
    samples: np.ndarray | None  # float32 (2500, 2); none of a game that diverged
    diverged: int | None  # at this step

    def number(self, measure: Callable[..., float], seed: int) -> float:
        """``measure(critic, real, fake)`` on 2,500 fresh real points, NaN for a game that diverged."""
        if self.diverged:
            return np.nan
        return measure(self.critic, DATA.sample(2500, np.random.default_rng([seed, 2])), self.samples)


def play(name: str, wrong: bool, steps: int, seed: int) -> Played:
    """Train the wrong game of a mistake, or the right one.

    Parameters
    ----------
    name : str
        Of `MISTAKES`.
    wrong : bool
    steps, seed : int
        As for `plane.train`.

    Returns
    -------
    Played
    """
    mistake = MISTAKES[name]
    game = (mistake.wrong, mistake.data) if wrong else (mistake.right, DATA)
    kind = mistake.kind if wrong else Game
    trained = plane.train(*game, steps, seed, snapshots=(steps,), kind=kind)
    return Played(trained.game.critic, trained.clouds.get(steps), trained.diverged)


_GP, _R1, _CLIPPED = (plane.RECIPES[name] for name in ("wgan-gp", "r1", "wgan-clip"))
_BOTH_FLAT = replace(_GP, critic=flawed.flat_at_first)


def _with(**parts):
    """WGAN-GP with a part of its penalty replaced."""
    return replace(_GP, penalty=flawed.penalty_of(0.1, **parts))


MISTAKES = {
    "one-axis": Mistake(
        "norm of each pixel",
        "g.norm(2, dim=1)",
        "It asks each pixel for a slope of 1, and so n pixels for √n: 1.41 here, 28 for MNIST.",
        "caogang/wgan-gp#25, PyTorch-GAN#20",
        "mean slope",
        mean_slope,
        (0.7, 1.3),
        _with(norms=flawed.norm_of_each_pixel),
        drawn="slopes",
    ),
    "whole-batch": Mistake(
        "norm of the whole batch",
        "(g.norm(2) - 1) ** 2",
        "It asks N slopes together for 1, and so each for 1 / √N.",
        "torchgan, keras-contrib PR#232",
        "mean slope",
        mean_slope,
        (0.7, 1.3),
        _with(norms=flawed.norm_of_the_batch),
        drawn="slopes",
    ),
    "mean-first": Mistake(
        "mean before the square",
        "(norms.mean() - 1) ** 2",
        "Slopes of 0 and of 2 are as good as slopes of 1.",
        "wiseodd#31, pro_gan_pytorch#13",
        "slope spread",
        spread_of_slopes,
        (0, 0.5),
        _with(average=flawed.square_of_the_mean),
        drawn="slopes",
    ),
    "real-only": Mistake(
        "penalty on real points (ε = 1)",
        "gradient_penalty(D, real)",
        "Where the generated points are, the critic may be as steep as it likes.",
        "labml",
        "steep share",
        steep_share,
        (0, 0.35),
        _with(points=flawed.real_points_only),
        drawn="slopes",
    ),
    "no-graph": Mistake(
        "create_graph forgotten",
        "grad(D(x).sum(), x)  # and no more",
        "The penalty is right as a number and a constant to the weights, so nothing bounds the slope.",
        "GANs-for-1D#7, caogang/wgan-gp#16",
        "mean slope",
        mean_slope,
        (0.7, 1.3),
        _with(norms=flawed.norms_not_recorded),
    ),
    "no-clip": Mistake(
        "clipping forgotten",
        'parser.add_argument("--clip_value")',
        "The flag is never read, and the critic's slope grows without end.",
        "PyTorch-GAN wgan_gp.py",
        "mean slope",
        mean_slope,
        (0, 60),
        replace(_CLIPPED, clip=None),
        right=_CLIPPED,
    ),
    "bare-root": Mistake(
        "√ without an epsilon",
        "g.norm(2, dim=1)",
        "Where the critic is flat the derivative of the root is 0 / 0: one NaN, and all weights are NaN.",
        "keras-io#910, pytorch#2534",
        "mean slope",
        mean_slope,
        (0.7, 1.3),
        replace(_with(norms=flawed.norms_without_epsilon), critic=flawed.flat_at_first),
        right=_BOTH_FLAT,
    ),
    "batch-norm": Mistake(
        "batch norm in the critic",
        "nn.BatchNorm1d(width)",
        "The score of a point depends on its company, and so does its slope.",
        "Keras-GAN#48, hwalsuklee#17",
        "others' share",
        influence_of_others,
        (0, 1e-6),
        replace(_with(norms=flawed.norms_of_a_function), critic=flawed.with_batch_norm),
    ),
    "loss-left-out": Mistake(
        "penalty without the loss",
        "gradient_penalty.backward()",
        "d_loss is printed and never descended: the critic learns to have slope 1, anywhere.",
        "PyTorch-GAN dragan.py",
        "W1",
        earth_mover,
        (0, 0.3),
        replace(_GP, objective=flawed.NotDescended()),
    ),
    "flipped-sign": Mistake(
        "sign of the generator's loss",
        "g_loss = D(G(z)).mean()",
        "The generator flees from what the critic calls real.",
        "WassersteinGAN#61, wiseodd#58",
        "W1",
        earth_mover,
        (0, 0.3),
        replace(_GP, objective=flawed.FlippedSign()),
    ),
    "plus-lambda": Mistake(
        "plus λ under the maximum",
        "max_c E c(x) - E c(G(z)) + λ E (‖∇c‖ - 1)²",
        "The critic is paid for slopes other than 1, and grows steep without end.",
        "lecture slides; asked for in bojone/gan#4",
        "W1",
        earth_mover,
        (0, 0.3),
        replace(_GP, penalty=flawed.penalty_of(-0.1)),
    ),
    "no-minimum": Mistake(
        "1 − log D for log(1 − D)",
        "-(log(D(x)) + 1 - log(D(G(z))))",
        "The loss falls without end where fakes are more frequent than reals: nothing bounds the logits.",
        "lecture slides, ml_equations_latex#4",
        "W1",
        earth_mover,
        (0, 0.3),
        replace(_R1, objective=flawed.NoMinimum()),
        right=_R1,
    ),
    "no-detach": Mistake(
        "no detach, no zero_grad",
        "d_loss(D(G(z))).backward()",
        "The critic's gradients stay with the generator, are its own with the other sign, and outnumber them.",
        "PyTorch-GAN#136, pytorch/examples#116",
        "W1",
        earth_mover,
        (0, 0.3),
        _GP,
        kind=flawed.LeakyCritic,
    ),
    "one-optimizer": Mistake(
        "one optimiser for both",
        "Adam([*G.parameters(), *D.parameters()])",
        "The generator's step also moves the critic, to call every sample good.",
        "PyTorch-GAN#151, Lightning#591",
        "W1",
        earth_mover,
        (0, 0.3),
        _GP,
        kind=flawed.OneOptimizer,
    ),
    "cut-off": Mistake(
        "generator cut off",
        "D(G(z).detach())",
        "No gradient passes through the critic: the generator stays what it was, while its loss moves.",
        "numpy-ml wgan_gp",
        "W1",
        earth_mover,
        (0, 0.3),
        _GP,
        kind=flawed.CutOff,
    ),
    "two-sigmoids": Mistake(
        "sigmoid before the logits' loss",
        "bce_with_logits(sigmoid(D(x)), 1)",
        "Logits in [0, 1] are probabilities in [0.5, 0.73]: the critic cannot say no, and saturates.",
        "V-GAN-tensorflow#16",
        "W1",
        earth_mover,
        (0, 0.3),
        replace(_R1, critic=flawed.with_sigmoid),
        right=_R1,
    ),
    "r1-of-probability": Mistake(
        "R1 of the probability",
        "grad(sigmoid(D(x)).sum(), x)",
        "Where the critic is sure, σ is flat, and the steepest critic pays nothing.",
        "rosinality/style-based-gan-pytorch#34",
        "data slope",
        slope_at_data,
        (0, 1.5),
        replace(_R1, penalty=flawed.r1_of_the_probability(0.1)),
        right=_R1,
    ),
    "seven-modes": Mistake(
        "a ring of linspace(0, 2π, 8)",
        "linspace(0, 2 * pi, 8)",
        "The first angle is the last: seven modes, one of them double, and most at other places.",
        "unrolled_gan, GDPP",
        "modes",
        modes,
        (8, 8),
        _GP,
        data=flawed.RingOfSeven(),
    ),
}
