"""The folder of a run, which belongs to one process at a time."""

import contextlib
import errno
import os
import sys
from pathlib import Path

from scratchgan.checkpoint import TEMPORARY

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

LOCK = ".lock"
BEYOND = 2**30  # where Windows locks a byte: a locked one could not be read, and nothing is written there


class FolderError(RuntimeError):
    """A run cannot have a folder: another process works in it, or it holds what must not be overwritten."""


@contextlib.contextmanager
def claimed(path, made=None):
    """A folder, made if need be, that no other run can have until this one ends.

    The claim is a lock on a file in it. The system releases it with the process, however that ends, so none is ever
    stale. A folder that was made for nothing is removed again.

    Yields
    ------
    Claim

    Raises
    ------
    FolderError
        When another process holds the folder, or the path is no folder.
    OSError
        When it cannot be made or written to.
    """
    made = _make(path) if made is None else made
    handle = _locked(path)
    try:
        _sweep(path)
        yield Claim(path, handle)
    finally:
        with contextlib.suppress(OSError):  # it may be gone by now, or (Windows) a file in use cannot be removed
            if _leads_to(path / LOCK, handle):
                os.unlink(path / LOCK)
        os.close(handle)
        if made:
            with contextlib.suppress(OSError):  # not empty: as it should be
                os.rmdir(path)


def expanded(text):
    """A text as a path, where ``~`` is one's home; FolderError for an empty one, which would mean where one is."""
    if not os.fspath(text):
        raise FolderError("a path is empty: . is the folder you are in")
    return Path(os.path.expanduser(text))


def claimed_anew(paths):
    """The first of ``paths`` that is not there yet, `claimed`: two processes at once get two folders."""
    for path in paths:
        if _make(path, exist_ok=False):
            return claimed(path, made=True)
    raise FolderError(f"there are folders up to {path}: name another one with --out")


@contextlib.contextmanager
def shared(ranks, claim):
    """The folder that the first of several processes claims, by ``claim()``, and that all of them work for."""
    if not ranks.first:
        yield Claim(ranks.told(), None)
        return
    with claim() as held:
        ranks.told(held.path)
        yield held


class Claim:
    """A folder that is held."""

    def __init__(self, path, handle):
        self.path, self._handle = path, handle

    def check(self):
        """Raise FolderError when the folder was removed, even if there is another one of its name by now."""
        if not _leads_to(self.path / LOCK, self._handle):
            raise FolderError(f"{self.path} was removed, or replaced by another folder, while this run worked in it")


def _make(path, exist_ok=True):
    """Make a folder; whether it was not there before."""
    with _permitted(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        with _permitted(path):
            os.mkdir(path)
    except FileExistsError:
        if exist_ok and not Path(path).is_dir():
            raise FolderError(f"{path} is a file: name a folder for the results with --out") from None
        return False
    return True


@contextlib.contextmanager
def _permitted(path):
    """Where it is not, the folder is named, and the way out."""
    try:
        yield
    except PermissionError:
        raise FolderError(f"nothing may be written in {path}: choose another --out") from None


def _locked(path):
    """A handle of the lock file, which holds the lock and is still what its name leads to."""
    while True:
        with _permitted(path):
            handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _lock(handle, path)
            if _leads_to(path / LOCK, handle):
                os.truncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # whoever held it has ended and removed the file


def _lock(handle, path):
    try:
        if os.name == "nt":
            os.lseek(handle, BEYOND, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
            print(f"{path}: no locks there, so take care that no other run works in it", file=sys.stderr)
            return
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise
        owner = os.read(handle, 20).decode(errors="replace") or "unknown"
        raise FolderError(
            f"another run (process {owner}) works in {path}: wait for it, or choose another --out"
        ) from None


def _leads_to(path, handle):
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False


def _sweep(path):
    """Remove what writes that were killed left behind: with the folder claimed, nobody is at work on it."""
    for folder in (path, path / "frames"):
        for temporary in folder.glob(TEMPORARY.format("*")):
            temporary.unlink(missing_ok=True)


RESULTS = "checkpoint.npz log.csv samples.png samples.npy labels.npy training.gif curves.png".split()


def refuse_remains(path):
    """Raise FolderError when a folder holds files of a run: a new one would be mixed with it."""
    found = [name for name in RESULTS if os.path.lexists(path / name)]
    found += ["frames"] if any(path.glob("frames/*")) else []
    if "checkpoint.npz" in found:
        raise FolderError(f"{path} holds a run already: add --resume to go on, or choose another --out")
    if found:
        raise FolderError(
            f"{path} holds {', '.join(found)} of a run whose checkpoint is gone: choose another --out, or remove them"
        )
