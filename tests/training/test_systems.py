"""Every system in a run: it resumes bit for bit, stops where a number is no longer finite, and says what it drew."""

import numpy as np
import pytest
from games import CLASSES, GAMES, IMAGE, LATENTS, make, reseed

from scratchgan.data import Batches
from scratchgan.models import acgan, cgan, dcgan, gan, lsgan, sngan, wgan, wgan_gp
from scratchgan.training import Run, TrainingError

SETTINGS = {"seed": 0, "average_decay": 0.9, "lr": 1e-2, "lr_steps": 10, "low": -1.0}
every_game = pytest.mark.parametrize("name", GAMES)


def make_run(name, folder):
    rng = np.random.default_rng(0)
    game = make(name, np.float32)
    reseed(game, rng)  # as the networks of gan.py have it: the run saves the state of this one
    images, labels = rng.integers(0, 256, (40, *IMAGE), dtype=np.uint8), np.arange(40) % CLASSES
    batches = Batches(images, 6, rng, labels=labels if game.conditional else None)
    return Run(game, batches, rng, SETTINGS, folder)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@every_game
def test_n_plus_m_steps_are_n_steps_a_stop_and_m_steps(name, tmp_path):
    """To the last byte of every file; WGAN's second iteration is the last of its warm-up."""
    straight = make_run(name, tmp_path / "straight")
    straight.train(5, every=5, watch=straight.model.watch)
    make_run(name, tmp_path / "stopped").train(1, every=5, watch={})
    resumed = make_run(name, tmp_path / "stopped")
    resumed.load()
    resumed.train(5, every=5, watch=resumed.model.watch)
    expected, found = files_of(tmp_path / "straight"), files_of(tmp_path / "stopped")
    assert expected.keys() == found.keys()
    assert [file for file in expected if expected[file] != found[file]] == []


@pytest.mark.parametrize("player", ["generator", "critic"])
@every_game
def test_a_number_that_is_not_finite_stops_the_run_and_the_last_good_checkpoint_stays(name, player, tmp_path):
    run = make_run(name, tmp_path)
    run.train(2, every=1, watch={})
    good = run.checkpoint.read_bytes()
    weight = getattr(run.model, player).parameters()[0]
    weight.data = weight.data * np.float32("nan")
    with pytest.raises(TrainingError, match="step 3.*checkpoint.npz"):
        run.train(4, every=1, watch={})
    assert run.checkpoint.read_bytes() == good


@every_game
def test_curves_and_the_progress_bar_show_what_a_step_reports(name, tmp_path):
    run = make_run(name, tmp_path)
    run.train(1, every=1, watch=run.model.watch)
    header = (tmp_path / "log.csv").read_text().split("\n")[0].split(",")
    shown = {number for numbers in run.model.panels.values() for number in numbers}
    assert set(header) == {"step", "lr"} | set(run._advance()) - {"lr"}
    assert shown | set(run.model.watch) <= set(header) and len(shown) >= 3


@pytest.mark.parametrize("name", ["CGAN", "AC-GAN"])
def test_the_samples_of_a_conditional_run_come_with_their_labels(name, tmp_path):
    run = make_run(name, tmp_path)
    run.train(1, every=1, watch={})
    run.finish(run.model.panels, samples=30)
    samples, labels = (np.load(tmp_path / f"{file}.npy", allow_pickle=False) for file in ("samples", "labels"))
    assert samples.shape == (30, *IMAGE) and labels.shape == (30,) and labels.dtype == np.int64
    assert set(labels) == set(range(CLASSES))
    z = run.sample_latents(30)
    np.testing.assert_array_equal(z.numpy()[:, LATENTS:], np.eye(CLASSES)[labels])
    np.testing.assert_array_equal(samples, run.images(z))


def test_samples_of_other_runs_have_no_labels(tmp_path):
    run = make_run("DCGAN", tmp_path)
    run.train(1, every=1, watch={})
    run.finish(run.model.panels, samples=3)
    assert (tmp_path / "samples.npy").exists() and not (tmp_path / "labels.npy").exists()


# Presets -------------------------------------------------------------------------------------------------------------

PRESETS = [(each, preset) for each in (acgan, cgan, dcgan, gan, lsgan, sngan, wgan, wgan_gp) for preset in each.PRESETS]
WITHOUT_EFFECT = {wgan: {"7.bias"}, wgan_gp: {"4.bias", "7.bias"}, sngan: {"11.bias"}}


def weights(network):
    return {path: p.data.copy() for path, p in network.named_parameters()}


def unmoved(network, before):
    return {path for path, array in weights(network).items() if (array == before[path]).all()}


@pytest.mark.parametrize("system, preset", PRESETS, ids=[f"{each.__name__[18:]}-{preset}" for each, preset in PRESETS])
def test_every_preset_builds_a_game_whose_steps_move_all_of_their_player_and_nothing_else(system, preset):
    """At a batch of four; but for biases that the loss does not depend on."""
    settings, rng = system.PRESETS[preset], np.random.default_rng(0)
    game = system.build(settings, rng, "cpu")
    side, channels = settings.get("size", 28), settings.get("channels", 1)
    real = game.tensor(rng.uniform(settings["low"], 1, (4, channels, side, side)))
    labels = (rng.integers(10, size=4),) if game.conditional else ()
    generator, critic = weights(game.generator), weights(game.critic)
    numbers = game.critic_step(real, *labels, rng)
    assert unmoved(game.generator, generator) == set(generator)
    assert unmoved(game.critic, critic) <= WITHOUT_EFFECT.get(system, set())
    critic = weights(game.critic)
    numbers |= game.generator_step(4, rng)
    assert unmoved(game.critic, critic) == set(critic)
    assert unmoved(game.generator, generator) <= WITHOUT_EFFECT.get(system, set())
    assert all(np.isfinite(value.item()) for value in numbers.values()) and len(numbers) >= 3
