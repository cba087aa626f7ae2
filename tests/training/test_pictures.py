"""Pictures show what they are given."""

import csv

import numpy as np
from PIL import Image

from scratchgan.training import pictures


def test_a_grid_places_images_row_by_row():
    images = np.full((3, 1, 4, 4), -1.0)
    images[1] = 1.0
    images[2] = 0.0
    sheet = pictures.grid(images, columns=2, scale=1, gap=2)[..., 0]
    assert sheet.shape == (14, 14)
    assert (sheet[2:6, 2:6] == 0).all() and (sheet[2:6, 8:12] == 255).all() and (sheet[8:12, 2:6] == 128).all()


def test_an_animation_has_a_picture_for_each_frame(tmp_path):
    rng, frames = np.random.default_rng(0), [tmp_path / f"{i}.png" for i in range(3)]
    for frame in frames:
        pictures.save_grid(frame, rng.uniform(-1, 1, (4, 1, 8, 8)))
    pictures.save_animation(tmp_path / "all.gif", frames)
    with Image.open(tmp_path / "all.gif") as animation:
        assert animation.n_frames == 3


def test_an_animation_of_arrays_keeps_their_colours(tmp_path):
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    frames[0, :4], frames[1, 4:], frames[:, :, 6:], frames[:, 0, 0] = (224, 122, 95), (31, 111, 139), 255, 250
    pictures.save_animation(tmp_path / "all.gif", list(frames))
    with Image.open(tmp_path / "all.gif") as animation:
        for i, frame in enumerate(frames):
            animation.seek(i)
            shown = np.asarray(animation.convert("RGB")).astype(int)
            assert np.abs(shown - frame).max() <= 5 and (shown[:, 6:] == 255).all()


def test_curves_are_drawn_from_the_log(tmp_path):
    with open(tmp_path / "log.csv", "w", newline="") as file:
        csv.writer(file).writerows([["step", "loss"], *([i, 1 / i] for i in range(1, 100))])
    pictures.save_curves(tmp_path / "curves.png", tmp_path / "log.csv", {"loss": ["loss"]})
    with Image.open(tmp_path / "curves.png") as picture:
        blue = (np.asarray(picture.convert("RGB")) == (31, 119, 180)).all(-1)  # the first line's colour
    assert blue.any(0).mean() > 0.6  # from left to right, which no legend is


def test_values_out_of_range_are_black_and_white():
    assert set(np.unique(pictures.grid(np.array([-7.0, 7.0]).reshape(2, 1, 1, 1), gap=0))) == {0, 255}


def test_a_grid_is_scaled_and_square():
    assert pictures.grid(np.zeros((7, 3, 4, 5)), scale=3, gap=1).shape == (3 * 16, 3 * 19, 3)


def test_pictures_have_the_colours_they_are_given(tmp_path):
    pictures.save_grid(tmp_path / "red.png", np.array([1.0, -1, -1]).reshape(1, 3, 1, 1))
    with Image.open(tmp_path / "red.png") as picture:
        assert picture.getpixel((picture.width // 2, picture.height // 2)) == (255, 0, 0)


def test_an_animation_rests_on_its_last_picture_and_begins_again(tmp_path):
    frames = list(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    pictures.save_animation(tmp_path / "all.gif", frames, milliseconds=70)
    with Image.open(tmp_path / "all.gif") as animation:
        assert animation.info["loop"] == 0
        durations = [animation.seek(i) or animation.info["duration"] for i in range(3)]
    assert durations == [70, 70, 700]


def test_curves_are_smoothed_by_the_mean_around_each_point():
    values = np.arange(250.0)  # a window of five
    smooth = pictures._smooth(values)
    np.testing.assert_allclose(smooth[2:-2], values[2:-2])
    np.testing.assert_allclose(smooth[[0, -1]], [0.6, 248.4])
    np.testing.assert_array_equal(pictures._smooth(values[:3]), values[:3])
