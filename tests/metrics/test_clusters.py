"""Clusters whose classes are known, and k-means where its answer is."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.metrics import k_means, majority_classes


def test_a_cluster_has_the_class_of_most_of_its_members():
    clusters, labels = [0, 0, 0, 1, 1, 3], [2, 2, 1, 0, 0, 1]
    assert majority_classes(clusters, labels, [0, 1, 3, 1]).tolist() == [2, 0, 1, 0]


def test_an_empty_cluster_has_the_class_that_most_have():
    assert majority_classes([0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [2, 7, 0]).tolist() == [1, 1, 0]


def test_labels_must_fit():
    with pytest.raises(ValueError, match="labels"):
        majority_classes([0, 1], [0], [0])
    nobody = np.zeros(0, int)
    with pytest.raises(ValueError, match="no member of a cluster is labelled"):
        majority_classes(nobody, nobody, [0])
    assert majority_classes([0, 1], [0, 1], nobody).shape == (0,)


def test_k_means_finds_the_means_of_clouds_that_are_apart():
    truth = 10.0 * np.array([[0, 0], [0, 1], [1, 0], [3, 3]])
    cluster = np.arange(200) % 4
    points = truth[cluster] + rng(1).standard_normal((200, 2))
    centres = k_means(points, 4, rng(2))
    means = np.stack([points[cluster == k].mean(0) for k in range(4)])
    order = np.linalg.norm(centres[:, None] - means, axis=2).argmin(0)
    assert sorted(order) == [0, 1, 2, 3]
    np.testing.assert_allclose(centres[order], means, rtol=1e-10)


def test_its_centres_are_means_of_their_own_points_at_the_end():
    points = rng(3).standard_normal((300, 3))
    centres = k_means(points, 5, rng(4))
    cluster = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    np.testing.assert_allclose(centres, [points[cluster == k].mean(0) for k in range(5)])


def test_first_centres_are_points_and_far_apart():
    """Without a round: of two clouds both have one, though the second has a hundredth of the points."""
    points = np.concatenate([rng(5).standard_normal((990, 2)), 100 + rng(6).standard_normal((10, 2))])
    found = [k_means(points, 2, rng(seed), rounds=0) for seed in range(20)]
    assert np.mean([centres.max() > 90 for centres in found]) > 0.9
    assert all((points == centre).all(1).any() for centres in found for centre in centres)


def test_the_very_first_centre_is_any_of_the_points():
    points = np.arange(8.0)[:, None]
    firsts = np.array([k_means(points, 1, rng(seed), rounds=0).item() for seed in range(400)])
    np.testing.assert_allclose(np.bincount(firsts.astype(int)), 50, atol=25)


def test_a_round_takes_each_centre_to_the_mean_of_its_points():
    points = rng(7).standard_normal((60, 2))
    start, moved = (k_means(points, 4, rng(8), rounds=rounds) for rounds in (0, 1))
    cluster = np.linalg.norm(points[:, None] - start, axis=2).argmin(1)
    np.testing.assert_allclose(moved, [points[cluster == k].mean(0) for k in range(4)])


def test_a_centre_without_points_stays_where_it_is():
    points = np.array([[0.0]] * 5 + [[10.0]])
    assert all(set(k_means(points, 3, rng(seed)).ravel()) == {0, 10} for seed in range(9))


def test_points_that_are_all_alike_are_no_trouble_and_too_few_are_refused():
    assert k_means(np.ones((5, 2)), 3, rng()).tolist() == [[1, 1]] * 3
    with pytest.raises(ValueError, match="5 points have no 6 centres"):
        k_means(np.ones((5, 2)), 6, rng())
