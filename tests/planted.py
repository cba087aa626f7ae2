"""Run tests on a package elsewhere, in a process of their own that has everything imported but the package.

`pass_in` starts a server, this file, which imports pytest and what the tests need once, and forks for each run. So this
file must import nothing of the package: the child finds the one in its folder. What a run costs beside its tests is the
import of the package, and a tenth of a second.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

if sys.platform != "win32":
    import resource

TESTS = Path(__file__).parent
OPTIONS = """-x -q --no-header -p _hypothesis_pytestplugin --hypothesis-seed=0 --hypothesis-profile=planted
    -p no:cacheprovider -p no:unraisableexception -p no:threadexception""".split()
OPTIONS += ["-m", "", "-c", str(TESTS.parent / "pyproject.toml"), "--rootdir", str(TESTS.parent)]
mine = threading.local()  # each thread has a server of its own


def pass_in(folder, *tests, options=(), seconds=100):
    """Whether all these tests pass with the package in ``folder``; they must be found and run.

    They do not if they need more ``seconds`` of the processor, ten times as many of the day, or 8 GB.

    Raises
    ------
    RuntimeError
        When they are not.
    """
    if not hasattr(mine, "server") or mine.server.poll() is not None:
        one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        mine.server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one_thread
        )
    request = [str(folder), seconds, *options, *(str(TESTS / test) for test in tests)]
    print(json.dumps(request), file=mine.server.stdin, flush=True)
    status = int(mine.server.stdout.readline() or mine.server.wait())
    if status >= 0 and status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        output = (folder / "output.txt").read_text()
        if "! KeyboardInterrupt" not in output:  # which a test may raise by mistake; others end before a test is run
            raise RuntimeError(f"{', '.join(tests)} could not be run: {status}\n{output}")
    return status == pytest.ExitCode.OK


def serve():
    """Answer each line of the input, a folder, seconds and what pytest is told, with the exit status of pytest."""
    import _hypothesis_pytestplugin  # noqa: F401
    import hypothesis.extra.numpy  # noqa: F401
    import matplotlib.backends.backend_agg  # noqa: F401
    import PIL.Image  # noqa: F401
    import pooch  # noqa: F401
    import tqdm  # noqa: F401

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    gc.freeze()
    for line in sys.stdin:
        folder, seconds, *arguments = json.loads(line)
        child = os.fork() if hasattr(os, "fork") else 0  # on Windows, a server ends with its first run
        if not child:
            _limit(seconds)
            os._exit(_run(Path(folder), arguments))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(folder, arguments):
    """In the child: everything that it prints goes into a file."""
    file = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)  # for a demo that a test starts
    return pytest.main([*OPTIONS, *arguments])


def _limit(seconds):
    """A mistake may make a loop endless, wait for ever, or ask for all memory there is."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        signal.alarm(10 * seconds)


if __name__ == "__main__":
    serve()
