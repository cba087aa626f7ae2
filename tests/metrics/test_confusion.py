"""Who is taken for whom."""

import numpy as np
import pytest

from scratchgan.data import DataError
from scratchgan.metrics.confusion import confusion, precision_recall

ASKED, FOUND = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 1]


def test_a_row_for_what_was_asked_and_a_column_for_what_was_found():
    assert confusion(ASKED, FOUND, 4).tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_precision_and_recall_by_hand():
    precision, recall = precision_recall(confusion(ASKED, FOUND, 4))
    np.testing.assert_allclose(precision, [2 / 3, 1 / 3, 0, np.nan])
    np.testing.assert_allclose(recall, [2 / 3, 1 / 2, 0, np.nan])


def test_they_are_those_of_each_class_against_all_others():
    rng = np.random.default_rng(0)
    asked, found = rng.integers(5, size=(2, 300))
    precision, recall = precision_recall(confusion(asked, found, 5))
    for label in range(5):
        assert precision[label] == pytest.approx((asked[found == label] == label).mean())
        assert recall[label] == pytest.approx((found[asked == label] == label).mean())


@pytest.mark.parametrize("asked, found", [([0, 4], [0, 0]), ([0, 0], [0, 4]), ([0, 0], [0]), ([0.5, 1], [0, 0])])
def test_other_classes_and_numbers_are_refused(asked, found):
    with pytest.raises(DataError):
        confusion(asked, found, 4)
