"""Matrix products: bilinear, so each derivative is a product with the other factor."""

from scratchgan.functional.broadcast import sum_to
from scratchgan.functional.elementwise import add_to, operands, where
from scratchgan.functional.shape import getitem, indices
from scratchgan.tensor import record
from scratchgan.threads import product


def matmul(input, other):
    """The matrix product (…, n, k) @ (…, k, m) -> (…, n, m), batch axes broadcast; a vector is a row, or a column.

    Y = A B has the vjps  G ↦ G Bᵀ  and  G ↦ Aᵀ G.
    """
    a, b = operands(input, other)
    if a.dtype == bool:
        raise TypeError("matmul: booleans have no sums; convert them, as in x.to(np.float32)")
    if not a.shape or not b.shape or a.shape[-1] != b.shape[-2 if len(b.shape) > 1 else 0]:
        raise ValueError(f"matmul: inner sizes of {a.shape} @ {b.shape} differ")
    if a.ndim == 1:
        return matmul(a.reshape(1, -1), b).squeeze(-2 if b.ndim > 1 else -1)
    if b.ndim == 1:
        return matmul(a, b.reshape(-1, 1)).squeeze(-1)
    return record(
        product(a.data, b.data),
        (a, lambda g, y: sum_to(g @ b.mT, a.shape)),
        (b, lambda g, y: sum_to(a.mT @ g, b.shape)),
    )


def linear(input, weight, bias=None):
    """x Wᵀ + b:  input (…, in), weight (out, in), bias (out,) -> (…, out)."""
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: input of shape {input.shape} does not fit a weight (out, in) of {weight.shape}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: a bias of shape {bias.shape} does not fit a weight (out, in) of {weight.shape}")
    y = input @ weight.mT
    return y if bias is None else add_to(y, bias)


def embedding(input, weight, padding_idx=None):
    """The rows of ``weight`` (num, dim) that the integers in ``input`` name; row ``padding_idx`` gets no gradient."""
    index = indices("embedding", input, weight.shape[0])
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise ValueError(f"embedding: padding_idx={padding_idx} names none of the {weight.shape[0]} rows")
    rows = getitem(weight, index)
    if padding_idx is None:
        return rows
    return where((index == padding_idx % weight.shape[0])[..., None], rows.detach(), rows)
