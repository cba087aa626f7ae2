"""Systems: where they are found, how their models are built, and how a run knows its own again.

A system has a name in `models.SYSTEMS`, or is a Python file with a ``SYSTEM`` in it.
"""

import difflib
import hashlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path

import numpy as np

from scratchgan.checkpoint import CheckpointError
from scratchgan.models import SYSTEMS, Model, Preset, System
from scratchgan.nn import init
from scratchgan.nn.options import Number, Several
from scratchgan.training.folder import expanded
from scratchgan.training.run import TrainingError, read, refuse_misfit, take_over
from scratchgan.training.together import networks

# What a run is, to its end; and what may be given anew when it goes on, or else stays.
NORMS = "part", "whole"  # of a batch, by which batch norm of several processes normalises
SHAPE = {"system": str, "preset": str, "data": str, "seed": int, "rates_fall_over": (int, type(None))}
SHAPE |= {"batch_norm": (str, type(None))}
OPTIONS = {"samples": int, "device": str, "threads": int, "system_at": str, "data_at": str}
SETTINGS = SHAPE | {"classes": (int, type(None))}  # what a model is built from


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


def named(system):
    """A system by its name, or by the absolute path of its file."""
    return system if system is None or system in SYSTEMS else str(expanded(system).resolve())


def preset_of(system, name):
    """The preset of a name; TrainingError when the system has none of it."""
    if name not in system.presets:
        raise TrainingError(f"{system.name} has no preset {name!r}: there are {', '.join(system.presets)}")
    return system.presets[name]


def built(system, preset, rng, device, classes=None):
    """A model at its first step.

    Parameters
    ----------
    system : System
    preset : Preset
    rng : numpy.random.Generator
    device : {"cpu", "gpu"}
    classes : int, optional
        Those of the data, for a ``build`` that takes them.

    Raises
    ------
    TrainingError
        When ``build`` takes other options, or of another kind than its defaults, or makes what cannot be saved.
    """
    options = _options(system, preset, classes)
    try:
        inspect.signature(system.build).bind(rng, device=device, **options)
    except TypeError as error:
        options = "".join(f", {name}=…" for name in options)
        raise TrainingError(
            f"{system.name}: its preset calls build(rng, device=…{options}), and build says: {error}"
        ) from error
    _refuse_other_kinds(system, options)
    with init.drawing_from(rng):
        model = system.build(rng, device=device, **options)
    if not isinstance(model, Model):
        raise TrainingError(f"build of {system.name} must return a Model, not a {type(model).__name__}")
    for name in ("train_step", "show"):
        if getattr(type(model), name) is getattr(Model, name):
            raise TrainingError(f"{type(model).__name__} of {system.name} does not say {name}: see models.model.Model")
    try:
        model.parts()
    except TypeError as error:
        raise TrainingError(f"build of {system.name}: {error}") from error
    _refuse_other_random_numbers(system, model, rng)
    return model


def _refuse_other_random_numbers(system, model, rng):
    """TrainingError for a layer with another generator, of which no state is saved, and all processes draw alike."""
    for layer in (layer for network in networks(model) for layer in network.modules() if layer.training):
        for name, value in vars(layer).items():
            if isinstance(value, np.random.Generator) and value is not rng:
                raise TrainingError(
                    f"build of {system.name}: {type(layer).__name__}.{name} is a generator of its own, which no "
                    "checkpoint would save: give it the rng that build is given"
                )


def _refuse_other_kinds(system, options):
    """TrainingError for a number where the default is a tuple of them, or for what is no number where it is one."""
    for name, option in inspect.signature(system.build).parameters.items():
        kind, value = _kind(option.default), options.get(name)
        if kind and not callable(value):  # what changes with the iteration is a function
            kind.name = name
            try:
                kind.checked(value)
            except (TypeError, ValueError) as error:
                raise TrainingError(f"{system.name}: {error}") from error


def _kind(default):
    """What an option must be, to be of the kind of its default; None where that is neither number nor tuple."""
    number = Number("[-∞, ∞]", optional=True)
    if isinstance(default, tuple) and default and all(map(_is_number, default)):
        return Several(number, optional=True)
    return number if _is_number(default) else None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _options(system, preset, classes):
    """What ``build`` is given: the preset's options, and the number of classes if it asks for that."""
    asked = classes is not None and "classes" in inspect.signature(system.build).parameters
    return ({"classes": classes} if asked else {}) | preset.options


# The model of a run --------------------------------------------------------------------------------------------------


def load_model(folder: str | Path, system: str | Path | None = None) -> Model:
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
    arrays, facts = read(folder, settings=SETTINGS, options=OPTIONS)
    file = facts["options"]["system_at"] if system is None else named(system)
    model = model_of(facts["settings"] | {"system": file}, np.random.default_rng(0))
    of_the_model = {name: array for name, array in arrays.items() if not name.startswith("batches/")}
    path = Path(folder) / "checkpoint.npz"
    refuse_misfit(model.parts(), of_the_model, path)
    take_over(model.parts(), of_the_model, path)
    return model


def model_of(settings, rng):
    """The model of a run's settings as it begins, on the CPU; CheckpointError when its system has changed since."""
    system = find_system(settings["system"])
    preset, classes = preset_of(system, settings["preset"]), settings.get("classes")
    for key, now in identity(system, preset, settings["system"], classes).items():
        if settings.get(key) != now:
            raise CheckpointError(
                f"{settings['system']} has changed since the run began: {key} {settings.get(key)!r}, now {now!r}"
            )
    return built(system, preset, rng, "cpu", classes)


def identity(system, preset, file, classes=None):
    """What a system is, beyond its name: all options of its build, and for a file of one's own, the checksum of it.

    A run has it among its settings. So it does not go on as another one when a default or a network has been edited.
    """
    defaults = {name: each.default for name, each in inspect.signature(system.build).parameters.items()}
    chosen = {name: value for name, value in defaults.items() if value is not inspect.Parameter.empty}
    chosen |= _options(system, preset, classes)
    chosen.pop("device", None)
    own = {} if file in SYSTEMS else {"system_sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}
    return {"options": _described(chosen)} | own


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
