"""The conditional GAN: how the discriminator is told a class."""

import numpy as np
import pytest
from games import CLASSES, batch, make

from scratchgan import Tensor, nn
from scratchgan.models import cgan
from scratchgan.models.cgan import Pairs, banded_maps, constant_maps

ONE_HOT = Tensor(np.eye(10))


def test_constant_maps_are_ones_in_the_channel_of_the_class_and_nowhere_else():
    maps = constant_maps(ONE_HOT, 3, 5).data
    assert maps.shape == (10, 10, 3, 5)
    for y in range(10):
        for channel in range(10):
            assert (maps[y, channel] == (channel == y)).all()


def test_banded_maps_are_those_of_the_well_known_example():
    """Which repeats the flattened vectors and reads them as (height, width, channels)."""
    copied = np.repeat(ONE_HOT.data[:, None, None], 28 * 28).reshape(10, 28, 28, 10).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(banded_maps(ONE_HOT, 28, 28).data, copied)


@pytest.mark.parametrize("y, rows", [(0, [0, 1, 2]), (3, [8, 9, 10, 11]), (9, [25, 26, 27])])
def test_the_band_of_a_class_lies_across_all_channels_alike(y, rows):
    maps = banded_maps(ONE_HOT, 28, 28).data[y]
    for channel in maps:
        assert np.flatnonzero(channel.any(1)).tolist() == rows and channel[rows[1:-1]].all()


@pytest.mark.parametrize("maps", [constant_maps, banded_maps])
def test_a_pair_is_an_image_with_the_maps_of_its_class_behind_it(maps):
    images, y = batch(make("CGAN"))
    pairs = Pairs(nn.Flatten(), maps)(images, y).data.reshape(6, 1 + CLASSES, 4, 4)
    np.testing.assert_array_equal(pairs[:, :1], images.data)
    np.testing.assert_array_equal(pairs[:, 1:], maps(Tensor(np.eye(CLASSES)), 4, 4).data[y.data.argmax(1)])


def test_the_presets_show_the_labels_as_they_say():
    shown = {}
    for name in ("default", "banded"):
        game = cgan.build(np.random.default_rng(0), **cgan.SYSTEM.presets[name].options)
        shown[name] = game.critic.maps
    assert shown == {"default": constant_maps, "banded": banded_maps}


def test_the_losses_are_equation_2_of_pairs_with_their_own_labels():
    game = make("CGAN")
    real, y = batch(game)
    z = game.latents(6, np.random.default_rng(0))
    fake = Tensor(game.generator(z, y).data)
    d_real, d_fake = (game.critic(x, y).data for x in (real, fake))
    numbers = game.critic_loss(real, fake, y, rng=None)
    expected = np.log1p(np.exp(-d_real)).mean() + np.log1p(np.exp(d_fake)).mean()
    assert numbers["critic_loss"].item() == pytest.approx(expected)
    assert numbers["fake_score"].item() == pytest.approx(d_fake.mean())
    assert game.generator_loss(z, y).item() == pytest.approx(np.log1p(np.exp(-d_fake)).mean())


def test_the_keras_preset_is_the_examples():
    preset = cgan.SYSTEM.presets["keras"]
    assert (preset.batch_size, preset.rates_fall, preset.options["latent_size"]) == (64, False, 128)
    game = cgan.build(np.random.default_rng(0), **preset.options)
    assert {(optimizer.lr, optimizer.betas) for optimizer in game.optimizers()} == {(3e-4, (0.9, 0.999))}
    assert game.critic.maps is constant_maps and (game.classes, game.low) == (10, 0)
