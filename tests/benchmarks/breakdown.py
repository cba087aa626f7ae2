"""Where the time of a step goes, by a stopwatch on every call that NumPy makes for the engine.

Every array that a `Tensor` hands out is a `Metered` one, which NumPy's own protocols (NEP 13 and NEP 18) tell of each
call, so no line of the engine is changed. At each moment one part is running:

| part | what is attributed to it |
|---|---|
| matrix products | ``@`` and the functions that come down to it, wherever they are called |
| patches | the rest of `strips.conv`, `strips.weight_grad` and `strips._summed` |
| interleaving | the rest of `strips.conv_transpose`: patches added up, or phases put between each other, and crops |
| elementwise | every other ufunc, reduction and copy outside these functions and the optimiser |
| optimiser | the whole of `Optimizer.step` |
| Python | what is left of a step without the stopwatch: the graph, dispatch, random numbers, freeing memory |

What the stopwatch costs itself is a part of its own, which is left out, and Python's share comes from runs without it.
"""

from collections import Counter
from contextlib import ExitStack
from time import perf_counter
from unittest.mock import patch

import measure
import numpy as np

from scratchgan.functional.kernels import strips
from scratchgan.optim import Optimizer
from scratchgan.tensor import Parameter, Tensor

PRODUCTS, PATCHES, INTERLEAVING = "matrix products", "patches", "interleaving"
ELEMENTWISE, OPTIMISER, PYTHON, STOPWATCH = "elementwise", "optimiser", "Python", "stopwatch"
PARTS = (PRODUCTS, PATCHES, INTERLEAVING, ELEMENTWISE, OPTIMISER, PYTHON)
OWNERS = {
    (strips, "conv"): PATCHES,
    (strips, "_summed"): PATCHES,
    (strips, "weight_grad"): PATCHES,
    (strips, "conv_transpose"): INTERLEAVING,
    (Optimizer, "step"): OPTIMISER,
}
COPIES = ("reshape", "astype", "copy", "__getitem__", "__setitem__")


def breakdown(work, runs):
    """Seconds of each part in a step: of the fastest run with the stopwatch, as the least disturbed, in turn with runs
    without it.

    Parameters
    ----------
    work : sequence
        Name of a function of `ours`, and its arguments.
    runs : int

    Returns
    -------
    dict of str to float
        By part; the sum is a step of the fastest run without the stopwatch.
    """
    whole, metered = [], []
    for _ in range(runs):
        whole.append(measure.seconds("ours", work))
        metered.append(_metered_run(*measure.prepared("ours", tuple(work))))
    parts = min(metered, key=lambda run: sum(run.values()))
    del parts[PYTHON]
    return parts | {PYTHON: max(0.0, min(whole) - sum(parts.values()))}


def _metered_run(step, times):
    with ExitStack() as patched:
        for owner in (Tensor, Parameter):
            patched.enter_context(patch.object(owner, "data", _metered_data(owner.data)))
        for (owner, name), part in OWNERS.items():
            patched.enter_context(patch.object(owner, name, _metered(getattr(owner, name), part)))
        seconds = _watch.run(step, times)
    return {part: seconds[part] / times for part in PARTS}


class _Stopwatch:
    """Adds up the seconds of the part that is running, if any."""

    running = None

    def run(self, step, times):
        self.running, self.seconds, self.since = PYTHON, Counter(), perf_counter()
        for _ in range(times):
            step()
        self.switch(None)
        return self.seconds

    def switch(self, part):
        """Let another part run; that which ran until now."""
        before, now = self.running, perf_counter()
        self.running = before and part
        if before:
            self.seconds[before] += now - self.since
            self.since = now
        return before


_watch = _Stopwatch()


def _timed(before, part, function, *args, **kwargs):
    """The function's value, and its time for its part; a part's own arithmetic and copies belong to it."""
    _watch.switch(before if part == ELEMENTWISE and before != PYTHON else part)
    value = function(*args, **kwargs)
    _watch.switch(STOPWATCH)
    return _wrapped(value)


class Metered(np.ndarray):
    """An array that has its calls timed."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        before = _watch.switch(STOPWATCH)
        options = {name: _plain(value) for name, value in options.items()}
        if out:
            options["out"] = tuple(map(_plain, out))
        part, inputs = PRODUCTS if ufunc is np.matmul else ELEMENTWISE, map(_plain, inputs)
        value = _timed(before, part, getattr(ufunc, method), *inputs, **options)
        _watch.switch(before)
        return value

    def __array_function__(self, function, types, args, kwargs):
        before = _watch.switch(STOPWATCH)
        part = PRODUCTS if function in (np.dot, np.tensordot, np.einsum) else ELEMENTWISE
        value = _timed(before, part, super().__array_function__, function, types, args, kwargs)
        _watch.switch(before)
        return value


def _plain(value):
    return value.view(np.ndarray) if isinstance(value, Metered) else value


def _wrapped(value):
    return value.view(Metered) if isinstance(value, np.ndarray) else value


def _metered(function, part):
    def call(*args, **kwargs):
        before = _watch.switch(STOPWATCH)
        value = _timed(before, part, function, *args, **kwargs)
        _watch.switch(before)
        return value

    return call


def _metered_data(data):
    def fget(tensor):
        array = data.fget(tensor)
        return _plain(array) if _watch.running == OPTIMISER else _wrapped(array)  # its state outlives the run

    return property(fget, data.fset)


for _name in COPIES:
    setattr(Metered, _name, _metered(getattr(np.ndarray, _name), ELEMENTWISE))
