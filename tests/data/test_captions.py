"""Captions: words, numbers, and coloured digits that are what they say."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.data import DataError, Dataset, captions, load, views
from scratchgan.data.captions import (
    DIGITS,
    INKS,
    LENGTH,
    MEANINGS,
    PAIRS,
    PAPERS,
    SENTENCES,
    SYNONYMS,
    VOCABULARY,
    coloured_digits,
    compose,
    conditions,
    decode,
    encode,
    mistaken,
    pairs_of,
    unseen,
)
from scratchgan.data.colours import NAMES, PALETTE

EMBEDDED = load(embedded=True)
SOME = Dataset("mnist", EMBEDDED.images[::10], EMBEDDED.labels[::10], "a test")


def test_a_caption_is_a_row_of_numbers_and_back():
    for meaning, row in zip(*conditions(200, rng())):
        text = decode(row)
        assert row.shape == (LENGTH,) and encode(text).tolist() == row.tolist()
        assert text.split() == [VOCABULARY[place] for place in row if place]


def test_capitals_and_stops_do_not_matter():
    assert encode("A red seven, on WHITE.").tolist() == encode("a red seven on white").tolist()
    assert decode(encode("a red seven on white")) == "a red seven on white"


@pytest.mark.parametrize(
    "text, message",
    [
        ("a rad seven on white", "'rad' is not known; did you mean 'red'"),
        ("xylophone", "'xylophone' is not known; captions are made of 0, 1, 2"),
        ("", "'' has 0 words; a caption has 1 to 9"),
        ("a " * 10, "has 10 words; a caption has 1 to 9"),
    ],
)
def test_what_is_no_caption_is_refused(text, message):
    with pytest.raises(DataError, match=message):
        encode(text)


@pytest.mark.parametrize("meaning", [(-1, 3, 1), (10, 3, 1), (3, -1, 1), (3, 1, 12)])
def test_a_meaning_without_a_name_is_refused(meaning):
    with pytest.raises(DataError, match=r"\(digit, ink, paper\), each below \(10, 12, 12\), not \("):
        compose(meaning, rng())


@pytest.mark.parametrize("row", [[-1], [3, len(VOCABULARY)], [1.5]])
def test_a_number_that_is_no_words_is_refused(row):
    with pytest.raises(DataError, match="words must be"):
        decode(row)


def test_a_caption_says_digit_ink_and_paper_in_words_of_theirs():
    """Each in some word for it; ink and paper are where the sentence has them."""
    said = {tuple(sentence) for sentence in SENTENCES}
    for _ in range(300):
        digit, (ink, paper) = int(rng().integers(10)), PAIRS[rng().integers(len(PAIRS))]
        words = compose((digit, NAMES.index(ink), NAMES.index(paper)), rng()).split()
        assert set(words) & set(SYNONYMS[DIGITS[digit]])
        assert set(words) & set(SYNONYMS.get(ink, (ink,))) and paper in words
    texts = {compose((7, NAMES.index("purple"), NAMES.index("white")), rng(seed)) for seed in range(400)}
    assert len(texts) > 100 and {text.split()[0] for text in texts} >= {
        "a",
        "purple",
        "violet",
        "the",
        "on",
        "7",
        "seven",
    }
    assert len(said) == len(SENTENCES) >= 6


def test_an_orange_digit_has_its_article():
    texts = {compose((0, NAMES.index("orange"), NAMES.index("black")), rng(seed)) for seed in range(200)}
    assert any("an orange" in text for text in texts) and not any("a orange" in text for text in texts)


def test_inks_can_be_told_from_their_paper():
    assert len(PAIRS) == 28 and all(ink != paper for ink, paper in PAIRS)
    for ink, paper in PAIRS:
        assert np.linalg.norm(np.subtract(PALETTE[ink], PALETTE[paper])) > 120
    assert ("orange", "yellow") not in PAIRS and ("red", "white") in PAIRS


def test_each_digit_has_one_ink_and_each_ink_some_digit_that_training_does_not_show():
    kept = [(digit, ink) for digit in range(10) for ink in INKS if unseen(digit, NAMES.index(ink))]
    assert [digit for digit, _ in kept] == list(range(10)) and {ink for _, ink in kept} == set(INKS)
    for digit in range(10):
        both = pairs_of(digit, False), pairs_of(digit, True)
        assert len(both[0]) + len(both[1]) == 28 and not {ink for ink, _ in both[0]} & {ink for ink, _ in both[1]}


def test_digits_are_coloured_as_their_captions_mean():
    images, words, _, meanings = coloured_digits(SOME)
    assert images.shape == (500, 3, 32, 32) and images.dtype == np.uint8 and words.shape == (500, LENGTH)
    np.testing.assert_array_equal(meanings[:, 0], SOME.labels)
    assert len(np.unique(meanings, axis=0)) > 150 and not any(unseen(d, i) for d, i, _ in meanings.tolist())
    grey = SOME.sized(32, 1)
    for i, (digit, ink, paper) in enumerate(meanings[:50].tolist()):
        expected = views.coloured(grey[i : i + 1], PALETTE[NAMES[ink]], PALETTE[NAMES[paper]])
        np.testing.assert_array_equal(images[i], expected[0])
        text = decode(words[i]).split()
        assert set(text) & set(SYNONYMS[DIGITS[digit]]) and NAMES[paper] in text
        assert set(text) & set(SYNONYMS.get(NAMES[ink], (NAMES[ink],)))


def test_colours_and_words_are_the_same_each_time_and_others_with_another_seed():
    first, again, other = (coloured_digits(SOME, seed=seed) for seed in (0, 0, 1))
    for one, two, three in zip(first, again, other):
        np.testing.assert_array_equal(one, two)
        assert (one != three).any()


@pytest.mark.parametrize("kept, least, most", [(1.0, 1.0, 1.0), (0.5, 0.4, 0.6), (0.0, 0.0, 0.0)])
def test_to_test_digits_are_shown_in_the_inks_that_were_kept(kept, least, most):
    *_, meanings = coloured_digits(SOME, size=28, kept=kept)
    found = np.array([unseen(digit, ink) for digit, ink, _ in meanings.tolist()])
    assert all(least <= found[SOME.labels % 2 == odd].mean() <= most for odd in (0, 1))
    assert len(set(found[:20])) == len(set(found[-20:])) == (1 if kept in (0, 1) else 2)  # of zeros and of nines


def test_a_wrong_caption_is_wrong_in_one_thing_and_says_what_training_shows():
    meanings, _ = conditions(900, rng())
    wrong = mistaken(meanings, rng(1))
    differ = wrong != meanings
    assert (differ.sum(1) == 1).all() and (np.abs(differ.mean(0) - 1 / 3) < 0.06).all()
    assert {tuple(each) for each in wrong.tolist()} <= {tuple(each) for each in MEANINGS.tolist()}
    other = {digit for digit, *_ in mistaken(np.array([[7, 3, 1]] * 300), rng(2)).tolist()}
    assert len(other) > 7  # any of those that differ
    kept = np.array([[digit, *pair] for digit in range(10) for pair in pairs_of(digit, True)])
    assert ((mistaken(kept, rng()) != kept).sum(1) == 1).all()
    assert mistaken(np.zeros((0, 3), int), rng()).shape == (0, 3)


def things(row):
    """The digit and the two colours that a caption names."""
    words = decode(row).split()
    called = {word: name for name in (*DIGITS, *INKS, *PAPERS) for word in SYNONYMS.get(name, (name,))}
    names = {called[word] for word in words if word in called}
    return names & set(DIGITS), names - set(DIGITS)


def test_the_wrong_captions_of_a_view_differ_from_the_right_ones_in_one_thing():
    _, right, wrong, _ = coloured_digits(SOME)
    for one, other in zip(right, wrong):
        (digit, colours), (another, others) = things(one), things(other)
        assert len(digit) == len(another) == 1 and len(colours) == len(others) == 2
        assert len(digit - another) + len(colours - others) == 1


def test_drawn_captions_are_of_all_that_training_shows():
    meanings, words = conditions(4000, rng())
    assert set(meanings[:, 0]) == set(range(10)) and {NAMES[i] for i in meanings[:, 1]} == set(INKS)
    assert {NAMES[i] for i in meanings[:, 2]} == set(PAPERS)
    assert not any(unseen(digit, ink) for digit, ink, _ in meanings.tolist())
    assert set(words.ravel()) == set(range(len(VOCABULARY)))  # no word is idle
    assert captions.conditions(0, rng())[1].shape == (0, LENGTH)


def test_without_ten_classes_there_are_no_captions():
    with pytest.raises(DataError, match="have no labels"):
        coloured_digits(Dataset("x", SOME.images, None, ""))
