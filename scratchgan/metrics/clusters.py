"""Clusters: how well they are classes, though no label was shown; and the simplest way to find some."""

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import as_labels, whole
from scratchgan.hints import Random
from scratchgan.metrics.neighbours import nearest
from scratchgan.metrics.points import as_points


def majority_classes(clusters: ArrayLike, labels: ArrayLike, others: ArrayLike) -> np.ndarray:
    """The class that most of the labelled members of a cluster have; of an empty one, that most of all have.

    Parameters
    ----------
    clusters, labels : array_like of int, (N,)
    others : array_like of int, (M,)
        Clusters, of which the classes are read.

    Returns
    -------
    ndarray of int64, (M,)

    Raises
    ------
    ValueError
        For what are no whole numbers from 0 on, or labels that do not fit.
    """
    clusters, others = (as_labels(each, len(each)) for each in (clusters, others))
    labels = as_labels(labels, len(clusters))
    votes = np.zeros((max(clusters.max(), others.max()) + 1, labels.max() + 1), int)
    np.add.at(votes, (clusters, labels), 1)
    empty = votes.sum(1) == 0
    votes[empty] = votes.sum(0)
    return votes.argmax(1)[others]


def k_means(points: ArrayLike, k: int, rng: Random, rounds: int = 100) -> np.ndarray:
    """k centres, each the mean of the points that no other is nearer to: Lloyd's algorithm from a start of k-means++.

    Lloyd 1982; Arthur & Vassilvitskii 2007: each first centre is a point, drawn as its squared distance to the nearest
    of those before. It ends when no centre moves, at a minimum that depends on the start.

    Parameters
    ----------
    points : array_like, (N, d)
    k : int
        At most N.
    rng : numpy.random.Generator
    rounds : int
        The most that are made.

    Returns
    -------
    ndarray of float64, (k, d)

    Raises
    ------
    ValueError
        For what is no matrix of finite numbers, or fewer points than centres.
    """
    points = as_points(points, "points")
    if whole(k, "k") > len(points):
        raise ValueError(f"{len(points)} points have no {k} centres")
    centres = points[rng.integers(len(points))][None]
    while len(centres) < k:
        squares = nearest(points, centres)[1] ** 2
        chance = squares / squares.sum() if squares.any() else None
        centres = np.concatenate([centres, points[rng.choice(len(points), p=chance)][None]])
    for _ in range(rounds):
        cluster = nearest(points, centres)[0]
        moved = np.stack([points[cluster == i].mean(0) if (cluster == i).any() else centres[i] for i in range(k)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
