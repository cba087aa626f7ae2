"""The autoencoder: one loss for two networks."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import autoencoder
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
    for row in range(4):
        np.testing.assert_allclose(sheet[2 * row], 2 * images[8 * row :][:8] - 1, atol=1e-6)
        np.testing.assert_allclose(sheet[2 * row + 1], 2 * back[8 * row :][:8] - 1, atol=1e-6)


def test_it_has_no_samples_and_says_so():
    with pytest.raises(TypeError, match="Autoencoder has no samples"):
        tiny().samples(3, rng())
    with pytest.raises(TypeError, match="Autoencoder has no strip"):
        tiny().strip(2, 3, rng())


def test_the_small_networks_are_those_of_the_docstring():
    networks = autoencoder.small_networks(rng())
    assert sum(map(count, networks)) == 435_858
    codes = networks[0](Tensor(rng(2).random((9, 1, 28, 28), dtype=np.float32)))
    assert codes.shape == (9, 2) and codes.data.min() < 0  # a code is not rectified
    images = networks[1](codes[:2])
    assert images.shape == (2, 1, 28, 28) and 0 < images.data.min() < images.data.max() < 1
