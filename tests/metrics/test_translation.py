"""Translations: cycles that come home, also from bytes and through noise, and the distance to a hidden truth."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.data import load, views
from scratchgan.metrics import translation
from scratchgan.metrics.translation import against_truth, cycle_errors


def images(seed=0):
    return rng(seed).uniform(-1, 1, (6, 3, 8, 8)).astype(np.float32)


def test_what_comes_home_has_no_error():
    x = images()
    found = cycle_errors(x, x / 2, lambda moved: 2 * moved, rng())
    assert found["cycle error"] == 0
    assert 0 < found["cycle error of bytes"] < 2 / 255  # twice the half of half a step, at most
    assert found["cycle error with noise"] == pytest.approx(2 * 0.02 * (2 / np.pi) ** 0.5, rel=0.05)


def test_what_is_hidden_in_small_differences_is_lost():
    """A translation that is black, but for a thousandth of the image: the eye sees nothing of it, and home does."""
    x = images()
    found = cycle_errors(x, x / 1000, lambda moved: 1000 * moved, rng())
    assert found["cycle error"] < 1e-4
    assert found["cycle error of bytes"] > 0.4 and found["cycle error with noise"] > 10


DIGITS = load(embedded=True)
GREY, LABELS = DIGITS.images[::250], DIGITS.labels[::250]
ORANGE, BLUE = (
    array.astype(np.float32) / 127.5 - 1
    for array in (views.coloured(GREY, views.ORANGE, views.BLACK), views.coloured(GREY, views.BLUE, views.WHITE))
)


@pytest.fixture
def judged(monkeypatch):
    """What the judge is shown; it calls a digit right where it is the digit."""

    class Judge:
        def __init__(self, data):
            assert data == "mnist"

        def accuracy(self, images, labels):
            np.testing.assert_array_equal(labels, LABELS)
            return float((np.abs(images.astype(int) - GREY).mean((1, 2, 3)) < 12).mean())

    monkeypatch.setattr(translation, "Judge", Judge)


def test_the_truth_has_no_error_and_the_anchors_have(judged):
    found = against_truth(ORANGE, BLUE, BLUE, LABELS)
    assert found["error"] == 0 and found["right colours"] == found["right class"] == 1
    assert found["error of the input itself"] == pytest.approx(np.abs(ORANGE - BLUE).mean())
    assert found["error of paper alone"] == pytest.approx(np.abs(1 - BLUE).mean(), abs=1e-6)
    assert found["right class of the input"] == 1


def test_other_colours_and_other_digits_are_seen(judged):
    pink = views.coloured(GREY, (245, 130, 180), views.WHITE).astype(np.float32) / 127.5 - 1
    on_black = views.coloured(GREY, views.BLUE, views.BLACK).astype(np.float32) / 127.5 - 1
    for wrong in (pink, on_black, ORANGE):
        found = against_truth(ORANGE, wrong, BLUE, LABELS)
        assert found["right colours"] == 0 and found["right class"] == 1 and found["error"] > 0
    half = BLUE.copy()
    half[:10] = pink[:10]
    assert against_truth(ORANGE, half, BLUE, LABELS)["right colours"] == 0.5
    found = against_truth(ORANGE, BLUE[::-1], BLUE, LABELS)
    assert found["right class"] < 0.2 and found["right colours"] == found["right class of the input"] == 1


def test_what_goes_beyond_white_is_white(judged):
    """As bytes 256 would be 0: white paper would be black."""
    assert BLUE.max() == 1 and against_truth(ORANGE, np.float32(1.02) * BLUE, BLUE, LABELS)["right colours"] == 1


def test_images_that_are_no_pairs_are_refused(judged):
    """One truth for all, or a network that loses channels, would be broadcast."""
    with pytest.raises(ValueError, match=r"images \(.*\) and \(1, 3, 28, 28\) are no pairs"):
        against_truth(ORANGE, BLUE, BLUE[:1], LABELS)
    with pytest.raises(ValueError, match="are no pairs"):
        cycle_errors(ORANGE, BLUE, lambda images: images[:, :1], np.random.default_rng(0))
