"""Experiments side by side: the results are those of a loop."""

import os
import threading

import pytest
from together import together

from scratchgan.lab import parallel
from scratchgan.lab.parallel import cores, run_all


def test_the_results_come_in_the_order_of_the_jobs():
    long, short = 60_000_000, 10
    assert run_all(sum, [(range(long),), (range(short),)], processes=2) == [long * (long - 1) // 2, 45]


def test_a_process_computes_with_one_thread():
    names = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
    assert run_all(os.getenv, [(name,) for name in names], processes=1) == ["1"] * 3


def test_an_error_of_one_is_an_error_of_all():
    with pytest.raises(ZeroDivisionError):
        run_all(divmod, [(7, 2), (7, 0)], processes=1)


def test_there_is_a_core():
    assert 1 <= cores() <= os.cpu_count()


def test_processes_that_mpirun_started_share_the_jobs_and_the_first_gets_all_results(monkeypatch):
    own = threading.local()
    monkeypatch.setattr(parallel, "join", lambda: own.ranks)

    def work(ranks):
        own.ranks, done = ranks, []
        try:
            return parallel.spread(lambda jobs: done.extend(jobs) or [job**2 for job in jobs], list(range(5))), done
        except parallel.HandedIn:
            return None, done

    assert together(3, work) == [([0, 1, 4, 9, 16], [0, 3]), (None, [1, 4]), (None, [2])]


def test_a_process_without_jobs_starts_no_others(monkeypatch):
    monkeypatch.setattr(parallel.multiprocessing, "get_context", None)
    assert run_all(sum, []) == []
