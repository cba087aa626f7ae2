import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgan.data import Batches, DataError, Streams
from scratchgan.data.views import sized


def numbered(count):
    """Images that can be told apart: image i holds the number i in all its pixels."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 1, 28, 28))


def numbers(batch):
    (batch,) = batch if isinstance(batch, tuple) else (batch,)
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
    assert [len(batch) for (batch,), _ in zip(Batches(numbered(5), 2, np.random.default_rng(0)), range(7))] == [2] * 7


def test_bytes_fill_the_range_exactly():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    (batch,) = next(Batches(images, 1, np.random.default_rng(0)))
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


@pytest.mark.parametrize(
    "batch_size, message",
    [
        (0, "batch_size=0 must be a whole number, 1 or more"),
        (-1, "batch_size=-1 must be"),
        (2.0, "batch_size=2.0 must be a whole number"),
        (True, "batch_size=True must be a whole number"),
        (6, "5 images do not fill a batch of 6: that many are needed"),
    ],
)
def test_batch_size_beyond_the_data(batch_size, message):
    with pytest.raises(DataError, match=message):
        Batches(numbered(5), batch_size, np.random.default_rng(0))
    with pytest.raises(DataError, match="0 images do not fill a batch of 1"):
        Batches(numbered(5)[:0], 1, np.random.default_rng(0))


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, np.float64, np.int64, np.int8, np.uint16, bool, complex, object]
)
@pytest.mark.parametrize("use", [lambda x: Batches(x, 1, np.random.default_rng(0)), lambda x: sized(x, 32)])
def test_only_bytes_are_pixels(dtype, use):
    """Floats in [0, 1] would be black."""
    images = np.ones((3, 1, 28, 28), dtype)
    with pytest.raises(DataError, match=rf"images must be uint8 .*, got {np.dtype(dtype)} \(3, 1, 28, 28\)"):
        use(images)
    with pytest.raises(DataError, match="must not be masked"):
        use(np.ma.ones((3, 1, 28, 28), np.uint8))


def test_the_range_of_what_is_refused_is_named():
    with pytest.raises(DataError, match=r"got float32 \(2, 1\) in 0.0…1.0; bytes of floats x are np.rint\(255 \* x\)"):
        Batches(np.float32([[0], [1]]), 1, np.random.default_rng(0))


def test_the_bytes_of_floats_are_those_that_the_complaint_names():
    images = np.arange(256, dtype=np.uint8)
    with pytest.raises(DataError) as caught:
        Batches(images / 255, 1, np.random.default_rng(0))
    for_unit, for_both = re.findall(r"np\.rint\([^()]*\)\.astype\(np\.uint8\)", str(caught.value))
    np.testing.assert_array_equal(eval(for_unit, {"np": np, "x": images / 255}), images)
    np.testing.assert_array_equal(eval(for_both, {"np": np, "x": images / 127.5 - 1}), images)


class Own(np.ndarray):
    """A subclass of arrays, as people have them, whose product is something else."""

    def __mul__(self, other):
        raise AssertionError("a product of another kind")

    __rmul__ = __truediv__ = __add__ = __mul__


def test_any_array_of_bytes_will_do():
    """Of a subclass, not contiguous, read-only, in another order: the same batch as of a plain copy."""
    (expected,) = next(Batches(numbered(9), 4, np.random.default_rng(0)))
    frozen = numbered(9).copy()
    frozen.flags.writeable = False
    for images in (numbered(9).view(Own), numbered(18)[::2] // 2, frozen, np.asfortranarray(numbered(9))):
        (batch,) = next(Batches(images, 4, np.random.default_rng(0)))
        np.testing.assert_array_equal(batch, expected)
        assert type(batch) is np.ndarray and batch.dtype == np.float32


@pytest.mark.parametrize("low", [np.float64(-1), np.float32(-1), -1, np.array(-1.0)])
def test_the_value_of_black_does_not_choose_the_precision(low):
    (batch,) = next(Batches(numbered(4), 4, np.random.default_rng(0), low=low))
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, next(Batches(numbered(4), 4, np.random.default_rng(0)))[0])


@pytest.mark.parametrize("low", [1, 2, np.nan, -np.inf])
def test_black_is_darker_than_white(low):
    with pytest.raises(DataError, match=f"low={low} must be below 1"):
        Batches(numbered(5), 1, np.random.default_rng(0), low=low)


def test_state_of_other_data():
    state = Batches(numbered(5), 2, np.random.default_rng(0)).state_dict()
    with pytest.raises(ValueError, match="of 5 images, the data has 6"):
        Batches(numbered(6), 2, np.random.default_rng(0)).load_state_dict(state)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 5], [0, 1, 2, 3, 3], [-1, 0, 1, 2, 3], [0.0, 1, 2, 3, 4]])
def test_an_order_that_is_no_permutation_is_refused(order):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="order does not name each of the 5 images once"):
        batches.load_state_dict({"order": np.array(order), "position": np.array(0)})
    assert batches.position == 5  # and nothing was taken over


@pytest.mark.parametrize("position", [-1, 6, 2.0, [2]])
def test_a_position_beyond_the_images_is_refused(position):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="the saved position must be a whole number from 0 to 5, not "):
        batches.load_state_dict({"order": np.arange(5), "position": np.array(position)})


@pytest.mark.parametrize("position", [0, 5])
def test_an_epoch_has_both_ends(position):
    batches = Batches(numbered(5), 2, np.random.default_rng(0))
    batches.load_state_dict({"order": np.arange(5)[::-1], "position": np.array(position)})
    assert batches.position == position and batches.order[0] == 4


def test_black_may_be_0_for_a_generator_that_ends_in_a_sigmoid():
    images = np.array([[[[0, 51, 255]]]], dtype=np.uint8)
    np.testing.assert_array_equal(
        next(Batches(images, 1, np.random.default_rng(0), low=0.0))[0], np.float32([[[[0, 0.2, 1]]]])
    )


@given(sizes, st.integers(0, 2**32))
def test_an_image_keeps_its_label(size, seed):
    count, batch_size = size
    batches = Batches((numbered(count), np.arange(count) * 3), batch_size, np.random.default_rng(seed))
    for images, labels in (next(batches) for _ in range(5)):
        assert images.shape == (batch_size, 1, 28, 28) and labels.tolist() == [3 * n for n in numbers(images)]


def test_labels_change_nothing_of_the_images():
    plain = Batches(numbered(9), 4, np.random.default_rng(0))
    labelled = Batches((numbered(9), np.arange(9)), 4, np.random.default_rng(0))
    for _ in range(4):
        np.testing.assert_array_equal(next(plain)[0], next(labelled)[0])


@pytest.mark.parametrize("count", [0, 4, 6])
def test_labels_of_another_number_are_refused(count):
    with pytest.raises(ValueError, match=f"5 images cannot have {count} labels"):
        Batches((numbered(5), np.arange(count)), 2, np.random.default_rng(0))


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros(5), r"labels must be integers of shape \(N,\), got float64 \(5,\)"),
        (np.zeros(5, bool), "got bool"),
        (np.zeros((5, 1, 1), int), r"got int64 \(5, 1, 1\)"),
        (np.array([0, 1, 2, -1, 3]), "must be 0 or more, found -1…3"),
        (np.ma.masked_equal([0, 1, 2, 3, 4], 4), r"labels \(5,\) must not be masked"),
    ],
)
def test_what_is_no_label_is_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Batches((numbered(5), labels), 2, np.random.default_rng(0))


def test_an_image_keeps_its_row_of_numbers():
    rows = np.arange(18, dtype=np.uint16).reshape(9, 2)
    images, words = next(Batches((numbered(9), rows), 5, np.random.default_rng(0)))
    assert words.dtype == np.int64 and words.tolist() == [[2 * n, 2 * n + 1] for n in numbers(images)]


@pytest.mark.parametrize(
    "rows, message",
    [
        (np.zeros((4, 3), int), "5 images cannot have 4 rows of numbers"),
        (np.full((5, 3), -2), "rows of numbers must be 0 or more, found -2…-2"),
        (np.zeros((5, 3)), "images must be uint8"),
        (np.zeros((5, 3), bool), "images must be uint8"),
        (np.zeros((5, 3, 3), int), "images must be uint8"),
        (np.ma.masked_equal(np.ones((5, 3), int), 4), r"must not be masked"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        Batches((numbered(5), rows), 2, np.random.default_rng(0))


def test_bytes_of_two_axes_are_pixels_and_no_words():
    _, pixels = next(Batches((numbered(5), np.full((5, 3), 255, np.uint8)), 2, np.random.default_rng(0)))
    assert pixels.dtype == np.float32 and (pixels == 1).all()


def test_examples_are_drawn_from_data_that_may_be_sorted_and_the_stream_stays():
    batches = Batches((numbered(10), np.arange(10)), 4, np.random.default_rng(0))
    before = batches.state_dict(), batches.rng.bit_generator.state
    images, labels = batches.examples(4)
    assert labels.tolist() == numbers(images) == [4, 6, 2, 7] and images.dtype == np.float32
    assert sorted(batches.examples(64)[1].tolist()) == list(range(10))
    assert before[1] == batches.rng.bit_generator.state
    assert all((before[0][name] == array).all() for name, array in batches.state_dict().items())


# Images beside images ------------------------------------------------------------------------------------------------


def test_an_image_keeps_the_one_beside_it():
    first, second = next(Batches((numbered(9), numbered(18)[9:]), 5, np.random.default_rng(0)))
    assert second.dtype == np.float32 and [b - a for a, b in zip(numbers(first), numbers(second))] == [9] * 5


def test_others_beside_are_as_many_and_bytes():
    with pytest.raises(DataError, match="9 images cannot have 8 others beside them"):
        Batches((numbered(9), numbered(8)), 5, np.random.default_rng(0))
    with pytest.raises(DataError, match="images must be uint8"):
        Batches((numbered(9), numbered(9) / 255), 5, np.random.default_rng(0))


# Domains without pairs -----------------------------------------------------------------------------------------------


def streams(counts=(9, 5), seed=0, low=-1.0):
    return Streams(tuple(numbered(20)[20 - count :] for count in counts), 4, np.random.default_rng(seed), low)


def test_each_domain_is_shuffled_for_itself_and_sees_all_of_its_images():
    seen = list(itertools.islice(streams(), 20))
    assert all([len(domain) for domain in batch] == [4, 4] for batch in seen)
    for i, count in ((0, 9), (1, 5)):
        shown = [number for batch in seen for number in numbers(batch[i])]
        assert set(shown) == set(range(20 - count, 20)) and shown != sorted(shown)
    alike = list(itertools.islice(streams((9, 9)), 5))
    assert any(numbers(x) != numbers(y) for x, y in alike)
    np.testing.assert_allclose(next(streams(low=0.0))[0], (next(streams())[0] + 1) / 2, atol=1e-6)


def test_domains_resume_exactly_and_have_examples():
    straight = streams()
    for _ in range(3):
        next(straight)
    resumed = streams(seed=5)
    resumed.load_state_dict(straight.state_dict())
    for stream in resumed.streams:
        stream.rng.bit_generator.state = straight.streams[0].rng.bit_generator.state
    for _ in range(4):
        for one, other in zip(next(straight), next(resumed)):
            np.testing.assert_array_equal(one, other)
    assert sorted(straight.state_dict()) == ["0.order", "0.position", "1.order", "1.position"]
    assert [numbers(each) for each in straight.examples(2)] == [[15, 16], [17, 19]]


def test_where_one_domain_is_refused_none_is_taken_over():
    state = streams().state_dict() | {"1.position": np.array(6)}
    fresh = streams(seed=3)
    before = fresh.state_dict()
    state |= {"0.position": np.array(4)}
    with pytest.raises(DataError, match="position must be a whole number from 0 to 5, not 6"):
        fresh.load_state_dict(state)
    assert all((before[name] == array).all() for name, array in fresh.state_dict().items())


def test_labels_of_any_integers_come_as_int64():
    for labels in (np.arange(5, dtype=np.uint8), np.arange(5, dtype=">i4"), list(range(5)), np.arange(5).view(Own)):
        _, found = next(Batches((numbered(5), labels), 5, np.random.default_rng(0)))
        assert found.dtype == np.int64 and type(found) is np.ndarray and sorted(found) == list(range(5))
