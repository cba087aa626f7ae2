"""Run tests on a package elsewhere, in a process of their own that has everything imported but the package.

The server that `pass_in` starts imports pytest and what the tests need once, and is forked for each run. So this file
must import nothing of the package: the child finds the one in its folder.
"""

import multiprocessing
import os
import sys
import threading
from pathlib import Path

import hypothesis.extra.numpy  # noqa: F401 (here, so that each run has it)
import matplotlib.figure  # noqa: F401
import pytest
import tqdm  # noqa: F401

TESTS = Path(__file__).parent
OPTIONS = "-x -q --no-header -p no:cacheprovider --hypothesis-seed=0".split()

if "forkserver" in multiprocessing.get_all_start_methods():
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
else:  # on Windows, each run begins with a new interpreter
    server = multiprocessing.get_context("spawn")
one_at_a_time = threading.Lock()


def pass_in(folder, *tests):
    """Whether all these tests pass with the package in ``folder``; they must be found and run.

    Raises
    ------
    RuntimeError
        When they are not.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the server, before it imports NumPy
    verdict, output = folder / "verdict.txt", folder / "output.txt"
    verdict.write_text("none")  # a file, as two threads that wait for two processes may miss an exit status
    process = server.Process(target=_run, args=(folder, verdict, output, tests))
    with one_at_a_time:
        process.start()
    process.join()
    if verdict.read_text() not in ("OK", "TESTS_FAILED"):
        raise RuntimeError(f"{', '.join(tests)} could not be run: {verdict.read_text()}\n{output.read_text()}")
    return verdict.read_text() == "OK"


def _run(folder, verdict, output, tests):
    """In the child: everything that it prints goes into a file."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)  # for a demo that a test starts
    where = ["-m", "", "-c", str(TESTS.parent / "pyproject.toml"), "--rootdir", str(TESTS.parent)]
    status = pytest.main([*OPTIONS, *where, *(str(TESTS / test) for test in tests)])
    verdict.write_text(pytest.ExitCode(status).name)
