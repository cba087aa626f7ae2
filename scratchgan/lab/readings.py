"""How to read a log: for each system the numbers to look at, what they tend to, and the curves of a healthy run.

    curves = thinned("runs/dcgan")  # {"critic_loss": [40 means, 40 deviations], …} of a run's log.csv
    READINGS["dcgan"]["critic_loss"]  # 1.386…: log 4, where D can tell nothing

The limits are those of `lab.limits`: D at its best, the generator perfect. A healthy run comes near them or stays
below, as D is a little ahead of G; what they are for is to know from which side, and what 0 would mean.
"""

import csv
import json
import math
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scratchgan.checkpoint import CheckpointError
from scratchgan.lab import limits

WINDOWS = 40

_LOG_2, _LOG_4 = math.log(2), math.log(4)
_PLAYERS = {"critic_loss": _LOG_4, "generator_loss": _LOG_2}
_PENALISED = {"wasserstein": 0.0, "gradient_norm": 1.0}
_QUARTER, _EIGHTH = limits.alike("least squares (0, 1, 1)")
_RIGHT_PAIRS = -math.log(2 / 3) - math.log(1 / 3) / 2  # of matching pairs, half as many fakes, and no wrong pair unseen

# system: {column of its log: what it tends to, or None where nothing is known beforehand}
READINGS = {
    "gan": _PLAYERS,
    "dcgan": _PLAYERS,
    "lsgan": {"critic_loss": _QUARTER, "generator_loss": _EIGHTH},
    "wgan": {"wasserstein": 0.0},
    "wgan_gp": _PENALISED,
    "sngan": {"critic_loss": limits.alike("hinge")[0], "generator_loss": None},
    "cgan": _PLAYERS,
    "acgan": _PENALISED | {"real_accuracy": 1.0},
    "progan": _PENALISED,
    "stylegan": _PLAYERS,
    "diffusion_gan": _PLAYERS,
    "r3gan": {"critic_loss": _LOG_2, "generator_loss": _LOG_2},
    "pix2pix": {"discriminator_loss": _LOG_4, "adversarial": _LOG_2},
    "cyclegan": {"critic_loss": 2 * _QUARTER, "adversarial": 4 * _EIGHTH},
    "srgan": {"critic_loss": _LOG_4, "adversarial": _LOG_2},
    "adain": {"content": None, "style": None},
    "stackgan": {"L_D": _RIGHT_PAIRS, "L_G": None},
    "logan": _PENALISED | {"real_accuracy": 1.0},
    "autoencoder": {"loss": None},
    "vae": {"loss": None},
    "aae": {"critic_loss": _LOG_4, "encoder_loss": _LOG_2},
    "rbm": {"free_energy_gap": 0.0},
    "made": {"nats": None},
    "pixelcnn": {"nats": None},
    "gated_pixelcnn": {"nats": None},
    "pixelvae": {"bound": None},
    "pixelgan": {"critic_loss": _LOG_4, "encoder_loss": _LOG_2},
}


def thinned(folder: str | Path) -> dict:
    """The curves of a run: of each column of its log, as far as it is read here, means and deviations of windows.

    Parameters
    ----------
    folder : path
        Of a run, with its log.csv and config.json.

    Returns
    -------
    dict
        "system", "preset", "steps" and "curves": {column: [means, deviations]}, lists of up to 40 floats.

    Raises
    ------
    CheckpointError
        Where there is no run; for one of another system than those of `READINGS`, or whose log has no rows or other
        columns, as of a preset that has less to report; and for damaged files.
    """
    config, log = Path(folder) / "config.json", Path(folder) / "log.csv"
    for file in (config, log):
        if not file.is_file():
            raise CheckpointError(
                f"there is no run in {folder}: it has no {file.name}. A run begins with scratchgan train"
            )
    with _naming(config):
        facts = json.loads(config.read_text(encoding="utf-8"))
        system, preset = facts["system"], facts["preset"]
    if system not in READINGS:
        raise CheckpointError(
            f"{folder} is a run of {system!r}, and healthy curves are known of {', '.join(READINGS)}: "
            f"see {Path(folder) / 'curves.png'} for its own"
        )
    with open(log, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise CheckpointError(f"{log} has no rows: nothing was trained yet")
    with _naming(log):
        curves = {name: windowed(np.array([float(row[name]) for row in rows])) for name in READINGS[system]}
    return {"system": system, "preset": preset, "steps": len(rows), "curves": curves}


@contextmanager
def _naming(path):
    """A file that is not what it should be is named, with what is missing or wrong in it."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not that of such a run, or is damaged: {error!r}") from error


def windowed(values: np.ndarray, count: int = WINDOWS) -> list[list[float]]:
    """Means and deviations of ``count`` windows, or of each number alone where there are fewer: two lists of floats."""
    windows = np.array_split(values, min(count, len(values)))
    return [[float(f"{number(window):.4g}") for window in windows] for number in (np.mean, np.std)]


def ends(curve: list[list[float]]) -> tuple[float, float]:
    """The mean of the first and of the last tenth of a curve, without phases in which it idles at 0: two floats."""
    means = np.array(curve[0])
    means = means[means != 0] if means.any() else means
    tenth = max(1, len(means) // 10)
    return float(means[:tenth].mean()), float(means[-tenth:].mean())
