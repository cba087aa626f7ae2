"""The judge: how good and how varied generated images are, beside what is perfect and what is poor.

    judge = Judge("mnist")
    judge.S(samples)  # cheap: one number
    print(judge.report(samples))  # everything

A Fréchet distance alone means little: it depends on the features, on the data and on the number of samples N. So it is
placed between two anchors, measured with the same N against the same real images:

    S = (FID − floor) / (baseline − floor),

where the floor is the distance of N other real images, and the baseline that of N draws from the Gaussian with the
mean and covariance of the training pixels. 0 is as good as real, 1 as poor as clouds that know nothing of shapes.

Digits and clothes, which have classes, are seen by a `classifier`, and compared with test images. Emoji, and other
pictures without classes, are seen in colour by a network that has learnt to tell them apart (`exemplars`), and compared
with half of all real images: see `images.pools`.
"""

import time
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from scratchgan.data.checks import as_labels, whole
from scratchgan.metrics import diversity, fidelity
from scratchgan.metrics.classifier import trained_classifier
from scratchgan.metrics.diversity import StackedModes
from scratchgan.metrics.exemplars import trained_exemplars
from scratchgan.metrics.images import CLASSES, GREY, admitted, as_floats, as_images, mixed, pools, training_and_test
from scratchgan.metrics.learning import look
from scratchgan.metrics.modes import kl_to_uniform, reverse_kl_floor
from scratchgan.metrics.report import Measures, Report, Score
from scratchgan.threads import on_one_thread

FEW = 1000  # samples, below which the bias of the Fréchet distance is larger than most differences
LOOKED_UP = 1000  # samples whose nearest training image is sought, each among 60,000 in 784 dimensions


class Judge:
    """Measures generated images on the features of a network, which is trained on first use, once samples are there
    that it can look at.

    The order of the samples does not matter: they are brought into one of their own, by `points.mixed_order`, so that
    whatever looks at a part of them (the score's tenths, the thousand whose neighbours are sought) sees all kinds.

    Parameters
    ----------
    data : str or path-like
        In ten classes: "mnist", "fashion-mnist", a folder with the four IDX files of images of 28×28 pixels, or a
        folder with ten folders of pictures, which are seen in grey and reduced to 28×28 pixels. Without classes:
        "emoji", "tiles", or a folder of pictures, which are seen in colour with 32×32 pixels.
    seed : int
        Of the network, the anchors and all random choices: the same samples have the same report.
    classes : bool
        Whether data without classes are refused, for `classify` and what builds on it.

    Raises
    ------
    DataError
        If there are no such data: missing, too few, or of other classes than ten. Where there is no test
        set, a fifth of the training images is held out for it.
    """

    def __init__(self, data: str = "mnist", seed: int = 0, classes: bool = False):
        self.seed = seed
        self.kind, self.train, self.test, self.notes = training_and_test(data, self._rng(), classes)
        self._reference, self._others = pools(self.kind, self.train, self.test, self._rng())
        self._anchors = {}

    @cached_property
    def network(self):
        """The classifier, or the network that tells images apart where there are no classes."""
        return (trained_classifier if self.kind is GREY else trained_exemplars)(self.train, self.seed)

    # What the network sees -------------------------------------------------------------------------------------------

    def features(self, images: np.ndarray) -> np.ndarray:
        """(N, 1, 28, 28) -> float32 (N, 128); without classes (N, 3, 32, 32) -> (N, 64)."""
        images = as_images(images, self.kind)
        return look(self.network, images)[0]

    def classify(self, images: np.ndarray) -> np.ndarray:
        """The probabilities of the ten classes: (N, 1, 28, 28) -> float32 (N, 10), or ValueError without."""
        images = as_images(images, self.kind)
        if self.kind is not GREY:
            raise ValueError(f"{self.train.source} has no classes, so nothing can be classified")
        return look(self.network, images)[1]

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of images that the classifier takes for what they were meant to be: ``labels``, (N,) integers."""
        images = as_images(images, self.kind)
        labels = as_labels(labels, len(images), CLASSES)
        return float((self.classify(images).argmax(axis=1) == labels).mean())

    def stacked_modes(self, images: np.ndarray) -> StackedModes:
        """`diversity.stacked_modes` of images (N, 3, 28, 28), a digit in each channel."""
        digits = as_images(images, replace(GREY, channels=3)).reshape(-1, 1, 28, 28)
        return diversity.stacked_modes(self.classify(digits).reshape(-1, 3, 10))

    # The anchors -----------------------------------------------------------------------------------------------------

    def real(self, count: int) -> np.ndarray:
        """Real images that samples are not compared with, ``count`` or all there are, in a fixed random order: uint8.

        They are training images; without classes, from the other half of all images.
        """
        count = whole(count, "count")
        return self._others[self._rng().permutation(len(self._others))[:count]]

    def gaussian(self, count: int) -> np.ndarray:
        """Draws from N(μ, C), the moments those of the training pixels, not cut off at black and white: float32."""
        mean, deviations, directions = self._pixels
        normal = self._rng().standard_normal((whole(count, "count"), len(directions)))
        draws = normal * deviations @ directions + mean
        return draws.astype(np.float32).reshape(-1, *self.train.images.shape[1:])

    def anchors(self, count: int) -> tuple[float, float]:
        """The Fréchet distances of `real` and `gaussian` images to the reference; computed once for each count."""
        if count not in self._anchors:
            images = self.real(count), self.gaussian(count)
            floor, baseline = (self._fid(look(self.network, mixed(x)[0])[0]) for x in images)
            if not floor < baseline:
                raise ValueError(
                    f"the network sees no difference between the images of {self.train.source} and Gaussian noise "
                    f"(Fréchet distances {floor:.4g} and {baseline:.4g}), so nothing can be judged by them"
                )
            self._anchors[count] = floor, baseline
        return self._anchors[count]

    # The verdicts ----------------------------------------------------------------------------------------------------

    def S(self, samples: np.ndarray) -> float:
        """0 for images as good as real, 1 for a Gaussian: a float, as `score` has it."""
        return self.score(samples).S

    def score(self, samples: ArrayLike) -> Score:
        """The Fréchet distance between its anchors, and the classes: below a second for 5,000 samples, after the first.

        Parameters
        ----------
        samples : array_like, (N, 1, 28, 28), or (N, 3, 32, 32) without classes
            Floats in [−1, 1] or bytes; more of them than features, of which there are 128, or 64 without classes.

        Returns
        -------
        Score

        Raises
        ------
        ValueError
            For another shape or range, and for too few samples.
        """
        images, _ = admitted(samples, self.kind)
        return self._score(*look(self.network, images))

    def report(self, samples: np.ndarray) -> Report:
        """All there is to say about samples, as `score` takes them.

        Returns
        -------
        Report
        """
        began = time.perf_counter()
        images, order = admitted(samples, self.kind)
        seen, real, gaussian = look(self.network, images), self.real(len(images)), self.gaussian(len(images))
        gaussian_seen = look(self.network, gaussian)
        copies = self._copies(images, seen[0])
        of_noise = self._copies(gaussian, gaussian_seen[0])
        return Report(
            score=self._score(*seen),
            samples=self._measures(images, *seen, *copies),
            real=self._measures(real, *look(self.network, real)),
            gaussian=self._measures(gaussian, *gaussian_seen, *of_noise),
            in_pixels=copies[0],
            in_features=copies[1],
            looked_up=order[:LOOKED_UP],
            count=len(images),
            test_count=len(self._reference),
            data=self.train.name,
            source=self.train.source,
            accuracy=self._accuracy,
            seconds=time.perf_counter() - began,
            notes=(*self.notes, *self._remarks(len(images))),
        )

    def _score(self, features, probabilities):
        fid, (floor, baseline) = self._fid(features), self.anchors(len(features))
        found = {} if probabilities is None else _classes(probabilities)
        if found:
            found |= {"class_kl_floor": reverse_kl_floor(len(features), len(found["histogram"]))}
        return Score(fid, floor, baseline, S=(fid - floor) / (baseline - floor), **found)

    def _fid(self, features):
        return fidelity.frechet_distance_of_moments(*fidelity.moments(features), *self._reference_moments)

    def _measures(self, images, features, probabilities, in_pixels=None, in_features=None):
        """Against as many reference images as there are samples, or all if there are fewer.

        Without neighbours, the images are real, and as far from the training images as test images are, which is 1.
        """
        reference = self._reference_seen[0]
        as_many = reference[: len(images)], features[: len(reference)]
        scale = np.sqrt(np.mean(reference**2))  # for a cubic kernel, features should be about 1
        return Measures(
            *fidelity.kernel_distance(reference / scale, features / scale, self._rng()),
            *fidelity.precision_recall(*as_many),
            *fidelity.density_coverage(*as_many),
            in_pixels.ratio if in_pixels else 1.0,
            in_features.ratio if in_features else 1.0,
            **({} if probabilities is None else self._measures_of_classes(as_floats(images), probabilities)),
        )

    def _measures_of_classes(self, images, p):
        count, labels = len(images), p.argmax(axis=1)
        real, real_labels = as_floats(self._reference[:count]), self._reference_seen[1][:count].argmax(axis=1)
        score, deviation = fidelity.classifier_score(p)
        classes = _classes(p)
        return {
            "score": score,
            "score_std": deviation,
            "sure": fidelity.sure_share(p),
            "spread": diversity.intra_class_spread(images, labels, real, real_labels),
            "ssim": diversity.ssim_within_classes(np.clip(images, -1, 1), labels, self._rng()),  # noise goes beyond
            "classes": classes["classes"],
            "class_kl": classes["class_kl"],
        }

    def _copies(self, images, features):
        """The nearest training images of the first samples: in pixels, and in features."""
        return tuple(
            diversity.nearest_training(samples[:LOOKED_UP], test[:LOOKED_UP], train)
            for samples, test, train in (
                (as_floats(images), as_floats(self.test.images), as_floats(self.train.images)),
                (features, self._test_features, self._train_features),
            )
        )

    def _remarks(self, count):
        if count < FEW:
            yield f"{count} samples are few: below {FEW}, the Fréchet distance is mostly bias; trust S and the KID"
        if count > len(self._others):
            what = "training images" if self.kind is GREY else "of one half"
            yield f"the real ones are all {len(self._others)} {what}, fewer than the {count} samples"

    def _rng(self):
        return np.random.default_rng(self.seed)

    @cached_property
    def _accuracy(self):
        """Of the classifier, on the test images, which are its reference."""
        p = self._reference_seen[1]
        return None if p is None else float((p.argmax(axis=1) == self.test.labels).mean())

    @cached_property
    def _reference_seen(self):
        return look(self.network, self._reference)

    @cached_property
    def _reference_moments(self):
        return fidelity.moments(self._reference_seen[0])

    @cached_property
    def _test_features(self):
        return look(self.network, self.test.images[:LOOKED_UP])[0]

    @cached_property
    def _train_features(self):
        return look(self.network, self.train.images)[0]

    @cached_property
    def _pixels(self):
        """Mean μ of the training pixels, deviations σᵢ and directions vᵢ: their covariance is Σᵢ σᵢ² vᵢ vᵢᵀ.

        That is by eigenvectors; or, of fewer images xᵢ than pixels, by vᵢ = xᵢ − μ itself.
        """
        x = as_floats(self.train.images).reshape(len(self.train.images), -1)
        if len(x) < x.shape[1]:
            mean = x.mean(axis=0, dtype=np.float64)
            return mean, 1 / np.sqrt(len(x) - 1), x - mean
        mean, covariance = fidelity.moments(x)
        values, vectors = on_one_thread(np.linalg.eigh)(covariance)
        return mean, np.sqrt(np.maximum(values, 0)), vectors.T


def _classes(probabilities):
    """How many images of each class there are, and what follows from it."""
    histogram = diversity.class_histogram(probabilities.argmax(axis=1), probabilities.shape[1])
    return {
        "histogram": tuple(histogram.tolist()),
        "class_kl": kl_to_uniform(histogram),
        "classes": diversity.classes_present(histogram),
    }
