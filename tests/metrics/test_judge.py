import gzip
import json
import math

import numpy as np
import pooch
import pytest

from scratchgan import metrics
from scratchgan.data import Dataset, load
from scratchgan.data.mnist import NoMirrorError
from scratchgan.metrics import Judge, __main__, classifier
from scratchgan.metrics.images import as_floats, as_images, training_and_test

DIGITS = load(embedded=True)
MIXED = np.random.default_rng(0).permutation(len(DIGITS.images))
TRAIN, TEST, NEW = MIXED[:1500], MIXED[1500:2200], MIXED[2200:2700]  # NEW: what a perfect generator gives


def idx(array):
    header = b"".join(int(n).to_bytes(4, "big") for n in (0x0800 + array.ndim, *array.shape))
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a small data set, and beside it a cache, for a judge whose classifier learns for two seconds."""
    folder = tmp_path_factory.mktemp("data")
    for prefix, chosen in (("train", TRAIN), ("t10k", TEST)):
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(DIGITS.images[chosen, 0]))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(DIGITS.labels[chosen]))
    quickly = classifier.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooch, "os_cache", lambda project: folder / "cache")
        patch.setattr(classifier, "train", lambda images, labels, seed: quickly(images, labels, seed, 1, 40))
        yield folder


@pytest.fixture(scope="module")
def small(data):
    return Judge(data)


@pytest.fixture(scope="module")
def report(small):
    return small.report(new_images())


def new_images():
    return as_floats(DIGITS.images[NEW])


# The anchors


def test_the_anchors_are_at_zero_and_one(small):
    assert small.S(small.real(300)) == 0
    assert small._score(*classifier.look(small.network, small.gaussian(300))).S == 1
    score = small.score(new_images())
    assert (score.floor, score.baseline) == small.anchors(500) and score.floor < score.baseline
    assert score.fid == metrics.frechet_distance(small.features(new_images()), small.features(small.test.images))


def test_good_is_below_bad(small):
    noise = np.random.default_rng(0).uniform(-1, 1, (500, 1, 28, 28))
    blurred = (new_images() + np.roll(new_images(), 2, axis=3) + np.roll(new_images(), 2, axis=2)) / 3
    found = [small.S(images) for images in (new_images(), blurred, noise)]
    assert abs(found[0]) < 0.1 < found[1] < found[2]


def test_the_gaussian_has_the_moments_of_the_pixels(small):
    """Of 3,000 draws, so within 4.5 standard errors, for some pixels in the middle."""
    middle = np.s_[:, 0, 8:20:2, 10:18:2]
    draws, pixels = (x[middle].reshape(len(x), -1) for x in (small.gaussian(3000), as_floats(small.train.images)))
    standard = (draws - pixels.mean(axis=0)) / pixels.std(axis=0)
    assert np.abs(standard.mean(axis=0)).max() < 4.5 / math.sqrt(3000)
    assert np.abs(np.cov(standard, rowvar=False) - np.corrcoef(pixels, rowvar=False)).max() < 4.5 * math.sqrt(2 / 3000)


def test_the_real_ones_are_different_training_images(small):
    chosen = small.real(700)
    assert len({image.tobytes() for image in chosen}) == 700
    assert {image.tobytes() for image in chosen} <= {image.tobytes() for image in DIGITS.images[TRAIN]}
    assert len(small.real(10**6)) == len(TRAIN)


# What is reported


def test_the_report_is_what_the_measures_say(small, report):
    images = new_images()
    labels, test_labels = (small.classify(x).argmax(axis=1) for x in (images, small.test.images[:500]))
    features, test = small.features(images), small.features(small.test.images)
    m, test_images = report.samples, as_floats(small.test.images[:500])
    assert (m.precision, m.recall) == metrics.precision_recall(test[:500], features)
    assert (m.density, m.coverage) == metrics.density_coverage(test[:500], features)
    kid = metrics.kernel_distance(*(x / np.sqrt(np.mean(test**2)) for x in (test, features)), np.random.default_rng(0))
    assert (m.kid, m.kid_std) == kid
    assert (m.score, m.score_std) == metrics.classifier_score(small.classify(images))
    assert m.spread == metrics.intra_class_spread(images, labels, test_images, test_labels)
    assert m.ssim == metrics.ssim_within_classes(images, labels, np.random.default_rng(0))
    train = as_floats(small.train.images)
    assert report.in_pixels.ratio == metrics.nearest_training(images, as_floats(small.test.images), train).ratio
    found = metrics.nearest_training(features, test, small.features(small.train.images))
    assert report.in_features.index.tolist() == found.index.tolist()
    assert report.score == small.score(images)
    assert report.score.histogram == tuple(np.bincount(labels, minlength=10))
    assert report.accuracy == small.accuracy(small.test.images, small.test.labels) > 0.8
    assert (report.count, report.test_count) == (500, 700) and report.score.class_kl_floor == 9 / 1000


def test_the_anchors_stand_where_they_should(report):
    """Real images are as real as they can be; the Gaussian is not."""
    real, poor = report.real, report.gaussian
    assert abs(real.kid) < 4 * real.kid_std < poor.kid
    assert real.precision > 0.9 and real.recall > 0.9 > poor.recall and real.coverage > 0.9 > poor.coverage
    assert real.spread == pytest.approx(1, abs=0.05) and real.score > 5
    assert report.in_pixels.ratio == pytest.approx(1, abs=0.05)


def test_a_lost_class_is_reported(small):
    images = new_images()
    score = small.score(images[small.classify(images).argmax(axis=1) != 4])
    assert score.histogram[4] == 0 and score.classes == 9 and score.class_kl > math.log(10 / 9)


def test_few_samples_are_remarked_upon(small, report):
    assert report.notes == (
        "500 samples are few: below 1000, the Fréchet distance is mostly bias; trust S and the KID",
    )
    assert list(small._remarks(1500)) == []
    assert list(small._remarks(1501)) == ["the real ones are all 1500 training images, fewer than the 1501 samples"]


# What else a judge can say


def test_images_are_classified(small):
    images, labels = DIGITS.images[NEW], DIGITS.labels[NEW]
    p = small.classify(images)
    assert p.shape == (500, 10)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert small.accuracy(images, labels) == (p.argmax(axis=1) == labels).mean() > 0.8
    with pytest.raises(ValueError, match=r"\(500, 1, 28, 28\) and labels \(499,\) must be as many"):
        small.accuracy(images, labels[1:])


def test_stacked_digits_are_told_apart(small):
    digits = DIGITS.images[NEW[:30]]
    labels = small.classify(digits).argmax(axis=1)
    stacks = digits.reshape(10, 3, 28, 28)
    found = small.stacked_modes(np.concatenate([stacks, stacks]))
    assert found.modes == len(set(map(tuple, labels.reshape(10, 3)))) > 5
    assert found.reverse_kl == metrics.stacked_modes(np.eye(10)[labels].reshape(10, 3, 10)).reverse_kl


# What it is given


def test_without_a_test_set_a_fifth_is_held_out(monkeypatch):
    def offline(name, split="train"):
        if split == "test":
            raise NoMirrorError("no mirror")
        return DIGITS

    monkeypatch.setattr("scratchgan.metrics.images.load", offline)
    train, test, (note,) = training_and_test("mnist", np.random.default_rng(0))
    assert (len(train.images), len(test.images)) == (4000, 1000)
    both = np.concatenate([train.images, test.images])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in DIGITS.images}
    assert note == "without mnist's test set, 1000 training images were held out for it"
    assert np.unique(test.labels).size == 10


def test_the_test_images_come_in_another_order_with_their_labels(monkeypatch):
    first = Dataset("mnist", DIGITS.images[::50], DIGITS.labels[::50], "")
    monkeypatch.setattr("scratchgan.metrics.images.load", lambda name, split="train": first)
    _, test, notes = training_and_test("mnist", np.random.default_rng(0))
    label = {image.tobytes(): k for image, k in zip(first.images, first.labels)}
    assert notes == () and test.labels.tolist() != first.labels.tolist()
    assert [label[image.tobytes()] for image in test.images] == test.labels.tolist()


def test_bytes_are_black_to_white():
    assert as_floats(np.array([0, 255], np.uint8)).tolist() == [-1, 1]
    assert as_floats(np.array([-1.0, 0.5])).tolist() == [-1, 0.5] and as_floats(np.zeros(1)).dtype == np.float32


@pytest.mark.parametrize(
    "samples, message",
    [
        (np.zeros((200, 28, 28)), r"shape \(N, 1, 28, 28\), N at least 1, got \(200, 28, 28\)"),
        (np.zeros((200, 3, 28, 28)), r"got \(200, 3, 28, 28\)"),
        (np.zeros((0, 1, 28, 28)), r"got \(0, 1, 28, 28\)"),
        (np.zeros((9, 1, 28, 28), int), r"uint8 in 0…255, got int64 in 0…0"),
        (np.linspace(0, 1, 784).reshape(1, 1, 28, 28), r"found 0…1 in float64 .*; if they are in \[0, 1\], give 2 \*"),
        (np.linspace(-1, 1.5, 784).reshape(1, 1, 28, 28), r"floats in \[−1, 1\].*, found -1…1.5 in float64 .*28\)$"),
        (np.linspace(-2, 1, 784).reshape(1, 1, 28, 28), "found -2…1"),
        (np.full((1, 1, 28, 28), np.nan), "found nan…nan"),
    ],
)
def test_what_are_no_images_is_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        as_images(samples)


def test_too_few_samples_are_refused(small):
    for measure in (small.score, small.report):
        with pytest.raises(ValueError, match=r"128 samples \(128, 1, 28, 28\) are too few .* take 129 at least"):
            measure(new_images()[:128])
    assert small.score(new_images()[:129]).S > -1


# The command


def test_the_command_prints_writes_and_draws(data, report, tmp_path, capsys):
    np.save(tmp_path / "samples.npy", new_images())
    flags = "--json", str(tmp_path / "new" / "numbers.json"), "--picture", str(tmp_path / "judged.png")
    assert __main__.main([str(tmp_path / "samples.npy"), "--data", str(data), *flags]) == 0
    printed, numbers = capsys.readouterr().out, json.loads((tmp_path / "new" / "numbers.json").read_text())
    assert printed.splitlines()[:-2] == str(report).splitlines()[:-2]  # but for the seconds, and the note
    row = next(line.split() for line in printed.splitlines() if line.startswith("recall"))
    assert row[1:4] == [f"{m.recall:.4f}" for m in (report.samples, report.real, report.gaussian)]
    assert numbers["samples"]["recall"] == report.samples.recall and numbers["score"]["S"] == report.score.S
    assert numbers["in_pixels"] == report.in_pixels.ratio and numbers["notes"] == list(report.notes)
    assert (tmp_path / "judged.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    np.savez(tmp_path / "many.npz", a=np.zeros(3), b=np.zeros(3))
    for file in ("many.npz", "absent.npy"):
        assert __main__.main([str(tmp_path / file)]) == 1
    said = capsys.readouterr().err
    assert "holds 2 arrays: save the samples alone" in said and "absent.npy" in said and said.count("error: ") == 2
