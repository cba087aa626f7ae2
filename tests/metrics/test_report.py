"""What is printed stands in its place, and every number has beside it what real images and noise get."""

from dataclasses import fields
from itertools import count

import numpy as np
import pytest

from scratchgan.metrics import Measures, Neighbours, Report, Score, coverage_ceiling


def distinct():
    """A report whose numbers are all different, so that none can stand in the place of another."""
    number = count(1)

    def made(kind):
        return kind(**{field.name: next(number) / 100 for field in fields(kind)})

    score = made(Score)
    object.__setattr__(score, "histogram", tuple(range(500, 510)))
    samples, real, gaussian = (made(Measures) for _ in range(3))
    neighbours = [Neighbours(next(number) / 100, np.arange(3), np.arange(3.0)) for _ in range(2)]
    return Report(
        score, samples, real, gaussian, *neighbours, np.arange(3), 1234, 5678, "digits", "a folder", 0.875, 9.6,
        ("first", "second"),
    )  # fmt: skip


REPORT = distinct()
LINES = str(REPORT).splitlines()
ROWS = {line[:20].strip(): line for line in LINES if line}

NAMES = {
    "kernel distance": "kid",
    "classifier's score": "score",
    "sure": "sure",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "spread in a class": "spread",
    "SSIM in a class": "ssim",
    "neighbour, pixels": "pixels",
    "neighbour, features": "features",
    "classes": "classes",
    "KL of the classes": "class_kl",
}


def cells(line):
    return [line[start : start + 10].strip() for start in (20, 30, 40)]


def test_the_columns_have_their_heads():
    assert cells(LINES[0]) == ["samples", "real", "Gaussian"]


@pytest.mark.parametrize("name", NAMES)
def test_each_cell_has_its_number(name):
    measures = [getattr(m, NAMES[name]) for m in (REPORT.samples, REPORT.real, REPORT.gaussian)]
    assert cells(ROWS[name]) == [f"{number:.4f}" for number in measures]


@pytest.mark.parametrize("above, name", [("kernel distance", "kid_std"), ("classifier's score", "score_std")])
def test_a_deviation_stands_below_its_mean(above, name):
    line = LINES[LINES.index(ROWS[above]) + 1]
    assert line.startswith("  ±") and cells(line) == [
        f"{getattr(m, name):.4f}" for m in (REPORT.samples, REPORT.real, REPORT.gaussian)
    ]


def test_S_stands_between_its_anchors():
    score = REPORT.score
    assert cells(ROWS["S"]) == [f"{score.S:.4f}", "0", "1"]
    assert cells(ROWS["Fréchet distance"]) == [f"{number:.4f}" for number in (score.fid, score.floor, score.baseline)]


def test_every_number_has_both_anchors():
    """No row says of the samples what it does not say of real images and of noise."""
    table = LINES[2 : LINES.index("", 2)]
    assert len(table) == 2 + len(NAMES) + 2
    for line in table:
        assert all(float(cell) >= 0 for cell in cells(line)), line


def test_every_measure_is_printed():
    printed = set(NAMES.values()) | {"kid_std", "score_std"}
    assert printed == {field.name for field in fields(Measures)}


def test_what_is_said_beside_the_numbers():
    assert f"at best {coverage_ceiling(1234):.3f}" in ROWS["coverage"]
    assert f"by chance alone {REPORT.score.class_kl_floor:.4f}" in ROWS["KL of the classes"]
    assert (
        "0: 500  1: 501  2: 502  3: 503  4: 504  5: 505  6: 506  7: 507  8: 508  9: 509" in ROWS["samples of each clas"]
    )
    assert LINES[-3] == (
        "1,234 samples and 5,678 test images of digits (a folder), seen by a "
        "classifier that is right on 87.5% of these; 10 s"
    )
    assert LINES[-2:] == ["note: first", "note: second"]
    object.__setattr__(few := distinct(), "count", 12)
    assert f"at best {coverage_ceiling(12):.3f}" in str(few) and coverage_ceiling(12) > coverage_ceiling(5678) + 0.005


WITHOUT_CLASSES = {"kid", "kid_std", "precision", "recall", "density", "coverage", "pixels", "features"}


def bare():
    """A report without classes."""
    report = distinct()
    for name in ("samples", "real", "gaussian"):
        numbers = [getattr(getattr(report, name), field.name) for field in fields(Measures)[:8]]
        object.__setattr__(report, name, Measures(*numbers))
    object.__setattr__(report, "score", Score(0.01, 0.02, 0.03, 0.04))
    object.__setattr__(report, "accuracy", None)
    return report


def test_without_classes_nothing_is_said_of_them():
    lines = str(bare()).splitlines()
    rows = {line[:20].strip(): line for line in lines[: lines.index("")]}
    said = {name: ROWS[name] for name in NAMES if name in rows}
    assert list(said) == [name for name in NAMES if NAMES[name] in WITHOUT_CLASSES]
    assert all(rows[name] == line for name, line in said.items()) and lines.index("") == 2 + 2 + 1 + len(said)
    assert "half of the real images" in rows["Fréchet distance"]
    assert lines[-3] == (
        "1,234 samples and 5,678 real images of digits (a folder), seen by a network that learnt without labels; 10 s"
    )


def test_without_classes_the_numbers_have_none():
    numbers = bare().numbers()
    assert numbers["score"] == {"fid": 0.01, "floor": 0.02, "baseline": 0.03, "S": 0.04} and "accuracy" not in numbers
    assert set(numbers["samples"]) == WITHOUT_CLASSES


def test_large_numbers_are_not_padded_with_noise():
    object.__setattr__(tall := distinct(), "score", Score(123.456, 1.5, 99999, 0.12345, (1,) * 10, 0.5, 0.25, 3))
    rows = {line[:20].strip(): cells(line) for line in str(tall).splitlines() if line}
    assert rows["Fréchet distance"] == ["123.5", "1.5", "1e+05"] and rows["S"][0] == "0.1235"
    object.__setattr__(tall, "score", Score(1.0, 1.5, 2.0, -12.3456, (1,) * 10, 0.5, 0.25, 3))
    assert "-12.35 " in str(tall)


def test_the_numbers_are_those_of_the_report():
    numbers = REPORT.numbers()
    for name in ("score", "samples", "real", "gaussian"):
        assert numbers[name] == {field.name: getattr(getattr(REPORT, name), field.name)
                                 for field in fields(getattr(REPORT, name))}  # fmt: skip
    assert (numbers["in_pixels"], numbers["in_features"]) == (REPORT.in_pixels.ratio, REPORT.in_features.ratio)
    assert numbers["in_pixels"] != numbers["in_features"] and "looked_up" not in numbers
    plain = {
        "count": 1234,
        "test_count": 5678,
        "data": "digits",
        "source": "a folder",
        "accuracy": 0.875,
        "seconds": 9.6,
    }
    assert {name: numbers[name] for name in plain} == plain and numbers["notes"] == ("first", "second")


def test_what_each_number_means_is_said_beside_it():
    """The words are of the number's own row: which way is better, and what is best."""
    words = {
        "kernel distance": "0 is real", "classifier's score": "10: sure, and all classes",
        "precision": "samples that are among real", "recall": "real images that are among samples",
        "density": "1: as crowded as the real", "coverage": "real images with a sample nearby",
        "sure": "share of which the classifier is sure, p > 0.95",
        "spread in a class": "1: as varied as real", "SSIM in a class": "lower is more varied",
        "neighbour, pixels": "far below 1: copies", "neighbour, features": "far above 1: no such images",
        "classes": "of ten, with at least 2 %", "KL of the classes": "0: all as frequent",
        "S": "(Fréchet distance − real) / (Gaussian − real)", "Fréchet distance": "test images",
    }  # fmt: skip
    for name, meaning in words.items():
        assert meaning in ROWS[name][50:]
