"""Gated PixelCNN: gates, two stacks, no blind spot, and a vector that says what to draw."""

import numpy as np
import pytest
from derivatives import jacobian, weights_replaced
from seeded import rng

from scratchgan import Tensor
from scratchgan.models import gated_pixelcnn
from scratchgan.models.gated_pixelcnn import GatedLayer, GatedPixelCNN, gate
from scratchgan.models.networks import count
from scratchgan.testing import check_grads


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_gate_lets_through_a_share_of_the_first_half():
    x = normal(2, 6, 3, 3)
    np.testing.assert_allclose(gate(Tensor(x)).data, np.tanh(x[:, :3]) * sigmoid(x[:, 3:]), rtol=1e-12)


@pytest.mark.parametrize("first, size", [(True, (1, 1)), (False, (1, 1)), (False, (5, 5))])
def test_a_layer_is_the_two_equations(first, size):
    layer = GatedLayer(rng(1), 4, 4, 3, first, told=2).to(np.float64)
    v, h, c = Tensor(normal(2, 4, 5, 5)), Tensor(normal(2, 4, 5, 5, seed=1)), normal(2, 2, *size, seed=2)
    above = layer.vertical(v)
    here = (layer.horizontal(h) + layer.across(above)).data
    shift = np.einsum("ncij,oc->noij", c, layer.told.weight.data[:, :, 0, 0])
    new_v, new_h = layer(v, h, Tensor(c))
    np.testing.assert_allclose(new_v.data, gate(Tensor(above.data + shift[:, :8])).data, rtol=1e-10)
    change = layer.change(gate(Tensor(here + shift[:, 8:]))).data
    np.testing.assert_allclose(new_h.data, change if first else h.data + change, rtol=1e-10)
    assert [layer.vertical.kind, layer.horizontal.kind] == (["above", "A"] if first else ["rows", "B"])
    assert layer.horizontal.kernel_size == (1, 3) and layer.vertical.kernel_size == (3, 3)


@pytest.mark.parametrize("first, layers, kernel", [(3, 6, 3), (7, 4, 3), (7, 2, 5)])
def test_there_is_no_blind_spot(first, layers, kernel):
    """Of the 112 pixels before the one in the middle of 15×15 it sees all, and none of the others."""
    network = GatedPixelCNN(rng(1), 4, layers, kernel, first).to(np.float64)
    slopes = sum(abs(jacobian(network, rng(seed).random((1, 15, 15)))[7 * 15 + 7]) for seed in range(3))
    assert (slopes[:112] != 0).all() and not slopes[112:].any()


def test_the_vertical_stack_knows_the_rows_above_alone():
    network = GatedPixelCNN(rng(), 3, 2, 3, 3).to(np.float64)

    def vertical(x):
        v = h = x
        for layer in network.layers:
            v, h = layer(v, h)
        return v[:, :1]

    slopes = jacobian(vertical, rng().random((1, 6, 6))).reshape(6, 6, 6, 6)
    for row in range(6):
        assert not slopes[row, :, row:].any()
    assert slopes[5, 2, 2:5].all(0).any()


def test_the_vector_shifts_every_pixel_of_every_layer():
    network = GatedPixelCNN(rng(), 3, 2, told=4).to(np.float64)
    x, c = np.repeat(normal(1, 1, 5, 5), 2, 0), np.stack([np.zeros((4, 1, 1)), np.ones((4, 1, 1))])
    one, other = network(Tensor(x), Tensor(c)).data
    assert (one != other).all()
    plain = GatedPixelCNN(rng(), 3, 2).to(np.float64)
    plain.load_state_dict({k: v for k, v in network.state_dict().items() if "told" not in k})
    np.testing.assert_allclose(plain(Tensor(x[:1])).data[0], one, rtol=1e-12)


def test_derivatives_in_the_vector_and_all_weights_to_second_order():
    network = GatedPixelCNN(rng(), 2, 1, 3, 3, told=2).to(np.float64)
    x, c = Tensor(normal(2, 1, 4, 4)), Tensor(normal(2, 2, 1, 1))

    def function(c, *weights):
        with weights_replaced(network, weights):
            return network(x, c)

    check_grads(function, [c, *network.parameters()], order=2)


@pytest.mark.parametrize("size", [(1, 1), (6, 5)], ids=["vector", "map"])
def test_images_are_drawn_with_their_own_vectors_and_maps(size):
    network = GatedPixelCNN(rng(), 3, 1, 3, 3, told=2).to(np.float64)
    for parameter in network.parameters():
        parameter.data = 3 * parameter.data
    c, images = Tensor(4 * normal(3, 2, *size)), np.zeros((3, 1, 6, 5))
    network.draw(images, 0, rng(2), c)
    expected, random = np.zeros((3, 1, 6, 5)), rng(2)
    for i in range(6):
        for j in range(5):
            p = sigmoid(network(Tensor(expected), c).data[:, :, i, j])
            expected[:, :, i, j] = random.random(p.shape) < p
    np.testing.assert_array_equal(images, expected)


def test_the_network_has_the_size_that_is_written_down():
    layer = 16 * 32 * 9 + 32 + 16 * 32 * 3 + 32 + 32 * 32 + 32 + 16 * 16 + 16
    first = 32 * 49 + 32 + 32 * 7 + 32 + 32 * 32 + 32 + 16 * 16 + 16
    last = 16 * 32 + 32 + 32 + 1
    assert count(GatedPixelCNN(rng())) == first + 5 * layer + last
    assert [type(m).__name__ for m in GatedPixelCNN(rng()).last] == ["ReLU", "Conv2d"] * 2
    small = gated_pixelcnn.small_network(rng())
    assert count(small) == first + 4 * (layer + 16 * 32 * (25 - 9 + 5 - 3)) + last
    assert all(m.told.kernel_size == (1, 1) and m.told.bias is None for m in GatedPixelCNN(rng(), told=3).layers)
