"""The demo of mistakes, run as a user runs it, for three steps."""

import json
import subprocess
import sys

import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab.mistakes import MISTAKES

DEMO = DEMOS / "break_it.py"


def demo(*flags):
    return subprocess.run([sys.executable, DEMO, *map(str, flags)], capture_output=True, text=True)


def test_it_leaves_a_table_and_a_picture(tmp_path):
    done = demo("--steps", 3, "--only", "no-graph", "bare-root", "one-axis", "no-detach", "no-clip", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"break_it.png", "numbers.json"}
    assert Image.open(tmp_path / "break_it.png").width > 600
    found = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert list(found) == ["no-graph", "bare-root", "one-axis", "no-detach", "no-clip"]
    assert found["bare-root"]["diverged"] == 1 and found["bare-root"]["w1"][1] is None
    assert found["bare-root"]["wrong fails"] and found["bare-root"]["ruins samples"]
    assert found["no-graph"]["number"][0] == found["one-axis"]["number"][0]  # one right game, played once
    assert found["no-graph"]["w1"][0] != found["no-graph"]["w1"][1]
    assert "diverged at step 1\n" in done.stdout and "RuntimeWarning" not in done.stderr


@pytest.mark.slow
def test_every_mistake_is_told_by_its_number(tmp_path):
    assert demo("--out", tmp_path).returncode == 0
    found = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert list(found) == list(MISTAKES)
    assert not [name for name, row in found.items() if not (row["right holds"] and row["wrong fails"])]


def test_all_mistakes_are_listed():
    text = demo("--list").stdout
    for mistake in MISTAKES.values():
        for words in (mistake.title, mistake.written, mistake.fault, mistake.threads):
            assert words in text


@pytest.mark.parametrize("flags", [("--only", "x"), ("--steps", "many")])
def test_a_bad_flag_is_answered_in_a_sentence(flags):
    done = demo(*flags)
    assert done.returncode == 2 and "invalid" in done.stderr and "Traceback" not in done.stderr
