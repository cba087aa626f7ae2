"""What the model of a run does with images that it never saw: `Model.measure` on the test set of its data."""

import numpy as np

from scratchgan.data import Batches, DataError, Streams, find
from scratchgan.models import Model
from scratchgan.training.run import TrainingError, read
from scratchgan.training.systems import OPTIONS, SETTINGS, find_system, load_model, model_of, preset_of

COUNT = 1000  # examples, or all if there are fewer


def held_out_numbers(folder):
    """Measure the model of a run on the test set of its data, and the same model before its first step beside it.

    Parameters
    ----------
    folder : path
        Of a run that has ended, or still trains.

    Returns
    -------
    dict of str to (float, float)
        By name: of the model as it is, and as it began.

    Raises
    ------
    CheckpointError
        When there is no such run, or its system has changed since.
    DataError
        When its data have no test set: NoTestSetError; or are not there any more.
    TrainingError
        When its model has nothing to measure: a generator that makes images from noise.
    """
    _, facts = read(folder, settings=SETTINGS, options=OPTIONS)
    settings = facts["settings"] | {"system": facts["options"]["system_at"]}
    trained, untrained = load_model(folder), model_of(settings, np.random.default_rng(settings["seed"]))
    if type(trained).measure is Model.measure:
        raise TrainingError(
            f"{type(trained).__name__} makes images from noise: judge its samples.npy, which --samples 5000 leaves, or "
            f"those of `scratchgan sample {folder} --count 5000 --out samples.npy`"
        )
    preset = preset_of(find_system(settings["system"]), settings["preset"])
    examples = _examples(preset, find(facts["options"]["data_at"], "test"), trained.low)
    now, before = (
        model.measure(model.draw(iter([examples])), np.random.default_rng(0)) for model in (trained, untrained)
    )
    return {name: (now[name], before[name]) for name in now}


def _examples(preset, dataset, low):
    """What is measured of a test set, as a batch."""
    try:
        arrays = (preset.held_out or preset.view)(dataset)
        arrays = arrays if isinstance(arrays, tuple) else (arrays,)
        paired = preset.held_out or not preset.unpaired  # a view of its own gives what belongs together
        return (Batches if paired else Streams)(arrays, 1, np.random.default_rng(0), low).examples(COUNT)
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}") from error


def table(numbers):
    """The numbers as lines of text."""
    width = max(map(len, numbers))
    head = f"{'on held-out images':{width}}  {'now':>9}  {'at first':>9}"
    return "\n".join([head, *(f"{name:{width}}  {now:9.4g}  {first:9.4g}" for name, (now, first) in numbers.items())])
