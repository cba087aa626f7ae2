"""The images that are judged, of a shape and a range that are never guessed, and those they are compared with."""

import numpy as np

from scratchgan.data import Dataset, load
from scratchgan.data.mnist import SHA256, NoMirrorError


def as_floats(images):
    """Images of bytes as float32 in [−1, 1]; floats as they are, in float32."""
    return images.astype(np.float32) / 127.5 - 1 if images.dtype == np.uint8 else images.astype(np.float32, copy=False)


def as_images(samples, channels=1):
    """``samples`` as an array (N, C, 28, 28), of bytes or of floats in [−1, 1].

    Raises
    ------
    ValueError
        For another shape, for numbers out of range or not finite, and for floats of which none is below 0: these are
        in [0, 1], and to the classifier black would be grey.
    """
    images = np.asarray(samples)
    if images.ndim != 4 or images.shape[1:] != (channels, 28, 28) or not len(images):
        raise ValueError(f"samples must have shape (N, {channels}, 28, 28), N at least 1, got {images.shape}")
    if images.dtype == np.uint8:
        return images
    wanted = "samples must be floats in [−1, 1], black to white, or uint8 in 0…255"
    if images.dtype.kind != "f":
        raise ValueError(f"{wanted}, got {images.dtype} in {images.min()}…{images.max()}")
    low, high = images.min(), images.max()
    if not (-1 - 1e-5 <= low < 0 and high <= 1 + 1e-5):  # NaN compares as false
        hint = "; if they are in [0, 1], give 2 * samples - 1" if 0 <= low <= high <= 1 else ""
        raise ValueError(f"{wanted}, found {low:.4g}…{high:.4g} in {images.dtype} {images.shape}{hint}")
    return images


def enough(images, dimension):
    """The images, if the covariance of their features, (N, dimension), can have full rank; else ValueError."""
    if len(images) <= dimension:
        raise ValueError(
            f"{len(images)} samples {images.shape} are too few for a Fréchet distance in {dimension} dimensions: "
            f"take {dimension + 1} at least, better 5,000"
        )
    return images


def flat(images):
    """Images (N, …), or features (N, d), as rows (N, d)."""
    images = np.asarray(images)
    return images.reshape(len(images), -1) if images.ndim > 2 else images


def training_and_test(data, rng):
    """The two `Dataset`s, the second in random order, as MNIST's first half is the easier; and notes for the report."""
    options = {"name": data} if data in SHA256 else {"directory": data}
    train, notes = load(**options), ()
    try:
        test = load(**options, split="test")
    except NoMirrorError:
        kept = len(train.images) - len(train.images) // 5
        notes = (f"without {train.name}'s test set, {len(train.images) - kept} training images were held out for it",)
        mixed = _taken(train, rng.permutation(len(train.images)))
        return _taken(mixed, slice(kept)), _taken(mixed, slice(kept, None)), notes
    return train, _taken(test, rng.permutation(len(test.images))), notes


def _taken(dataset, index):
    return Dataset(dataset.name, dataset.images[index], dataset.labels[index], dataset.source)
