"""What can be read off the codes of images: simple readers of vectors (N, d), such as codes, features or pixels.

A probe must be too simple to find by itself what the code does not show. Its accuracy means something beside that of
the same probe on principal components, on pixels, and on the codes of an untrained network.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import as_labels, whole
from scratchgan.metrics.neighbours import squared_distances
from scratchgan.metrics.points import same_space
from scratchgan.threads import on_one_thread


def nearest_classes(codes: ArrayLike, labels: ArrayLike, others: ArrayLike | None = None, k: int = 5) -> np.ndarray:
    """The class that most of the ``k`` nearest labelled codes have; of several, that of the nearest.

    Parameters
    ----------
    codes : array_like, (N, d)
    labels : array_like of int, (N,)
    others : array_like, (M, d), optional
        What is read; without them the codes themselves, each by all the others.
    k : int
        Below N.

    Returns
    -------
    ndarray of int64, (M,), or (N,)

    Raises
    ------
    ValueError
        For codes that are not finite, not matrices, of different d, or too few; or labels that do not fit.
    """
    itself = others is None
    codes, others = same_space(codes, codes if itself else others, ("codes", "others"))
    labels = as_labels(labels, len(codes))
    if not whole(k, "k") < len(codes):
        raise ValueError(f"{len(codes)} codes have no {k} neighbours each")
    read = []
    for rows, squares in squared_distances(others, codes):
        if itself:
            squares[np.arange(len(squares)), np.arange(len(codes))[rows]] = np.inf  # no code is its own neighbour
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]
        found = labels[order]
        votes = (found[:, :, None] == found[:, None]).sum(2)
        read.append(found[np.arange(len(found)), votes.argmax(axis=1)])
    return np.concatenate(read)


@on_one_thread
def linear_classes(codes: ArrayLike, labels: ArrayLike, others: ArrayLike, weight: float = 1e-3) -> np.ndarray:
    """The class whose indicator a linear function of the codes, fitted by least squares, is largest: argmax (W z + b).

    min_W Σ ‖W z − e_y‖² + λ N ‖W‖², with the codes' means taken off and their deviations made 1. There is nothing to
    train: it is one system of d equations.

    Parameters
    ----------
    codes : array_like, (N, d)
    labels : array_like of int, (N,)
    others : array_like, (M, d)
        What is read.
    weight : float
        λ.

    Returns
    -------
    ndarray of int64, (M,)

    Raises
    ------
    ValueError
        As `nearest_classes`.
    """
    codes, others = same_space(codes, others, ("codes", "others"))
    targets = np.eye(int(np.max(labels)) + 1)[as_labels(labels, len(codes))]
    mean, deviation = codes.mean(0), np.maximum(codes.std(0), 1e-8)
    z, share = (codes - mean) / deviation, targets.mean(0)
    w = np.linalg.solve(z.T @ z + weight * len(z) * np.eye(z.shape[1]), z.T @ (targets - share))
    return ((others - mean) / deviation @ w + share).argmax(axis=1)


def energy_distance(x: ArrayLike, y: ArrayLike) -> float:
    """2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖, 0 only where the two laws are the same (Székely & Rizzo 2013).

    The means are over all pairs, a point and itself among them, so it is never negative. Two draws of n points of one
    law are about E‖x − x′‖ · 2 / n apart.

    Parameters
    ----------
    x, y : array_like, (n, d) and (m, d)

    Returns
    -------
    float
    """
    x, y = same_space(x, y)
    return float(2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y))


def _mean_distance(x, y):
    return sum(np.sqrt(squares).sum() for _, squares in squared_distances(x, y)) / (len(x) * len(y))
