import gzip
import lzma
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from idxfile import header, idx

from scratchgan.data import DataError
from scratchgan.data.idx import BLOCK, read_idx


@given(npst.arrays(np.uint8, st.tuples(st.integers(0, 3), st.just(28), st.just(28))))
def test_read_idx_inverts_writing(tmp_path_factory, images):
    """Gzipped or not, and whatever the name says of it."""
    folder = tmp_path_factory.mktemp("idx")
    for name, data in (("a", idx(images)), ("b.gz", gzip.compress(idx(images)))):
        for path in (folder / name, folder / f"{name}.gz", folder / name.removesuffix(".gz")):
            path.write_bytes(data)
            np.testing.assert_array_equal(read_idx(path), images)


def test_more_than_a_block_is_read(tmp_path):
    labels = np.random.default_rng(0).integers(10, size=BLOCK + 5, dtype=np.uint8)
    (tmp_path / "labels").write_bytes(gzip.compress(idx(labels), 1))
    np.testing.assert_array_equal(read_idx(tmp_path / "labels", item=()), labels)


GOOD = idx(np.zeros((2, 28, 28), np.uint8))
BROKEN = {
    "empty": (b"", "the file is empty"),
    "gzip of nothing": (gzip.compress(b""), "header of 16 bytes, found 0"),
    "truncated gzip": (gzip.compress(GOOD)[:-9], "not an intact gzip file"),
    "flipped gzip": (gzip.compress(GOOD)[:-6] + b"123456", "not an intact gzip file"),
    "gzip with an end of its own": (gzip.compress(GOOD) + b"more", "not an intact gzip file"),
    "short header": (GOOD[:15], "header of 16 bytes, found 15"),
    "labels": (idx(np.zeros(50, np.uint8)), "magic number 2051, found 2049, as labels are$"),
    "floats": (header(0x0D03, 2, 28, 28) + bytes(4 * 1568), "magic number 2051, found 3331$"),
    "html": (b"<html>not found</html>", "magic number 2051, found .*, as a page of the web"),
    "zip": (b"PK\x03\x04" + bytes(50), "as a ZIP archive: unpack it$"),
    "xz": (lzma.compress(GOOD), "as an xz file: unpack it$"),
    "gzip of a gzip": (gzip.compress(gzip.compress(GOOD)), "magic number 2051, found"),
    "other size": (idx(np.zeros((2, 32, 32), np.uint8)), r"\(28, 28\), found \(32, 32\)"),
    "cut": (GOOD[:-1], "promises 2 items, 1,568 bytes; there can be 1,567 in this file"),
    "cut and gzipped": (gzip.compress(GOOD[:-1]), r"1568 bytes .*\(2 items\), found 1567"),
    "too long": (GOOD + b"\0", r"1568 bytes .*\(2 items\), found more"),
    "too long and gzipped": (gzip.compress(GOOD + b"\0"), r"1568 bytes .*\(2 items\), found more"),
    "two files in one": (gzip.compress(GOOD) * 2, r"1568 bytes .*\(2 items\), found more"),
}


@pytest.mark.parametrize(("data", "complaint"), BROKEN.values(), ids=BROKEN)
def test_broken_file(tmp_path, data, complaint):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(DataError, match=complaint) as caught:
        read_idx(tmp_path / "file")
    assert str(caught.value).startswith(f"{tmp_path / 'file'}: ")


def test_labels_are_not_images(tmp_path):
    (tmp_path / "file").write_bytes(GOOD)
    with pytest.raises(DataError, match="magic number 2049, found 2051, as images are$"):
        read_idx(tmp_path / "file", item=())


def test_unreadable_paths(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path, why in (("absent", "No such file"), ("", "it is a folder"), ("circle", "symbolic links")):
        with pytest.raises(DataError, match=f"cannot be read: .*{why}"):
            read_idx(tmp_path / path)
    with pytest.raises(DataError, match="cannot be read: it is no file"):
        read_idx("/dev/zero")


# Memory follows what is there


def refused_at(path, **options):
    """The complaint about a file, and the most memory that was taken for it, in bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read_idx(path, **options)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


MEGABYTES = 16 * BLOCK  # that a bomb of 16 kB becomes, unpacked


@pytest.mark.parametrize(
    "data, why",
    [
        (gzip.compress(header(0x0803, 1, 28, 28) + bytes(MEGABYTES)), "expected 784 bytes .*found more"),
        (
            gzip.compress(header(0x0803, 10_000_000, 28, 28)),
            "7,840,000,000 bytes; there can be .*1,073,741,824 are read",
        ),
        (gzip.compress(header(0x0803, 100, 28, 28)), "promises 100 items, 78,400 bytes; there can be"),
        (header(0x0803, 16_000_000, 28, 28) + bytes(99), "12,544,000,000 bytes; there can be 99 in this file"),
        (header(0x0803, 2**32 - 1, 28, 28), "there can be 0 in this file"),
        (gzip.compress(header(0x0803, 20_000, 28, 28) + bytes(784)) + bytes(20_000), "expected 15680000 .*found 784"),
    ],
    ids=["a bomb", "above the limit", "below it", "not gzipped", "a header alone", "room for it"],
)
def test_a_promise_takes_no_memory(tmp_path, data, why):
    (tmp_path / "file").write_bytes(data)
    said, peak = refused_at(tmp_path / "file")
    assert peak < 4 * BLOCK
    with pytest.raises(DataError, match=why):
        raise DataError(said)


def test_the_limit_is_what_is_read_and_not_more(tmp_path):
    (tmp_path / "file").write_bytes(GOOD)
    assert read_idx(tmp_path / "file", limit=1568).shape == (2, 28, 28)
    assert "1,567 are read at most" in refused_at(tmp_path / "file", limit=1567)[0]
