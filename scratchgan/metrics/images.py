"""The images that are judged, of a shape and a range that are never guessed, and those they are compared with."""

from dataclasses import dataclass

import numpy as np

from scratchgan.data import DataError, Dataset, find, views
from scratchgan.data.checks import NoTestSetError, plain
from scratchgan.metrics.points import mixed_order

CLASSES = 10
MARGIN = 2  # pixels, of digits of 32×32
WANTED = "samples must be floats in [−1, 1], black to white, or uint8 in 0…255"
WAYS = {
    "bytes": "if they are bytes, give samples.astype(np.uint8)",
    "beyond": "if they go a little beyond, cut them off: np.clip(samples, -1, 1)",
    "black": "black is not −1 there: if it is 0, give 2 * np.clip(samples, 0, 1) - 1, and if it is −0.5, 2 * samples; "
    "if they are grey indeed, give bytes: np.rint(127.5 * samples + 127.5).astype(np.uint8)",
}


@dataclass(frozen=True)
class Kind:
    """What a judge looks at, and in how many numbers it sees an image."""

    channels: int
    size: int
    features: int  # a covariance of them has full rank with one image more
    on_black: bool  # and in a black margin, where images are larger


GREY = Kind(1, 28, 128, on_black=True)  # in ten classes
COLOUR = Kind(3, 32, 64, on_black=False)  # without classes


def kind_of(samples):
    """The kind that samples seem to be of."""
    return COLOUR if np.shape(samples)[1:] == (COLOUR.channels, COLOUR.size, COLOUR.size) else GREY


def as_floats(images):
    """Images of bytes as float32 in [−1, 1]; floats as they are, in float32."""
    return images.astype(np.float32) / 127.5 - 1 if images.dtype == np.uint8 else images.astype(np.float32, copy=False)


def in_range(images, name="images"):
    """Images of floats, black −1 and white 1; ValueError for others. As networks go beyond, twice as far is allowed."""
    if images.dtype.kind != "f" or not (np.abs(images) <= 2).all():  # NaN compares as false
        found = f"{images.dtype} {images.min()}…{images.max()}"
        raise ValueError(f"{name}: pixels must be finite floats, black −1 and white 1, not {found}")
    return images


def as_bytes(images):
    """Floats `in_range` as the bytes that a picture of them would have: below −1 they are black, above 1 white."""
    return np.rint(127.5 * np.clip(in_range(images), -1, 1) + 127.5).astype(np.uint8)


def as_images(samples, kind=GREY):
    """``samples`` as an array (N, C, H, H) of a kind, of bytes or of floats in [−1, 1].

    Grey images of 32×32 lose the margin of two pixels that `views.sized` has added to them. Digits that were enlarged
    to 32×32 instead have a black margin, too, and would be judged as if they were too large: give them as 28×28.

    Black is 0 in bytes and −1 in floats. To a network another black would be grey, so floats that do not seem to
    have this one are refused, and whoever means them gives them as bytes, which are never doubted.

    Raises
    ------
    ValueError
        For another shape, for numbers out of range or not finite, and for floats with another black (see
        `_black_is_black`).
    """
    images = plain(samples, "samples")
    sides = (kind.size, kind.size + 2 * MARGIN) if kind.on_black else (kind.size,)
    if images.ndim != 4 or images.shape[1:] not in [(kind.channels, side, side) for side in sides] or not len(images):
        shape, larger = (kind.channels, kind.size, kind.size), ", or 32×32 with a margin of 2" if kind.on_black else ""
        raise ValueError(f"samples must have shape (N, {str(shape)[1:]}, N at least 1{larger}, got {images.shape}")
    if images.dtype.kind not in "biuf":
        raise ValueError(f"{WANTED}, got {images.dtype} {images.shape}")
    low, high = images.min(), images.max()
    found = f"found {low:.4g}…{high:.4g} in {images.dtype} {images.shape}"
    if images.dtype == np.uint8:
        if high == 1:
            raise ValueError(f"{WANTED}, {found}: if 1 is white, give 255 * samples")
        return _without_margin(images, kind)
    if images.dtype.kind != "f":
        raise ValueError(f"{WANTED}, {found}; {WAYS['bytes']}")
    if not -1 - 1e-5 <= low <= high <= 1 + 1e-5:  # NaN compares as false; 1e-5 is rounding
        way = "bytes" if low >= 0 and 2 < high <= 255 else "black" if low > -0.25 else "beyond"
        raise ValueError(f"{WANTED}, {found}; {WAYS[way]}")
    if not _black_is_black(images, kind):
        raise ValueError(f"{WANTED}, {found}; {WAYS['black']}")
    return _without_margin(images, kind)


def _without_margin(images, kind):
    """28×28 pixels of 32×32: what `views.sized` has padded. ValueError if the margin is not nearly black."""
    if images.shape[-1] == kind.size:
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


def _black_is_black(images, kind):
    """Whether floats can have −1 for black.

    They cannot if nothing is darker than −1/4; nor if a quarter of all pixels share the shade of the ground, by 1/10,
    and it is less than 3/4 of the way from grey. Digits and clothes lie on black, so their darkest shade is it;
    emoji lie on white. The grey of a poor generator is wider.
    """
    as_on_black = images if kind.on_black else -images
    ground, quarter = as_on_black.min(), np.quantile(as_on_black, 0.25)
    return images.min() <= -0.25 and (ground <= -0.75 or quarter - ground > 0.1)


def enough(images, kind=GREY):
    """The images, if the covariance of their features can have full rank; else ValueError."""
    if len(images) <= kind.features:
        raise ValueError(
            f"{len(images)} samples {images.shape} are too few for a Fréchet distance in {kind.features} dimensions: "
            f"take {kind.features + 1} at least, better 5,000"
        )
    return images


def flat(images):
    """Images (N, …), or features (N, d), as rows (N, d)."""
    images = plain(images, "images")
    return images.reshape(len(images), -1) if images.ndim > 2 else images


def admitted(samples, kind):
    """The one entrance for samples: float32 (N, C, H, H) in their `mixed_order`, and that order, int64 (N,).

    Raises
    ------
    ValueError
        As `Judge.score`: before a network is trained for them.
    """
    return mixed(enough(as_images(samples, kind), kind))


def mixed(images):
    """Images as floats in their `mixed_order`, and that order."""
    images = as_floats(images)
    order = mixed_order(images)
    return images[order], order


# What they are compared with -----------------------------------------------------------------------------------------


def training_and_test(data, rng, classes=False):
    """The kind of a judge's images, and its two `Dataset`s; with a note for the report, or none.

    The test images come in random order, as MNIST's first half is the easier. Where there is no test set, a fifth of
    the training images is held out for it.

    Raises
    ------
    DataError
        If there are none, or a network cannot learn them: of other classes than ten, or too few; with ``classes``,
        also if there are none.
    """
    found, notes = find(data), ()
    kind = GREY if classes or found.labels is not None else COLOUR
    train = _seen(found, kind)
    try:
        test = _seen(find(data, "test"), kind)
    except NoTestSetError:
        kept = len(train.images) - len(train.images) // 5
        notes = (f"without {train.name}'s test set, {len(train.images) - kept} training images were held out for it",)
        mixed = _taken(train, rng.permutation(len(train.images)))
        train, test = _taken(mixed, slice(kept)), _taken(mixed, slice(kept, None))
    else:
        test = _taken(test, rng.permutation(len(test.images)))
    for dataset, what in ((train, "training"), (test, "test")):
        _judged(dataset, what, kind)
    return kind, train, test, notes


def pools(kind, train, test, rng):
    """Two sets of real images without an image in both: those that samples are compared with, and the real anchor's.

    They are the test images and the training images. But without classes there are few: the moments of 201 held-out
    emoji are as far from those of the others as a tenth of the way to noise. So the halves of all images, the held-out
    ones among them, take their places. Who copies training images is then a little better than real; the distances
    to the nearest training images, of samples and of test images, tell.
    """
    if kind is GREY:
        return test.images, train.images
    images = np.concatenate([train.images, test.images])
    return np.array_split(images[rng.permutation(len(images))], 2)


def _judged(dataset, what, kind):
    """Raise DataError unless there are enough images."""
    if len(dataset.images) <= kind.features:
        raise DataError(
            f"{dataset.source}: {len(dataset.images)} {what} images are too few for the judge: "
            f"{kind.features + 1} at least"
        )


def _seen(dataset, kind):
    """A data set as the judge sees it: grey images of 28×28 pixels in ten classes, or 32×32 in colour without."""
    if kind is COLOUR:
        return Dataset(dataset.name, dataset.sized(kind.size, kind.channels), None, dataset.source)
    try:
        images, labels = views.labelled(dataset, kind.size, kind.channels, CLASSES)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}; the judge knows ten classes, so it cannot judge these") from error
    return Dataset(dataset.name, images, labels, dataset.source)


def _taken(dataset, index):
    labels = None if dataset.labels is None else dataset.labels[index]
    return Dataset(dataset.name, dataset.images[index], labels, dataset.source)
