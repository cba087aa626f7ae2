"""Photographs in full size: patches of them, and pairs of large and small ones from a folder or a zip."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, Dataset
from scratchgan.data.bicubic import smaller
from scratchgan.data.photographs import enlarged_pairs, patches
from scratchgan.data.pictures import Pictures


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path, picture):
    Image.fromarray(picture.transpose(1, 2, 0).squeeze()).save(path)


def test_pictures_in_full_are_what_they_are(tmp_path, capsys):
    colour, grey = noise(3, 9, 13), noise(1, 5, 4)
    save(tmp_path / "a.png", colour)
    (tmp_path / "b.png").write_bytes(b"no picture")
    save(tmp_path / "c.png", grey)
    pictures = Pictures(tmp_path)
    first, second = pictures.in_full(3)
    np.testing.assert_array_equal(first, colour)
    np.testing.assert_array_equal(second, grey.repeat(3, 0))
    assert "b.png: left out" in capsys.readouterr().err and len(pictures) == 2
    assert [picture.shape for picture in pictures.in_full(1)] == [(1, 9, 13), (1, 5, 4)]
    images = noise(2, 1, 6, 6)
    np.testing.assert_array_equal(list(Dataset("some", images, None, "a test").in_full(3)), images.repeat(3, 1))
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of the 2 pictures"):
        list(pictures.in_full(3))


def test_patches_are_squares_of_a_picture_and_of_the_smaller_one():
    """A picture of 10×19 is cut to 8×16 for its smaller one; a patch of that at its border knows what is beyond."""
    picture = noise(3, 10, 19)
    large, small = patches(Dataset("one", picture[None, :, :10, :10], None, "a test"), size=8)
    np.testing.assert_array_equal(large, picture[None, :, :8, :8])
    np.testing.assert_array_equal(small, smaller(large, 4))

    class Wide:
        def in_full(self, channels):
            return [noise(3, 3, 40), picture]

    large, small = patches(Wide(), size=8, stride=4)
    np.testing.assert_array_equal(large, np.stack([picture[:, :8, x : x + 8] for x in (0, 4, 8)]))
    reduced = smaller(picture[None, :, :8, :16], 4)
    np.testing.assert_array_equal(small, np.concatenate([reduced[..., x : x + 2] for x in (0, 1, 2)]))
    assert len(patches(Wide(), size=8)[0]) == 2 and patches(Wide(), size=4, factor=2)[1].shape == (8, 3, 2, 2)
    np.testing.assert_array_equal(patches(Wide(), size=4)[0][5], picture[:, 4:8, 4:8])  # after a row of four


def test_patches_that_cannot_be_cut_are_refused():
    data = Dataset("small", noise(2, 1, 9, 9), None, "a test")
    with pytest.raises(DataError, match="no picture is as large as a patch of 12×12"):
        patches(data, 12, 1)
    for options in ({"size": 6}, {"size": 8, "stride": 6}):
        with pytest.raises(DataError, match="multiples of factor=4"):
            patches(data, channels=1, **options)


def test_pairs_come_from_a_folder_or_a_zip_in_the_order_of_their_names(tmp_path):
    expected = {}
    for name, channels in (("b", 3), ("a", 1)):
        expected[name] = noise(channels, 8, 12, seed=1), noise(channels, 2, 3, seed=2)
        for half, picture in zip(("HR", "LR"), expected[name]):
            save(tmp_path / f"{name}_{half}.png", picture)
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.mkdir("inside")
        for path in tmp_path.glob("*.png"):
            archive.write(path, f"inside/{path.name}")
    for source in (tmp_path, tmp_path / "some.zip"):
        found = enlarged_pairs(source)
        assert [name for name, *_ in found] == ["a", "b"]
        for name, *images in found:
            for image, wanted in zip(images, expected[name]):
                np.testing.assert_array_equal(image, wanted)


def test_pairs_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pairs"):
        enlarged_pairs(tmp_path)
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        enlarged_pairs(tmp_path / "nothing.zip")
    save(tmp_path / "x_HR.png", noise(3, 8, 8))
    with pytest.raises(DataError, match="x has no partner x_LR"):
        enlarged_pairs(tmp_path)
    for picture, why in (
        (noise(1, 2, 2), "one image is grey"),
        (noise(3, 3, 2), "no whole factor"),
        (noise(3, 2, 3), "no whole factor"),
        (noise(3, 4, 2), "no whole factor"),
    ):
        save(tmp_path / "x_LR.png", picture)
        with pytest.raises(DataError, match=why):
            enlarged_pairs(tmp_path)
    (tmp_path / "x_LR.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="x_LR.png cannot be read"):
        enlarged_pairs(tmp_path)
