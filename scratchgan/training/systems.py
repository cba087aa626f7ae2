"""Training as a function: a system, data and a folder make a run, which is trained, drawn and given back.

run = train("wgan_gp", preset="quick", out="runs/first")
run.model.generator  # trained, and ready for whatever comes next
"""

import hashlib
import importlib.util
import os
import platform
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.backend import device_module
from scratchgan.checkpoint import CheckpointError
from scratchgan.data import Batches, DataError, Streams, find
from scratchgan.data.find import NAMES
from scratchgan.models import SYSTEMS, System
from scratchgan.threads import use as use_threads
from scratchgan.training.folder import claimed, claimed_anew, refuse_remains
from scratchgan.training.run import LONGEST, Run, TrainingError, read, refuse_misfit, take_over

SHAPE = {"system": str, "preset": str, "data": str, "seed": int}  # what a run is, to its end
OPTIONS = {"samples": int, "device": str, "threads": int}  # what may be given anew when it goes on, and else stays


def train(
    system=None, preset=None, data=None, out=None, seed=None, steps=None, device=None, threads=None, samples=None,
    resume=False, rates_fall_over=None, name=None, began=lambda run: None,
):  # fmt: skip
    """Train a system, or go on with its training, and leave a folder of results.

    Parameters
    ----------
    system : str or path, optional
        A name of `models.SYSTEMS`, or a Python file with a ``SYSTEM`` in it. May be left out with ``resume``.
    preset : str, optional
        One of the system's; "default" without it.
    data : str or path, optional
        A data set by name, or a folder of pictures or IDX files; without it the preset's, mostly "mnist".
    out : path, optional
        The folder; without it a new one, ``runs/NAME``.
    seed : int, optional
        Of all random numbers; 0 without it.
    steps : int, optional
        Train until this step instead of the preset's last; learning rates fall as the preset has it.
    device : {"cpu", "gpu"}, optional
    threads : int, optional
        Of matrix products; 0 without it, as many as are fastest just now. The run does not depend on it.
    samples : int, optional
        Also save so many samples.
    resume : bool
        Go on with the run in ``out``, or else with the last one in ``runs/``. What is left out stays as it was.
    rates_fall_over : int, optional
        The learning rates fall over this many steps, and not over the preset's.
    name : str, optional
        Of the folder under ``runs/``; the system's without it.
    began : callable, optional
        Called with the run before its first step.

    Returns
    -------
    Run
        Trained: ``run.model`` can be used at once. ``run.stopped_by`` is None unless a signal ended it early.

    Raises
    ------
    CheckpointError, FolderError
        When there is no such run to go on with, it is another one, or the folder is taken.
    DataError
        When the data are not there, or not what the system needs.
    TrainingError
        When a number is no longer finite, or what is asked for cannot be done.
    """
    given = {"system": _named(system), "preset": preset, "data": absolute(data), "seed": seed}
    with _folder(out, resume, name or given["system"]) as claim:
        options = {"samples": samples, "device": device, "threads": threads}
        shape, options, last = _choices(given, options, claim.path, resume)
        found = find_system(shape["system"])
        plan = _preset(found, shape["preset"])
        shape.setdefault("data", plan.data)
        if rates_fall_over:
            shape["rates_fall_over"] = rates_fall_over
        run, source = _run(found, plan, shape, options, claim)
        if resume:
            run.load()
            print(f"resumed {run.folder} at step {run.step}")
        began(run)
        last = max(_checked_steps(steps) or last or plan.steps, run.step)
        run.demand_room(options["samples"])
        run.describe(
            **options, steps=last, source=source, scratchgan=scratchgan.__version__, numpy=np.__version__,
            python=platform.python_version(),
        )  # fmt: skip
        run.train(last, plan.every)
        run.finish(options["samples"])
        return run


def load_model(folder):
    """The model of a run as it stood at its last checkpoint, on the CPU; neither data nor claim are needed.

    Raises
    ------
    CheckpointError
        When there is none.
    TrainingError
        When its system is not to be found.
    """
    arrays, facts = read(folder, settings=SHAPE, options=OPTIONS)
    model = model_of(facts["settings"], np.random.default_rng(0))
    of_the_model = {name: array for name, array in arrays.items() if not name.startswith("batches/")}
    path = Path(folder) / "checkpoint.npz"
    refuse_misfit(model.parts(), of_the_model, path)
    take_over(model.parts(), of_the_model, path)
    return model


def model_of(settings, rng):
    """The model of a run's settings as it begins, on the CPU."""
    system = find_system(settings["system"])
    return system.build(rng, "cpu", **_preset(system, settings["preset"]).options)


def find_system(name):
    """The `System` of a name, or in a Python file.

    Raises
    ------
    TrainingError
        When there is none.
    """
    if name in SYSTEMS:
        return SYSTEMS[name]
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise TrainingError(
            f"there is no system {str(name)!r}: these are known by name: {', '.join(SYSTEMS)}; one of your own is a "
            "Python file with a SYSTEM in it, such as my_gan.py"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not isinstance(getattr(module, "SYSTEM", None), System):
        raise TrainingError(f"{path} has no SYSTEM: add SYSTEM = System(name, title, build, presets) at its end")
    return module.SYSTEM


def absolute(data):
    """The name of a data set as it is, a folder as an absolute path, which a run can be resumed with from anywhere."""
    return data if data is None or data in NAMES else str(_path(data).resolve())


def _named(system):
    """A system by its name, or by the absolute path of its file."""
    return system if system is None or system in SYSTEMS else str(_path(system).resolve())


def _path(text):
    return Path(os.path.expanduser(text))


def _preset(system, name):
    if name not in system.presets:
        raise TrainingError(f"{system.name} has no preset {name!r}: there are {', '.join(system.presets)}")
    return system.presets[name]


def _checked_steps(steps):
    if steps is not None and not 1 <= steps <= LONGEST:
        raise TrainingError(f"steps={steps} must be from 1 to {LONGEST:,}")
    return steps


def _folder(out, resume, name):
    """Where the run is, or will be, claimed. A run that is there is never overwritten."""
    if out is not None:
        out = _path(out)
        if resume and not out.is_dir():
            raise CheckpointError(f"there is no checkpoint in {out}, which is no folder")
        return claimed(out)
    if name is None:
        raise TrainingError("which system? Name one of " + ", ".join(SYSTEMS))
    name = Path(name).stem
    numbered = [Path("runs") / (name if i == 1 else f"{name}-{i}") for i in range(1, 10_000)]
    if not resume:
        return claimed_anew(numbered)
    there = [folder for folder in numbered if folder.exists()]
    if not there:
        raise CheckpointError(f"there is no run {numbered[0]} to resume")
    return claimed(there[-1])


def _choices(given, options, folder, resume):
    """What the run is, its options, and the steps it was meant for: as given, or as it began."""
    shape, kept, steps = {"preset": "default", "seed": 0}, {"samples": 0, "device": "cpu", "threads": 0}, None
    if resume:
        _, facts = read(folder, settings=SHAPE, options=OPTIONS)
        shape, kept, steps = {key: facts["settings"][key] for key in SHAPE}, facts["options"], facts["steps"]
        shape["rates_fall_over"] = facts["settings"].get("rates_fall_over")
        for key, value in given.items():
            if value not in (None, shape[key]):
                raise CheckpointError(
                    f"the run in {folder} began with {key} {shape[key]!r}, so it cannot go on with {value!r}"
                )
    else:
        refuse_remains(folder)
    shape = shape | {key: value for key, value in given.items() if value is not None}
    return shape, kept | {key: value for key, value in options.items() if value is not None}, steps


def _run(system, preset, shape, options, claim):
    """The run at its first step, and where its data are from."""
    device_module(options["device"])  # complain before anything long begins
    use_threads(options["threads"])
    dataset = find(shape["data"])
    rng = np.random.default_rng(shape["seed"])
    model = system.build(rng, options["device"], **preset.options)
    try:
        arrays = preset.view(dataset)
        batches = (Streams if preset.unpaired else Batches)(arrays, preset.batch_size, rng, model.low)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}") from error
    print(f"data: {sum(map(len, arrays)) if preset.unpaired else len(arrays[0]):,} images from {dataset.source}")
    settings = {"rates_fall_over": preset.steps if preset.rates_fall else None} | shape
    settings |= {
        "batch_size": preset.batch_size,
        "data_sha256": _sha256(arrays),
        "options": {key: _described(value) for key, value in preset.options.items()},
    }
    return Run(model, batches, rng, settings, claim.path, options, claim.check), dataset.source


def _sha256(arrays):
    """Of what the batches are drawn from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _described(value):
    """An option as JSON can hold it: a number, a text, a list of them, or the name of a function."""
    if callable(value):
        function = getattr(value, "func", value)
        options = {key: _described(option) for key, option in getattr(value, "keywords", {}).items()}
        return {function.__name__: options} if options else function.__name__
    return list(value) if isinstance(value, tuple) else value
