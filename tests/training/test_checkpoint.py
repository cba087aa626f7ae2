"""A checkpoint is read whole or refused with the reason, and written whole or not at all."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from scratchgan import checkpoint
from scratchgan.checkpoint import CheckpointError, make_room

ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "steps": np.array(7)}


@pytest.fixture
def path(tmp_path):
    checkpoint.save(tmp_path / "checkpoint.npz", ARRAYS, step=7, rng=np.random.default_rng(0).bit_generator.state)
    return tmp_path / "checkpoint.npz"


def test_what_is_saved_is_loaded(path):
    arrays, facts = checkpoint.load(path)
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)
    assert facts["step"] == 7
    assert facts["rng"] == np.random.default_rng(0).bit_generator.state


def test_equal_states_are_equal_files(path, tmp_path):
    checkpoint.save(tmp_path / "b.npz", ARRAYS, rng=np.random.default_rng(0).bit_generator.state, step=7)
    assert (tmp_path / "b.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_called_truncated(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load(path)


def test_a_flipped_bit_is_noticed(path):
    data = bytearray(path.read_bytes())
    data[data.index(np.float32(5).tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load(path)


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("hello, this is no archive")
    np.savez(tmp_path / "other.npz", weights=np.ones(3))
    np.savez(tmp_path / "pickled.npz", weights=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(CheckpointError, match="not a zip file"):
        checkpoint.load(tmp_path / "text")
    with pytest.raises(CheckpointError, match="not a checkpoint of this version"):
        checkpoint.load(tmp_path / "other.npz")
    with pytest.raises(CheckpointError, match="object.*only plain numbers"):
        checkpoint.load(tmp_path / "pickled.npz")
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "missing.npz")


def test_a_write_that_fails_keeps_the_old_file(path):
    before = path.read_bytes()

    def half(file):
        file.write(b"half of it")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        checkpoint.write_atomically(path, half)
    assert path.read_bytes() == before


def test_weights_that_are_not_finite_are_never_saved(path):
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="weights holds NaN"):
        checkpoint.save(path, {"weights": np.array([1.0, np.nan])})
    assert path.read_bytes() == before


@pytest.mark.parametrize("stop", [OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_nothing_and_names_the_file(stop, tmp_path, monkeypatch):
    def write(file):
        raise stop(errno.ENOSPC, os.strerror(errno.ENOSPC)) if stop is OSError else stop

    with pytest.raises(stop) as error:
        checkpoint.write_atomically(tmp_path / "new", write)
    assert list(tmp_path.iterdir()) == []
    assert stop is KeyboardInterrupt or str(error.value) == f"[Errno 28] No space left on device: '{tmp_path / 'new'}'"
    with pytest.raises(FileNotFoundError, match="missing/new"):
        checkpoint.write_atomically(tmp_path / "missing" / "new", lambda file: file.write(b"all"))


def test_a_link_is_replaced_and_what_it_leads_to_left_alone(tmp_path, monkeypatch):
    (tmp_path / "other").write_bytes(b"another's")
    (tmp_path / "name").symlink_to(tmp_path / "other")
    (tmp_path / "name.tmp").symlink_to(tmp_path / "other")
    checkpoint.write_atomically(tmp_path / "name", lambda file: file.write(b"new"))
    assert (tmp_path / "other").read_bytes() == b"another's" and (tmp_path / "name").read_bytes() == b"new"
    assert not (tmp_path / "name").is_symlink() and (tmp_path / "name.tmp").is_symlink()

    monkeypatch.setattr(checkpoint.secrets, "token_hex", lambda n: "x")  # a link that was laid in the way
    (tmp_path / checkpoint.TEMPORARY.format("x")).symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        checkpoint.write_atomically(tmp_path / "name", lambda file: file.write(b"newer"))
    assert (tmp_path / "other").read_bytes() == b"another's" and (tmp_path / "name").read_bytes() == b"new"


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_are_those_of_any_new_file(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        checkpoint.write_atomically(tmp_path / "name", lambda file: file.write(b"new"))
    finally:
        os.umask(before)
    assert (tmp_path / "name").stat().st_mode & 0o777 == mode


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    checkpoint.write_atomically(tmp_path / "pipe", lambda file: file.write(b"new"))
    assert os.read(reading, 9) == b"new" and (tmp_path / "pipe").is_fifo()
    os.close(reading)


def test_file_and_folder_outlive_a_loss_of_power(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    checkpoint.write_atomically(tmp_path / "name", lambda file: file.write(b"new"))
    file, folder = synced
    assert folder == str(tmp_path) and file.startswith(f"{tmp_path}/.scratchgan-")


@pytest.mark.parametrize("facts", ["[]", '"text"', "not JSON", '{"format": "another"}', "[" * 100_000, ""])
def test_facts_of_another_kind_are_refused(facts, path):
    np.savez(path, **{"facts.json": np.array(facts)})
    with pytest.raises(CheckpointError, match="is not a checkpoint of this version"):
        checkpoint.load(path)
    np.savez(path, **{"facts.json": np.array([1.0])})
    with pytest.raises(CheckpointError, match="is not a checkpoint of this version"):
        checkpoint.load(path)


def test_numbers_that_are_not_finite_are_never_loaded(path):
    facts = json.dumps({"format": checkpoint.FORMAT, "lr": float("nan")})
    np.savez(path, **{"facts.json": np.array(facts)})
    with pytest.raises(CheckpointError, match="is not a checkpoint of this version"):
        checkpoint.load(path)
    np.savez(path, **{"facts.json": np.array(json.dumps({"format": checkpoint.FORMAT})), "w": np.array([np.inf])})
    with pytest.raises(CheckpointError, match="w holds NaN or infinity, so .* is damaged"):
        checkpoint.load(path)
    with pytest.raises(ValueError):
        checkpoint.save(path, {}, lr=float("nan"))


def test_a_compressed_file_is_none_of_ours(path):
    arrays, facts = checkpoint.load(path)
    np.savez_compressed(path, **{"facts.json": np.array(json.dumps(facts))}, **arrays)
    with pytest.raises(CheckpointError, match="promises"):
        checkpoint.load(path)


def test_there_is_room_for_a_file_where_it_can_be_written(tmp_path, monkeypatch):
    make_room(tmp_path / "new" / "folder" / "file")
    assert (tmp_path / "new" / "folder").is_dir()
    make_room(Path(os.devnull))
    with pytest.raises(IsADirectoryError, match="new is a folder: name a file"):
        make_room(tmp_path / "new")
    monkeypatch.setattr(os, "access", lambda path, mode: path == tmp_path / "new" or mode != os.W_OK)
    make_room(tmp_path / "new" / "file")
    with pytest.raises(PermissionError, match="file: nothing may be written there$"):
        make_room(tmp_path / "new" / "folder" / "file")


def test_a_folder_that_may_not_be_made_has_no_room(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(PermissionError, match="file: nothing may be written there$"):
        make_room(tmp_path / "new" / "file")
