"""The demo of mistakes, run as a user runs it, for three steps."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab import plane
from scratchgan.lab.mistakes import DATA, MISTAKES, Played, play

DEMO = DEMOS / "break_it.py"


def demo(*flags):
    return subprocess.run([sys.executable, DEMO, *map(str, flags)], capture_output=True, text=True)


def test_it_leaves_a_table_and_a_picture(tmp_path):
    done = demo("--steps", 3, "--only", "no-graph", "bare-root", "one-axis", "no-detach", "no-clip", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"break_it.png", "numbers.json"}
    assert Image.open(tmp_path / "break_it.png").width > 600
    found = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert list(found) == ["no-graph", "bare-root", "one-axis", "no-detach", "no-clip", "real points"]
    assert found["bare-root"]["diverged"] == 1 and found["bare-root"]["w1"][1] is None
    assert found["bare-root"]["ruins samples"] and found["no-graph"]["number"][2] == pytest.approx(1.01, abs=0.01)
    assert found["no-graph"]["w1"][2] > 1.5 and found["real points"]["w1"] < 0.2
    assert "shortened, so nothing is judged: --steps 3, not 1200" in done.stdout
    assert found["no-graph"]["number"][0] == found["one-axis"]["number"][0]  # one right game, played once
    assert found["no-graph"]["w1"][0] != found["no-graph"]["w1"][1]
    assert "diverged at step 1\n" in done.stdout and "RuntimeWarning" not in done.stderr


@pytest.mark.slow
def test_every_mistake_is_told_by_its_number(tmp_path):
    done = demo("--out", tmp_path)
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "numbers.json").read_text())
    assert list(found["numbers"]) == [*MISTAKES, "real points"] and len(found["claims"]) == 46


def test_all_mistakes_are_listed():
    text = demo("--list").stdout
    for mistake in MISTAKES.values():
        for words in (mistake.title, mistake.written, mistake.fault, mistake.threads):
            assert words in text


@pytest.mark.parametrize("flags", [("--only", "x"), ("--steps", "many"), ("--processes", "none")])
def test_a_bad_flag_is_answered_in_a_sentence(flags):
    done = demo(*flags)
    assert done.returncode == 2 and "invalid" in done.stderr and "Traceback" not in done.stderr


LINES = runpy.run_path(str(DEMO))


def row(right, wrong, w1=0.1):
    numbers = {"symptom": "mean slope", "number": [right, wrong, 1.0], "w1": [w1, 2.0, 1.7]}
    return numbers | {"diverged": None, "ruins samples": True}


@pytest.mark.parametrize(
    "right, wrong, w1, broken",
    [
        (1.29, 1.31, 0.3, []),
        (1.31, 1.31, 0.3, [0]),
        (0.69, 1.31, 0.3, [0]),
        (1.0, 1.29, 0.3, [1]),
        (1.0, 2.0, 0.31, [2]),
    ],
)
def test_each_claim_breaks_just_beyond_its_bound(right, wrong, w1, broken):
    claims = list(LINES["claims"]("no-graph", row(right, wrong, w1)))
    assert [i for i, claim in enumerate(claims) if not claim.holds] == broken
    assert [claim.anchors["untrained"] for claim in claims] == [1.0, 1.0, 1.7]


def test_a_right_game_that_diverges_breaks_its_claims_and_a_wrong_one_does_not():
    claims = list(LINES["claims"]("no-graph", row(None, None, None)))
    assert [claim.holds for claim in claims] == [False, True, False]


def test_a_mistake_that_is_told_by_w1_needs_no_second_claim():
    assert len(list(LINES["claims"]("no-detach", row(0.1, 2.0)))) == 2


def test_each_cell_of_the_table_has_its_number(capsys):
    rows = {"no-graph": row(1.25, 250_000), "no-detach": row(0.5, None) | {"ruins samples": False}}
    LINES["print_table"](rows | {"bare-root": row(0.5, None) | {"diverged": 3}}, 1200, 0.125)
    header, _, _, *lines = capsys.readouterr().out.splitlines()[1:]
    assert header == "8 Gaussians, 1,200 steps; W1 of two sets of real points: 0.12"
    assert lines[0].split("mean slope")[1].split() == "1.25 > 100,000 1 0.10 2 1.70 ruined".split()
    assert lines[1].split("mean slope")[1].split() == "0.50 – 1 0.10 2 1.70 hardly hurt".split()
    assert lines[2].endswith("diverged at step 3")


def test_the_untrained_game_is_that_of_the_first_step():
    recipe = MISTAKES["no-graph"].right
    game = LINES["untrained"](recipe, 5)
    trained = plane.train(recipe, DATA, 1, 5, snapshots=(0,))
    np.testing.assert_array_equal(game.samples, trained.clouds[0])
    assert LINES["untrained"](recipe, 6).samples[0, 0] != game.samples[0, 0]


def test_two_seeds_differ_and_one_repeats():
    def measured(seed):
        games = [play("no-graph", wrong, 1, seed) for wrong in (False, True)]
        return LINES["measure"]("no-graph", games, seed)

    assert measured(0) == measured(0) != measured(1)


def test_samples_above_the_bound_are_ruined(monkeypatch):
    seeds = []

    def ruined(value):
        right, wrong = Played(None, None, None), Played(None, None, None)
        number = {right: 0.1, wrong: value}
        monkeypatch.setattr(Played, "number", lambda self, what, seed: seeds.append(seed) or number.get(self, 1.7))
        return LINES["measure"]("no-graph", [right, wrong], 7)["ruins samples"]

    assert [ruined(value) for value in (0.29, 0.31, np.nan)] == [False, True, True]
    assert set(seeds) == {7}
