"""The tool that asks of each line whether a test holds it: `lines`."""

import lines
import pytest
from places import ROOT

SOURCE = '''
def f(x: int = 3, *, scale=0.5):
    """Not 7."""
    if x < 1 and not scale:
        raise ValueError(f"{x} is below 1" + str(2))
    self.seen = total(x, scale, axis=-1)
    return [y.copy() for y in x if y] if True else abs(x)
'''


def changes(source):
    return {(mistake.line, mistake.right, mistake.wrong) for mistake in lines.mistakes(source)}


def test_the_mistakes_of_a_program():
    assert changes(SOURCE) == {
        (2, "3", "(4)"),
        (2, "0.5", "(1.0)"),
        (4, "x < 1 and not scale", "(not (x < 1 and (not scale)))"),
        (4, "x < 1 and not scale", "(x < 1)"),
        (4, "x < 1 and not scale", "(not scale)"),
        (4, "x < 1", "(x <= 1)"),
        (4, "x < 1", "(x >= 1)"),
        (4, "1", "(2)"),
        (4, "not scale", "(scale)"),
        (5, 'raise ValueError(f"{x} is below 1" + str(2))', "pass"),
        (6, "self.seen = total(x, scale, axis=-1)", "pass"),
        (6, "total(x, scale, axis=-1)", "(total(x, axis=-1))"),
        (6, "total(x, scale, axis=-1)", "(total(x, scale))"),
        (6, "-1", "(1)"),
        (6, "1", "(2)"),
        (7, "[y.copy() for y in x if y] if True else abs(x)", "(abs(x) if True else [y.copy() for y in x if y])"),
        (7, "y.copy()", "(y)"),
        (7, "y", "True"),
        (7, "True", "False"),
        (7, "abs(x)", "(x)"),
    }


@pytest.mark.parametrize("file", ["scratchgan/tensor.py", "scratchgan/training/command.py", "demos/compare.py"])
def test_each_mistake_is_a_program_and_lies_on_its_line(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    for mistake in lines.mistakes(source):
        compile(mistake.source, file, "exec")
        before, after = source.splitlines(), mistake.source.splitlines()
        assert before[: mistake.line - 1] == after[: mistake.line - 1]
        assert before[mistake.line - 1] != after[mistake.line - 1]


@pytest.mark.slow
def test_untested_lines_are_found(monkeypatch):
    """The one test that it is shown notices what happens to SGD, and nothing in Adam."""
    file, tests = "scratchgan/optim.py", ["test_optim.py::test_sgd_steps_down_the_gradient"]
    monkeypatch.setattr(lines, "test_files", lambda file: tests)
    source = (ROOT / file).read_text(encoding="utf-8").splitlines()
    step, adam = source.index("        b += g"), source.index("        m *= beta1")
    assert lines.survivors(file, lines=[step + 1]) == (2, [])
    made, found = lines.survivors(file, lines=[adam + 1])
    assert made == len(found) == 2
