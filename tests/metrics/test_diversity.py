import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan import metrics
from scratchgan.data import load
from scratchgan.metrics import neighbours
from scratchgan.metrics.diversity import mean_distance

seeds = st.integers(0, 2**32)


def random_images(n, seed=0, side=9):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 1, side, side))


# Classes


def test_classes_are_counted():
    assert metrics.class_histogram([3, 0, 3], classes=5).tolist() == [1, 0, 0, 2, 0]
    assert metrics.classes_present([49, 1, 0]) == 2 and metrics.classes_present([50, 1, 0]) == 1


def test_a_lost_class_is_seen():
    counts = metrics.class_histogram(np.arange(900) % 9)
    assert metrics.classes_present(counts) == 9
    assert metrics.kl_to_uniform(counts) == pytest.approx(math.log(10 / 9)) == pytest.approx(0.105, abs=5e-4)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0.0, 1.0], r"integers of shape \(N,\), got float64 \(2,\)"),
        ([True, False], r"got bool \(2,\)"),
        ([[0, 1]], r"got int64 \(1, 2\)"),
        (np.zeros(0, int), r"of labels \(0,\), there is none"),
        ([0, 10], r"must be 0…9, found 0…10"),
        ([-1, 9], r"must be 0…9, found -1…9"),
    ],
)
def test_what_is_no_label_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.class_histogram(labels)


def stacked(modes, confidence):
    """Probabilities of samples whose three digits are those of ``modes``, the first as sure as ``confidence`` says."""
    p = np.eye(10)[[[m // 100, m // 10 % 10, m % 10] for m in modes]]
    p[:, 0] = p[:, 0] * np.array(confidence)[:, None] + (1 - np.array(confidence)[:, None]) / 10
    return p


def test_stacked_modes_by_hand():
    found = metrics.stacked_modes(stacked([123, 123, 321, 132], [1, 1, 1, 0.5]))
    assert (found.modes, found.sure_modes) == (3, 2)
    assert found.reverse_kl == pytest.approx(0.5 * math.log(500) + 0.5 * math.log(250))
    assert metrics.stacked_modes(stacked(range(1000), [1] * 1000)) == metrics.StackedModes(1000, 0.0, 1000)
    with pytest.raises(ValueError, match=r"must have shape \(N, 3, K\), got \(4, 10\)"):
        metrics.stacked_modes(np.zeros((4, 10)))


# Variety within a class


@given(seeds)
def test_the_mean_distance_pair_by_pair(seed):
    x = np.random.default_rng(seed).standard_normal((8, 3))
    pairs = [math.dist(a, b) for a, b in itertools.combinations(x, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", 3 * 8)
        assert mean_distance(x) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_the_spread_is_that_of_each_class():
    """Half the contrast is half the spread; classes of one sample do not count, nor does the distance of classes."""
    real, labels = random_images(40), np.arange(40) % 4
    shifted = real / 2 + np.linspace(-0.5, 0.5, 4)[labels, None, None, None]
    assert metrics.intra_class_spread(real, labels, real, labels) == 1
    assert metrics.intra_class_spread(shifted, labels, real, labels) == pytest.approx(0.5)
    some = (labels == 2) | (np.arange(40) == 0)
    assert metrics.intra_class_spread(shifted[some], labels[some], real, labels) == pytest.approx(0.5)
    assert metrics.intra_class_spread(np.ones_like(real), labels, real, labels) == 0
    assert math.isnan(metrics.intra_class_spread(real[:4], labels[:4], real, labels))


def test_pairs_are_of_one_class_and_of_two_images():
    images = random_images(5)
    of_a_class = metrics.ssim(images[[0, 2]], images[[1, 3]])
    found = metrics.ssim_within_classes(images, [7, 7, 9, 9, 0], np.random.default_rng(0), pairs=400)
    assert of_a_class.min() < found < of_a_class.max() < 1
    assert found == pytest.approx(of_a_class.mean(), abs=2 * np.ptp(of_a_class) / math.sqrt(400))
    assert math.isnan(metrics.ssim_within_classes(images, np.arange(5), np.random.default_rng(0)))


@pytest.mark.parametrize(
    "measure",
    [
        lambda images, labels: metrics.intra_class_spread(images, labels, images, labels),
        lambda images, labels: metrics.ssim_within_classes(images, labels, np.random.default_rng(0)),
    ],
)
def test_images_without_labels_are_refused(measure):
    with pytest.raises(ValueError, match="5 images cannot have 4 labels"):
        measure(random_images(5), np.zeros(4, int))


# Copies


def test_nearest_neighbours_one_by_one():
    generated, test, train = (np.random.default_rng(seed).standard_normal((n, 3)) for seed, n in enumerate((9, 8, 40)))
    gaps = [[math.dist(x, y) for y in train] for x in generated]
    found = metrics.nearest_training(generated, test, train)
    assert found.index.tolist() == [row.index(min(row)) for row in gaps]
    np.testing.assert_allclose(found.distance, [min(row) for row in gaps])
    usual = np.median([min(math.dist(x, y) for y in train) for x in test])
    assert found.ratio == pytest.approx(np.median(found.distance) / usual)


def test_copies_of_training_images_are_found_out():
    train, new = random_images(60, 1) + 5, random_images(20, 2) + 5
    found = metrics.nearest_training(train[10:30], new, train)
    assert found.index.tolist() == list(range(10, 30)) and found.ratio == 0
    assert metrics.nearest_training(random_images(20, 3) + 5, new, train).ratio == pytest.approx(1, abs=0.05)


# Structural similarity


def ssim_by_hand(a, b, size):
    """One window, one pixel at a time."""
    a, b = (a + 1) / 2, (b + 1) / 2
    weight = {}
    for i, j in itertools.product(range(size), repeat=2):
        weight[i, j] = math.exp(-((i - size // 2) ** 2 + (j - size // 2) ** 2) / (2 * 1.5**2))
    total, found = sum(weight.values()), []
    for top, left in itertools.product(range(a.shape[0] - size + 1), range(a.shape[1] - size + 1)):
        p = [(w / total, a[top + i, left + j], b[top + i, left + j]) for (i, j), w in weight.items()]
        ma, mb = sum(w * x for w, x, _ in p), sum(w * y for w, _, y in p)
        va, vb = sum(w * (x - ma) ** 2 for w, x, _ in p), sum(w * (y - mb) ** 2 for w, _, y in p)
        both = sum(w * (x - ma) * (y - mb) for w, x, y in p)
        above = (2 * ma * mb + 0.01**2) * (2 * both + 0.03**2)
        found.append(above / ((ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2)))
    return np.mean(found)


@pytest.mark.parametrize("size", [3, 7])
def test_ssim_pixel_by_pixel(size):
    a, b = random_images(3, 1), random_images(3, 2)
    np.testing.assert_allclose(
        metrics.ssim(a, b, size), [ssim_by_hand(x[0], y[0], size) for x, y in zip(a, b)], rtol=1e-9
    )


@given(seeds)
def test_ssim_is_symmetric_and_one_only_for_the_same(seed):
    a, b = random_images(4, seed), random_images(4, seed + 1)
    np.testing.assert_allclose(metrics.ssim(a, a), 1, rtol=1e-12)
    np.testing.assert_allclose(metrics.ssim(a, b), metrics.ssim(b, a))
    assert (np.abs(metrics.ssim(a, b)) < 1).all() and (metrics.ssim(a, -a) < 0).all()


def test_random_pairs_of_digits_are_as_similar_as_published():
    """0.219 with windows of 7, 0.110 with windows of 11, measured on MNIST's test images."""
    digits = load(embedded=True).images / 127.5 - 1
    first, second = np.random.default_rng(0).permutation(len(digits))[:2000].reshape(2, 1000)
    assert metrics.ssim(digits[first], digits[second]).mean() == pytest.approx(0.219, abs=0.02)
    assert metrics.ssim(digits[first], digits[second], 11).mean() == pytest.approx(0.110, abs=0.02)


@pytest.mark.parametrize("a, b", [((2, 1, 9, 9), (3, 1, 9, 9)), ((2, 6, 9), (2, 6, 9)), ((9, 9), (9, 9))])
def test_images_that_cannot_be_compared_are_refused(a, b):
    with pytest.raises(ValueError, match="7×7 at least, not .*|not .* and "):
        metrics.ssim(np.zeros(a), np.zeros(b))


def test_labels_may_be_a_list_and_come_in_any_order():
    """A list that is compared with a number is not compared element by element."""
    real, labels = random_images(40), np.arange(40) % 4
    images, order = real[::2] / 2, np.random.default_rng(0).permutation(20)
    expected = metrics.intra_class_spread(images, labels[::2], real, labels)
    assert metrics.intra_class_spread(images, labels[::2].tolist(), real, labels.tolist()) == expected
    assert metrics.intra_class_spread(images[order], labels[::2][order], real, labels) == pytest.approx(expected)
    similar = metrics.ssim_within_classes(images, labels[::2].tolist(), np.random.default_rng(0), pairs=3000)
    moved = metrics.ssim_within_classes(images[order], labels[::2][order], np.random.default_rng(0), pairs=3000)
    assert moved == pytest.approx(similar, abs=4 * math.sqrt(2 / 3000))  # other pairs of the same law


@pytest.mark.parametrize("number", [0, -3, 2.5])
def test_pairs_and_windows_are_whole_numbers(number):
    with pytest.raises(ValueError, match=f"pairs={number} must be a whole number"):
        metrics.ssim_within_classes(random_images(4), [0, 0, 1, 1], np.random.default_rng(0), pairs=number)
    with pytest.raises(ValueError, match=f"window={number} must be a whole number"):
        metrics.ssim(random_images(4), random_images(4), number)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_none_have_no_similarity(value):
    images = random_images(4)
    images[2, 0, 3, 3] = value
    for pair in ((images, random_images(4)), (random_images(4), images)):
        with pytest.raises(ValueError, match="ssim: pixels must be finite floats"):
            metrics.ssim(*pair)
    with pytest.raises(ValueError, match="black −1 and white 1, not uint8"):
        metrics.ssim(np.zeros((2, 9, 9), np.uint8), np.zeros((2, 9, 9)))


def test_three_digits_of_stacks_have_probabilities():
    with pytest.raises(ValueError, match="must not be negative and sum to 1"):
        metrics.stacked_modes(np.zeros((4, 3, 10)))


def test_the_modes_of_stacks_come_in_any_order():
    p = stacked([123, 123, 321, 132, 999], [1, 1, 1, 0.5, 0.9])
    assert metrics.stacked_modes(p[::-1]) == metrics.stacked_modes(p)
    assert metrics.stacked_modes(stacked([1, 2], [0.88, 0.9])).sure_modes == 1  # above 0.9: a tenth is spread over all


def test_test_images_that_were_trained_on_tell_nothing():
    train = random_images(30)
    with pytest.raises(ValueError, match="half of the test images are among the training images"):
        metrics.nearest_training(random_images(5, 1), train[:9], train)


def test_the_order_of_neighbours_is_that_of_the_samples():
    generated, test, train = (random_images(n, seed) for seed, n in enumerate((9, 8, 40)))
    found, moved = (metrics.nearest_training(g, test, train) for g in (generated, generated[::-1]))
    assert moved.ratio == pytest.approx(found.ratio) and moved.index.tolist() == found.index[::-1].tolist()
