"""Minibatch discrimination and minibatch standard deviation: their formulas, written out, and what they can tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import rng

from scratchgan import Tensor, nn


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


# Minibatch discrimination --------------------------------------------------------------------------------------------


def discrimination(features=4, kernels=3, dims=2):
    return nn.MinibatchDiscrimination(features, kernels, dims, rng=rng(1)).to(np.float64)


def test_it_is_the_sum_over_the_other_samples():
    layer, x = discrimination(), normal(5, 4)
    m = np.einsum("na,abc->nbc", x, layer.weight.data)
    o = np.zeros((5, 3))
    for i in range(5):
        for j in set(range(5)) - {i}:
            for b in range(3):
                o[i, b] += np.exp(-np.abs(m[i, b] - m[j, b]).sum())
    np.testing.assert_allclose(layer(Tensor(x)).data, np.hstack([x, o]), rtol=1e-13)


def test_identical_samples_count_each_other_and_distant_ones_do_not():
    same, apart = np.tile(normal(1, 4), (6, 1)), 1e4 * normal(6, 4)
    np.testing.assert_allclose(discrimination()(Tensor(same)).data[:, 4:], 5, rtol=1e-14)
    np.testing.assert_allclose(discrimination()(Tensor(apart)).data[:, 4:], 0, atol=1e-14)


def test_one_sample_has_no_others():
    assert not discrimination()(Tensor(normal(1, 4))).data[:, 4:].any()


@given(st.permutations(range(5)))
def test_discrimination_follows_a_permutation_of_the_batch(order):
    layer, x = discrimination(), normal(5, 4)
    np.testing.assert_allclose(layer(Tensor(x[order])).data, layer(Tensor(x)).data[order], rtol=1e-12)


@pytest.mark.parametrize("features, dims", [(4, 2), (64, 4), (512, 5)])
def test_at_the_start_independent_features_lie_at_distance_1(features, dims):
    """Far above it every closeness is 0, far below it 1, and its slope is dead."""
    layer, x = nn.MinibatchDiscrimination(features, 50, dims, rng=rng()), normal(40, features, seed=2)
    m = np.einsum("na,abc->nbc", x, layer.weight.data)
    distances = np.abs(m[:, None] - m[None]).sum(3)
    assert distances[~np.eye(40, dtype=bool)].mean() == pytest.approx(1, rel=0.15)


def test_images_are_to_be_flattened_first():
    with pytest.raises(ValueError, match=r"got shape \(2, 4, 3, 3\); it needs \(N, 4\): flatten an image before"):
        discrimination()(Tensor(normal(2, 4, 3, 3)))
    with pytest.raises(ValueError, match=r"got shape \(2, 5\); it needs \(N, 4\)"):
        discrimination()(Tensor(normal(2, 5)))


def test_the_tensor_is_drawn_from_the_generator_that_is_given():
    first, second = (nn.MinibatchDiscrimination(4, 3, 2, rng=rng(5)).weight.data for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert repr(nn.MinibatchDiscrimination(4, 3, 2)) == "MinibatchDiscrimination(4, 3, 2)"


# Minibatch standard deviation ----------------------------------------------------------------------------------------


def added(x, *options):
    """The channels that are appended."""
    y = nn.MinibatchStdDev(*options)(Tensor(x)).data
    np.testing.assert_array_equal(y[:, : x.shape[1]], x)
    return y[:, x.shape[1] :]


def by_loops(x, size, parts=1):
    n, c, h, w = x.shape
    groups, out = n // size, np.zeros((n, parts, h, w))
    for i in range(n):
        members = [x[j] for j in range(n) if j % groups == i % groups]
        deviation = np.sqrt(np.var(members, axis=0) + 1e-8)
        for k in range(parts):
            out[i, k] = deviation[k * (c // parts) : (k + 1) * (c // parts)].mean()
    return out


@pytest.mark.parametrize(
    "shape, size, parts", [((8, 3, 2, 2), 4, 1), ((6, 4, 3, 2), 2, 2), ((12, 2, 1, 1), 3, 1), ((4, 6, 2, 2), 4, 3)]
)
def test_it_is_the_formula_written_out_in_loops(shape, size, parts):
    x = normal(*shape)
    np.testing.assert_allclose(added(x, size, parts), by_loops(x, size, parts), rtol=1e-12)


def test_the_groups_are_strided_and_the_deviation_is_that_of_the_population():
    """A worked example: groups of four out of twelve numbers, 1st with 4th, 7th and 10th."""
    x = np.array([0, 0, 0, 0, 1, 2, 3, 4, 100, 200, 300, 400.0]).reshape(12, 1, 1, 1)
    np.testing.assert_allclose(added(x).ravel(), np.tile([86.178, 129.191, 163.557], 4), atol=5e-4)


def test_a_constant_batch_gives_the_root_of_epsilon():
    np.testing.assert_allclose(added(np.full((8, 3, 2, 2), 7.0)), 1e-4, rtol=1e-10)


@pytest.mark.parametrize("size, value", [(2, 0.565), (4, 0.799), (16, 0.951)])
def test_independent_normal_activations_give_the_mean_deviation_of_so_many(size, value):
    assert added(normal(16, 8, 20, 20), size).mean() == pytest.approx(value, rel=0.01)


def test_a_batch_smaller_than_a_group_is_one_group():
    x = normal(3, 2, 2, 2)
    np.testing.assert_allclose(added(x, 4), by_loops(x, 3), rtol=1e-12)
    assert np.ptp(added(x, 4)) == 0


@given(st.permutations(range(4)))
def test_with_the_whole_batch_as_a_group_it_follows_a_permutation(order):
    x = normal(4, 2, 2, 3)
    layer = nn.MinibatchStdDev(4)
    np.testing.assert_allclose(layer(Tensor(x[order])).data, layer(Tensor(x)).data[order], rtol=1e-12)


def test_members_of_a_group_may_change_places_but_not_groups():
    x = normal(4, 2, 2, 2)
    before = added(x, 2)
    np.testing.assert_allclose(added(x[[2, 1, 0, 3]], 2), before, rtol=1e-12)
    assert np.abs(added(x[[1, 0, 2, 3]], 2) - before).max() > 1e-3


def test_a_batch_that_leaves_samples_over_is_refused_with_a_size_that_fits():
    with pytest.raises(ValueError, match="batch of 6 is no whole number of groups of 4: drop .* such as 2"):
        nn.MinibatchStdDev()(Tensor(normal(6, 2, 2, 2)))


def test_channels_that_do_not_split_are_refused():
    with pytest.raises(ValueError, match="3 channels do not split into num_channels=2 parts"):
        nn.MinibatchStdDev(2, 2)(Tensor(normal(4, 3, 2, 2)))


@pytest.mark.parametrize("shape", [(4, 3), (0, 3, 2, 2)])
def test_it_needs_images(shape):
    with pytest.raises(ValueError, match=r"needs \(N, C, H, W\) with N ≥ 1"):
        nn.MinibatchStdDev()(Tensor(np.zeros(shape)))


@pytest.mark.parametrize("options", [(0, 1), (4, 0)])
def test_groups_and_channels_number_at_least_one(options):
    with pytest.raises(ValueError, match=r"=0 must be a whole number in \[1, ∞\)"):
        nn.MinibatchStdDev(*options)
