"""Maxout: a unit that learns its own activation."""

from scratchgan.nn.module import Module


class Maxout(Module):
    """h_j = max_q a_jq: the largest of so many neighbouring features, Goodfellow et al. 2013, arXiv:1302.4389.

    After a linear layer of units · pieces features each unit is the largest of ``pieces`` linear functions, and so any
    convex function of its input that has so many pieces. The gradient goes to the winning piece alone.

    Parameters
    ----------
    pieces : int
        For each unit.
    """

    def __init__(self, pieces):
        self.pieces = pieces

    def forward(self, input):
        """(N, units · pieces) -> (N, units)."""
        return input.unflatten(1, (-1, self.pieces)).amax(2)

    def extra_repr(self):
        """The number of pieces."""
        return f"{self.pieces}"
