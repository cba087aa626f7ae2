"""Probes: what the nearest codes and a linear function tell, and how far two clouds are apart."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.metrics import energy_distance, linear_classes, nearest_classes


def blobs(count=60, classes=3, spread=0.3, d=2, seed=0):
    labels = np.arange(count) % classes
    return 2 * rng(9).standard_normal((classes, d))[labels] + spread * rng(seed).standard_normal((count, d)), labels


def test_the_most_of_the_nearest_have_their_way_and_of_two_the_nearest():
    codes, labels = np.array([[0.0], [1.0], [1.5], [4.0], [9.0]]), np.array([0, 1, 1, 2, 0])
    assert nearest_classes(codes, labels, [[0.2]], k=1).tolist() == [0]
    assert nearest_classes(codes, labels, [[0.2]], k=3).tolist() == [1]
    assert nearest_classes(codes, labels, [[0.2], [4.4]], k=2).tolist() == [0, 2]  # one each: the nearest


def test_no_code_is_its_own_neighbour():
    codes, labels = blobs()
    shuffled = rng(1).permutation(labels)
    assert (nearest_classes(codes, labels) == labels).all()
    assert (nearest_classes(codes, shuffled, k=1) == shuffled).mean() < 0.6
    assert (nearest_classes(codes, shuffled, codes, k=1) == shuffled).all()  # others that are copies are found
    at_hand = [nearest_classes(np.delete(codes, i, 0), np.delete(shuffled, i), codes[i : i + 1])[0] for i in range(60)]
    np.testing.assert_array_equal(nearest_classes(codes, shuffled), at_hand)


def test_a_linear_function_reads_what_is_linear_and_no_more():
    codes, labels = blobs(d=4)
    others, truth = blobs(d=4, seed=3)
    assert (linear_classes(codes, labels, others) == truth).mean() > 0.9
    ring = rng(2).standard_normal((400, 2))
    inside = (np.linalg.norm(ring, axis=1) < 1.18).astype(int)
    assert (linear_classes(ring[:300], inside[:300], ring[300:]) == inside[300:]).mean() < 0.7
    assert (nearest_classes(ring[:300], inside[:300], ring[300:]) == inside[300:]).mean() > 0.85


def test_the_linear_function_is_the_ridge_regression_of_the_indicators():
    """With so large a weight, and classes of such different sizes, that offset and weight decide many cases."""
    codes, labels = rng().standard_normal((30, 3)), np.minimum(np.arange(30) // 7, 2)
    others, most = rng(4).standard_normal((400, 3)), {}
    mean, deviation = codes.mean(0), codes.std(0)
    z, targets = (codes - mean) / deviation, np.eye(3)[labels]
    for weight in (0.1, 1.0):
        stacked = np.vstack([z, np.sqrt(weight * 30) * np.eye(3)])
        w = np.linalg.lstsq(stacked, np.vstack([targets - targets.mean(0), np.zeros((3, 3))]), rcond=None)[0]
        expected = ((others - mean) / deviation @ w + targets.mean(0)).argmax(1)
        found = most[weight] = linear_classes(codes, labels, others, weight=weight)
        np.testing.assert_array_equal(found, expected)
    assert (most[0.1] != most[1.0]).sum() > 20


def test_five_neighbours_and_a_small_penalty_are_meant_where_nothing_is_said():
    codes, labels = blobs(spread=2.0)
    others, _ = blobs(400, spread=2.0, seed=5)
    for read, name, meant, other in ((nearest_classes, "k", 5, 3), (linear_classes, "weight", 1e-3, 0.1)):
        found = read(codes, labels, others)
        np.testing.assert_array_equal(found, read(codes, labels, others, **{name: meant}))
        assert (found != read(codes, labels, others, **{name: other})).any()


def test_a_pixel_that_never_changes_does_no_harm():
    codes, labels = blobs()
    still = np.concatenate([codes, np.full((60, 1), 3.0)], 1)
    np.testing.assert_array_equal(linear_classes(still, labels, still), linear_classes(codes, labels, codes))


def test_what_cannot_be_read_is_refused():
    codes, labels = blobs(6)
    with pytest.raises(ValueError, match="6 codes have no 6 neighbours each"):
        nearest_classes(codes, labels, k=6)
    with pytest.raises(ValueError, match="must have the same dimension"):
        linear_classes(codes, labels, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="labels"):
        nearest_classes(codes, labels[:5])
    for wrong in ([], -5 - np.arange(6), np.full(6, np.nan), np.eye(6)):
        with pytest.raises(ValueError, match="labels"):
            linear_classes(codes, wrong, codes)
    for weight in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=f"weight={weight} must be positive"):
            linear_classes(codes, labels, codes, weight)


def test_the_energy_distance_is_that_of_all_pairs():
    x, y = rng().standard_normal((7, 3)), 1 + rng(1).standard_normal((5, 3))

    def mean(a, b):
        return np.mean([[np.linalg.norm(p - q) for q in b] for p in a])

    assert energy_distance(x, y) == pytest.approx(2 * mean(x, y) - mean(x, x) - mean(y, y))
    assert energy_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert type(energy_distance(x, y)) is float


def test_two_draws_are_as_far_apart_as_is_said():
    found = [energy_distance(*rng(seed).standard_normal((2, 200, 2))) for seed in range(20)]
    x = rng(99).standard_normal((2000, 2))
    assert np.mean(found) == pytest.approx(np.linalg.norm(x[:1000] - x[1000:], axis=1).mean() * 2 / 200, rel=0.25)
