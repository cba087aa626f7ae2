"""Trainings that an experiment needs: each done once, and each end passed on."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
import tiny

from scratchgan import training
from scratchgan.checkpoint import CheckpointError
from scratchgan.lab import runs
from scratchgan.models import SYSTEMS
from scratchgan.ranks import ALONE
from scratchgan.training import weights
from scratchgan.training.run import read


@pytest.fixture
def train(tmp_path):
    """Train the tiny system in a folder of this name: the folder."""
    digits = tiny.save_digits(tmp_path / "digits")

    def train(name, **options):
        runs.train(tiny.__file__, tmp_path / name, data=digits, seed=5, **options)
        return tmp_path / name

    return train


def steps(folder):
    return read(folder)[1]["step"]


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
    assert stop.value.args == (signal.SIGTERM,) and steps(tmp_path / "both") == 2
    both, once = train("both"), train("once")
    assert steps(both) == steps(once) == 4
    expected, found = (tiny.files_of(folder) for folder in (once, both))
    assert [name for name in expected if expected[name] != found[name]] == []


def test_the_options_are_those_of_train(train):
    folder = train("run", samples=3, steps=2)
    assert len(np.load(folder / "samples.npy")) == 3 and steps(folder) == 2


def test_a_pair_is_the_game_of_the_run_as_it_stands_and_as_it_began(train, tmp_path):
    folder, z = train("run"), np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    game = training.load_model(folder)
    done, trained, untrained = runs.pair(tiny.__file__, folder, tmp_path / "digits")
    assert trained.latent_size == game.latent_size == 3 and done == 4
    np.testing.assert_array_equal(trained(z), game.images(game.tensor(z)))
    np.testing.assert_array_equal(untrained(z), runs.untrained(folder)(z))
    assert np.abs(trained(z) - untrained(z)).max() > 1e-3


def test_a_pair_is_of_a_run_on_the_data_that_are_asked_for(train):
    with pytest.raises(CheckpointError, match="so --data mnist would not fit it"):
        runs.pair(tiny.__file__, train("run", steps=1), "mnist")


def test_without_a_run_it_is_the_game_whose_weights_ship():
    done, trained, untrained = runs.pair("cgan", None, "mnist")
    z, y = np.random.default_rng(1).standard_normal((6, 64)), np.eye(10)[:6]
    assert done == SYSTEMS["cgan"].presets["default"].steps
    game = weights.shipped_model("cgan")
    np.testing.assert_array_equal(trained(z, y), game.images(game.tensor(z), game.tensor(y)))
    assert np.abs(trained(z, y) - untrained(z, y)).max() > 1e-3


def flags(**given):
    return SimpleNamespace(**{"tiny": None, "data": "mnist", "train": False, "steps": None, "seed": 0} | given)


def test_a_run_is_chosen_trained_or_left_to_the_weights_that_ship(monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(runs, "train", lambda system, folder, **options: trained.append(options))
    monkeypatch.setattr(runs.weights, "names", lambda: ["tiny"])
    assert runs.chosen("tiny", flags(), tmp_path) is None
    assert runs.chosen("tiny", flags(tiny="here", train=True), tmp_path) == "here" and not trained
    for given in ({"train": True}, {"steps": 3}, {"data": "fashion-mnist"}):
        assert runs.chosen("tiny", flags(**given), tmp_path, preset="quick") == tmp_path / "tiny"
    asked = [(options["data"], options["steps"], options["preset"]) for options in trained]
    assert asked == [("mnist", None, "quick"), ("mnist", 3, "quick"), ("fashion-mnist", None, "quick")]
    monkeypatch.setattr(runs.weights, "names", lambda: ["another"])
    assert runs.chosen("tiny", flags(), tmp_path) == tmp_path / "tiny" and len(trained) == 4


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


def test_of_each_system_the_run_is_found_that_was_trained_longest(train, tmp_path):
    short, long = train("a", steps=2), train("b", steps=3)
    train("c", steps=1)
    (tmp_path / "no run").mkdir()
    assert runs.found(tmp_path, [tiny.__file__]) == {tiny.__file__: long}
    assert short.exists() and runs.found(tmp_path, ["dcgan"]) == {}
    with pytest.raises(CheckpointError, match="there is no folder .*typo with runs in its folders"):
        runs.found(tmp_path / "typo", ["dcgan"])  # or all would be trained


def test_the_models_of_a_run_are_as_it_stands_and_as_it_began(train, tmp_path):
    folder = train("run")
    done, trained, first = runs.models(tiny.__file__, folder, tmp_path / "digits")
    assert done == 4
    z = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    for model, expected in ((trained, training.load_model(folder)), (first, tiny.build(np.random.default_rng(5)))):
        np.testing.assert_array_equal(model.images(model.tensor(z)), expected.images(expected.tensor(z)))


def test_a_run_of_an_experiment_is_trained_by_this_process_alone(monkeypatch, tmp_path):
    """Though mpirun may have started others, which train other systems."""
    given = []
    monkeypatch.setattr(training, "train", lambda *_, **options: given.append(options["ranks"]) or Stopped())
    runs.train("gan", tmp_path)
    assert given == [ALONE]


class Stopped:
    stopped_by = None
