"""Trainings that an experiment needs: each done once, and each end passed on."""

import numpy as np
import pytest

from scratchgan.lab import runs
from scratchgan.models import cgan, gan


@pytest.fixture
def asked(monkeypatch):
    """What the command of the demos on images is asked for; ``statuses`` are its answers."""
    asked = []

    def main(description, name, system, argv):
        asked.append((name, system, argv))
        return statuses.pop()

    statuses = [0]
    monkeypatch.setattr(runs, "main", main)
    asked.append(statuses)
    return asked


def test_the_flags_are_those_that_are_given(asked, tmp_path):
    runs.train("a gan", gan, tmp_path / "run", data="mnist", seed=0, steps=None)
    assert asked[1:] == [("a gan", gan, ["--out", str(tmp_path / "run"), "--data", "mnist", "--seed", "0"])]


def test_a_training_that_is_there_is_finished(asked, tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"")
    runs.train("a gan", gan, tmp_path)
    assert asked[1][2] == ["--out", str(tmp_path), "--resume"]


def test_a_stop_is_a_stop_and_an_error_an_error(asked, tmp_path):
    asked[0][:] = [1, 143]
    with pytest.raises(KeyboardInterrupt) as stop:
        runs.train("a gan", gan, tmp_path)
    assert stop.value.args == (15,)
    with pytest.raises(RuntimeError, match="a gan could not be trained in"):
        runs.train("a gan", gan, tmp_path)


SETTINGS = {**cgan.PRESETS["quick"], "seed": 4}


def test_an_untrained_generator_is_that_of_the_first_step(monkeypatch):
    monkeypatch.setattr(runs, "averaged_generator", lambda system, folder: (None, SETTINGS))
    game = cgan.build(SETTINGS, np.random.default_rng(4), "cpu")
    z = game.latents(5, np.random.default_rng(0))
    expected = game.generator.eval()(z).numpy()
    np.testing.assert_allclose(runs.untrained(cgan, "anywhere")(z.numpy()), expected, atol=1e-6)


def test_images_are_in_one_range_whatever_black_is():
    draw = runs.Drawing(lambda z: z, {"low": 0.0, "latent_size": 1})
    np.testing.assert_array_equal(draw(np.array([0, 0.25, 1])), [-1, -0.5, 1])
    draw = runs.Drawing(lambda z: z, {"low": -1.0, "latent_size": 1})
    np.testing.assert_array_equal(draw(np.array([-1, 0.25, 1])), [-1, 0.25, 1])


def test_the_steps_of_a_run_are_those_it_has_done(monkeypatch):
    monkeypatch.setattr(runs, "read", lambda folder: ({}, {"step": 12, "steps": 20}))
    assert runs.steps("anywhere") == 12
