"""Bicubic resampling: the equation, and the small images of Set5 and Set14 to the last bit, where they are there."""

import numpy as np
import pytest
from photographs import SETS, pairs

from scratchgan.data import DataError
from scratchgan.data.bicubic import kernel, larger, resized, smaller


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def by_hand(images, height, width):
    """Pixel by pixel, first along the columns, then along the rows, with bytes in between."""
    down = np.stack([line_by_hand(images[..., x], height) for x in range(images.shape[-1])], -1)
    return np.stack([line_by_hand(down[..., y, :], width) for y in range(height)], -2)


def line_by_hand(lines, wanted):
    size, made = lines.shape[-1], []
    scale = wanted / size
    narrow = min(scale, 1)
    for i in range(wanted):
        u = (i + 0.5) / scale - 0.5
        places = range(int(u - 2 / narrow) - 2, int(u + 2 / narrow) + 3)
        weights = [float(kernel(narrow * (u - j))) for j in places]
        pixels = [lines[..., min(max(j, 0), size - 1)].astype(float) for j in places]
        made.append(sum(w * p for w, p in zip(weights, pixels)) / sum(weights))
    return np.floor(np.stack(made, -1) + 0.5).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("height, width", [(3, 4), (12, 16), (24, 32), (7, 40), (5, 5)])
def test_pixel_by_pixel(height, width):
    images = noise(2, 3, 12, 16)
    np.testing.assert_array_equal(resized(images, height, width), by_hand(images, height, width))


def test_the_kernel_is_that_of_keys():
    """1 at 0 and 0 at the other whole numbers, with values and slopes that fit; its copies sum to 1."""
    assert kernel([-3, -2, -1, 0, 1, 2, 2.5]).tolist() == [0, 0, 0, 1, 0, 0, 0]
    t = np.linspace(0, 1, 11)
    np.testing.assert_allclose(sum(kernel(t + k) for k in range(-2, 3)), 1, atol=1e-14)
    assert kernel(0.5) == 0.5625 and kernel(1.5) == -0.0625  # with a = −¾ the second is −0.09375


def test_what_is_constant_stays_and_what_keeps_its_size_is_copied():
    images = noise(2, 1, 6, 6)
    np.testing.assert_array_equal(resized(images, 6, 6), images)
    assert (smaller(np.full((1, 1, 8, 8), 77, np.uint8), 4) == 77).all()
    assert (larger(np.full((1, 1, 2, 3), 200, np.uint8), 4) == 200).all()


def test_smaller_and_larger_are_by_a_factor():
    images = noise(3, 2, 8, 12)
    np.testing.assert_array_equal(smaller(images, 4), resized(images, 2, 3))
    np.testing.assert_array_equal(larger(images, 2), resized(images, 16, 24))
    assert smaller(images, 4).dtype == np.uint8 and larger(images[:0], 2).shape == (0, 2, 16, 24)


def test_many_images_are_each_resampled(monkeypatch):
    images = noise(5, 1, 8, 8)
    together = smaller(images, 2)
    monkeypatch.setattr("scratchgan.data.bicubic.BLOCK", 130)  # two at a time
    np.testing.assert_array_equal(smaller(images, 2), together)


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(DataError, match="6×8 pixels cannot be reduced 4 times"):
        smaller(noise(1, 1, 6, 8), 4)
    with pytest.raises(DataError, match="8×6 pixels cannot be reduced 4 times"):
        smaller(noise(1, 1, 8, 6), 4)
    with pytest.raises(DataError, match="uint8"):
        smaller(np.zeros((1, 1, 8, 8)), 4)
    with pytest.raises(DataError, match=r"\(N, …, H, W\), got \(8, 8\)"):
        resized(noise(8, 8), 2, 2)
    with pytest.raises(DataError, match="height=0"):
        resized(noise(1, 8, 8), 0, 2)


@pytest.mark.parametrize("name", SETS)
def test_the_published_small_images_to_the_last_bit(name):
    for large, small in pairs(name):
        np.testing.assert_array_equal(smaller(large, 4), small)
