"""The networks of the papers and the small ones: how large they are, what they map to what, and how they begin."""

from functools import partial

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.models import SYSTEMS, acgan, cgan, dcgan, gan
from scratchgan.models.networks import (
    Residual,
    count,
    patch_critic,
    receptive_field,
    small_generator,
    strided_critic,
)
from scratchgan.models.sngan import small_discriminator


def small(critic):
    return lambda rng: (small_generator(64, 32, rng), critic(rng))


GREY, SIGNED, UNIT = (1, 28, 28), (-1, 1), (0, 1)
tutorial = partial(dcgan.strided_networks, size=64)

# name: (both networks, their weights, the inputs of G, the images, the interval of their pixels, the outputs of D)
NETWORKS = {
    "GAN, paper": (gan.paper_networks, (2_503_984, 1_231_441), 100, GREY, UNIT, 1),
    "GAN, small": (gan.small_networks, (550_416, 338_785), 64, GREY, SIGNED, 1),
    "GAN, linear layers": (gan.mlp_networks, (550_416, 533_505), 64, GREY, SIGNED, 1),
    "GAN, lectures": (gan.course_networks, (1_486_352, 4_362_241), 100, GREY, SIGNED, 1),
    "DCGAN, tutorial": (tutorial, (3_576_704, 2_765_568), 100, (3, 64, 64), SIGNED, 1),
    "DCGAN, 32 pixels": (partial(dcgan.strided_networks, size=32, width=4, channels=1), (28_280, 2_928), 100,
                         (1, 32, 32), SIGNED, 1),
    "DCGAN, 8 pixels": (partial(dcgan.strided_networks, size=8, width=4, channels=1), (6_472, 128), 100, (1, 8, 8),
                        SIGNED, 1),
    "DCGAN, small": (dcgan.small_networks, (234_177, 65_633), 64, GREY, SIGNED, 1),
    "DCGAN, smaller": (partial(dcgan.small_networks, width=8), (108_897, 16_817), 64, GREY, SIGNED, 1),
    "WGAN": (small(partial(strided_critic, 32, batch_norm=False)), (234_177, 259_073), 64, GREY, SIGNED, 1),
    "SN-GAN": (small(partial(small_discriminator, 8)), (234_177, 12_601), 64, GREY, SIGNED, 1),
    "CGAN, small": (cgan.small_networks, (265_537, 69_633), 74, GREY, SIGNED, 1),
    "CGAN, Keras": (cgan.keras_networks, (1_491_215, 80_385), 138, GREY, UNIT, 1),
    "AC-GAN": (acgan.small_networks, (265_537, 75_787), 74, GREY, SIGNED, 11),
}  # fmt: skip
every_pair = pytest.mark.parametrize("make, counts, inputs, shape, interval, outputs", NETWORKS.values(), ids=NETWORKS)


@every_pair
def test_the_networks_have_the_published_sizes(make, counts, inputs, shape, interval, outputs):
    assert tuple(count(network) for network in make(rng())) == counts


@pytest.mark.parametrize(
    "system, counts",
    [
        ("progan", (101_884, 90_217)),
        ("stylegan", (84_908, 90_217)),
        ("diffusion_gan", (234_177, 65_761)),
        ("r3gan", (432_864, 52_320)),
    ],
)
def test_the_networks_of_the_younger_systems_keep_their_sizes(system, counts):
    """By default, and in grey."""
    game = SYSTEMS[system].build(rng())
    assert (count(game.generator), count(game.critic)) == counts


@every_pair
def test_latents_become_images_and_images_scores(make, counts, inputs, shape, interval, outputs):
    generator, critic = (getattr(network, "network", network) for network in make(rng()))  # what is told a class
    for weight in generator.parameters()[-2:]:  # so large that the last function shows its limits
        weight.data = 100 * weight.data
    images = generator(Tensor(rng().standard_normal((2, inputs)).astype(np.float32)))
    assert images.shape == (2, *shape) and images.dtype == np.float32
    assert interval[0] <= images.data.min() < 0.5 < images.data.max() <= interval[1]
    assert interval == UNIT or images.data.min() < -0.5
    seen = next(module for module in critic.modules() if isinstance(module, (nn.Conv2d, nn.Linear))).weight.shape[1]
    channels = seen if seen < 784 else 1
    scores = critic(Tensor(rng().standard_normal((2, channels, *shape[1:])).astype(np.float32)))
    assert scores.shape == (2, outputs) and np.abs(scores.data).max() > 0


@every_pair
def test_the_first_weights_are_drawn_from_the_generator_that_is_given(make, counts, inputs, shape, interval, outputs):
    states = [[network.state_dict() for network in make(rng())] for _ in range(2)]
    for state, again in zip(*states, strict=True):
        for path, array in state.items():
            np.testing.assert_array_equal(again[path], array, err_msg=path)


def layers_of(network):
    return " ".join(type(module).__name__ for module in network.modules() if not module.children())


def test_batch_norm_stands_where_dcgan_says():
    """In both networks, but neither at G's output nor at D's input; leaky ReLU of slope 0.2 in D."""
    pairs = (dcgan.strided_networks(rng(), 16, width=2), 1), (dcgan.small_networks(rng(), width=2), 2)
    for (generator, critic), many in pairs:
        up, down = layers_of(generator), layers_of(critic)
        assert up.endswith("BatchNorm2d ReLU ConvTranspose2d Tanh") and up.count("BatchNorm2d ReLU") == 2
        assert down.startswith("Conv2d LeakyReLU Conv2d BatchNorm2d LeakyReLU") and down.count("BatchNorm2d") == many
        assert {m.options["negative_slope"] for m in critic.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_a_critic_for_penalties_and_boxes_has_no_batch_norm():
    for critic in (strided_critic(2, rng(), batch_norm=False), acgan.small_networks(rng(), width=2)[1]):
        assert layers_of(critic).startswith("Conv2d LeakyReLU Conv2d LeakyReLU Conv2d LeakyReLU Flatten")


def test_dcgan_begins_with_a_deviation_of_a_fiftieth():
    scales = []
    for network in dcgan.strided_networks(rng(), 32, width=32):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                scales.append(module.weight.data)
                assert not module.bias.data.any()
            elif isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                assert module.weight.data.std() == pytest.approx(0.02, rel=0.1) and module.weight.dtype == np.float32
                assert abs(module.weight.data.mean()) < 0.002
                assert not isinstance(module.bias, Tensor) or not module.bias.data.any()
    scales = np.concatenate(scales)
    assert scales.mean() == pytest.approx(1, abs=0.005) and scales.std() == pytest.approx(0.02, rel=0.2)


def test_initialise_takes_a_deviation_and_gives_the_network_back():
    network = nn.Sequential(nn.Linear(50, 50), nn.BatchNorm1d(50))
    assert dcgan.initialise(network, rng(), deviation=0.5) is network
    assert network[0].weight.data.std() == pytest.approx(0.5, rel=0.1)
    assert network[1].weight.data.std() == pytest.approx(0.5, rel=0.3)


@pytest.mark.parametrize("size", [0, 3, 4, 28, 48, 65])
def test_a_size_that_is_not_four_doubled_is_refused(size):
    with pytest.raises(ValueError, match=f"size={size} must be 4 doubled once or more: 8, 16, 32, 64, …"):
        dcgan.strided_networks(rng(), size)


@pytest.mark.parametrize("minibatch", [None, "discrimination", "deviation"])
def test_a_minibatch_head_lets_the_discriminator_see_the_other_samples(minibatch):
    """In evaluation, where batch norm does not."""
    critic = dcgan.small_networks(rng(), width=4, minibatch=minibatch)[1].eval()
    images = rng().uniform(-1, 1, (4, 1, 28, 28)).astype(np.float32)
    alike = np.repeat(images[:1], 4, 0)
    mixed, same = critic(Tensor(images)).data[0], critic(Tensor(alike)).data[0]
    assert (abs(mixed - same).item() > 1e-6) == (minibatch is not None)


def test_an_unknown_minibatch_head_is_refused():
    with pytest.raises(ValueError, match="minibatch='stddev' must be None, 'discrimination' or 'deviation'"):
        dcgan.small_networks(rng(), minibatch="stddev")


def test_the_weights_of_the_2014_paper_are_uniform_and_those_of_d_tiny():
    for network, bound in zip(gan.paper_networks(rng()), (0.05, 0.005)):
        for module in network.modules():
            if isinstance(module, nn.Linear):
                assert 0.98 * bound < np.abs(module.weight.data).max() <= bound and not module.bias.data.any()
                assert module.weight.data.std() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_the_keras_networks_begin_with_glorots_weights():
    """Uniform, of variance 2 / (fan_in + fan_out), with the kernel in both fans."""
    generator, critic = (network.network for network in cgan.keras_networks(rng()))
    for layer, fans in (
        (generator[0], 138 + 6762),
        (generator[3], (138 + 128) * 16),
        (generator[7], (128 + 1) * 49),
        (critic[0], (11 + 64) * 9),
        (critic[6], 128 + 1),
    ):
        bound = (6 / fans) ** 0.5
        assert 0.95 * bound < np.abs(layer.weight.data).max() <= bound and not layer.bias.data.any()


# Patches -------------------------------------------------------------------------------------------------------------

PATCHES = {0: 1, 1: 16, 2: 34, 3: 70, 4: 142, 5: 286}  # layers: pixels a side, as the authors' code has them


@pytest.mark.parametrize("layers, pixels", PATCHES.items())
def test_a_patch_has_the_published_size(layers, pixels):
    assert receptive_field(patch_critic(rng(), 1, layers=layers)) == pixels


@pytest.mark.parametrize("layers, pixels", list(PATCHES.items())[:4])
def test_the_pixels_that_a_score_depends_on_are_its_receptive_field(layers, pixels):
    """By the derivative of the score in the middle. Norms, which look at the whole image, are left out."""
    critic = nn.Sequential(*(m for m in patch_critic(rng(), 2, layers=layers) if not isinstance(m, nn.InstanceNorm2d)))
    x = Tensor(rng().standard_normal((1, 3, 128, 128)).astype(np.float32), requires_grad=True)
    scores = critic(x)
    (g,) = grad(scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2], x)
    for axes in ((0, 1, 3), (0, 1, 2)):
        seen = np.flatnonzero(g.data.any(axes))
        assert len(seen) == pixels and np.ptp(seen) == pixels - 1


def test_the_critic_of_patches_of_seventy_pixels_has_the_published_layers():
    """64-128-256-512-1, the first and the last without a norm: 2,768,705 weights with six channels."""
    critic = patch_critic(rng(), 64, 6, layers=3, norm=nn.BatchNorm2d)
    convolutions = [m for m in critic if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 1] and count(critic) == 2_768_705
    assert [m.bias is None for m in convolutions] == [False, True, True, True, False]
    middle = " Conv2d BatchNorm2d LeakyReLU"
    assert layers_of(critic) == "Conv2d LeakyReLU" + 3 * middle + " Conv2d"
    assert {m.negative_slope for m in critic if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert patch_critic(rng(), 1, 6, layers=3)(Tensor(np.zeros((1, 6, 256, 256), np.float32))).shape == (1, 1, 30, 30)


def test_the_width_of_a_critic_of_patches_grows_to_eight_times_the_first():
    widths = [m.out_channels for m in patch_critic(rng(), 2, layers=5) if isinstance(m, nn.Conv2d)]
    assert widths == [2, 4, 8, 16, 16, 16, 1]


def test_without_layers_each_pixel_is_judged_for_itself():
    critic = patch_critic(rng(), 64, 6, layers=0)
    assert [m.out_channels for m in critic if isinstance(m, nn.Conv2d)] == [64, 128, 1]
    assert critic(Tensor(np.zeros((1, 6, 5, 7), np.float32))).shape == (1, 1, 5, 7)


def test_a_residual_adds_its_input():
    x = Tensor(np.ones((1, 2)))
    assert Residual(nn.Flatten())(x).data.tolist() == [[2, 2]]
