"""R3GAN: pairs, both penalties, blocks that begin as the identity, and numbers that change while it is trained.

The derivatives of both losses are in gradcheck/test_games.py, ten steps beside PyTorch in agreement/test_r3gan.py.
"""

import math
import re

import numpy as np
import pytest
from games import batch, make
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import r1_penalty, r2_penalty
from scratchgan.models import r3gan
from scratchgan.models.r3gan import Block, cosine, residual_networks


def game(**options):
    return make("R3GAN", **{"ramp": 8, "gamma": (1.5, 0.5), **options})


def fakes(game):
    return game.generator(game.latents(6, rng(4))).detach()


def zeta(u):
    return np.logaddexp(0, u)


# What the players descend --------------------------------------------------------------------------------------------


def test_the_critic_compares_the_pairs_and_both_slopes_cost():
    """(1), with γ = 1.5."""
    model = game()
    (real,), fake = batch(model), fakes(model)
    numbers = {name: value.item() for name, value in model.critic_loss(real, fake, rng=rng()).items()}
    pairs = zeta(model.critic(fake).data - model.critic(real).data).sum() / 6
    slopes = [(slope(model.critic, x) ** 2).sum() / 6 for x in (real, fake)]
    assert min(slopes) > 0.05
    assert numbers["penalty"] == pytest.approx(1.5 / 2 * sum(slopes))
    assert numbers["critic_loss"] == pytest.approx(pairs + 1.5 / 2 * sum(slopes))
    assert numbers["real_score"] == pytest.approx(model.critic(real).data.mean())
    assert numbers["fake_score"] == pytest.approx(model.critic(fake).data.mean())


def slope(critic, x):
    """∇D(x), one image at a time, by central differences."""
    out = np.empty(x.shape)
    for at in np.ndindex(x.shape):
        moved = np.zeros(x.shape)
        moved[at] = 1e-6
        out[at] = (critic(Tensor(x.data + moved)).data - critic(Tensor(x.data - moved)).data)[at[0], 0] / 2e-6
    return out


def test_one_way_through_the_critic_gives_the_gradients_of_two():
    """Scores and slopes of one graph, or each of its own: the same derivatives in all weights."""
    model = game()
    (real,), fake, weights = batch(model), fakes(model), model.critic.parameters()
    apart = model.objective.discriminator_loss(model.critic(real), model.critic(fake))
    apart = apart + r1_penalty(model.critic, real, 1.5) + r2_penalty(model.critic, fake, 1.5)
    together = model.critic_loss(real, fake, rng=rng())["critic_loss"]
    for one, other in zip(grad(together, weights), grad(apart, weights), strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-10, atol=1e-13)


def test_each_image_goes_through_the_critic_once():
    model, seen = game(), []
    forward = model.critic.forward
    model.critic.forward = lambda x: seen.append(x) or forward(x)
    model.critic_step(*batch(model), rng=rng())
    assert len(seen) == 2


def test_the_generator_compares_its_images_with_the_real_ones_of_the_batch():
    """(2): pairs in their order, so that other reals, or another order of them, are another loss."""
    model, z = game(), game().latents(6, rng(4))
    (real,), (others,) = batch(model), batch(model, seed=9)
    fake = model.critic(model.generator(z)).data
    losses = [model.generator_loss(z, real=(x,)).item() for x in (real, others, real[::-1])]
    for loss, x in zip(losses, (real, others, real[::-1])):
        assert loss == pytest.approx(zeta(model.critic(x).data - fake).mean())
    assert len({round(loss, 6) for loss in losses}) == 3


# Networks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expansion", [1, 2])
def test_a_block_begins_as_the_identity_to_the_bit(expansion):
    block = Block(4, expansion, 3, rng())
    x = Tensor(rng(1).standard_normal((2, 4, 5, 5)).astype(np.float32))
    np.testing.assert_array_equal(block(x).data, x.data)


def test_all_blocks_of_both_networks_begin_as_the_identity():
    for network in residual_networks(rng()):
        blocks = [module for module in network.modules() if isinstance(module, Block)]
        assert len(blocks) == 3
        for block in blocks:
            x = Tensor(rng(1).standard_normal((1, block.change[0].in_channels, 6, 6)).astype(np.float32))
            np.testing.assert_array_equal(block(x).data, x.data)


def test_a_block_is_three_convolutions_and_two_biased_activations():
    block = Block(4, 2, 3, rng())
    assert [type(layer).__name__ for layer in block.change] == "Conv2d LeakyReLU Conv2d LeakyReLU Conv2d".split()
    assert [block.change[i].weight.shape for i in (0, 2, 4)] == [(8, 4, 1, 1), (8, 8, 3, 3), (4, 8, 1, 1)]
    assert [block.change[i].options["negative_slope"] for i in (1, 3)] == [0.2, 0.2]
    biases = [path for path, _ in block.named_parameters() if "bias" in path]
    assert biases == ["change.0.bias", "change.2.bias"]
    assert not any(block.change[i].bias.data.any() for i in (0, 2))
    block.change[4].weight.data = rng(2).standard_normal((4, 8, 1, 1)).astype(np.float32)
    x = Tensor(rng(1).standard_normal((2, 4, 5, 5)).astype(np.float32))
    np.testing.assert_allclose(block(x).data, x.data + block.change(x).data, rtol=1e-6)
    assert np.abs(block(x).data - x.data).max() > 0.1


@pytest.mark.parametrize("blocks", [1, 16])
def test_the_first_weights_of_a_block_have_the_gain_of_its_activation_and_of_the_depth(blocks):
    block = Block(100, 1, blocks, rng())
    gain = math.sqrt(2 / 1.04) * {1: 1, 16: 0.5}[blocks]
    for layer, fan_in in ((block.change[0], 100), (block.change[2], 900)):
        assert layer.weight.data.std() == pytest.approx(gain / math.sqrt(fan_in), rel=0.03)
        assert np.abs(layer.weight.data).max() > 3.5 * gain / math.sqrt(fan_in)  # normal, not uniform


def test_the_depth_is_the_number_of_blocks_of_the_network():
    deep, _ = residual_networks(rng(), size=32, widths=(2, 2, 2, 100))
    weights = [module for module in deep.modules() if isinstance(module, Block)][-1].change[2].weight.data
    assert weights.std() == pytest.approx(math.sqrt(2 / 1.04 / 900) * 4**-0.25, rel=0.03)


def test_all_other_first_weights_have_the_gain_1():
    generator, critic = residual_networks(rng(), latent_size=200, size=4, widths=(300, 200), channels=50)
    basis, score = generator[0], critic[-1]
    deviations = {
        1.0: basis.basis, 200**-0.5: basis.linear.weight, 300**-0.5: generator[2].weight, 0.5: score.basis,
        1.0 * 200**-0.5: generator[-1].weight, 50**-0.5: critic[0].weight,
    }  # fmt: skip
    for deviation, weight in deviations.items():
        assert weight.data.std() == pytest.approx(deviation, rel=0.06)
    assert score.linear.weight.data.std() == pytest.approx(300**-0.5, rel=0.15)


def test_only_the_activations_have_biases_and_nothing_is_a_norm():
    for network in residual_networks(rng()):
        biases = [path for path, _ in network.named_parameters() if "bias" in path]
        assert len(biases) == 2 * 3 and all(path.endswith(("change.0.bias", "change.2.bias")) for path in biases)
        assert not [layer for layer in network.modules() if "Norm" in type(layer).__name__]


def test_the_networks_grow_and_shrink_by_halves_and_keep_their_widths():
    generator, critic = residual_networks(rng(), latent_size=7, size=12, widths=(6, 4, 2), channels=3)
    x = Tensor(rng().standard_normal((2, 7)).astype(np.float32))
    shapes = []
    for layer in generator:
        x = layer(x)
        shapes.append(x.shape[1:])
    assert [type(layer).__name__ for layer in generator] == [
        *"Basis Block".split(), *"Conv2d Doubled Block".split() * 2, "ConvTranspose2d"
    ]  # fmt: skip
    assert shapes == [
        (6, 3, 3), (6, 3, 3), (4, 3, 3), (4, 6, 6), (4, 6, 6), (2, 6, 6), (2, 12, 12), (2, 12, 12), (3, 12, 12)
    ]  # fmt: skip
    back = []
    for layer in critic:
        x = layer(x)
        back.append(x.shape[1:])
    assert [type(layer).__name__ for layer in critic] == [
        "Conv2d", *"Block Halved Conv2d".split() * 2, *"Block Score".split()
    ]  # fmt: skip
    assert back == [(2, 12, 12), (2, 12, 12), (2, 6, 6), (4, 6, 6), (4, 6, 6), (4, 3, 3), (6, 3, 3), (6, 3, 3), (1,)]


def test_the_small_networks_have_the_layers_that_are_written_down():
    generator, critic = r3gan.small_networks(rng(), 9)
    first, *_, leaving, last = generator
    assert first[0].weight.shape == (96 * 7 * 7, 9) and first[0].bias is None and len(generator) == 7
    assert leaving.weight.shape == (48, 1, 2, 2) and isinstance(last, nn.Tanh)
    assert critic[-1].basis.shape == (64, 7, 7) and critic[0].weight.shape == (16, 1, 2, 2) and len(critic) == 6


def test_the_first_maps_may_be_one_linear_map_of_z():
    maps = r3gan.maps(400, 6, 5, rng())
    weight, z = maps[0].weight.data, rng(1).standard_normal((3, 400)).astype(np.float32)
    np.testing.assert_allclose(maps(Tensor(z)).data, (z @ weight.T).reshape(3, 6, 5, 5), rtol=1e-4, atol=1e-5)
    assert weight.std() == pytest.approx(400**-0.5, rel=0.05)
    generator, _ = residual_networks(rng(), widths=(4, 3, 2), first=r3gan.maps, last=nn.ReLU)
    assert isinstance(generator[0][1], nn.Unflatten) and isinstance(generator[-1], nn.ReLU)


def test_latents_are_drawn_as_the_option_says():
    model = game(noise=lambda shape, rng: np.full(shape, 2.5))
    assert (model.latents(3, rng()).data == 2.5).all()


@pytest.mark.parametrize("options", [{"size": 30}, {"patch": 2}, {"critic_widths": (8, 8)}])
def test_widths_that_do_not_fit_the_size_are_refused(options):
    with pytest.raises(ValueError, match=f"must be as many, and size={options.get('size', 28)} in patches"):
        residual_networks(rng(), **options)


@pytest.mark.parametrize("name", ["widths", "critic_widths"])
@pytest.mark.parametrize(
    "widths, told",
    [((), r"=\(\)"), (5, "=5"), (None, "=None"), ((4.0, 3, 2), "=4.0"), ((True, 3, 2), "=True"), ((-4, 3, 2), "=-4")],
)
def test_widths_that_are_no_whole_numbers_are_refused(name, widths, told):
    if (name, widths) != ("critic_widths", None):  # then they are those of G
        with pytest.raises(ValueError, match=f"^{name}{told} must be a "):
            residual_networks(rng(), **{name: widths})


@pytest.mark.parametrize("last", [nn.Tanh(), [nn.Tanh()], (), 0], ids=repr)
def test_what_is_to_end_the_generator_is_made_by_a_function(last):
    """A module that is given would be shared by all networks that are made so."""
    with pytest.raises(TypeError, match=f"^{re.escape(f'{last=}')} must be a function that makes what ends G"):
        residual_networks(rng(), last=last)


@pytest.mark.parametrize("option", [{"size": 0}, {"size": 28.0}, {"patch": 0}, {"patch": 1.0}, {"expansion": 1.5}])
def test_a_number_that_is_not_whole_is_refused_by_its_name(option):
    with pytest.raises((TypeError, ValueError), match=next(iter(option))):
        residual_networks(rng(), **option)


def test_images_come_and_go_in_patches_by_linear_maps_without_bias():
    """Each patch of the image is a linear map of one pixel's channels, and the other way round."""
    generator, critic = residual_networks(rng(), size=8, widths=(5, 400), critic_widths=(6, 300), channels=3, patch=2)
    leaving, entering = generator[-1], critic[0]
    x = rng(1).standard_normal((1, 400, 4, 4)).astype(np.float32)
    image = leaving(Tensor(x)).data
    expected = np.einsum("c,cokl->okl", x[0, :, 1, 2], leaving.weight.data)
    np.testing.assert_allclose(image[0, :, 2:4, 4:6], expected, rtol=1e-3, atol=1e-4)
    maps = np.einsum("ckl,ockl->o", image[0, :, 2:4, 4:6], entering.weight.data)
    np.testing.assert_allclose(entering(Tensor(image)).data[0, :, 1, 2], maps, rtol=1e-3, atol=1e-4)
    assert leaving.bias is entering.bias is None and generator[0].basis.shape == (5, 2, 2)
    assert leaving.weight.data.std() == pytest.approx(400**-0.5, rel=0.05)
    assert entering.weight.data.std() == pytest.approx(12**-0.5, rel=0.05)
    assert critic(Tensor(image)).shape == (1, 1) and critic[-1].basis.shape == (6, 2, 2)


def test_the_first_maps_are_learned_images_times_numbers_that_are_linear_in_z():
    basis = r3gan.Basis(3, 2, 4, rng())
    z = rng(1).standard_normal((5, 3)).astype(np.float32)
    expected = basis.basis.data[None] * (z @ basis.linear.weight.data.T)[:, :, None, None]
    np.testing.assert_allclose(basis(Tensor(z)).data, expected, rtol=1e-5)
    assert basis.linear.bias is None and expected.shape == (5, 2, 4, 4)


def test_the_score_is_linear_in_what_each_channel_has_of_its_learned_image():
    score = r3gan.Score(2, 4, rng())
    x = rng(1).standard_normal((5, 2, 4, 4)).astype(np.float32)
    shares = (x * score.basis.data).sum((2, 3))
    np.testing.assert_allclose(score(Tensor(x)).data, shares @ score.linear.weight.data.T, rtol=1e-5)
    assert score.linear.bias is None and score.linear.weight.shape == (1, 2)


def test_the_generators_output_is_linear_and_cut_off_where_it_is_shown():
    model = game()
    model.generator.replace(lambda _, array: 9 * array)
    model.average = None
    z = model.latents(6, rng())
    raw, shown = model.generator(z).data, model.images(z)
    assert np.abs(raw).max() > 1
    np.testing.assert_allclose(shown, np.clip(raw, -1, 1), rtol=1e-6)


@pytest.mark.parametrize("networks", [residual_networks, r3gan.small_networks])
def test_the_first_weights_are_drawn_from_the_generator_that_is_given(networks):
    for one, same, other in zip(networks(rng()), networks(rng()), networks(rng(1)), strict=True):
        for path, array in one.state_dict().items():
            np.testing.assert_array_equal(array, same.state_dict()[path], err_msg=path)
            assert (array != other.state_dict()[path]).any() or not array.any(), path


# Schedules -----------------------------------------------------------------------------------------------------------


def test_a_cosine_leads_from_one_number_to_the_other_and_stays_there():
    assert [cosine((4.0, 2.0), share) for share in (0, 0.5, 1, 6.5)] == pytest.approx([4, 3, 2, 2])
    assert cosine((1.0, 0.0), 0.25) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_what_is_scheduled_is_a_function_of_the_steps_made():
    model = game(gamma=(2.0, 1.0), beta2=(0.9, 0.99), half_life=(0.0, 5.0), ramp=4)
    same = iter([tuple(x.numpy() for x in batch(model))] * 7)
    seen = []
    for _ in range(6):
        model.train_step(same, rng())
        seen.append((*{optimizer.betas for optimizer in model.optimizers()}, model.average.decay))
    shares = [(1 - math.cos(math.pi * min(step / 4, 1))) / 2 for step in range(6)]
    assert [betas for betas, _ in seen] == [(0.0, pytest.approx(0.9 + 0.09 * share)) for share in shares]
    decays = [0.5 ** (1 / (5 * share)) if share else 0.0 for share in shares]
    assert [decay for _, decay in seen] == pytest.approx(decays)


def test_gamma_falls_in_the_loss():
    model, ratios = game(gamma=(2.0, 1.0), ramp=4), []
    (real,), fake = batch(model), fakes(model)
    for steps in range(6):
        model.generator_optimizer.steps = steps
        numbers = model.critic_loss(real, fake, rng=rng())
        slopes = sum(r1_penalty(model.critic, x, 1.0).item() for x in (real, fake))
        ratios.append(numbers["penalty"].item() / slopes)
    assert ratios == pytest.approx([2 - (1 - math.cos(math.pi * min(step / 4, 1))) / 2 for step in range(6)])


def test_after_a_half_life_of_steps_the_average_has_forgotten_half():
    model = game(half_life=(3.0, 3.0))
    model.generator_optimizer.lr = 0.0
    model.average.module.replace(lambda _, array: array + 1)
    away = [array.copy() for array in model.generator.state_dict().values()]
    same = iter([tuple(x.numpy() for x in batch(model))] * 3)
    for _ in range(3):
        model.train_step(same, rng())
    for array, goal in zip(model.average.state_dict().values(), away, strict=True):
        np.testing.assert_allclose(array - goal, 0.5, rtol=1e-6)


@pytest.mark.parametrize("preset", r3gan.SYSTEM.presets)
def test_the_schedules_last_as_long_as_the_preset(preset):
    plan = r3gan.SYSTEM.presets[preset]
    assert r3gan.build(rng(), **plan.options).ramp == plan.steps


@pytest.mark.parametrize("option", [
    {"ramp": 0}, {"beta2": (0.9, 1.0)}, {"beta2": (-0.1, 0.9)}, {"gamma": (-1.0, 1.0)}, {"half_life": 3.0},
    {"half_life": (-1.0, 3.0)},
])  # fmt: skip
def test_schedules_that_cannot_be_are_refused(option):
    with pytest.raises((ValueError, TypeError), match=next(iter(option))):
        game(**option)


def test_the_images_of_the_emoji_preset_are_in_colour():
    model = r3gan.build(rng(), **r3gan.SYSTEM.presets["emoji"].options)
    assert model.images(model.latents(2, rng())).shape == (2, 3, 32, 32)
    assert any(isinstance(layer, nn.Doubled) for layer in model.generator)
