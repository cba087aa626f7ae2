"""The benchmark's check that all libraries do the same step: it passes what is the same, and refuses what is not."""

import importlib.util
import inspect

import alike
import numpy as np
import ours_checked
import pytest
import speed
from worker import Worker

from scratchgan.models import wgan_gp

WORKS = [
    ["critic_step", 2, 3],
    ["generator_step", 2, 3, False],
    ["dcgan_step", 2, 3],
    ["mlp_step", 5],
    ["residual_block", 3, 5, 2],
]
LIBRARIES = {"torch": "theirs", "jax": "theirs_jax"}
MISTAKES = {"gradient 0": 1.001, "weight 0": 1.01, "penalty": 1.001, "critic_loss": 1.001}


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request):
    """The module that does the works, and a process for it."""
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"no {request.param} here")
    with Worker(1) as worker:
        yield LIBRARIES[request.param], worker


def done(folder, library, work):
    """One step by us and by a library."""
    module, worker = library
    worker.ask("alike", "give", str(folder), work, 1)  # and not anew: in a few draws a unit is at its kink
    for one in ("ours_checked", module):
        worker.ask("alike", "step", one, str(folder), work)
    return module


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work[0])
def test_a_library_does_the_same_step(work, library, tmp_path):
    assert "gradients" in alike.differences(done(tmp_path, library, work), tmp_path)


@pytest.mark.parametrize("name", MISTAKES)
def test_another_step_is_refused(name, library, tmp_path):
    module = done(tmp_path, library, WORKS[0])
    with np.load(tmp_path / f"{module}.npz") as arrays:
        wrong = {key: array * np.float32(MISTAKES[name] if key == name else 1) for key, array in arrays.items()}
    np.savez(tmp_path / f"{module}.npz", **wrong)
    with pytest.raises(ValueError, match="not do the same step"):
        alike.differences(module, tmp_path)


# The comparison itself, of arrays made by hand ------------------------------------------------------------------------

OURS = {"gradient 0": [[2.0], [-4.0]], "gradient 1": [1.0, 0.5], "weight 0": [0.25, 0.5]}


def compared(folder, **theirs):
    """The differences of two sets of results, the other library's with some arrays of its own."""
    ours = {name: np.array(values, np.float32) for name, values in OURS.items()}
    np.savez(folder / "ours_checked.npz", **ours)
    np.savez(folder / "other.npz", **ours | {name.replace("_", " "): array for name, array in theirs.items()})
    return alike.differences("other", folder)


def test_a_difference_is_the_largest_of_all_gradients_beside_the_largest_number_of_its_array(tmp_path):
    off = compared(tmp_path, gradient_0=np.float32([[2.0], [-4.0002]]), weight_0=np.float32([0.25, 0.5 + 2**-23]))
    assert off == {"gradients": pytest.approx(5e-5, rel=0.01), "step": pytest.approx(2**-24 / 1e-4)}


@pytest.mark.parametrize(
    "name, array, words",
    [
        ("gradient_1", np.float32([1.0, np.nan]), "not do the same step"),
        ("weight_0", np.float32([0.25, np.nan]), "not do the same step"),
        ("gradient_1", np.float32([1.0, 0.4998]), "not do the same step"),
        ("gradient_0", np.float32([[2.0, -4.0]]), "shapes"),
        ("gradient_1", np.float64([1.0, 0.5]), "computes gradient 1 not in float32"),
    ],
)
def test_arrays_that_are_not_ours_are_refused(name, array, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        compared(tmp_path, **{name: array})


def test_no_weight_is_given_as_zeros_as_what_is_0_on_both_sides_is_compared_with_nothing():
    given = ours_checked.given_step(["dcgan_step", 2, 3])
    assert len(given) == 2 + 13 + 11 and all(array.all() for array in given.values())


def test_what_is_given_depends_on_the_seed_where_there_is_one():
    first, again, other, anew, once_more = (ours_checked.given_step(WORKS[0], seed) for seed in (1, 1, 2, None, None))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert (first[name] != other[name]).all() and (anew[name] != once_more[name]).all()


def test_the_twin_of_the_demo_has_its_networks_and_settings(monkeypatch):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    monkeypatch.setenv("OMP_NUM_THREADS", f"{torch.get_num_threads()}")  # which a worker has
    twin = importlib.import_module("theirs_demo")
    preset, numbers = wgan_gp.SYSTEM.presets["default"], inspect.signature(wgan_gp.build).parameters
    ours, theirs = wgan_gp.small_networks(np.random.default_rng(0)), twin.small_networks()
    assert [list(map(layer, network)) for network in ours] == [list(map(layer, network)) for network in theirs]
    assert (twin.BATCH, twin.LR_STEPS, twin.EVERY) == (preset.batch_size, preset.steps, preset.every)
    assert twin.KINDS == preset.options["noise"].keywords["kinds"] and preset.options.keys() == {"noise"}
    defaults = [numbers[name].default for name in ("latent_size", "lr", "average_decay", "betas", "critic_steps")]
    assert [twin.LATENTS, twin.LR, twin.DECAY, (0.0, 0.9), 1] == defaults
    assert speed._parser().parse_args([]).steps == preset.steps


def layer(module):
    """What a layer is, in either library."""
    options = [getattr(module, name, None) for name in ("stride", "padding")]
    slope = getattr(module, "negative_slope", None) or getattr(module, "options", {}).get("negative_slope")
    return type(module).__name__, [tuple(weight.shape) for weight in module.parameters()], options, slope


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_the_demo_of_each_side_comes_to_its_last_step(side):
    if side == "theirs":
        pytest.importorskip("torch", exc_type=ImportError)
    assert speed.Bench([side], 1, 2).demo_seconds(side, ()) > 0
