"""Whether a library does the same step: from the same weights, data and random numbers to the same gradients.

The arrays go from process to process in files.
"""

import importlib
from pathlib import Path

import numpy as np

LEARNING_RATE = 1e-4
TOLERANCE = 1e-4  # sums of float32 in another order differ by some 1e-6


def give(folder, work, seed=None):
    """Draw what every library begins with: from a seed, or anew each time."""
    np.savez(Path(folder) / "given.npz", **importlib.import_module("ours_checked").given_step(work, seed))


def step(library, folder, work):
    """Do the step, and leave what comes out of it."""
    results = importlib.import_module(library).checked_step(work, _load(folder, "given"))
    np.savez(Path(folder) / f"{library}.npz", **results)


def differences(library, folder):
    """By how much a library's results are off ours: of the critic's loss and penalty, the gradients and the step.

    Returns
    -------
    dict of str to float
        Relative to our largest entry; of the gradients, the worst weight's. Of the step, the mean relative to the
        learning rate: its largest is no measure, as Adam's first step is the sign of a gradient, however small.

    Raises
    ------
    ValueError
        Where one is too large, or an array is not of float32.
    """
    ours, theirs = _load(folder, "ours_checked"), _load(folder, library)
    wide = [name for name, array in theirs.items() if array.dtype != np.float32]
    if wide:
        raise ValueError(f"{library} computes {', '.join(wide)} not in float32")
    off = {name: _off(ours[name], theirs[name]) for name in ("penalty", "critic_loss") if name in ours}
    apart = [_off(ours[name], theirs[name]) for name in ours if name.startswith("gradient")]
    off["gradients"] = float(np.max(apart))  # and not max, which does not see every nan
    moved = [np.abs(ours[name] - theirs[name]).ravel() for name in ours if name.startswith("weight")]
    if moved:
        off["step"] = float(np.concatenate(moved).mean() / LEARNING_RATE)
    if not all(value <= TOLERANCE * (10 if name == "step" else 1) for name, value in off.items()):  # nan, too
        raise ValueError(f"{library} does not do the same step: {off}")
    return off


def _load(folder, name):
    with np.load(Path(folder) / f"{name}.npz") as arrays:
        return dict(arrays)


def _off(ours, theirs):
    if ours.shape != theirs.shape:
        raise ValueError(f"shapes {ours.shape} and {theirs.shape}")
    return float(np.abs(ours - theirs).max() / (np.abs(ours).max() or 1))
