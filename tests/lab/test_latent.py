"""The walk through latent space: arcs, what is measured of an image, and the arithmetic."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.lab import latent
from scratchgan.models.latents import slerp

# Interpolation -------------------------------------------------------------------------------------------------------


def test_the_arc_keeps_the_length_and_turns_evenly():
    start, end = np.array([3.0, 0, 0]), np.array([0, 3.0, 0])
    path = slerp(start, end, [0, 1 / 3, 1 / 2, 1])
    angles = np.pi / 2 * np.array([0, 1 / 3, 1 / 2, 1])
    np.testing.assert_allclose(path, 3 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1), atol=1e-12)


def test_between_ends_of_different_length_the_arc_still_meets_both():
    start, end = rng().standard_normal((2, 8))
    np.testing.assert_allclose(slerp(start, 3 * end, [0, 1]), [start, 3 * end], atol=1e-12)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_between_parallel_ends_it_is_the_line(factor):
    start = np.array([1.0, 2.0])
    path = slerp(start, 2 * factor * start, [0, 0.5, 1])
    np.testing.assert_allclose(path, [start, (1 + 2 * factor) / 2 * start, 2 * factor * start], atol=1e-12)


def test_the_largest_step_is_measured_in_distances_of_unrelated_images():
    path = np.array([0.0, 1, 2, 5, 6]).reshape(5, 1, 1, 1)
    unrelated = np.array([0.0, 6, 0, 6]).reshape(4, 1, 1, 1)
    assert latent.largest_step(path, unrelated) == 3 / 6
    assert latent.largest_step(unrelated, unrelated) == 1


# What an image has ---------------------------------------------------------------------------------------------------


def bar(width, lean=0.0, size=60):
    """A soft-edged bar of some width through the middle of an image (1, size, size) in [−1, 1]."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    across = (columns + lean * rows) / np.hypot(1, lean)
    ink = np.clip((width / 2 - np.abs(across)) / 3 + 0.5, 0, 1) * (np.abs(rows) < size / 3)
    return 2 * ink[None] - 1


@pytest.mark.parametrize("lean", [0.0, 0.5])
def test_the_thickness_of_a_bar_is_its_width(lean):
    bars = np.stack([bar(width, lean) for width in (6, 9, 12)])
    np.testing.assert_allclose(latent.thickness(bars), (6, 9, 12), rtol=0.25)


def test_an_image_all_of_ink_ends_at_its_border():
    assert latent.thickness(np.ones((1, 1, 28, 28))) == pytest.approx(14, rel=0.05)


def test_the_slant_of_a_bar_is_its_lean():
    leans = [-0.5, 0.0, 0.3, 1.0]
    np.testing.assert_allclose(latent.slant(np.stack([bar(4, lean) for lean in leans])), leans, atol=0.02)


def rectangle(across, along, lean=0.0, size=60):
    """A rectangle of this width and height, sheared to the right as it rises: (1, size, size) in [−1, 1]."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    return 2.0 * ((np.abs(columns + lean * rows) < across / 2) & (np.abs(rows) < along / 2))[None] - 1


@pytest.mark.parametrize("lean", [0.0, 0.5, -0.6])
def test_the_width_is_that_of_the_upright_rectangle_however_it_leans(lean):
    rectangles = np.stack([rectangle(across, 30, lean) for across in (6, 10, 20)])
    np.testing.assert_allclose(latent.width(rectangles), (6, 10, 20), rtol=0.05)


def test_a_line_however_it_leans_has_no_width():
    """And rounding does not make its square negative."""
    lines = -np.ones((20, 1, 28, 28))
    for shift, line in enumerate(lines[:, 0]):
        line[np.arange(28 - shift), np.arange(shift, 28)] = 0.1 * shift - 0.9
    np.testing.assert_allclose(latent.width(lines), 0, atol=1e-5)


def test_the_width_is_not_the_height_nor_the_thickness():
    tall, small = rectangle(10, 40), rectangle(10, 10)
    frame = np.maximum(rectangle(20, 20) - rectangle(16, 16) - 1, -1)
    assert latent.width(np.stack([tall, small, frame])) == pytest.approx([10, 10, 25], rel=0.1)


def test_an_empty_image_has_numbers_too():
    empty = -np.ones((2, 1, 28, 28))
    for measure in latent.ATTRIBUTES.values():
        np.testing.assert_array_equal(measure(empty), 0)
    white = np.ones((2, 3, 28, 28))
    assert (latent.hue(white) == 0).all() and (latent.brightness(white) == 1).all()


def disc(colour, radius=8.0):
    """A disc of a colour, red, green and blue from 0 to 1, on white: (3, 28, 28) in [−1, 1]."""
    inside = np.hypot(*(np.indices((28, 28)) - 13.5)) < radius
    return 2 * np.where(inside, np.reshape(colour, (3, 1, 1)), 1.0) - 1


@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_the_hue_is_from_cold_to_warm_whatever_the_size(radius):
    warm, cold, neither = ((1, 0, 0), (0.5, 0.25, 0)), ((0, 0, 1), (0.6, 0.8, 1)), ((0, 1, 0), (0.3, 0.3, 0.3))
    for colours, expected in ((warm, 1), (cold, -1), (neither, 0)):
        discs = np.stack([disc(colour, radius) for colour in colours])
        np.testing.assert_allclose(latent.hue(discs), expected, atol=1e-12)
    assert latent.hue(disc((1, 0, 0.5))[None]) == pytest.approx(0.5)


@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_the_brightness_is_that_of_the_figure_whatever_its_size(radius):
    for grey in (0, 0.5, 0.8):
        assert latent.brightness(disc((grey,) * 3, radius)[None]) == pytest.approx(grey)
    red, green, blue = latent.brightness(np.stack([disc(colour, radius) for colour in np.eye(3)]))
    assert (red, green, blue) == pytest.approx((0.299, 0.587, 0.114))


# Arithmetic ----------------------------------------------------------------------------------------------------------


def test_a_concept_is_the_mean_of_exemplars_from_both_ends():
    values = rng().permutation(100).astype(float)
    latents = np.stack([values, rng(1).standard_normal(100)], 1)
    much, little = latent.concept(latents, values, 3, rng(2))
    assert 90 <= much[0] <= 99 and 0 <= little[0] <= 9
    again, _ = latent.concept(latents, values, 3, rng(3))
    assert (much != again).any()  # other exemplars
    all_of_them, _ = latent.concept(latents, values, 10, rng(2))
    assert all_of_them[0] == pytest.approx(94.5)


def test_where_the_share_holds_too_few_exemplars_more_images_are_extreme():
    values = np.arange(20.0)
    much, little = latent.concept(values[:, None], values, 5, rng())
    assert (much, little) == (17, 2)


def test_a_moved_latent_has_the_length_of_a_normal_one():
    z, much, little = rng().standard_normal((3, 16))
    result = latent.moved(z, much, little)
    assert np.linalg.norm(result) == pytest.approx(4)
    direction = z + much - little
    np.testing.assert_allclose(result / np.linalg.norm(result), direction / np.linalg.norm(direction))


def test_on_a_generator_that_draws_its_first_number_as_width_the_arithmetic_succeeds():
    """All of it at once: thicker exemplars less thinner ones make another bar thicker."""
    z = rng().standard_normal((200, 4))

    def draw(latents):
        return np.stack([bar(8 + 2 * np.tanh(first)) for first in latents[:, 0]])

    values = latent.thickness(draw(z))
    for start in z[:10]:
        much, little = latent.concept(z, values, 3, rng(1))
        before, after = latent.thickness(draw(np.stack([latent.moved(start, 0, 0), latent.moved(start, much, little)])))
        assert after > before


# Successes -----------------------------------------------------------------------------------------------------------


def test_the_spread_is_that_within_classes():
    values, labels = np.array([0.0, 2, 10, 14, 5]), np.array([1, 1, 3, 3, 0])
    assert latent.spread_in_classes(values, labels) == pytest.approx(np.sqrt((1 + 1 + 4 + 4 + 0) / 5))


def test_a_digit_stays_what_it_was_where_the_classifier_is_sure_of_it():
    before, after = np.eye(3)[[0, 0, 2, 2]], np.eye(3)[[0, 1, 2, 2]]
    before[2] = after[3] = 0.06, 0.05, 0.89
    assert latent.same_digit(before, after).tolist() == [True, False, False, False]
    assert latent.same_digit(before, after, sure=0.89).tolist() == [True, False, True, True]
