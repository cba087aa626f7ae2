"""A folder belongs to one run at a time, and to none that has ended."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from scratchgan.training import folder
from scratchgan.training.folder import FolderError, claimed, claimed_anew


def test_a_claimed_folder_cannot_be_had_again_until_it_is_released(tmp_path):
    path = tmp_path / "deep" / "run"
    with claimed(path) as claim:
        assert claim.path == path
        (path / "file").touch()
        with pytest.raises(FolderError, match=rf"another run \(process {os.getpid()}\) works in .*run"):
            with claimed(path):
                pass
    with claimed(path):
        pass
    assert [each.name for each in path.iterdir()] == ["file"]


def test_a_folder_that_was_made_for_nothing_is_removed_and_one_that_was_there_is_not(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        with claimed(tmp_path / name):
            pass
    with claimed_anew([tmp_path / "there", tmp_path / "first"]):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_where_nothing_may_be_written_the_folder_is_named(tmp_path, monkeypatch, call):
    def denied(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(folder.os, call, denied)
    with pytest.raises(FolderError, match="nothing may be written in .*deep/run: choose another --out$"):
        with claimed(tmp_path / "deep" / "run"):
            pass


def test_of_a_row_of_folders_the_first_new_one_is_claimed(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    with claimed_anew(paths) as a, claimed_anew(paths) as b, claimed_anew(paths) as c:
        assert [a.path, b.path, c.path] == paths
        with pytest.raises(FolderError, match="there are folders up to .*c"):
            claimed_anew(paths)


def test_another_process_is_told_of_and_a_killed_one_is_not_waited_for(tmp_path):
    program = f"""
from pathlib import Path
from scratchgan.training.folder import claimed
with claimed(Path({str(tmp_path / "run")!r})):
    print("mine", flush=True)
    input()
"""
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "mine\n"
    with pytest.raises(FolderError, match=f"process {other.pid}"):
        with claimed(tmp_path / "run"):
            pass
    other.kill()
    other.communicate()
    assert (tmp_path / "run" / ".lock").exists()
    with claimed(tmp_path / "run"):
        pass


def test_a_lock_whose_file_was_removed_in_the_meantime_is_none(tmp_path, monkeypatch):
    """As when the one that held it ends between our opening and our locking it."""
    tries, lock = [], folder._lock

    def too_late(handle, path):
        lock(handle, path)
        tries.append(handle)
        if len(tries) == 1:
            os.unlink(path / ".lock")

    monkeypatch.setattr(folder, "_lock", too_late)
    with claimed(tmp_path) as claim:
        claim.check()
        assert len(tries) == 2


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "other").write_text("another's")
    (tmp_path / ".lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError):
        with claimed(tmp_path):
            pass
    assert (tmp_path / "other").read_text() == "another's"


def test_the_claim_ends_with_the_folder(tmp_path):
    with claimed(tmp_path / "run") as claim:
        claim.check()
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(FolderError, match="run was removed, or replaced by another folder"):
            claim.check()
        with claimed(tmp_path / "run") as other:
            with pytest.raises(FolderError, match="was removed, or replaced"):
                claim.check()
            other.check()
            (tmp_path / "run" / "file").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["file"]


def test_what_killed_writes_left_is_swept_away_and_nothing_else(tmp_path):
    (tmp_path / "frames").mkdir()
    for name in (".scratchgan-1.tmp", "frames/.scratchgan-2.tmp", "mine.tmp", ".scratchgan"):
        (tmp_path / name).touch()
    with claimed(tmp_path):
        pass
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        ".scratchgan", "frames", "mine.tmp",
    ]  # fmt: skip


def locks_fail(monkeypatch, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder.fcntl, "flock", fail)


def test_where_the_file_system_has_no_locks_it_is_said(tmp_path, monkeypatch, capsys):
    locks_fail(monkeypatch, errno.ENOLCK)
    with claimed(tmp_path):
        pass
    assert "no locks there, so take care that no other run works in it" in capsys.readouterr().err


def test_another_failure_of_locking_is_an_error(tmp_path, monkeypatch):
    locks_fail(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        with claimed(tmp_path):
            pass
