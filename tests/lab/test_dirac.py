"""Dirac-GAN: the library's own steps against the closed form of the dynamics, its eigenvalues, and the known radii."""

import json
import runpy
import sys

import numpy as np
import pytest
from PIL import Image
from places import DEMOS

from scratchgan.lab import dirac

DEMO = DEMOS / "dirac_gan.py"


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


# The twin: −∂L_G/∂θ and −∂L_D/∂ψ of each duel, written down by hand.


def logistic(theta, psi):
    return psi * sigmoid(theta * psi), -theta * sigmoid(theta * psi)


def non_saturating(theta, psi, gamma=0.0):
    return psi * sigmoid(-theta * psi), -theta * sigmoid(theta * psi) - gamma * psi


def linear(theta, psi):
    return psi, -theta


def linear_with_target(theta, psi, target):
    norm = np.sqrt(psi * psi + 1e-12)  # as `gradient_norms` has it
    return psi, -theta - psi / norm * (norm - target)


TWINS = {
    "minimax": logistic,
    "non-saturating": non_saturating,
    "WGAN, unconstrained": linear,
    "WGAN, clip 0.3": linear,
    "WGAN-GP, g = 0.3": lambda theta, psi: linear_with_target(theta, psi, 0.3),
    "WGAN-GP, g = 1": lambda theta, psi: linear_with_target(theta, psi, 1),
    "NS + R1, γ = 0.1": lambda theta, psi: non_saturating(theta, psi, 0.1),
    "NS + R1, γ = 0.3": lambda theta, psi: non_saturating(theta, psi, 0.3),
    "NS + R1, γ = 1": lambda theta, psi: non_saturating(theta, psi, 1),
    "NS + R1, γ = 3": lambda theta, psi: non_saturating(theta, psi, 3),
}
every_game = pytest.mark.parametrize("name", dirac.DUELS)


def walk(name, start, steps, alternating, lr=0.1):
    """The path of the twin: (steps + 1, 2)."""
    (theta, psi), bound = start, 0.3 if "clip" in name else np.inf
    path = [start]
    for _ in range(steps):
        pull, push = TWINS[name](theta, psi)
        psi = np.clip(psi + lr * push, -bound, bound)
        theta = theta + lr * (TWINS[name](theta, psi)[0] if alternating else pull)
        path.append((theta, psi))
    return np.array(path)


POINTS = [(1, 1), (-0.7, 1.3), (0.2, -0.9), (-2.1, -0.4), (3, 2)]


@every_game
def test_the_field_is_the_closed_form(name):
    points = np.array(POINTS)
    expected = np.stack(TWINS[name](*points.T), axis=1)
    np.testing.assert_allclose(dirac.field(dirac.DUELS[name], points), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("alternating", [False, True])
@every_game
def test_one_step_is_that_of_the_closed_form(name, alternating):
    found = dirac.simulate(dirac.DUELS[name], POINTS, steps=1, alternating=alternating)
    expected = [walk(name, point, 1, alternating)[-1] for point in POINTS]
    np.testing.assert_array_equal(found[0], POINTS)
    np.testing.assert_allclose(found[1], expected, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def paths():
    return {name: dirac.play(duel) for name, duel in dirac.DUELS.items()}


@every_game
def test_the_paths_are_those_of_the_closed_form(paths, name):
    for way in ("simultaneous", "alternating"):
        expected = walk(name, (1.0, 1.0), 500, alternating=way == "alternating")
        np.testing.assert_allclose(paths[name][way][:, 0], expected, rtol=0, atol=1e-8)


@every_game
def test_the_known_radii_come_out(paths, name):
    values = dirac.final_radii(paths[name])
    assert all(map(dirac.agrees, values, dirac.TABLE[name])), (values, dirac.TABLE[name])


def test_agreement_is_in_the_digits_printed():
    assert dirac.agrees(0.3749, "0.37") and dirac.agrees(0.3651, "0.37") and dirac.agrees(12.04, "12.0")
    assert not dirac.agrees(0.3751, "0.37") and not dirac.agrees(0.3649, "0.37") and not dirac.agrees(12.06, "12.0")


@every_game
def test_the_table_is_that_of_the_twin(name):
    """So that the table does not follow the library."""
    both = [walk(name, (1.0, 1.0), 500, alternating) for alternating in (False, True)]
    weights = 0.01 * 0.99 ** np.arange(499, -1, -1)
    mean = weights @ both[1][1:] + 0.99**500 * both[1][0]
    values = [np.linalg.norm(end) / np.sqrt(2) for end in (both[0][-1], both[1][-1], mean)]
    assert all(map(dirac.agrees, values, dirac.TABLE[name])), (values, dirac.TABLE[name])


# The linear theory


@pytest.mark.parametrize("lr", [0.1, 0.5])
@pytest.mark.parametrize("name, slope", [("minimax", 0.5), ("non-saturating", 0.5), ("WGAN, unconstrained", 1)])
def test_without_a_penalty_the_field_turns_and_steps_grow(name, slope, lr):
    duel = dirac.DUELS[name]
    np.testing.assert_allclose(dirac.jacobian(duel), [[0, slope], [-slope, 0]], atol=1e-15)
    assert dirac.spectral_radius(duel, lr) == pytest.approx(np.sqrt(1 + lr**2 * slope**2), abs=1e-12)


@pytest.mark.parametrize("gamma", [0.1, 0.3, 1, 3])
def test_the_zero_centred_penalty_moves_the_eigenvalues_to_the_left(gamma):
    found = np.linalg.eigvals(dirac.jacobian(dirac.DUELS[f"NS + R1, γ = {gamma}"]))
    root = np.sqrt(complex(gamma**2 / 4 - 0.25))
    expected = np.array([-gamma / 2 + root, -gamma / 2 - root])
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-7)  # γ = 1 is a double root
    assert found.real.max() < 0


def test_the_jacobian_is_taken_where_it_is_asked_for():
    theta, psi, step = 0.4, -0.7, 1e-6
    at = [(theta + step, psi), (theta - step, psi), (theta, psi + step), (theta, psi - step)]
    for name in ("minimax", "non-saturating", "NS + R1, γ = 0.3", "WGAN-GP, g = 1"):
        values = np.stack(TWINS[name](*np.array(at).T), axis=1)
        numerical = np.stack([values[0] - values[1], values[2] - values[3]], axis=1) / (2 * step)
        np.testing.assert_allclose(dirac.jacobian(dirac.DUELS[name], (theta, psi)), numerical, atol=1e-8)


@pytest.mark.parametrize("lr, steps", [(0.1, 500), (0.03, 50)])
def test_the_linear_loss_grows_by_a_known_factor(lr, steps):
    path = dirac.simulate(dirac.DUELS["WGAN, unconstrained"], POINTS, steps, lr)
    assert path.shape == (steps + 1, len(POINTS), 2)
    np.testing.assert_allclose(dirac.radii(path)[-1], (1 + lr**2) ** (steps / 2), rtol=1e-12)


def test_a_clipped_critic_stays_in_its_box():
    path = dirac.simulate(dirac.DUELS["WGAN, clip 0.3"], POINTS, steps=50)
    assert np.abs(path[1:, :, 1]).max() == 0.3


def test_games_side_by_side_do_not_touch():
    for duel in dirac.DUELS.values():
        together = dirac.simulate(duel, POINTS, steps=5)
        alone = [dirac.simulate(duel, [point], steps=5)[:, 0] for point in POINTS]
        np.testing.assert_allclose(together, np.stack(alone, axis=1), atol=1e-12)


def test_the_average_of_a_jump():
    path = np.concatenate([np.zeros((1, 1, 2)), np.ones((20, 1, 2))])
    np.testing.assert_allclose(dirac.averaged(path, 0.9)[:, 0, 0], 1 - 0.9 ** np.arange(21), atol=1e-12)


# The criteria


def test_all_criteria_hold(paths):
    found = dirac.criteria(paths)
    assert len(found) == 8 and all(claim.holds for claim in found), [*map(str, found)]


def test_each_number_of_the_criteria_is_that_of_its_games(paths):
    """Those of the table, which the twin holds; and beside each, what it is not."""
    landed, circling, left, cycle, *alone, mean, cells = dirac.criteria(paths)
    found = [round(claim.value, 2) for claim in (landed, circling, left, *alone, mean)]
    assert found == [0.01, 0.99, 12.03, 0.37, 0.28, 0.23] and cells.value == 0
    assert 0.99 <= cycle.value <= 1.01 and cycle.anchors["R1, γ = 0.1"] < 0.7
    assert circling.anchors["R1, γ = 1"] < 1e-6 and landed.anchors == {"start": 1}


def ends_at(radius):
    """A path that has stayed where it began, and in its last step has this radius."""
    path = np.tile([[1.0, 1.0]], (501, 1, 1))
    path[-1] *= radius
    return path


def shrinking(ratio):
    """A path whose last 75 steps are so much narrower than those before."""
    path = np.tile([[1.0, 1.0]], (501, 1, 1))
    path[-75:] *= ratio
    return path


@pytest.mark.parametrize(
    "name, way, criterion, holds, breaks",
    [
        ("NS + R1, γ = 0.3", "simultaneous", 0, 0.049, 0.051),
        ("NS + R1, γ = 1", "alternating", 0, 0.049, 0.051),
        ("NS + R1, γ = 3", "alternating", 0, 0.049, 0.051),
        ("minimax", "alternating", 1, 0.951, 0.949),
        ("WGAN, unconstrained", "alternating", 1, 0.951, 0.949),
        ("WGAN, unconstrained", "simultaneous", 2, 11.91, 11.89),
        ("WGAN, unconstrained", "simultaneous", 2, 12.09, 12.11),
        ("non-saturating", "simultaneous", 4, 0.201, 0.199),
        ("non-saturating", "simultaneous", 4, 0.449, 0.451),
        ("non-saturating", "alternating", 5, 0.201, 0.199),
        ("minimax", "averaged", 6, 0.299, 0.301),
        ("WGAN, unconstrained", "averaged", 6, 0.299, 0.301),
        ("WGAN-GP, g = 1", "averaged", 7, 0.104, 0.106),
    ],
)
def test_each_criterion_breaks_just_beyond_its_bound(paths, name, way, criterion, holds, breaks):
    claims = [dirac.criteria(paths | {name: paths[name] | {way: ends_at(end)}}) for end in (holds, breaks)]
    assert [three[criterion].holds for three in claims] == [True, False]


@pytest.mark.parametrize("name", ["WGAN, clip 0.3", "WGAN-GP, g = 0.3", "WGAN-GP, g = 1"])
@pytest.mark.parametrize("way", ["simultaneous", "alternating"])
def test_a_cycle_that_shrinks_is_none(paths, name, way):
    claims = [dirac.criteria(paths | {name: paths[name] | {way: shrinking(by)}}) for by in (0.991, 0.989)]
    assert [three[3].holds for three in claims] == [True, False]


# The demo


def test_the_demo_leaves_its_picture_and_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(DEMO), "--out", str(tmp_path), "--no-animation"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(DEMO), run_name="__main__")
    printed = capsys.readouterr().out
    assert done.value.code == 0 and printed.count("  pass  ") == 8 and "FAIL" not in printed and "!" not in printed
    kept = json.loads((tmp_path / "numbers.json").read_text())
    assert kept["numbers"]["radii"]["minimax"].keys() == set(dirac.WAYS) and len(kept["claims"]) == 8
    with Image.open(tmp_path / "dirac_gan.png") as picture:
        assert picture.width > 1000


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(DEMO))


def test_each_cell_of_the_table_has_its_number_and_its_mark(demo, capsys):
    demo["print_table"]({"minimax": [1.5411, 0.9892, 0.9]})
    row = capsys.readouterr().out.splitlines()[-1].split("  ")
    assert [cell.strip() for cell in row if cell.strip()] == [
        "minimax", "1.5411 (1.54)", "0.9892 (0.99)", "0.9000 (0.23)!", "0 ± 0.5i",
    ]  # fmt: skip


def test_eigenvalues_are_real_or_a_pair(demo):
    names = "minimax", "NS + R1, γ = 0.1", "NS + R1, γ = 3", "WGAN-GP, g = 1"
    assert [demo["eigenvalues"](name) for name in names] == [
        "0 ± 0.5i", "-0.05 ± 0.497i", "-0.0858, -2.91", "none: a kink",
    ]  # fmt: skip


def test_without_the_animation_there_is_none(demo, paths, tmp_path, monkeypatch):
    films, played = [], {id(duel): paths[name] for name, duel in dirac.DUELS.items()}
    monkeypatch.setattr(dirac, "play", lambda duel: played[id(duel)])
    monkeypatch.setitem(demo["experiment"].__globals__, "film", lambda paths, path: films.append(path.name))
    monkeypatch.setitem(demo["experiment"].__globals__, "draw", lambda *rest: None)
    for flags in (["--no-animation"], []):
        demo["main"]("", "x", demo["experiment"], demo["add_flags"], argv=["--out", str(tmp_path), *flags])
    assert films == ["dirac_gan.gif"]
