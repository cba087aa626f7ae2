"""Where the time of a step goes, by a stopwatch on every call that NumPy makes for the engine.

Every array that a `Tensor` hands out is a `Metered` one, which NumPy's own protocols (NEP 13 and NEP 18) tell of each
call, so no line of the engine is changed. At each moment one part is running:

| part | what is attributed to it |
|---|---|
| matrix products | ``@`` and the functions that come down to it, wherever they are called |
| patches | the rest of `patches.conv`, `patches.weight_grad`, `patches._correlate` and `patches._turned` |
| interleaving | the rest of `patches.conv_transpose`: patches added up, or phases put between each other, and crops |
| elementwise | every other ufunc, reduction and copy outside these functions and the optimiser |
| optimiser | the whole of `Optimizer.step` |
| Python | what is left of a step without the stopwatch: the graph, dispatch, random numbers, freeing memory |

The stopwatch runs around the calls only, and Python's share comes from runs without it, so what it costs itself (a
microsecond or two a call) hardly shows.
"""

import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from time import perf_counter
from unittest.mock import patch

import measure
import numpy as np

from scratchgan.functional import patches
from scratchgan.optim import Optimizer
from scratchgan.tensor import Parameter, Tensor

PRODUCTS, PATCHES, INTERLEAVING = "matrix products", "patches", "interleaving"
ELEMENTWISE, OPTIMISER, PYTHON = "elementwise", "optimiser", "Python"
PARTS = (PRODUCTS, PATCHES, INTERLEAVING, ELEMENTWISE, OPTIMISER, PYTHON)
OWNERS = {
    (patches, "conv"): PATCHES,
    (patches, "_correlate"): PATCHES,
    (patches, "_turned"): PATCHES,
    (patches, "weight_grad"): PATCHES,
    (patches, "conv_transpose"): INTERLEAVING,
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
    """Adds up the seconds of the part that is running."""

    thread = running = None

    def run(self, step, times):
        self.thread, self.running, self.seconds, self.since = threading.get_ident(), PYTHON, Counter(), perf_counter()
        for _ in range(times):
            step()
        self.thread = None
        return self.seconds

    @contextmanager
    def part(self, name):
        before = self.running
        if threading.get_ident() != self.thread:  # then the part that waits for this thread is being timed
            yield
            return
        # A part's own arithmetic and copies belong to it.
        self._switch(before if name == ELEMENTWISE and before != PYTHON else name)
        try:
            yield
        finally:
            self._switch(before)

    def _switch(self, part):
        now = perf_counter()
        self.seconds[self.running] += now - self.since
        self.running, self.since = part, now


_watch = _Stopwatch()


class Metered(np.ndarray):
    """An array that has its calls timed."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        options = {name: _plain(value) for name, value in options.items()}
        if out:
            options["out"] = tuple(map(_plain, out))
        with _watch.part(PRODUCTS if ufunc is np.matmul else ELEMENTWISE):
            result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        return _wrapped(result)

    def __array_function__(self, function, types, args, kwargs):
        with _watch.part(PRODUCTS if function in (np.dot, np.tensordot, np.einsum) else ELEMENTWISE):
            return _wrapped(super().__array_function__(function, types, args, kwargs))


def _plain(value):
    return value.view(np.ndarray) if isinstance(value, Metered) else value


def _wrapped(value):
    return value.view(Metered) if isinstance(value, np.ndarray) else value


def _metered(function, part):
    def call(*args, **kwargs):
        with _watch.part(part):
            return _wrapped(function(*args, **kwargs))

    return call


def _metered_data(data):
    def fget(tensor):
        array = data.fget(tensor)
        return _plain(array) if _watch.running == OPTIMISER else _wrapped(array)  # its state outlives the run

    return property(fget, data.fset)


for _name in COPIES:
    setattr(Metered, _name, _metered(getattr(np.ndarray, _name), ELEMENTWISE))
