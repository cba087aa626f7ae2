"""ProGAN: layers by their counts, growth without a jump, and what sleeps while it sleeps."""

import tracemalloc
from itertools import repeat

import games
import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan import functional as F
from scratchgan.models import progan
from scratchgan.models.networks import count
from scratchgan.models.progan import Growth, blended

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
    np.testing.assert_allclose(blended(x, level + 0.3, level + 1).data, blurred(x.data, 0.3), atol=1e-12)
    old, new = critic.from_image[level](F.avg_pool2d(x, 2)), critic.blocks[level + 1](critic.from_image[level + 1](x))
    h = 0.7 * old + 0.3 * new
    for block in list(critic.blocks)[level::-1]:
        h = block(h)
    np.testing.assert_allclose(critic(x, level + 0.3).data, h.data, atol=1e-12)


def blurred(x, share):
    """(1 − α) up(pool(x)) + α x, in NumPy."""
    n, c, size, _ = x.shape
    small = x.reshape(n, c, size // 2, 2, size // 2, 2).mean((3, 5))
    return (1 - share) * small.repeat(2, 2).repeat(2, 3) + share * x


def test_reals_are_reduced_to_the_level():
    x = images(3)
    np.testing.assert_allclose(blended(x, 0, 3).data, x.data.reshape(4, 2, 4, 8, 4, 8).mean((3, 5)), atol=1e-12)
    assert blended(x, 3, 3) is x
    half = x.data.reshape(4, 2, 16, 2, 16, 2).mean((3, 5))
    np.testing.assert_allclose(blended(x, 1.25, 3).data, blurred(half, 0.25), atol=1e-12)


def test_the_level_rests_and_rises_in_turns():
    growth, levels = Growth(2, 10, 20), []
    for seen in (0, 9, 10, 15, 29, 30, 40, 45, 60, 1000):
        growth.seen = seen
        levels.append(growth.level)
    assert levels == [0, 0, 0, 0.25, 0.95, 1, 1, 1.25, 2, 2]
    assert all(isinstance(level, float) for level in levels)


def test_a_rise_is_told_where_it_begins_and_where_it_ends():
    growth = Growth(2, 10, 20)
    told = [seen + 5 for seen in range(0, 100, 5) if growth.count(5)]
    assert told == [15, 30, 45, 60] and growth.seen == 100


def test_growth_saves_what_it_has_seen():
    growth = Growth(2, 10, 20)
    growth.load_state_dict({"seen": np.array(45)})
    assert growth.level == 1.25 and growth.state_dict() == {"seen": np.array(45)}


# Steps ---------------------------------------------------------------------------------------------------------------


def game(seen=0, **options):
    made = games.make("ProGAN", **options)
    made.growth.seen = seen
    return made


def weights(game):
    parts = ("generator", game.generator), ("critic", game.critic)
    return {f"{name} {path}": p.data.copy() for name, part in parts for path, p in part.named_parameters()}


def moved(game, before):
    return {path for path, array in weights(game).items() if (array != before[path]).any()}


def test_what_sleeps_is_left_alone():
    model = game()
    before = weights(model)
    model.train_step(repeat(games.raw_batch(model)), rng())
    awake = {path for path in before if any(part in path for part in ("blocks.0", "to_image.0", "from_image.0"))}
    assert moved(model, before) == awake and len(awake) < len(before)


def test_what_has_faded_out_is_left_alone_too():
    model = game(seen=1000)
    before = weights(model)
    model.train_step(repeat(games.raw_batch(model)), rng())
    assert set(before) - moved(model, before) == {path for path in before if "image.0" in path}


@pytest.mark.parametrize("seen, steps", [(0, 1), (1, 0), (6, 0), (24, 0), (25, 0), (60, 1)])
def test_both_optimisers_begin_anew_where_a_rise_begins_or_ends(seen, steps):
    """The level is 0 up to image 6, and 1 from image 30 on; a step takes six images."""
    model = game(seen)
    model.train_step(repeat(games.raw_batch(model)), rng())
    assert [optimizer.steps for optimizer in model.optimizers()] == [steps, steps]
    begun = any(
        array.any() for optimizer in model.optimizers() for state in optimizer.state for array in state.values()
    )
    assert begun == bool(steps)


def test_an_iteration_has_one_level_and_counts_the_images_of_the_critic():
    model = game(seen=6)
    model.critic_steps, seen = 2, []
    model.critic.forward = lambda x, level, forward=model.critic.forward: seen.append(level) or forward(x, level)
    numbers = model.train_step(repeat(games.raw_batch(model)), rng())
    assert set(seen) == {0.0} == {numbers["level"]} and model.growth.seen == 18
    assert model.train_step(repeat(games.raw_batch(model)), rng())["level"] == 0.5 and model.growth.seen == 30


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


def test_pictures_have_the_size_of_the_last_level_and_are_cut_off_at_black_and_white():
    model = game()
    model.average.module.to_image[0].weight.data = 100 * model.average.module.to_image[0].weight.data
    z = model.latents(3, rng())
    images = model.images(z)
    assert images.shape == (3, 1, 8, 8) and (images.min(), images.max()) == (-1, 1)
    np.testing.assert_array_equal(images[:, :, ::2, ::2].repeat(2, 2).repeat(2, 3), images)
    assert (model.images(z, 1.0) != images).any()


def test_the_average_takes_part_from_the_start():
    model = game()
    batches = repeat(games.raw_batch(model))
    for _ in range(6):
        model.train_step(batches, rng())
    average, trained = (dict(network.named_parameters()) for network in (model.average.module, model.generator))
    assert all((average[path].data != trained[path].data).any() for path in trained)


def test_a_look_at_the_batch_is_in_groups_of_four():
    critic = progan.small_networks(rng(), 3, WIDTHS, 1)[1]
    assert [layer.group_size for layer in critic.modules() if isinstance(layer, nn.MinibatchStdDev)] == [4]
