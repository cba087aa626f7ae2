import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan.data import Batches, fitted


def numbered(count):
    """Images that can be told apart: image i holds the number i in all its pixels."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 1, 28, 28))


def numbers(batch):
    return np.rint((batch[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


sizes = st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count)))


@given(sizes, st.integers(0, 2**32))
def test_no_image_comes_twice_in_an_epoch(size, seed):
    count, batch_size = size
    batches = Batches(numbered(count), batch_size, np.random.default_rng(seed))
    for _ in range(3):
        epoch = [n for _ in range(count // batch_size) for n in numbers(next(batches))]
        assert len(set(epoch)) == len(epoch) == count - count % batch_size


def test_each_epoch_has_its_own_order():
    batches = Batches(numbered(40), 40, np.random.default_rng(0))
    first, second = numbers(next(batches)), numbers(next(batches))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_is_an_iterator():
    assert [len(batch) for batch, _ in zip(Batches(numbered(5), 2, np.random.default_rng(0)), range(7))] == [2] * 7


def test_bytes_fill_the_range_exactly():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    batch = next(Batches(images, 1, np.random.default_rng(0)))
    assert batch.dtype == np.float32 and batch.shape == (1, 1, 16, 16)
    assert batch.min() == batch[0, 0, 0, 0] == -1 and batch.max() == batch[0, 0, 15, 15] == 1
    np.testing.assert_array_equal(np.rint((batch + 1) * 127.5), images)


@given(sizes, st.integers(0, 30))
def test_resumes_exactly(size, steps):
    images, batch_size = numbered(size[0]), size[1]
    rng = np.random.default_rng(1)
    batches = Batches(images, batch_size, rng)
    for _ in range(steps):
        next(batches)
    place, rng_state = batches.state_dict(), rng.bit_generator.state
    expected = [next(batches) for _ in range(20)]

    resumed_rng = np.random.default_rng(2)
    resumed_rng.bit_generator.state = rng_state
    resumed = Batches(images, batch_size, resumed_rng)
    resumed.load_state_dict(place)
    np.testing.assert_array_equal([next(resumed) for _ in range(20)], expected)


def test_state_is_two_int64_arrays():
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    for _ in range(2):
        state = batches.state_dict()
        assert {key: (value.dtype, value.shape) for key, value in state.items()} == {
            "order": (np.int64, (5,)),
            "position": (np.int64, ()),
        }
        next(batches)


@pytest.mark.parametrize("batch_size", [0, -1, 6])
def test_batch_size_beyond_the_data(batch_size):
    with pytest.raises(ValueError, match=rf"1 to the 5 images, not {batch_size}"):
        Batches(numbered(5), batch_size, np.random.default_rng(0))


def test_state_of_other_data():
    state = Batches(numbered(5), 2, np.random.default_rng(0)).state_dict()
    with pytest.raises(ValueError, match="of 5 images, the data has 6"):
        Batches(numbered(6), 2, np.random.default_rng(0)).load_state_dict(state)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 5], [0, 1, 2, 3, 3], [-1, 0, 1, 2, 3], [0.0, 1, 2, 3, 4]])
def test_an_order_that_is_no_permutation_is_refused(order):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="no permutation of 5 images"):
        batches.load_state_dict({"order": np.array(order), "position": np.array(0)})
    assert batches.position == 5  # and nothing was taken over


@pytest.mark.parametrize("position", [-1, 6, 2.0, [2]])
def test_a_position_beyond_the_images_is_refused(position):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="the saved position, .*, is none from 0 to 5"):
        batches.load_state_dict({"order": np.arange(5), "position": np.array(position)})


@pytest.mark.parametrize("position", [0, 5])
def test_an_epoch_has_both_ends(position):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    batches.load_state_dict({"order": np.arange(5)[::-1], "position": np.array(position)})
    assert batches.position == position and batches.order[0] == 4


def test_black_may_be_0_for_a_generator_that_ends_in_a_sigmoid():
    images = np.array([[[[0, 51, 255]]]], dtype=np.uint8)
    np.testing.assert_array_equal(
        next(Batches(images, 1, np.random.default_rng(0), low=0.0)), np.float32([[[[0, 0.2, 1]]]])
    )


@given(sizes, st.integers(0, 2**32))
def test_an_image_keeps_its_label(size, seed):
    count, batch_size = size
    batches = Batches(numbered(count), batch_size, np.random.default_rng(seed), labels=np.arange(count) * 3)
    for images, labels in (next(batches) for _ in range(5)):
        assert images.shape == (batch_size, 1, 28, 28) and labels.tolist() == [3 * n for n in numbers(images)]


def test_labels_change_nothing_of_the_images():
    plain, labelled = (Batches(numbered(9), 4, np.random.default_rng(0), labels=y) for y in (None, np.arange(9)))
    for _ in range(4):
        np.testing.assert_array_equal(next(plain), next(labelled)[0])


@pytest.mark.parametrize("count", [0, 4, 6])
def test_labels_of_another_number_are_refused(count):
    with pytest.raises(ValueError, match=f"5 images cannot have {count} labels"):
        Batches(numbered(5), 2, np.random.default_rng(0), labels=np.arange(count))


def bytes_of(side):
    return np.random.default_rng(0).integers(1, 256, (2, 1, side, side), dtype=np.uint8)


@pytest.mark.parametrize("size, times", [(32, 1), (64, 2), (128, 4)])
def test_images_get_a_margin_of_two_and_pixels_as_large_as_needed(size, times):
    images = bytes_of(28)
    made = fitted(images, size)
    assert made.shape == (2, 1, size, size) and made.dtype == np.uint8
    for i in range(size):  # one row after the other, by the definition
        row = i // times - 2
        inside = images[:, 0, row].repeat(times, 1) if 0 <= row < 28 else np.zeros((2, 28 * times))
        np.testing.assert_array_equal(made[:, 0, i], np.pad(inside, ((0, 0), (2 * times, 2 * times))))


@pytest.mark.parametrize("side, size", [(28, 28), (32, 32), (27, 27)])
def test_images_of_the_right_size_stay_as_they_are(side, size):
    np.testing.assert_array_equal(fitted(bytes_of(side), size), bytes_of(side))


def test_an_odd_margin_is_wider_at_the_end():
    made = fitted(bytes_of(5), 8)
    np.testing.assert_array_equal(made[..., 1:6, 1:6], bytes_of(5))
    assert np.count_nonzero(made) == 2 * 25


def test_channels_are_copies():
    made = fitted(bytes_of(28), 32, channels=3)
    assert made.shape == (2, 3, 32, 32)
    for channel in range(3):
        np.testing.assert_array_equal(made[:, channel], fitted(bytes_of(28), 32)[:, 0])


@pytest.mark.parametrize("shape, size", [((1, 28, 28), 16), ((1, 28, 28), 48), ((1, 28, 28), 96), ((1, 28, 27), 32),
                                         ((3, 32, 32), 32), ((1, 28, 28), 30)])  # fmt: skip
def test_images_that_do_not_fit_are_refused(shape, size):
    with pytest.raises(ValueError, match=rf"images of shape .* cannot be made \(1, {size}, {size}\)"):
        fitted(np.zeros((2, *shape), np.uint8), size)
