"""Trainings that an experiment needs: each done once, and each end passed on."""

import signal

import numpy as np
import pytest
import tiny

from scratchgan import training
from scratchgan.checkpoint import CheckpointError
from scratchgan.lab import runs


@pytest.fixture
def train(tmp_path):
    """Train the tiny system in a folder of this name: the folder."""
    digits = tiny.save_digits(tmp_path / "digits")

    def train(name, **options):
        runs.train(tiny.__file__, tmp_path / name, data=digits, seed=5, **options)
        return tmp_path / name

    return train


def stopping(run):
    """Let a signal come in its second step."""
    step = run.model.train_step

    def stopped(*arguments):
        if run.step == 1:
            signal.raise_signal(signal.SIGTERM)
        return step(*arguments)

    run.model.train_step = stopped


def test_a_stop_is_passed_on_and_a_training_that_is_there_is_finished(train, tmp_path):
    with pytest.raises(KeyboardInterrupt) as stop:
        train("both", began=stopping)
    assert stop.value.args == (signal.SIGTERM,) and runs.steps(tmp_path / "both") == 2
    both, once = train("both"), train("once")
    assert runs.steps(both) == runs.steps(once) == 4
    expected, found = (tiny.files_of(folder) for folder in (once, both))
    assert [name for name in expected if expected[name] != found[name]] == []


def test_the_options_are_those_of_train(train):
    folder = train("run", samples=3, steps=2)
    assert len(np.load(folder / "samples.npy")) == 3 and runs.steps(folder) == 2


def test_a_drawing_is_the_game_of_the_run_as_it_stands(train):
    folder, z = train("run"), np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    game = training.load_model(folder)
    draw = runs.drawing(folder)
    assert draw.latent_size == game.latent_size == 3
    np.testing.assert_array_equal(draw(z), game.images(game.tensor(z)))
    assert np.abs(draw(z) - runs.untrained(folder)(z)).max() > 1e-3


def test_an_untrained_generator_is_that_of_the_first_step(train):
    folder, z = train("run"), np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    game = tiny.build(np.random.default_rng(5))
    np.testing.assert_array_equal(runs.untrained(folder)(z), game.images(game.tensor(z)))


def test_a_run_of_another_system_or_of_other_data_is_refused(train, tmp_path):
    folder, digits = train("run"), tmp_path / "digits"
    runs.demand(tiny.__file__, folder, digits)
    with pytest.raises(CheckpointError, match="holds a run of .*tiny.py and not of dcgan"):
        runs.demand("dcgan", folder, digits)
    with pytest.raises(CheckpointError, match="learned from .*digits, so --data emoji would not fit it"):
        runs.demand(tiny.__file__, folder, "emoji")


def test_a_run_fits_its_data_where_they_were_and_where_they_are(train, tmp_path):
    folder, moved = train("run", steps=2), tmp_path / "moved"
    (tmp_path / "digits").rename(moved)
    training.train(out=folder, resume=True, data=moved)
    for place in (tmp_path / "digits", moved):
        runs.demand(tiny.__file__, folder, place)
