"""A process of its own for one library, with its own threads, that answers one question after the other.

Two libraries in one process would share one pool of threads or fight over two, and load each other's BLAS.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys


def environment(threads):
    """The environment for a process that computes with so many threads, or as many as it likes."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    if threads is None:
        return {name: value for name, value in os.environ.items() if name not in names}
    return os.environ | dict.fromkeys(names, str(threads))


def interpreter(path):
    """A type of flags: a Python with libraries of its own."""
    found = shutil.which(path)
    if not found:
        raise argparse.ArgumentTypeError(f"{path} is no program")
    return found


class Worker:
    """The parent's end. A context: leaving it ends the process.

    Parameters
    ----------
    threads : int or None
    python : path, optional
        The interpreter of a library that needs one of its own.
    """

    def __init__(self, threads, python=sys.executable):
        self.process = subprocess.Popen(
            [python, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, module, function, *arguments):
        """What ``module.function(*arguments)`` gives there."""
        print(json.dumps([module, function, arguments]), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker ended in {module}.{function}{arguments}; its own message is above")
        return json.loads(answer)


def serve():
    """The other end: a question a line, an answer a line, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        module, function, arguments = json.loads(line)
        answer = getattr(importlib.import_module(module), function)(*arguments)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()
