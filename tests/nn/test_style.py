"""The layers of networks that grow, and of networks with styles: the property that each is there for."""

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.functional.resample import blur
from scratchgan.nn.style import restyled, statistics
from scratchgan.testing import check_adjoint, check_grads


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


# Pixel norm ----------------------------------------------------------------------------------------------------------


def test_each_pixel_has_a_mean_square_of_1_whatever_it_was():
    x = normal(2, 5, 3, 4) * 10.0 ** rng(1).uniform(-2, 4, (2, 1, 3, 4))
    y = nn.PixelNorm()(Tensor(x)).data
    np.testing.assert_allclose((y**2).mean(1), 1, rtol=1e-3)
    np.testing.assert_allclose(y / np.abs(y).max(1, keepdims=True), x / np.abs(x).max(1, keepdims=True), rtol=1e-12)


def test_it_norms_vectors_as_well_and_leaves_zero_alone():
    y = nn.PixelNorm()(Tensor(np.array([[3.0, 4.0], [0.0, 0.0]]))).data
    np.testing.assert_allclose(y, [[3 / 12.5**0.5, 4 / 12.5**0.5], [0, 0]])
    half = nn.PixelNorm(eps=100.0)(Tensor(np.array([[10.0, 10.0]]))).data
    np.testing.assert_allclose(half, 2**-0.5)


# Blur ----------------------------------------------------------------------------------------------------------------


def test_a_point_becomes_the_binomial_kernel_and_a_border_lets_light_out():
    image = np.zeros((1, 1, 4, 5))
    image[0, 0, 1, 2] = 16
    blurred = np.zeros((4, 5))
    blurred[:3, 1:4] = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    np.testing.assert_array_equal(nn.Blur()(Tensor(image)).data[0, 0], blurred)
    ones = nn.Blur()(Tensor(np.ones((1, 1, 3, 3)))).data[0, 0]
    np.testing.assert_array_equal(ones, np.outer([0.75, 1, 0.75], [0.75, 1, 0.75]))


def test_no_chessboard_passes():
    board = np.indices((6, 6)).sum(0)[None, None] % 2 * 2.0 - 1
    assert not blur(Tensor(board)).data[:, :, 1:-1, 1:-1].any()


def test_it_is_its_own_adjoint():
    x, y = Tensor(normal(2, 3, 4, 5)), normal(2, 3, 4, 5, seed=1)
    assert (blur(x).data * y).sum() == pytest.approx((x.data * blur(Tensor(y)).data).sum())
    check_adjoint(blur, x.data)


def test_what_is_no_image_is_not_blurred():
    with pytest.raises(ValueError, match=r"blur needs images \(N, C, H, W\), got shape \(3, 4\)"):
        blur(Tensor(normal(3, 4)))


# Noise ---------------------------------------------------------------------------------------------------------------


def test_noise_is_nothing_at_the_start_and_then_the_same_for_all_channels():
    layer, x = nn.Noise(3), Tensor(np.zeros((2, 3, 40, 50), np.float32))
    assert not layer(x, rng()).data.any()
    layer.weight.data = np.array([1, 0, -2], np.float32)
    first, second, third = layer(x, rng(1)).data.swapaxes(0, 1)
    assert not second.any() and third == pytest.approx(-2 * first)
    assert first.std() == pytest.approx(1, abs=0.05) and (first[0] != first[1]).all()
    np.testing.assert_array_equal(layer(x, rng(1)).data[:, 0], first)
    assert (layer(x, rng(2)).data[:, 0] != first).all()


def test_noise_has_the_dtype_of_the_images():
    for dtype in (np.float32, np.float64):
        assert nn.Noise(2).to(dtype)(Tensor(np.zeros((1, 2, 3, 3), dtype)), rng()).dtype == dtype


@pytest.mark.parametrize("channels, shape", [(3, (2, 1, 4, 4)), (1, (2, 3, 4, 4)), (3, (2, 3)), (3, (2, 3, 4))])
def test_noise_makes_no_channels(channels, shape):
    """One channel would become as many as there are weights, and one weight would serve all channels."""
    with pytest.raises(ValueError, match=rf"Noise\({channels}\) got .*; it needs \(N, {channels}, H, W\)"):
        nn.Noise(channels)(Tensor(np.zeros(shape, np.float32)), rng())


# Styles --------------------------------------------------------------------------------------------------------------


def test_mean_and_deviation_of_each_channel_are_those_of_the_style():
    layer = nn.AdaIN(4, 3, rng=rng(1)).to(np.float64)
    layer.affine.bias.data = normal(8, seed=2)
    x, style = Tensor(7 + 5 * normal(2, 4, 6, 6)), Tensor(normal(2, 3, seed=3))
    asked = layer.affine(style).data
    y = layer(x, style).data
    np.testing.assert_allclose(y.std((2, 3)), np.abs(1 + asked[:, :4]), atol=1e-4)
    np.testing.assert_allclose(y.mean((2, 3)), asked[:, 4:], atol=1e-4)


def test_a_style_wipes_out_the_one_before():
    """Moved and stretched channels come out the same."""
    layer, x, style = nn.AdaIN(4, 3, rng=rng(1)).to(np.float64), normal(2, 4, 6, 6), Tensor(normal(2, 3, seed=3))
    stretched = x * rng(4).uniform(1, 9, (2, 4, 1, 1)) + normal(2, 4, 1, 1, seed=5)
    np.testing.assert_allclose(layer(Tensor(stretched), style).data, layer(Tensor(x), style).data, atol=1e-6)


def test_its_affine_map_begins_with_a_gain_of_1_and_no_bias():
    layer = nn.AdaIN(200, 50, rng=rng(1))
    assert layer.affine(Tensor(normal(40, 50).astype(np.float32))).data.std() == pytest.approx(1, rel=0.05)
    assert not layer.affine.bias.data.any()


def test_a_constant_channel_becomes_the_styles_mean():
    layer = nn.AdaIN(2, 3, rng=rng(1)).to(np.float64)
    y = layer(Tensor(np.full((1, 2, 4, 4), 3.0)), Tensor(normal(1, 3))).data
    np.testing.assert_allclose(y, np.broadcast_to(layer.affine(Tensor(normal(1, 3))).data[:, 2:, None, None], y.shape))


@pytest.mark.parametrize("images, styles", [((2, 3, 4, 4), (2, 3)), ((2, 4, 4, 4), (1, 3)), ((2, 4), (2, 3))])
def test_images_and_styles_that_do_not_match_are_refused(images, styles):
    with pytest.raises(ValueError, match=r"AdaIN\(4, 3\) got .* it needs images \(N, 4, H, W\) and as many styles"):
        nn.AdaIN(4, 3)(Tensor(np.zeros(images, np.float32)), Tensor(np.zeros(styles, np.float32)))


def test_a_constant_is_learned_and_the_same_for_all():
    layer = nn.Constant(30, 9, 9, rng=rng())
    assert layer.weight.data.std() == pytest.approx(1, rel=0.05) and [path for path, _ in layer.named_parameters()] == [
        "weight"
    ]
    np.testing.assert_array_equal(layer(2).data, np.stack([layer.weight.data] * 2))


# Derivatives ---------------------------------------------------------------------------------------------------------


def test_derivatives_of_both_orders_of_noise_style_and_constant():
    noise, style, constant = nn.Noise(3), nn.AdaIN(3, 2, rng=rng(1)), nn.Constant(3, 2, 2)

    def noisy(x, weight):
        vars(noise).update(weight=weight)
        return noise(x, rng(4))

    def styled(x, w, weight, bias):
        vars(style.affine).update(weight=weight, bias=bias)
        return style(x, w)

    def repeated(weight):
        vars(constant).update(weight=weight)
        return constant(2)

    check_grads(noisy, [normal(2, 3, 2, 2), normal(3)], order=2)
    check_grads(styled, [normal(2, 3, 3, 2), normal(2, 2), normal(6, 2), normal(6)], order=2)
    check_grads(repeated, [normal(3, 2, 2)], order=2)


# Statistics of other images ------------------------------------------------------------------------------------------


def test_an_image_takes_the_mean_and_deviation_of_another_of_any_size():
    x, y = 5 * normal(2, 3, 6, 5) + 1, 3 * normal(2, 3, 8, 9, seed=1) - 2
    made = restyled(Tensor(x), *statistics(Tensor(y)))
    for found, wanted in zip(statistics(made), statistics(Tensor(y))):
        np.testing.assert_allclose(found.data, wanted.data, atol=1e-4)
    centred, mine = ((each - each.mean((2, 3), keepdims=True)) for each in (x, made.data))
    np.testing.assert_allclose(mine / mine.std((2, 3), keepdims=True), centred / centred.std((2, 3), keepdims=True))


def test_the_deviation_divides_by_the_number_and_has_a_slope_where_a_channel_is_silent():
    mean, deviation = statistics(Tensor(np.array([1.0, 3.0]).reshape(1, 1, 1, 2)), eps=0.25)
    assert mean.shape == deviation.shape == (1, 1, 1, 1) and mean.item() == 2 and deviation.item() == 1.25**0.5
    silent = Tensor(np.zeros((1, 2, 3, 3)), requires_grad=True)
    (slope,) = grad(statistics(silent)[1].sum(), silent)
    assert np.isfinite(slope.data).all()
    seven, two = Tensor(np.full((1, 2, 3, 3), 7.0)), Tensor(np.full((1, 2, 1, 1), 2.0))
    np.testing.assert_array_equal(restyled(seven, two, two).data, 2)


def test_derivatives_of_both_orders_of_another_ones_statistics():
    check_grads(lambda x, y: restyled(x, *statistics(y)), [normal(2, 3, 4, 3), normal(2, 3, 2, 5, seed=1)], order=2)
