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


# The twin: −∂L_G/∂θ and −∂L_D/∂ψ of each game, written down by hand.


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
every_game = pytest.mark.parametrize("name", dirac.GAMES)


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
    np.testing.assert_allclose(dirac.field(dirac.GAMES[name], points), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("alternating", [False, True])
@every_game
def test_one_step_is_that_of_the_closed_form(name, alternating):
    found = dirac.simulate(dirac.GAMES[name], POINTS, steps=1, alternating=alternating)
    expected = [walk(name, point, 1, alternating)[-1] for point in POINTS]
    np.testing.assert_array_equal(found[0], POINTS)
    np.testing.assert_allclose(found[1], expected, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def paths():
    return {name: dirac.play(game) for name, game in dirac.GAMES.items()}


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
    game = dirac.GAMES[name]
    np.testing.assert_allclose(dirac.jacobian(game), [[0, slope], [-slope, 0]], atol=1e-15)
    assert dirac.spectral_radius(game, lr) == pytest.approx(np.sqrt(1 + lr**2 * slope**2), abs=1e-12)


@pytest.mark.parametrize("gamma", [0.1, 0.3, 1, 3])
def test_the_zero_centred_penalty_moves_the_eigenvalues_to_the_left(gamma):
    found = np.linalg.eigvals(dirac.jacobian(dirac.GAMES[f"NS + R1, γ = {gamma}"]))
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
        np.testing.assert_allclose(dirac.jacobian(dirac.GAMES[name], (theta, psi)), numerical, atol=1e-8)


@pytest.mark.parametrize("lr, steps", [(0.1, 500), (0.03, 50)])
def test_the_linear_loss_grows_by_a_known_factor(lr, steps):
    path = dirac.simulate(dirac.GAMES["WGAN, unconstrained"], POINTS, steps, lr)
    assert path.shape == (steps + 1, len(POINTS), 2)
    np.testing.assert_allclose(dirac.radii(path)[-1], (1 + lr**2) ** (steps / 2), rtol=1e-12)


def test_a_clipped_critic_stays_in_its_box():
    path = dirac.simulate(dirac.GAMES["WGAN, clip 0.3"], POINTS, steps=50)
    assert np.abs(path[1:, :, 1]).max() == 0.3


def test_games_side_by_side_do_not_touch():
    for game in dirac.GAMES.values():
        together = dirac.simulate(game, POINTS, steps=5)
        alone = [dirac.simulate(game, [point], steps=5)[:, 0] for point in POINTS]
        np.testing.assert_allclose(together, np.stack(alone, axis=1), atol=1e-12)


def test_the_average_of_a_jump():
    path = np.concatenate([np.zeros((1, 1, 2)), np.ones((20, 1, 2))])
    np.testing.assert_allclose(dirac.averaged(path, 0.9)[:, 0, 0], 1 - 0.9 ** np.arange(21), atol=1e-12)


# The criteria


def test_all_criteria_hold(paths):
    found = dirac.criteria(paths)
    assert len(found) == 6 and all(holds for _, holds in found), found


SHRINKING = np.outer(np.exp(-np.arange(501) / 100), [1, 0])[:, None]
SLOWLY = np.outer(np.exp(-np.arange(501) / 2000), [1, 0])[:, None]  # as the non-saturating loss does
STILL = np.tile([[1.0, 1.0]], (501, 1, 1))


@pytest.mark.parametrize(
    "name, way, path, broken",
    [
        ("NS + R1, γ = 0.3", "simultaneous", STILL, 0),
        ("NS + R1, γ = 3", "alternating", STILL, 0),
        ("minimax", "alternating", SHRINKING, 1),
        ("WGAN, unconstrained", "alternating", SHRINKING, 1),
        ("WGAN, unconstrained", "simultaneous", STILL, 2),
        ("WGAN, clip 0.3", "simultaneous", SLOWLY, 3),
        ("WGAN-GP, g = 1", "alternating", SLOWLY, 3),
        ("non-saturating", "alternating", SHRINKING, 4),
        ("minimax", "averaged", STILL, 5),
    ],
)
def test_each_criterion_can_fail(paths, name, way, path, broken):
    assert not dirac.criteria(paths | {name: paths[name] | {way: path}})[broken][1]


# The demo


def test_the_demo_leaves_its_picture_and_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(DEMO), "--out", str(tmp_path), "--no-animation"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(DEMO), run_name="__main__")
    printed = capsys.readouterr().out
    assert done.value.code == 0 and printed.count("pass ") == 7 and "FAIL" not in printed and " !" not in printed
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert numbers["radii"]["minimax"].keys() == set(dirac.WAYS) and all(numbers["checks"].values())
    with Image.open(tmp_path / "dirac_gan.png") as picture:
        assert picture.width > 1000
