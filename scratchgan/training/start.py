"""Training as a function: a system, data and a folder make a run, which is trained, drawn and given back.

run = train("wgan_gp", preset="quick", out="runs/first")
run.model.generator  # trained, and ready for whatever comes next
"""

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.backend import device_module
from scratchgan.checkpoint import CheckpointError
from scratchgan.data import Batches, DataError, Streams, find
from scratchgan.data.find import NAMES
from scratchgan.models import SYSTEMS, System
from scratchgan.ranks import Ranks, join, joined, one_voice
from scratchgan.threads import MANY
from scratchgan.threads import use as use_threads
from scratchgan.training.folder import claimed, claimed_anew, expanded, refuse_remains, shared
from scratchgan.training.hand import Hand
from scratchgan.training.run import LONGEST, Run, TrainingError, read
from scratchgan.training.systems import NORMS, OPTIONS, SHAPE, built, find_system, identity, named, preset_of

NUMBERS = {"seed": 0, "steps": 1, "threads": 0, "samples": 0, "rates_fall_over": 1}  # the least of each
MOST = {"steps": LONGEST, "rates_fall_over": LONGEST, "threads": MANY}


def train(
    system: str | Path | None = None,
    preset: str | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    steps: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    samples: int | None = None,
    resume: bool = False,
    rates_fall_over: int | None = None,
    name: str | None = None,
    batch_norm: str | None = None,
    ranks: Ranks | None = None,
    began: Callable[[Run], None] = lambda run: None,
) -> Run:
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
        Train until this step instead of the preset's last; learning rates fall as in the preset.
    device : {"cpu", "gpu"}, optional
    threads : int, optional
        Of matrix products; without it 0, the number that is fastest just now. Results do not depend on it.
    samples : int, optional
        Also save this many samples.
    resume : bool
        Go on with the run in ``out``, or else with the last one in ``runs/``. What is left out stays as it was.
    rates_fall_over : int, optional
        The learning rates fall over this many steps instead of the preset's. A resumed run keeps it.
    name : str, optional
        Of the folder under ``runs/``; the system's without it.
    batch_norm : {"part", "whole"}, optional
        Where several processes train together, whether batch norm is over each one's part of a batch, as it is
        without it, or over the whole batch. A resumed run keeps it.
    ranks : Ranks, optional
        The processes that train it together; without it all that mpirun has started. `ranks.ALONE`: this one alone.
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
    _refuse_strange(system=system, preset=preset, data=data, out=out, name=name, device=device, batch_norm=batch_norm)
    seed, steps, threads, samples, rates_fall_over = _numbers(
        seed=seed, steps=steps, threads=threads, samples=samples, rates_fall_over=rates_fall_over
    )
    if system is None and not (resume and (out is not None or name)):
        raise TrainingError(f"which system? Name one of {', '.join(SYSTEMS)}, or the folder of a run with --resume")
    system, data, ranks = named(system), absolute(data), join() if ranks is None else ranks
    shape = {"system": system, "preset": preset, "data": data, "seed": seed, "rates_fall_over": rates_fall_over}
    shape |= {"batch_norm": batch_norm}
    options = {"samples": samples, "device": device, "threads": threads, "system_at": system, "data_at": data}
    with one_voice(), shared(ranks, lambda: _folder(out, resume, name or system)) as claim:
        shape, options, intended = _choices(shape, options, claim.path, resume, ranks)
        run, preset, facts = _run(shape, options, claim, resume, ranks)
        began(run)
        steps = max(steps or intended or preset.steps, run.step)
        run.demand_room(options["samples"])
        run.describe(**options, **facts, steps=steps)
        run.train(steps, preset.every)
        run.finish(options["samples"])
    return run


def _numbers(**given):
    """Each number as an int, or None where it was left out; TrainingError for what is none, or out of range."""
    for name, value in given.items():
        least, most = NUMBERS[name], MOST.get(name)
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value and (most is None or value <= most)):
            to = f"to {most:,}" if most else "on"
            raise TrainingError(f"{name}={value!r} must be a whole number, from {least} {to}")
    return [value if value is None else int(value) for value in given.values()]


def _refuse_strange(device, preset, name, batch_norm, **paths):
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
    if batch_norm not in (None, *NORMS):
        raise TrainingError(f"batch_norm={batch_norm!r} must be 'part' or 'whole'")


def _folder(out, resume, name):
    """Where the run is, or will be, claimed. A run that is there is never overwritten."""
    if out is not None:
        out = expanded(out)
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


def absolute(data):
    """The name of a data set as it is, a folder as an absolute path, which a run can be resumed with from anywhere."""
    return data if data is None or data in NAMES else str(expanded(data).resolve())


def _choices(given, options, folder, resume, ranks):
    """What the run is, its options, and the steps it was meant for: as given, or as it began."""
    shape = {"preset": "default", "seed": 0, "batch_norm": "part"}
    kept, steps = {"samples": 0, "device": "cpu", "threads": 0}, None
    if resume:
        _, facts = read(folder, settings=SHAPE, options=OPTIONS)
        _refuse_other_ranks(facts["settings"].get("processes", 1), ranks.size, folder)
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


def _refuse_other_ranks(began, now, folder):
    if began != now:
        how = f"with mpirun -n {began}" if began > 1 else "without mpirun"
        raise CheckpointError(
            f"the run in {folder} began with processes={began}, and now processes={now}: sums in other parts round "
            f"otherwise, and it would become another run. Go on {how}"
        )


def _has_moved(key, began, given):
    """Whether what is given can be the same at another place: a file of that name, or data that are there no more.

    That they are the same data is seen by their checksum.
    """
    if key == "system":
        return given is not None and given.endswith(".py") and Path(given).name == Path(began).name
    return key == "data" and given is not None and began not in NAMES and not Path(began).exists()


def _run(shape, options, claim, resume, ranks):
    """The run, new or where it goes on, its preset, and facts about it that are only recorded."""
    device_module(options["device"])  # complain before anything long begins
    use_threads(options["threads"], joined().beside)
    system = find_system(options["system_at"])
    preset = preset_of(system, shape["preset"])
    shape.setdefault("data", preset.data)
    options.setdefault("data_at", shape["data"])
    dataset = find(options["data_at"])
    rng = ranks.generator(shape["seed"], preset.batch_size)
    try:
        arrays = preset.view(dataset)
        arrays = arrays if isinstance(arrays, tuple) else (arrays,)
        classes = _classes(arrays)
        model = built(system, preset, rng, options["device"], classes)
        _refuse_other_classes(model, classes)
        kind, part = Streams if preset.unpaired else Batches, (ranks.rank, ranks.size)
        batches = kind(arrays, preset.batch_size, ranks.alike(rng), model.low, part)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}") from error
    settings = {"rates_fall_over": preset.steps if preset.rates_fall else None} | shape
    settings |= {"batch_size": preset.batch_size, "data_sha256": _sha256(arrays), "classes": classes}
    settings |= identity(system, preset, options["system_at"], classes)
    settings |= {"processes": ranks.size} if ranks.size > 1 else {}
    facts = {"source": dataset.source, "class_names": _said(dataset, arrays, classes, preset.unpaired)}
    facts |= {"python": platform.python_version(), "scratchgan": scratchgan.__version__, "numpy": np.__version__}
    run = (Run if ranks.first else Hand)(model, batches, rng, settings, claim.path, options, claim.check, ranks)
    if resume:
        run.load()
        print(f"resumed {run.folder} at step {run.step}")
    ranks.demand_alike({name: repr(value) for name, value in settings.items()})
    run.demand_alike()
    return run, preset, facts


def _classes(arrays):
    """How many classes the labels of a view are of; None where it has none."""
    labels = [array for array in arrays if np.ndim(array) == 1]
    return int(labels[0].max()) + 1 if labels else None


def _refuse_other_classes(model, classes):
    """DataError for a game of other classes than the data: it would draw images of a class that no image has."""
    known = getattr(model, "classes", classes)
    if classes is not None and known != classes:
        raise DataError(f"these are {classes} classes, and {type(model).__name__} has {known}: let build take classes")


def _said(dataset, arrays, classes, unpaired):
    """Say what the run learns from; the names of the classes, or None where they have none."""
    print(f"data: {sum(map(len, arrays)) if unpaired else len(arrays[0]):,} images from {dataset.source}")
    if len(dataset.classes or ()) != classes:
        return None
    print(f"classes: {', '.join(f'{number} {name}' for number, name in enumerate(dataset.classes))}")
    return dataset.classes


def _sha256(arrays):
    """Of what the batches are drawn from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
