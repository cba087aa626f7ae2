"""What one pixel sees, and what it does not."""

import argparse
import runpy

import numpy as np
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan import nn
from scratchgan.lab.sight import blind, sight


class Weighed(nn.Module):
    """The logit of each pixel is the sum of those before it in its row, times w."""

    def __init__(self, w):
        self.layer = nn.Linear(4, 4, bias=False)
        self.layer.weight.data = w * np.tri(4, k=-1, dtype=np.float32)

    def forward(self, x):
        return self.layer(x)


def test_it_is_the_slope_of_one_logit_in_every_pixel():
    seen = sight(Weighed(-3.0), (3, 4), (1, 2), rng())
    np.testing.assert_allclose(seen, [[0, 0, 0, 0], [3, 3, 0, 0], [0, 0, 0, 0]])


def test_it_is_the_mean_over_random_images_of_bits():
    class Product(Weighed):
        def forward(self, x):
            return x * x * x  # whose slope is 3 x²

    seen = sight(Product(1.0), (3, 4), (1, 2), rng(), images=500)
    assert (seen > 0).sum() == 1 and 1.35 < seen[1, 2] < 1.65


def test_blind_are_the_pixels_before_it_that_have_no_slope():
    seen = sight(Weighed(1.0), (3, 4), (1, 2), rng())
    expected = np.zeros((3, 4), bool)
    expected[0] = True
    np.testing.assert_array_equal(blind(seen, (1, 2)), expected)
    expected[1] = True
    np.testing.assert_array_equal(blind(sight(Weighed(1.0), (3, 4), (2, 0), rng()), (2, 0)), expected)


# The lesson ----------------------------------------------------------------------------------------------------------


def test_the_lesson_counts_the_blind_spots_and_draws_them(tmp_path):
    lesson = runpy.run_path(str(DEMOS / "blind_spot.py"))
    flags = argparse.Namespace(seed=0)
    numbers, claims = lesson["experiment"](flags, tmp_path)
    assert [found["not seen"] for found in numbers.values()] == [45, 28, 0, 0]
    assert all(claim.holds for claim in claims) and len(claims) == 5
    with Image.open(tmp_path / "blind_spot.png") as picture:
        assert picture.width > 2 * picture.height


def test_a_leak_or_another_blind_spot_fails_a_claim():
    lesson = runpy.run_path(str(DEMOS / "blind_spot.py"))
    names = list(lesson["NETWORKS"])
    right = dict(zip(names, ({"not seen": n, "seen too early": 0} for n in (45, 28, 0, 0))))
    for name in names:
        for what in ("not seen", "seen too early"):
            wrong = {key: dict(found) for key, found in right.items()}
            wrong[name][what] += 1
            assert sum(not claim.holds for claim in lesson["claims"](wrong)) == 1
