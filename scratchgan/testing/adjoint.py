"""The adjoint checker, for linear functions: exact to rounding, in any floating dtype, without a single difference."""

from collections.abc import Callable

import numpy as np

from scratchgan.tensor import Tensor, grad
from scratchgan.testing.check import generator

Linear = Callable[[Tensor], Tensor]


def check_adjoint(
    f: Linear, x: np.ndarray, adjoint: Linear | None = None, *, rtol: float = 1e-12, seed: int = 0
) -> None:
    """Check the identity ⟨y, A x⟩ = ⟨Aᵀy, x⟩ of a linear function A and its adjoint, at a random y.

    Parameters
    ----------
    f : callable
        Linear: Tensor -> Tensor.
    x : array
    adjoint : callable, optional
        Aᵀ: Tensor -> Tensor. Without it, the vjp of ``f``, and also the vjp of that, which must be A again.

    Raises
    ------
    AssertionError
        When the two sides differ by more than ``rtol``, relative to ‖y‖ · ‖A x‖ + ‖Aᵀy‖ · ‖x‖.
    """
    x = Tensor(x, requires_grad=True)
    ax = f(x)
    y = Tensor(generator(seed).standard_normal(ax.shape).astype(ax.dtype), requires_grad=True)
    aty = adjoint(y) if adjoint else grad(ax, x, y, create_graph=True)[0]
    _compare("⟨y, A x⟩ and ⟨Aᵀy, x⟩", y.data, ax.data, aty.data, x.data, rtol)
    if not adjoint:
        (again,) = grad(aty, y, x.detach())
        _compare("⟨y, A x⟩ and ⟨y, Aᵀᵀx⟩", y.data, ax.data, again.data, y.data, rtol)


def _compare(what, a, b, c, d, rtol):
    if a.shape != b.shape or c.shape != d.shape:
        raise AssertionError(f"{what}: shapes {a.shape} and {b.shape}, or {c.shape} and {d.shape}, differ")
    left, right = (a * b).sum(), (c * d).sum()
    scale = np.linalg.norm(a) * np.linalg.norm(b) + np.linalg.norm(c) * np.linalg.norm(d)
    if not abs(left - right) <= rtol * scale:
        raise AssertionError(f"{what} differ: {left:.15g} and {right:.15g}")
