"""An endless stream of shuffled minibatches."""

import numpy as np


class Batches:
    """Minibatches of images scaled to [low, 1], shuffled anew in each epoch, without end.

    An epoch's last, incomplete batch is dropped, so that every batch has the same size: batch statistics
    and per-step losses then mean the same at each step. Each shuffle leaves out other images.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, ...)
        Pixels in 0..255. They stay bytes; only the batch in hand is turned into floats.
    batch_size : int
        Images in a batch, from 1 to N.
    rng : numpy.random.Generator
        Draws the shuffles, the first one with the first batch. Its own state is not part of `state_dict`.
    low : float
        What a pixel of 0 becomes: -1 for a generator that ends in tanh, 0 for one that ends in a sigmoid.

    Raises
    ------
    ValueError
        If `batch_size` is below 1 or above N.
    """

    def __init__(self, images, batch_size, rng, low=-1.0):
        if not 1 <= batch_size <= len(images):
            raise ValueError(f"batch_size must be from 1 to the {len(images)} images, not {batch_size}")
        self.images, self.batch_size, self.rng, self.low = images, batch_size, rng, low
        # Positioned at an epoch's end: making the object draws nothing, so a restored rng stays as it is.
        self.order, self.position = np.arange(len(images), dtype=np.int64), len(images)

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next batch: float32 (batch_size, ...) in [low, 1], with both ends exact."""
        if self.position + self.batch_size > len(self.order):
            self.order, self.position = self.rng.permutation(len(self.order)), 0
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return self.images[chosen].astype(np.float32) / (255 / (1 - self.low)) + self.low

    def state_dict(self):
        """Return the place in the stream: int64 arrays "order", shape (N,), and "position", shape ()."""
        return {"order": self.order, "position": np.array(self.position, dtype=np.int64)}

    def load_state_dict(self, state):
        """Go on from a place that `state_dict` gave; ValueError if it belongs to another number of images."""
        order = np.array(state["order"], dtype=np.int64)
        if order.shape != (len(self.images),):
            raise ValueError(f"the saved order is of {order.size} images, the data has {len(self.images)}")
        self.order, self.position = order, int(state["position"])
