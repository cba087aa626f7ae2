"""The command line that the experiments share."""

import argparse
import json
import sys
import time
from pathlib import Path

from scratchgan.checkpoint import CheckpointError, write_atomically
from scratchgan.data import DataError


def main(description, name, experiment, add_flags=None, argv=None):
    """Run an experiment, and leave a folder with its pictures and its numbers.

    Parameters
    ----------
    description : str
        What ``--help`` shows: what is done, and what to look at.
    name : str
        Of the folder under ``runs/``.
    experiment : callable
        ``(flags, folder) -> dict``: does the work, saves its pictures in ``folder``, prints what it found, and gives
        its numbers as JSON can hold them.
    add_flags : callable, optional
        ``(parser) -> None``: flags of its own, beside ``--out`` and ``--seed``.

    Returns
    -------
    int
        The exit status: 0, 1 for an error, 130 when stopped by Ctrl-C.
    """
    flags = _parser(description, add_flags).parse_args(argv)
    folder = flags.out or _free_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        numbers = experiment(flags, folder)
        text = json.dumps({"flags": _plain(flags), "numbers": numbers}, indent=1, ensure_ascii=False)
        write_atomically(folder / "numbers.json", lambda file: file.write(text.encode()))
    except (OSError, DataError, CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: nothing but what is in", folder, file=sys.stderr)
        return 130
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    print(f"\nresults after {time.perf_counter() - began:.0f} s: {folder}/  ({files})")
    return 0


def _parser(description, add_flags):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; default: a new one in runs/")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all random numbers; default: 0")
    if add_flags:
        add_flags(parser)
    return parser


def _free_folder(name):
    """runs/name, or the first of runs/name-2, runs/name-3, … that is not there."""
    numbered = (Path("runs") / (name if i == 1 else f"{name}-{i}") for i in range(1, 10_000))
    return next(folder for folder in numbered if not folder.exists())


def _plain(flags):
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(flags).items()}
