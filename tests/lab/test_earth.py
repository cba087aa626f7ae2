"""Earth movers: the plan that is drawn is the best one, and the divergences of two lines are as they must be."""

import json
import math
import runpy
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from places import DEMOS

from scratchgan import metrics
from scratchgan.lab import earth

DEMO = DEMOS / "earth_mover.py"
seeds = st.integers(0, 2**32)


def histograms(seed, n=9):
    """Uneven places, and two histograms over them, some of whose bars are empty."""
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    a[rng.integers(n)] = b[rng.integers(n)] = 0
    return np.cumsum(rng.uniform(0.1, 2, n)), a / a.sum(), b / b.sum()


# The plan that is drawn


@given(seeds)
def test_the_flow_costs_no_more_than_the_distance(seed):
    """On a line, W₁ is the area between the two distribution functions."""
    x, a, b = histograms(seed)
    flow = earth.flow(x, a, b)
    area = np.abs(np.cumsum(a - b))[:-1] @ np.diff(x)
    assert flow.cost == pytest.approx(area, abs=1e-12)
    assert flow.cost == pytest.approx(flow.mass @ np.abs(x[flow.source] - x[flow.target]), abs=1e-12)


@given(seeds, st.floats(0.1, 1))
def test_the_pieces_tile_the_bars(seed, width):
    """Side by side, from the left end of each bar to its right end, in the pile as in the place it goes to."""
    x, a, b = histograms(seed)
    flow = earth.flow(x, a, b, width)
    for bars, bar, parts in ((a, flow.source, flow.leaves), (b, flow.target, flow.lands)):
        for k in np.flatnonzero(bars > 1e-6):
            mine = parts[bar == k]
            assert mine[0, 0] == pytest.approx(x[k] - width / 2, abs=1e-5)
            assert mine[-1, 1] == pytest.approx(x[k] + width / 2, abs=1e-5)
            np.testing.assert_allclose(mine[1:, 0], mine[:-1, 1], atol=1e-5)
            np.testing.assert_allclose(np.diff(mine)[:, 0], width * flow.mass[bar == k] / bars[k], atol=1e-9)


@given(seeds)
def test_empty_bars_have_no_pieces(seed):
    """Even where rounding leaves a sliver for them."""
    x, a, b = histograms(seed)
    flow = earth.flow(x, a, b)
    assert (a[flow.source] > 0).all() and (b[flow.target] > 0).all()
    assert np.isfinite(flow.leaves).all() and np.isfinite(flow.lands).all()
    assert flow.mass.sum() == pytest.approx(1, abs=1e-9)


@given(seeds)
def test_no_two_ways_cross(seed):
    flow = earth.flow(*histograms(seed))
    assert (np.diff(flow.source) >= 0).all() and (np.diff(flow.target) >= 0).all()


def test_bars_out_of_order_are_refused():
    with pytest.raises(ValueError, match="must ascend"):
        earth.flow([0, 2, 1], [0.5, 0.5, 0], [0, 0.5, 0.5])


# Two lines


@given(seeds, st.floats(-3, 3))
def test_the_lines_are_parallel_and_apart(seed, theta):
    x, y = earth.parallel_lines(theta, 50, np.random.default_rng(seed))
    assert x.shape == y.shape == (50, 2) and x.dtype == y.dtype == np.float32
    assert (x[:, 0] == 0).all() and (y[:, 0] == np.float32(theta)).all()
    for heights in (x[:, 1], y[:, 1]):
        assert 0 <= heights.min() < 0.2 and 0.8 < heights.max() <= 1


@pytest.mark.parametrize("theta", [-1.5, 0, 1e-3, 2])
def test_the_closed_forms_against_lines_of_many_points(theta):
    """With the same heights on both lines there is nothing but the shift."""
    x, _ = earth.parallel_lines(theta, 100, np.random.default_rng(0))
    y = x + np.float32([theta, 0])
    exact = earth.divergences_of_lines(theta)
    assert metrics.wasserstein(x, y) == pytest.approx(exact["W1"], abs=1e-6)
    cells = earth.histogram_divergences(x, y, width=1e-4)
    assert cells["JS"] == pytest.approx(exact["JS"], abs=1e-12) and cells["KL"] == exact["KL"]


def test_the_closed_forms():
    assert earth.divergences_of_lines(-2.5) == {"W1": 2.5, "JS": math.log(2), "KL": math.inf}
    assert earth.divergences_of_lines(0) == {"W1": 0, "JS": 0, "KL": 0}


# Histograms


def test_the_divergences_of_two_coins():
    """p = (¾, ¼) and q = (½, ½), as points in two cells."""
    x, y = np.array([[0.1], [0.2], [0.3], [1.5]]), np.array([[0.9], [1.1]])
    found = earth.histogram_divergences(x, y, width=1.0)
    assert found["KL"] == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    halves = [p * math.log(p / m) for p, m in ((0.75, 0.625), (0.25, 0.375), (0.5, 0.625), (0.5, 0.375))]
    assert found["JS"] == pytest.approx(sum(halves) / 2)


@given(seeds)
def test_the_histograms_of_equal_clouds_do_not_differ(seed):
    x = np.random.default_rng(seed).standard_normal((30, 2))
    assert earth.histogram_divergences(x, x[::-1], width=0.3) == pytest.approx({"JS": 0, "KL": 0}, abs=1e-12)


def test_cells_of_no_width_are_refused():
    with pytest.raises(ValueError, match="must be positive"):
        earth.histogram_divergences([[0.0]], [[1.0]], width=0)


# What networks learn


def test_a_critic_measures_the_distance():
    """On two lines the best critic is D(x) = −a x₁ with a = 1 + θ / 2λ: its gap is aθ."""
    theta = 2.0
    seen = earth.learnt_distance(*earth.parallel_lines(theta, 128, np.random.default_rng(0)), np.random.default_rng(1))
    assert seen.distance == pytest.approx(theta, rel=0.03)
    assert seen.slope == pytest.approx(1 + theta / 20, rel=0.03)
    assert seen.gap == pytest.approx(theta * (1 + theta / 20), rel=0.03)


def test_a_discriminator_knows_two_lines_apart_and_no_more():
    rng = np.random.default_rng(0)
    near, far = (earth.learnt_js(*earth.parallel_lines(theta, 128, rng), rng) for theta in (1.0, 3.0))
    assert 0.68 < near < math.log(2) and near == pytest.approx(far, abs=0.01)


def test_a_discriminator_of_equal_lines_knows_nothing():
    rng = np.random.default_rng(0)
    x, _ = earth.parallel_lines(0.0, 512, rng)
    assert abs(earth.learnt_js(x, x, rng, steps=100)) < 0.02


@settings(max_examples=3)
@given(seeds)
def test_the_same_seed_gives_the_same_critic(seed):
    x, y = earth.parallel_lines(1.0, 32, np.random.default_rng(0))
    twice = [earth.learnt_distance(x, y, np.random.default_rng(seed), steps=3) for _ in range(2)]
    assert twice[0] == twice[1] != earth.learnt_distance(x, y, np.random.default_rng(seed + 1), steps=3)


def test_lines_are_compared_in_three_ways():
    row = earth.compare_lines(0.5, 64, np.random.default_rng(0), steps=150)
    assert row["theta"] == 0.5 and row["W1"]["exact"] == 0.5 and row["KL"] == {"exact": math.inf, "sampled": math.inf}
    assert 0.5 <= row["W1"]["sampled"] < 0.55 and row["W1"]["learnt"] == pytest.approx(0.5, rel=0.15)
    assert row["JS"]["sampled"] == pytest.approx(math.log(2)) and row["JS"]["learnt"] == pytest.approx(0.69, abs=0.05)


def test_clouds_are_compared_with_the_exact_distance():
    x, y = earth.ring_and_cloud(64, 2.0, np.random.default_rng(0))
    np.testing.assert_allclose(y.mean(0), (2, 0), atol=0.2)
    row = earth.compare_clouds(2.0, 64, np.random.default_rng(0), steps=150)
    assert row["shift"] == 2 and row["exact"] == metrics.wasserstein(x, y)
    assert row["distance"] == pytest.approx(row["gap"] / row["slope"]) == row["exact"] * (1 + row["error"])
    assert abs(row["error"]) < 0.1


# The demo


def test_the_demo_leaves_its_picture_its_film_and_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(DEMO), "--out", str(tmp_path), "--steps", "2"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(DEMO), run_name="__main__")
    printed = capsys.readouterr().out
    assert done.value.code == 0 and "exact W1" in printed and "nothing is judged: --steps 2, not 400" in printed
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    for things in ("piles", "clouds"):
        assert numbers[things]["best"] < numbers[things]["random"]
    assert [row["KL"]["exact"] for row in numbers["parallel lines"]] == [0.0] + ["infinite"] * 6
    assert [row["shift"] for row in numbers["critics"]] == [0, 1, 2, 3, 4]
    for name in ("earth_mover.png", "earth_mover.gif"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 300


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(DEMO))


def table(w1=0.0, js=0.0, error=0.0):
    """Both tables of the demo, with these errors somewhere in them."""
    lines = [{"theta": t, "W1": {"learnt": t}, "JS": {"learnt": math.log(2) if t else 0.5}} for t in (0.0, 1.0, 2.0)]
    lines[2]["W1"]["learnt"] -= w1
    lines[1]["JS"]["learnt"] -= js
    return {"parallel lines": lines, "critics": [{"error": 0.0}, {"error": -error}]}


@pytest.mark.parametrize(
    "criterion, holds, breaks",
    [(0, {"error": 0.049}, {"error": 0.051}), (1, {"w1": 0.049}, {"w1": 0.051}), (2, {"js": 0.0099}, {"js": 0.0101})],
)
def test_each_claim_breaks_just_beyond_its_bound(demo, criterion, holds, breaks):
    untrained = table(w1=2.0, js=0.7, error=1.5)
    claims = [demo["claims"](*table(**errors).values(), untrained) for errors in (holds, breaks)]
    assert [three[criterion].holds for three in claims] == [True, False]
    assert [claim.anchors["untrained"] for claim in claims[0]] == pytest.approx([1.5, 2.0, 0.7])


def test_each_cell_of_the_tables_has_its_number(demo, capsys):
    w1, js = {"exact": 0.25, "sampled": 0.254, "learnt": 0.2012}, {"exact": 0.69, "sampled": 0.68, "learnt": 0.0152}
    demo["print_lines"]([{"theta": 0.25, "W1": w1, "JS": js, "KL": {"exact": math.inf, "sampled": 0.5}}])
    assert capsys.readouterr().out.splitlines()[-1].split() == (
        "0.25 0.250 0.254 0.201 0.6900 0.6800 0.0152 inf 0.5".split()
    )
    demo["print_shifts"]([{"shift": 1, "exact": 2, "gap": 3, "slope": 4, "distance": 5, "error": -0.0625}])
    assert capsys.readouterr().out.splitlines()[-1].split() == "1.0 2.000 3.000 4.000 5.000 -6.2%".split()


def test_two_seeds_differ_and_one_repeats(demo):
    tables = [demo["measured"](np.random.default_rng(seed), 0) for seed in (3, 3, 4)]
    assert tables[0] == tables[1] != tables[2]


def test_infinity_has_a_name_in_json(demo):
    assert demo["plain"]({"a": [{"b": math.inf}, 1.0]}) == {"a": [{"b": "infinite"}, 1.0]}
