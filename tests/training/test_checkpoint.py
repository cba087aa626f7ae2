"""A checkpoint is read whole or refused with the reason, and written whole or not at all."""

import numpy as np
import pytest

from scratchgan import checkpoint
from scratchgan.checkpoint import CheckpointError

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
