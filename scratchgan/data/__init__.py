"""Images to train on: reading, checking and fetching the data sets, and drawing shuffled minibatches.

    dataset = load("mnist")
    batches = Batches(dataset.images, batch_size=64, rng=np.random.default_rng(0))
    real = next(batches)  # float32 (64, 1, 28, 28) in [-1, 1]

Every complaint about data files is a `DataError`.
"""

from scratchgan.data.batches import Batches
from scratchgan.data.mnist import DataError, Dataset, load

__all__ = ["Batches", "DataError", "Dataset", "load"]
