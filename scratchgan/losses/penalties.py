"""Penalties on the slope of a critic: losses that are functions of ∇ₓ D(x), the gradient of D in its *data*.

The critic descends them in its *weights*, so they are differentiated twice, in x and then in the weights. All that it
takes is that the first gradient is recorded: `grad` with ``create_graph=True``.
"""

from scratchgan.tensor import Tensor, grad


def squared_slopes(critic, x):
    """‖∇ₓ D(x)‖² of each sample, over all its axes; differentiable in the critic's weights.

    D is summed, not averaged, over the batch: D(xᵢ) depends on xᵢ alone, so the gradient of the sum holds each
    sample's own gradient. (Batch norm in the critic would make that false.)

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1).
    x : Tensor, (N, …), with requires_grad

    Returns
    -------
    Tensor, (N,)
    """
    (g,) = grad(critic(x).sum(), x, create_graph=True)
    return (g * g).flatten(1).sum(1)


def r1_penalty(critic, real, gamma):
    """R₁ = γ/2 E_x [‖∇ₓ D(x)‖²] over real x: Mescheder et al. 2018, arXiv:1801.04406, equation (9).

    Where the generator is perfect the best critic is flat on the data, and R₁ asks for no more than that: it leaves
    this equilibrium in its place, and makes training converge to it from nearby.

    The square is a polynomial of the gradient. No root is taken, so its slope 2 ∇D is finite everywhere, and 0 where
    ∇D is: no epsilon is needed, even at the equilibrium itself, where every gradient vanishes.

    Parameters
    ----------
    critic : callable
        (N, …) -> (N, 1).
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
    if not gamma >= 0:
        raise ValueError(f"gamma={gamma} must not be negative: the critic would be paid for steep slopes")
    return gamma / 2 * squared_slopes(critic, Tensor(real.data, requires_grad=True)).mean()
