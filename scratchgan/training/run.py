"""A run: a model in training with everything that a checkpoint must hold to go on exactly, and the folder it fills.

Everything in the folder is a function of the settings and the seed: n + m steps leave the same files as n steps, a
stop, and m more.
"""

import csv
import json
import math
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scratchgan import checkpoint
from scratchgan.tensor import no_grad
from scratchgan.training import pictures
from scratchgan.nn import AveragedWeights


class TrainingError(RuntimeError):
    """Training cannot go on: a number is no longer finite."""


class Run:
    """A model, its data and its random numbers, at some step of training.

    Parameters
    ----------
    model : object
        Such as a `models.game.Game`: with ``train_step(batches, rng) -> dict of str to float``, ``parts() -> dict`` of
        all that has a state, its ``optimizers``, a ``generator``, ``latents(count, rng)`` and ``shown_latents(rng)``.
    batches : Batches
    rng : numpy.random.Generator
        The one that ``batches`` shuffles with, too.
    settings : dict
        What a checkpoint must agree on: "seed", "average_decay", "lr", "lr_steps" (the rate falls linearly over so many
        steps to a twentieth; None: it stays), "low" (the value of black: images lie in [low, 1]), and any others.
    folder : path
        Where everything is left. Created if need be.
    """

    def __init__(self, model, batches, rng, settings, folder):
        self.model, self.batches, self.rng, self.settings = model, batches, rng, settings
        self.folder, self.step = Path(folder), 0
        self.average = AveragedWeights(model.generator, settings["average_decay"])
        self.parts = {**model.parts(), "average": self.average, "batches": batches}
        self.fixed_latents = model.shown_latents(np.random.default_rng([settings["seed"], 1]))

    # State ------------------------------------------------------------------------------------------------------------

    @property
    def checkpoint(self):
        """The path of the checkpoint."""
        return self.folder / "checkpoint.npz"

    def save(self, steps):
        """Write the checkpoint of this moment, in a run meant for so many steps."""
        arrays = {f"{part}/{k}": v for part, owner in self.parts.items() for k, v in owner.state_dict().items()}
        facts = {"step": self.step, "steps": steps, "settings": self.settings}
        checkpoint.save(self.checkpoint, arrays, rng=self.rng.bit_generator.state, **facts)

    def load(self):
        """Go on from the checkpoint in the folder; the log is cut back to its step.

        Raises
        ------
        CheckpointError
            When the file is damaged, or belongs to other settings, networks or data.
        """
        arrays, facts = checkpoint.load(self.checkpoint)
        different = [k for k in self.settings if facts["settings"].get(k) != self.settings[k]]
        if different:
            pairs = [f"{k} was {facts['settings'].get(k)!r} and is now {self.settings[k]!r}" for k in different]
            raise checkpoint.CheckpointError(f"{self.checkpoint} belongs to another run: {'; '.join(pairs)}")
        for part, owner in self.parts.items():
            prefix = f"{part}/"
            try:
                owner.load_state_dict({k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)})
            except (ValueError, KeyError) as error:
                raise checkpoint.CheckpointError(f"{self.checkpoint}, {part}: {error}") from error
        self.rng.bit_generator.state = facts["rng"]
        self.step = facts["step"]
        lines = self._log_path.read_text().splitlines(keepends=True) if self.step else []
        kept = "".join(lines[: 1 + self.step]).encode()
        checkpoint.write_atomically(self._log_path, lambda file: file.write(kept))

    # Training ---------------------------------------------------------------------------------------------------------

    def train(self, steps, every, watch):
        """Train until step ``steps``.

        Parameters
        ----------
        every : int
            After so many steps each, a picture and a checkpoint.
        watch : dict of str to str
            The numbers shown beside the progress bar, and their short names there.

        Returns
        -------
        bool
            False when the user stopped it (Ctrl-C); all is saved then, too.

        Raises
        ------
        TrainingError
            When a number is no longer finite. The last good checkpoint is kept.
        """
        (self.folder / "frames").mkdir(parents=True, exist_ok=True)
        tty = sys.stderr.isatty()
        bar = tqdm(total=steps, initial=self.step, unit="step", mininterval=0.3 if tty else 15, dynamic_ncols=tty)
        with bar, _stop_request() as stop, open(self._log_path, "a", newline="") as file:
            log = csv.writer(file, lineterminator="\n")
            if self.step == 0:
                self._picture()
                self.save(steps)
            while self.step < steps and not stop:
                numbers = self._advance()
                if self.step == 1:
                    log.writerow(["step", *numbers])
                log.writerow([self.step, *numbers.values()])
                bar.set_postfix({short: f"{numbers[name]:.3f}" for name, short in watch.items()}, refresh=False)
                bar.update()
                if self.step % every == 0:
                    self._picture()
                    file.flush()  # before the checkpoint: the log may run ahead of it, never fall behind
                    self._save_if_finite(steps)
            file.flush()
            self._save_if_finite(steps)
        return self.step >= steps

    @property
    def _log_path(self):
        return self.folder / "log.csv"

    def _advance(self):
        """One step; what it reports."""
        lr = self._learning_rate()
        for optimizer in self.model.optimizers:
            optimizer.lr = lr
        with np.errstate(over="ignore", invalid="ignore"):  # the check below says more than a warning
            numbers = self.model.train_step(self.batches, self.rng)
        for name, value in numbers.items():
            if not math.isfinite(value):
                self._give_up(f"{name} is {value}")
        self.average.update(self.model.generator)
        self.step += 1
        return numbers | {"lr": lr}

    def _learning_rate(self):
        lr, over = self.settings["lr"], self.settings["lr_steps"]
        return lr if over is None else lr * max(0.05, 1 - self.step / over)

    def _save_if_finite(self, steps):
        try:
            self.save(steps)
        except checkpoint.CheckpointError as error:
            self._give_up(str(error))

    def _give_up(self, why):
        kept = (
            f"the last good checkpoint is kept in {self.checkpoint}"
            if self.checkpoint.exists()
            else "none is saved yet"
        )
        raise TrainingError(f"training broke down in step {self.step + 1}: {why}; {kept}. Try a smaller learning rate.")

    # What it leaves ---------------------------------------------------------------------------------------------------

    def images(self, latents):
        """Images (N, C, H, W) in [−1, 1], float32, that the averaged generator makes of latents."""
        with no_grad():
            made = self.average.module(latents).numpy()
        low = self.settings["low"]
        return np.ascontiguousarray((made - low) * (2 / (1 - low)) - 1, dtype=np.float32)

    def samples(self, count):
        """``count`` fresh samples of the averaged generator: float32 (count, C, H, W) in [−1, 1]."""
        latents = self.sample_latents(count)
        return np.concatenate([self.images(latents[start : start + 500]) for start in range(0, count, 500)])

    def sample_latents(self, count):
        """What `samples` are made of."""
        return self.model.latents(count, np.random.default_rng([self.settings["seed"], 2]))

    def _picture(self):
        pictures.save_grid(self.folder / "frames" / f"{self.step:07d}.png", self.images(self.fixed_latents))

    def finish(self, panels, samples=0):
        """Write the sample grid, the animation, the curves and, if asked for, ``samples.npy`` (and ``labels.npy``)."""
        pictures.save_grid(self.folder / "samples.png", self.images(self.fixed_latents))
        frames = [frame for frame in pictures.frames_in(self.folder / "frames") if int(frame.stem) <= self.step]
        pictures.save_animation(self.folder / "training.gif", [*frames, self.folder / "samples.png"])
        if self.step:
            pictures.save_curves(self.folder / "curves.png", self._log_path, panels)
        if samples:
            self._save_array("samples.npy", self.samples(samples))
            if self.model.conditional:
                self._save_array("labels.npy", self.model.labels_of(self.sample_latents(samples)))

    def _save_array(self, name, array):
        checkpoint.write_atomically(self.folder / name, lambda file: np.save(file, array))

    def describe(self, **facts):
        """Write ``config.json``: the settings and any facts besides."""
        text = json.dumps({**self.settings, **facts}, indent=2, sort_keys=True) + "\n"
        checkpoint.write_atomically(self.folder / "config.json", lambda file: file.write(text.encode()))


def averaged_generator(system, folder):
    """The averaged generator that a run left, and the run's settings.

    Parameters
    ----------
    system : module
        Of `scratchgan.models`, the one that was trained.
    folder : path

    Returns
    -------
    generator : Module
        In evaluation mode, on the CPU.
    settings : dict

    Raises
    ------
    CheckpointError
        When there is no checkpoint, or it is of another system.
    """
    arrays, facts = checkpoint.load(Path(folder) / "checkpoint.npz")
    try:
        generator = system.build(facts["settings"], np.random.default_rng(), "cpu").generator.eval()
        generator.load_state_dict(
            {k.removeprefix("average/"): v for k, v in arrays.items() if k.startswith("average/")}
        )
    except (ValueError, KeyError) as error:
        raise checkpoint.CheckpointError(f"{folder} holds no run of {system.__name__}: {error}") from error
    return generator, facts["settings"]


@contextmanager
def _stop_request():
    """A list that becomes non-empty at the first Ctrl-C (or SIGTERM), so that the step in hand can be finished."""
    stop = []

    def request(number, frame):
        stop.append(number)
        signal.signal(signal.SIGINT, before[signal.SIGINT])  # a second Ctrl-C stops at once

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
