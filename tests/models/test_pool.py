"""The pool of generated images: half of them are exchanged for older ones, and none is lost."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.models.pool import ImagePool


def numbered(first, count):
    return np.arange(first, first + count, dtype=np.float32).reshape(-1, 1)


def test_until_the_pool_is_full_images_pass_unchanged():
    pool = ImagePool(6, (1,))
    for first in (0, 3):
        np.testing.assert_array_equal(pool.exchange(numbered(first, 3), rng()), numbered(first, 3))
    assert pool.count == 6 and pool.kept[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_then_half_of_them_are_exchanged_for_one_that_was_kept_and_no_image_is_lost():
    pool, noise, exchanged = ImagePool(50, (1,)), rng(), 0
    pool.exchange(numbered(0, 50), noise)
    for first in range(50, 2050, 4):
        before = set(pool.kept[:, 0])
        new = numbered(first, 4)
        shown = pool.exchange(new, noise)
        exchanged += int((shown != new).sum())
        assert before | set(new[:, 0]) == set(pool.kept[:, 0]) | set(shown[:, 0])
    assert exchanged / 2000 == pytest.approx(0.5, abs=0.04)
    assert np.diff(np.sort(pool.kept[:, 0])).max() > 1  # old ones are among them
    assert pool.kept.min() >= 50  # and each place had its turn


def test_a_pool_goes_on_from_its_state():
    pool, other = ImagePool(4, (1,)), ImagePool(4, (1,))
    pool.exchange(numbered(0, 7), rng())
    other.load_state_dict(pool.state_dict())
    np.testing.assert_array_equal(other.exchange(numbered(9, 9), rng(1)), pool.exchange(numbered(9, 9), rng(1)))
    for size in (3, 5):
        with pytest.raises(ValueError, match="do not fit a pool"):
            ImagePool(size, (1,)).load_state_dict(pool.state_dict())
