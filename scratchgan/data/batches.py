"""An endless stream of shuffled minibatches."""

import numpy as np

from scratchgan.data.checks import DataError, as_labels, as_pixels, whole


def fitted(images, size, channels=1):
    """Square grey images as larger ones: a margin of zeros up to a power of two, pixels repeated, channels repeated.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, 1, H, H)
    size : int
        H, or a power of two not below it: 28 -> 32 adds a margin of 2, 28 -> 64 shows each pixel of that as 2×2.
    channels : int

    Returns
    -------
    ndarray of uint8, shape (N, channels, size, size)

    Raises
    ------
    DataError
        When the images do not fit, or are not bytes: what black is in floats would be a guess.
    """
    images, channels = as_pixels(images), whole(channels, "channels")
    side, size = images.shape[-1], whole(size, "size")
    padded = side if size == side else 1 << (side - 1).bit_length()
    if images.shape[1:] != (1, side, side) or size % padded or (size // padded).bit_count() != 1:
        raise DataError(f"images of shape {images.shape[1:]} cannot be made ({channels}, {size}, {size})")
    before, after = (padded - side) // 2, (padded - side + 1) // 2
    images = np.pad(images, ((0, 0), (0, 0), (before, after), (before, after)))
    return images.repeat(size // padded, 2).repeat(size // padded, 3).repeat(channels, 1)


class Batches:
    """Minibatches of images scaled to [low, 1], shuffled anew in each epoch, without end.

    An epoch's last, incomplete batch is dropped, so that every batch has the same size: batch statistics
    and per-step losses then mean the same at each step. Each shuffle leaves out other images.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, ...)
        Pixels in 0..255, and nothing else: floats would have to be scaled by a guess. They stay bytes; only the batch
        in hand is turned into floats.
    batch_size : int
        Images in a batch, from 1 to N.
    rng : numpy.random.Generator
        Draws the shuffles, the first one with the first batch. Its own state is not part of `state_dict`.
    low : float
        What a pixel of 0 becomes: -1 for a generator that ends in tanh, 0 for one that ends in a sigmoid.
    labels : ndarray of int, shape (N,), optional
        With labels, each batch is a pair (images, labels).

    Raises
    ------
    DataError
        If the images are not bytes, `batch_size` is below 1 or above N, `low` is not below 1, or the labels are not
        N integers from 0.
    """

    def __init__(self, images, batch_size, rng, low=-1.0, labels=None):
        self.images, self.batch_size = as_pixels(images), whole(batch_size, "batch_size")
        self.rng, self.low = rng, float(low)
        self.labels = None if labels is None else as_labels(labels, len(images))
        if self.batch_size > len(images):
            raise DataError(f"{len(images)} images do not fill a batch of {batch_size}: take fewer at a time")
        if not -np.inf < self.low < 1:
            raise DataError(f"low={low} must be below 1, which a pixel of 255 becomes")
        # Positioned at an epoch's end: making the object draws nothing, so a restored rng stays as it is.
        self.order, self.position = np.arange(len(images), dtype=np.int64), len(images)

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next batch: float32 (batch_size, ...) in [low, 1], with both ends exact, and any labels."""
        if self.position + self.batch_size > len(self.order):
            self.order, self.position = self.rng.permutation(len(self.order)), 0
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        images = self.images[chosen].astype(np.float32) / (255 / (1 - self.low)) + self.low
        return images if self.labels is None else (images, self.labels[chosen])

    def state_dict(self):
        """Return the place in the stream: int64 arrays "order", shape (N,), and "position", shape ()."""
        return {"order": self.order, "position": np.array(self.position, dtype=np.int64)}

    def load_state_dict(self, state):
        """Go on from a place that `state_dict` gave.

        Raises
        ------
        DataError
            If it belongs to another number of images, or is none that `state_dict` can give.
        """
        order, position, count = np.array(state["order"]), np.array(state["position"]), len(self.images)
        if order.shape != (count,):
            raise DataError(f"the saved order is of {order.size} images, the data has {count}")
        if order.dtype.kind != "i" or not np.array_equal(np.sort(order), np.arange(count)):
            raise DataError(f"the saved order is no permutation of {count} images")
        if position.dtype.kind != "i" or position.shape or not 0 <= position <= count:
            raise DataError(f"the saved position, {position}, is none from 0 to {count}")
        self.order, self.position = order.astype(np.int64), int(position)
