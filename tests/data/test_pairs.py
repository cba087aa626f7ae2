"""Pictures A|B: two images side by side, in train/, val/ and test/."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, find, load, views
from scratchgan.data.checks import NoTestSetError
from scratchgan.models import SYSTEMS
from scratchgan.training import TrainingError, load_model, train
from scratchgan.training.held_out import held_out_numbers

RED, BLUE = (255, 0, 0), (0, 0, 255)


def save(path, left, right, height=8, width=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two pairs to learn from, and three to test with; the blue of each is its number."""
    for i, name in enumerate(("train/1.png", "train/2.png", "val/3.png", "val/4.png", "test/5.png")):
        save(tmp_path / name, (200, 0, i), (0, 100, i))
    return tmp_path


def test_the_halves_are_cut_apart_before_anything_is_resized(folder):
    a, b = views.halves(find(folder), size=32)
    assert a.shape == b.shape == (2, 3, 32, 32) and a.dtype == b.dtype == np.uint8
    assert a[:, :, 5, 31].tolist() == [[200, 0, 0], [200, 0, 1]] and (a == a[:, :, :1, :1]).all()
    assert b[:, :, 5, 0].tolist() == [[0, 100, 0], [0, 100, 1]] and (b == b[:, :, :1, :1]).all()


def test_the_direction_says_which_half_is_the_first(folder):
    a, b = views.halves(find(folder), "AtoB")
    swapped = views.halves(find(folder), "BtoA")
    assert a.shape[2:] == (128, 128) and a[:, 0].mean() == 200 > b[:, 0].mean()
    for found, wanted in zip(swapped, (b, a), strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(DataError, match="direction='AtoC' must be 'AtoB' or 'BtoA'"):
        views.halves(find(folder), "AtoC")


def test_halves_that_are_not_square_lose_their_ends(tmp_path):
    save(tmp_path / "train" / "1.png", BLUE, RED, height=24)
    with Image.open(tmp_path / "train" / "1.png") as image:
        pixels = np.array(image)
    pixels[:8], pixels[16:] = 255, 255
    Image.fromarray(pixels).save(tmp_path / "train" / "1.png")
    a, b = views.halves(find(tmp_path), size=8)
    assert (a[0] == np.reshape(BLUE, (3, 1, 1))).mean() > 0.8 and (b[0] == np.reshape(RED, (3, 1, 1))).mean() > 0.8


def test_the_test_set_is_what_lies_in_val_and_in_test(folder):
    assert [path.name for path in find(folder).paths] == ["1.png", "2.png"]
    assert {path.name for path in find(folder, "test").paths} == {"3.png", "4.png", "5.png"}
    assert sorted(views.halves(find(folder, "test"))[0][:, 2, 0, 0]) == [2, 3, 4]


def test_without_val_and_test_there_is_no_test_set(tmp_path):
    save(tmp_path / "train" / "1.png", RED, BLUE)
    assert len(find(tmp_path)) == 1
    with pytest.raises(NoTestSetError, match=r"pictures in train/, and no test set in val/ or test/"):
        find(tmp_path, "test")


def test_the_folders_of_a_split_are_no_classes_and_those_in_it_are_the_same_in_all(tmp_path):
    for name in ("train/cat/1.png", "train/dog/2.png", "val/dog/3.png", "val/eel/4.png"):
        save(tmp_path / name, RED, BLUE)
    for split, labels in (("train", [0, 1]), ("test", [1, 2])):
        pictures = find(tmp_path, split)
        assert pictures.labels.tolist() == labels and pictures.classes == ["cat", "dog", "eel"]
    assert find(tmp_path / "train").classes == ["cat", "dog"]


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train/1.png", "bus/2.png"):
        save(tmp_path / name, RED, BLUE)
    assert find(tmp_path).classes == ["bus", "train"] and len(find(tmp_path)) == 2


def test_grey_is_repeated_and_colours_have_their_luma(tmp_path):
    save(tmp_path / "train" / "1.png", RED, BLUE)
    assert views.halves(find(tmp_path), size=8, channels=1)[0][0, :, 4, 4].tolist() == [76]
    Image.new("L", (16, 8), 99).save(tmp_path / "train" / "1.png")
    assert views.halves(find(tmp_path), size=8)[0][0, :, 4, 4].tolist() == [99, 99, 99]


def odd(path):
    save(path, RED, BLUE, width=15)


def grey(path):
    Image.new("L", (16, 8), 99).save(path)


def grey_with_alpha(path):
    Image.new("LA", (16, 8), (99, 200)).save(path)


DAMAGE = {
    "odd width": ("0.png", odd, r"0.png has an odd width, 15×8 pixels, and so no two halves"),
    "unequal": ("9.png", lambda path: save(path, RED, BLUE, 10), r"9.png has 16×10 pixels, and 1.png 16×8: all must"),
    "unreadable": ("9.png", lambda path: path.write_bytes(b"no picture"), r"9.png cannot be read: cannot identify"),
    "grey": ("9.png", grey, r"9.png is grey, and 1.png is in colour: save all in one way"),
    "grey with alpha": ("9.png", grey_with_alpha, r"9.png is grey, and 1.png is in colour"),
    "in colour": ("1.png", grey, r"2.png is in colour, and 1.png is grey"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_picture_that_is_not_like_the_others_is_named(kind, folder):
    name, damage, message = DAMAGE[kind]
    damage(folder / "train" / name)
    with pytest.raises(DataError, match=message):
        views.halves(find(folder))


@pytest.mark.parametrize("size", [0, 2.5])
def test_a_size_is_a_whole_number(size, folder):
    with pytest.raises(DataError, match=f"size={size} must be a whole number"):
        views.halves(find(folder), size=size)


def test_data_that_are_no_pairs_are_told_how_pairs_lie(tmp_path):
    with pytest.raises(DataError, match=r"pairs are pictures A\|B, .*\(--data DIR\) with train/, and val/ or test/"):
        views.halves(load(embedded=True))
    save(tmp_path / "1.png", RED, BLUE)
    with pytest.raises(DataError, match="there is no folder train/ with pictures in it; pairs are"):
        views.halves(find(tmp_path))


def test_the_command_learns_from_a_folder_and_is_judged_on_its_test_set(folder, tmp_path_factory):
    """Of the preset, with fewer pixels: a step, and the numbers of what lies in val/ and test/."""
    out = tmp_path_factory.mktemp("runs")
    for i in range(3, 6):
        save(folder / "train" / f"{i}.png", RED, BLUE)
    run = train("pix2pix", preset="facades", data=folder, steps=1, out=out / "run")
    x, y, *_ = run.examples
    assert x.shape == y.shape == (5, 3, 128, 128)
    assert y[0, :, 0, 0].data[0] > 0 > x[0, :, 0, 0].data[0]  # the left half, which has red in it, is the second
    numbers = held_out_numbers(run.folder)
    expected = np.abs(np.array([200, -100, 0]) / 127.5).mean()
    assert numbers["L1 of x itself"][0] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(numbers["sharpness"][0])  # these have one colour each
    assert type(load_model(run.folder)) is type(run.model)
    with pytest.raises((DataError, TrainingError), match="pairs are pictures"):
        train("pix2pix", preset="facades", data="emoji", steps=1, out=out / "none")
    assert SYSTEMS["pix2pix"].presets["facades"].view.keywords["direction"] == "BtoA"
