"""Training can be stopped and resumed at any step, bit for bit, and never overwrites a good checkpoint by a bad one."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchgan import nn
from scratchgan.data import Batches
from scratchgan.models.wgan_gp import WGANGP
from scratchgan.training import CheckpointError, Run, TrainingError
from scratchgan.training.run import averaged_generator

SETTINGS = {"seed": 0, "average_decay": 0.9, "lr": 1e-2, "lr_steps": 10, "low": -1.0}
WATCH = {"wasserstein": "W"}


def make_run(folder, width=8, **settings):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    generator = nn.Sequential(
        nn.Linear(3, width, rng=rng), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 16, rng=rng),
        nn.Unflatten(1, (1, 4, 4)), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(nn.Flatten(), nn.Linear(16, 8, rng=rng), nn.LeakyReLU(0.2), nn.Linear(8, 1, rng=rng))
    model = WGANGP(generator, critic, latent_size=3, critic_steps=2, lr=1e-2)
    return Run(model, Batches(images, 7, rng), rng, {**SETTINGS, **settings}, folder)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("n", [1, 4, 7])
def test_n_plus_m_steps_are_n_steps_a_stop_and_m_steps(tmp_path, n):
    """All files are equal to the last bit: weights, averages, optimisers, data order, random numbers, log, pictures."""
    straight = make_run(tmp_path / "straight")
    assert straight.train(11, every=3, watch=WATCH)
    straight.finish({"W": ["wasserstein"]}, samples=5)

    make_run(tmp_path / "stopped").train(n, every=3, watch=WATCH)
    resumed = make_run(tmp_path / "stopped")
    resumed.load()
    assert resumed.step == n
    resumed.train(11, every=3, watch=WATCH)
    resumed.finish({"W": ["wasserstein"]}, samples=5)
    expected, found = files_of(tmp_path / "straight"), files_of(tmp_path / "stopped")
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_a_log_that_ran_ahead_of_the_checkpoint_is_cut_back(tmp_path):
    make_run(tmp_path).train(4, every=2, watch=WATCH)
    with open(tmp_path / "log.csv", "a") as log:
        log.write("5,0.1,0.2,0.3\n6,0.")  # what a kill -9 may leave
    run = make_run(tmp_path)
    run.load()
    run.train(6, every=2, watch=WATCH)
    steps = [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4", "5", "6"]


def test_a_run_that_was_killed_at_once_can_be_resumed(tmp_path):
    make_run(tmp_path / "straight").train(2, every=9, watch=WATCH)

    def die():
        raise InterruptedError

    killed = make_run(tmp_path / "killed")
    killed._advance = die
    with pytest.raises(InterruptedError):
        killed.train(2, every=9, watch=WATCH)
    resumed = make_run(tmp_path / "killed")
    resumed.load()
    resumed.train(2, every=9, watch=WATCH)
    assert files_of(tmp_path / "straight") == files_of(tmp_path / "killed")


@pytest.mark.parametrize("forgotten", ["rng", "average", "batches", "generator_optimizer"])
def test_every_part_of_the_state_matters(tmp_path, forgotten):
    """Leave one part out of the resume, and the run is another one: the test above would notice."""
    straight = make_run(tmp_path / "straight")
    straight.train(9, every=100, watch=WATCH)
    make_run(tmp_path / "stopped").train(4, every=100, watch=WATCH)
    resumed = make_run(tmp_path / "stopped")
    fresh_rng = resumed.rng.bit_generator.state
    if forgotten != "rng":
        resumed.parts[forgotten].load_state_dict = lambda state: None
    resumed.load()
    if forgotten == "rng":
        resumed.rng.bit_generator.state = fresh_rng
    resumed.train(9, every=100, watch=WATCH)
    assert straight.checkpoint.read_bytes() != resumed.checkpoint.read_bytes()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    make_run(tmp_path).train(1, every=1, watch=WATCH)
    with pytest.raises(CheckpointError, match="seed was 0 and is now 1"):
        make_run(tmp_path, seed=1).load()
    with pytest.raises(CheckpointError, match="does not fit this run: generator/0.weight is float32 of shape"):
        make_run(tmp_path, width=9).load()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_last_good_checkpoint(tmp_path, bad):
    run = make_run(tmp_path)
    run.train(3, every=1, watch=WATCH)
    good = run.checkpoint.read_bytes()
    weight = run.model.generator.parameters()[0]
    weight.data = weight.data * np.float32(bad)
    with pytest.raises(TrainingError, match=r"step 4: \w+ is (nan|-?inf).*checkpoint.npz"):
        run.train(9, every=1, watch=WATCH)
    assert run.checkpoint.read_bytes() == good


def test_samples_are_float32_in_the_range_of_images_and_repeatable(tmp_path):
    run = make_run(tmp_path)
    run.train(2, every=1, watch=WATCH)
    samples = run.samples(501)
    assert samples.shape == (501, 1, 4, 4) and samples.dtype == np.float32
    assert -1 <= samples.min() < samples.max() <= 1
    np.testing.assert_array_equal(samples, run.samples(501))


def test_the_averaged_generator_of_a_run_can_be_had_again(tmp_path):
    run = make_run(tmp_path)
    run.train(3, every=9, watch=WATCH)
    system = SimpleNamespace(build=lambda settings, rng, device: make_run(tmp_path).model)
    generator, settings = averaged_generator(system, tmp_path)
    assert settings == run.settings and not any(module.training for module in generator.modules())
    for path, array in run.average.state_dict().items():
        np.testing.assert_array_equal(generator.state_dict()[path], array, err_msg=path)


def test_a_run_of_other_networks_has_no_such_generator(tmp_path):
    make_run(tmp_path).train(1, every=9, watch=WATCH)
    other = SimpleNamespace(build=lambda settings, rng, device: make_run(tmp_path, width=9).model, __name__="other")
    with pytest.raises(CheckpointError, match="holds no run of other: .*shape"):
        averaged_generator(other, tmp_path)


def test_the_learning_rate_falls_linearly_to_a_twentieth(tmp_path):
    run = make_run(tmp_path)
    run.train(12, every=100, watch=WATCH)
    rates = [float(line.split(",")[-1]) for line in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    np.testing.assert_allclose(rates, 1e-2 * np.maximum(0.05, 1 - np.arange(12) / 10))
