"""Maxout: a unit that learns its own activation."""

from scratchgan.nn.module import Module
from scratchgan.nn.options import Whole
from scratchgan.tensor import Tensor


class Maxout(Module):
    """h_j = max_q a_qj: each unit is the largest of its pieces, Goodfellow et al. 2013, arXiv:1302.4389.

    After a linear layer of pieces · units features each unit is the largest of ``pieces`` linear functions, and so any
    convex function of its input with that many pieces. The gradient goes to the winning piece alone. Feature
    q · units + j is piece q of unit j: NumPy takes the maximum of whole rows ten times as fast as that of neighbours.

    Parameters
    ----------
    pieces : int
        For each unit.
    """

    pieces = Whole()

    def __init__(self, pieces: int):
        self.pieces = pieces

    def forward(self, input: Tensor) -> Tensor:
        """(N, pieces · units) -> (N, units)."""
        if input.ndim != 2 or input.shape[1] % self.pieces:
            raise ValueError(f"Maxout({self.pieces}) got shape {input.shape}; it needs (N, {self.pieces} · units)")
        return input.unflatten(1, (self.pieces, -1)).amax(1)

    def extra_repr(self) -> str:
        """The number of pieces."""
        return f"{self.pieces}"
