"""Folders of two domains, trainA and trainB: found, read, and refused where one is missing."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, find, load, tiles, views
from scratchgan.data.checks import NoTestSetError
from scratchgan.data.domains import Domains


def save(path, colour, size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if isinstance(colour, tuple) else "L", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        save(tmp_path / "trainA" / f"{i}.png", (200, 10 * i, 0))
    for i in range(2):
        save(tmp_path / "trainB" / f"{i}.png", (0, 10 * i, 200))
    for domain in "AB":
        save(tmp_path / f"test{domain}" / "0.png", (1, 2, 3))
    return tmp_path


def test_a_folder_with_both_domains_is_found_and_read(folder):
    found = find(folder)
    assert isinstance(found, Domains) and len(found) == 5 and found.labels is found.classes is None
    x, y = views.two_domains(found, 4)
    assert x.shape == (3, 3, 4, 4) and y.shape == (2, 3, 4, 4)
    assert x[:, :, 0, 0].tolist() == [[200, 0, 0], [200, 10, 0], [200, 20, 0]] and y[1, :, 0, 0].tolist() == [
        0,
        10,
        200,
    ]
    np.testing.assert_array_equal(found.sized(4, 3), np.concatenate([x, y]))
    assert [domain.shape for domain in views.two_domains(found, 5, 1)] == [(3, 1, 5, 5), (2, 1, 5, 5)]
    assert len(find(folder, "test")) == 2 and find(folder).source == str(folder) and found.name == folder.name
    with pytest.raises(DataError, match="no split 'val'"):
        find(folder, "val")


def test_what_is_missing_is_named(folder):
    (folder / "trainB").rename(folder / "other")
    with pytest.raises(
        DataError, match="has no folder trainB, which goes with the other; it holds other, testA, testB, tr"
    ):
        find(folder)
    for path in ("testA", "testB"):
        (folder / path / "0.png").unlink()
        (folder / path).rmdir()
    with pytest.raises(NoTestSetError, match="no folders testA and testB"):
        find(folder, "test")
    (folder / "trainB").mkdir()
    with pytest.raises(DataError, match="trainB holds no pictures"):
        find(folder)
    with pytest.raises(DataError, match="name a folder with the folders trainA and trainB, --data DIR"):
        views.two_domains(load(embedded=True), 4)


def test_what_cannot_be_read_is_named_and_so_is_grey_among_colours(folder, capsys):
    (folder / "trainA" / "broken.png").write_bytes(b"PNG")
    save(folder / "trainB" / "grey.png", 77)
    x, y = find(folder).each(4, 3)
    assert len(x) == len(y) == 3
    said = capsys.readouterr().err
    assert f"{folder / 'trainA' / 'broken.png'}: left out, as it cannot be read" in said
    assert f"{folder / 'trainB'}: 1 of 3 pictures are grey among coloured ones, such as grey.png; remove" in said
    assert said.count("grey among") == 1
    find(folder).each(4, 1)
    assert "grey among" not in capsys.readouterr().err


def test_pictures_stand_beside_tiles_of_a_kind_and_of_a_split():
    digits = load(embedded=True)
    x, y = tiles.beside(digits, "grounds")
    np.testing.assert_array_equal(x, digits.sized(32, 3))
    np.testing.assert_array_equal(y, tiles.load_tiles("train", "grounds").images)
    x, y = tiles.beside(digits, "things", "test")
    held_out = tiles.load_tiles("test", "things").images
    assert len(x) == len(y) == 5000
    np.testing.assert_array_equal(y[: len(held_out)], held_out)
    np.testing.assert_array_equal(y[len(held_out)], held_out[0])
