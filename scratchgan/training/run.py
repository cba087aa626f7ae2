"""A run: a model in training with everything that a checkpoint must hold to go on exactly, and the folder it fills.

Of the model it knows what `models.model.Model` says: its parts, its optimisers, a step, a picture and samples.

Everything in the folder is a function of the settings and the seed: n + m steps leave the same files as n steps, a
stop, and m more.
"""

import json
import math
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scratchgan import checkpoint
from scratchgan.data import Batches, Streams
from scratchgan.hints import Random
from scratchgan.models import Model
from scratchgan.ranks import ALONE, Ranks
from scratchgan.training import pictures
from scratchgan.training.log import Log
from scratchgan.training.stop import stop_request
from scratchgan.training.together import share_statistics, step_of_all

CHECKED = bool(os.environ.get("SCRATCHGAN_CHECK_RANKS"))  # whether processes are compared after each step
LONGEST = 10**9  # steps of a run
SHOWN = 64  # images that a model's picture may begin with
FACTS = {"step": int, "steps": int, "rng": dict, "settings": {"seed": int}, "options": {}}  # of a checkpoint


class TrainingError(RuntimeError):
    """Training cannot go on: a number is no longer finite."""


class Run:
    """A model, its data and its random numbers, at some step of training.

    Parameters
    ----------
    model : Model
    batches : Batches or Streams
    rng : numpy.random.Generator
        ``batches`` shuffles with it, too.
    settings : dict
        What a checkpoint must agree on: "seed", "rates_fall_over" (all learning rates fall in a straight line over this
        many steps to a twentieth; None: they stay), and any others.
    folder : path
        Where everything is left. Created if need be.
    options : dict, optional
        What a resumed run should know and may change.
    check : callable, optional
        Called before anything is saved, to raise an error when the folder is not this run's any more.
    ranks : Ranks, optional
        The processes that train together. Each has the whole state, equal to the last bit.

    Attributes
    ----------
    step : int
        The number of steps that were made.
    saved : int or None
        The step of the checkpoint in the folder.
    stopped_by : int or None
        The signal that ended `train` early.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches | Streams,
        rng: Random,
        settings: dict,
        folder: str | Path,
        options: dict | None = None,
        check: Callable[[], None] = lambda: None,
        ranks: Ranks = ALONE,
    ):
        self.model, self.batches, self.rng, self.settings = model, batches, rng, settings
        self.folder, self.options, self.check, self.ranks = Path(folder), options or {}, check, ranks
        self.step, self.saved, self.stopped_by, self.every = 0, None, None, None
        self.log = Log(self.folder / "log.csv")
        self.parts = {**model.parts(), "batches": batches}
        self.rates = [optimizer.lr for optimizer in model.optimizers()]  # at the first step
        self.examples = model.draw(iter([batches.examples(SHOWN)]))

    # State ------------------------------------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> Path:
        """The path of the checkpoint."""
        return self.folder / "checkpoint.npz"

    def save(self, steps: int) -> None:
        """Write the checkpoint of this moment, in a run that is meant to take ``steps`` steps."""
        self.check()
        facts = {"step": self.step, "steps": steps, "settings": self.settings, "options": self.options}
        checkpoint.save(self.checkpoint, arrays_of(self.parts), rng=self.rng.bit_generator.state, **facts)
        self.saved = self.ranks.told(self.step)

    def load(self) -> None:
        """Go on from the checkpoint in the folder; the log is cut back to its step.

        Raises
        ------
        CheckpointError
            When the file is damaged, or belongs to other settings, networks or data, or the log is another's.
        """
        arrays, facts = read(self.folder)
        self._refuse_others(facts["settings"])
        refuse_misfit(self.parts, arrays, self.checkpoint)
        _restore(self.rng, facts["rng"], self.checkpoint)
        take_over(self.parts, arrays, self.checkpoint)
        self.step = self.saved = facts["step"]
        self.log.cut(self.step)

    def _refuse_others(self, settings):
        own = json.loads(json.dumps(self.settings))
        different = [k for k in sorted(own.keys() | settings.keys()) if settings.get(k) != own.get(k)]
        if different:
            pairs = [f"{k} was {settings.get(k)!r} and is now {own.get(k)!r}" for k in different]
            raise checkpoint.CheckpointError(f"{self.checkpoint} belongs to another run: {'; '.join(pairs)}")

    # Training ---------------------------------------------------------------------------------------------------------

    def train(self, steps: int, every: int) -> bool:
        """Train until step ``steps``.

        Parameters
        ----------
        every : int
            The steps from one picture and checkpoint to the next.

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
        self.ranks.demand_alike({"steps": repr(steps), "every": repr(every)})
        with stop_request() as stop, self._begun(steps), _bar(steps, self.step) as bar:
            while self.step < steps and not self._stopping(stop):
                numbers = self._advance()
                self.log.write(self.step, numbers)
                shown = {short: f"{numbers[name]:.3f}" for name, short in self.model.watch.items()}
                bar.set_postfix(shown, refresh=False)
                bar.update()
                if self.step % every == 0:
                    self._save_picture()
                    self._save_if_finite(steps)
            self._save_if_finite(steps)
        finished = self.step >= steps
        self.stopped_by = None if finished else self._stopping(stop)
        return finished

    def _stopping(self, stop):
        """The signal that asked some process to stop; 0 without one."""
        return self.ranks.most(stop[0] if stop else 0)

    @contextmanager
    def _begun(self, steps):
        """The folder with all that is there before the next step; the log is open."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.step == 0:
            self.save(steps)  # before any other file: a folder that has them and no checkpoint has lost it
        (self.folder / "frames").mkdir(exist_ok=True)
        with self.log:
            if self.step == 0:
                self._save_picture()
            yield

    def _advance(self):
        """One step; what it reports."""
        optimizers = self.model.optimizers()
        for optimizer, rate in zip(optimizers, self.rates):
            optimizer.lr = rate * self._share_of_the_rates()
        whole = self.settings.get("batch_norm") == "whole"
        with np.errstate(over="ignore", invalid="ignore"), step_of_all(self.model, self.rng, self.ranks, whole):
            numbers = self.model.train_step(self.batches, self.rng)
        if self.step == 0:
            self._refuse_no_numbers(numbers)
        numbers = self.ranks.means(numbers)
        if self.ranks.size > 1:
            share_statistics(self.model, self.ranks)
        if CHECKED:
            self.demand_alike()
        for name, value in numbers.items():
            if not math.isfinite(value):
                self._give_up(f"{name} is {value}")
        self.step += 1
        return numbers | {"lr": optimizer.lr for optimizer in optimizers[:1]}

    def demand_alike(self) -> None:
        """Raise RanksError unless all processes have the same state, to the last bit."""
        if self.ranks.size > 1:
            self.ranks.demand_alike(arrays_of(self.parts) | {"rng": repr(self.rng.bit_generator.state)})

    def _refuse_no_numbers(self, numbers):
        """Raise TrainingError when the model's first step does not report what it should."""
        model, of = type(self.model).__name__, type(numbers).__name__
        if not isinstance(numbers, dict) or not numbers:
            raise TrainingError(f"{model}.train_step must return numbers by name, such as {{'loss': 0.5}}, not {of}")
        for name, value in numbers.items():
            if not isinstance(value, (int, float)):
                raise TrainingError(
                    f"{model}.train_step reports {name} as {type(value).__name__}, not as a float: loss.item()"
                )
        if taken := numbers.keys() & {"step", "lr"}:
            raise TrainingError(
                f"{model}.train_step reports {', '.join(taken)}, which the log has columns for: rename it"
            )
        asked = {*self.model.watch, *(name for names in self.model.panels.values() for name in names)}
        if unknown := sorted(asked - numbers.keys() - {"lr"}):
            raise TrainingError(
                f"{model}: watch or panels name {', '.join(unknown)}, and a step reports {', '.join(numbers)}"
            )

    def _share_of_the_rates(self):
        over = self.settings["rates_fall_over"]
        return 1.0 if over is None else max(0.05, 1 - self.step / over)

    def _save_if_finite(self, steps):
        self.demand_alike()
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

    def picture(self) -> np.ndarray:
        """What the model shows now: array (rows, columns, C, H, W) in [−1, 1]."""
        sheet = self.model.show(self.examples, np.random.default_rng([self.settings["seed"], 1]))
        if np.ndim(sheet) != 5 or sheet.shape[2] not in (1, 3):
            raise TrainingError(
                f"{type(self.model).__name__}.show must return (rows, columns, 1 or 3, H, W), not {np.shape(sheet)}"
            )
        return sheet

    def samples(self, count: int) -> dict[str, np.ndarray]:
        """``count`` fresh samples, the same each time: {name: array}."""
        return drawn(self.model, count, np.random.default_rng([self.settings["seed"], 2]))

    def demand_room(self, count: int) -> None:
        """Raise TrainingError where samples cannot be made, or do not fit: better now than after days."""
        if not count:
            return
        try:
            demand_room(count, self.samples(1), self.folder)
        except TypeError as error:
            raise TrainingError(str(error)) from error

    def _draw(self, path):
        rows, columns, *image = (sheet := self.picture()).shape
        pictures.save_grid(path, sheet.reshape(rows * columns, *image), columns)

    def _save_picture(self):
        self.check()
        self._draw(self._frame(self.step))

    def _frame(self, step):
        return self.folder / "frames" / f"{step:07d}.png"

    def finish(self, samples: int = 0) -> None:
        """Write the last picture, the animation, the curves and, if asked for, the samples, each as NAME.npy.

        The animation takes only the frames that this run must have left. Arrays of another step are removed.
        """
        self.check()
        self._draw(self.folder / "samples.png")
        frames = [self._frame(step) for step in range(0, self.step + 1, self.every or 1)]
        pictures.save_animation(self.folder / "training.gif", [*frames, self.folder / "samples.png"])
        if self.log.columns:
            self.log.demand(column for columns in self.model.panels.values() for column in columns)
            panels = self.model.panels or {name: [name] for name in self.log.columns if name not in ("step", "lr")}
            pictures.save_curves(self.folder / "curves.png", self.log.path, panels)
        arrays = self.samples(samples) if samples else {}
        for old in {"samples", "labels"} - arrays.keys():
            (self.folder / f"{old}.npy").unlink(missing_ok=True)
        for name, array in arrays.items():
            checkpoint.write_atomically(self.folder / f"{name}.npy", lambda file, array=array: np.save(file, array))

    def describe(self, **facts) -> None:
        """Write ``config.json``: the settings and any facts besides."""
        text = json.dumps({**self.settings, **facts}, indent=2, sort_keys=True) + "\n"
        checkpoint.write_atomically(self.folder / "config.json", lambda file: file.write(text.encode()))


def read(folder, **kinds):
    """The checkpoint of a run.

    Parameters
    ----------
    folder : path
    **kinds
        What its facts must be, besides `FACTS`: a type, where ``int`` is a number from 0, one of several, or a dict.

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
    demand_facts(facts, path, **{**FACTS, **kinds})
    return arrays, facts


def demand_facts(facts, path, **kinds):
    """Raise CheckpointError unless the facts of a checkpoint are of these kinds, see `read`, and its steps can be."""
    wrong = [name for name, kind in kinds.items() if not _is(facts.get(name), kind)]
    if not wrong and not facts["step"] <= facts.get("steps", LONGEST) <= LONGEST:
        wrong = ["step"]
    if wrong:
        found = ", ".join(f"its {name!r} is {str(facts.get(name))[:60]!r}" for name in wrong)
        raise checkpoint.CheckpointError(f"{path} is not the checkpoint of a run: {found}")


def _is(value, kind):
    if isinstance(kind, tuple):
        return any(_is(value, each) for each in kind)
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is(value.get(name), inner) for name, inner in kind.items())
    return type(value) is kind and not (kind is int and value < 0)


def arrays_of(parts):
    """The state of all parts as a checkpoint holds it: {"part/name": array}."""
    return {f"{part}/{k}": v for part, owner in parts.items() for k, v in owner.state_dict().items()}


def refuse_misfit(parts, arrays, path):
    """Raise unless a checkpoint holds what the parts would save, in the same shapes and dtypes, and nothing else.

    Raises
    ------
    CheckpointError
        Naming what does not fit.
    """
    own = arrays_of(parts)
    wrong = [f"missing {name}" for name in own if name not in arrays]
    wrong += [f"unexpected {name}" for name in arrays if name not in own]
    wrong += [
        f"{name} is {arrays[name].dtype} of shape {arrays[name].shape} instead of {array.dtype} {array.shape}"
        for name, array in own.items()
        if name in arrays and (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype)
    ]
    wrong += [f"{k} counts below 0" for k, v in arrays.items() if v.dtype.kind == "i" and v.min(initial=0) < 0]
    if wrong:
        raise checkpoint.CheckpointError(f"{path} does not fit this run: {'; '.join(wrong[:5])}")


def take_over(parts, arrays, path):
    """Let all parts take over what a checkpoint holds of them: arrays that fit, see `refuse_misfit`."""
    for part, owner in parts.items():
        prefix = f"{part}/"
        try:
            owner.load_state_dict({k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)})
        except (ValueError, KeyError) as error:
            raise checkpoint.CheckpointError(f"{path}, {part}: {error}") from error


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


def drawn(model, count, rng, **options):
    """What `Model.samples` gives; TrainingError when it is not what it should be."""
    arrays = model.samples(count, rng, **options)
    found = np.shape(arrays["samples"]) if isinstance(arrays, dict) and "samples" in arrays else type(arrays).__name__
    if found[:1] != (count,) or len(found) != 4 or found[1] not in (1, 3):
        wanted = f"{{'samples': images}}, images of shape ({count}, 1 or 3, H, W)"
        raise TrainingError(f"{type(model).__name__}.samples must return {wanted}, not {found}")
    return arrays


def demand_room(count, one, folder):
    """Raise TrainingError when ``count`` samples like ``one``, a dict of arrays, fit neither memory nor the disk."""
    needed = count * sum(array.nbytes for array in one.values())
    if needed > (free := shutil.disk_usage(folder).free):
        raise TrainingError(f"{count:,} samples are {_mib(needed)}, and the disk has {_mib(free)} left")
    if 2 * needed > (memory := _memory()):
        raise TrainingError(f"to make {count:,} samples takes {_mib(2 * needed)} of memory, of {_mib(memory)}")


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
