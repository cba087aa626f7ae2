"""Wide products: when they are used, in which blocks, and that threads do not change their bits.

What they compute is what `test_convolution` holds all convolutions to.
"""

import numpy as np
import pretend
import pytest

from scratchgan import threads
from scratchgan.functional.kernels import strips, wide
from scratchgan.functional.kernels.geometry import Geometry

ROW = np.zeros((28, 16, 28, 16), np.float32)  # (H, N, W, C)


def visits(x, kernel=(3, 3), stride=(1, 1), padding=(1, 1)):
    return Geometry(kernel, stride, padding, (len(x), x.shape[2])).axes


def test_they_are_for_large_images_whose_width_stays_and_no_more_outputs_than_channels():
    assert wide.pays(ROW, visits(ROW), 16)
    assert wide.pays(ROW, visits(ROW, (4, 7), padding=(3, 3)), 28)
    assert not wide.pays(ROW, visits(ROW, (4, 7), padding=(3, 3)), 29)
    deep = np.repeat(ROW, 8, axis=3)
    assert wide.pays(deep, visits(deep), 85)
    assert not wide.pays(deep, visits(deep), 86)
    assert not wide.pays(ROW, visits(ROW, padding=(1, 0)), 16)
    assert not wide.pays(ROW, visits(ROW, (3, 1), padding=(1, 0)), 16)
    assert not wide.pays(ROW, visits(ROW, stride=(2, 1)), 16)
    assert not wide.pays(ROW[:8, :8, :8], visits(ROW[:8, :8, :8]), 16)


def test_a_gpu_is_given_few_products():
    assert not wide.pays(pretend.asarray(ROW), visits(ROW), 16)


def test_the_adjoint_is_a_convolution_where_the_width_stays(monkeypatch):
    """Elsewhere `conv` would meet an edge in most visits."""
    monkeypatch.setattr(strips, "conv", lambda *_: "convolution")
    y, w = np.zeros((2, 3, 6, 6)), np.zeros((3, 4, 3, 3))
    assert strips.conv_transpose(y, w, Geometry((3, 3), (1, 1), (1, 1), (6, 6))) == "convolution"
    assert strips.conv_transpose(y, w, Geometry((3, 3), (1, 1), (0, 0), (8, 8))).shape == (2, 4, 8, 8)
    assert strips.conv_transpose(y, w, Geometry((3, 3), (2, 2), (1, 1), (12, 12))).shape == (2, 4, 12, 12)


@pytest.mark.parametrize("rows", [slice(0, 1), slice(3, 40)])
@pytest.mark.parametrize("size", [1, wide.BLOCK // 7, 3 * wide.BLOCK])
def test_blocks_are_all_rows_and_no_larger_than_they_may_be(rows, size):
    blocks = wide._blocks(rows, size)
    assert [i for block in blocks for i in range(block.start, block.stop)] == list(range(rows.start, rows.stop))
    most = max(size, 1.5 * wide.BLOCK)
    assert all(0 < (block.stop - block.start) * size <= most for block in blocks)


@pytest.mark.skipif(not threads._libraries, reason="this BLAS takes no orders")
def test_their_bits_do_not_depend_on_the_number_of_threads():
    at, draw = Geometry((3, 7), (1, 1), (1, 3), (24, 28)), np.random.default_rng(0)
    x, y, w = (draw.standard_normal(shape, np.float32) for shape in ((9, 33, 24, 28), (9, 17, 24, 28), (17, 33, 3, 7)))
    results = set()
    try:
        for count in (1, 2):
            threads.use(count)
            found = strips.conv(x, w, at), strips.conv_transpose(y, w, at), strips.weight_grad(x, y, at)
            results.add(b"".join(array.tobytes() for array in found))
    finally:
        threads.use()
    assert len(results) == 1
