"""Folders of pictures, the emoji and tiles that ship with the package, and what ``--data`` finds."""

import errno
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, find, load, shipped, tiles, views
from scratchgan.data.checks import NoTestSetError
from scratchgan.data.emoji import embed, load_emoji
from scratchgan.data.pictures import Pictures
from scratchgan.data.tiles import load_tiles


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


def test_a_picture_is_resized_as_an_image_of_the_same_pixels_is(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(20, 20, 3), dtype=np.uint8)
    save(tmp_path / "a.png", pixels)
    for size in (9, 31):
        expected = views.sized(pixels.transpose(2, 0, 1)[None], size, 3)
        np.testing.assert_array_equal(Pictures(tmp_path).sized(size, 3), expected)


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
    assert pictures.labels.tolist() == [0, 0, 1] and pictures.classes == ["cat", "dog"]


@pytest.mark.parametrize("names", [("1.png", "2.png"), ("cat/1.png", "2.png"), ("cat/1.png", "cat/2.png")])
def test_else_there_are_no_classes(tmp_path, names):
    for name in names:
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    assert Pictures(tmp_path).labels is None and Pictures(tmp_path).classes is None


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


def test_a_class_keeps_its_number_though_none_of_its_pictures_can_be_read(tmp_path, capsys):
    for name in ("b/1.png", "c/2.png", "c/3.png"):
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    pictures = Pictures(tmp_path)
    assert pictures.labels.tolist() == [0, 1, 2, 2]
    images, labels = pictures.sized(4, 3), pictures.labels
    assert len(images) == 3 and labels.tolist() == [1, 2, 2]


def test_what_is_hidden_is_no_picture(tmp_path, capsys):
    """A Mac leaves ._x.png beside x.png."""
    for name in ("a/1.png", "b/2.PNG", ".thumbnails/3.png", "a/.4.png"):
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    (tmp_path / "a" / "._1.png").write_bytes(b"of a Mac")
    (tmp_path / "a" / "folder.png").mkdir()
    pictures = Pictures(tmp_path)
    assert [path.name for path in pictures.paths] == ["1.png", "2.PNG"] and pictures.labels.tolist() == [0, 1]
    assert len(pictures.sized(4, 3)) == 2 and capsys.readouterr().err == ""


def test_links_are_followed_and_each_folder_is_read_once(tmp_path):
    save(tmp_path / "elsewhere" / "1.png", plain(4, 4, (1, 2, 3)))
    save(tmp_path / "data" / "b" / "2.png", plain(4, 4, (1, 2, 3)))
    (tmp_path / "data" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "b" / "round").symlink_to(tmp_path / "data")
    pictures = find(tmp_path / "data")
    assert [path.name for path in pictures.paths] == ["1.png", "2.png"] and pictures.labels.tolist() == [0, 1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_what_is_no_file_is_named(tmp_path, capsys):
    save(tmp_path / "a.png", plain(4, 4, (1, 2, 3)))
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to(tmp_path / "gone")
    (tmp_path / "d.heic").write_bytes(b"of a telephone")
    assert len(Pictures(tmp_path).sized(4, 3)) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in told] == [str(tmp_path / name) for name in ("b.png", "c.png", "d.heic")]
    assert told[0].endswith("it is no file") and told[1].endswith("it is no file")


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    """Fewer pictures would be other data."""
    for name in ("a/1.png", "b/2.png"):
        save(tmp_path / name, plain(4, 4, (1, 2, 3)))
    scan = os.scandir

    def refused(folder):
        if os.path.basename(folder) == "b":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(DataError, match=f"{tmp_path / 'b'} cannot be read: Permission denied"):
        Pictures(tmp_path)


def palette(path):
    image = Image.fromarray(np.repeat([[0], [1]], 4, 1).repeat(2, 0).astype(np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(path, transparency=1)


def animation(path):
    frames = [Image.fromarray(np.full((4, 4), grey, np.uint8)) for grey in (10, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


KINDS = {
    "palette.png": (palette, [[10, 20, 30]] * 2 + [[255] * 3] * 2),
    "grey and transparent.png": (
        lambda path: Image.fromarray(np.full((4, 4), 7, np.uint8)).save(path, transparency=7), [[255] * 3] * 4
    ),
    "bits.png": (lambda path: Image.fromarray(np.eye(4, dtype=np.uint8)[[0, 0, 0, 0]] * 255).convert("1").save(path),
                 [[255] * 3] * 4),
    "inks.tif": (lambda path: Image.new("CMYK", (4, 4), (255, 0, 0, 51)).save(path), [[0, 204, 204]] * 4),
    "animation.gif": (animation, [[10] * 3] * 4),
    "colours of 16 bits.png": (
        lambda path: path.write_bytes(png(4, 4, 16, 2, np.full((4, 12), 0x80FF, ">u2"))), [[128] * 3] * 4
    ),
    "two bits.png": (
        lambda path: path.write_bytes(png(4, 4, 2, 0, np.full((4, 1), 0b01010101, np.uint8))), [[85] * 3] * 4
    ),
}  # fmt: skip


def png(width, height, bits, kind, rows):
    """A PNG of rows of bytes, also of kinds that Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">2I5B", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", KINDS)
def test_pictures_of_every_kind_have_the_colours_that_are_seen(name, tmp_path):
    save, rows = KINDS[name]
    save(tmp_path / name)
    colours, grey = Pictures(tmp_path).sized(4, 3), Pictures(tmp_path).sized(4, 1)
    np.testing.assert_allclose(colours[0, :, :, 0].T, rows, atol=1)
    np.testing.assert_allclose(grey[0, 0, :, 0], np.array(rows) @ [0.299, 0.587, 0.114], atol=2)


@pytest.mark.parametrize(
    "damaged", [png(0, 4, 8, 0, np.zeros((4, 0), np.uint8)), png(60_000, 60_000, 8, 0, np.zeros((1, 9), np.uint8))]
)
def test_pictures_without_pixels_or_with_too_many_are_named(damaged, tmp_path, capsys):
    save(tmp_path / "a.png", plain(4, 4, (1, 2, 3)))
    (tmp_path / "b.png").write_bytes(damaged)
    assert len(Pictures(tmp_path).sized(4, 3)) == 1
    assert f"{tmp_path / 'b.png'}: left out, as it cannot be read: " in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_size_is_a_whole_number(size, tmp_path):
    save(tmp_path / "a.png", plain(4, 4, (1, 2, 3)))
    with pytest.raises(DataError, match=f"size={size} must be a whole number"):
        Pictures(tmp_path).sized(size, 3)


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


def test_damaged_emoji_are_no_traceback(tmp_path, monkeypatch):
    for file in ("emoji_32.npz", "tiles_32.npz"):
        (tmp_path / file).write_bytes(b"PK")
    monkeypatch.setattr(shipped.resources, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match="the emoji shipped with scratchgan: .*is damaged.*install it anew"):
        load_emoji()
    with pytest.raises(DataError, match="the tiles shipped with scratchgan: .*is damaged.*install it anew"):
        load_tiles()


# The tiles -----------------------------------------------------------------------------------------------------------


def test_the_tiles_are_a_thousand_different_pictures_of_two_kinds():
    found = {(split, kind): load_tiles(split, kind).images for split in ("train", "test") for kind in tiles.KINDS}
    assert [len(images) for images in found.values()] == [340, 548, 61, 91]
    for split in ("train", "test"):
        np.testing.assert_array_equal(load_tiles(split).images, np.concatenate([found[split, k] for k in tiles.KINDS]))
    everything = np.concatenate(list(found.values()))
    assert everything.dtype == np.uint8 and everything.shape[1:] == (3, 32, 32) and everything.flags.c_contiguous
    assert len(np.unique(everything.reshape(1040, -1), axis=0)) == 1040
    on_white = {pair: (images == 255).all(1).mean() for pair, images in found.items()}
    assert all(share > 0.3 if kind == "things" else share < 0.05 for (_, kind), share in on_white.items())
    file = Path(tiles.__file__).parent / tiles.FILE
    assert file.stat().st_size < 1_000_000 and "ontoclasm" in file.with_name("LICENSES.md").read_text(encoding="utf-8")
    assert load_tiles().labels is None and load_tiles().source == "the tiles shipped with scratchgan"
    with pytest.raises(DataError, match="no kind 'walls' of tiles: there are grounds and things"):
        load_tiles(kind="walls")


def test_a_choice_of_tiles_is_put_on_white_in_the_order_of_names(tmp_path):
    whole, some = np.full((32, 32, 4), 255), np.full((32, 32, 4), 255)
    some[:16, :, 3] = 0
    shades = np.arange(9)[:, None, None, None]
    names = ["mon/b/a1.png", "dngn/c.png", "dngn/b.png", "dngn/a.png", "item/d.png", "item/e.png", "mon/a/b1.png",
             "mon/tentacles/a.png", "mon/a/thin.png"]  # fmt: skip
    images = np.stack([some, whole, whole, whole, some, some, some, some, some]).astype(np.uint8)
    images[..., :3] = shades * 10
    images[-1, :28, :, 3] = 0
    np.savez(tmp_path / "all.npz", images=images, names=names)
    tiles.embed(tmp_path / "all.npz", tmp_path / "made.npz")
    made = np.load(tmp_path / "made.npz", allow_pickle=False)
    assert made["kinds"].tolist() == [0, 0, 1, 1, 1]
    assert made["images"][:, 31, 0, 0].tolist() == [30, 10, 60, 0, 40] and (made["images"][2:, 0] == 255).all()


def test_a_family_is_held_out_as_a_whole():
    names = [f"dngn/{family}_{n}.png" for family in "abcdefgh" for n in (1, 2)]
    assert tiles.held_out(names).tolist() == [False] * 10 + [True] * 2 + [False] * 4
    assert tiles.held_out(["mon/x/cat1.png", "mon/x/cat2.png", "mon/y/cat.png"]).tolist() == [False] * 3


# What is found -------------------------------------------------------------------------------------------------------


def test_names_and_folders_are_told_apart(tmp_path):
    assert find("emoji").name == "emoji" and len(find("emoji", "test")) == 200
    save(tmp_path / "pictures" / "a.png", plain(4, 4, (1, 2, 3)))
    assert isinstance(find(tmp_path), Pictures)  # also where they lie further down
    with pytest.raises(NoTestSetError, match="a folder of pictures, which has no test set"):
        find(tmp_path, "test")
    with pytest.raises(DataError, match="no split 'validation'"):
        find(tmp_path, "validation")
    assert len(find("emoji")) == len(find("emoji", "train")) == 1809
    assert find("tiles").name == "tiles" and len(find("tiles", "test")) == len(load_tiles("test")) == 152
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
