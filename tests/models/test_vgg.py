"""VGG19's features; tests/agreement compares them with PyTorch's."""

import textwrap

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import DataError
from scratchgan.models import SYSTEMS, vgg
from scratchgan.models.vgg import VGG, vgg19
from scratchgan.training.systems import find_system

NARROW = (3, 3), (4, 4), (5,) * 4, (6,) * 4, (6,) * 4


def images(*shape):
    return Tensor(np.tanh(rng().standard_normal(shape)).astype(np.float32))


@pytest.mark.parametrize("layer, convolutions, side", [((1, 1), 1, 32), ((2, 2), 4, 16), ((5, 4), 16, 2)])
def test_the_features_end_with_the_relu_of_their_convolution(layer, convolutions, side):
    network = VGG(rng(), layer, NARROW)
    kinds = [type(module) for module in network.features]
    assert kinds.count(nn.Conv2d) == kinds.count(nn.ReLU) == convolutions and kinds[-1] is nn.ReLU
    assert kinds.count(nn.MaxPool2d) == layer[0] - 1
    assert network.maps(images(1, 3, 32, 32)).shape[2:] == (side, side)


def test_the_full_table_has_the_published_number_of_weights():
    network = VGG(rng())
    assert sum(p.numel() for p in network.parameters()) == 20_024_384
    assert [name for name, _ in network.named_parameters()][-1] == "features.34.bias"


def test_images_are_normalised_as_imagenet_is_and_features_scaled():
    """A pixel of the mean colour gives 0 before the bias; one of a deviation more gives the sum of the weights."""
    network = VGG(rng(), (1, 1), ((1,),), scale=0.5)
    layer = network.features[0]
    layer.weight.data, layer.bias.data = np.zeros((1, 3, 3, 3), np.float32), np.array([2], np.float32)
    layer.weight.data[0, :, 1, 1] = 1, 10, 100
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    for shift, expected in ((0, 2), (1, 113)):
        y = (2 * (mean + shift * deviation) - 1).astype(np.float32).reshape(1, 3, 1, 1)
        assert network.maps(Tensor(y)).item() == pytest.approx(expected / 2, rel=1e-5)


def test_grey_images_are_seen_in_three_equal_channels():
    network, grey = VGG(rng(), (2, 2), NARROW), images(2, 1, 8, 8)
    three = Tensor(grey.data.repeat(3, 1))
    np.testing.assert_array_equal(network.maps(grey).data, network.maps(three).data)


def test_weights_are_taken_by_torchvisions_names(tmp_path):
    reference = VGG(rng(3), (3, 2), NARROW)
    state = reference.state_dict()
    for name, arrays in {
        "whole.npz": state | {"classifier.0.weight": np.zeros((2, 2))},
        "features.npz": {key.removeprefix("features."): array for key, array in state.items()},
    }.items():
        np.savez(tmp_path / name, **arrays)
        network = vgg19(None, 3, 10, weights=tmp_path / name, layer=(2, 2), widths=NARROW)
        for key, array in network.state_dict().items():
            np.testing.assert_array_equal(array, state[key])


def test_the_file_that_its_text_shows_is_a_system(tmp_path):
    """The weights of its line are looked for, and nothing else is missing."""
    program = vgg.__doc__[vgg.__doc__.index("    from dataclasses") :]
    (tmp_path / "my_srgan.py").write_text(textwrap.dedent(program))
    system = find_system(str(tmp_path / "my_srgan.py"))
    assert system.presets["default"].view is SYSTEMS["srgan"].presets["photos"].view
    with pytest.raises(DataError, match="vgg19.npz cannot be read"):
        system.build(rng(), **system.presets["default"].options)


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        vgg19(None, 3, 10, weights=tmp_path / "none.npz")
    np.savez(tmp_path / "vgg.npz", **VGG(rng(), (2, 2), ((4, 3), *NARROW[1:])).state_dict())
    with pytest.raises(DataError, match=r"features.0.weight should be .*\(3, 3, 3, 3\), is float32 \(4, 3, 3, 3\)"):
        vgg19(None, 3, 10, weights=tmp_path / "vgg.npz", layer=(2, 2), widths=NARROW)
    with pytest.raises(DataError, match="features.10.weight should be .* is no such array"):
        vgg19(None, 3, 10, weights=tmp_path / "vgg.npz", widths=((4, 3), *NARROW[1:]))
    for layer in ((6, 1), (0, 1), (1, 3), (2, 0)):
        with pytest.raises(ValueError, match="i is from 1 to 5"):
            VGG(None, layer, NARROW)
