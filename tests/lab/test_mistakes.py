"""The numbers tell mistakes from the right thing, and each game is played with one part replaced."""

from dataclasses import fields, replace

import numpy as np
import pytest
from linears import linear
from seeded import rng

from scratchgan import nn
from scratchgan.lab import flawed, mistakes, plane
from scratchgan.lab.mistakes import DATA, MISTAKES
from scratchgan.lab.plane import Recipe, Trained, players
from scratchgan.losses import Wasserstein
from scratchgan.models.game import Game

REAL = DATA.sample(8, np.random.default_rng(0))
FAKE = DATA.sample(8, np.random.default_rng(1))


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "measure, expected",
    [
        (mistakes.mean_slope, 5),
        (mistakes.spread_of_slopes, 0),
        (mistakes.steep_share, 1),
        (mistakes.slope_at_data, 5),
    ],
)
def test_the_slopes_of_a_line(measure, expected):
    assert measure(linear([[3, 4]]), REAL, FAKE) == pytest.approx(expected, abs=1e-5)


def test_slopes_are_those_between_the_points():
    """Of D(x) = x₁² / 2, whose slope is |x₁|: from points at 1 to points at 3, and at the data alone."""

    def parabola(x):
        return (x * x)[:, :1] / 2

    real, fake = (np.full((4000, 2), x, np.float32) for x in (1, 3))
    assert mistakes.mean_slope(parabola, real, fake) == pytest.approx(2, abs=0.03)
    assert mistakes.spread_of_slopes(parabola, real, fake) == pytest.approx(2 / 12**0.5, abs=0.02)
    assert mistakes.steep_share(parabola, real, fake) == pytest.approx(0.75, abs=0.03)
    assert mistakes.slope_at_data(parabola, real, fake) == pytest.approx(1)


def test_samples_are_measured_by_their_distance_and_modes():
    real = DATA.sample(2500, rng())
    assert mistakes.modes(None, real, real) == 8
    assert mistakes.modes(None, real, real[real[:, 0] > 0.1]) == 3
    assert mistakes.modes(None, real, real + np.float32(0.3 * DATA.spacing)) == 0
    assert mistakes.earth_mover(None, real, real + np.float32([3, 4])) == pytest.approx(5, rel=1e-4)


def test_the_influence_of_others_is_their_share_of_all_slopes():
    """In D(xᵢ) = c · Σⱼ (xⱼ + [i = j] xⱼ), the point itself counts twice: of 9 parts, 7 are due to the others."""

    class Sum(nn.Module):
        def forward(self, x):
            return (x + x.sum(0, keepdim=True)).sum(1, keepdim=True)

    assert mistakes.influence_of_others(Sum(), REAL, FAKE) == pytest.approx(7 / 9)


# The games -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MISTAKES)
def test_the_wrong_game_differs_from_the_right_one_in_one_part(name):
    """And where it has batch norm, in a penalty that does not see it, as it would be refused."""
    mistake = MISTAKES[name]
    recipes = [getattr(mistake.wrong, f.name) is not getattr(mistake.right, f.name) for f in fields(Recipe)]
    expected = 2 if name == "batch-norm" else 1
    assert sum(recipes) + (mistake.kind is not Game) + (mistake.data is not DATA) == expected
    assert all([mistake.title, mistake.written, mistake.fault.endswith("."), mistake.threads])


@pytest.mark.parametrize("wrong", [False, True])
def test_a_game_is_played_with_its_own_recipe_players_and_data(monkeypatch, wrong):
    strange = replace(MISTAKES["no-detach"], wrong=Recipe("", Wasserstein()), data=flawed.RingOfSeven())
    monkeypatch.setitem(MISTAKES, "no-detach", strange)
    asked = []

    def train(*args, **options):
        asked.append((*args, options["kind"]))
        return Trained(players(strange.right, rng()), {7: REAL}, np.zeros((7, 2)))

    monkeypatch.setattr(plane, "train", train)
    assert mistakes.play("no-detach", wrong, 7, 5).samples is REAL
    expected = (strange.wrong, strange.data) if wrong else (strange.right, DATA)
    assert asked == [(*expected, 7, 5, flawed.LeakyCritic if wrong else Game)]


def test_the_bare_root_diverges_in_its_first_step():
    right, wrong = (mistakes.play("bare-root", wrong, steps=3, seed=0) for wrong in (False, True))
    assert right.diverged is None and np.isfinite(right.number(mistakes.earth_mover, 0))
    assert wrong.diverged == 1 and wrong.samples is None and np.isnan(wrong.number(mistakes.earth_mover, 0))


def test_a_number_is_taken_on_fresh_real_points():
    played = mistakes.Played(None, REAL, None)
    seen = [played.number(lambda critic, real, fake: real, seed) for seed in (0, 0, 1)]
    assert seen[0].shape == (2500, 2)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()
