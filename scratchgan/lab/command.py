"""The command line that the experiments share: flags, folder, claims, and one way out."""

import argparse
import json
import math
import shlex
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from scratchgan.checkpoint import CheckpointError, write_atomically
from scratchgan.data import DataError


class Stopped(BaseException):
    """Ctrl-C, or SIGTERM; ``status`` is the exit status that a shell expects, 128 + the signal's number."""

    def __init__(self, status):
        self.status = status


def main(description, name, experiment, add_flags=None, full=None, seeded=True, goes_on=False, argv=None):
    """Run an experiment, judge its claims, and leave a folder with its pictures and its numbers.

    Parameters
    ----------
    description : str
        What ``--help`` shows: what is done, and what to look at.
    name : str
        Of the folder under ``runs/``.
    experiment : callable
        ``(flags, folder) -> numbers, claims``: does the work, saves its pictures in ``folder``, prints its tables, and
        gives its numbers as JSON can hold them and a list of `Claim`.
    add_flags : callable, optional
        ``(parser) -> None``: flags of its own, beside ``--out`` and ``--seed``.
    full : dict of str to int, optional
        The flags that say how much is done, and the amount that the claims are about. With less, nothing is judged.
    seeded : bool
        Whether there are random numbers, and so a flag ``--seed``.
    goes_on : bool
        Whether the same command with the same ``--out`` goes on where it was stopped.

    Returns
    -------
    int
        The exit status: 0, 1 for an error or a claim that fails, 130 when stopped by Ctrl-C, 143 by SIGTERM. (Flags
        that cannot be read end in argparse's 2.)
    """
    flags = _parser(description, add_flags, seeded).parse_args(argv)
    given, folder = sys.argv[1:] if argv is None else argv, flags.out or Path("runs")
    with _stoppable():
        try:
            folder = _made(flags.out, name)
            began = time.perf_counter()
            numbers, claims = experiment(flags, folder)
            short = _shortened(flags, full or {})
            _say(claims, short)
            _save(folder / "numbers.json", flags, numbers, claims, short)
            print(f"\nresults after {time.perf_counter() - began:.0f} s: {folder}/  ({', '.join(_files(folder))})")
        except (OSError, DataError, CheckpointError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except Stopped as stop:
            print(_last_words(folder, given, goes_on), file=sys.stderr)
            return stop.status
    return 0 if short or all(claim.holds for claim in claims) else 1


def _parser(description, add_flags, seeded):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; default: a new one in runs/")
    if seeded:
        parser.add_argument(
            "--seed", type=at_least(0), default=0, metavar="N", help="of all random numbers; default: 0"
        )
    if add_flags:
        add_flags(parser)
    return parser


def at_least(least, kind=int):
    """The type of a flag: an integer, or another ``kind`` of finite number, not below ``least``."""

    def number(text):
        if not least <= (value := kind(text)) < math.inf:
            raise argparse.ArgumentTypeError(f"{text} must be at least {least}")
        return value

    return number


def _made(folder, name):
    """The folder that was asked for; or runs/name, or the first of runs/name-2, … that nobody else has made."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    for i in range(1, 10_000):
        try:
            (folder := Path("runs") / (name if i == 1 else f"{name}-{i}")).mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"runs/ has {i:,} folders called {name}: choose a name with --out")


# Claims --------------------------------------------------------------------------------------------------------------


def _shortened(flags, full):
    """What was less than the claims are about, as text; empty when nothing was."""
    less = {name: amount for name, amount in full.items() if getattr(flags, name) < amount}
    return ", ".join(f"--{name.replace('_', '-')} {getattr(flags, name):g}, not {less[name]:g}" for name in less)


def _say(claims, short):
    if claims:
        print("\nwhat should come out" + (f" (shortened, so nothing is judged: {short})" if short else ""))
    for claim in claims:
        print(" ", claim.line(judged=not short))


def _save(path, flags, numbers, claims, short):
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in vars(flags).items()}
    kept = {"flags": plain, "shortened": short, "numbers": numbers, "claims": [claim.as_json() for claim in claims]}
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    write_atomically(path, lambda file: file.write(text.encode()))


# The way out ---------------------------------------------------------------------------------------------------------


@contextmanager
def _stoppable():
    """Within, Ctrl-C and SIGTERM raise `Stopped`, once: while the work is cleared away, a second one is not heard."""
    asked = (signal.SIGINT, signal.SIGTERM)

    def stop(number, frame):
        for each in asked:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(128 + number)

    before = [signal.signal(each, stop) for each in asked]
    try:
        yield
    finally:
        for each, handler in zip(asked, before):
            signal.signal(each, handler)


def _files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _last_words(folder, given, goes_on):
    """What is kept of a run that was stopped, and the command that goes on, or begins anew."""
    kept = f"{folder}/ keeps {', '.join(_files(folder))}" if _files(folder) else "nothing was finished"
    again = given if not goes_on or "--out" in given else [*given, "--out", str(folder)]
    return f"stopped; {kept}. To {'go on' if goes_on else 'begin anew'}: python {shlex.join([sys.argv[0], *again])}"
