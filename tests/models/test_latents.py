"""Latents with a discrete part, and a plane of them."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.models.latents import of_kinds, plane


def test_the_first_numbers_say_one_kind_and_the_others_are_normal():
    z = of_kinds((4000, 14), rng(), kinds=5)
    assert set(np.unique(z[:, :5])) == {0, np.sqrt(5)} and (np.count_nonzero(z[:, :5], axis=1) == 1).all()
    shares = np.count_nonzero(z[:, :5], axis=0) / len(z)
    np.testing.assert_allclose(shares, 0.2, atol=0.02)
    assert abs(z[:, 5:].mean()) < 0.02 and abs(z[:, 5:].std() - 1) < 0.02
    assert abs((z**2).sum(1).mean() - 14) < 0.3  # as long as normal latents of 14 numbers


def test_kinds_that_have_no_place_are_refused():
    assert of_kinds((3, 10), rng()).shape == (3, 10)
    with pytest.raises(ValueError, match="latents of 9 numbers have no place for 10 kinds: take a larger latent_size"):
        of_kinds((3, 9), rng())


@pytest.mark.parametrize("kinds", [0, -1, 2.5, True, None])
def test_kinds_are_a_whole_number(kinds):
    with pytest.raises(ValueError, match=f"kinds={kinds} must be a whole number, 1 or more"):
        of_kinds((3, 10), rng(), kinds)


def test_each_latent_of_the_plane_stands_for_the_same_share_of_the_prior():
    """Of many normal numbers as many lie nearest to each in probability; they grow to the right, and upwards."""
    square = plane(5).reshape(5, 5, 2)
    line = square[0, :, 0]
    np.testing.assert_array_equal(square[..., 0], np.tile(line, (5, 1)))
    np.testing.assert_array_equal(square[..., 1], np.tile(line[::-1, None], (1, 5)))
    below = [(rng().standard_normal(200_000) < each).mean() for each in line]
    np.testing.assert_allclose(below, [0.1, 0.3, 0.5, 0.7, 0.9], atol=0.005)
    assert line[2] == 0 and line[0] == -line[4]
