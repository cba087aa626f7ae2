"""What batches hold: sizes, colours, outlines and bits of images, as pure functions of bytes."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, Dataset, load, views
from scratchgan.data.bicubic import smaller
from scratchgan.data.views import binarised, coloured, outlined, shrunk, sized

DIGITS = load(embedded=True)
SOME = Dataset("mnist", DIGITS.images[::500], DIGITS.labels[::500], "a test")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# Of data sets --------------------------------------------------------------------------------------------------------


def test_enlargements_are_images_the_same_made_smaller_and_their_labels():
    large, small, labels = views.enlargements(SOME)
    np.testing.assert_array_equal(large, SOME.images)
    np.testing.assert_array_equal(small, smaller(SOME.images, 4))
    np.testing.assert_array_equal(labels, SOME.labels)
    large, small = views.enlargements(Dataset("mnist", SOME.images, None, "a test"), 32, 3, 2)
    np.testing.assert_array_equal(large, sized(SOME.images, 32, 3))
    np.testing.assert_array_equal(small, smaller(large, 2))


# Sizes ---------------------------------------------------------------------------------------------------------------


def test_an_image_of_the_size_asked_for_stays_as_it_is():
    images = noise(3, 1, 9, 9)
    np.testing.assert_array_equal(sized(images, 9), images)
    colours = noise(3, 3, 9, 9)
    np.testing.assert_array_equal(sized(colours, 9, 3), colours)


@pytest.mark.parametrize("size, times", [(32, 1), (64, 2), (128, 4)])
def test_a_power_of_two_is_a_margin_of_zeros_and_repeated_pixels(size, times):
    images = noise(2, 1, 28, 28)
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = np.kron(padded, np.ones((1, 1, times, times), np.uint8))
    np.testing.assert_array_equal(sized(images, size), expected)


def test_an_odd_margin_is_wider_at_the_end():
    images = noise(2, 3, 5, 5) | 1
    expected = np.pad(images, ((0, 0), (0, 0), (1, 2), (1, 2)))
    np.testing.assert_array_equal(sized(images, 8, 3), expected)


def test_other_sizes_are_resampled_and_keep_the_mean():
    images = views.coloured(SOME.images, (255, 0, 0), (0, 0, 255))
    for size in (14, 20, 40):
        made = sized(images, size, 3)
        assert made.shape == (len(images), 3, size, size) and made.dtype == np.uint8
        np.testing.assert_allclose(made.mean((2, 3)), images.mean((2, 3)), atol=4)
        by_pillow = Image.fromarray(images[0].transpose(1, 2, 0)).resize((size, size), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(made[0], np.asarray(by_pillow).transpose(2, 0, 1))


def test_grey_is_the_same_in_all_channels_and_colours_become_their_luma():
    grey = noise(2, 1, 8, 8)
    np.testing.assert_array_equal(sized(grey, 8, 3), grey.repeat(3, 1))
    plain = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)[:, :, None, None].repeat(4, 2).repeat(4, 3)
    np.testing.assert_allclose(sized(plain, 4, 1)[:, 0, 0, 0], [76, 150, 29], atol=1)


@pytest.mark.parametrize(
    "images, size, channels",
    [
        (noise(2, 1, 8, 9), 8, 1),
        (noise(2, 2, 8, 8), 8, 1),
        (noise(2, 1, 8, 8), 8, 2),
        (noise(2, 1, 8, 8), 0, 1),
        (noise(2, 8, 8), 8, 1),
        (noise(2, 1, 8, 8).astype(float), 8, 1),
    ],
)
def test_what_cannot_be_made_is_refused(images, size, channels):
    with pytest.raises(DataError):
        sized(images, size, channels)


# Data sets -----------------------------------------------------------------------------------------------------------


def test_images_and_labels_go_together():
    images, labels = views.labelled(SOME, 32)
    np.testing.assert_array_equal(images, views.images(SOME, 32)[0])
    np.testing.assert_array_equal(labels, SOME.labels)


def test_labels_that_are_missing_or_unknown_to_the_networks_are_refused():
    with pytest.raises(DataError, match="have no labels"):
        views.labelled(Dataset("x", SOME.images, None, "x"))
    with pytest.raises(DataError, match=r"labels must be 0…4, found 0…9"):
        views.labelled(SOME, classes=5)
    with pytest.raises(DataError, match=r"no image has the labels \[10, 11\]: 12 classes are needed here, 0 to 11"):
        views.labelled(SOME, classes=12)


def test_few_images_are_the_first_of_each_class_in_their_order():
    images = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1).repeat(4, 2).repeat(4, 3)
    labels = np.array([7, 7, 7, 7, 2, 2, 7, 5, 5, 5, 2, 2])

    def kept(count, labels=labels):
        (made,) = views.few(Dataset("x", images, labels, ""), count, size=4)
        return made[:, 0, 0, 0].tolist()

    assert kept(6) == [0, 1, 4, 5, 7, 8]
    assert kept(4) == [0, 1, 4, 7]
    assert kept(11) == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11]  # a class of three gives three
    assert kept(3, None) == [0, 1, 2]
    with pytest.raises(DataError, match="13 images are asked for, and there are 12"):
        kept(13)
    (digits,) = views.few(DIGITS, size=32, channels=3)
    assert digits.shape == (500, 3, 32, 32)


def test_without_a_number_there_are_as_many_classes_as_labels_or_names():
    of_three = Dataset("x", SOME.images, SOME.labels % 3, "x")
    assert set(views.labelled(of_three)[1]) == {0, 1, 2}
    with pytest.raises(DataError, match=r"no image has the labels \[1\]: 3 classes are needed here, 0 to 2"):
        views.labelled(Dataset("x", SOME.images, SOME.labels % 2 * 2, "x"))
    with pytest.raises(DataError, match=r"no image has the labels \[3\]: 4 classes are needed"):
        views.labelled(Dataset("x", SOME.images, SOME.labels % 3, "x", ["a", "b", "c", "d"]))


@pytest.mark.parametrize("count", [10, 9])
def test_the_two_colours_share_no_image_and_have_the_ink_and_paper_they_should(count):
    x, y = views.two_colours(Dataset("mnist", SOME.images[:count], None, ""))
    assert len(x) == len(y) == count // 2
    np.testing.assert_array_equal(x, coloured(SOME.images[:count:2][: len(x)], views.ORANGE, views.BLACK))
    np.testing.assert_array_equal(y, coloured(SOME.images[1:count:2], views.BLUE, views.WHITE))


def test_the_two_colours_are_of_all_classes_where_images_are_sorted_by_them():
    """As those are that ship with the package: else one learns to make fives of zeros."""
    assert (np.diff(DIGITS.labels) >= 0).all()
    ink = views.two_colours(DIGITS)[0][:, 0] > 100
    np.testing.assert_array_equal(ink, DIGITS.images[::2, 0] > 104)
    assert np.unique(DIGITS.labels[::2]).size == np.unique(DIGITS.labels[1::2]).size == 10


def test_both_colours_of_an_image_are_the_hidden_truth():
    mixed = Dataset("mnist", SOME.images[::-1], SOME.labels[::-1], "from nine to zero")
    x, y, labels = views.both_colours(mixed)
    np.testing.assert_array_equal(x, coloured(mixed.images, views.ORANGE, views.BLACK))
    np.testing.assert_array_equal(y, coloured(mixed.images, views.BLUE, views.WHITE))
    np.testing.assert_array_equal(labels, mixed.labels)
    assert len(views.both_colours(Dataset("mnist", SOME.images, None, ""))) == 2


# Images --------------------------------------------------------------------------------------------------------------


def test_ink_and_paper_have_their_colours_and_grey_lies_between():
    made = coloured(np.array([0, 255, 51], np.uint8).reshape(3, 1, 1, 1), (200, 100, 0), (0, 50, 255))
    assert made[:, :, 0, 0].tolist() == [[0, 50, 255], [200, 100, 0], [40, 60, 204]]


def test_outlines_are_where_neighbours_differ_by_more_than_half():
    image = np.zeros((1, 1, 7, 7), np.uint8)
    image[0, 0, 2:5, 2:5] = 255
    expected = np.zeros((7, 7), bool)
    expected[1:6, 1:6] = True
    expected[3, 3] = False
    np.testing.assert_array_equal(outlined(image)[0, 0] == 255, expected)
    for step, seen in ((127, False), (128, True)):
        assert outlined(np.array([[[[0, step]]]], np.uint8)).any() == seen
    assert not outlined(np.full((1, 1, 4, 4), 200, np.uint8)).any()  # no outline along the border


def test_outlines_are_those_of_any_channel_and_of_as_large_a_difference_as_is_asked_for():
    image = np.zeros((1, 3, 3, 8), np.uint8)
    image[0, 1, :, 4:], image[0, 2, :, 4:] = 200, 90
    expected = np.tile(np.where([0, 0, 0, 1, 1, 0, 0, 0], 255, 0), (1, 1, 3, 1))
    np.testing.assert_array_equal(outlined(image), expected)
    np.testing.assert_array_equal(outlined(image[:, ::2], 89), expected)
    assert not outlined(image[:, ::2], 90).any() and not outlined(image, 200).any()


def test_pairs_of_outlines_and_images_come_with_labels_where_they_are_asked_for_and_known():
    x, y = views.outlines(SOME)
    np.testing.assert_array_equal(y, SOME.sized(32, 1))
    np.testing.assert_array_equal(x, outlined(y))
    blue = Dataset("", SOME.sized(28, 3) * np.uint8([0, 0, 1])[:, None, None], None, "")
    np.testing.assert_array_equal(views.outlines(blue, 28, 3)[0], outlined(SOME.images))
    x, y, labels = views.outlines(SOME, 28, 3, apart=60, classes=True)
    assert y.shape == (len(SOME), 3, 28, 28) and labels.tolist() == SOME.labels.tolist()
    np.testing.assert_array_equal(x, outlined(y, 60))
    assert len(views.outlines(Dataset("", SOME.images, None, ""), classes=True)) == 2


def test_shrinking_takes_the_mean_of_each_block():
    images = noise(2, 3, 6, 4)
    made = shrunk(images, 2)
    assert made.shape == (2, 3, 3, 2)
    fours = sum(images[:, :, i::2, j::2].astype(int) for i in (0, 1) for j in (0, 1))
    np.testing.assert_array_equal(made, np.rint(fours / 4))
    assert (fours % 4 == 3).any()
    with pytest.raises(DataError, match="6×4 pixels cannot be shrunk 4 times"):
        shrunk(images, 4)


def test_bits_are_by_threshold_or_drawn_with_the_probability_of_the_grey():
    grey = np.array([0, 127, 128, 255], np.uint8).reshape(1, 1, 1, 4)
    assert binarised(grey).ravel().tolist() == [0, 0, 255, 255]
    many = np.broadcast_to(np.array([0, 51, 204, 255], np.uint8).reshape(1, 1, 1, 4), (20_000, 1, 1, 4))
    drawn = binarised(many, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(0).ravel() / 255, [0, 0.2, 0.8, 1], atol=0.01)
    assert drawn[..., 0].max() == 0 and drawn[..., 3].min() == 255


def test_ink_is_grey():
    with pytest.raises(DataError, match=r"grey images are \(N, 1, H, W\)"):
        coloured(noise(2, 3, 4, 4), (0, 0, 0), (0, 0, 0))


@pytest.mark.parametrize("view", [lambda x: coloured(x, (0, 0, 0), (0, 0, 0)), outlined])
def test_views_refuse_floats(view):
    with pytest.raises(DataError, match="images must be uint8"):
        view(np.zeros((2, 1, 4, 4)))


def test_no_images_have_a_size_too():
    for channels, size in ((1, 14), (3, 14), (1, 28), (3, 64)):
        assert sized(np.empty((0, 3, 28, 28), np.uint8), size, channels).shape == (0, channels, size, size)


@pytest.mark.parametrize("colour", [(0, 0, 256), (-1, 0, 0), (1.0, 0.5, 0.0), (0, 0), 7, (True, False, True)])
def test_what_is_no_colour_is_refused(colour):
    """Bytes would wrap around."""
    for pair in ((colour, (0, 0, 0)), ((0, 0, 0), colour)):
        with pytest.raises(DataError, match="whole numbers from 0 to 255"):
            coloured(noise(2, 1, 4, 4), *pair)


@pytest.mark.parametrize("view", [lambda x: shrunk(x, 2), outlined, lambda x: coloured(x, (0, 0, 0), (9, 9, 9))])
def test_images_have_four_axes(view):
    with pytest.raises(DataError, match=r"images are \(N, C, H, W\), got \(2, 4, 4\)"):
        view(noise(2, 4, 4))
    as_lists = noise(2, 1, 4, 4)
    np.testing.assert_array_equal(view(list(as_lists)), view(as_lists))


def test_views_leave_their_images_alone():
    images = SOME.images.copy()
    for view in (outlined, binarised, lambda x: sized(x, 14), lambda x: shrunk(x, 2)):
        view(images)
    np.testing.assert_array_equal(images, SOME.images)
