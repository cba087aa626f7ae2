import math

import numpy as np
import pytest
from judged import DIGITS, NEW, TRAIN, new_images
from PIL import Image

from scratchgan import metrics
from scratchgan.data import DataError, Dataset
from scratchgan.data.mnist import NoMirrorError
from scratchgan.metrics import Judge, classifier, judge, learning
from scratchgan.metrics.images import as_floats, training_and_test

# The anchors


def test_the_anchors_are_at_zero_and_one(small):
    assert small.S(small.real(300)) == 0
    assert small._score(*learning.look(small.network, judge.mixed(small.gaussian(300))[0])).S == 1
    score = small.score(new_images())
    assert (score.floor, score.baseline) == small.anchors(500) and score.floor < score.baseline
    images, _ = judge.mixed(new_images())
    assert score.fid == metrics.frechet_distance(small.features(images), small.features(small.test.images))


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
    """Of 500 samples in their order, as many as test images for what compares sets of one size, and 300 neighbours."""
    images, order = judge.mixed(new_images())
    labels, test_labels = (small.classify(x).argmax(axis=1) for x in (images, small.test.images))
    features, test = small.features(images), small.features(small.test.images)
    m, test_images = report.samples, as_floats(small.test.images)
    assert (m.precision, m.recall) == metrics.precision_recall(test, features[:400])
    assert (m.density, m.coverage) == metrics.density_coverage(test, features[:400])
    kid = metrics.kernel_distance(*(x / np.sqrt(np.mean(test**2)) for x in (test, features)), np.random.default_rng(0))
    assert (m.kid, m.kid_std) == kid
    assert (m.score, m.score_std) == metrics.classifier_score(small.classify(images))
    assert m.spread == metrics.intra_class_spread(images, labels, test_images, test_labels)
    assert m.sure == (small.classify(images).max(axis=1) > 0.95).mean()
    assert m.ssim == metrics.ssim_within_classes(images, labels, np.random.default_rng(0))
    train = as_floats(small.train.images)
    assert report.in_pixels.ratio == metrics.nearest_training(images[:300], test_images[:300], train).ratio
    found = metrics.nearest_training(features[:300], test[:300], small.features(small.train.images))
    assert report.in_features.index.tolist() == found.index.tolist()
    assert report.looked_up.tolist() == order[:300].tolist()
    assert report.score == small.score(images)
    assert report.score.histogram == tuple(np.bincount(labels, minlength=10))
    assert report.accuracy == small.accuracy(small.test.images, small.test.labels) > 0.8
    assert (report.count, report.test_count) == (500, 400) and report.score.class_kl_floor == 9 / 1000


def test_few_samples_are_compared_with_as_few_real_ones(small):
    """But for the kernel distance, which has no bias."""
    images, test = new_images()[:200], small.test.images
    seen, (features, p) = learning.look(small.network, images), learning.look(small.network, test)
    m, few = small._measures(images, *seen), slice(200)
    assert (m.precision, m.recall) == metrics.precision_recall(features[few], seen[0])
    assert (m.density, m.coverage) == metrics.density_coverage(features[few], seen[0])
    labels, real_labels = seen[1].argmax(axis=1), p[few].argmax(axis=1)
    assert m.spread == metrics.intra_class_spread(images, labels, as_floats(test[few]), real_labels)


def test_the_seed_is_that_of_the_network_and_of_all_that_is_drawn(data, monkeypatch):
    taught = []
    monkeypatch.setattr(judge, "trained_classifier", lambda dataset, seed: taught.append(seed) or seed)
    first, other = (Judge(data, seed=seed) for seed in (3, 4))
    assert [first.network, other.network] == taught == [3, 4]
    for draw in (lambda judge: judge.real(50), lambda judge: judge.gaussian(5), lambda judge: judge.test.images):
        assert (draw(first) != draw(other)).any() and (draw(first) == draw(Judge(data, seed=3))).all()


def test_the_anchors_stand_where_they_should(report):
    """Real images are as real as they can be; the Gaussian is not."""
    real, poor = report.real, report.gaussian
    assert abs(real.kid) < real.kid_std < poor.kid
    assert real.precision > 0.85 and real.recall > 0.85 > poor.recall and real.coverage > 0.85 > poor.coverage
    assert real.sure > poor.sure + 0.2
    assert real.spread == pytest.approx(1, abs=0.05) and real.score > 5
    assert report.in_pixels.ratio == pytest.approx(1, abs=0.1)  # of 300


def test_the_anchors_of_each_number_are_measured(small, report):
    """Of the neighbours and the classes, too: what would real images get, and what noise?"""
    images, _ = judge.mixed(new_images())
    m, real, poor = report.samples, report.real, report.gaussian
    assert (m.pixels, m.features) == (report.in_pixels.ratio, report.in_features.ratio)
    assert (real.pixels, real.features) == (1, 1)
    noise, (train, test) = small.gaussian(500), (as_floats(x.images) for x in (small.train, small.test))
    assert poor.pixels == metrics.nearest_training(noise[:300], test[:300], train).ratio > 1.2
    noise_seen, test_seen, train_seen = (learning.look(small.network, x)[0] for x in (noise, test, train))
    assert poor.features == metrics.nearest_training(noise_seen[:300], test_seen[:300], train_seen).ratio > 1.2
    for measures, shown in ((m, images), (real, small.real(500)), (poor, noise)):
        histogram = metrics.class_histogram(learning.look(small.network, shown)[1].argmax(axis=1))
        assert measures.classes == metrics.classes_present(histogram)
        assert measures.class_kl == metrics.kl_to_uniform(histogram)
    assert real.class_kl < 0.05 < poor.class_kl and real.classes == 10


def test_a_lost_class_is_reported(small):
    images = new_images()
    score = small.score(images[small.classify(images).argmax(axis=1) != 4])
    assert score.histogram[4] == 0 and score.classes == 9 and score.class_kl > math.log(10 / 9)


def test_few_samples_are_remarked_upon(small, report):
    assert report.notes == (
        "500 samples are few: below 1000, the Fréchet distance is mostly bias; trust S and the KID",
    )
    assert [len(list(small._remarks(count))) for count in (999, 1000, 1500)] == [1, 0, 0]
    assert list(small._remarks(1501)) == ["the real ones are all 1500 training images, fewer than the 1501 samples"]


# The order of the samples


ORDERS = {
    "by class": lambda judge, images: judge.classify(images).argmax(axis=1).argsort(kind="stable"),
    "by ink": lambda judge, images: images.mean(axis=(1, 2, 3)).argsort(),
    "the other way round": lambda judge, images: np.arange(len(images))[::-1],
    "at random": lambda judge, images: np.random.default_rng(1).permutation(len(images)),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_order_of_the_samples_does_not_matter_to_S(small, report, order):
    assert small.score(new_images()[order(small, new_images())]) == report.score


def test_the_order_of_the_samples_does_not_matter(small, report, monkeypatch):
    """Not to the last digit of any number, although a part is looked at where there are more than test images."""
    monkeypatch.setattr(judge, "LOOKED_UP", 300)
    by_class = ORDERS["by class"](small, new_images())
    sorted_report = small.report(new_images()[by_class])
    assert numbers(sorted_report) == numbers(report)
    assert by_class[sorted_report.looked_up].tolist() == report.looked_up.tolist()
    assert sorted_report.in_pixels.index.tolist() == report.in_pixels.index.tolist()


def numbers(report):
    return {name: value for name, value in report.numbers().items() if name != "seconds"}


def test_the_neighbours_are_those_of_the_samples_named(small, report):
    images, train = new_images(), as_floats(small.train.images)
    for place, index, distance in zip(report.looked_up, report.in_pixels.index, report.in_pixels.distance):
        assert distance == pytest.approx(np.linalg.norm(images[place] - train[index]), rel=1e-5)


def test_of_many_samples_not_the_first_are_looked_at(report):
    assert len(set(report.looked_up.tolist())) == 300 and 220 < report.looked_up.mean() < 280  # of 0 to 499


def test_what_the_samples_are_kept_in_does_not_matter(small):
    """Wider and narrower floats, bytes, not contiguous, read-only, of a subclass, in another order of bytes."""
    images = np.float32(np.float16(new_images()))
    expected = small.score(images)
    frozen = images.copy()
    frozen.flags.writeable = False
    wide = np.zeros((500, 2, 28, 56), np.float32)
    wide[:, 1:, :, ::2] = images
    for same in (
        images.astype(np.float64), images.astype(np.float16), images.astype(">f4"), np.asfortranarray(images), frozen,
        wide[:, 1:, :, ::2], images[::-1][::-1], images.view(np.memmap), images.tolist(),
    ):  # fmt: skip
        assert small.score(same) == expected
    assert small.score(DIGITS.images[NEW]) == pytest.approx(small.score(new_images()))


def test_pairs_of_images_and_labels_may_come_in_any_order(small):
    images, labels = DIGITS.images[NEW], DIGITS.labels[NEW]
    by_class = labels.argsort()
    assert small.accuracy(images[by_class], labels[by_class]) == small.accuracy(images, labels)
    stacks = np.concatenate([images[:250], images[100:350], images[250:]], axis=1)
    shuffled = np.random.default_rng(0).permutation(stacks)
    assert small.stacked_modes(shuffled).modes == small.stacked_modes(stacks).modes
    assert small.stacked_modes(shuffled).reverse_kl == pytest.approx(small.stacked_modes(stacks).reverse_kl, abs=1e-12)


# What else a judge can say


def test_images_are_classified(small):
    images, labels = DIGITS.images[NEW], DIGITS.labels[NEW]
    p = small.classify(images)
    assert p.shape == (500, 10)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert small.accuracy(images, labels) == (p.argmax(axis=1) == labels).mean() > 0.8
    with pytest.raises(ValueError, match="500 images cannot have 499 labels"):
        small.accuracy(images, labels[1:])
    with pytest.raises(ValueError, match="labels must be 0…9, found 1…10"):
        small.accuracy(images, labels + 1)


def test_stacked_digits_are_told_apart(small):
    digits = DIGITS.images[NEW[:30]]
    labels = small.classify(digits).argmax(axis=1)
    stacks = digits.reshape(10, 3, 28, 28)
    found = small.stacked_modes(np.concatenate([stacks, stacks]))
    assert found.modes == len(set(map(tuple, labels.reshape(10, 3)))) > 5
    assert found.reverse_kl == metrics.stacked_modes(np.eye(10)[labels].reshape(10, 3, 10)).reverse_kl


# What it is given


def test_without_a_test_set_a_fifth_is_held_out(monkeypatch):
    def offline(data, split="train"):
        if split == "test":
            raise NoMirrorError("no mirror")
        return DIGITS

    monkeypatch.setattr("scratchgan.metrics.images.find", offline)
    _, train, test, (note,) = training_and_test("mnist", np.random.default_rng(0))
    assert (len(train.images), len(test.images)) == (4000, 1000)
    both = np.concatenate([train.images, test.images])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in DIGITS.images}
    assert note == "without mnist's test set, 1000 training images were held out for it"
    assert np.unique(test.labels).size == 10


def test_the_test_images_come_in_another_order_with_their_labels(monkeypatch):
    first = Dataset("mnist", DIGITS.images[::25], DIGITS.labels[::25], "")
    monkeypatch.setattr("scratchgan.metrics.images.find", lambda data, split="train": first)
    _, _, test, notes = training_and_test("mnist", np.random.default_rng(0))
    label = {image.tobytes(): k for image, k in zip(first.images, first.labels)}
    assert notes == () and test.labels.tolist() != first.labels.tolist()
    assert [label[image.tobytes()] for image in test.images] == test.labels.tolist()


def test_too_few_samples_are_refused(small):
    for measure in (small.score, small.report):
        with pytest.raises(ValueError, match=r"128 samples \(128, 1, 28, 28\) are too few .* take 129 at least"):
            measure(new_images()[:128])
    assert small.score(new_images()[:129]).S > -1


@pytest.mark.parametrize("measure", [Judge.S, Judge.score, Judge.report, Judge.classify, Judge.features])
def test_samples_are_looked_at_before_a_classifier_is_trained(data, monkeypatch, measure):
    def trained(*_):
        raise AssertionError("a minute for nothing")

    monkeypatch.setattr(judge, "trained_classifier", trained)
    with pytest.raises(ValueError, match="samples must have shape"):
        measure(Judge(data), np.zeros((200, 28, 28)))
    with pytest.raises(AssertionError, match="a minute for nothing"):
        measure(Judge(data), new_images())


@pytest.mark.parametrize("names", ["0123456789", ["all"], "01"])
def test_pictures_are_judged_in_grey_where_their_folders_are_ten_classes(names, tmp_path):
    """A fifth of them is held out, as a folder of pictures has no test set."""
    for i, (image, label) in enumerate(zip(DIGITS.images[::7], DIGITS.labels[::7])):
        folder = tmp_path / names[label % len(names)]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image[0]).resize((56, 56)).convert("RGB").save(folder / f"{i}.png")
    if len(names) < 10:
        with pytest.raises(DataError, match=f"{tmp_path}: .* the judge knows ten classes"):
            Judge(tmp_path, classes=True)
    if names == "01":
        with pytest.raises(DataError, match=f"{tmp_path}: no image has the labels .* the judge knows ten classes"):
            Judge(tmp_path)
        return
    if names == ["all"]:
        found = Judge(tmp_path)
        assert found.train.images.shape == (572, 3, 32, 32) and found.real(999).shape == (357, 3, 32, 32)
        return
    found = Judge(tmp_path)
    assert found.train.images.shape == (572, 1, 28, 28) and found.test.images.shape == (143, 1, 28, 28)
    both = {image.tobytes() for images in (found.train.images, found.test.images) for image in images}
    assert len(both) == 715 and "143 training images were held out" in found.notes[0]
    shown = {k: DIGITS.images[DIGITS.labels == k].mean((0, 1)) for k in range(10)}
    near = [min(shown, key=lambda k: np.abs(shown[k] - image[0]).mean()) for image in found.train.images]
    assert (near == found.train.labels).mean() > 0.6  # chance: 0.1


def test_whoever_needs_classes_is_told_that_emoji_have_none():
    with pytest.raises(DataError, match="emoji shipped with scratchgan: these images have no labels.* ten classes"):
        Judge("emoji", classes=True)


def a_set(count, labels=None):
    chosen = np.arange(count) * len(DIGITS) // count  # of all classes
    return Dataset("own", DIGITS.images[chosen], DIGITS.labels[chosen] if labels is None else labels, "own/")


@pytest.mark.parametrize(
    "train, test, message",
    [
        (a_set(300), a_set(128), "own/: 128 test images are too few for the judge: 129 at least"),
        (a_set(128), a_set(300), "own/: 128 training images are too few"),
        (
            a_set(300, np.arange(300) % 27),
            a_set(300),
            "own/: labels must be 0…9, found 0…26; the judge knows ten classes",
        ),
        (a_set(300), a_set(300, np.arange(300) % 11), "found 0…10"),
        (a_set(300, np.arange(300) % 9), a_set(300), r"own/: no image has the labels \[9\].*; the judge knows ten"),
        (Dataset("own", DIGITS.images[:64], None, "own/"), a_set(300), "own/: 64 training images .*: 65 at least"),
    ],
)
def test_data_that_no_judge_can_learn_are_refused(monkeypatch, train, test, message):
    monkeypatch.setattr(
        "scratchgan.metrics.images.find", lambda data, split="train": test if split == "test" else train
    )
    with pytest.raises(DataError, match=message):
        Judge("own")


def test_as_many_images_as_the_judge_needs_are_enough(monkeypatch):
    monkeypatch.setattr("scratchgan.metrics.images.find", lambda data, split="train": a_set(129))
    assert len(Judge("own").test.images) == 129


def test_data_without_shapes_have_no_S(monkeypatch):
    """Where real images are as far from real ones as noise is, S has no unit."""
    monkeypatch.setattr(Judge, "_fid", lambda self, features: 3.0)
    monkeypatch.setattr("scratchgan.metrics.images.find", lambda data, split="train": a_set(200))
    monkeypatch.setattr(judge, "trained_classifier", lambda *_: classifier.Classifier(np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"no difference between the images of own/ and Gaussian noise .*3 and 3\)"):
        Judge("own").S(new_images())


@pytest.mark.filterwarnings("error")
def test_a_generator_of_one_image_is_judged(small):
    """As bad as it is, without a warning."""
    report = small.report(np.full((150, 1, 28, 28), 128, np.uint8))
    assert report.score.S > 0.5 and report.score.classes == 1
    assert report.samples.recall == report.samples.spread == 0 and report.samples.ssim == pytest.approx(1)
    assert report.samples.score == pytest.approx(1)
