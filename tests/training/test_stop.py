"""A program ends with a sentence and a status, and goes on when nobody listens."""

import io
import os
import signal
import sys

import pytest

from scratchgan.checkpoint import CheckpointError
from scratchgan.data import DataError
from scratchgan.training.stop import Lasting, ended, stop_request


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize("error, status, said", [
    (CheckpointError("no"), 1, "error: no\n"),
    (DataError("no"), 1, "error: no\n"),
    (OSError(28, "No space", "file"), 1, "error: [Errno 28] No space: 'file'\n"),
    (RuntimeError("no GPU"), 1, "error: no GPU\n"),
    (MemoryError(), 1, "error: not enough memory\n"),
    (KeyboardInterrupt(), 130, "stopped at once\n"),
    (KeyboardInterrupt(signal.SIGTERM), 143, "stopped at once\n"),
])  # fmt: skip
def test_whatever_ends_a_program_it_is_said_in_a_sentence(error, status, said, capsys):
    assert ended(raising(error), lambda: "kept\n") == status
    assert capsys.readouterr().err == said + "kept\n"


def test_a_mistake_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        ended(lambda: 1 // 0, str)


def test_the_status_is_that_of_the_work(capsys):
    assert ended(lambda: 7, str) == 7 and capsys.readouterr().err == ""


def test_what_is_said_at_the_end_is_not_interrupted(capsys):
    def kept():
        os.kill(os.getpid(), signal.SIGINT)
        return "kept\n"

    assert ended(raising(KeyboardInterrupt()), kept) == 130 and "kept" in capsys.readouterr().err


def test_the_first_signal_is_noted_and_the_second_raised():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        with stop_request() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop == [signal.SIGTERM]
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


class Broken(io.StringIO):
    """A stream that nobody reads any more."""

    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [None, Broken(), io.StringIO("closed")])
def test_a_stream_that_fails_falls_silent(stream):
    if isinstance(stream, io.StringIO) and not isinstance(stream, Broken):
        stream.close()
    lasting = Lasting(stream)
    print("once", "twice", file=lasting)
    print("again", file=lasting, flush=True)
    assert lasting.isatty() is False


def test_a_broken_pipe_is_not_written_to_again_at_the_programs_end():
    reading, writing = os.pipe()
    os.close(reading)
    pipe = os.fdopen(writing, "w")
    print("lost", file=Lasting(pipe))
    pipe.write("held back")
    pipe.close()  # which writes it


def test_a_stream_says_what_its_encoding_can(capsys):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    print("28×28", file=Lasting(stream))
    assert stream.buffer.getvalue() == b"28\\xd728\n"
    assert ended(lambda: print("said") or print("aside", file=sys.stderr) or 0, str) == 0
    assert capsys.readouterr() == ("said\n", "aside\n")
