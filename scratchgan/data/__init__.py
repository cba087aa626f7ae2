"""Data to train on: images that are read, checked and fetched, and drawn as shuffled minibatches; and toys.

    dataset = load("mnist")
    batches = Batches(dataset.images, batch_size=64, rng=np.random.default_rng(0))
    (real,) = next(batches)  # float32 (64, 1, 28, 28) in [-1, 1]

    real = toy.eight_gaussians().sample(256, np.random.default_rng(0))  # float32 (256, 2)

Every complaint about data files is a `DataError`.
"""

from scratchgan.data import toy, views
from scratchgan.data.batches import Batches, Streams
from scratchgan.data.checks import DataError
from scratchgan.data.find import find
from scratchgan.data.mnist import Dataset, load

__all__ = ["Batches", "DataError", "Dataset", "Streams", "find", "load", "toy", "views"]
