"""An endless stream of shuffled minibatches."""

from collections.abc import Iterator, Mapping

import numpy as np

from scratchgan.data.checks import DataError, as_labels, as_pixels, as_rows, plain, whole
from scratchgan.hints import Arrays, Random


class Batches:
    """Minibatches, shuffled anew in each epoch, without end: bytes are pixels and scaled to [low, 1], integers labels.

    An epoch's last, incomplete batch is dropped, so that every batch has the same size: batch statistics
    and per-step losses then mean the same at each step. Each shuffle leaves out other images.

    Parameters
    ----------
    arrays : ndarray of uint8, shape (N, ...), or tuple of ndarray
        Images, with whatever belongs to each of them: their labels (integers of shape (N,)), rows of numbers such as
        the words of captions (integers of shape (N, L), but not bytes), or other images. Floats are refused: they
        would have to be scaled by a guess. Images stay bytes; only the batch in hand becomes floats.
    batch_size : int
        Images in a batch, from 1 to N.
    rng : numpy.random.Generator
        Draws the shuffles, the first one with the first batch. Its own state is not part of `state_dict`.
    low : float
        What a pixel of 0 becomes: -1 for a generator that ends in tanh, 0 for one that ends in a sigmoid.
    part : tuple of int
        (r, n): of each batch the r-th of n equal parts, for n processes that train together. All shuffle alike.

    Raises
    ------
    DataError
        If the images are not bytes, `batch_size` is below 1, above N or no multiple of n, `low` is not below 1, or
        labels and rows are not N, or not of integers from 0.
    """

    def __init__(
        self,
        arrays: np.ndarray | Arrays,
        batch_size: int,
        rng: Random,
        low: float = -1.0,
        part: tuple[int, int] = (0, 1),
    ):
        images, *others = arrays if isinstance(arrays, tuple) else (arrays,)
        self.arrays = as_pixels(images), *(_beside(other, len(images)) for other in others)
        self.count, self.batch_size = len(images), whole(batch_size, "batch_size")
        self.rng, self.low = rng, float(low)
        if self.batch_size > self.count:
            raise DataError(f"{self.count} images do not fill a batch of {batch_size}: that many are needed at least")
        rows, rest = divmod(self.batch_size, part[1])
        if rest:
            raise DataError(
                f"a batch of {batch_size} does not fall into {part[1]} equal parts, one for each process: start as "
                "many as divide it"
            )
        self.part = slice(part[0] * rows, (part[0] + 1) * rows)
        if not -np.inf < self.low < 1:
            raise DataError(f"low={low} must be below 1, which a pixel of 255 becomes")
        # Positioned at an epoch's end: making the object draws nothing, so a restored rng stays as it is.
        self.order, self.position = np.arange(self.count, dtype=np.int64), self.count

    def __iter__(self) -> Iterator[Arrays]:
        return self

    def __next__(self) -> Arrays:
        """Return the next batch, or its part: a tuple, images as float32 (rows, ...) in [low, 1], both ends exact."""
        if self.position + self.batch_size > self.count:
            self.order, self.position = self.rng.permutation(self.count), 0
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return self._batch(chosen[self.part])

    def examples(self, count: int) -> Arrays:
        """Return `count` images, or all if there are fewer, and what belongs to them; the stream stays where it is.

        Always the same ones, drawn at random: the data may be sorted by classes.
        """
        return self._batch(np.random.default_rng(0).permutation(self.count)[:count])

    def _batch(self, chosen):
        return tuple(self._scaled(a[chosen]) if a.dtype == np.uint8 else a[chosen] for a in self.arrays)

    def _scaled(self, pixels):
        return pixels.astype(np.float32) / (255 / (1 - self.low)) + self.low

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the place in the stream: int64 arrays "order", shape (N,), and "position", shape ()."""
        return {"order": self.order, "position": np.array(self.position, dtype=np.int64)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a place that `state_dict` gave; DataError if it is none, or of another number of images."""
        self.order, self.position = self.checked(state)

    def checked(self, state: Mapping[str, np.ndarray]) -> tuple[np.ndarray, int]:
        """The order and the position in a state, if it can be one of this stream; else DataError."""
        order, position, n = np.asarray(state["order"]), np.asarray(state["position"]), self.count
        if order.shape != (n,):
            raise DataError(f"the saved order is of {order.size} images, the data has {n}")
        if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(n)):
            raise DataError(f"the saved order does not name each of the {n} images once")
        if position.shape or position.dtype.kind not in "iu" or not 0 <= position <= n:
            raise DataError(f"the saved position must be a whole number from 0 to {n}, not {position}")
        return order.astype(np.int64), int(position)


def _beside(array, count):
    """What belongs to `count` images: labels, rows of numbers, or as many images."""
    if np.ndim(array) < 2:
        return as_labels(array, count)
    if np.ndim(array) == 2 and plain(array).dtype.kind in "iu" and plain(array).dtype != np.uint8:
        return as_rows(array, count)
    if len(array) != count:
        raise DataError(f"{count} images cannot have {len(array)} others beside them")
    return as_pixels(array)


class Streams:
    """Several domains without pairs: each batch takes some of each, and each domain is shuffled for itself.

    Parameters
    ----------
    domains : tuple of ndarray of uint8, shape (N, ...)
    batch_size, rng, low, part
        See `Batches`.
    """

    def __init__(
        self, domains: Arrays, batch_size: int, rng: Random, low: float = -1.0, part: tuple[int, int] = (0, 1)
    ):
        self.streams = [Batches(domain, batch_size, rng, low, part) for domain in domains]

    def __iter__(self) -> Iterator[Arrays]:
        return self

    def __next__(self) -> Arrays:
        """Return the next batch of each domain, a tuple."""
        return tuple(array for stream in self.streams for array in next(stream))

    def examples(self, count: int) -> Arrays:
        """Return `count` images of each domain; the streams stay where they are."""
        return tuple(array for stream in self.streams for array in stream.examples(count))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the place in each stream: {"0.order": ..., "0.position": ..., "1.order": ..., ...}."""
        states = [stream.state_dict() for stream in self.streams]
        return {f"{i}.{name}": array for i, state in enumerate(states) for name, array in state.items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a place that `state_dict` gave; where one stream cannot, none does."""
        states = [{name: state[f"{i}.{name}"] for name in stream.state_dict()} for i, stream in enumerate(self.streams)]
        for stream, place in [(stream, stream.checked(each)) for stream, each in zip(self.streams, states)]:
            stream.order, stream.position = place
