"""Training as a function: a system, data and a folder make a run, which is trained, drawn and given back.

run = train("wgan_gp", preset="quick", out="runs/first")
run.model.generator  # trained, and ready for whatever comes next
"""

import difflib
import hashlib
import importlib.util
import inspect
import os
import platform
import sys
import traceback
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.backend import device_module
from scratchgan.checkpoint import CheckpointError
from scratchgan.data import Batches, DataError, Streams, find
from scratchgan.data.find import NAMES
from scratchgan.models import SYSTEMS, Model, Preset, System
from scratchgan.nn import init
from scratchgan.threads import use as use_threads
from scratchgan.training.folder import claimed, claimed_anew, refuse_remains
from scratchgan.training.run import LONGEST, Run, TrainingError, read, refuse_misfit, take_over

# What a run is, to its end; and what may be given anew when it goes on, or else stays.
SHAPE = {"system": str, "preset": str, "data": str, "seed": int, "rates_fall_over": (int, type(None))}
OPTIONS = {"samples": int, "device": str, "threads": int, "system_at": str, "data_at": str}
NUMBERS = {"seed": 0, "steps": 1, "threads": 0, "samples": 0, "rates_fall_over": 1}  # the least of each
MOST = {"steps": LONGEST, "rates_fall_over": LONGEST}


def train(
    system=None, preset=None, data=None, out=None, seed=None, steps=None, device=None, threads=None, samples=None,
    resume=False, rates_fall_over=None, name=None, began=lambda run: None,
):  # fmt: skip
    """Train a system, or go on with its training, and leave a folder of results.

    Parameters
    ----------
    system : str or path, optional
        A name of `models.SYSTEMS`, or a Python file with a ``SYSTEM`` in it. May be left out with ``resume``, unless
        the file has moved.
    preset : str, optional
        One of the system's; "default" without it.
    data : str or path, optional
        A data set by name, or a folder of pictures or IDX files; without it the preset's, mostly "mnist". With
        ``resume``, where the same data are now.
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
        Also save this many samples.
    resume : bool
        Go on with the run in ``out``, or else with the last one in ``runs/``. What is left out stays as it was.
    rates_fall_over : int, optional
        The learning rates fall over this many steps, and not over the preset's. A run keeps it when it goes on.
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
    seed, steps, threads, samples, rates_fall_over = _numbers(
        seed=seed, steps=steps, threads=threads, samples=samples, rates_fall_over=rates_fall_over
    )
    _refuse_strange(system=system, preset=preset, data=data, out=out, name=name, device=device)
    given = {"system": _named(system), "preset": preset, "data": absolute(data), "seed": seed}
    given["rates_fall_over"] = rates_fall_over
    if system is None and not (resume and (out is not None or name)):
        raise TrainingError(f"which system? Name one of {', '.join(SYSTEMS)}, or the folder of a run with --resume")
    with _folder(out, resume, name or given["system"]) as claim:
        options = {"samples": samples, "device": device, "threads": threads}
        options |= {"system_at": given["system"], "data_at": given["data"]}
        shape, options, last = _choices(given, options, claim.path, resume)
        found = find_system(options["system_at"])
        plan = _preset(found, shape["preset"])
        shape.setdefault("data", plan.data)
        options.setdefault("data_at", shape["data"])
        run, source = _run(found, plan, shape, options, claim)
        if resume:
            run.load()
            print(f"resumed {run.folder} at step {run.step}")
        began(run)
        last = max(steps or last or plan.steps, run.step)
        run.demand_room(options["samples"])
        run.describe(
            **options, steps=last, source=source, scratchgan=scratchgan.__version__, numpy=np.__version__,
            python=platform.python_version(),
        )  # fmt: skip
        run.train(last, plan.every)
        run.finish(options["samples"])
        return run


def load_model(folder, system=None):
    """The model of a run as it stood at its last checkpoint, on the CPU; neither data nor claim are needed.

    Parameters
    ----------
    folder : path
        Of a run that has ended, or still trains.
    system : path, optional
        The Python file of its system, where it has moved since.

    Raises
    ------
    CheckpointError
        When there is none, or it is of other networks than its system has now.
    TrainingError
        When its system cannot be found.
    """
    arrays, facts = read(folder, settings=SHAPE, options=OPTIONS)
    file = facts["options"]["system_at"] if system is None else _named(system)
    model = model_of(facts["settings"] | {"system": file}, np.random.default_rng(0))
    of_the_model = {name: array for name, array in arrays.items() if not name.startswith("batches/")}
    path = Path(folder) / "checkpoint.npz"
    refuse_misfit(model.parts(), of_the_model, path)
    take_over(model.parts(), of_the_model, path)
    return model


def model_of(settings, rng):
    """The model of a run's settings as it begins, on the CPU; CheckpointError when its system has changed since."""
    system = find_system(settings["system"])
    preset = _preset(system, settings["preset"])
    for key, now in _identity(system, preset, settings["system"]).items():
        if settings.get(key) != now:
            raise CheckpointError(
                f"{settings['system']} has changed since the run began: {key} {settings.get(key)!r}, now {now!r}"
            )
    return _built(system, preset, rng, "cpu")


def _identity(system, preset, file):
    """What a system is, beyond its name: all options of its build, and for a file of one's own, the checksum of it.

    So a run does not go on as another one when a default or a network has been edited.
    """
    defaults = {name: each.default for name, each in inspect.signature(system.build).parameters.items()}
    chosen = {name: value for name, value in defaults.items() if value is not inspect.Parameter.empty} | preset.options
    chosen.pop("device", None)
    own = {} if file in SYSTEMS else {"system_sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}
    return {"options": _described(chosen)} | own


def find_system(name):
    """The `System` of a name, or in a Python file.

    Raises
    ------
    TrainingError
        When there is none, or the file cannot be run.
    """
    if name in SYSTEMS:
        return SYSTEMS[name]
    path = Path(name)
    if path.suffix == ".py" and not path.is_file():
        raise TrainingError(f"there is no file {path}; if the system of a run has moved, name it anew, beside --resume")
    if path.suffix != ".py":
        near = difflib.get_close_matches(path.name, SYSTEMS, 1)
        raise TrainingError(
            f"there is no system {path.name!r}{f', did you mean {near[0]}?' if near else '.'} These are known by name: "
            f"{', '.join(SYSTEMS)}; one of your own is a Python file with a SYSTEM in it, such as my_gan.py"
        )
    system = getattr(_executed(path), "SYSTEM", None)
    if not isinstance(system, System):
        raise TrainingError(
            f"{path} has no SYSTEM: add SYSTEM = System(name, title, teaches, minutes, build, presets) at its end"
        )
    if not (isinstance(system.presets, dict) and all(isinstance(plan, Preset) for plan in system.presets.values())):
        raise TrainingError(f"{path}: the presets of a System are a dict of names and Presets, not {system.presets!r}")
    return system


def _executed(path):
    """A Python file as a module."""
    name = f"scratchgan_system_{path.stem}"  # not its own name, which may be that of a library
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look for it there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}, line {lines[-1]}" if lines else path
        raise TrainingError(f"{where} cannot be run: {type(error).__name__}: {error}") from error
    return module


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


def _built(system, preset, rng, device):
    """A model at its first step; TrainingError when ``build`` takes other options, or makes what cannot be saved."""
    try:
        inspect.signature(system.build).bind(rng, device=device, **preset.options)
    except TypeError as error:
        options = "".join(f", {name}=…" for name in preset.options)
        raise TrainingError(
            f"{system.name}: its preset calls build(rng, device=…{options}), and build says: {error}"
        ) from error
    with init.drawing_from(rng):
        model = system.build(rng, device=device, **preset.options)
    if not isinstance(model, Model):
        raise TrainingError(f"build of {system.name} must return a Model, not a {type(model).__name__}")
    for name in ("train_step", "show"):
        if getattr(type(model), name) is getattr(Model, name):
            raise TrainingError(f"{type(model).__name__} of {system.name} does not say {name}: see models.model.Model")
    try:
        model.parts()
    except TypeError as error:
        raise TrainingError(f"build of {system.name}: {error}") from error
    return model


def _numbers(**given):
    """Each number as an int, or None where it was left out; TrainingError for what is none, or out of range."""
    for name, value in given.items():
        least, most = NUMBERS[name], MOST.get(name)
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value and (most is None or value <= most)):
            to = f"to {most:,}" if most else "on"
            raise TrainingError(f"{name}={value!r} must be a whole number, from {least} {to}")
    return [value if value is None else int(value) for value in given.values()]


def _refuse_strange(device, preset, name, **paths):
    """TrainingError for an argument of another type."""
    for key, value in {"preset": preset, "name": name, "device": device}.items():
        if not isinstance(value, (str, type(None))):
            raise TrainingError(f"{key}={value!r} must be a text")
    if isinstance(paths["system"], System):
        raise TrainingError("system: name one of the package, or the path of the file with your SYSTEM in it")
    for key, value in paths.items():
        if not isinstance(value, (str, os.PathLike, type(None))):
            raise TrainingError(f"{key}={value!r} must be a text or a path")
    if device not in (None, "cpu", "gpu"):
        raise TrainingError(f"device={device!r} must be 'cpu' or 'gpu'")


def _folder(out, resume, name):
    """Where the run is, or will be, claimed. A run that is there is never overwritten."""
    if out is not None:
        out = _path(out)
        if resume and not out.is_dir():
            raise CheckpointError(f"there is no checkpoint in {out}, which is no folder")
        return claimed(out)
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
        shape, kept, steps = {key: facts["settings"].get(key) for key in SHAPE}, facts["options"], facts["steps"]
        given = {key: value for key, value in given.items() if not _has_moved(key, shape[key], value)}
        for key, value in given.items():
            if value not in (None, shape[key]):
                raise CheckpointError(
                    f"the run in {folder} began with {key} {shape[key]!r}, so it cannot go on with {value!r}"
                )
    else:
        refuse_remains(folder)
    shape = shape | {key: value for key, value in given.items() if value is not None}
    return shape, kept | {key: value for key, value in options.items() if value is not None}, steps


def _has_moved(key, began, given):
    """Whether what is given can be the same at another place: a file of that name, or data that are there no more.

    That they are the same data is seen by their checksum.
    """
    if key == "system":
        return given is not None and given.endswith(".py") and Path(given).name == Path(began).name
    return key == "data" and given is not None and began not in NAMES and not Path(began).exists()


def _run(system, preset, shape, options, claim):
    """The run at its first step, and where its data are from."""
    device_module(options["device"])  # complain before anything long begins
    use_threads(options["threads"])
    dataset = find(options["data_at"])
    rng = np.random.default_rng(shape["seed"])
    model = _built(system, preset, rng, options["device"])
    try:
        arrays = preset.view(dataset)
        arrays = arrays if isinstance(arrays, tuple) else (arrays,)
        batches = (Streams if preset.unpaired else Batches)(arrays, preset.batch_size, rng, model.low)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}") from error
    print(f"data: {sum(map(len, arrays)) if preset.unpaired else len(arrays[0]):,} images from {dataset.source}")
    settings = {"rates_fall_over": preset.steps if preset.rates_fall else None} | shape
    settings |= {
        "batch_size": preset.batch_size,
        "data_sha256": _sha256(arrays),
        **_identity(system, preset, options["system_at"]),
    }
    return Run(model, batches, rng, settings, claim.path, options, claim.check), dataset.source


def _sha256(arrays):
    """Of what the batches are drawn from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _described(value):
    """An option as JSON can hold it: a number, a text, a list of them, the name of a function, what an object holds."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_described(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _described(each) for key, each in value.items()}
    function, options = getattr(value, "func", value), getattr(value, "keywords", None)
    if not hasattr(function, "__name__"):
        function, options = type(value), getattr(value, "__dict__", None)
    return {function.__name__: _described(options)} if options else function.__name__
