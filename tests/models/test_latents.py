"""Latents with a discrete part."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.models.latents import of_kinds


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
