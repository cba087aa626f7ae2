"""The command line that the experiments share: flags, folder, claims, and one way out."""

import argparse
import json
import math
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from scratchgan.checkpoint import write_atomically
from scratchgan.lab.claims import Claim
from scratchgan.lab.parallel import HandedIn
from scratchgan.ranks import RanksError, join, one_voice
from scratchgan.training.folder import claimed, claimed_anew, expanded, shared
from scratchgan.training.stop import ended


def main(
    description: str,
    name: str,
    experiment: Callable[[argparse.Namespace, Path], tuple[dict, list[Claim]]],
    add_flags: Callable[[argparse.ArgumentParser], None] | None = None,
    full: dict[str, int] | None = None,
    seeded: bool = True,
    goes_on: bool = False,
    spreads: bool = False,
    argv: list[str] | None = None,
) -> int:
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
    spreads : bool
        Whether its jobs go to all processes that mpirun has started, see `lab.parallel.spread`.

    Returns
    -------
    int
        The exit status: 0, 1 for an error or a claim that fails, 130 when stopped by Ctrl-C, 143 by SIGTERM. (Flags
        that cannot be read end in argparse's 2.)
    """
    given, folders = sys.argv[1:] if argv is None else argv, []

    def work():
        ranks = join()
        if ranks.size > 1 and not spreads:
            raise RanksError(f"{name} has work for one process only: start it without mpirun")
        with shared(ranks, lambda: _claimed(flags.out, name)) as claim, suppress(HandedIn):
            folders.append(claim.path)
            return _done(experiment, flags, claim.path, full or {}, shlex.join(["python", sys.argv[0], *given]))
        return 0

    with one_voice():
        flags = _parser(description, add_flags, seeded).parse_args(argv)
        return ended(work, lambda: "".join(_last_words(folder, given, goes_on) for folder in folders))


def _done(experiment, flags, folder, full, command):
    """The exit status of an experiment, whose results are in the folder."""
    began = time.perf_counter()
    numbers, claims = experiment(flags, folder)
    short = _shortened(flags, full)
    _say(claims, short)
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in vars(flags).items()}
    kept = {"command": command, "flags": plain, "shortened": short, "numbers": numbers}
    kept["claims"] = [claim.as_json() for claim in claims]
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    write_atomically(folder / "numbers.json", lambda file: file.write(text.encode()))
    print(f"\nresults after {time.perf_counter() - began:.0f} s: {folder}/  ({', '.join(_files(folder))})")
    return 0 if short or all(claim.holds for claim in claims) else 1


def _parser(description, add_flags, seeded):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", metavar="DIR", help="folder for the results; default: a new one in runs/")
    if seeded:
        parser.add_argument(
            "--seed", type=at_least(0), default=0, metavar="N", help="of all random numbers; default: 0"
        )
    if add_flags:
        add_flags(parser)
    return parser


def at_least(least: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """The type of a flag: an integer, or another ``kind`` of finite number, not below ``least``."""

    def number(text):
        value = kind(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not finite")
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} must be at least {least}")
        return value

    return number


def _claimed(folder, name):
    """The folder that was asked for; or runs/name, or the first of runs/name-2, … that is not there."""
    if folder is not None:
        return claimed(expanded(folder))
    return claimed_anew(Path("runs") / (name if i == 1 else f"{name}-{i}") for i in range(1, 10_000))


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


# Ends ----------------------------------------------------------------------------------------------------------------


def _files(folder):
    return sorted(path.name for path in folder.glob("[!.]*"))


def _last_words(folder, given, goes_on):
    """What is kept of a run that was stopped, and the command that goes on, or begins anew."""
    kept = f"{folder}/ keeps {', '.join(_files(folder))}" if _files(folder) else "nothing was finished"
    again = given if not goes_on or "--out" in given else [*given, "--out", str(folder)]
    return f"{kept}; to {'go on' if goes_on else 'begin anew'}: python {shlex.join([sys.argv[0], *again])}\n"


def progress(total: int) -> tqdm:
    """A bar of steps with the time that is left, on the error stream; seldom drawn where that is no terminal."""
    tty = sys.stderr.isatty()
    return tqdm(total=total, unit="step", mininterval=0.3 if tty else 15, dynamic_ncols=tty)
