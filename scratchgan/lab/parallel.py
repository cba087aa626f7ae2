"""Independent experiments side by side: one on each core, and under mpirun on each core of every machine."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager

from tqdm import tqdm

from scratchgan.ranks import join

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def run_all(function: Callable, jobs: Iterable[tuple], processes: int | None = None, unit: str = "run") -> list:
    """``[function(*job) for job in jobs]``, computed by several processes, with a bar that shows the time left.

    Each process computes with one thread: matrices of this size are not worth a second one, and the results do not
    depend on the number of processes, or of cores, or of machines; see `spread`.

    Parameters
    ----------
    function : callable
        At the top of its module, where the other processes find it.
    jobs : sequence of tuple
    processes : int, optional
        One for each core, without it.
    unit : str
        What the bar counts.

    Returns
    -------
    list
        In the order of ``jobs``.
    """
    share = max(1, cores() // join().beside)
    return spread(lambda jobs: _side_by_side(function, jobs, processes or share, unit), list(jobs))


class HandedIn(Exception):
    """One of the processes that mpirun has started has done its part of some jobs, and has nothing more to do."""


def spread(compute: Callable[[list], list], jobs: list) -> list:
    """``compute(jobs)``, a list; where mpirun has started this program n times, each computes every n-th job.

    Raises
    ------
    HandedIn
        In all processes but the first, which gets all results.
    """
    ranks = join()
    parts = ranks.all_of(compute(jobs[ranks.rank :: ranks.size]))
    if not ranks.first:
        raise HandedIn
    return [parts[i % ranks.size][i // ranks.size] for i in range(len(jobs))]


def _side_by_side(function, jobs, processes, unit):
    """`run_all` of this process."""
    if not jobs:
        return []
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # read by NumPy when it is imported, so: by new interpreters
    tty = sys.stderr.isatty()
    bar = {"total": len(jobs), "unit": unit, "mininterval": 0.3 if tty else 15, "dynamic_ncols": tty}
    processes = min(processes, len(jobs))
    with _ctrl_c_blocked():  # for good in the other processes, which inherit it
        pool = multiprocessing.get_context("spawn").Pool(processes)
    with pool:
        return list(tqdm(pool.imap(_Call(function), jobs), **bar))


def cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Call:
    """job ↦ function(*job); a lambda could not be sent to another process."""

    def __init__(self, function):
        self.function = function

    def __call__(self, job):
        return self.function(*job)


@contextmanager
def _ctrl_c_blocked():
    """Ctrl-C reaches this process later, and the processes that it starts never, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
