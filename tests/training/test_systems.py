"""What holds for every model, in a run of its own: it resumes bit for bit, saves all that matters, and stops on NaN."""

import gc

import numpy as np
import pytest
from instances import MODELS
from PIL import Image

from scratchgan import Tensor, nn
from scratchgan.data import Batches, Dataset, Streams, find, load, views
from scratchgan.models import SYSTEMS
from scratchgan.training import Run, TrainingError

SETTINGS = {"seed": 0, "rates_fall_over": 10}
every_model = pytest.mark.parametrize("name", MODELS)


def make_run(name, folder, seed=0):
    rng = np.random.default_rng(seed)
    model = MODELS[name].build(rng)
    return Run(model, MODELS[name].batches(rng, model.low), rng, SETTINGS, folder)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_system_has_a_tiny_instance():
    assert {tiny.paper.SYSTEM.name for tiny in MODELS.values()} == set(SYSTEMS)


@every_model
def test_n_plus_m_steps_are_n_steps_a_stop_and_m_steps(name, tmp_path):
    """To the last byte of every file, in whatever the process that resumes had drawn before."""
    straight = make_run(name, tmp_path / "straight")
    straight.train(5, every=5)
    make_run(name, tmp_path / "stopped").train(2, every=5)
    resumed = make_run(name, tmp_path / "stopped", seed=9)
    resumed.load()
    resumed.train(5, every=5)
    expected, found = files_of(tmp_path / "straight"), files_of(tmp_path / "stopped")
    assert expected.keys() == found.keys()
    assert [file for file in expected if expected[file] != found[file]] == []


@every_model
def test_two_seeds_are_two_runs(name, tmp_path):
    for seed in (0, 1):
        make_run(name, tmp_path / str(seed), seed).train(2, every=2)
    first, second = (files_of(tmp_path / str(seed)) for seed in (0, 1))
    assert first["log.csv"] != second["log.csv"] and first["frames/0000002.png"] != second["frames/0000002.png"]


@every_model
def test_every_weight_is_moved_by_some_step(name, tmp_path):
    """But for last biases where only differences of scores matter."""
    run = make_run(name, tmp_path)
    networks = {k: part for k, part in run.parts.items() if isinstance(part, nn.Module)}
    before = {f"{k} {path}": p.data.copy() for k, part in networks.items() for path, p in part.named_parameters()}
    run.train(3, every=3)
    after = {f"{k} {path}": p.data for k, part in networks.items() for path, p in part.named_parameters()}
    still = {path for path, array in before.items() if (array == after[path]).all()}
    assert still <= {"critic 7.bias", "critic 3.bias"} and len(before) > len(still)


@every_model
def test_a_number_that_is_not_finite_stops_the_run_and_the_last_good_checkpoint_stays(name, tmp_path):
    parts = make_run(name, tmp_path / "any").parts.items()
    for part in [k for k, part in parts if isinstance(part, nn.Module) and k not in MODELS[name].at_rest]:
        run = make_run(name, tmp_path / part)
        run.train(2, every=1)
        good = run.checkpoint.read_bytes()
        weight = run.parts[part].parameters()[0]
        weight.data = weight.data * np.float32("nan")
        with pytest.raises(TrainingError, match="step 3.*checkpoint.npz"):
            run.train(4, every=1)
        assert run.checkpoint.read_bytes() == good


@every_model
def test_no_step_leaves_a_tensor_behind(name, tmp_path):
    """With the collector off: no cycle, no list and no number holds on to a graph."""
    run, counts = make_run(name, tmp_path), []
    run.train(1, every=100)
    gc.collect()
    gc.disable()
    gc.freeze()  # so that what there was before is not searched
    try:
        for _ in range(3):
            run._advance()
            counts.append(sum(issubclass(type(thing), Tensor) for thing in gc.get_objects()))
    finally:
        gc.unfreeze()
        gc.enable()
    assert counts[0] == counts[1] == counts[2]


@every_model
def test_curves_and_the_progress_bar_show_what_a_step_reports(name, tmp_path):
    run = make_run(name, tmp_path)
    run.train(1, every=1)
    header = (tmp_path / "log.csv").read_text().split("\n")[0].split(",")
    shown = {number for numbers in run.model.panels.values() for number in numbers}
    assert set(header) == {"step", "lr"} | set(run._advance()) and shown
    assert shown | set(run.model.watch) <= set(header)
    names = {"critic_loss": "L_D", "generator_loss": "L_G"}  # as the equations call them
    assert all(run.model.watch.get(name, short) == short for name, short in names.items())


@every_model
def test_its_picture_is_a_grid_of_images_and_a_function_of_its_weights(name, tmp_path):
    run = make_run(name, tmp_path)
    sheet = run.picture()
    assert sheet.ndim == 5 and sheet.shape[2:] == MODELS[name].image and sheet.dtype == np.float32
    assert -1 <= sheet.min() < sheet.max() <= 1
    np.testing.assert_array_equal(run.picture(), sheet)
    run.train(3, every=3)
    assert (run.picture() != sheet).any()


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].samples])
def test_its_samples_are_images_and_the_same_each_time(name, tmp_path):
    run = make_run(name, tmp_path)
    run.train(1, every=1)
    run.finish(samples=30)
    samples = np.load(tmp_path / "samples.npy", allow_pickle=False)
    assert samples.shape == (30, *MODELS[name].image) and samples.dtype == np.float32
    assert -1 <= samples.min() < samples.max() <= 1
    np.testing.assert_array_equal(samples, run.samples(30)["samples"])
    assert (tmp_path / "labels.npy").exists() == MODELS[name].labels


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].samples])
def test_who_makes_no_samples_refuses_them_before_the_first_step(name, tmp_path):
    with pytest.raises(TrainingError, match="has no samples"):
        make_run(name, tmp_path).demand_room(3)


# Presets -------------------------------------------------------------------------------------------------------------

DIGITS = load(embedded=True)
DIGITS = Dataset(DIGITS.name, DIGITS.images[::10], DIGITS.labels[::10], DIGITS.source)
PHOTOGRAPHS = Dataset("photographs", np.tile(DIGITS.images[:6], (1, 3, 2, 2)), None, "a test")
PRESETS = [(system, preset) for system in SYSTEMS.values() for preset in system.presets]
WITHOUT_EFFECT = {
    "wgan": {"critic 7.bias"},
    "wgan_gp": {"critic 7.bias", "generator 4.bias"},
    "sngan": {"critic 11.bias"},
}

# Steps: the first moves the last weights of R3GAN's blocks from 0, and so wakes the others; two have stages.
UNTIL_ALL_MOVE = {"r3gan": 2, "srgan": 2, "stackgan": 3}


def side_by_side(folder):
    """Pictures A|B as a data set."""
    (folder / "train").mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (4, 8, 16, 3), np.uint8)):
        Image.fromarray(pixels).save(folder / "train" / f"{i}.png")
    return find(folder)


def two_domains(folder):
    """Pictures of A and of B as a data set."""
    for domain in ("trainA", "trainB"):
        (folder / domain).mkdir()
        for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)):
            Image.fromarray(pixels).save(folder / domain / f"{i}.png")
    return find(folder)


# What stands there for the views that need a folder:
FOLDERS = {views.halves: side_by_side, views.two_domains: two_domains}


def data_for(plan, preset, folder):
    """What stands there for the data of a preset."""
    if make := FOLDERS.get(getattr(plan.view, "func", None)):
        return make(folder)
    if preset == "photos":
        return PHOTOGRAPHS
    return DIGITS if plan.data == "mnist" else find(plan.data)


def wake(growth):
    """Let it fade its last block in; what draws smaller images than these two sizes is asleep."""
    growth.seen = growth.top * (growth.rest + growth.rise) - growth.rise // 2
    parts = "generator to_image", "generator generator.to_image", "critic from_image"  # the second: without styles
    return {f"{part}.{level}" for part in parts for level in range(growth.top - 1)}


@pytest.mark.parametrize("system, preset", PRESETS, ids=[f"{system.name}-{preset}" for system, preset in PRESETS])
def test_every_preset_builds_a_model_whose_step_moves_all_of_its_weights(system, preset, tmp_path):
    """At a batch of four, on digits or in a folder; but for biases that the loss does not depend on."""
    plan, rng = system.presets[preset], np.random.default_rng(0)
    model = system.build(rng, **plan.options)
    arrays = plan.view(data_for(plan, preset, tmp_path))
    kind = Streams if plan.unpaired else Batches
    if hasattr(model, "critic_steps"):
        model.critic_steps = 1
    if hasattr(model, "pretraining"):
        model.pretraining = 1
    if hasattr(model, "reading"):
        model.reading = model.first.steps = 1
    asleep = wake(model.growth) if hasattr(model, "growth") else set()
    networks = {k: part for k, part in model.parts().items() if isinstance(part, nn.Module)}
    before = {f"{k} {path}": p.data.copy() for k, part in networks.items() for path, p in part.named_parameters()}
    batches = kind(arrays, 4, rng, model.low)
    for _ in range(UNTIL_ALL_MOVE.get(system.name, 1)):
        numbers = model.train_step(batches, rng)
    after = {f"{k} {path}": p.data for k, part in networks.items() for path, p in part.named_parameters()}
    still = {path for path, array in before.items() if (array == after[path]).all()}
    assert {path for path in still if not asleep & {path.rpartition(".")[0], path.rpartition(".")[0][:-2]}} <= (
        WITHOUT_EFFECT.get(system.name, set())
    )
    assert all(np.isfinite(value) for value in numbers.values()) and numbers
