"""What is asked of points before they are measured."""

import numpy as np


def as_points(samples, what="samples"):
    """``samples`` as float64 (n, d).

    Raises
    ------
    ValueError
        If they are not a matrix, there are none, or one is not finite. A generator that has diverged shall not pass
        for one that is merely far away.
    """
    points = np.asarray(samples, dtype=np.float64)
    if points.ndim != 2 or not points.size:
        raise ValueError(f"{what} must have shape (n, d), n and d at least 1, got {points.shape}: reshape(n, -1) them")
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{what}: {len(bad)} of the {len(points)} rows are not finite, first row {bad[0]}, {points[bad[0]]}; "
            "a generator that gave them has diverged: look at its losses"
        )
    return points


def same_space(x, y, names=("x", "y")):
    """Both as float64 (n, d) and (m, d); ValueError if their d differ, or for what `as_points` refuses."""
    x, y = as_points(x, names[0]), as_points(y, names[1])
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} {x.shape} and {names[1]} {y.shape} must have the same dimension, {x.shape[1]} != {y.shape[1]}"
        )
    return x, y
