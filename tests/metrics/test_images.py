import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import DIGITS

from scratchgan.data import load, views
from scratchgan.data.emoji import load_emoji
from scratchgan.metrics.images import COLOUR, GREY, as_floats, as_images, enough, kind_of
from scratchgan.metrics.points import as_points, mixed_order

REAL = as_floats(DIGITS.images[::50])


def test_bytes_are_black_to_white():
    assert as_floats(np.array([0, 255], np.uint8)).tolist() == [-1, 1]
    assert as_floats(np.array([-1.0, 0.5])).tolist() == [-1, 0.5] and as_floats(np.zeros(1)).dtype == np.float32


UNIT = (REAL + 1) / 2  # in [0, 1]
ANOTHER_BLACK = {
    "in [0, 1]": UNIT,
    "in [0, 1], with an overshoot": UNIT * 1.002 - 0.001,
    "in [0, 1], with a larger one": UNIT * 1.1 - 0.2,
    "in [−0.5, 0.5]": UNIT - 0.5,
    "in [−0.7, 0.7]": 0.7 * REAL,
    "upside down": np.abs(REAL),
    "grey": np.zeros((9, 1, 28, 28)),
    "white": np.ones((9, 1, 28, 28)),
    "noise in [0, 1]": np.random.default_rng(0).random((9, 1, 28, 28)),
    "noise down to -0.2499": np.random.default_rng(0).uniform(-0.2499, 1, (9, 1, 28, 28)),
    "a quarter at -0.74": np.where(np.arange(784).reshape(28, 28) < 200, -0.74, 0) * np.ones((9, 1, 1, 1)),
}
BLACK = {
    "real ones": REAL,
    "all black": np.full((9, 1, 28, 28), -1.0),
    "not quite black": 0.76 * REAL,
    "of an untrained generator": 0.4 * np.sin(np.arange(7840.0)).reshape(10, 1, 28, 28),
    "noise down to -0.26": np.random.default_rng(0).uniform(-0.26, 0.26, (9, 1, 28, 28)),
    "less than a quarter at -0.74": np.where(np.arange(784).reshape(28, 28) < 190, -0.74, 0) * np.ones((9, 1, 1, 1)),
    "with a rounding error": REAL * np.float32(1 + 9e-6),
}


@pytest.mark.parametrize("samples", ANOTHER_BLACK.values(), ids=ANOTHER_BLACK)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_another_black_is_refused_and_bytes_are_the_way_out(samples, dtype):
    with pytest.raises(ValueError, match=r"black is not −1 there: if it is 0, give 2 \* np.clip\(.*give bytes: "):
        as_images(samples.astype(dtype))
    meant = np.rint(127.5 * samples + 127.5).clip(0, 255).astype(np.uint8)
    assert as_images(meant) is meant


def test_emoji_lie_on_white():
    """What their lightest shade is, is white; of noise nobody knows."""
    emoji = as_floats(load_emoji().images[:100])
    assert as_images(emoji, COLOUR) is emoji
    for other in (0.5 * emoji, 0.7 * emoji):
        with pytest.raises(ValueError, match="and if it is −0.5, 2"):
            as_images(other, COLOUR)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (9, 3, 32, 32))
    assert as_images(noise, COLOUR) is noise


@pytest.mark.parametrize("samples", BLACK.values(), ids=BLACK)
def test_black_is_what_it_is(samples):
    assert as_images(samples) is samples


@pytest.mark.parametrize(
    "samples, message",
    [
        (np.zeros((200, 28, 28)), r"shape \(N, 1, 28, 28\), N at least 1, or 32×32 .* got \(200, 28, 28\)"),
        (np.zeros((200, 3, 28, 28)), r"got \(200, 3, 28, 28\)"),
        (np.zeros((200, 28, 28, 1)), r"got \(200, 28, 28, 1\)"),
        (np.zeros((0, 1, 28, 28)), r"got \(0, 1, 28, 28\)"),
        (np.zeros((9, 1, 28, 28), int), r"uint8 in 0…255, found 0…0 in int64 .*give samples.astype\(np.uint8\)"),
        (np.zeros((9, 1, 28, 28), np.int8), "in int8"),
        (np.zeros((9, 1, 28, 28), bool), "in bool"),
        (np.zeros((9, 1, 28, 28), complex), "got complex128"),
        (np.zeros((9, 1, 28, 28), object), "got object"),
        (np.ones((9, 1, 28, 28), np.uint8), r"found 0…1|found 1…1 in uint8 .*if 1 is white, give 255 \* samples"),
        (np.linspace(-1, 1.5, 784).reshape(1, 1, 28, 28), r"found -1…1.5 in float64 .*np.clip\(samples, -1, 1\)"),
        ((REAL * np.float32(1 + 3e-5)).clip(-1, None), "found -1…1 in float32 .*go a little beyond"),
        ((REAL * np.float32(1 + 3e-5)).clip(None, 1), "found -1…1 in float32 .*go a little beyond"),
        (127.5 * REAL + 127.5, r"found 0…255 in float32 .*give samples.astype\(np.uint8\)"),
        (np.linspace(-2, 1, 784).reshape(1, 1, 28, 28), "found -2…1"),
        (np.full((1, 1, 28, 28), np.nan), "found nan…nan"),
        (np.where(np.arange(784).reshape(1, 1, 28, 28) == 5, np.inf, REAL[:9]), "found -1…inf"),
        (np.ma.masked_less(REAL, 0), "must not be masked: choose what stands there"),
    ],
)
def test_what_are_no_images_is_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        as_images(samples)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_images_of_32_pixels_lose_the_margin_that_they_were_given(kind):
    digits = load(embedded=True).images[:30]
    padded = views.sized(digits, 32).astype(kind)
    if kind is np.float32:
        padded, digits = padded / np.float32(127.5) - 1, digits / np.float32(127.5) - 1
    np.testing.assert_array_equal(as_images(padded), digits)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_margin_that_is_not_black_is_no_margin(kind):
    images = views.sized(load(embedded=True).images[:30], 32)
    images[:, :, :3] = 60
    as_images(images.astype(kind) if kind is np.uint8 else images / np.float32(127.5) - 1)
    images[:, :, :3] = 120
    with pytest.raises(ValueError, match=r"\(30, 1, 32, 32\) are digits of 28×28 in a black margin of 2"):
        as_images(images.astype(kind) if kind is np.uint8 else images / np.float32(127.5) - 1)


def test_a_covariance_of_full_rank_needs_one_image_more_than_features():
    assert enough(np.zeros((129, 1, 28, 28))).shape == (129, 1, 28, 28)
    with pytest.raises(ValueError, match=r"128 samples \(128, 1, 28, 28\) are too few .* take 129 at least"):
        enough(np.zeros((128, 1, 28, 28)))


# The order in which parts are taken


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.randoms())
def test_the_order_is_of_the_set_alone(rows, random):
    """With copies among them, which are all taken."""
    moved = random.sample(rows, len(rows))
    one, two = np.array(rows)[:, None], np.array(moved)[:, None]
    order = mixed_order(one)
    assert sorted(order.tolist()) == list(range(len(rows))) and order.dtype == np.int64
    assert one[order].tolist() == two[mixed_order(two)].tolist()


@pytest.mark.parametrize(
    "rows", [np.arange(10_000), np.arange(10_000) // 1000], ids=["all different", "ten of 1000 copies"]
)
def test_the_order_is_as_good_as_random(rows):
    """Copies do not stay side by side: each tenth has about as much of everything."""
    tenths = rows[mixed_order(rows[:, None])].reshape(10, 1000)
    np.testing.assert_allclose(tenths.mean(axis=1), rows.mean(), atol=4 * rows.std() / np.sqrt(1000))


# Points


@pytest.mark.parametrize(
    "points, message",
    [
        (np.ones((2, 2), complex), r"x must be real numbers, got complex128 \(2, 2\)"),
        ([["1", "2"]], "must be real numbers, got <U1"),
        (np.array([[1, None]]), "must be real numbers, got object"),
        (np.ma.masked_equal([[1.0, 2.0]], 1), r"x \(1, 2\) must not be masked"),
        ([1.0, 2.0], r"x must have shape \(n, d\)"),
        (np.zeros((3, 0)), r"got \(3, 0\)"),
    ],
)
def test_what_are_no_points_is_refused(points, message):
    with pytest.raises(ValueError, match=message):
        as_points(points, "x")


def test_points_are_plain_arrays():
    """The product of np.matrix is another."""
    found = as_points(np.matrix([[1, 2], [3, 4]]))
    assert type(found) is np.ndarray and (found * found).tolist() == [[1, 4], [9, 16]] and found.dtype == np.float64


def test_samples_are_in_colour_where_their_shape_says_so_and_else_in_grey():
    shapes = {(9, 3, 32, 32): COLOUR, (9, 1, 28, 28): GREY, (9, 3, 28, 28): GREY, (9, 1, 32, 32): GREY, (9,): GREY}
    assert {shape: kind_of(np.zeros(shape)) for shape in shapes} == shapes


@pytest.mark.parametrize("shape", [(9, 3, 36, 36), (9, 3, 28, 28), (9, 1, 32, 32), (3, 32, 32), (0, 3, 32, 32)])
def test_pictures_have_one_size_and_no_margin(shape):
    with pytest.raises(ValueError, match=r"samples must have shape \(N, 3, 32, 32\), N at least 1, got"):
        as_images(np.zeros(shape), COLOUR)
