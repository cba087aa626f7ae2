"""Files of arrays are read whole and verified, or refused: whatever is damaged, nothing else is read from it."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from scratchgan.npy import ArrayError, read_npy, read_npz

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6.0).reshape(2, 3).T,
    np.array(7),
    np.array("text"),
    np.array([True, False]),
    np.zeros((0, 5), np.float32),
    np.zeros((3, 0), np.int8),
]


def packed(array, shape=None, descr=None, order=False):
    """The bytes of a ``.npy`` file, with a header that may say something else."""
    file = io.BytesIO()
    header = {"shape": array.shape if shape is None else shape, "fortran_order": order}
    npy.write_array_header_1_0(file, header | {"descr": array.dtype.str if descr is None else descr})
    return file.getvalue() + array.tobytes()


def archive(path, members, kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_what_numpy_saves_is_read(array, tmp_path):
    np.save(tmp_path / "one.npy", array)
    np.savez(tmp_path / "plain.npz", a=array, b=array)
    np.savez_compressed(tmp_path / "compressed.npz", a=array, b=array)
    np.testing.assert_array_equal(read_npy(tmp_path / "one.npy"), array, strict=True)
    for name in ("plain.npz", "compressed.npz"):
        read = read_npz(tmp_path / name)
        assert list(read) == ["a", "b"]
        np.testing.assert_array_equal(read["b"], array, strict=True)


def test_both_versions_that_plain_numbers_may_have_are_read(tmp_path):
    for version in ((1, 0), (2, 0)):
        with open(tmp_path / "one.npy", "wb") as file:
            npy.write_array(file, ARRAYS[1], version)
        np.testing.assert_array_equal(read_npy(tmp_path / "one.npy"), ARRAYS[1], strict=True)


@pytest.mark.parametrize("order", "<>")
def test_an_array_is_of_this_machine_and_can_be_written_to(order, tmp_path):
    np.save(tmp_path / "big.npy", np.arange(3, dtype=order + "f4"))
    array = read_npy(tmp_path / "big.npy")
    assert array.dtype == np.dtype("=f4") and array.tolist() == [0, 1, 2]
    array[0] = 9


@pytest.mark.parametrize("save, mask", [(np.savez, 1), (np.savez, 64), (np.savez_compressed, 255)])
def test_a_damaged_byte_anywhere_in_an_archive_is_noticed_or_harmless(save, mask, tmp_path):
    expected = {"order": np.array([3, 0, 2, 1]), "w": np.array([1.5, -2], np.float32), "text": np.array("{}")}
    save(tmp_path / "good.npz", **expected)
    good, path, refused = (tmp_path / "good.npz").read_bytes(), tmp_path / "bad.npz", 0
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ mask]) + good[i + 1 :])
        try:
            found = read_npz(path)
        except ArrayError:
            refused += 1
            continue
        assert found.keys() == expected.keys(), i
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, strict=True, err_msg=f"byte {i}")
    assert refused > len(good) / 2


@pytest.mark.parametrize("kept", [0, 3, 0.2, 0.9, 0.999])
def test_what_is_cut_short_is_refused(kept, tmp_path):
    np.savez(tmp_path / "good.npz", a=np.arange(1000))
    data = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "bad.npz").write_bytes(data[: int(kept * len(data)) if kept < 1 else kept])
    with pytest.raises(ArrayError, match="bad.npz is damaged or of another kind"):
        read_npz(tmp_path / "bad.npz")


FOUR = np.arange(4, dtype=np.int64)
WRONG_HEADERS = {
    "fewer bytes than are there": packed(FOUR, descr="<i4"),
    "fewer items": packed(FOUR, (3,)),
    "more items": packed(FOUR, (5,)),
    "12 GB": packed(FOUR, (3_000_000_000,), "<i4"),
    "two negative axes": packed(FOUR, (-2, -2)),
    "one negative axis": packed(FOUR, (-4,)),
    "nothing": b"",
    "no header": b"\x93NUMPY\x01\x00",
    "no dict": b"\x93NUMPY\x01\x00\x04\x00abc\n",
    "deep nesting": b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000,
    "a future version": b"\x93NUMPY\x09" + packed(FOUR)[7:],
    "objects": packed(FOUR, descr="|O"),
    "records": packed(FOUR, descr=[("a", "<i8")]),
    "times": packed(FOUR, descr="<M8[s]"),
    "empty text": packed(np.zeros(0), (5,), "<U0"),
    "another file": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("what", WRONG_HEADERS)
def test_a_header_that_does_not_describe_what_follows_is_refused(what, tmp_path):
    (tmp_path / "bad.npy").write_bytes(WRONG_HEADERS[what])
    with pytest.raises(ArrayError, match="bad.npy is damaged or of another kind"):
        read_npy(tmp_path / "bad.npy")
    archive(tmp_path / "bad.npz", [("a.npy", packed(FOUR)), ("b.npy", WRONG_HEADERS[what])])  # with its right checksum
    with pytest.raises(ArrayError, match="bad.npz is damaged or of another kind"):
        read_npz(tmp_path / "bad.npz")


def test_what_follows_an_array_is_refused(tmp_path):
    (tmp_path / "bad.npy").write_bytes(packed(FOUR) + b"\0")
    with pytest.raises(ArrayError, match="which is 32 bytes, and 33 are there"):
        read_npy(tmp_path / "bad.npy")


@pytest.mark.parametrize("members, message", [
    ([("a.npy", packed(FOUR)), ("a.npy", packed(FOUR + 1))], "two arrays of the same name"),
    ([("a.npy", packed(FOUR)), ("notes.txt", b"")], "'notes.txt' is no array"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_of_something_else_is_refused(members, message, tmp_path):
    with pytest.raises(ArrayError, match=message):
        read_npz(archive(tmp_path / "bad.npz", members))


def test_comments_are_refused_as_they_can_hide_members(tmp_path):
    with zipfile.ZipFile(archive(tmp_path / "bad.npz", [("a.npy", packed(FOUR))]), "a") as file:
        file.comment = b"PK"
    with pytest.raises(ArrayError, match="comments"):
        read_npz(tmp_path / "bad.npz")


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused_as_they_inflate_without_a_bound(kind, tmp_path):
    with pytest.raises(ArrayError, match="compressed in a way that NumPy does not use"):
        read_npz(archive(tmp_path / "bad.npz", [("a.npy", packed(FOUR))], kind))


def peak(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_would_inflate_beyond_the_limit_is_refused_before_it_does(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10**7))

    def read():
        with pytest.raises(ArrayError, match="promises 80,000,128 bytes, more than the"):
            read_npz(tmp_path / "bomb.npz", inflated=80_000_000)

    assert peak(read) < 10**6
    assert read_npz(tmp_path / "bomb.npz", inflated=80_000_128)["a"].shape == (10**7,)


def test_a_member_that_inflates_to_more_than_it_says_is_read_no_further(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10**7))
    data = (tmp_path / "bomb.npz").read_bytes()
    entry = data.rindex(b"PK\x01\x02") + 24  # the size, in the directory at the end
    assert int.from_bytes(data[entry : entry + 4], "little") == 80_000_128
    (tmp_path / "bomb.npz").write_bytes(data[:entry] + (1000).to_bytes(4, "little") + data[entry + 4 :])

    def read():
        with pytest.raises(ArrayError, match="CRC"):
            read_npz(tmp_path / "bomb.npz")

    assert peak(read) < 10**6


def test_members_that_promise_more_than_the_file_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", a=FOUR)
    data = (tmp_path / "bad.npz").read_bytes()
    entry = data.rindex(b"PK\x01\x02") + 20  # both sizes, in the directory at the end
    (tmp_path / "bad.npz").write_bytes(data[:entry] + 2 * (10**9).to_bytes(4, "little") + data[entry + 8 :])
    with pytest.raises(ArrayError, match="promises 1,000,000,000 bytes, more than the"):
        read_npz(tmp_path / "bad.npz")


@pytest.mark.parametrize("read", [read_npy, read_npz])
def test_what_is_no_file_is_said(read, tmp_path):
    with pytest.raises(ArrayError, match="missing cannot be read: No such file"):
        read(tmp_path / "missing")
    with pytest.raises(ArrayError, match="it is no file"):
        read(tmp_path)
    with pytest.raises(ArrayError, match="it is no file"):
        read("/dev/zero")


def test_too_little_memory_is_no_damage(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", FOUR)
    monkeypatch.setattr(npy, "read_magic", lambda file: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        read_npy(tmp_path / "a.npy")
