"""What is seen of images where there is a classifier of them, and where there is none."""

import numpy as np

from scratchgan.data import find
from scratchgan.data.mnist import SETS
from scratchgan.lab import latent
from scratchgan.lab.styles import digits, features64, within
from scratchgan.metrics import Judge
from scratchgan.metrics.fidelity import precision_recall
from scratchgan.metrics.images import as_floats
from scratchgan.metrics.learning import look


def eyes_for(data: str) -> "type[Seen]":
    """The class `Digits` for data in classes, and `Pictures` for others; nothing is read where the name says it."""
    return Digits if data in SETS or find(data).labels is not None else Pictures


class Seen:
    """The attributes of images, and what a classifier makes of them.

    A subclass says ``attributes``, {name: measure}, whether they are ``classified``, ``channels`` C, `features` and
    `probabilities`, and its ``real`` images, float32 (N, C, H, W) in [−1, 1].
    """

    def values(self, images: np.ndarray) -> np.ndarray:
        """The attributes of images (N, C, H, W): (N, k)."""
        return np.stack([measure(images) for measure in self.attributes.values()], 1)

    def classes(self, images: np.ndarray) -> np.ndarray:
        """The likeliest class of each image: integers (N,)."""
        return self.probabilities(images).argmax(1)

    def deviations(self, images: np.ndarray) -> np.ndarray:
        """Of each attribute in a class: (k,)."""
        return within(self.values(images), self.classes(images)).std(0)


class Digits(Seen):
    """Digits, or clothes, in grey: their strokes, and what the judge's classifier makes of them."""

    attributes, classified, channels = latent.ATTRIBUTES, True, 1

    def __init__(self, data: str, count: int):
        judge = Judge(data)
        self.network, self.real = judge.network, as_floats(judge.real(count))
        self.features = features64(self.network)

    def values(self, images: np.ndarray) -> np.ndarray:
        """Without a margin."""
        return super().values(digits(images))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 1, 32, 32) or 28×28 -> (N, 10)."""
        return look(self.network, digits(images))[1]

    def among_real(self) -> dict[str, float]:
        """Precision and recall of half of the real images among the other half."""
        features = self.features(self.real)
        return dict(zip(("precision", "recall"), precision_recall(features[::2], features[1::2])))


class Pictures(Seen):
    """Pictures in colour, all of one class, of which nothing doubts; their features are the pixels."""

    attributes, classified, channels = latent.COLOURS, False, 3

    def __init__(self, data: str, count: int):
        self.real = as_floats(find(data).sized(32, self.channels)[:count])

    def features(self, images: np.ndarray) -> np.ndarray:
        """(N, 3, 32, 32) -> (N, 3072), in float64."""
        return np.asarray(images, np.float64).reshape(len(images), -1)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 1), all 1."""
        return np.ones((len(images), 1))

    def among_real(self) -> dict[str, float]:
        """Nothing: which pixels are near to which says little."""
        return {}
