"""MADE: the degrees of its units, its masks, and the mixture of its arrangements."""

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import made
from scratchgan.models.made import MADE
from scratchgan.models.networks import count

X = (rng(3).random((5, 1, 2, 3)) < 0.5).astype(np.float32)


def tiny(arrangements=3, hidden=(8, 7), **options):
    return made.build(rng(), image=(1, 2, 3), hidden=hidden, arrangements=arrangements, **options)


def test_the_masks_are_those_of_the_degrees():
    network = MADE(6, (8, 7), rng())
    network.arrange(4)
    pixels, first, second = network.degrees(4)
    masks = [layer.mask for layer in network.layers]
    for k in range(8):
        for d in range(6):
            assert masks[0][k, d] == (first[k] >= pixels[d])
    for k in range(7):
        for j in range(8):
            assert masks[1][k, j] == (second[k] >= first[j])
    for d in range(6):
        for k in range(7):
            assert masks[2][d, k] == (pixels[d] > second[k])


@pytest.mark.parametrize("arrangement", range(5))
def test_no_unit_is_dead(arrangement):
    """Each knows a pixel at least, and is known by the last one: degrees from the least below to D − 2."""
    pixels, *hidden = MADE(6, (40, 30, 50), rng()).degrees(arrangement)
    assert sorted(pixels) == list(range(6))
    for below, above in zip([pixels, *hidden], hidden):
        assert above.min() >= below.min() and above.max() == 4
    assert len(set(hidden[0])) == 5


@pytest.mark.parametrize("arrangement", range(5))
def test_above_a_narrow_layer_every_unit_knows_something(arrangement):
    network = MADE(30, (3, 40, 40), rng())
    pixels, narrow, second, third = network.degrees(arrangement)
    assert (second >= narrow.min()).all() and (third >= second.min()).all()
    assert narrow.min() > 0 and (second != third).any()  # each layer has degrees of its own


def test_the_first_arrangement_has_the_natural_order_and_others_have_others():
    network = MADE(6, (8,), rng())
    assert network.degrees(0)[0].tolist() == list(range(6))
    assert all((network.degrees(k)[0] != np.arange(6)).any() for k in (1, 2, 3))
    for one, same, other in zip(network.degrees(1), network.degrees(1), network.degrees(2)):
        assert (one == same).all() and (one != other).any()


def test_the_first_pixel_depends_on_nothing():
    network = MADE(6, (8, 7), rng())
    first = network(Tensor(rng().random((9, 6)).astype(np.float32))).data[:, 0]
    assert (first == network.layers[2].bias.data[0]).all()


def test_its_layers_are_those_of_the_equations():
    network = MADE(6, (8,), rng())
    (one, two), x = network.layers, X.reshape(5, 6)
    h = np.maximum(one.bias.data + x @ (one.mask * one.weight.data).T, 0)
    expected = two.bias.data + h @ (two.mask * two.weight.data).T
    np.testing.assert_allclose(network(Tensor(X)).data.reshape(5, 6), expected, rtol=1e-5, atol=1e-6)


def test_an_image_has_the_mean_of_the_probabilities_of_its_arrangements():
    """Not that of the logits, which is larger, and of no distribution."""
    model, each = tiny(), []
    for k in range(3):
        model.network.arrange(k)
        each.append(np.exp(-model.nats(Tensor(X)).data))
    assert np.std(each, 0).min() > 1e-5
    np.testing.assert_allclose(np.exp(-model.measured(Tensor(X))), np.mean(each, 0), rtol=1e-5)


def test_each_step_takes_one_of_the_arrangements():
    model, random, found = tiny(), rng(), []
    for _ in range(40):
        model.train_step(iter([(X,)]), random)
        found.append(int(model.network.arrangement))
    assert set(found) == {0, 1, 2}


def test_each_block_of_images_is_drawn_in_one_of_the_arrangements():
    model, random, found = tiny(), rng(), []
    for _ in range(40):
        model.samples(2, random)
        found.append(model.last)
    assert set(found) == {0, 1, 2}


def test_a_state_holds_the_arrangement_that_its_masks_belong_to():
    """Else a network that goes on would draw by the degrees of another."""
    one, other = tiny().network, tiny().network
    one.arrange(2)
    other.load_state_dict(one.state_dict())
    assert other.arrangement == 2
    np.testing.assert_array_equal(other(Tensor(X)).data, one(Tensor(X)).data)


def test_without_hidden_layers_each_pixel_is_a_logistic_regression_on_those_before_it():
    network = MADE(6, (), rng())
    (layer,) = network.layers
    np.testing.assert_array_equal(layer.mask, np.tri(6, k=-1))
    expected = X.reshape(5, 6) @ np.tril(layer.weight.data, -1).T + layer.bias.data
    np.testing.assert_allclose(network(Tensor(X)).data.reshape(5, 6), expected, rtol=1e-5, atol=1e-6)


def test_the_sizes_are_those_that_are_written_down():
    assert count(made.build(rng()).network) == 1_569_784
    assert count(MADE(784, (1000, 1000), rng())) == 2_570_784
    assert all(isinstance(layer, nn.MaskedLinear) for layer in MADE(6, (8, 7), rng()).layers)
