"""SRResNet: its parts, its size, the ways in which an image is enlarged, and what is measured of them."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, metrics, nn
from scratchgan.data import bicubic
from scratchgan.functional import interpolate
from scratchgan.models import srgan
from scratchgan.models.networks import count
from scratchgan.models.superres import SRResNet, as_bytes, as_floats, in_parts
from scratchgan.testing import check_grads


def network(seed=0, channels=1):
    return SRResNet(rng(seed), channels, width=3, blocks=1, up=(8, 4)).to(np.float64)


def tiny():
    return srgan.build(rng(), networks=lambda rng: (network(), nn.Flatten()), pretraining=None)


def images(seed, *shape):
    return Tensor(np.tanh(rng(seed).standard_normal(shape)))


Y, X = images(1, 3, 1, 8, 8), images(2, 3, 1, 2, 2)


# The network ---------------------------------------------------------------------------------------------------------


def test_the_papers_generator_has_the_papers_size():
    """1,545,219 weights of convolutions, if those before a norm had their biases: two in each block, and one more."""
    generator, _ = srgan.paper_networks(rng())
    convolutions = [module for module in generator.modules() if isinstance(module, nn.Conv2d)]
    normed = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    assert sum(map(count, convolutions)) + 64 * len(normed) == 1_545_219
    assert len(normed) == 33 and len(convolutions) == 37
    assert sum(isinstance(module, nn.PReLU) for module in generator.modules()) == 1 + 16 + 2


def test_it_enlarges_four_times_what_comes_in_any_size():
    made = network(channels=3)(images(0, 2, 3, 5, 7))
    assert made.shape == (2, 3, 20, 28) and np.abs(made.data).max() <= 1


def test_black_is_what_lies_around_an_image():
    """The first convolution sees a black image as zeros."""
    made, seen = network(), []
    made.head.forward = lambda x: seen.append(x.data) or Tensor(np.zeros((1, 3, 2, 2)))
    made(Tensor(np.array([[[[-1.0, 1], [0, -1]]]])))
    assert seen[0].tolist() == [[[[0, 1], [0.5, 0]]]]


def test_the_skip_leads_around_all_blocks():
    made = network()
    made.body.forward = lambda x: 0 * x
    np.testing.assert_allclose(made(X).data, made.tail(made.head((X + 1) / 2)).tanh().data)


def test_a_head_start_is_a_bilinear_enlargement_to_which_little_is_added():
    usual, made = network(), SRResNet(rng(), 1, width=3, blocks=1, up=(8, 4), head_start=True).to(np.float64)
    enlarged = interpolate(X, scale_factor=4, mode="bilinear").data
    added = usual.tail(usual.head((X + 1) / 2) + usual.body(usual.head((X + 1) / 2))).data / 10
    np.testing.assert_allclose(made(X).data, enlarged + added, atol=1e-6)


def test_a_block_has_a_prelu_inside_and_none_after():
    block = network().body[0]
    kinds = [type(layer).__name__ for layer in block.change]
    assert kinds == ["Conv2d", "BatchNorm2d", "PReLU", "Conv2d", "BatchNorm2d"]
    assert [type(layer).__name__ for layer in network().tail] == ["Conv2d", "PixelShuffle", "PReLU"] * 2 + ["Conv2d"]


def test_derivatives_of_the_squared_error_in_all_weights():
    model = tiny()

    def loss(*weights):
        with weights_replaced(model.resnet, weights):
            return ((model.resnet(X) - Y) ** 2).mean()

    check_grads(loss, model.resnet.parameters(), order=2)


# Training, and what is shown -----------------------------------------------------------------------------------------


def test_a_step_descends_the_squared_error():
    model = tiny()
    expected = ((model.resnet(X).data - Y.data) ** 2).mean()
    before = [p.data for p in model.resnet.parameters()]
    numbers = model.train_step(iter([(Y.numpy(), X.numpy(), np.arange(3))]), rng())
    assert numbers == {"mse": pytest.approx(expected)}
    assert all((p.data != old).any() for p, old in zip(model.resnet.parameters(), before))
    assert list(model.networks()) == ["SRResNet"]


def test_an_image_is_enlarged_in_all_ways():
    model = tiny()
    ways = model.enlarged(X)
    small = as_bytes(X.numpy())
    np.testing.assert_array_equal(ways["nearest"], np.kron(small, np.ones((4, 4), np.uint8)))
    np.testing.assert_array_equal(ways["bicubic"], bicubic.larger(small, 4))
    made = model.resnet.eval()(X).data
    np.testing.assert_array_equal(ways["SRResNet"], as_bytes(made))
    assert list(ways) == ["nearest", "bicubic", "SRResNet"] and {way.dtype for way in ways.values()} == {np.dtype("u1")}


def test_bytes_and_floats_are_each_others_inverse():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(as_bytes(as_floats(every)), every)
    assert as_bytes(np.array([-3.0, 3, 1 / 255])).tolist() == [0, 255, 128]


def test_many_images_are_enlarged_in_parts(monkeypatch):
    model = tiny()
    together = model.resnet.eval()(X).data
    monkeypatch.setattr("scratchgan.models.superres.BLOCK", 2)
    made = in_parts(model.resnet.train(), X)
    np.testing.assert_allclose(made.data, together)
    assert not made.requires_grad and model.resnet.training


def test_the_picture_shows_all_ways_and_the_truth_below():
    model = tiny()
    y, x = images(3, 9, 1, 8, 8), images(4, 9, 1, 2, 2)
    sheet = model.show((y, x, np.arange(9)), rng())
    assert sheet.shape == (4, 8, 1, 8, 8)
    np.testing.assert_allclose(sheet[3], y.data[:8], atol=1e-6)
    np.testing.assert_array_equal(sheet[2], as_floats(model.enlarged(x[:8])["SRResNet"]))


# What is measured ----------------------------------------------------------------------------------------------------


def test_what_is_measured_is_of_each_way_beside_the_truth():
    model = tiny()
    numbers = model.measure((Y, X), rng())
    truth = as_floats(as_bytes(Y.numpy()))
    for way, image in model.enlarged(X).items():
        image = as_floats(image)
        assert numbers[f"PSNR, {way}"] == pytest.approx(metrics.psnr(image, truth).mean())
        assert numbers[f"SSIM, {way}"] == pytest.approx(metrics.ssim(image, truth).mean())
        ratio = metrics.sharpness(image).mean() / metrics.sharpness(truth).mean()
        assert numbers[f"sharpness, {way}"] == pytest.approx(ratio)
    assert len(numbers) == 9


class Seen:
    """A judge whose S is the mean of the first pixels, and to whom the brightest row is the class."""

    asked = []

    def __init__(self, data):
        self.asked.append(data)

    def S(self, images):
        assert images.dtype == np.uint8  # which the judge never doubts: an untrained network makes grey images
        return float(images[:, 0, 0, 0].mean() / 127.5 - 1)

    def accuracy(self, images, labels):
        return float((images[:, 0].mean(2).argmax(1) == labels).mean())


@pytest.mark.parametrize("shape, data", [((1, 28, 28), "mnist"), ((3, 32, 32), "emoji")])
def test_a_judge_who_knows_the_images_is_asked(monkeypatch, shape, data):
    monkeypatch.setattr("scratchgan.metrics.Judge", Seen)
    channels, size, _ = shape
    model = srgan.build(rng(), networks=lambda rng: (network(channels=channels), nn.Flatten()), pretraining=None)
    y = images(5, 130, *shape)
    y.data[:, :, 0, 0] = 0.1
    held_out = y, images(6, 130, channels, size // 4, size // 4), np.zeros(130, int)
    numbers = model.measure(held_out, rng())
    assert Seen.asked[-1] == data
    assert numbers["S, the true image"] == pytest.approx(0.1, abs=0.01) and "S, SRResNet" in numbers
    truth = as_floats(as_bytes(y.numpy()))
    assert numbers["class kept, the true image"] == Seen(data).accuracy(as_bytes(truth), 0)
    assert "S, bicubic" in model.measure(held_out[:2], rng())
    assert not any("class" in name for name in model.measure(held_out[:2], rng()))


def test_a_judge_who_does_not_know_the_images_is_not():
    """Strange images, few images, and images of another size have only what needs no judge."""
    model = srgan.build(rng(), networks=lambda rng: (network(), nn.Flatten()), pretraining=None)
    y, x = images(5, 130, 1, 28, 28), images(6, 130, 1, 7, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scratchgan.metrics.Judge", Seen)
        y.data[:, :, 0, 0] = 0.9
        assert len(model.measure((y, x, np.zeros(130, int)), rng())) == 9
        y.data[:, :, 0, 0] = 0.1
        assert len(model.measure((y[:128], x[:128], np.zeros(128, int)), rng())) == 9
        assert len(model.measure((y[:, :, 4:, 4:], x[:, :, 1:, 1:], np.zeros(130, int)), rng())) == 9
        assert len(model.measure((y, x, np.zeros(130, int)), rng())) > 9
