import gzip
import io
import json
import math
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from judged import new_images

from scratchgan.metrics import __main__, judge

# What it leaves


def test_the_command_prints_writes_and_draws(kept, data, report, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(judge, "LOOKED_UP", 300)
    np.save(tmp_path / "samples.npy", new_images())
    flags = "--json", str(tmp_path / "new" / "numbers.json"), "--picture", str(tmp_path / "judged.png")
    assert __main__.main([str(tmp_path / "samples.npy"), "--data", str(data), *flags]) == 0
    printed, numbers = capsys.readouterr().out, json.loads((tmp_path / "new" / "numbers.json").read_text())
    assert printed.splitlines()[:-2] == str(report).splitlines()[:-2]  # but for the seconds, and the note
    assert {**numbers, "seconds": 0} == {**json.loads(json.dumps(report.numbers())), "seconds": 0}
    assert (tmp_path / "judged.png").read_bytes().startswith(b"\x89PNG")


def test_the_seed_is_that_of_the_judge(monkeypatch, tmp_path, capsys):
    class Judge:
        def __init__(self, data, seed):
            raise ValueError(f"{data} and {seed}")

    np.save(tmp_path / "samples.npy", new_images())
    monkeypatch.setattr(__main__, "Judge", Judge)
    for flags, said in (([], "mnist and 0"), (["--data", "own", "--seed", "3"], "own and 3")):
        assert __main__.main([str(tmp_path / "samples.npy"), *flags]) == 1
        assert capsys.readouterr().err == f"error: {said}\n"


@pytest.mark.parametrize("seed", ["-1", "1.5", "x"])
def test_a_seed_is_a_natural_number(seed, capsys):
    with pytest.raises(SystemExit) as stopped:
        __main__.main(["samples.npy", "--seed", seed])
    assert stopped.value.code == 2 and f"{seed} is no whole number" in capsys.readouterr().err


def test_a_home_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    flags = __main__._parser("judge").parse_args(["~/a.npy", "--json", "~/b.json", "--picture", "~/c.png"])
    assert [flags.samples, flags.json, flags.picture] == [tmp_path / name for name in ("a.npy", "b.json", "c.png")]


def test_where_nothing_can_be_written_is_said_first(no_training, tmp_path, capsys):
    np.save(tmp_path / "samples.npy", new_images())
    for flag in ("--json", "--picture"):
        assert __main__.main([str(tmp_path / "samples.npy"), flag, str(tmp_path)]) == 1
        assert capsys.readouterr().err == f"error: {tmp_path} is a folder: name a file\n"
        assert __main__.main([str(tmp_path / "samples.npy"), flag, str(tmp_path / "samples.npy" / "new.png")]) == 1
        assert capsys.readouterr().err.startswith("error: ")


# Broken files


@pytest.fixture
def no_training(monkeypatch):
    """Whatever is wrong must be said without a judge."""

    def judge(*_):
        raise AssertionError("a judge is asked")

    monkeypatch.setattr(__main__, "Judge", judge)


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(name, data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as folder:
        folder.writestr(name, data)
    return file.getvalue()


def promising(shape, dtype="<f4", data=b"", order=False, version=(1, 0)):
    """A header that may promise anything."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}"
    text = (text + " " * 64)[: 64 * math.ceil((len(text) + 11) / 64) - 11] + "\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text.encode() + data


N, REAL = 130, new_images()[:130]
SHAPE = (N, 1, 28, 28)
GOOD = saved(REAL)
BLACK = "black is not −1 there"


def where(index, value):
    broken = REAL.copy()
    broken[index] = value
    return broken


BROKEN = {
    # no file of an array
    "empty": (b"", "damaged or of another kind"),
    "the magic word alone": (GOOD[:6], "damaged or of another kind"),
    "half a header": (GOOD[:40], "damaged or of another kind"),
    "a header alone": (GOOD[:128], r"407,680 bytes, and 0 are there"),
    "cut by a byte": (GOOD[:-1], "407,680 bytes, and 407,679 are there"),
    "half": (GOOD[: len(GOOD) // 2], "407,680 bytes, and"),
    "a byte too long": (GOOD + b"\0", "407,680 bytes, and 407,681 are there"),
    "two arrays in one": (GOOD + GOOD, "407,680 bytes, and"),
    "wrong magic": (b"\x93NUMPZ" + GOOD[6:], "damaged or of another kind"),
    "a later version": (GOOD[:6] + b"\x09" + GOOD[7:], "version|damaged"),
    "version 3": (promising(SHAPE, data=REAL.tobytes(), version=(3, 0)), "version"),
    "text": (b"0.1 0.2 0.3\n" * 99, "damaged or of another kind"),
    "a page of the web": (b"<html>404</html>", "damaged or of another kind"),
    "zeros": (bytes(9999), "damaged or of another kind"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "it is a picture: the samples are in samples.npy"),
    "an animation": (b"GIF89a" + bytes(99), "it is an animation: the samples are in samples.npy"),
    "gzipped": (gzip.compress(GOOD), "it is gzipped: unpack it"),
    "an archive of one": (archive(samples=REAL), "save the samples alone, with numpy.save"),
    "an archive of two": (archive(a=REAL, b=REAL), "save the samples alone, with numpy.save"),
    "a ZIP": (zipped("samples.npy", GOOD), "save the samples alone"),
    "a pickle": (b"\x80\x04\x95" + bytes(99), "damaged or of another kind"),
    # headers that lie
    "a shape of other length": (promising((N + 1, 1, 28, 28), data=REAL.tobytes()), "and 407,680 are there"),
    "a shape below zero": (promising((-N, -1, 28, 28), data=REAL.tobytes()), "only plain numbers|damaged"),
    "a shape of floats": (promising((130.0, 1, 28, 28), data=REAL.tobytes()), "damaged or of another kind"),
    "a shape that is no tuple": (promising("all", data=REAL.tobytes()), "damaged or of another kind"),
    "no shape": (b"\x93NUMPY\x01\x00\x16\x00{'descr': '<f4'}      \n", "damaged or of another kind"),
    "a program in the header": (promising(SHAPE, data=b"").replace(b"'<f4'", b"exit()"), "damaged or of another kind"),
    "a type that is none": (promising(SHAPE, "<q9", REAL.tobytes()), "damaged or of another kind"),
    "a narrower type": (promising(SHAPE, "<f2", REAL.tobytes()), "203,840 bytes, and 407,680 are there"),
    "a wider type": (promising(SHAPE, "<f8", REAL.tobytes()), "815,360 bytes, and 407,680 are there"),
    "twelve gigabytes": (promising((4_000_000, 1, 28, 28)), "12,544,000,000 bytes, and 0 are there"),
    "a shape beyond 64 bits": (promising((2**40, 2**40, 28, 28)), "and 0 are there|damaged"),
    "nothing, a thousandfold": (promising((0, 10**12, 28, 28)), r"got \(0, 1000000000000, 28, 28\)|damaged"),
    "objects": (saved(np.array([None, "x"], object), allow_pickle=True), "only plain numbers|damaged"),
    "pictures as objects": (saved(REAL.astype(object), allow_pickle=True), "only plain numbers|damaged"),
    "records": (saved(np.zeros(N, [("pixels", "f4", (1, 28, 28))])), "only plain numbers"),
    "dates": (saved(np.zeros(SHAPE, "M8[D]")), "only plain numbers"),
    "words": (saved(np.full(SHAPE, "black")), "floats in .*got <U5"),
    "complex": (saved(REAL.astype(np.complex64)), "got complex64"),
    "booleans": (saved(REAL > 0), r"found 0…1 in bool"),
    "integers": (saved(np.uint8(127.5 * REAL + 127.5).astype(np.int64)), r"found 0…255 in int64 .*astype\(np.uint8\)"),
    "signed bytes": (saved((100 * REAL).astype(np.int8)), "found -100…100 in int8"),
    "wide bytes": (saved(np.zeros(SHAPE, np.uint16)), "in uint16"),
    # another shape
    "a number": (saved(np.float32(0)), r"shape \(N, 1, 28, 28\), N at least 1, or .* got \(\)"),
    "none": (saved(REAL[:0]), r"got \(0, 1, 28, 28\)"),
    "too few": (saved(REAL[:128]), "are too few .*take 129 at least"),
    "no channel": (saved(REAL[:, 0]), r"got \(130, 28, 28\)"),
    "flat": (saved(REAL.reshape(N, 784)), r"got \(130, 784\)"),
    "channels last": (saved(REAL.transpose(0, 2, 3, 1)), r"got \(130, 28, 28, 1\)"),
    "coloured": (saved(REAL.repeat(3, 1)), r"got \(130, 3, 28, 28\)"),
    "with a margin": (
        saved(np.pad(REAL, ((0, 0), (0, 0), (2, 2), (2, 2)))),
        r"\(130, 1, 32, 32\) .* theirs has 50% of white",
    ),
    "an axis too many": (saved(REAL[None]), r"got \(1, 130, 1, 28, 28\)"),
    "latents": (saved(np.zeros((N, 64), np.float32)), r"got \(130, 64\)"),
    # another range
    "NaN": (saved(where((5, 0, 3, 3), np.nan)), "found nan…nan"),
    "infinity": (saved(where((5, 0, 3, 3), np.inf)), "found -1…inf"),
    "all NaN": (saved(np.full(SHAPE, np.nan)), "found nan…nan"),
    "in [0, 1]": (saved((REAL + 1) / 2), BLACK),
    "in [0, 1], beyond by 1e-3": (saved((REAL + 1) / 2 * 1.002 - 0.001), BLACK),
    "in [-0.5, 0.5]": (saved(REAL / 2), BLACK),
    "floats in 0…255": (saved(127.5 * REAL + 127.5), r"if they are bytes, give samples.astype\(np.uint8\)"),
    "logits": (saved(5 * REAL), "found -5…5 .*cut them off"),
    "beyond by 1e-3": (saved(REAL * np.float32(1.001)), "found -1.001…1.001 .*cut them off"),
    "bytes in 0…1": (saved(np.uint8(REAL > 0)), r"found 0…1 in uint8 .*if 1 is white, give 255 \* samples"),
    "grey": (saved(np.zeros(SHAPE)), BLACK),
    "in [0, 1], and narrow": (saved(((REAL + 1) / 2).astype(np.float16)), BLACK),
}


@pytest.mark.parametrize("data, complaint", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_a_sentence_at_once(no_training, tmp_path, capsys, data, complaint):
    path = tmp_path / "samples.npy"
    path.write_bytes(data)
    assert refused(path, capsys, complaint)


def refused(path, capsys, complaint):
    """Whether the command says one sentence about the file, and leaves."""
    assert __main__.main([str(path)]) == 1
    out, said = capsys.readouterr()
    with pytest.raises(ValueError, match=complaint):
        raise ValueError(said)
    assert not out and said.startswith("error: ") and said.count("\n") == 1 and str(path) in said
    return "allow_pickle" not in said and "unsafe" not in said


def test_what_is_no_file_is_refused_with_a_sentence(no_training, tmp_path, capsys):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "nothing").symlink_to(tmp_path / "absent.npy")
    (tmp_path / "file").write_bytes(GOOD)
    os.mkfifo(tmp_path / "pipe")
    places = {"": "no file", "absent.npy": "No such file", "circle": "symbolic links", "nothing": "No such file"}
    for name, complaint in (places | {"file/samples.npy": "Not a directory", "pipe": "no file"}).items():
        assert refused(tmp_path / name, capsys, complaint)


def test_a_file_without_permission_is_refused_with_a_sentence(no_training, tmp_path, capsys, monkeypatch):
    def denied(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "samples.npy").write_bytes(GOOD)
    monkeypatch.setattr("builtins.open", denied)
    assert refused(tmp_path / "samples.npy", capsys, "samples.npy cannot be read: Permission denied$")


@pytest.mark.parametrize(
    "samples",
    [
        REAL.astype(">f4"),
        np.asfortranarray(REAL),
        REAL.astype(np.float64),
        np.rint(127.5 * REAL + 127.5).astype(np.uint8),
    ],
    ids=["big-endian", "Fortran's order", "double", "bytes"],
)
def test_what_is_not_broken_is_read(tmp_path, samples):
    np.save(tmp_path / "samples.npy", samples)
    found = __main__._samples(tmp_path / "samples.npy")
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, samples)


def test_a_version_that_is_known_is_read(tmp_path):
    (tmp_path / "samples.npy").write_bytes(promising(SHAPE, data=REAL.tobytes(), version=(2, 0)))
    np.testing.assert_array_equal(__main__._samples(tmp_path / "samples.npy"), REAL)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux")
def test_a_promise_takes_no_memory(tmp_path):
    """In a process that may take 2 GB of addresses, most of them for the libraries."""
    (tmp_path / "samples.npy").write_bytes(promising((4_000_000, 1, 28, 28)))
    code = (
        "import resource, sys; from scratchgan.metrics.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); sys.exit(main(sys.argv[1:]))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(tmp_path / "samples.npy")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1 and "12,544,000,000 bytes, and 0 are there" in ended.stderr


def test_an_interruption_is_no_traceback(monkeypatch, tmp_path, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "read_npy", interrupt)
    assert __main__.main([str(tmp_path)]) == 130 and capsys.readouterr().err == "interrupted\n"
