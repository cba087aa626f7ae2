"""The benchmark's check that all libraries do the same step: it passes what is the same, and refuses what is not."""

import importlib.util

import alike
import numpy as np
import pytest
from worker import Worker

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
    worker.ask("alike", "give", str(folder), work)
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
