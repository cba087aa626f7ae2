"""Spectral normalisation: a layer whose weight, as a matrix, never stretches a vector."""

import copy

import numpy as np

from scratchgan.backend import array_like
from scratchgan.hints import Array, Random
from scratchgan.nn import init
from scratchgan.nn.layers import ConvTranspose2d
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Whole
from scratchgan.tensor import Parameter, Tensor
from scratchgan.threads import product


def power_iteration(matrix: Array, v: Array, steps: int, eps: float = 1e-12) -> tuple[Array, Array]:
    """u ← W v / ‖W v‖, v ← Wᵀ u / ‖Wᵀ u‖, again and again: they turn into the top singular vectors of W.

    Each step shrinks what is left of the k-th singular vector by (σₖ / σ₁)².

    Parameters
    ----------
    matrix : array, (m, n)
        W.
    v : array, (n,)
        Where to begin.
    steps : int
        At least 1.
    eps : float
        No norm that is divided by is smaller.

    Returns
    -------
    u, v : array, (m,), (n,)
    """
    for _ in range(steps):
        u = _unit(product(matrix, v[:, None])[:, 0], eps)
        v = _unit(product(matrix.T, u[:, None])[:, 0], eps)
    return u, v


def _unit(x, eps):
    return x / np.maximum(np.sqrt((x * x).sum()), eps)


class SpectralNorm(Module):
    """A layer whose weight is W / σ(W), with σ(W) the largest singular value of W as a matrix.

    Miyato et al. 2018, arXiv:1802.05957, §2.1 and appendix A; as ``torch.nn.utils.parametrizations.spectral_norm``.
    A linear layer so normalised has slope 1 at most, and a network of them, with activations of slope 1, as well.

    σ̂ = uᵀ W v, with u and v from `power_iteration`. W moves little in one step, so one iteration at each forward pass
    in training is enough if u and v are *kept*: they are buffers, saved with the layer. In evaluation they stand still,
    and the layer is a function. (The paper turns v first, from u; the alternation is the same.)

    σ̂ is differentiated *through W*, while u and v are constants: the derivative of σ is u vᵀ, however they move. With
    H = ∂L/∂(W/σ), equation (12) of the paper,

        ∂L/∂W = (H − ⟨H, W/σ⟩ u vᵀ) / σ,

    so that ⟨W, ∂L/∂W⟩ = 0: the loss does not depend on the length of W.

    A convolution's weight counts as the matrix (out, in · kh · kw). That is not the convolution as a linear map, whose
    norm can be up to √(kh · kw) times as large at stride 1.

    Parameters
    ----------
    layer : Module
        With a ``weight`` of two axes or more, as `Linear`, `Conv2d`, `ConvTranspose2d` and `Embedding` have.
    n_power_iterations : int
        At each forward pass in training.
    eps : float
        No norm that is divided by is smaller.
    rng : numpy.random.Generator, optional
        Draws the first v, which is then turned 15 times; without it, a fresh one.

    Attributes
    ----------
    layer : Module
        Its weight is W, and is what an optimiser moves.
    u, v : array, (out,), (in · kh · kw,)

    Raises
    ------
    TypeError, ValueError
        For a layer without such a weight, or a weight of 0, which cannot be normalised; no iterations.

    Notes
    -----
    State: parametrizations.weight.original (W), parametrizations.weight.0._u, parametrizations.weight.0._v, and the
    layer's own other entries, such as bias.
    """

    n_power_iterations, eps = Whole(), Number("[0, ∞)")

    def __init__(self, layer: Module, n_power_iterations: int = 1, eps: float = 1e-12, *, rng: Random | None = None):
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, Parameter) or weight.ndim < 2:
            got = "no weight" if weight is None else f"a weight of shape {weight.shape}"
            raise TypeError(f"SpectralNorm needs a layer with a weight matrix; {type(layer).__name__} has {got}")
        if not weight.data.any():
            raise ValueError(f"the weight of shape {weight.shape} is 0, so W / σ is 0 / 0: initialise it before")
        self.layer, self.n_power_iterations, self.eps = layer, n_power_iterations, eps
        matrix = self._matrix().data
        first = array_like(init.generator(rng).standard_normal(matrix.shape[1]).astype(matrix.dtype), matrix)
        self.u, self.v = power_iteration(matrix, first, 15, self.eps)

    def forward(self, input: Tensor) -> Tensor:
        """What the layer does, with the weight W / σ̂; in training, after a turn of u and v."""
        if self.training:
            self.u, self.v = power_iteration(self._matrix().data, self.v, self.n_power_iterations, self.eps)
        normalised = copy.copy(self.layer)  # W stays where it is: the optimiser moves W, not W / σ
        vars(normalised)["weight"] = self.weight
        return normalised(input)

    @property
    def weight(self) -> Tensor:
        """W / σ̂, of the shape of W, for u and v as they are: Tensor."""
        return self.layer.weight / self.sigma()

    def sigma(self) -> Tensor:
        """σ̂ = uᵀ W v, differentiable in W: Tensor, (). Never above σ(W) by more than rounding."""
        u, v = (_unit(x, self.eps) for x in (self.u, self.v))  # `AveragedWeights` makes them shorter
        return Tensor(u) @ (self._matrix() @ Tensor(v))

    def _matrix(self):
        """W as (out, everything else)."""
        weight = self.layer.weight
        return (weight.transpose(0, 1) if isinstance(self.layer, ConvTranspose2d) else weight).flatten(1)

    def slots(self, prefix: str = "") -> dict[str, tuple[Module, str]]:
        """Where the state is, under PyTorch's keys."""
        inner, path = self.layer.slots(prefix), f"{prefix}parametrizations.weight."
        inner.pop(f"{prefix}weight", None)
        own = {f"{path}original": (self.layer, "weight"), f"{path}0._u": (self, "u"), f"{path}0._v": (self, "v")}
        return inner | own

    def extra_repr(self) -> str:
        """The options, where they are not the usual ones."""
        return "" if self.n_power_iterations == 1 else f"n_power_iterations={self.n_power_iterations}"
