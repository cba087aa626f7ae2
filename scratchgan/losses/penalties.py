"""Penalties on the slope of a critic: losses that are functions of ∇ₓ D(x), the gradient of D in its *data*.

The critic descends them in its *weights*, so they are differentiated twice, in x and then in the weights. All that it
takes is that the first gradient is recorded: `grad` with ``create_graph=True``.

They differ in the points at which the slope is looked at, and in the slope that is asked for:

    ===========  ================================  ======  ==========================================================
    name         points                            slope   call
    ===========  ================================  ======  ==========================================================
    WGAN-GP      on lines from real to fake        1       gradient_penalty(gradient_norms(D, on_lines(x, x̃, rng)))
    one-sided    on lines                          ≤ 1     the same with one_sided=True
    WGAN-GP-0    on lines                          0       the same with center=0
    DRAGAN       real, with noise                  1       gradient_penalty(gradient_norms(D, perturb(x, rng)))
    R1           real                              0       r1_penalty(D, x, gamma)
    R2           fake                              0       r2_penalty(D, x̃, gamma)
    R1 and R2    both                              0       r1_r2_penalty(D, x, x̃, gamma)
    ===========  ================================  ======  ==========================================================

Why zero: take the smallest GAN, data at 0, one generated point at θ and D(x) = ψx. Around the solution (0, 0) its
gradient steps turn in circles; the term γ/2 ψ² = γ/2 ‖∇D‖² pulls them in, for every γ > 0, while a slope of 1 keeps ψ
away from its solution (Mescheder et al. 2018, arXiv:1801.04406, §3).

Each slope must be a sample's own. A layer that couples the samples of a batch (batch norm, minibatch discrimination,
minibatch standard deviation) adds the slopes of the others' scores. Batch norm is refused; looks at the whole batch are
not, as ProGAN has one beside a penalty.

A game takes a penalty as an object with its weight in it: `GradientPenalty`, `R1`, `R1R2`.
"""

from collections.abc import Callable

from scratchgan.backend import array_like
from scratchgan.functional.elementwise import agreed, number
from scratchgan.hints import Critic, Random, Told
from scratchgan.nn import BatchNorm1d, BatchNorm2d, Module
from scratchgan.nn.options import Number, truth
from scratchgan.tensor import Tensor, floating, grad

# Slopes --------------------------------------------------------------------------------------------------------------


def squared_slopes(critic: Critic, x: Tensor, *y: Told) -> Tensor:
    """‖∇ₓ D(x, y)‖² of each sample, over all its axes; differentiable in the critic's weights.

    D is summed, not averaged, over the batch: D(xᵢ) depends on xᵢ alone, so the gradient of the sum holds each
    sample's own gradient.

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1).
    x : Tensor, (N, …), with requires_grad
    *y : Tensor
        What else the critic is told, such as labels.

    Returns
    -------
    Tensor, (N,)

    Raises
    ------
    ValueError
        For a critic with batch norm, which makes D of one sample depend on all others.
    """
    _refuse_batch_norm(critic)
    floating(x=x)
    scores = critic(x, *y)
    floating(**{"what the critic returns": scores})
    if scores.shape[:1] != x.shape[:1] or scores.shape[1:2] not in ((), (1,)):
        raise ValueError(
            f"the critic must give one score for each of {len(x)} samples, (N,) or (N, 1), not {scores.shape}"
        )
    return slopes_of(scores, x)


def slopes_of(scores: Tensor, x: Tensor) -> Tensor:
    """‖∇ₓ D(x)‖² of each sample, where D(x) is there already: as `squared_slopes`, without going through D again.

    Parameters
    ----------
    scores : Tensor, (N,) or (N, 1)
        Each depends on its own sample alone.
    x : Tensor, (N, …), with requires_grad
        From which the scores were computed.

    Returns
    -------
    Tensor, (N,)
    """
    (g,) = grad(scores.sum(), x, create_graph=True)
    return (g * g).flatten(1).sum(1)


def _refuse_batch_norm(critic):
    """Gulrajani et al. 2017, §4, name what to use instead."""
    critic = getattr(critic, "__self__", critic)  # whose method it is
    modules = critic.modules() if isinstance(critic, Module) else ()
    if any(isinstance(module, (BatchNorm1d, BatchNorm2d)) for module in modules):
        raise ValueError(
            "the critic contains batch norm, which makes D of one sample depend on all others, while the penalty "
            "is on the gradient of each sample's own D; use LayerNorm, GroupNorm, InstanceNorm2d, or no norm"
        )


def gradient_norms(critic: Critic, x: Tensor, *y: Told) -> Tensor:
    """‖∇ₓ D(x)‖₂ of each sample, over all its axes; differentiable in the critic's weights.

    The root is taken of ‖·‖² + 10⁻¹², whose slope stays finite where the gradient is 0.

    Parameters
    ----------
    critic, x, *y
        See `squared_slopes`.

    Returns
    -------
    Tensor, (N,)
    """
    return (squared_slopes(critic, x, *y) + 1e-12).sqrt()


# Points --------------------------------------------------------------------------------------------------------------


def on_lines(real: Tensor, fake: Tensor, rng: Random) -> Tensor:
    """x̂ = ε x + (1 − ε) x̃ with *one* ε ~ U[0, 1] for each sample: a random point on the line between the two.

    Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1.

    Parameters
    ----------
    real, fake : Tensor, (N, …)
    rng : numpy.random.Generator

    Returns
    -------
    Tensor, (N, …)
        A constant of its own, with respect to which gradients are asked for.

    Raises
    ------
    ValueError
        For two shapes.
    TypeError
        For images in integers, which lie on no line, and two dtypes.
    """
    floating(real=real, fake=fake)
    real, fake = agreed(real, fake)
    if real.shape != fake.shape:
        raise ValueError(f"real {real.shape} and fake {fake.shape} must have one shape to lie on lines between them")
    epsilon = rng.random((len(real), *(1,) * (real.ndim - 1))).astype(real.dtype)
    epsilon = array_like(epsilon, real.data)
    return Tensor(epsilon * real.data + (1 - epsilon) * fake.data, requires_grad=True)


def perturb(real: Tensor, rng: Random, scale: float = 0.5) -> Tensor:
    """x̂ = x + δ with δ ~ N(0, (s · std)² I), std that of all numbers of the batch: DRAGAN's points.

    Kodali et al. 2017, arXiv:1705.07215, penalise slopes *around the data*. Their text has centred normal noise, as
    here; their code has s · std · U[0, 1), which moves every pixel upwards, and then draws a point on the line back to
    x. The scale is the code's: measured in standard deviations it does not depend on the range of the pixels.

    Parameters
    ----------
    real : Tensor, (N, …)
    rng : numpy.random.Generator
    scale : float
        s ≥ 0.

    Returns
    -------
    Tensor, (N, …)
        A constant of its own, with respect to which gradients are asked for.

    Raises
    ------
    ValueError
        For a scale that is negative.
    """
    floating(real=real)
    scale = number("scale", scale)
    if not scale >= 0:
        raise ValueError(f"scale={scale} must not be negative: it is a standard deviation")
    noise = array_like(rng.standard_normal(real.shape).astype(real.dtype), real.data)
    return Tensor(real.data + scale * real.data.std() * noise, requires_grad=True)


# Penalties -----------------------------------------------------------------------------------------------------------


def gradient_penalty(norms: Tensor, center: float = 1.0, *, one_sided: bool = False) -> Tensor:
    """E (‖∇D‖ − c)², with c = 1 the last term of WGAN-GP; one-sided, E max(0, ‖∇D‖ − c)², which permits less slope.

    Gulrajani et al. 2017, arXiv:1704.00028, equation (3) and appendix C. With c = 0 it is the zero-centred penalty
    E ‖∇D‖² of Thanh-Tung et al. 2019, arXiv:1902.03984. Its slope in a norm is 2 (‖∇D‖ − c) / N.

    Parameters
    ----------
    norms : Tensor, (N,)
        From `gradient_norms`.
    center : float
        c ≥ 0.
    one_sided : bool
        Penalise only slopes above c.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ValueError
        For a c that is negative, or anything but one norm for each sample.
    """
    floating(norms=norms)
    truth(one_sided=one_sided)
    if not center >= 0:
        raise ValueError(f"center={center} must not be negative: no norm is")
    if norms.ndim != 1:
        raise ValueError(f"the penalty is on one norm for each sample, of shape (N,), not {norms.shape}")
    excess = norms - center
    if one_sided:
        excess = excess.relu()
    return (excess * excess).mean()


def r1_penalty(critic: Critic, real: Tensor, gamma: float, *y: Told) -> Tensor:
    """R₁ = γ/2 E_x [‖∇ₓ D(x)‖²] over real x: Mescheder et al. 2018, arXiv:1801.04406, equation (9).

    Where the generator is perfect the best critic is flat on the data, and R₁ asks for no more than that: it leaves
    this equilibrium in its place, and makes training converge to it from nearby.

    The square is a polynomial of the gradient. No root is taken, so its slope 2 ∇D is finite everywhere, and 0 where
    ∇D is: no epsilon is needed, even at the equilibrium itself, where every gradient vanishes.

    The authors' code has no ½: its weight of 10 is γ = 20 here.

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1), a logit and no probability: the slope of σ(D) vanishes where D is confident.
    real : Tensor, (N, …)
        Taken as a constant.
    gamma : float
        γ ≥ 0.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ValueError
        For a γ that is negative: the critic would seek steep slopes.
    """
    return _zero_centered(critic, real, gamma, *y)


def r2_penalty(critic: Critic, fake: Tensor, gamma: float, *y: Told) -> Tensor:
    """R₂ = γ/2 E_x̃ [‖∇ D(x̃)‖²] over generated x̃: Mescheder et al. 2018, arXiv:1801.04406, equation (10).

    As `r1_penalty`, at the generator's points. Only the critic descends it: x̃ is taken as a constant.

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1).
    fake : Tensor, (N, …)
    gamma : float
        γ ≥ 0.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ValueError
        For a γ that is negative.
    """
    return _zero_centered(critic, fake, gamma, *y)


def r1_r2_penalty(critic: Critic, real: Tensor, fake: Tensor, gamma: float, *y: Told) -> Tensor:
    """R₁ + R₂, with one γ: see `r1_penalty` and `r2_penalty`. The two batches may differ in size.

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1).
    real, fake : Tensor, (N, …), (M, …)
    gamma : float
        γ ≥ 0.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ValueError
        For a γ that is negative.
    """
    return r1_penalty(critic, real, gamma, *y) + r2_penalty(critic, fake, gamma, *y)


def _zero_centered(critic, x, gamma, *y):
    floating(x=x)
    if not gamma >= 0:
        raise ValueError(f"gamma={gamma} must not be negative: the critic would be paid for steep slopes")
    return gamma / 2 * squared_slopes(critic, Tensor(x.data, requires_grad=True), *y).mean()


# With their weights, as a game takes them ----------------------------------------------------------------------------


class GradientPenalty:
    """λ E (‖∇D(x̂)‖ − c)² on lines from real to fake: see `gradient_penalty`.

    Parameters
    ----------
    weight : float
        λ.
    center : float
        c, the slope that is asked for: 1 in the paper, 0 for the zero-centred penalty.
    one_sided : bool
        Penalise only slopes above c.
    """

    weight, center = Number("[0, ∞)"), Number("[0, ∞)")

    def __init__(self, weight: float = 10.0, center: float = 1.0, one_sided: bool = False):
        truth(one_sided=one_sided)
        self.weight, self.center, self.one_sided = weight, center, one_sided

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, *y: Told, rng: Random) -> dict[str, Tensor]:
        """The penalty, and the mean slope: {"penalty": Tensor, (), "gradient_norm": Tensor, ()}."""
        norms = gradient_norms(critic, on_lines(real, fake, rng), *y)
        penalty = self.weight * gradient_penalty(norms, self.center, one_sided=self.one_sided)
        return {"penalty": penalty, "gradient_norm": norms.mean()}


class R1:
    """γ/2 E ‖∇D(x)‖² on real points: see `r1_penalty`."""

    gamma = Number("[0, ∞)")

    def __init__(self, gamma: float):
        self.gamma = gamma

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, *y: Told, rng: Random) -> dict[str, Tensor]:
        """{"penalty": Tensor, ()}."""
        return {"penalty": r1_penalty(critic, real, self.gamma, *y)}


class R1R2:
    """γ/2 E ‖∇D‖² on real points and on generated ones: see `r1_r2_penalty`."""

    gamma = Number("[0, ∞)")

    def __init__(self, gamma: float):
        self.gamma = gamma

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, *y: Told, rng: Random) -> dict[str, Tensor]:
        """{"penalty": Tensor, ()}."""
        return {"penalty": r1_r2_penalty(critic, real, fake, self.gamma, *y)}


# When ----------------------------------------------------------------------------------------------------------------


def lazily(penalty: Callable[[], Tensor], step: int, every: int) -> Tensor | float:
    """k · penalty() at steps 0, k, 2k, …, and 0 between them: its average over the steps is that of penalty().

    Karras et al. 2020, arXiv:1912.04958, appendix B: a penalty changes slowly, and its second derivative is dear. They
    give it a step of its own, so their Adam takes k + 1 steps for k and is slowed down in return; added to the loss of
    the step, as here, it needs no such correction. On toy problems use k = 1.

    Parameters
    ----------
    penalty : callable
        () -> Tensor, (), such as ``lambda: r1_penalty(critic, real, gamma)``; not called at the steps between.
    step : int
        The number of this step, from 0.
    every : int
        k ≥ 1.

    Returns
    -------
    Tensor, (), or 0.0

    Raises
    ------
    ValueError
        For a k below 1.
    """
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ValueError(f"every={every} must be a whole number, at least 1: a penalty at each step has every=1")
    return every * penalty() if step % every == 0 else 0.0
