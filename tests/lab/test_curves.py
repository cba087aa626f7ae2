"""The curves of the objectives: their slopes are those of the table, over the logit and over D."""

import json
import runpy
import sys

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab import curves
from scratchgan.losses import OBJECTIVES

LOGITS = np.linspace(-6, 6, 13) + 0.01  # beside the kinks of the hinge


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generators_slope_is_that_of_the_closed_form(name):
    assert curves.largest_error(name, LOGITS) < 1e-14


@pytest.mark.parametrize("player", curves.PLAYERS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_slope_is_that_of_its_curve(name, player):
    h, curve = 1e-5, lambda x: curves.curve(curves.PLAYERS[player], OBJECTIVES[name], x)
    rise = (curve(LOGITS + h)[0] - curve(LOGITS - h)[0]) / (2 * h)
    np.testing.assert_allclose(curve(LOGITS)[1], rise, atol=1e-8)


def test_each_player_and_image_has_its_own_curve():
    """Of least squares with three codes: (D − b)² / 2, (D − a)² / 2 and (D − c)² / 2, beside the other image at 0."""
    objective = type(OBJECTIVES["least squares (0, 1, 1)"])(2.0, 3.0, 5.0)
    expected = [(1 - 3) ** 2 / 2 + 2, (1 - 2) ** 2 / 2 + 4.5, (1 - 5) ** 2 / 2]
    assert [curves.curve(player, objective, [1.0])[0][0] for player in curves.PLAYERS.values()] == expected


def test_over_d_the_slope_of_minimax_is_that_of_the_logarithm():
    d = curves.sigmoid(LOGITS)
    slopes = curves.curve(curves.generator_on_fake, OBJECTIVES["minimax"], LOGITS)[1]
    np.testing.assert_allclose(curves.over_probabilities(d, slopes), -1 / (1 - d))


def test_the_error_is_the_largest_one(monkeypatch):
    monkeypatch.setitem(curves.SLOPES, "minimax", lambda x: -curves.sigmoid(x) - (x == 1) / 2)
    assert curves.largest_error("minimax", np.array([0.0, 1.0])) == pytest.approx(0.5)


def test_the_demo_leaves_its_picture_and_its_claims(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["objectives", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / "objectives.py"), run_name="__main__")
    assert end.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"objectives.png", "numbers.json"}
    assert Image.open(tmp_path / "objectives.png").width > 1000
    *errors, logit, d = json.loads((tmp_path / "numbers.json").read_text())["claims"]
    assert [claim["claim"].partition(":")[0] for claim in errors] == list(OBJECTIVES)
    sure = 1 / (1 + np.exp(8))
    assert logit["value"] == pytest.approx(sure) and d["value"] == pytest.approx(-1 / (1 - sure))
    assert logit["anchors"]["non-saturating"] == pytest.approx(1 - sure) and len(logit["anchors"]) == 7
    assert errors[0]["anchors"] == {
        "where D is sure (ℓ = -8)": pytest.approx(-sure),
        "where it is fooled (ℓ = 8)": pytest.approx(sure - 1),
    }
