"""Walking through the latent space of a generator, and adding and subtracting what its images have.

DCGAN (Radford et al. 2015, arXiv:1511.06434, §6.1 and §6.3.2) showed two things that make a generator more than a
memory of its data: on the way from one latent to another every image is a possible one, and directions mean something,
as in "smiling woman − neutral woman + neutral man". On digits, what an image has can be *measured*: how thick its
stroke is, and how far it leans. So the arithmetic has a success rate. A rate alone tells nothing: whichever way a
generator drifts, half of its images or all of them have a little more of anything. So it stands beside that of a random
direction and of an untrained generator.
"""

import numpy as np

from scratchgan.hints import Random


def largest_step(images: np.ndarray, unrelated: np.ndarray) -> float:
    """The largest step between consecutive images, over the mean distance of two ``unrelated`` ones.

    A path that jumps from one image to another has 1. A path of n equal steps between two images has 1 / n at least.

    Parameters
    ----------
    images : array, (n, …)
        Along a path.
    unrelated : array, (m, …)
        Any images of the same generator.
    """
    return float(lengths(np.diff(images, axis=0)).max() / apart(unrelated))


def lengths(images: np.ndarray) -> np.ndarray:
    """The Euclidean norm of each image, or of each vector of features: (N, …) -> (N,)."""
    return np.linalg.norm(images.reshape(len(images), -1), axis=1)


def apart(unrelated: np.ndarray) -> float:
    """The mean distance of two ``unrelated`` images, or vectors of features, (N, …): a float."""
    return float(lengths(unrelated - np.roll(unrelated, 1, axis=0)).mean())


# What an image has ---------------------------------------------------------------------------------------------------


def thickness(images: np.ndarray) -> np.ndarray:
    """The mean width of the stroke in pixels: twice the ink over the length of its outline.

    With ink a ∈ [0, 1], a stroke of width w and length l has the ink Σ a = w l, and the outline Σ ‖∇a‖ = 2 l. Around
    the image there is none.

    Parameters
    ----------
    images : array, (N, 1, H, W) in [−1, 1]

    Returns
    -------
    array, (N,)
    """
    ink = np.pad((images[:, 0] + 1) / 2, ((0, 0), (2, 2), (2, 2)))
    down, across = np.gradient(ink, axis=(1, 2))
    return 2 * ink.sum((1, 2)) / np.maximum(np.hypot(down, across).sum((1, 2)), 1e-6)


def slant(images: np.ndarray) -> np.ndarray:
    """How far the ink leans to the right as it rises: −cov(row, column) / var(row), with the ink as weight.

    It is 0 for an upright stroke, 1 for one that leans by 45°.

    Parameters
    ----------
    images : array, (N, 1, H, W) in [−1, 1]

    Returns
    -------
    array, (N,)
    """
    rows, both, _ = _spread(images)
    return -both / np.maximum(rows, 1e-6)


def width(images: np.ndarray) -> np.ndarray:
    """The width in pixels, set upright: √12 times the deviation of the ink's columns around the line that it leans on.

    So it is that of the upright rectangle with the same spread, and an image may lean more and stay as wide.

    Parameters
    ----------
    images : array, (N, 1, H, W) in [−1, 1]

    Returns
    -------
    array, (N,)
    """
    rows, both, columns = _spread(images)
    return np.sqrt(12 * np.maximum(columns - both**2 / np.maximum(rows, 1e-6), 0))


def _spread(images):
    """var(row), cov(row, column) and var(column), with the ink as weight: each (N,)."""
    ink = (images[:, 0] + 1) / 2
    ink = ink / np.maximum(ink.sum((1, 2), keepdims=True), 1e-6)
    rows, columns = (np.arange(n, dtype=float) for n in ink.shape[1:])
    row, column = ink.sum(2) @ rows, ink.sum(1) @ columns
    both = np.einsum("nij,i,j->n", ink, rows, columns) - row * column
    return ink.sum(2) @ rows**2 - row**2, both, ink.sum(1) @ columns**2 - column**2


def hue(images: np.ndarray) -> np.ndarray:
    """How warm the colours are: Σ (red − blue) over Σ (largest − smallest of red, green, blue), from −1 to 1.

    A hue is an angle, which has no more and no less; this has. It is 1 for red, orange and yellow, 0 for green and for
    grey, −1 for cyan and blue.

    Parameters
    ----------
    images : array, (N, 3, H, W) in [−1, 1]

    Returns
    -------
    array, (N,)
    """
    colour = images.max(1) - images.min(1)
    return (images[:, 0] - images[:, 2]).sum((1, 2)) / np.maximum(colour.sum((1, 2)), 1e-6)


def brightness(images: np.ndarray) -> np.ndarray:
    """The mean luma of what is not white, from 0 to 1: a pixel counts by how far its darkest channel is from white.

    All of a picture's pixels would tell of its size, as pictures lie on white.

    Parameters
    ----------
    images : array, (N, 3, H, W) in [−1, 1]

    Returns
    -------
    array, (N,)
    """
    channels = (images + 1) / 2
    luma, ink = np.einsum("nchw,c->nhw", channels, (0.299, 0.587, 0.114)), 1 - channels.min(1)
    return 1 - (ink * (1 - luma)).sum((1, 2)) / np.maximum(ink.sum((1, 2)), 1e-6)


ATTRIBUTES = {"thickness": thickness, "slant": slant, "width": width}  # of strokes, in grey
COLOURS = {"hue": hue, "brightness": brightness}

# Arithmetic ----------------------------------------------------------------------------------------------------------


def concept(
    latents: np.ndarray, values: np.ndarray, exemplars: int, rng: Random, share: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """The mean latent of some images that have much of an attribute, and that of some that have little of it.

    One exemplar would bring along whatever else it has; the paper takes the mean of three.

    Parameters
    ----------
    latents : array, (N, d)
    values : array, (N,)
        The attribute of their images.
    exemplars : int
        Drawn from the ``share`` of images with the most, and from those with the least.
    rng : numpy.random.Generator

    Returns
    -------
    much, little : array, (d,)
    """
    order, extreme = np.argsort(values), max(exemplars, int(share * len(values)))
    little = rng.choice(order[:extreme], exemplars, replace=False)
    much = rng.choice(order[-extreme:], exemplars, replace=False)
    return latents[much].mean(0), latents[little].mean(0)


def moved(latents: np.ndarray, much: np.ndarray, little: np.ndarray) -> np.ndarray:
    """z + much − little, brought back to the length that a normal latent has, √d."""
    z = latents + much - little
    return z * np.sqrt(z.shape[-1]) / np.linalg.norm(z, axis=-1, keepdims=True)


def spread_in_classes(values: np.ndarray, labels: np.ndarray) -> float:
    """The standard deviation of an attribute around the mean of its class: a float, of arrays (N,)."""
    means = np.bincount(labels, values) / np.maximum(np.bincount(labels), 1)
    return float(np.sqrt(np.mean((values - means[labels]) ** 2)))


def same_digit(before: np.ndarray, after: np.ndarray, sure: float = 0.9) -> np.ndarray:
    """Where a classifier is sure of an image before and after, and sees the same: array of bool (N,).

    Noise has a class, too, and may keep it; of noise the classifier is seldom sure.

    Parameters
    ----------
    before, after : array, (N, classes)
        Probabilities.
    """
    alike = before.argmax(axis=1) == after.argmax(axis=1)
    return alike & (before.max(axis=1) >= sure) & (after.max(axis=1) >= sure)
