"""`python -m scratchgan.testing`: the table of errors, its picture, and what it says of a wrong derivative."""

import numpy as np
import pytest

from scratchgan.tensor import record
from scratchgan.testing import cases, losses
from scratchgan.testing.__main__ import main


def test_it_prints_a_line_for_each_function_and_saves_a_picture(tmp_path, capsys):
    assert main(["exp", "conv2d", "--out", str(tmp_path / "new" / "checks.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    errors = {
        line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines if line[:4] in ("exp ", "conv")
    }
    assert errors.keys() == {"exp", "conv2d"}
    assert all(len(pair) == 2 and 0 < max(pair) < 1e-7 for pair in errors.values())
    assert (tmp_path / "new" / "checks.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["checks.png"]


def test_without_names_it_checks_everything_at_the_order_asked_for(tmp_path, capsys, monkeypatch):
    tables = {"tanh": cases.TABLE["tanh"]}, {"r1_penalty": losses.TABLE["r1_penalty"]}
    monkeypatch.setattr("scratchgan.testing.__main__.TABLES", tables)
    main(["--order", "3", "--out", str(tmp_path / "checks.png")])
    text = capsys.readouterr().out
    assert "tanh" in text and "r1_penalty" in text and "third order" in text and "fourth" not in text


def captured(x):
    return record(x.data**3, (x, lambda g, y: g * (3 * x.data**2)))


def test_a_wrong_derivative_is_marked_and_explained(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(cases.TABLE, "cube", {"raw": (captured, cases.normal(3))})
    assert main(["cube", "--out", str(tmp_path / "checks.png")]) == 1
    printed = capsys.readouterr()
    (line,) = [line for line in printed.out.splitlines() if line.startswith("cube")]
    first, second, mark = line.split()[1:]
    assert float(first) < 1e-7 and float(second) > 0.1 and mark == "✗"
    assert "cube(raw): wrong derivative of order 2 in argument 0" in printed.err


def test_a_nan_is_marked_too(tmp_path, capsys, monkeypatch):
    nan = lambda x: record(x.data * 1, (x, lambda g, y: g * np.nan))  # noqa: E731
    monkeypatch.setitem(cases.TABLE, "nan", {"everywhere": (nan, cases.normal(3))})
    assert main(["nan", "--order", "1", "--out", str(tmp_path / "checks.png")]) == 1
    assert "nan ✗" in capsys.readouterr().out


def test_an_unknown_function_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["convolution"])
    assert "there is no convolution. The functions are: add, sub" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["ReLU"])
    assert "there is no ReLU, did you mean relu? The functions are: add, sub" in capsys.readouterr().err
