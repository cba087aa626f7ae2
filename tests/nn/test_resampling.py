"""Twice and half the size: what is read and with which weights, at edges too, beside interpolation and its adjoint."""

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan import functional as F
from scratchgan.testing import check_grads

LAYERS = {"Halved": nn.Halved(), "Doubled": nn.Doubled()}
SIZES = [(2, 2), (4, 6), (7, 1), (14, 14)]
both = pytest.mark.parametrize("name", LAYERS)
every_size = pytest.mark.parametrize("size", SIZES)


def images(*size, dtype=np.float64):
    return Tensor(rng().standard_normal((2, 3, *size)).astype(dtype))


@every_size
def test_doubled_is_bilinear_interpolation(size):
    x = images(*size)
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(nn.Doubled()(x).data, expected.data, rtol=1e-12, atol=1e-14)


@every_size
def test_halved_weighs_four_neighbours_and_repeats_the_edges(size):
    x = images(2 * size[0], 2 * size[1])
    around = np.pad(x.data, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (4, 4), (2, 3))[:, :, ::2, ::2]
    filter = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    np.testing.assert_allclose(nn.Halved()(x).data, (windows * filter).sum((-2, -1)), rtol=1e-12, atol=1e-14)


@every_size
def test_the_two_are_adjoint(size):
    """⟨halved x, y⟩ = ⟨x, doubled y⟩ / 4."""
    x, y = images(2 * size[0], 2 * size[1]), images(*size)
    one = (nn.Halved()(x) * y).sum().item()
    assert one == pytest.approx((x * nn.Doubled()(y)).sum().item() / 4, rel=1e-10)


@both
def test_a_constant_stays_what_it_is(name):
    made = LAYERS[name](Tensor(np.full((1, 2, 6, 4), 0.7)))
    np.testing.assert_allclose(made.data, 0.7, rtol=1e-12)
    assert made.shape == ((1, 2, 3, 2) if name == "Halved" else (1, 2, 12, 8))


@both
def test_height_and_width_are_each_resampled_along_themselves(name):
    x = rng().standard_normal((2, 3, 4, 6))
    turned = LAYERS[name](Tensor(x.swapaxes(2, 3))).data.swapaxes(2, 3)
    np.testing.assert_allclose(LAYERS[name](Tensor(x)).data, turned, rtol=1e-12)


@both
def test_the_dtype_stays(name):
    assert LAYERS[name](images(4, 4, dtype=np.float32)).dtype == np.float32


@both
def test_derivatives_to_second_order(name):
    check_grads(lambda x: LAYERS[name](x) ** 2, [images(4, 6).data], order=2)


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (1, 2, 4, 3), (2, 4, 4), (4, 4)])
def test_what_cannot_be_halved_is_refused(shape):
    with pytest.raises(ValueError, match=r"images \(N, C, H, W\) with even H and W"):
        nn.Halved()(Tensor(np.zeros(shape)))


@pytest.mark.parametrize("shape", [(2, 4, 4), (4, 4), (1, 2, 3, 4, 5)])
def test_what_is_no_batch_of_images_is_not_doubled(shape):
    with pytest.raises(ValueError, match=r"Doubled needs images \(N, C, H, W\)"):
        nn.Doubled()(Tensor(np.zeros(shape)))


@both
def test_integers_are_refused(name):
    with pytest.raises(TypeError, match="input"):
        LAYERS[name](Tensor(np.zeros((1, 1, 2, 2), int)))
