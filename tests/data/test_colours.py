"""Colours: names, clusters, and what is found in an image."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.data import DataError, Dataset, views
from scratchgan.data.captions import PAIRS
from scratchgan.data.colours import NAMES, PALETTE, by_colour, clusters, contrast, nearest, prominent, separated
from scratchgan.data.emoji import load_emoji


def test_a_colour_of_the_palette_is_its_own_nearest_and_so_are_its_neighbours_and_shades():
    colours = np.array(list(PALETTE.values()))
    np.testing.assert_array_equal(nearest(colours), np.arange(12))
    np.testing.assert_array_equal(nearest(colours[None] + rng().uniform(-15, 15, (5, 12, 3))), [np.arange(12)] * 5)
    others = {"grey": (200, 200, 200), "yellow": (255, 255, 200), "green": (10, 90, 10), "blue": (150, 210, 235)}
    assert [NAMES[nearest(colour)] for colour in others.values()] == list(others)


def test_what_is_no_colour_is_near_none():
    for wrong, why in (
        ([255, np.nan, 0], r"colours \(3,\) must be finite: 1 numbers are not"),
        ([1, 2], r"not \(2,\)"),
    ):
        with pytest.raises(DataError, match=why):
            nearest(wrong)
    with pytest.raises(DataError, match="points .* must be finite"):
        clusters([[0.0, np.inf], [1.0, 2.0]])


def test_contrast_is_a_distance():
    assert contrast("black", "white") == pytest.approx(255 * 3**0.5) and contrast("red", "red") == 0
    assert contrast("red", "brown") == pytest.approx((95**2 + 50**2 + 10**2) ** 0.5) == contrast("brown", "red")


def test_clusters_are_found_whatever_their_order():
    centres = np.array([[0, 0], [9, 0], [0, 9]])
    points = centres.repeat([30, 50, 20], 0) + rng().uniform(-1, 1, (100, 2))
    found, sizes = clusters(rng(1).permutation(points))
    order = np.lexsort(np.rint(found).T)
    np.testing.assert_allclose(found[order], [points[:30].mean(0), points[30:80].mean(0), points[80:].mean(0)])
    assert sizes[order].tolist() == [30, 50, 20]


def test_the_end_of_k_means_is_a_fixed_point():
    """Each centre is the mean of the points that are nearest to it."""
    points = rng().standard_normal((200, 3))
    centres, sizes = clusters(points, 4, turns=200)
    members = ((points[:, None] - centres) ** 2).sum(2).argmin(1)
    for label in range(4):
        np.testing.assert_allclose(centres[label], points[members == label].mean(0))
    np.testing.assert_array_equal(sizes, np.bincount(members))


def test_fewer_colours_than_clusters_leave_some_empty():
    points = np.array([[0.0, 0, 0]] * 4 + [[255.0, 0, 0]] * 3)
    centres, sizes = clusters(points)
    assert sorted(sizes.tolist()) == [0, 3, 4] and np.isfinite(centres).all()
    with pytest.raises(DataError, match=r"one at least, not of \(0, 3\)"):
        clusters(np.zeros((0, 3)))


def picture(**areas):
    """A picture with as many pixels of each colour as said, on white."""
    pixels = np.full((100, 3), 255, np.uint8)
    place = 0
    for name, count in areas.items():
        pixels[place : place + count] = PALETTE[name]
        place += count
    return pixels.T.reshape(1, 3, 10, 10)


@pytest.mark.parametrize(
    "areas, expected",
    [
        ({"red": 20, "blue": 10}, "red"),
        ({"red": 10, "blue": 20}, "blue"),
        ({"green": 9, "black": 5, "orange": 8}, "green"),
        ({"grey": 2}, "grey"),
        ({"red": 1}, "white"),
        ({}, "white"),
    ],
)
def test_the_most_prominent_colour_is_that_of_most_pixels_that_are_not_paper(areas, expected):
    assert NAMES[prominent(picture(**areas))[0]] == expected


def test_shades_of_a_colour_count_together():
    """Two reds are one cluster, of more pixels than the blue ones, though each has less."""
    pixels = picture(red=24, blue=15, yellow=12)
    pixels[0, 0].flat[:12] -= 12
    assert NAMES[prominent(pixels)[0]] == "red"


def test_the_order_of_pixels_and_images_does_not_matter():
    images = load_emoji("test").images[:20]
    labels = prominent(images)
    np.testing.assert_array_equal(prominent(images[::-1]), labels[::-1])
    np.testing.assert_array_equal(prominent(images[:, :, ::-1]), labels)
    assert len(set(labels.tolist())) > 4 and labels.dtype == np.int64


def test_colours_of_what_is_not_in_colour_are_refused():
    for images in (np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4, 4))):
        with pytest.raises(DataError):
            prominent(images)


def test_a_coloured_image_is_taken_apart_again():
    grey = np.zeros((2, 1, 12, 12), np.uint8)
    grey[:, :, 3:9, 4:8], grey[:, :, 3, 4] = 255, 100
    for ink, paper in PAIRS:
        images = views.coloured(grey, PALETTE[ink], PALETTE[paper])
        found, foreground, background = separated(images)
        np.testing.assert_allclose(found, grey, atol=4)
        assert [NAMES[i] for i in nearest(np.stack([foreground, background])[:, 0])] == [ink, paper]


def test_an_image_of_one_colour_has_no_ink():
    with np.errstate(all="raise"):
        ink, foreground, background = separated(np.full((1, 3, 6, 6), 77, np.uint8))
    assert not ink.any() and (foreground == background).all() and ink.shape == (1, 1, 6, 6)


def test_rare_colours_are_repeated_until_each_is_as_frequent():
    images = np.concatenate([picture(**{name: 50}) for name in NAMES] + [picture(red=50 - i) for i in range(4)])
    balanced, labels = by_colour(Dataset("x", images, None, ""), size=10)
    assert np.bincount(labels).tolist() == [5] * 12 and balanced.shape == (60, 3, 10, 10)
    np.testing.assert_array_equal(prominent(balanced), labels)
    assert len({image.tobytes() for image in balanced}) == 15  # two of 16 are the same
    plain, labels = by_colour(Dataset("x", images, None, ""), size=10, balanced=False)
    assert len(plain) == 16 and labels[-5:].tolist() == [11, *[NAMES.index("red")] * 4]


def test_a_colour_that_no_picture_has_is_named():
    images = np.concatenate([picture(**{name: 50}) for name in NAMES if name not in ("cyan", "pink")])
    with pytest.raises(DataError, match="no picture is mostly cyan, pink: some of each of 12 colours are needed"):
        by_colour(Dataset("x", images, None, ""), size=10)
