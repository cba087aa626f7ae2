"""ProGAN: layers by their counts, growth without a jump, and what sleeps while it sleeps."""

import tracemalloc

import games
import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan import functional as F
from scratchgan.models import progan
from scratchgan.models.networks import count

WIDTHS = 6, 5, 4, 3
TOP = len(WIDTHS) - 1


def networks(channels=2):
    generator, critic = progan.small_networks(rng(1), 3, WIDTHS, channels)
    for network in (generator.to(np.float64), critic.to(np.float64)):
        network.replace(lambda path, array: array + 0.3 * rng(2).standard_normal(array.shape))  # no bias is 0
    return generator, critic


def latents(number=4):
    return Tensor(rng(3).standard_normal((number, 3)))


def images(level, number=4):
    return Tensor(rng(4).standard_normal((number, 2, 4 << level, 4 << level)))


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_papers_networks_have_as_many_weights_as_the_paper_says():
    """With one layer to and one from the image; and no more memory than these weights take, and the largest layer."""
    tracemalloc.start()
    try:
        generator, critic = progan.paper_networks(rng())
        weights, (_, peak) = 4 * (count(generator) + count(critic)), tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count(generator.blocks) + count(generator.to_image[-1]) == 23_071_507
    assert count(critic.blocks) + count(critic.from_image[-1]) == 23_077_137
    assert peak < weights + 5 * 8 * 512 * 512 * 16


def test_the_layers_are_those_of_the_paper():
    """In G each is followed by a leaky ReLU and a pixel norm, in D by a leaky ReLU; only the ends are linear."""
    generator, critic = networks()
    kinds = [type(layer).__name__ for layer in generator.modules() if not list(layer.children())]
    first = ["PixelNorm", "Unflatten", *2 * ["EqualizedConv2d", "LeakyReLU", "PixelNorm"]]
    later = ["EqualizedUpConv2d", "LeakyReLU", "PixelNorm", "EqualizedConv2d", "LeakyReLU", "PixelNorm"]
    assert kinds == [*first, *TOP * later, *(TOP + 1) * ["EqualizedConv2d"]]
    kinds = [type(layer).__name__ for layer in critic.modules() if not list(layer.children())]
    last = ["MinibatchStdDev", *2 * ["EqualizedConv2d", "LeakyReLU"], "Flatten", "EqualizedLinear"]
    before = ["EqualizedConv2d", "LeakyReLU", "EqualizedDownConv2d", "LeakyReLU"]
    assert kinds == [*last, *TOP * before, *(TOP + 1) * ["EqualizedConv2d", "LeakyReLU"]]
    slopes = {
        layer.negative_slope
        for part in (generator, critic)
        for layer in part.modules()
        if hasattr(layer, "negative_slope")
    }
    assert slopes == {0.2}
    gains = [[layer.gain for layer in part.modules() if hasattr(layer, "gain")] for part in (generator, critic)]
    assert gains[0] == (2 + 2 * TOP) * [2**0.5] + (TOP + 1) * [1.0]
    assert gains[1] == 2 * [2**0.5] + [1.0] + (3 * TOP + 1) * [2**0.5]


def test_the_first_layer_is_dense_with_a_bias_for_each_map():
    """A 4×4 convolution of a latent of one pixel: each pixel is a linear function of z, with a gain of √2 / 4."""
    generator, _ = networks()
    z, layer = latents(), generator.blocks[0][2]
    normed = z.data / np.sqrt((z.data**2).mean(1, keepdims=True) + 1e-8)
    dense = layer.weight.data[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, 3) * 2**0.5 / 4 / 3**0.5
    expected = (normed @ dense.T).reshape(4, 4, 4, 6).transpose(0, 3, 1, 2) + layer.bias.data.reshape(6, 1, 1)
    np.testing.assert_allclose(nn.Sequential(*generator.blocks[0][:3])(z).data, expected, atol=1e-12)


@pytest.mark.parametrize("level", [0, 0.5, 1, 1.25, 2, 2.9, 3])
def test_both_players_have_the_size_of_the_level(level):
    generator, critic = networks()
    size = 4 << int(np.ceil(level))
    assert generator(latents(), level).shape == (4, 2, size, size)
    assert critic(images(int(np.ceil(level))), level).shape == (4, 1)


@pytest.mark.parametrize("level", [-0.1, 3.1, float("nan")])
def test_a_level_that_is_none_is_refused(level):
    generator, critic = networks()
    for call in (lambda: generator(latents(), level), lambda: critic(images(3), level)):
        with pytest.raises(ValueError, match=f"level={level} must be from 0 to 3: there are 4 blocks"):
            call()


# Growing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(TOP))
def test_a_new_block_comes_without_a_jump(level):
    generator, critic = networks()
    old, new = generator(latents(), level), generator(latents(), level + 1e-12)
    np.testing.assert_allclose(new.data, F.interpolate(old, scale_factor=2).data, atol=1e-9)
    x = images(level + 1)
    score = critic(F.avg_pool2d(x, 2), level)
    np.testing.assert_allclose(critic(x, level + 1e-12).data, score.data, atol=1e-9)
    for network, arguments in ((generator, latents()), (critic, x)):
        almost, whole = network(arguments, level + 1 - 1e-12), network(arguments, level + 1)
        np.testing.assert_allclose(almost.data, whole.data, atol=1e-9)
        assert np.abs(network(arguments, level + 0.5).data - whole.data).max() > 1e-3


@pytest.mark.parametrize("level", range(TOP))
def test_a_fade_is_a_mean_of_old_and_new(level):
    """Of the images in G; in D, of features behind the new block, so that the old ones see the pooled image."""
    generator, critic = networks()
    old, new = F.interpolate(generator(latents(), level), scale_factor=2), generator(latents(), level + 1)
    np.testing.assert_allclose(generator(latents(), level + 0.3).data, 0.7 * old.data + 0.3 * new.data, atol=1e-12)
    x = images(level + 1)
    old, new = critic.from_image[level](F.avg_pool2d(x, 2)), critic.blocks[level + 1](critic.from_image[level + 1](x))
    h = 0.7 * old + 0.3 * new
    for block in list(critic.blocks)[level::-1]:
        h = block(h)
    np.testing.assert_allclose(critic(x, level + 0.3).data, h.data, atol=1e-12)


# The game ------------------------------------------------------------------------------------------------------------


def game(seen=0, **options):
    made = games.make("ProGAN", **options)
    made.growth.seen = seen
    return made


def test_the_loss_is_that_of_wgan_gp_with_a_term_against_drift():
    model = game(seen=18)
    (real, level), (fake, _) = games.batch(model), games.batch(model, seed=2)
    numbers = model.critic_loss(real, fake, level, rng=rng())
    scores, fakes = model.critic(real, level).data, model.critic(fake, level).data
    expected = fakes.mean() - scores.mean() + numbers["penalty"].item() + 1e-3 * (scores**2).mean()
    assert numbers["critic_loss"].item() == pytest.approx(expected, rel=1e-12)
    assert numbers["wasserstein"].item() == pytest.approx(scores.mean() - fakes.mean(), rel=1e-12)
    assert numbers["penalty"].item() == pytest.approx(
        model.penalty(model.critic, real, fake, level, rng=rng())["penalty"].item()
    )


def test_a_look_at_the_batch_is_in_groups_of_four():
    critic = progan.small_networks(rng(), 3, WIDTHS, 1)[1]
    assert [layer.group_size for layer in critic.modules() if isinstance(layer, nn.MinibatchStdDev)] == [4]
