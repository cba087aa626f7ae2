"""Run tests on a package elsewhere, in a process of their own that has everything imported but the package.

The server that `pass_in` starts imports pytest and what the tests need once, and is forked for each run. So this file
must import nothing of the package: the child finds the one in its folder.
"""

import multiprocessing
import os
import sys
from pathlib import Path

import hypothesis.extra.numpy  # noqa: F401 (here, so that each run has it)
import matplotlib.figure  # noqa: F401
import pytest
import tqdm  # noqa: F401

TESTS = Path(__file__).parent
OPTIONS = "-x -q --no-header -p no:cacheprovider --hypothesis-seed=0".split()

server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload([__name__])


def pass_in(folder, *tests):
    """Whether all these tests pass with the package in ``folder``; they must be found and run.

    Raises
    ------
    RuntimeError
        When they are not.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the server, before it imports NumPy
    process = server.Process(target=_run, args=(folder, tests))
    process.start()
    process.join()
    if process.exitcode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{', '.join(tests)} could not be run:\n{(folder / 'output.txt').read_text()}")
    return process.exitcode == pytest.ExitCode.OK


def _run(folder, tests):
    """In the child: everything it prints goes into a file of the folder."""
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    where = ["-m", "", "-c", str(TESTS.parent / "pyproject.toml"), "--rootdir", str(TESTS.parent)]
    sys.exit(pytest.main([*OPTIONS, *where, *(str(TESTS / test) for test in tests)]))
