"""Coloured digits, and captions that say what they show: "a red seven on white", "on blue paper the number 3 in pink".

What a caption means is a row of three numbers: the digit, its ink and the paper, the last two as places in
`colours.NAMES`. The words of a caption become a row of numbers, too, places in `VOCABULARY`; behind its end it goes on
with 0, "no word".

For each digit there is one ink that no training image of it has (`unseen`): who paints a digit in this ink has
understood the digit and the ink apart.
"""

import difflib
import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from scratchgan.data import views
from scratchgan.data.checks import DataError, as_labels
from scratchgan.data.colours import NAMES, PALETTE, contrast
from scratchgan.hints import Arrays, Random, Source

DIGITS = "zero one two three four five six seven eight nine".split()
INKS = "red orange yellow green cyan blue purple pink".split()
PAPERS = "black white yellow blue".split()
KINDS = len(DIGITS), len(NAMES), len(NAMES)  # how many digits, inks and papers there are names for
LEAST_CONTRAST = 120
PAIRS = [(ink, paper) for ink in INKS for paper in PAPERS if contrast(ink, paper) > LEAST_CONTRAST]
SYNONYMS = {
    **{digit: (digit, str(number)) for number, digit in enumerate(DIGITS)},
    "cyan": ("cyan", "turquoise"), "purple": ("purple", "violet"), "pink": ("pink", "rose"),
    "NOUN": ("digit", "number", "figure"), "DRAWN": ("drawn", "painted", "written"),
    "GROUND": ("background", "backdrop", "paper", "ground"),
}  # fmt: skip
SENTENCES = [
    sentence.split()
    for sentence in (
        "a INK DIGIT on PAPER",
        "a INK DIGIT on a PAPER GROUND",
        "INK DIGIT PAPER GROUND",
        "the NOUN DIGIT DRAWN in INK on PAPER",
        "the NOUN DIGIT in INK ink on PAPER GROUND",
        "on PAPER the NOUN DIGIT in INK",
        "on PAPER GROUND a INK DIGIT",
        "a PAPER GROUND with the NOUN DIGIT in INK",
        "DIGIT DRAWN in INK on a PAPER GROUND",
    )
]
LENGTH = max(map(len, SENTENCES))  # words of the longest caption


def _words():
    """All that captions are made of, in alphabetical order."""
    plain = {word for sentence in SENTENCES for word in sentence if not word.isupper()}
    names = {word for name in (*DIGITS, *INKS, *PAPERS) for word in SYNONYMS.get(name, (name,))}
    return sorted(plain | {"an"} | names | {word for key in SYNONYMS if key.isupper() for word in SYNONYMS[key]})


VOCABULARY = ("", *_words())
_PLACE = {word: place for place, word in enumerate(VOCABULARY)}


def compose(meaning: Sequence[int], rng: Random) -> str:
    """A caption of this meaning, (digit, ink, paper): its sentence and its words are drawn.

    Raises
    ------
    DataError
        For a digit or a colour that has no name.
    """
    digit, ink, paper = meaning
    if not all(0 <= place < kinds for place, kinds in zip(meaning, KINDS)):
        raise DataError(f"a meaning is of numbers from 0, (digit, ink, paper), each below {KINDS}, not {meaning}")
    said = {"DIGIT": DIGITS[digit], "INK": NAMES[ink], "PAPER": NAMES[paper]}
    words = [said.get(word, word) for word in SENTENCES[rng.integers(len(SENTENCES))]]
    choices = [SYNONYMS.get(word, (word,)) for word in words]
    words = [words[place] for words, place in zip(choices, rng.integers([len(words) for words in choices]).tolist())]
    return " ".join(words).replace("a orange", "an orange")


def encode(caption: str) -> np.ndarray:
    """A caption as a row of numbers: int64 (LENGTH,). Capitals, commas and full stops do not matter.

    Raises
    ------
    DataError
        For a word that is not in the `VOCABULARY`, and for more words than `LENGTH`.
    """
    words = re.findall(r"[^\s.,;!]+", caption.lower())
    for word in words:
        if word not in _PLACE:
            near = difflib.get_close_matches(word, VOCABULARY, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"captions are made of {', '.join(VOCABULARY[1:])}"
            raise DataError(f"{caption!r}: the word {word!r} is not known; {hint}")
    if not 0 < len(words) <= LENGTH:
        raise DataError(f"{caption!r} has {len(words)} words; a caption has 1 to {LENGTH}")
    return np.array(_row(words), np.int64)


def _row(words):
    return [_PLACE[word] for word in words] + [0] * (LENGTH - len(words))


def decode(row: Sequence[int] | np.ndarray) -> str:
    """The caption of a row of numbers; DataError where one of them is no word's."""
    row = as_labels(row, len(row), len(VOCABULARY), "words")
    return " ".join(VOCABULARY[place] for place in row if place)


def unseen(digit: int, ink: int) -> bool:
    """Whether this digit in this ink, a place in `NAMES`, is kept for testing: one ink of each digit."""
    return (digit + INKS.index(NAMES[ink])) % len(INKS) == 0


def pairs_of(digit: int, kept: bool) -> list[tuple[int, int]]:
    """The colours, (ink, paper), in which a digit is shown: those of training, or with ``kept`` those for testing."""
    places = [(NAMES.index(ink), NAMES.index(paper)) for ink, paper in PAIRS]
    return [pair for pair in places if unseen(digit, pair[0]) == kept]


MEANINGS = np.array([(digit, *pair) for digit in range(len(DIGITS)) for pair in pairs_of(digit, False)])  # in training


def conditions(count: int, rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """Meanings of training images, int64 (count, 3), and a caption of each, int64 (count, LENGTH): all are drawn."""
    meanings = MEANINGS[rng.integers(len(MEANINGS), size=count)]
    return meanings, _captions(meanings, rng)


def mistaken(meanings: np.ndarray, rng: Random) -> np.ndarray:
    """Meanings that differ from these in one thing, the digit, the ink or the paper: int64 (N, 3).

    They are drawn from those of training. If a wrong caption could mean what no right one does, whoever reads captions
    would learn that such a thing is always wrong.
    """
    wrong = []
    for meaning in map(tuple, meanings.tolist()):
        groups = _alike(meaning)
        group = groups[rng.integers(len(groups))]
        wrong.append(group[rng.integers(len(group))])
    return np.array(wrong, np.int64).reshape(-1, 3)


@cache
def _alike(meaning):
    """Meanings of training that differ from this one in one thing: an array for each thing in which there are any."""
    differ = MEANINGS != meaning
    groups = [MEANINGS[column & (differ.sum(1) == 1)] for column in differ.T]
    return [group for group in groups if len(group)]


def coloured_digits(dataset: Source, size: int = 32, kept: float = 0.0, seed: int = 0) -> Arrays:
    """Digits in ink of one colour on paper of another, for each a caption, a wrong one, and what the first means.

    Parameters
    ----------
    dataset : Dataset
        Of grey images in ten classes.
    size : int
    kept : float
        The share of images that are shown in an ink that training does not show: 0 to train, 1 or less to test.
    seed : int
        Of the colours and the words.

    Returns
    -------
    images : ndarray of uint8, (N, 3, size, size)
    captions, wrong : ndarray of int64, (N, LENGTH)
        The wrong ones are wrong in one thing, see `mistaken`.
    meanings : ndarray of int64, (N, 3)
        Digit, ink and paper.
    """
    grey, digits = views.labelled(dataset, size, 1, 10)
    rng = np.random.default_rng(seed)
    meanings = _painted(digits, rng.random(len(digits)) < kept, rng)
    images = np.empty((len(grey), 3, size, size), np.uint8)
    for ink, paper in set(map(tuple, meanings[:, 1:].tolist())):
        here = (meanings[:, 1:] == (ink, paper)).all(1)
        images[here] = views.coloured(grey[here], PALETTE[NAMES[ink]], PALETTE[NAMES[paper]])
    return images, _captions(meanings, rng), _captions(mistaken(meanings, rng), rng), meanings


def _painted(digits, kept, rng):
    """Meanings of digits, whose colours are drawn: those of training, or where they are ``kept`` those for testing."""
    choices = {(digit, whether): pairs_of(digit, whether) for digit in range(10) for whether in (False, True)}
    found = [choices[pair] for pair in zip(digits.tolist(), kept.tolist())]
    colours = [pairs[place] for pairs, place in zip(found, rng.integers([len(pairs) for pairs in found]).tolist())]
    return np.column_stack([digits, np.array(colours, np.int64).reshape(-1, 2)])


def _captions(meanings, rng):
    """A caption of each."""
    rows = [_row(compose(meaning, rng).split()) for meaning in meanings.tolist()]
    return np.array(rows, np.int64).reshape(-1, LENGTH)
