"""What a batch holds: pure functions from a data set to arrays, each with one entry for each image."""

from scratchgan.data.batches import fitted


def images(dataset, size=28, channels=1):
    """The images, of another size and number of channels where that is asked for: (N, channels, size, size)."""
    return (fitted(dataset.images, size, channels),)


def labelled(dataset, size=28, channels=1):
    """`images`, and their labels: integers (N,)."""
    return *images(dataset, size, channels), dataset.labels
