"""One measurement of one work, in the process that does it. A work is the name of a function and its arguments."""

import functools
import importlib
import math
import statistics
import sys
import time

import numpy as np

LEAST_SECONDS = 0.4  # shorter works are repeated until the clock's and the system's noise is small against the run
WAKING_SECONDS = 0.1  # before, untimed: after a pause threads have to find a CPU of their own, as never in a training
CHAIN = 100  # operations in one run of a tiny operation, which alone would be lost in the cost of the call


def seconds(library, work):
    """How long the work takes, once more, in the midst of it."""
    step, times = prepared(library, tuple(work))
    _seconds_each(step, math.ceil(times * WAKING_SECONDS / LEAST_SECONDS))
    return _seconds_each(step, times)


def mean_seconds(library, work, least):
    """Of a step in ``least`` seconds of steps, or a little more."""
    step, _ = prepared(library, tuple(work))
    start, steps = time.perf_counter(), 0
    while time.perf_counter() < start + least:
        step()
        steps += 1
    return (time.perf_counter() - start) / steps


@functools.cache
def prepared(library, work):
    """The work, warm, and how often a run repeats it."""
    step = _build(library, work)
    once = min(_seconds_each(step, 1) for _ in range(3))
    return step, max(1, round(LEAST_SECONDS / once))


def first_seconds(library, work):
    """Of the first run of a work in this process, in which some libraries compile it."""
    return _seconds_each(lambda: _build(library, tuple(work))(), 1)


def cpus(library, work):
    """How many processors are busy in a run, on average."""
    step, times = prepared(library, tuple(work))
    before, seconds_each = time.process_time(), _seconds_each(step, times)
    return (time.process_time() - before) / (times * seconds_each)


def operation_seconds(library, direction):
    """How long one operation on a tiny array takes: the median over some."""
    works = [("operation", name, direction) for name in ("add", "mul", "tanh")]
    return statistics.median(seconds(library, work) for work in works) / CHAIN


def peak_bytes(library, work):
    """By how much the peak of the process's resident memory grows in five runs.

    Ask a fresh process, of a parent that is smaller: on Linux the peak of a process begins at that of its parent.
    """
    step, before = _build(library, tuple(work)), _peak_bytes()
    for _ in range(5):
        step()
    return _peak_bytes() - before


def product_speed(size=2048):
    """The fastest float32 matrix product of this process: FLOPs a second."""
    a = np.ones((size, size), np.float32)
    return 2 * size**3 / min(_seconds_each(lambda: a @ a, 1) for _ in range(10))


@functools.cache
def _build(library, work):
    name, *arguments = work
    return getattr(importlib.import_module(library), name)(*arguments)


def _seconds_each(step, times):
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


def _peak_bytes():
    import resource  # here, as there is none on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
