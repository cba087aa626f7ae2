"""A run: a model in training with everything that a checkpoint must hold to go on exactly, and the folder it fills.

Everything in the folder is a function of the settings and the seed: n + m steps leave the same files as n steps, a
stop, and m more.
"""

import json
import math
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scratchgan import checkpoint
from scratchgan.tensor import no_grad
from scratchgan.training import pictures
from scratchgan.training.average import AveragedWeights
from scratchgan.training.log import Log
from scratchgan.training.stop import stop_request

LONGEST = 10**9  # steps of a run
FACTS = {"step": int, "steps": int, "rng": dict, "settings": {"seed": int}, "options": {}}  # of a checkpoint


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
    options : dict, optional
        What a resumed run should know and may change.
    check : callable, optional
        Called before anything is saved, to raise an error when the folder is not this run's any more.

    Attributes
    ----------
    step : int
        How many were made.
    saved : int or None
        The step of the checkpoint in the folder.
    stopped_by : int or None
        The signal that ended `train` early.
    """

    def __init__(self, model, batches, rng, settings, folder, options=None, check=lambda: None):
        self.model, self.batches, self.rng, self.settings = model, batches, rng, settings
        self.folder, self.options, self.check = Path(folder), options or {}, check
        self.step, self.saved, self.stopped_by, self.every = 0, None, None, None
        self.log = Log(self.folder / "log.csv")
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
        self.check()
        facts = {"step": self.step, "steps": steps, "settings": self.settings, "options": self.options}
        checkpoint.save(self.checkpoint, self._arrays(), rng=self.rng.bit_generator.state, **facts)
        self.saved = self.step

    def _arrays(self):
        return {f"{part}/{k}": v for part, owner in self.parts.items() for k, v in owner.state_dict().items()}

    def load(self):
        """Go on from the checkpoint in the folder; the log is cut back to its step.

        Raises
        ------
        CheckpointError
            When the file is damaged, or belongs to other settings, networks or data, or the log is another's.
        """
        arrays, facts = read(self.folder)
        self._refuse_others(facts["settings"])
        self._refuse_misfits(arrays)
        _restore(self.rng, facts["rng"], self.checkpoint)
        for part, owner in self.parts.items():
            prefix = f"{part}/"
            try:
                owner.load_state_dict({k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)})
            except (ValueError, KeyError) as error:
                raise checkpoint.CheckpointError(f"{self.checkpoint}, {part}: {error}") from error
        self.step = self.saved = facts["step"]
        self.log.cut(self.step)

    def _refuse_others(self, settings):
        own = json.loads(json.dumps(self.settings))
        different = [k for k in sorted(own.keys() | settings.keys()) if settings.get(k) != own.get(k)]
        if different:
            pairs = [f"{k} was {settings.get(k)!r} and is now {own.get(k)!r}" for k in different]
            raise checkpoint.CheckpointError(f"{self.checkpoint} belongs to another run: {'; '.join(pairs)}")

    def _refuse_misfits(self, arrays):
        """Whatever this run would save, the checkpoint must hold, in the same shapes and dtypes, and nothing else."""
        own = self._arrays()
        wrong = [f"missing {name}" for name in own if name not in arrays]
        wrong += [f"unexpected {name}" for name in arrays if name not in own]
        wrong += [
            f"{name} is {arrays[name].dtype} of shape {arrays[name].shape} instead of {array.dtype} {array.shape}"
            for name, array in own.items()
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype)
        ]
        wrong += [f"{k} counts below 0" for k, v in arrays.items() if v.dtype.kind == "i" and v.min(initial=0) < 0]
        if wrong:
            raise checkpoint.CheckpointError(f"{self.checkpoint} does not fit this run: {'; '.join(wrong[:5])}")

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
            False when the user stopped it (Ctrl-C, or a signal to terminate); all is saved then, too.

        Raises
        ------
        TrainingError
            When a number is no longer finite. The last good checkpoint is kept.
        KeyboardInterrupt
            When the user would not wait for the end of a step. The last checkpoint is kept.
        """
        self.every, steps = every, max(steps, self.step)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.step == 0:
            self.save(steps)  # before any other file: a folder that has them and no checkpoint has lost it
        (self.folder / "frames").mkdir(exist_ok=True)
        with stop_request() as stop, self.log, _bar(steps, self.step) as bar:
            if self.step == 0:
                self._picture()
            while self.step < steps and not stop:
                numbers = self._advance()
                self.log.write(self.step, numbers)
                bar.set_postfix({short: f"{numbers[name]:.3f}" for name, short in watch.items()}, refresh=False)
                bar.update()
                if self.step % every == 0:
                    self._picture()
                    self._save_if_finite(steps)
            self._save_if_finite(steps)
        finished = self.step >= steps
        self.stopped_by = None if finished else stop[0]
        return finished

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
        self.log.flush()  # before the checkpoint: the log may run ahead of it, never fall behind
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

    def demand_room(self, count):
        """Raise TrainingError, better now than after days, when so many samples would fit neither disk nor memory."""
        needed = count * self.images(self.fixed_latents[:1]).nbytes
        if needed > (free := shutil.disk_usage(self.folder).free):
            raise TrainingError(f"{count:,} samples are {_mib(needed)}, and the disk has {_mib(free)} left")
        if 2 * needed > (memory := _memory()):
            raise TrainingError(f"to make {count:,} samples takes {_mib(2 * needed)} of memory, of {_mib(memory)}")

    def _picture(self):
        self.check()
        pictures.save_grid(self._frame(self.step), self.images(self.fixed_latents))

    def _frame(self, step):
        return self.folder / "frames" / f"{step:07d}.png"

    def finish(self, panels, samples=0):
        """Write the sample grid, the animation, the curves and, if asked for, ``samples.npy`` (and ``labels.npy``).

        Of the files in ``frames`` only those are looked at that this run must have left, and of the arrays, none stay
        that are of another step.
        """
        self.check()
        pictures.save_grid(self.folder / "samples.png", self.images(self.fixed_latents))
        frames = [self._frame(step) for step in range(0, self.step + 1, self.every or 1)]
        pictures.save_animation(self.folder / "training.gif", [*frames, self.folder / "samples.png"])
        if self.log.columns:
            self.log.demand(column for columns in panels.values() for column in columns)
            pictures.save_curves(self.folder / "curves.png", self.log.path, panels)
        self._save_array("samples.npy", samples and self.samples(samples))
        self._save_array(
            "labels.npy", samples and self.model.conditional and self.model.labels_of(self.sample_latents(samples))
        )

    def _save_array(self, name, array):
        if isinstance(array, np.ndarray):
            checkpoint.write_atomically(self.folder / name, lambda file: np.save(file, array))
        else:
            (self.folder / name).unlink(missing_ok=True)

    def describe(self, **facts):
        """Write ``config.json``: the settings and any facts besides."""
        text = json.dumps({**self.settings, **facts}, indent=2, sort_keys=True) + "\n"
        checkpoint.write_atomically(self.folder / "config.json", lambda file: file.write(text.encode()))


def read(folder, **kinds):
    """The checkpoint of a run.

    Parameters
    ----------
    folder : path
    **kinds
        What its facts must be, besides `FACTS`: a type, where ``int`` is a number from 0, or a dict of them.

    Returns
    -------
    arrays, facts : dict

    Raises
    ------
    CheckpointError
        When there is none, or its facts are not those of a run.
    """
    path = Path(folder) / "checkpoint.npz"
    arrays, facts = checkpoint.load(path)
    wrong = [name for name, kind in {**FACTS, **kinds}.items() if not _is(facts.get(name), kind)]
    if not wrong and not facts["step"] <= facts["steps"] <= LONGEST:
        wrong = ["step"]
    if wrong:
        found = ", ".join(f"its {name!r} is {str(facts.get(name))[:60]!r}" for name in wrong)
        raise checkpoint.CheckpointError(f"{path} is not the checkpoint of a run: {found}")
    return arrays, facts


def _is(value, kind):
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is(value.get(name), inner) for name, inner in kind.items())
    return type(value) is kind and not (kind is int and value < 0)


def _restore(rng, state, path):
    """Set a generator's state to one that a checkpoint holds, if it is one."""
    trial = type(rng.bit_generator)()
    try:
        trial.state = state
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise checkpoint.CheckpointError(f"{path} holds no state of {type(trial).__name__}: {error}") from error
    if trial.state != state:
        raise checkpoint.CheckpointError(f"{path} holds no whole state of {type(trial).__name__}")
    rng.bit_generator.state = state


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
    arrays, facts = read(folder)
    try:
        generator = system.build(facts["settings"], np.random.default_rng(), "cpu").generator.eval()
        generator.load_state_dict(
            {k.removeprefix("average/"): v for k, v in arrays.items() if k.startswith("average/")}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # settings of anything
        raise checkpoint.CheckpointError(f"{folder} holds no run of {system.__name__}: {error}") from error
    return generator, facts["settings"]


def _bar(steps, done):
    tty = sys.stderr is not None and sys.stderr.isatty()
    disable = sys.stderr is None
    return tqdm(
        total=steps, initial=done, unit="step", mininterval=0.3 if tty else 15, dynamic_ncols=tty, disable=disable
    )


def _memory():
    """The machine's bytes of memory; no limit where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf


def _mib(count):
    return f"{count // 2**20:,} MiB"
