"""Masked layers: what they hide by the derivative, and that neither a gradient nor an optimiser brings it back."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, functional, grad, nn
from scratchgan.nn.masked import row_by_row
from scratchgan.optim import Adam
from scratchgan.testing import check_grads

KINDS = ("A", "B", "above", "rows")


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


def linear(mask=None):
    layer = nn.MaskedLinear(4, 3, rng=rng(1)).to(np.float64)
    layer.mask = np.array([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]]) if mask is None else mask
    return layer


def conv(kind="B", few=2, many=3, kernel=3):
    return nn.MaskedConv2d(kind, few, many, kernel, rng=rng(1)).to(np.float64)


def seen(layer, size, pixel):
    """Where an image (C, *size) has an effect on all channels of one pixel of the output: (H, W), bool."""
    x = Tensor(normal(1, layer.in_channels, *size), requires_grad=True)
    (g,) = grad(layer(x)[0, :, pixel[0], pixel[1]].sum(), x)
    return (g.data != 0).all((0, 1))


# Linear --------------------------------------------------------------------------------------------------------------


def test_a_masked_layer_is_the_layer_with_weights_of_0():
    layer, x = linear(), normal(5, 4)
    expected = x @ (layer.weight.data * layer.mask).T + layer.bias.data
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-13)
    (g,) = grad(layer(Tensor(x)).sum(), [layer.weight])
    assert (g.data[layer.mask == 0] == 0).all() and (g.data[layer.mask == 1] != 0).all()


def test_a_new_layer_hides_nothing():
    layer, x = nn.MaskedLinear(4, 3, rng=rng(1)), Tensor(normal(2, 4).astype(np.float32))
    np.testing.assert_array_equal(layer(x).data, functional.linear(x, layer.weight, layer.bias).data)
    np.testing.assert_array_equal(layer.weight.data, nn.Linear(4, 3, rng=rng(1)).weight.data)


@pytest.mark.parametrize("layer, x", [(linear(), normal(5, 4)), (conv(), normal(2, 2, 4, 5))], ids=["linear", "conv"])
def test_first_and_second_derivative_in_the_input_and_all_weights(layer, x):
    def function(x, *weights):
        with weights_replaced(layer, weights):
            return functional.tanh(layer(x))

    check_grads(function, [Tensor(x), *layer.parameters()], order=2)


@pytest.mark.parametrize("layer, x", [(linear(), normal(5, 4)), (conv("A"), normal(2, 2, 4, 5))])
def test_no_step_of_an_optimiser_moves_a_hidden_weight_or_its_effect(layer, x):
    optimizer = Adam(layer.parameters(), lr=0.1)
    before = layer.weight.data.copy()
    for _ in range(3):
        loss = (layer(Tensor(x)) * layer(Tensor(x))).sum()
        optimizer.step(grad(loss, optimizer.params))
    hidden = np.broadcast_to(layer.mask == 0, before.shape)
    assert (layer.weight.data[hidden] == before[hidden]).all() and (layer.weight.data[~hidden] != before[~hidden]).all()


@pytest.mark.parametrize("bias", [True, False])
def test_there_is_a_bias_where_one_is_asked_for(bias):
    for layer in (nn.MaskedLinear(4, 3, bias, rng=rng()), nn.MaskedConv2d("B", 2, 3, 3, bias, rng=rng())):
        assert list(layer.state_dict()) == ["weight", *["bias"] * bias, "mask"]


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"a mask of shape \(3, 1\) does not fit a weight of shape \(3, 4\)"):
        linear(np.ones((3, 1)))(Tensor(normal(5, 4)))


# Convolution ---------------------------------------------------------------------------------------------------------

AROUND = {  # a kernel of 5 around the pixel x, by hand
    "A": ("#####", "#####", "##...", ".....", "....."),
    "B": ("#####", "#####", "###..", ".....", "....."),
    "above": ("#####", "#####", ".....", ".....", "....."),
    "rows": ("#####", "#####", "#####", ".....", "....."),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_mask_sees_what_the_table_says(kind):
    expected = np.array([[tap == "#" for tap in row] for row in AROUND[kind]])
    np.testing.assert_array_equal(seen(conv(kind, kernel=5), (5, 5), (2, 2)), expected)
    np.testing.assert_array_equal(conv(kind, kernel=5).mask, expected)


@pytest.mark.parametrize(
    "kind, kernel", [(k, n) for k in KINDS for n in (3, 5, (5, 3))] + [("A", (1, 3)), ("B", (1, 3))]
)
def test_at_no_pixel_anything_is_seen_that_comes_later(kind, kernel):
    """Also at the edges of an image, where the kernel hangs over."""
    layer, size = conv(kind, kernel=kernel), (4, 6)
    row, column = np.mgrid[:4, :6]
    for i in range(4):
        for j in range(6):
            before = (row < i) | ((row == i) & (column < j))
            allowed = {"A": before, "B": before | ((row == i) & (column == j)), "above": row < i, "rows": row <= i}[
                kind
            ]
            height, width = (k // 2 for k in layer.kernel_size)
            near = (abs(row - i) <= height) & (abs(column - j) <= width)
            np.testing.assert_array_equal(seen(layer, size, (i, j)), allowed & near)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_convolution_with_weights_of_0_and_keeps_the_size(kind):
    layer, x = conv(kind, kernel=(3, 5)), Tensor(normal(2, 2, 6, 7))
    expected = functional.conv2d(x, layer.weight * Tensor(layer.mask), layer.bias, padding=(1, 2))
    assert layer(x).shape == (2, 3, 6, 7)
    np.testing.assert_allclose(layer(x).data, expected.data, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_its_weights_are_drawn_for_as_many_inputs_as_it_sees(kind):
    """As those of a convolution with so many taps: uniform on ±1/√fan_in."""
    layer = nn.MaskedConv2d(kind, 40, 50, 5, rng=rng(4))
    bound = (40 * layer.mask.sum()) ** -0.5
    assert 0.99 * bound < np.abs(layer.weight.data).max() <= 1.0001 * bound
    assert layer.weight.dtype == np.float32


def test_it_says_what_it_is():
    assert repr(nn.MaskedConv2d("A", 2, 3, 5)) == "MaskedConv2d('A', 2, 3, kernel_size=(5, 5))"


@pytest.mark.parametrize(
    "mask, kernel, message",
    [
        ("C", 3, "mask='C' must be one of 'A', 'B', 'above', 'rows'"),
        ("A", 4, r"kernel_size=\(4, 4\) must be odd"),
        ("B", (3, 2), r"kernel_size=\(3, 2\) must be odd"),
        ("A", 1, r"mask='A' hides all of a kernel of \(1, 1\)"),
        ("above", (1, 3), "mask='above' hides all of a kernel"),
    ],
)
def test_masks_and_kernels_that_cannot_be_are_refused(mask, kernel, message):
    with pytest.raises(ValueError, match=message):
        nn.MaskedConv2d(mask, 2, 3, kernel)


# Row by row ----------------------------------------------------------------------------------------------------------


def network():
    """Each kind of mask, with kernels of one row and of several."""
    layers = conv("above", 1, 2, 5), conv("rows", 2, 2), nn.Tanh(), conv("B", 2, 2, (5, 3)), conv("A", 2, 3, (1, 3))
    return nn.Sequential(*layers)


def test_row_by_row_a_network_gives_what_it_gives_of_whole_images():
    whole, x, rows = network(), normal(2, 1, 7, 6), []
    with row_by_row(whole, x) as complete:
        for i in range(7):
            rows.append(whole(Tensor(x[:, :, i : i + 1])).data)
            complete()
    np.testing.assert_allclose(np.concatenate(rows, 2), whole(Tensor(x)).data, rtol=1e-12, atol=1e-14)


def test_a_row_may_be_given_again_until_it_is_complete():
    whole, x = network(), normal(2, 1, 3, 6)
    with row_by_row(whole, x) as complete:
        for i in range(3):
            whole(Tensor(9 * normal(2, 1, 1, 6, seed=i)))
            last = whole(Tensor(x[:, :, i : i + 1])).data
            complete()
    np.testing.assert_allclose(last, whole(Tensor(x)).data[:, :, 2:], rtol=1e-12)


def test_behind_the_context_rows_are_forgotten():
    """Also when it ends with an error."""
    whole, x = network(), normal(2, 1, 3, 6)
    before = whole(Tensor(x)).data
    with pytest.raises(ZeroDivisionError), row_by_row(whole, x):
        whole(Tensor(x[:, :, :1]))
        1 / 0
    np.testing.assert_array_equal(whole(Tensor(x)).data, before)
    assert all(layer.above is layer.seen is None for layer in whole if isinstance(layer, nn.MaskedConv2d))
