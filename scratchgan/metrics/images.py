"""The images that are judged, of a shape and a range that are never guessed, and those they are compared with."""

import numpy as np

from scratchgan.data import DataError, Dataset, find, views
from scratchgan.data.checks import NoTestSetError, plain

CLASSES = 10
FEATURES = 128  # of the classifier: a covariance of them has full rank with one image more
WANTED = "samples must be floats in [−1, 1], black to white, or uint8 in 0…255"
WAYS = {
    "bytes": "if they are bytes, give samples.astype(np.uint8)",
    "beyond": "if they go a little beyond, cut them off: np.clip(samples, -1, 1)",
    "black": "black is not −1 there: if it is 0, give 2 * np.clip(samples, 0, 1) - 1, and if it is −0.5, 2 * samples; "
    "if they are grey indeed, give bytes: np.rint(127.5 * samples + 127.5).astype(np.uint8)",
}


def as_floats(images):
    """Images of bytes as float32 in [−1, 1]; floats as they are, in float32."""
    return images.astype(np.float32) / 127.5 - 1 if images.dtype == np.uint8 else images.astype(np.float32, copy=False)


def as_images(samples, channels=1):
    """``samples`` as an array (N, C, 28, 28), of bytes or of floats in [−1, 1].

    Images of 32×32 lose the margin of two pixels that `views.sized` has added to them. Digits that were enlarged to
    32×32 instead have a black margin, too, and would be judged as if they were too large: give them as 28×28.

    Black is 0 in bytes and −1 in floats. To the classifier another black would be grey, so floats that do not seem to
    have this one are refused, and whoever means them gives them as bytes, which are never doubted.

    Raises
    ------
    ValueError
        For another shape, for numbers out of range or not finite, and for floats with another black (see
        `_black_is_black`).
    """
    images = plain(samples, "samples")
    if images.ndim != 4 or images.shape[1:] not in ((channels, 28, 28), (channels, 32, 32)) or not len(images):
        raise ValueError(
            f"samples must have shape (N, {channels}, 28, 28), N at least 1, or 32×32 with a margin of 2, "
            f"got {images.shape}"
        )
    if images.dtype.kind not in "biuf":
        raise ValueError(f"{WANTED}, got {images.dtype} {images.shape}")
    low, high = images.min(), images.max()
    found = f"found {low:.4g}…{high:.4g} in {images.dtype} {images.shape}"
    if images.dtype == np.uint8:
        if high == 1:
            raise ValueError(f"{WANTED}, {found}: if 1 is white, give 255 * samples")
        return _without_margin(images)
    if images.dtype.kind != "f":
        raise ValueError(f"{WANTED}, {found}; {WAYS['bytes']}")
    if not -1 - 1e-5 <= low <= high <= 1 + 1e-5:  # NaN compares as false; 1e-5 is rounding
        way = "bytes" if low >= 0 and 2 < high <= 255 else "black" if low > -0.25 else "beyond"
        raise ValueError(f"{WANTED}, {found}; {WAYS[way]}")
    if not _black_is_black(images):
        raise ValueError(f"{WANTED}, {found}; {WAYS['black']}")
    return _without_margin(images)


def _without_margin(images):
    """28×28 pixels of 32×32: what `views.sized` has padded. ValueError if the margin is not nearly black."""
    if images.shape[-1] == 28:
        return images
    margin = np.ones((32, 32), bool)
    margin[2:-2, 2:-2] = False
    light = float(as_floats(images[:, :, margin]).mean() + 1) / 2
    if light > 0.1:
        raise ValueError(
            f"samples of 32×32 pixels {images.shape} are digits of 28×28 in a black margin of 2, but theirs has "
            f"{light:.0%} of white: give images of 28×28"
        )
    return images[:, :, 2:-2, 2:-2]


def _black_is_black(images):
    """Whether floats can have −1 for black.

    They cannot if nothing is darker than −1/4; nor if a quarter of all pixels share the darkest shade, by 1/10, and it
    is above −3/4. Digits and clothes lie on black, so this shade is their black; the grey of a poor generator is wider.
    """
    darkest, background = images.min(), np.quantile(images, 0.25)
    return darkest <= -0.25 and (darkest <= -0.75 or background - darkest > 0.1)


def enough(images):
    """The images, if the covariance of their features can have full rank; else ValueError."""
    if len(images) <= FEATURES:
        raise ValueError(
            f"{len(images)} samples {images.shape} are too few for a Fréchet distance in {FEATURES} dimensions: "
            f"take {FEATURES + 1} at least, better 5,000"
        )
    return images


def flat(images):
    """Images (N, …), or features (N, d), as rows (N, d)."""
    images = plain(images, "images")
    return images.reshape(len(images), -1) if images.ndim > 2 else images


def training_and_test(data, rng):
    """The two `Dataset`s, the second in random order, as MNIST's first half is the easier; and notes for the report.

    Raises
    ------
    DataError
        If there are none, or the classifier cannot learn them: of other classes than ten, or too few.
    """
    train, notes = _seen(find(data)), ()
    try:
        test = _seen(find(data, "test"))
    except NoTestSetError:
        kept = len(train.images) - len(train.images) // 5
        notes = (f"without {train.name}'s test set, {len(train.images) - kept} training images were held out for it",)
        mixed = _taken(train, rng.permutation(len(train.images)))
        train, test = _taken(mixed, slice(kept)), _taken(mixed, slice(kept, None))
    else:
        test = _taken(test, rng.permutation(len(test.images)))
    for dataset, what in ((train, "training"), (test, "test")):
        _judged(dataset, what)
    return train, test, notes


def _judged(dataset, what):
    """Raise DataError unless there are enough images."""
    if len(dataset.images) <= FEATURES:
        raise DataError(
            f"{dataset.source}: {len(dataset.images)} {what} images are too few for the judge: {FEATURES + 1} at least"
        )


def _seen(dataset):
    """A data set as the classifier sees it: a `Dataset` of grey images of 28×28 pixels in ten classes."""
    try:
        images, labels = views.labelled(dataset, 28, 1, CLASSES)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}; the judge knows ten classes, so it cannot judge these") from error
    return Dataset(dataset.name, images, labels, dataset.source)


def _taken(dataset, index):
    return Dataset(dataset.name, dataset.images[index], dataset.labels[index], dataset.source)
