"""Why a gradient check failed: the entry that is wrong, and what usually makes it so."""

import numpy as np


def explain(slope):
    """What is wrong at a `Slope` whose two sides differ, over several lines."""
    point, i = slope.point, slope.argument
    one = wrong_entry(slope)
    if bent := kink(one):  # of one entry among many, it may not show along the direction
        return bent
    return "\n".join(
        [
            f"wrong derivative of order {point.order} in {slope.name}, of shape {point.arrays[i].shape}",
            f"    along a random direction: {_sides(slope)}",
            f"    in entry {_index(one)} alone: {_sides(one)}",
            f"    likely cause: {likely_cause(slope, one)}",
        ]
    )


def _sides(slope):
    return f"analytic {slope.analytic:.8g}, numeric {slope.numeric:.8g}"


def _index(slope):
    return [int(axis[0]) for axis in np.nonzero(slope.direction)] if slope.direction.ndim else []


def wrong_entry(slope):
    """The slope along a single entry that is wrong: halve the direction, and keep the half with the larger error."""
    point, i, d = slope.point, slope.argument, slope.direction
    finite = np.isfinite(slope.gradient).ravel()
    entries = np.arange(d.size) if finite.all() else np.flatnonzero(~finite)[:1]
    while len(entries) > 1:
        halves = np.array_split(entries, 2)
        first, second = (point.slope(i, d * _mask(half, d.shape)).gap for half in halves)
        entries = halves[second > first]
    return point.slope(i, _mask(entries, d.shape))


def _mask(entries, shape):
    mask = np.zeros(int(np.prod(shape)))
    mask[entries] = 1
    return mask.reshape(shape)


def likely_cause(slope, one):
    """The usual mistake that looks like this."""
    point, of_x = slope.point, slope.name.startswith("argument")
    if not np.isfinite(slope.numeric):
        return "the function itself is not finite near this point: a pole, or an overflow"
    if not np.isfinite(slope.gradient).all():
        return "a division by 0 in a vjp: a root or a norm at 0, a logarithm at 0, or ∞ − ∞ after an overflow"
    if slope.gap < 10 * slope.rounding:
        return f"rounding: values so large leave only {slope.rounding:.1g} of the difference certain; scale them down"
    if point.order > 1 and of_x:
        return (
            f"a raw capture: a vjp of order {point.order - 1} reads an array (x.data, y.data or what was computed from "
            "them), which is a constant to the next derivative; let it read the Tensor"
        )
    if point.order > 1:
        return "the map g ↦ Jᵀg is not recorded: a vjp computes with g.data; write it in differentiable functions of g"
    if not slope.gradient.any():
        return (
            "a missing edge: no gradient arrives; record(...) does not list this argument, or its value was taken "
            "through x.data, detach() or no_grad()"
        )
    factor = common_factor(slope, one)
    if factor:
        return f"a factor: in every direction the gradient is {factor:.6g} times what it should be{known(factor)}"
    return "the vjp is not the transpose of the derivative: compare it with the formula, entry by entry"


def common_factor(slope, one):
    """analytic / numeric, where it is the same along the direction, its reverse order and the entry; else None."""
    flipped = slope.point.slope(slope.argument, np.flip(slope.direction))
    sides = np.array([(s.analytic, s.numeric) for s in (slope, flipped, one)])
    if not sides[:, 1].all():
        return None
    ratios = sides[:, 0] / sides[:, 1]
    return float(ratios[0]) if np.allclose(ratios, ratios[0], rtol=1e-4) else None


def known(factor):
    """What a factor reminds one of."""
    if np.isclose(factor, -1):
        return ", a wrong sign"
    count = max(factor, 1 / factor)
    if count > 1.5 and np.isclose(count, round(count)):
        return ", perhaps a mean in place of a sum, or the reverse"
    return ""


def kink(slope):
    """What to say if the function has a kink or a jump at this point along the direction; None if it is smooth.

    The slopes to the right and to the left of a smooth point differ by ε f″, which shrinks with ε. At a kink the gap
    stays; at a jump it grows; and a kink a little off the point is out of reach when ε has become small enough.
    """
    gap = slope.right - slope.left
    if not abs(gap) > 1e-3 * (abs(slope.right) + abs(slope.left)) + 1e-6 + 100 * slope.rounding:
        return None
    nearer = slope.point.slope(slope.argument, slope.direction, slope.point.eps / 10)
    if abs(nearer.right - nearer.left - gap / 10) < 0.2 * abs(gap) / 10:
        return None
    return (
        f"a kink, met at order {slope.point.order} in {slope.name}, of shape {slope.direction.shape}: within "
        f"{slope.point.eps:g} of this point the slope jumps from {slope.left:.6g} to {slope.right:.6g}, "
        "and no difference across it is a derivative; choose another point"
    )
