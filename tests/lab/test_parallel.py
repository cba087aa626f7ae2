"""Experiments side by side: the results are those of a loop."""

import os

import pytest

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
