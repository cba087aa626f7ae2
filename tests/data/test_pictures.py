"""Folders of pictures, the emoji that ship with the package, and what ``--data`` finds."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, find, load
from scratchgan.data.emoji import embed, load_emoji
from scratchgan.data.pictures import Pictures


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)


def plain(height, width, colour):
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3))


def test_pictures_of_any_size_are_cropped_to_the_middle_and_resized(tmp_path):
    """A wide picture whose sides are red and a tall one whose ends are: nothing red is left."""
    wide, tall = plain(20, 60, (255, 0, 0)).copy(), plain(70, 10, (255, 0, 0)).copy()
    wide[:, 20:40] = tall[30:40] = (0, 0, 255)
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.png", tall)
    images = Pictures(tmp_path).sized(8, 3)
    assert images.shape == (2, 3, 8, 8) and images.dtype == np.uint8
    assert images[:, 0].max() < 20 and images[:, 2].min() > 235 and (images[:, 0] == 0).mean() > 0.5


def test_grey_is_what_grey_is_asked_for(tmp_path):
    save(tmp_path / "a.jpg", plain(9, 9, (10, 200, 30)), quality=95)
    save(tmp_path / "b.png", np.full((9, 9), 77))
    grey, colours = Pictures(tmp_path).sized(9, 1), Pictures(tmp_path).sized(9, 3)
    assert grey[0].mean() == pytest.approx(0.299 * 10 + 0.587 * 200 + 0.114 * 30, abs=2)
    assert (grey[1] == 77).all() and (colours[1] == 77).all()


def test_what_is_transparent_is_white(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    save(tmp_path / "a.png", pixels)
    image = Pictures(tmp_path).sized(4, 1)[0, 0]
    assert (image[0] == 0).all() and (image[3] == 255).all()


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    pixels = plain(8, 8, (0, 0, 0)).copy()
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    save(tmp_path / "a.jpg", pixels, exif=exif)
    image = Pictures(tmp_path).sized(8, 1)[0, 0]
    assert image[:3].mean() < 30 and image[5:].mean() > 225


def test_the_folders_of_pictures_are_classes(tmp_path):
    for name in ("dog/1.png", "cat/2.png", "cat/deep/3.png"):
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    pictures = Pictures(tmp_path)
    assert len(pictures) == 3 and len(pictures.sized(4, 3)) == 3
    assert pictures.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("names", [("1.png", "2.png"), ("cat/1.png", "2.png"), ("cat/1.png", "cat/2.png")])
def test_else_there_are_no_classes(tmp_path, names):
    for name in names:
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    assert Pictures(tmp_path).labels is None


def test_what_cannot_be_read_is_named_and_left_out_together_with_its_label(tmp_path, capsys):
    save(tmp_path / "a" / "1.png", plain(4, 4, (1, 2, 3)))
    save(tmp_path / "b" / "2.png", plain(4, 4, (1, 2, 3)))
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    whole = (tmp_path / "b" / "2.png").read_bytes()
    (tmp_path / "b" / "3.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "b" / "4.png")
    pictures = Pictures(tmp_path)
    assert len(pictures.sized(4, 3)) == len(pictures) == 2 and pictures.labels.tolist() == [0, 1]
    told = capsys.readouterr().err
    assert told.count("left out") == 3
    for name, why in (("0.png", "cannot identify"), ("3.png", ""), ("4.png", "more than eight bits")):
        assert f"{name}: left out, as it cannot be read: " in told and why in told


def test_a_folder_without_pictures_that_can_be_read_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        Pictures(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 1 pictures"):
        Pictures(tmp_path).sized(4, 3)
    with pytest.raises(DataError, match="1 channel or 3, not 2"):
        Pictures(tmp_path).sized(4, 2)


# The emoji -----------------------------------------------------------------------------------------------------------


def test_the_emoji_are_two_thousand_different_pictures_on_white():
    train, test = load_emoji(), load_emoji("test")
    assert train.images.shape == (1809, 3, 32, 32) and test.images.shape == (200, 3, 32, 32)
    both = np.concatenate([train.images, test.images])
    assert both.dtype == np.uint8 and len(np.unique(both.reshape(2009, -1), axis=0)) == 2009
    corners = both[:, :, ::31, ::31].reshape(2009, -1)
    assert np.median(corners) == 255 and (both.std((0, 2, 3)) > 50).all()
    assert train.labels is None and len(train) == 1809


def test_embedding_puts_on_white_reduces_and_leaves_out_duplicates_and_other_tones(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "png.zip", "w") as packed:
        for name, alpha in (("emoji_1", 255), ("emoji_2", 0), ("emoji_3", 0), ("emoji_1f3fb", 128)):
            save(tmp_path / f"{name}.png", np.full((72, 72, 4), (10, 20, 30, alpha)))
            packed.write(tmp_path / f"{name}.png", f"{name}.png")
    embed(tmp_path / "png.zip", tmp_path / "made.npz")
    made = np.load(tmp_path / "made.npz", allow_pickle=False)["images"]
    assert made.shape == (2, 3, 32, 32) and made[:, :, 5, 5].tolist() == [[10, 20, 30], [255, 255, 255]]


# What is found -------------------------------------------------------------------------------------------------------


def test_names_and_folders_are_told_apart(tmp_path):
    assert find("emoji").name == "emoji" and len(find("emoji", "test")) == 200
    save(tmp_path / "pictures" / "a.png", plain(4, 4, (1, 2, 3)))
    assert isinstance(find(tmp_path), Pictures)  # also where they lie further down
    (tmp_path / "empty").mkdir()
    for folder in ("nowhere", "empty"):
        with pytest.raises(DataError):
            find(tmp_path / folder)


def test_a_folder_of_idx_files_stays_one_even_beside_pictures(tmp_path):
    save(tmp_path / "a.png", plain(4, 4, (1, 2, 3)))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"damaged")
    with pytest.raises(DataError, match="train-images-idx3-ubyte|train-labels"):
        find(tmp_path)


def test_digits_too_have_a_size():
    digits = load(embedded=True)
    assert digits.sized(32, 3).shape == (5000, 3, 32, 32)
