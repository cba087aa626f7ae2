"""How a program ends: with a sentence instead of a traceback, whatever stops it, and an exit status that says what."""

import contextlib
import io
import os
import signal
import sys
import threading

from scratchgan.checkpoint import CheckpointError
from scratchgan.data import DataError
from scratchgan.ranks import joined

STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def ended(work, kept):
    """Do the work of a program, and end it.

    Parameters
    ----------
    work : callable
        ``() -> int``, the exit status.
    kept : callable
        ``() -> str``: what is saved when the work is cut short, and how to go on with it.

    Returns
    -------
    int
        That of ``work``; 1 for an error; 128 and the signal's number when stopped, so 130 for Ctrl-C.
    """
    with _lasting_streams(), handled(_stop_at_once):
        try:
            return work()
        except KeyboardInterrupt as stop:
            status, why = 128 + (stop.args or (signal.SIGINT,))[0], "stopped at once"
        except MemoryError:
            status, why = 1, "error: not enough memory"
        except SystemExit as end:
            if joined().size == 1:
                raise
            status, why = 1, f"error: one of the processes left by sys.exit({end.code!r})"
        except (CheckpointError, DataError, OSError, RuntimeError) as error:
            status, why = 1, f"error: {error}"
        with handled(signal.SIG_IGN):
            return joined().end(f"{why}\n{kept()}", status)


@contextlib.contextmanager
def stop_request():
    """A list that becomes non-empty at the first signal to stop, so that the step in hand can be finished.

    A second one raises KeyboardInterrupt.
    """
    stop = []

    def request(number, frame):
        if stop:
            _stop_at_once(number, frame)
        stop.append(number)

    with handled(request):
        yield stop


def _stop_at_once(number, frame):
    raise KeyboardInterrupt(number)


@contextlib.contextmanager
def handled(handler):
    """Ctrl-C, SIGTERM and a closed terminal go to a handler, unless they are ignored already, as under nohup."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other is told of signals
        before = {number: signal.getsignal(number) for number in STOPS}
    before = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def _lasting_streams():
    with contextlib.redirect_stdout(Lasting(sys.stdout)), contextlib.redirect_stderr(Lasting(sys.stderr)):
        yield


class Lasting(io.TextIOBase):
    """A stream that falls silent when nobody listens any more: a training is worth more than its messages.

    Parameters
    ----------
    stream : text stream or None
    """

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        """Write at once."""
        try:
            encoding = self.encoding
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError, AttributeError):
            self._silence()
        return len(text)

    def flush(self):
        """Nothing is held back."""

    @property
    def encoding(self):
        """That of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self):
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self):
        """The stream's handle."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def _silence(self):
        """Nothing is written any more, not even what is held back until the program's end."""
        stream, self._stream = self._stream, None
        with contextlib.suppress(OSError, ValueError, AttributeError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
