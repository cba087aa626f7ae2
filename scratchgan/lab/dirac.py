"""Dirac-GAN, the smallest GAN there is: does training find the solution, circle around it, or leave it?

The data are one point, 0; the generator is one point, θ; the critic is a line through the origin, D(x) = ψx. Both
players descend, with f(t) = ζ(t) = log(1 + eᵗ) for the logistic objectives and f(t) = t for the Wasserstein one:

    critic      L_D = f(ψθ) + constant        −∂L_D/∂ψ = −θ f′(ψθ)
    generator   L_G = −f(ψθ)                  −∂L_G/∂θ = +ψ f′(ψθ)      minimax, Wasserstein
                L_G = f(−ψθ)                  −∂L_G/∂θ = +ψ f′(−ψθ)     non-saturating

The solution is (θ, ψ) = (0, 0). There the *field* of the two slopes has the Jacobian [[0, f′(0)], [−f′(0), 0]]: a pure
rotation, of eigenvalues ±i f′(0). Steps of length η along it are the map I + ηJ, whose spectral radius √(1 + η² f′(0)²)
exceeds 1: they spiral outwards. A term γ/2 ψ² in L_D, which is R₁, moves the eigenvalues to −γ/2 ± √(γ²/4 − f′(0)²):
it converges for every γ > 0, fastest at γ = 2 f′(0). A penalty (|ψ| − g)² of a slope g > 0 does not: at the solution it
pushes ψ away.

Mescheder et al. 2018, arXiv:1801.04406, §§2 and 3; their ψ has the other sign. Here the objectives and the penalties
are those of `losses`, and all slopes come from `grad`: what is shown is the library's own dynamics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.hints import Critic
from scratchgan.lab.claims import Claim
from scratchgan.losses import OBJECTIVES, clip_weights, gradient_norms, gradient_penalty, r1_penalty
from scratchgan.losses.adversarial import Objective
from scratchgan.optim import SGD
from scratchgan.tensor import Parameter, Tensor, grad

# The duel ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Duel:
    """What the two players descend, and what holds the critic.

    Any number N of duels is played side by side, in arrays (N, 1): every loss is a mean over them, so N times its
    slope is each duel's own.
    """

    objective: Objective
    penalty: Callable | None = None  # (critic, real) -> Tensor, (): a term of L_D
    bound: float | None = None  # of weight clipping: |ψ| ≤ bound after each step of the critic

    def critic_slope(self, theta: Tensor, psi: Tensor, create_graph: bool = False) -> Tensor:
        """∂L_D/∂ψ: Tensor (N, 1), of Tensors θ, ψ (N, 1)."""
        critic, real = _line(psi), Tensor(np.zeros_like(theta.data))
        loss = self.objective.discriminator_loss(critic(real), critic(theta))
        if self.penalty:
            loss = loss + self.penalty(critic, real)
        return len(psi) * grad(loss, psi, create_graph=create_graph)[0]

    def generator_slope(self, theta: Tensor, psi: Tensor, create_graph: bool = False) -> Tensor:
        """∂L_G/∂θ: Tensor (N, 1), of Tensors θ, ψ (N, 1)."""
        loss = self.objective.generator_loss(_line(psi)(theta))
        return len(theta) * grad(loss, theta, create_graph=create_graph)[0]


def _line(psi):
    return lambda x: psi * x


def slope_penalty(critic: Critic, real: Tensor, target: float) -> Tensor:
    """½ (|ψ| − g)²: WGAN-GP's penalty. The slope of a line is the same at every point, so it is taken at the data."""
    return gradient_penalty(gradient_norms(critic, Tensor(real.data, requires_grad=True)), target) / 2


MINIMAX, NON_SATURATING, WASSERSTEIN = (OBJECTIVES[name] for name in ("minimax", "non-saturating", "wasserstein"))
DUELS = {
    "minimax": Duel(MINIMAX),
    "non-saturating": Duel(NON_SATURATING),
    "WGAN, unconstrained": Duel(WASSERSTEIN),
    "WGAN, clip 0.3": Duel(WASSERSTEIN, bound=0.3),
    "WGAN-GP, g = 0.3": Duel(WASSERSTEIN, partial(slope_penalty, target=0.3)),
    "WGAN-GP, g = 1": Duel(WASSERSTEIN, partial(slope_penalty, target=1.0)),
    "NS + R1, γ = 0.1": Duel(NON_SATURATING, partial(r1_penalty, gamma=0.1)),
    "NS + R1, γ = 0.3": Duel(NON_SATURATING, partial(r1_penalty, gamma=0.3)),
    "NS + R1, γ = 1": Duel(NON_SATURATING, partial(r1_penalty, gamma=1.0)),
    "NS + R1, γ = 3": Duel(NON_SATURATING, partial(r1_penalty, gamma=3.0)),
}

# The dynamics --------------------------------------------------------------------------------------------------------


def field(duel: Duel, points: ArrayLike) -> np.ndarray:
    """(−∂L_G/∂θ, −∂L_D/∂ψ) at ``points`` (θ, ψ): float64 (N, 2) to (N, 2). Clipping does not show in it."""
    theta, psi = _players(points)
    return -np.hstack([duel.generator_slope(theta, psi).data, duel.critic_slope(theta, psi).data])


def jacobian(duel: Duel, point: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The derivative of the `field` in (θ, ψ): float64 (2, 2).

    It is the gradient of a gradient; with R₁, whose penalty holds a gradient, one of third order. At ψ = 0 the
    one-centred penalty has a kink, and no such derivative.
    """
    theta, psi = _players(np.array([point]))
    slopes = duel.generator_slope(theta, psi, create_graph=True), duel.critic_slope(theta, psi, create_graph=True)
    rows = [grad(slope.sum(), (theta, psi), allow_unused=True) for slope in slopes]
    return -np.array([[entry.item() for entry in row] for row in rows])


def spectral_radius(duel: Duel, lr: float) -> float:
    """The largest |eigenvalue| of I + ηJ at the solution: above 1, simultaneous steps η leave it."""
    return np.abs(np.linalg.eigvals(np.eye(2) + lr * jacobian(duel))).max()


def simulate(duel: Duel, start: ArrayLike, steps: int = 500, lr: float = 0.1, alternating: bool = False) -> np.ndarray:
    """Play: plain gradient steps, of both players at once, or of the critic and then of the generator that meets it.

    Parameters
    ----------
    duel : Duel
    start : array_like, (N, 2)
        (θ, ψ) of N duels.
    steps : int
    lr : float
        η.
    alternating : bool

    Returns
    -------
    ndarray of float64, (steps + 1, N, 2)
        Where the players were, ``start`` included.
    """
    theta, psi = _players(start)
    generator, critic = SGD([theta], lr), SGD([psi], lr)
    path = [np.hstack([theta.data, psi.data])]
    for _ in range(steps):
        before = duel.generator_slope(theta, psi)
        critic.step([duel.critic_slope(theta, psi)])
        if duel.bound:
            clip_weights([psi], duel.bound)
        generator.step([duel.generator_slope(theta, psi) if alternating else before])
        path.append(np.hstack([theta.data, psi.data]))
    return np.stack(path)


def _players(points):
    return (Parameter(column) for column in np.split(np.array(points, dtype=np.float64), 2, axis=1))


def averaged(path: np.ndarray, decay: float = 0.99) -> np.ndarray:
    """The exponential moving average of a path, w̄ ← β w̄ + (1 − β) w, from its first point: of the path's shape."""
    averages = [path[0]]
    for point in path[1:]:
        averages.append(decay * averages[-1] + (1 - decay) * point)
    return np.stack(averages)


def radii(path: np.ndarray) -> np.ndarray:
    """‖(θ, ψ)‖ along a path (T, N, 2), divided by that at its start: (T, N)."""
    radius = np.linalg.norm(path, axis=-1)
    return radius / radius[0]


# What must come out --------------------------------------------------------------------------------------------------

START, STEPS, LR, DECAY = (1.0, 1.0), 500, 0.1, 0.99
WAYS = ("simultaneous", "alternating", "averaged")

# The radii after STEPS steps, as strings, whose digits are the tolerance: known from the closed form of the dynamics,
# which the tests hold as a twin.
TABLE = {
    "minimax": ("1.54", "0.99", "0.23"),
    "non-saturating": ("0.37", "0.28", "0.05"),
    "WGAN, unconstrained": ("12.0", "1.00", "0.09"),
    "WGAN, clip 0.3": ("0.22", "0.21", "0.02"),
    "WGAN-GP, g = 0.3": ("0.33", "0.26", "0.03"),
    "WGAN-GP, g = 1": ("1.05", "0.85", "0.10"),
    "NS + R1, γ = 0.1": ("0.071", "0.042", "0.010"),
    "NS + R1, γ = 0.3": ("0.001", "0.000", "0.007"),
    "NS + R1, γ = 1": ("0.000", "0.000", "0.009"),
    "NS + R1, γ = 3": ("0.011", "0.011", "0.044"),
}


def play(duel: Duel, steps: int = STEPS) -> dict[str, np.ndarray]:
    """The three paths of a duel from START: {"simultaneous": …, "alternating": …, "averaged": …}, each (T, 1, 2)."""
    both = {way: simulate(duel, [START], steps, LR, alternating=way == "alternating") for way in WAYS[:2]}
    return both | {"averaged": averaged(both["alternating"], DECAY)}


def final_radii(paths: dict[str, np.ndarray]) -> list[float]:
    """`radii` at the end of each of the three paths: three floats, in the order of WAYS."""
    return [float(radii(paths[way])[-1, 0]) for way in WAYS]


def agrees(value: float, printed: str) -> bool:
    """Whether a number, rounded to the digits of the ``printed`` one, is that one."""
    return f"{value:.{len(printed.partition('.')[2])}f}" == printed


def criteria(paths: dict[str, dict[str, np.ndarray]]) -> list[Claim]:
    """What the dynamics must show, of the `play` of all DUELS: a list of `Claim`. All radii are 1 at the start.

    Parameters
    ----------
    paths : dict of str to dict
        {name of the duel: `play` of it}, of STEPS steps.
    """
    ends = {name: dict(zip(WAYS, final_radii(three))) for name, three in paths.items()}
    both, circling = WAYS[:2], ("minimax", "WGAN, unconstrained")
    landed = [ends[f"NS + R1, γ = {gamma}"][way] for gamma in ("0.3", "1", "3") for way in both]
    cycles = [paths[name][way] for name in ("WGAN, clip 0.3", "WGAN-GP, g = 0.3", "WGAN-GP, g = 1") for way in both]
    start, r1 = {"start": 1.0}, paths["NS + R1, γ = 0.1"]["alternating"]
    wrong = sum(not agrees(ends[name][way], known) for name in TABLE for way, known in zip(WAYS, TABLE[name]))
    return [
        Claim("R1 with γ = 0.3, 1 and 3 lands, the largest radius", max(landed), high=0.05, anchors=start),
        Claim(
            "minimax and WGAN in turn circle, the smaller radius",
            min(ends[name]["alternating"] for name in circling),
            low=0.95,
            anchors={"R1, γ = 1": ends["NS + R1, γ = 1"]["alternating"]},
        ),
        Claim("WGAN at once leaves, radius", ends["WGAN, unconstrained"]["simultaneous"], 11.9, 12.1, anchors=start),
        Claim(
            "clipping and the one-centred penalty keep a cycle, least width of the last 75 steps over the 75 before",
            min(_width(path[-75:]) / _width(path[-150:-75]) for path in cycles),
            low=0.99,
            anchors={"R1, γ = 0.1": _width(r1[-75:]) / _width(r1[-150:-75])},
        ),
        *(Claim(f"the non-saturating loss alone, {way}", ends["non-saturating"][way], 0.2, 0.45, anchors=start)
          for way in both),
        Claim(
            "the average of minimax and WGAN in turn lies near, the larger radius",
            max(ends[name]["averaged"] for name in circling),
            high=0.3,
            anchors=start,
        ),
        Claim("cells of the table that are not the known ones", wrong, high=0),
    ]  # fmt: skip


def _width(path):
    return np.linalg.norm(path, axis=-1).max()
