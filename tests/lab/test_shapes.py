"""What is drawn of shapes is so: stamps add up, norms look where they say, lines leave the sphere, cones hold."""

import json
import runpy
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from places import DEMOS
from seeded import rng

from scratchgan import functional as F
from scratchgan.data.toy import eight_gaussians, ring
from scratchgan.lab import shapes
from scratchgan.tensor import Tensor


def normal(*shape):
    return rng().standard_normal(shape)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_stamp_is_a_multiple_of_the_kernel_and_the_sum_is_the_transposed_convolution(stride):
    y, kernel = normal(2, 3), normal(2, 2)
    pieces = shapes.stamps(y, kernel, stride)
    np.testing.assert_allclose(pieces[4, stride : stride + 2, stride : stride + 2], y[1, 1] * kernel)
    whole = F.conv_transpose2d(Tensor(y[None, None]), Tensor(kernel[None, None]), stride=stride)
    np.testing.assert_allclose(pieces.sum(0), whole.numpy()[0, 0], atol=1e-12)


def test_a_kernel_that_the_stride_does_not_divide_makes_a_chessboard():
    assert shapes.overlaps(3, 3, 2)[0].tolist() == [1, 1, 2, 1, 2, 1, 1]
    assert shapes.overlaps(3, 4, 2)[3, 2:-2].tolist() == [4] * 4


def test_what_comes_back_is_the_best_multiple_and_an_inverse_would_be_found():
    x, kernel = normal(9, 9), normal(3, 3)
    back, error = shapes.there_and_back(x, kernel, 2)
    assert error == pytest.approx(np.linalg.norm(x - back) / np.linalg.norm(x)) and 0.2 < error < 1
    assert all(np.linalg.norm(x - factor * back) > np.linalg.norm(x - back) for factor in (0.9, 1.1))
    assert shapes.there_and_back(x, np.array([[-3.0]]), 1)[1] == pytest.approx(0, abs=1e-12)


AXES = {
    "batch norm": (0, 2, 3),
    "layer norm": (1, 2, 3),
    "instance norm": (2, 3),
    "pixel norm": (1,),
    "AdaIN": (2, 3),
}


@pytest.mark.parametrize("name", AXES)
def test_a_norm_looks_along_its_axes_and_nowhere_else(name):
    place = (1, 2, 0, 1)
    expected = np.zeros((3, 4, 2, 2), bool)
    expected[tuple(slice(None) if axis in AXES[name] else place[axis] for axis in range(4))] = True
    assert np.array_equal(shapes.reduced(name, expected.shape, place), expected)


def test_group_norm_looks_at_half_of_the_channels():
    expected = np.zeros((3, 4, 2, 2), bool)
    expected[0, 2:] = True
    assert np.array_equal(shapes.reduced("group norm", expected.shape), expected)


def test_the_line_leaves_the_sphere_and_the_arc_does_not():
    line, arc = shapes.ways(np.array([3.0, 0]), np.array([0, 3.0]), steps=3)
    np.testing.assert_allclose(line, [3, 4.5**0.5, 3])
    np.testing.assert_allclose(arc, 3)
    line, arc = shapes.ways(np.array([3.0, 0]), np.array([0, 4.0]), steps=5)
    assert np.allclose([line[0], arc[0]], 3) and np.allclose([line[4], arc[4]], 4)


def test_out_of_the_cone_is_what_is_steeper():
    x = np.linspace(-1, 1, 101)
    assert shapes.outside_the_cone(x, np.abs(x), 30) == 0
    assert shapes.outside_the_cone(x, 2 * x, 50) == pytest.approx(100 / 101)
    assert shapes.outside_the_cone(x, 2 * x, 50, slope=2) == 0


def test_peaks_are_the_centres():
    for data in (ring("", 5, 1.1, 0.3), eight_gaussians()):
        found = shapes.peaks(data.density)
        apart = np.linalg.norm(found[:, None] - data.centres, axis=2)
        assert len(found) == len(data.centres) and apart.min(1).max() < 0.05
    assert len(shapes.peaks(lambda x: -np.abs(x).sum(-1), cells=11)) == 1
    assert len(shapes.peaks(lambda x: x[..., 0], cells=11)) == 0


@pytest.mark.parametrize("weight", [0.2, 5.0])
def test_the_line_is_as_steep_as_the_penalty_lets_it_be(weight):
    assert shapes.best_line(3.0, weight, steps=40) == pytest.approx(1 + 3 / (2 * weight))


# The demo ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(DEMOS / "shapes.py"))


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.mark.parametrize("name", shapes.NORMS)
def test_a_cube_shows_the_last_image_the_last_channel_and_the_last_pixel(demo, axes, name):
    """Each on the face where it lies: front, right and top."""
    n, c, h, w = demo["SHAPE"]
    demo["draw_cube"](axes, name)
    dark = [patch.get_facecolor()[0] < 0.2 for patch in axes.patches]
    seen = shapes.reduced(name, (n, c, h, w)).reshape(n, c, h * w)
    assert dark == [*seen[0].ravel(), *seen[:, -1].ravel(), *seen[:, :, -1].ravel()]


@pytest.mark.parametrize("stride", [1, 2])
def test_the_stamps_that_are_shown_add_up_to_the_sum_that_is_shown(demo, stride, monkeypatch):
    shown = []
    monkeypatch.setitem(
        demo["draw_step_by_step"].__globals__, "grid", lambda axes, numbers, colors: shown.append(numbers)
    )
    demo["draw_step_by_step"](Figure().subplots(1, 6), stride)
    _, *stamps, whole = shown
    assert [np.isfinite(stamp).sum() for stamp in stamps] == [4] * 4
    np.testing.assert_array_equal(np.nansum(stamps, 0), whole)


def test_the_slope_that_is_expected_and_the_one_that_is_learnt_are_one(demo, axes):
    demo["draw_sweep"](axes)
    (line, *_), legend = axes.lines, [text.get_text() for text in axes.get_legend().get_texts()]
    np.testing.assert_allclose(line.get_ydata(), 1 + demo["SHIFT"] / (2 * line.get_xdata()))
    learnt = axes.collections[0].get_offsets()
    np.testing.assert_allclose(learnt[:, 1], 1 + demo["SHIFT"] / (2 * learnt[:, 0]), rtol=1e-5)
    assert legend == ["1 + s / 2λ", "learnt by descent"]


def test_the_demo_leaves_its_pictures_and_all_its_claims_hold(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["shapes", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DEMOS / "shapes.py"), run_name="__main__")
    assert end.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"shapes_layers.png", "shapes_lines.png", "numbers.json"}
    assert all(Image.open(tmp_path / f"shapes_{name}.png").width > 1400 for name in ("layers", "lines"))
    claims = {claim["claim"]: claim for claim in json.loads((tmp_path / "numbers.json").read_text())["claims"]}
    assert len(claims) == 15
    assert claims["batch norm: inputs with a say in one output"]["value"] == 4 * 2 * 3
    assert claims["value of the critic / cost of the plan"]["value"] == pytest.approx(1)
    assert claims["length in the middle of the line between two latents"]["anchors"]["on the arc"] > 22
