"""The autoencoder: one loss for two networks."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import SYSTEMS, autoencoder
from scratchgan.models.networks import count
from scratchgan.testing import check_grads


def tiny_networks(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 5, rng=rng), nn.Tanh(), nn.Linear(5, latent_size, rng=rng))
    decoder = nn.Sequential(nn.Linear(latent_size, 16, rng=rng), nn.Sigmoid(), nn.Unflatten(1, (1, 4, 4)))
    return encoder.to(np.float64), decoder.to(np.float64)


def tiny(**options):
    return autoencoder.build(rng(), networks=tiny_networks, **options)


IMAGES = rng(1).random((6, 1, 4, 4))


def test_the_loss_is_the_mean_square_over_images_and_pixels():
    model = tiny()
    made = model.decoder(model.encoder(Tensor(IMAGES))).data
    assert model.loss(Tensor(IMAGES)).item() == pytest.approx(((made - IMAGES) ** 2).sum() / (6 * 16))


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_its_derivatives_in_all_weights_to_second_order(part):
    model = tiny()
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            return model.loss(Tensor(IMAGES))

    check_grads(loss, network.parameters(), order=2)


def test_a_step_moves_both_networks_downhill():
    model = tiny(lr=1e-3)
    before = [p.data for p in model.optimizer.params]
    first = model.train_step(iter([(IMAGES,)]), rng())["loss"]
    assert all((p.data != old).any() for p, old in zip(model.optimizer.params, before, strict=True))
    assert len(before) == 6 and model.loss(Tensor(IMAGES)).item() < first


def test_the_picture_has_each_row_of_images_above_what_comes_back():
    model = tiny()
    images = rng(2).random((40, 1, 4, 4))
    sheet = model.show((Tensor(images),), rng())
    assert sheet.shape == (8, 8, 1, 4, 4)
    back = model.decoder(model.encoder(Tensor(images))).numpy()
    for row in range(2):
        np.testing.assert_allclose(sheet[2 * row], 2 * images[8 * row :][:8] - 1, atol=1e-6)
        np.testing.assert_allclose(sheet[2 * row + 1], 2 * back[8 * row :][:8] - 1, atol=1e-6)


def test_below_are_lines_from_the_code_of_one_image_to_that_of_another():
    model = tiny()
    images = rng(2).random((40, 1, 4, 4))
    lines = model.show((Tensor(images),), rng())[4:]
    codes = model.encoder(Tensor(images)).data
    for row in range(4):
        way = [codes[row] + i / 7 * (codes[row + 4] - codes[row]) for i in range(8)]
        np.testing.assert_allclose(lines[row], 2 * model.decoder(Tensor(np.stack(way))).data - 1, atol=1e-6)


def test_it_has_no_samples_and_says_so():
    with pytest.raises(TypeError, match="Autoencoder has no samples"):
        tiny().samples(3, rng())
    with pytest.raises(TypeError, match="Autoencoder has no strip"):
        tiny().strip(2, 3, rng())


# What is measured ----------------------------------------------------------------------------------------------------


def test_its_error_stands_beside_those_of_pca_and_of_the_mean_image():
    model, images = tiny(latent_size=3), rng(2).random((40, 1, 4, 4))
    numbers = model.measure((Tensor(images),), rng())
    assert list(numbers) == ["mean squared error", "of PCA with 3 components", "of their mean image"]
    own, linear, mean = numbers.values()
    assert own == pytest.approx(model.loss(Tensor(images)).item())
    assert mean == pytest.approx(images.var(0).mean())
    singular = np.linalg.svd((images - images.mean(0)).reshape(40, 16), compute_uv=False)
    assert linear == pytest.approx((singular[3:] ** 2).sum() / images.size) and linear < mean


# Networks ------------------------------------------------------------------------------------------------------------


def networks_of(preset):
    """The encoder's and the decoder's weights, and the size of a code; images come back as images."""
    model = SYSTEMS["autoencoder"].build(rng(), **SYSTEMS["autoencoder"].presets[preset].options)
    codes = model.encoder(model.tensor(rng(2).random((9, 1, 28, 28))))
    images = model.decoder(100 * codes)
    assert codes.data.min() < 0  # a code is not rectified
    assert images.shape == (9, 1, 28, 28) and 0 <= images.data.min() < images.data.max() <= 1
    return count(model.encoder), count(model.decoder), codes.shape[1]


def test_the_small_networks_have_the_size_that_is_written_down():
    encoder, decoder, size = networks_of("quick")
    assert (encoder + decoder, size) == (435_858, 2)


@pytest.mark.parametrize("preset, size", [("default", 2), ("20", 20), ("32", 32)])
def test_the_default_networks_are_deeper(preset, size):
    shared = 785 * 512 + 513 * 256 + 257 * 128
    encoder = shared + 129 * size
    decoder = (size + 1) * 128 + 129 * 256 + 257 * 512 + 513 * 784
    assert networks_of(preset) == (encoder, decoder, size)


def test_the_convolutional_networks_are_those_of_keras_vae_with_one_head():
    assert networks_of("conv") == (69_076 - 34, 65_089, 2)
    assert networks_of("conv_32") == (69_076 + 17 * (32 - 4), 65_089 + 30 * 3136, 32)
