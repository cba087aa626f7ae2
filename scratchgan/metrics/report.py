"""What the judge says: numbers, and as text a table of them beside those of its anchors."""

from dataclasses import asdict, dataclass

import numpy as np

from scratchgan.metrics.diversity import Neighbours
from scratchgan.metrics.fidelity import coverage_ceiling


@dataclass(frozen=True)
class Score:
    """What can be said cheaply. What is None needs classes, and the data have none."""

    fid: float  # the Fréchet distance of the features to those of real images
    floor: float  # the same for as many other real images
    baseline: float  # and for as many draws from a Gaussian
    S: float  # (fid − floor) / (baseline − floor)
    histogram: tuple | None = None  # how many samples the classifier takes for each class
    class_kl: float | None = None  # from that to the uniform histogram, in nats
    class_kl_floor: float | None = None  # what a perfect generator has on average
    classes: int | None = None  # with at least 2 % of the samples


@dataclass(frozen=True)
class Measures:
    """What is measured alike of generated images, of real ones, and of draws from a Gaussian; None as in `Score`."""

    kid: float  # of features divided by the root of their mean square
    kid_std: float
    precision: float
    recall: float
    density: float
    coverage: float
    pixels: float  # median distance to the nearest training image, over that of test images
    features: float  # the same in features
    score: float | None = None
    score_std: float | None = None
    sure: float | None = None  # share of the images of which the classifier is sure
    spread: float | None = None  # within classes, over that of the real images
    ssim: float | None = None  # of pairs within classes
    classes: int | None = None  # with at least 2 % of the images
    class_kl: float | None = None  # from the classes' histogram to the uniform one, in nats


@dataclass(frozen=True, eq=False)
class Report:
    """Everything: the cheap `Score`, the `Measures` of the samples and of the anchors, and the nearest neighbours."""

    score: Score
    samples: Measures
    real: Measures
    gaussian: Measures
    in_pixels: Neighbours
    in_features: Neighbours
    looked_up: np.ndarray  # (n,): the places, among the samples as they were given, of those with neighbours
    count: int  # of samples
    test_count: int  # of images the samples are compared with
    data: str
    source: str
    accuracy: float | None  # of the classifier, on the test images
    seconds: float
    notes: tuple  # what to keep in mind

    def numbers(self) -> dict:
        """All there is but the neighbours' places, as JSON can hold it."""
        plain = {name: _there(asdict(v)) if isinstance(v, (Score, Measures)) else v for name, v in vars(self).items()}
        del plain["looked_up"]
        return _there(plain | {"in_pixels": self.in_pixels.ratio, "in_features": self.in_features.ratio})

    def __str__(self):
        rows = [("", "samples", "real", "Gaussian", ""), *self._rows()]
        if self.score.histogram:
            rows += self._rows_of_classes()
        lines = [f"{name:<20}{a:>10}{b:>10}{c:>10}   {meaning}".rstrip() for name, a, b, c, meaning in rows]
        return "\n".join([lines[0], "─" * 100, *lines[1:], "", *self._circumstances()])

    def _rows(self):
        score = self.score
        yield "S", _short(score.S), "0", "1", "(Fréchet distance − real) / (Gaussian − real)"
        yield (
            "Fréchet distance",
            *map(_short, (score.fid, score.floor, score.baseline)),
            "to the features of test images" if score.histogram else "to the features of half of the real images",
        )
        yield self._row("kernel distance", "kid", "the same without bias: 0 is real")
        yield self._row("  ±", "kid_std", "its deviation over subsets")
        yield self._row("precision", "precision", "share of the samples that are among real ones")
        yield self._row("recall", "recall", "share of the real images that are among samples")
        yield self._row("density", "density", "1: as crowded as the real; above: only the typical")
        ceiling = coverage_ceiling(self.count)
        yield self._row("coverage", "coverage", f"share of real images with a sample nearby; at best {ceiling:.3f}")
        yield self._row("neighbour, pixels", "pixels", "far below 1: copies of training images")
        yield self._row("neighbour, features", "features", "far above 1: no such images")

    def _rows_of_classes(self):
        yield self._row("classifier's score", "score", "1: all alike; 10: sure, and all classes")
        yield self._row("  ±", "score_std", "its deviation over ten parts")
        yield self._row("sure", "sure", "share of which the classifier is sure, p > 0.95")
        yield self._row("spread in a class", "spread", "1: as varied as real; 0: one image for each class")
        yield self._row("SSIM in a class", "ssim", "lower is more varied; as real is best")
        yield self._row("classes", "classes", "of ten, with at least 2 % of the samples")
        floor = _short(self.score.class_kl_floor)
        yield self._row("KL of the classes", "class_kl", f"0: all as frequent; by chance alone {floor}")

    def _row(self, name, field, meaning):
        return name, *(_short(getattr(m, field)) for m in (self.samples, self.real, self.gaussian)), meaning

    def _circumstances(self):
        seen_by, real = "a network that learnt without labels", "real"
        if self.score.histogram:
            counts = "  ".join(f"{k}: {n}" for k, n in enumerate(self.score.histogram))
            yield f"samples of each class   {counts}"
            seen_by, real = f"a classifier that is right on {self.accuracy:.1%} of these", "test"
        yield (
            f"{self.count:,} samples and {self.test_count:,} {real} images of {self.data} ({self.source}), seen by "
            f"{seen_by}; {self.seconds:.0f} s"
        )
        yield from (f"note: {note}" for note in self.notes)


def _there(numbers):
    return {name: number for name, number in numbers.items() if number is not None}


def _short(number):
    return f"{number:.4g}" if abs(number) >= 1 else f"{number:.4f}"
