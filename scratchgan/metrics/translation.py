"""How good translations of images are: whether they come home, and how far they are from the truth, where it is known.

A translation may come home for a wrong reason, and a low error of the cycle says nothing of what was kept. So each
number stands beside its anchors: see `against_truth`.
"""

import numpy as np

from scratchgan.data.colours import nearest, separated
from scratchgan.metrics.images import as_bytes
from scratchgan.metrics.judge import Judge


def cycle_errors(images, moved, home, rng, noise=0.02):
    """Mean |x̂ − x| of what comes home: of the translations, of them rounded to bytes, and with noise on them.

    Zhu et al. leave unsaid that a generator can hide x in differences that no eye sees (Chu et al. 2017,
    arXiv:1712.02950); then the second and the third number are larger than the first.

    Parameters
    ----------
    images, moved : ndarray of float32, (N, C, H, W), in [−1, 1]
    home : callable
        (N, C, H, W) -> the same shape.
    rng : numpy.random.Generator
    noise : float
        σ.

    Returns
    -------
    dict of str to float
    """
    arrived = {
        "cycle error": moved,
        "cycle error of bytes": np.rint(127.5 * moved) / np.float32(127.5),
        "cycle error with noise": moved + np.float32(noise) * rng.standard_normal(moved.shape, dtype=np.float32),
    }
    return {name: _apart(home(each), images) for name, each in arrived.items()}


def against_truth(images, moved, truth, labels):
    """How near translations of coloured digits are to the truth, and whether colours and class are right.

    Colours are those of ink and paper, as `colours.separated` finds them, and right where they have the same names as
    in the truth. The class is that of the ink alone.

    Parameters
    ----------
    images, moved, truth : ndarray of float32, (N, 3, H, W), in [−1, 1]
    labels : ndarray of int, (N,)

    Returns
    -------
    dict of str to float
        The mean of |moved − truth|, beside that of the image itself and of the truth's paper with nothing on it; the
        share of right colours; the share of classes that the judge's classifier finds right, in translations and in
        the images.
    """
    judge = Judge("mnist")
    paper = np.median(truth, (2, 3), keepdims=True)
    ink, *found = separated(as_bytes(moved))
    true = separated(as_bytes(truth))[1:]
    right = [nearest(colours) == nearest(wanted) for colours, wanted in zip(found, true)]
    return {
        "error": _apart(moved, truth),
        "error of the input itself": _apart(images, truth),
        "error of paper alone": float(np.abs(paper - truth).mean()),
        "right colours": float(np.logical_and(*right).mean()),
        "right class": judge.accuracy(ink, labels),
        "right class of the input": judge.accuracy(separated(as_bytes(images))[0], labels),
    }


def _apart(images, others):
    """Mean |x − y| of pairs of images: a number."""
    if images.shape != others.shape:
        raise ValueError(f"images {images.shape} and {others.shape} are no pairs")
    return float(np.abs(images - others).mean())
