"""StyleGAN: what a style governs, what noise does, how styles are mixed and truncated, and the paper's counts."""

from itertools import repeat

import games
import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import R1
from scratchgan.models import stylegan
from scratchgan.models.networks import count

WIDTHS, LAYERS = (6, 5, 4), 6  # up to 16×16, two layers of each size


def generator(**options):
    network = stylegan.Generator(rng(1), 5, WIDTHS, 1, depth=2, **options).to(np.float64)
    network.replace(lambda path, array: array + 0.3 * rng(2).standard_normal(array.shape))
    return network.eval()


def latents(number=4, seed=3):
    return Tensor(rng(seed).standard_normal((number, 5)))


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_papers_networks_have_as_many_weights_as_the_paper_says():
    network, critic = stylegan.paper_networks(rng())
    awake = count(network) - sum(count(layer) for layer in network.to_image[:-1])
    assert awake == 26_212_019
    assert count(critic.blocks) + count(critic.from_image[-1]) == 23_077_137  # that of ProGAN; a blur has no weights
    assert len([part for part in network.mapping if isinstance(part, nn.EqualizedLinear)]) == 8
    assert {layer.lr_multiplier for layer in network.blocks.modules() if hasattr(layer, "lr_multiplier")} == {1}


def test_the_layers_are_in_the_papers_order():
    network, critic = stylegan.small_networks(rng(), 5, WIDTHS, depth=2)
    kinds = [type(layer).__name__ for layer in network.blocks[1].modules() if not list(layer.children())]
    epilogue = ["Noise", "EqualizedLinear"]
    assert kinds == ["EqualizedUpConv2d", "Blur", *epilogue, "EqualizedConv2d", *epilogue]
    kinds = [type(layer).__name__ for layer in critic.blocks[1].modules() if not list(layer.children())]
    assert kinds == ["EqualizedConv2d", "LeakyReLU", "Blur", "EqualizedDownConv2d", "LeakyReLU"]
    kinds = [type(layer).__name__ for layer in network.mapping.modules() if not list(layer.children())]
    assert kinds == ["PixelNorm", *2 * ["EqualizedLinear", "LeakyReLU"]]
    assert not [path for path, _ in network.named_parameters() if "conv.bias" in path or "begin.0.bias" in path]
    assert [layer.gain for layer in network.to_image] == 3 * [1.0]


def test_without_styles_it_is_progans_generator_with_blurs():
    network, critic = stylegan.unstyled_networks(rng(), 5, WIDTHS)
    kinds = [type(layer).__name__ for layer in network.generator.blocks[1].modules() if not list(layer.children())]
    ends = ["LeakyReLU", "PixelNorm"]
    assert kinds == ["EqualizedUpConv2d", "Blur", *ends, "EqualizedConv2d", *ends]
    assert "Blur" in [type(layer).__name__ for layer in critic.modules()]
    z = latents().to(np.float32)
    np.testing.assert_array_equal(network(z, 1.5, rng()).data, network.generator(z, 1.5).data)
    with pytest.raises(ValueError, match="psi=0.5 would draw w nearer to its mean, and this generator has no w"):
        network(z, 1.5, rng(), psi=0.5)


def test_each_step_of_the_ablation_changes_one_thing():
    """C to F: a constant, noise, and mixing are added one after the other; before them, mapping and styles."""
    steps = [stylegan.ABLATION[letter](rng())[0] for letter in "bcde"] + [stylegan.small_networks(rng())[0]]
    assert [type(step).__name__ for step in steps] == ["Unstyled", *4 * ["Generator"]]
    has = [(step.constant is not None, step.blocks[0].first.noise is not None, step.mixing) for step in steps[1:]]
    assert has == [(False, False, 0), (True, False, 0), (True, True, 0), (True, True, 0.9)]


def test_a_new_block_begins_with_less_contrast():
    quiet, loud = (stylegan.small_networks(rng(), quiet=share)[0].to_image for share in (0.25, 1.0))
    for i, (layer, other) in enumerate(zip(quiet, loud)):
        np.testing.assert_array_equal(layer.weight.data, (0.25 if i else 1) * other.weight.data)


def test_styles_have_a_rate_of_their_own():
    """The weights that are used begin as large as ever; those that are stored are larger, so Adam moves them less."""
    slow, fast = (stylegan.small_networks(rng(), style_rate=rate)[0].blocks[0].first.style for rate in (0.25, 1.0))
    assert (slow.affine.lr_multiplier, fast.affine.lr_multiplier) == (0.25, 1.0)
    np.testing.assert_allclose(slow.affine.weight.data, 4 * fast.affine.weight.data, rtol=1e-6)


def test_an_epilogue_is_noise_then_bias_then_leaky_relu_then_style():
    layer = stylegan.Epilogue(rng(), 2, 3).to(np.float64)
    layer.replace(lambda path, array: array + rng(2).standard_normal(array.shape))
    x, w = rng(3).standard_normal((4, 2, 5, 5)), Tensor(rng(4).standard_normal((4, 3)))
    noise = rng(5).standard_normal((4, 1, 5, 5), dtype=np.float32)
    h = x + layer.noise.weight.data.reshape(2, 1, 1) * noise + layer.bias.data
    expected = layer.style(Tensor(np.where(h > 0, h, 0.2 * h)), w)
    np.testing.assert_allclose(layer(Tensor(x), w, rng(5)).data, expected.data, rtol=1e-12)


def test_the_mapping_is_slow_and_begins_as_any_other():
    """Each layer keeps the size of a signal, so w is about as large as z."""
    network = stylegan.mapping(rng(), 64, 8)
    w = network(Tensor(rng(1).standard_normal((500, 64)).astype(np.float32))).data
    assert {part.lr_multiplier for part in network if hasattr(part, "lr_multiplier")} == {0.01}
    assert 0.5 < np.sqrt((w**2).mean()) < 2


@pytest.mark.parametrize("level", [0, 0.5, 1, 1.25, 2])
def test_images_have_the_size_of_the_level(level):
    size = 4 << int(np.ceil(level))
    assert generator()(latents(), level, rng()).shape == (4, 1, size, size)


@pytest.mark.parametrize("level", [0, 1])
def test_a_new_block_comes_without_a_jump_and_is_faded_in(level):
    network = generator(noise=False)  # of which a new block has more
    old, almost, new = (network(latents(), at, rng()).data for at in (level, level + 1e-12, level + 1))
    np.testing.assert_allclose(almost, old.repeat(2, 2).repeat(2, 3), atol=1e-9)
    half = network(latents(), level + 0.25, rng()).data
    np.testing.assert_allclose(half, 0.75 * almost + 0.25 * new, atol=1e-9)


# Styles --------------------------------------------------------------------------------------------------------------


def test_a_style_of_a_layer_that_sleeps_changes_nothing_and_of_each_other_something():
    network, w = generator(noise=False), latents()
    for level, awake in ((0, 2), (1, 4), (1.5, 6), (2, 6)):
        images = network.synthesis([w] * LAYERS, level, rng()).data
        for layer in range(LAYERS):
            styles = [w] * layer + [latents(seed=9)] + [w] * (LAYERS - layer - 1)
            changed = network.synthesis(styles, level, rng()).data
            assert (changed != images).any() == (layer < awake), (level, layer)


def test_in_evaluation_all_layers_have_the_style_of_one_latent():
    network = generator()
    w = network.mapping(latents()).data
    for level, layers in ((0, 2), (0.5, 4), (2, 6)):
        styles = network.styles(latents(), level, rng())
        assert len(styles) == layers and all((style.data == w).all() for style in styles)


def test_truncation_draws_every_style_towards_the_mean():
    network = generator()
    w, center = network.mapping(latents()).data, network.center
    for psi in (0.0, 0.7, 1.0, 1.5):
        (style, *_) = network.styles(latents(), 1, rng(), psi)
        np.testing.assert_allclose(style.data, np.broadcast_to(center + psi * (w - center), w.shape), rtol=1e-12)
    images = network(latents(), 2, rng(), 0.0).data
    silent = generator(noise=False)
    assert np.ptp(silent(latents(), 2, rng(), 0.0).data, axis=0).max() < 1e-12 < np.ptp(images, axis=0).max()


@pytest.mark.parametrize("psi", [np.nan, np.inf, -np.inf])
def test_truncation_by_no_number_is_refused(psi):
    with pytest.raises(ValueError, match="psi=.* must be a finite number"):
        generator().styles(latents(), 1, rng(), psi)


def test_in_training_the_mean_style_is_followed_and_is_that_of_the_first_latents_alone():
    network = generator(mixing=1.0).train()
    center, w = network.center.copy(), network.mapping(latents()).data
    network.styles(latents(), 2, rng())
    np.testing.assert_allclose(network.center, 0.995 * center + 0.005 * w.mean(0), rtol=1e-12)
    kept = network.center.copy()
    network.eval().styles(latents(), 2, rng())
    np.testing.assert_array_equal(network.center, kept)


def test_the_mean_style_is_saved_and_not_learned():
    network = generator()
    assert "center" in network.state_dict() and "center" not in dict(network.named_parameters())


def test_styles_are_mixed_at_any_layer_in_training_as_often_as_said():
    network, own, crossovers = generator(mixing=0.75).train(), generator().mapping(latents()).data, []
    draws = rng(7)
    for _ in range(2000):
        styles = network.styles(latents(), 2, draws)
        same = [np.array_equal(style.data, own) for style in styles]
        crossovers.append(sum(same))
        assert len(same) == LAYERS and same == [True] * sum(same) + [False] * (LAYERS - sum(same))
        others = {style.data.tobytes() for style in styles[sum(same) :]}
        assert len(others) == (sum(same) < LAYERS)
    shares = np.bincount(crossovers, minlength=7) / 2000
    assert shares[0] == 0 and shares[6] == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(shares[1:6], 0.15, atol=0.03)


@pytest.mark.parametrize("level, layers", [(0, 2), (0.5, 4), (1, 4), (2, 6)])
def test_styles_are_mixed_among_the_layers_that_are_awake(level, layers):
    network, own, draws = generator(mixing=1.0).train(), generator().mapping(latents()).data, rng(7)
    for _ in range(20):
        styles = network.styles(latents(), level, draws)
        assert len(styles) == layers
        assert np.array_equal(styles[0].data, own) and not np.array_equal(styles[-1].data, own)


def test_the_second_latents_are_standard_normal():
    network, seen = generator(mixing=1.0).train(), []
    mapping = network.mapping.forward
    network.mapping.forward = lambda z: seen.append(z.data) or mapping(z)
    network.styles(latents(5000), 2, rng())
    assert seen[1].mean() == pytest.approx(0, abs=0.03) and seen[1].std() == pytest.approx(1, abs=0.03)
    assert (seen[1] != seen[0]).all() and len(seen) == 2


# What an image begins with -------------------------------------------------------------------------------------------


def test_without_a_constant_the_image_begins_with_w():
    network = generator(constant=False, noise=False)
    assert network.constant is None and network.blocks[0].begin[1].weight.shape == (6, 5, 4, 4)
    assert network.blocks[0].begin[1].gain == 2**0.5  # a leaky ReLU follows
    styles = [latents(seed=s) for s in (1, 2)]
    first = network.synthesis(styles, 0, rng()).data
    styles[0] = Tensor(styles[0].data[::-1].copy())
    assert (network.synthesis(styles, 0, rng()).data != first).any()


def test_noise_changes_details_and_is_drawn_anew_for_each_image():
    network, same = generator(), Tensor(np.repeat(latents(1).data, 3, 0))
    images = network(same, 2, rng()).data
    assert (images[0] != images[1]).any() and (images == network(same, 2, rng()).data).all()
    assert (images != network(same, 2, rng(1)).data).any()
    assert np.ptp(generator(noise=False)(same, 2, rng()).data, axis=0).max() < 1e-12


# The game ------------------------------------------------------------------------------------------------------------


def test_the_other_losses_are_those_of_progan():
    game = games.make("StyleGAN, Wasserstein")
    (real, level), (fake, _) = games.batch(game), games.batch(game, seed=2)
    numbers = game.critic_loss(real, fake, level, rng=rng())
    scores, fakes = game.critic(real, level).data, game.critic(fake, level).data
    assert game.penalty.weight == 1 and game.penalty.center == 1
    expected = fakes.mean() - scores.mean() + numbers["penalty"].item() + 1e-3 * (scores**2).mean()
    assert numbers["critic_loss"].item() == pytest.approx(expected, rel=1e-12)
    z = game.latents(6, rng())
    assert game.generator_loss(z, level, rng=rng(4)).item() == pytest.approx(
        -game.critic(game.generator(z, level, rng(4)), level).data.mean(), rel=1e-12
    )


def test_the_losses_are_the_non_saturating_ones_and_r1():
    game = games.make("StyleGAN", penalty=R1(3.0))
    (real, level), (fake, _) = games.batch(game), games.batch(game, seed=2)
    numbers = game.critic_loss(real, fake, level, rng=rng())
    scores, fakes = game.critic(real, level).data, game.critic(fake, level).data
    x = Tensor(real.data, requires_grad=True)
    (slope,) = grad(game.critic(x, level).sum(), x)
    expected = np.log1p(np.exp(-scores)).mean() + np.log1p(np.exp(fakes)).mean()
    expected += 3 / 2 * (slope.data**2).sum((1, 2, 3)).mean()
    assert numbers["critic_loss"].item() == pytest.approx(expected, rel=1e-10)
    z = game.latents(6, rng())
    images = game.generator(z, level, rng(4))
    loss = np.log1p(np.exp(-game.critic(images, level).data)).mean()
    assert game.generator_loss(z, level, rng=rng(4)).item() == pytest.approx(loss, rel=1e-10)


def test_pictures_without_an_rng_have_the_same_noise_and_are_those_of_the_average():
    game = games.make("StyleGAN")
    for _ in range(3):
        game.train_step(repeat(games.raw_batch(game)), rng())
    z = game.latents(3, rng())
    images = game.images(z)
    np.testing.assert_array_equal(images, game.images(z, rng=rng(0)))
    assert images.shape == (3, 1, 8, 8) and (images != game.images(z, rng=rng(1))).any()
    assert game.images(z, 0).shape == images.shape
    for psi in (0.0, 0.5, 1.0):
        expected = game.average.module(z, game.growth.level, rng(0), psi).data
        np.testing.assert_allclose(game.images(z, psi=psi), np.clip(expected, -1, 1), atol=1e-6)
