"""The judge: how good and how varied generated digits or clothes are, beside what is perfect and what is poor.

    judge = Judge("mnist")
    judge.S(samples)  # cheap: one number
    print(judge.report(samples))  # everything

A Fréchet distance alone means little: it depends on the features, on the data and on the number of samples N. So it is
placed between two anchors, measured with the same N against the same test images:

    S = (FID − floor) / (baseline − floor),

where the floor is the distance of N real training images, and the baseline that of N draws from the Gaussian with the
mean and covariance of the training pixels. 0 is as good as real, 1 as poor as clouds that know nothing of shapes.
"""

import time
from functools import cached_property

import numpy as np

from scratchgan.data.checks import as_labels, whole
from scratchgan.metrics import diversity, fidelity
from scratchgan.metrics.classifier import look, trained_classifier
from scratchgan.metrics.images import CLASSES, as_floats, as_images, enough, flat, training_and_test
from scratchgan.metrics.modes import kl_to_uniform, reverse_kl_floor
from scratchgan.metrics.points import mixed_order
from scratchgan.metrics.report import Measures, Report, Score

FEW = 1000  # samples, below which the bias of the Fréchet distance is larger than most differences
LOOKED_UP = 1000  # samples whose nearest training image is sought, each among 60,000 in 784 dimensions


class Judge:
    """Measures generated images on the features of a classifier, which is trained on first use, once samples are there
    that it can look at.

    The order of the samples does not matter: they are brought into one of their own, by `points.mixed_order`, so that
    whatever looks at a part of them (the score's tenths, the thousand whose neighbours are sought) sees all kinds.

    Parameters
    ----------
    data : str or path-like
        "mnist", "fashion-mnist", a folder with the four IDX files of images of 28×28 pixels in ten classes, or a
        folder with ten folders of pictures, which are seen in grey and reduced to 28×28 pixels.
    seed : int
        Of the classifier, the anchors and all random choices: the same samples have the same report.

    Raises
    ------
    DataError
        If there are no such data: missing, too few, or of other classes than ten. Where there is no test
        set, a fifth of the training images is held out for it.
    """

    def __init__(self, data="mnist", seed=0):
        self.seed = seed
        self.train, self.test, self.notes = training_and_test(data, self._rng())
        self._anchors = {}

    @cached_property
    def network(self):
        """The classifier."""
        return trained_classifier(self.train, self.seed)

    # What the classifier sees ----------------------------------------------------------------------------------------

    def features(self, images):
        """(N, 1, 28, 28) -> float32 (N, 128)."""
        images = as_images(images)
        return look(self.network, images)[0]

    def classify(self, images):
        """The probabilities of the ten classes: (N, 1, 28, 28) -> float32 (N, 10)."""
        images = as_images(images)
        return look(self.network, images)[1]

    def accuracy(self, images, labels):
        """The share of images that the classifier takes for what they were meant to be: ``labels``, (N,) integers."""
        images = as_images(images)
        labels = as_labels(labels, len(images), CLASSES)
        return float((self.classify(images).argmax(axis=1) == labels).mean())

    def stacked_modes(self, images):
        """`diversity.stacked_modes` of images (N, 3, 28, 28), a digit in each channel."""
        digits = as_images(images, channels=3).reshape(-1, 1, 28, 28)
        return diversity.stacked_modes(look(self.network, digits)[1].reshape(-1, 3, 10))

    # The anchors -----------------------------------------------------------------------------------------------------

    def real(self, count):
        """Training images, ``count`` or all there are, in a fixed random order: uint8 (N, 1, 28, 28)."""
        count = whole(count, "count")
        return self.train.images[self._rng().permutation(len(self.train.images))[:count]]

    def gaussian(self, count):
        """Draws from N(μ, C), the moments those of the training pixels, not cut off at black and white: float32."""
        mean, values, vectors = self._pixels
        normal = self._rng().standard_normal((whole(count, "count"), len(mean)))
        draws = normal * np.sqrt(np.maximum(values, 0)) @ vectors.T + mean
        return draws.astype(np.float32).reshape(-1, 1, 28, 28)

    def anchors(self, count):
        """The Fréchet distances of `real` and `gaussian` images to the test images; computed once for each count."""
        if count not in self._anchors:
            images = self.real(count), self.gaussian(count)
            floor, baseline = (self._fid(look(self.network, mixed(x)[0])[0]) for x in images)
            if not floor < baseline:
                raise ValueError(
                    f"the classifier sees no difference between the images of {self.train.source} and Gaussian noise "
                    f"(Fréchet distances {floor:.4g} and {baseline:.4g}), so nothing can be judged by them"
                )
            self._anchors[count] = floor, baseline
        return self._anchors[count]

    # The verdicts ----------------------------------------------------------------------------------------------------

    def S(self, samples):
        """0 for images as good as real, 1 for a Gaussian: a float, as `score` has it."""
        return self.score(samples).S

    def score(self, samples):
        """The Fréchet distance between its anchors, and the classes: below a second for 5,000 samples, after the first.

        Parameters
        ----------
        samples : array_like, (N, 1, 28, 28)
            Floats in [−1, 1] or bytes; more of them than the 128 features.

        Returns
        -------
        Score

        Raises
        ------
        ValueError
            For another shape or range, and for too few samples.
        """
        images, _ = admitted(samples)
        return self._score(*look(self.network, images))

    def report(self, samples):
        """All there is to say about samples, as `score` takes them.

        Returns
        -------
        Report
        """
        began = time.perf_counter()
        images, order = admitted(samples)
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
            test_count=len(self.test.images),
            data=self.train.name,
            source=self.train.source,
            accuracy=float((self._test_seen[1].argmax(axis=1) == self.test.labels).mean()),
            seconds=time.perf_counter() - began,
            notes=(*self.notes, *self._remarks(len(images))),
        )

    def _score(self, features, probabilities):
        fid, (floor, baseline) = self._fid(features), self.anchors(len(features))
        histogram = diversity.class_histogram(probabilities.argmax(axis=1))
        return Score(
            fid=fid,
            floor=floor,
            baseline=baseline,
            S=(fid - floor) / (baseline - floor),
            histogram=tuple(histogram.tolist()),
            class_kl=kl_to_uniform(histogram),
            class_kl_floor=reverse_kl_floor(len(features), len(histogram)),
            classes=diversity.classes_present(histogram),
        )

    def _fid(self, features):
        return fidelity.frechet_distance_of_moments(*fidelity.moments(features), *self._test_moments)

    def _measures(self, images, features, probabilities, in_pixels=None, in_features=None):
        """Against as many test images as there are samples, or all if there are fewer.

        Without neighbours, the images are real, and as far from the training images as test images are, which is 1.
        """
        test, (test_features, test_probabilities) = self.test.images[: len(images)], self._test_seen
        histogram = diversity.class_histogram(probabilities.argmax(axis=1))
        labels, test_labels = probabilities.argmax(axis=1), test_probabilities[: len(images)].argmax(axis=1)
        as_many = test_features[: len(images)], features[: len(test_features)]
        scale = np.sqrt(np.mean(test_features**2))  # for a cubic kernel, features should be about 1
        return Measures(
            *fidelity.kernel_distance(test_features / scale, features / scale, self._rng()),
            *fidelity.classifier_score(probabilities),
            *fidelity.precision_recall(*as_many),
            *fidelity.density_coverage(*as_many),
            diversity.intra_class_spread(as_floats(images), labels, as_floats(test), test_labels),
            diversity.ssim_within_classes(as_floats(images), labels, self._rng()),
            in_pixels.ratio if in_pixels else 1.0,
            in_features.ratio if in_features else 1.0,
            diversity.classes_present(histogram),
            kl_to_uniform(histogram),
        )

    def _copies(self, images, features):
        """The nearest training images of the first samples: in pixels, and in features."""
        return tuple(
            diversity.nearest_training(samples[:LOOKED_UP], test[:LOOKED_UP], train)
            for samples, test, train in (
                (as_floats(images), as_floats(self.test.images), as_floats(self.train.images)),
                (features, self._test_seen[0], self._train_features),
            )
        )

    def _remarks(self, count):
        if count < FEW:
            yield f"{count} samples are few: below {FEW}, the Fréchet distance is mostly bias; trust S and the KID"
        if count > len(self.train.images):
            yield f"the real ones are all {len(self.train.images)} training images, fewer than the {count} samples"

    def _rng(self):
        return np.random.default_rng(self.seed)

    @cached_property
    def _test_seen(self):
        return look(self.network, self.test.images)

    @cached_property
    def _train_features(self):
        return look(self.network, self.train.images)[0]

    @cached_property
    def _test_moments(self):
        return fidelity.moments(self._test_seen[0])

    @cached_property
    def _pixels(self):
        """The mean of the training pixels, and the eigenvalues and eigenvectors of their covariance."""
        mean, covariance = fidelity.moments(flat(as_floats(self.train.images)))
        return mean, *np.linalg.eigh(covariance)


def admitted(samples):
    """The one entrance for samples: float32 (N, 1, 28, 28) in their `mixed_order`, and that order, int64 (N,).

    Raises
    ------
    ValueError
        As `Judge.score`: before a classifier is trained for them.
    """
    return mixed(enough(as_images(samples)))


def mixed(images):
    """Images as floats in their `mixed_order`, and that order."""
    images = as_floats(images)
    order = mixed_order(images)
    return images[order], order
