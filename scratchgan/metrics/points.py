"""What is asked of points before they are measured, and the order in which parts of a set are taken."""

from collections import Counter
from hashlib import blake2b

import numpy as np

from scratchgan.data.checks import plain


def as_points(samples, what="samples"):
    """``samples`` as float64 (n, d).

    Raises
    ------
    ValueError
        If they are not a matrix of real numbers, there are none, one is masked, or one is not finite. A generator that
        has diverged must not pass for a generator that is merely far away.
    """
    points = plain(samples, what)
    if points.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be real numbers, got {points.dtype} {points.shape}")
    points = points.astype(np.float64, copy=False)
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


def mixed_order(rows):
    """A random order that depends on what the rows are and not on how they came: sorted by fingerprint, int64 (n,).

    Whoever looks at a part of a set first brings it into this order. Then samples that are sorted by class, as a
    generator that is told the class may give them, are judged like any others, to the last digit.
    """
    copies, marks = Counter(), []
    for row in rows:
        mark = blake2b(row.tobytes()).digest()
        marks.append(blake2b(mark + copies[mark].to_bytes(8, "big")).digest())  # or copies would stay side by side
        copies[mark] += 1
    return np.array(sorted(range(len(marks)), key=marks.__getitem__), dtype=np.int64)
