"""Whether a generator has more than one idea: classes found and lost, variety within a class, copies of training data.

Labels are those a classifier gives, such as `classifier`'s: for generated images there are no others. Images are any
arrays (N, …) of pixels in [−1, 1].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import as_labels, plain, whole
from scratchgan.hints import Random
from scratchgan.metrics.fidelity import as_probabilities
from scratchgan.metrics.images import flat
from scratchgan.metrics.modes import as_counts, kl_to_uniform
from scratchgan.metrics.neighbours import nearest, squared_distances
from scratchgan.metrics.points import as_points
from scratchgan.metrics.similarity import ssim

# Classes -------------------------------------------------------------------------------------------------------------


def class_histogram(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """How many samples of each class: (N,) integers to int64 (classes,). See `modes.kl_to_uniform` of it."""
    labels = plain(labels, "labels")
    if not labels.size:
        raise ValueError(f"of labels {labels.shape}, there is none to count")
    return np.bincount(as_labels(labels, len(labels), classes), minlength=classes)


def classes_present(counts: np.ndarray, share: float = 0.02) -> int:
    """The number of classes with at least that share of the samples: one in fifty may be the classifier's mistake."""
    counts = as_counts(counts)
    return int((counts >= share * counts.sum()).sum())


@dataclass(frozen=True)
class StackedModes:
    """What `stacked_modes` finds."""

    modes: int  # of K³, those with at least one sample
    reverse_kl: float  # in nats, to the uniform histogram; a perfect generator has about (K³ − 1) / 2N
    sure_modes: int  # the same where each of the three digits has a probability above 0.9


def stacked_modes(probabilities: ArrayLike, sure: float = 0.9) -> StackedModes:
    """Which of the thousand modes of Stacked MNIST, three digits as red, green and blue, a generator has.

    Lin et al. 2018, arXiv:1712.04086, section 4.2: 26,000 samples, so that a perfect generator has 1000 modes and a
    reverse KL of 0.019. A classifier finds a digit in anything: a mode that it is sure of is worth more.

    Parameters
    ----------
    probabilities : array_like, (N, 3, K)
        For each channel those of the K digits.

    Returns
    -------
    StackedModes
    """
    p = plain(probabilities, "probabilities")
    if p.ndim != 3 or p.shape[1] != 3 or not p.size:
        raise ValueError(f"probabilities must have shape (N, 3, K), got {p.shape}: classify each channel")
    p = as_probabilities(p.reshape(-1, p.shape[2])).reshape(p.shape)
    first, second, third = p.argmax(axis=2).T
    K = p.shape[2]
    mode, certain = (first * K + second) * K + third, (p.max(axis=2) > sure).all(axis=1)
    counts, sure_counts = np.bincount(mode, minlength=K**3), np.bincount(mode[certain], minlength=K**3)
    return StackedModes(int((counts > 0).sum()), kl_to_uniform(counts), int((sure_counts > 0).sum()))


# Variety within a class ----------------------------------------------------------------------------------------------


def mean_distance(points):
    """Σᵢⱼ ‖xᵢ − xⱼ‖ / n (n − 1), the mean distance of two different points of a set (n, d)."""
    n = len(points)
    total = sum(np.sqrt(_without_own(squares, rows)).sum() for rows, squares in squared_distances(points, points))
    return total / (n * (n - 1))


def _without_own(squares, rows):
    """Exactly 0 from each point to itself, where the expanded square leaves a rounding error and its root a larger."""
    squares[np.arange(len(squares)), rows.start + np.arange(len(squares))] = 0
    return squares


def intra_class_spread(images: ArrayLike, labels: ArrayLike, real: ArrayLike, real_labels: ArrayLike) -> float:
    """The `mean_distance` within a class over that of the real images of this class, the mean over classes: 1 is real.

    Near 0, each class has collapsed to one image; noise brings it above 1. Classes without two samples do not count:
    see `class_histogram` for those.

    Parameters
    ----------
    images, real : array_like, (N, …) and (M, …)
    labels, real_labels : array_like of int, (N,) and (M,)

    Returns
    -------
    float
        NaN if no class has two samples.
    """
    (images, labels), (real, real_labels) = _labelled(images, labels), _labelled(real, real_labels)
    spreads = [
        mean_distance(images[labels == k]) / mean_distance(real[real_labels == k])
        for k in np.intersect1d(_in_pairs(labels), _in_pairs(real_labels))
    ]
    return float(np.mean(spreads)) if spreads else float("nan")


def ssim_within_classes(images: ArrayLike, labels: ArrayLike, rng: Random, pairs: int = 1000) -> float:
    """The mean `ssim` of random pairs of one class: low for varied images. Compare with real ones, 0.3 to 0.5.

    Odena et al. 2017, arXiv:1610.09585, section 4.3, with one scale, as 28 pixels have no room for five.

    Parameters
    ----------
    images : array_like, (N, …, H, W)
    labels : array_like of int, (N,)
    rng : numpy.random.Generator
    pairs : int
        Drawn so that each image is as likely as any other to be a pair's first.
    """
    images, (_, labels) = plain(images, "images"), _labelled(images, labels)
    candidates = np.flatnonzero(np.isin(labels, _in_pairs(labels)))
    if not len(candidates):
        return float("nan")
    first = rng.choice(candidates, whole(pairs, "pairs"))
    second = [rng.choice(np.flatnonzero((labels == labels[i]) & (np.arange(len(labels)) != i))) for i in first]
    return float(ssim(images[first], images[second]).mean())


def _in_pairs(labels):
    """The classes with two samples or more."""
    classes, counts = np.unique(labels, return_counts=True)
    return classes[counts > 1]


def _labelled(images, labels):
    """The images as points, (N, d), and their labels, (N,)."""
    points = as_points(flat(images), "images")
    return points, as_labels(labels, len(points))


# Copies --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What `nearest_training` finds."""

    ratio: float  # median distance to the nearest training image, of generated over that of test images
    index: np.ndarray  # (N,): the training image nearest to each generated one
    distance: np.ndarray  # (N,): how far it is


def nearest_training(generated: ArrayLike, test: ArrayLike, train: ArrayLike) -> Neighbours:
    """Whether a generator repeats its training images: median d(generated, train) / median d(test, train).

    Near 1 they are as new as test images; far below 1 they are copies; far above 1 they are no such images. Take it
    in pixels and in features: a copy moved by one pixel is far in pixels.

    Parameters
    ----------
    generated, test, train : array_like, (N, …), (M, …), (L, …)

    Returns
    -------
    Neighbours

    Raises
    ------
    ValueError
        Where half of the test images are training images themselves.
    """
    train = as_points(flat(train), "train")
    index, distance = nearest(as_points(flat(generated), "generated"), train)
    _, usual = nearest(as_points(flat(test), "test"), train)
    if not np.median(usual):
        raise ValueError(
            "half of the test images are among the training images, so new ones cannot be told from copies"
        )
    return Neighbours(float(np.median(distance) / np.median(usual)), index, distance)
