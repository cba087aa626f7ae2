"""Whether coloured digits are what their captions say: the digit by the judge's classifier, the colours by the palette.

An image is taken apart into ink, which the classifier sees in grey, and two colours: `colours.separated`.
"""

from functools import cache

import numpy as np

from scratchgan.data import captions, views
from scratchgan.data.checks import as_rows
from scratchgan.data.colours import nearest, separated
from scratchgan.metrics import fidelity
from scratchgan.metrics.images import as_bytes
from scratchgan.metrics.judge import Judge


def seen(images):
    """What images show, as `captions` has it: int64 (N, 3), the digit, and its ink and paper as places in `NAMES`.

    Parameters
    ----------
    images : ndarray of float32, (N, 3, H, H) in [−1, 1]
    """
    ink, foreground, background = separated(as_bytes(images))
    return np.column_stack([_judge().classify(_grey(ink)).argmax(1), nearest(foreground), nearest(background)])


def agreement(images, meanings):
    """The share of images whose digit, ink and paper are those of their captions, and all three.

    Parameters
    ----------
    images : ndarray of float32, (N, 3, H, H) in [−1, 1]
    meanings : ndarray of int, (N, 3)

    Returns
    -------
    dict of str to float
        "digit, seen" are those in an ink that training shows, "digit, unseen" the others; and so on.
    """
    meanings = as_rows(meanings, len(images), "meanings")
    right = seen(images) == meanings
    kept = np.array([captions.unseen(digit, ink) for digit, ink, _ in meanings.tolist()], bool)
    columns = {"digit": right[:, 0], "ink": right[:, 1], "paper": right[:, 2], "all three": right.all(1)}
    groups = {"seen": ~kept, "unseen": kept}
    return {
        f"{what}, {group}": float(column[chosen].mean())
        for what, column in columns.items()
        for group, chosen in groups.items()
        if chosen.any()
    }


def frechet(images, others):
    """The Fréchet distance of the digits, seen in grey, of two sets of images (N, 3, H, H) in [−1, 1]."""
    features = (_judge().features(_grey(separated(as_bytes(each))[0])) for each in (images, others))
    return float(fidelity.frechet_distance(*features))


@cache
def _judge():
    """The one of digits, made when it is first needed."""
    return Judge("mnist")


def _grey(ink):
    """Ink of any size as the judge sees digits: 28×28 pixels of 32×32, small images in larger pixels."""
    return views.sized(ink, 32)[:, :, 2:-2, 2:-2]
