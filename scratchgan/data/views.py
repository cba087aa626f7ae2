"""What a batch holds: pure functions from a data set to arrays, each with one entry for each image.

Pixels stay bytes, 0 for black and 255 for white, and are scaled where a batch is drawn.
"""

import numpy as np

from scratchgan.data.batches import fitted

ORANGE, BLUE, BLACK, WHITE = (245, 140, 20), (40, 70, 210), (0, 0, 0), (255, 255, 255)


def images(dataset, size=28, channels=1):
    """The images, of another size and number of channels where that is asked for: (N, channels, size, size)."""
    return (fitted(dataset.images, size, channels),)


def labelled(dataset, size=28, channels=1):
    """`images`, and their labels: integers (N,)."""
    return *images(dataset, size, channels), dataset.labels


def two_colours(dataset):
    """Two domains: the first half of the images in orange on black, the second in blue on white; no image is in both.

    Returns
    -------
    x, y : ndarray of uint8, (N // 2, 3, H, W)
        They are no pairs: a stream shuffles each for itself.
    """
    half = len(dataset.images) // 2
    first, second = dataset.images[:half], dataset.images[half : 2 * half]
    return coloured(first, ORANGE, BLACK), coloured(second, BLUE, WHITE)


def coloured(grey, foreground, background):
    """Ink in one colour on paper of another: a · foreground + (1 − a) · background, for ink a = grey / 255.

    Parameters
    ----------
    grey : ndarray of uint8, (N, 1, H, W)
    foreground, background : tuple of int
        Red, green and blue, 0 to 255.

    Returns
    -------
    ndarray of uint8, (N, 3, H, W)
    """
    ink = grey.astype(np.float32) / 255
    fore, back = (np.float32(colour).reshape(3, 1, 1) for colour in (foreground, background))
    return np.rint(ink * fore + (1 - ink) * back).astype(np.uint8)
