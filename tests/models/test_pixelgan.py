"""PixelGAN autoencoder: three losses, the blur of codes, a likelihood that is a sum over kinds, and what kinds are."""

from functools import partial
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from derivatives import jacobian, weights_replaced
from seeded import rng

from scratchgan import Tensor, metrics, nn
from scratchgan.metrics import majority_classes
from scratchgan.models import pixelgan
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.networks import count
from scratchgan.models.priors import one_gaussian
from scratchgan.testing import check_grads

IMAGE, KINDS, RATES = (1, 4, 4), 3, (1e-3, 2e-3, 3e-3)
X = (rng(3).random((5, *IMAGE)) < 0.5).astype(float)


def smooth_networks(rng, latent_size, kinds=True, image=IMAGE):
    """In float64, with codes that matter."""
    pixels = int(np.prod(image))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, latent_size, rng=rng), *[nn.Softmax(1)] * kinds)
    upward = nn.Sequential(nn.Linear(latent_size, 2 * pixels, rng=rng), nn.Tanh(), nn.Unflatten(1, (2, *image[1:])))
    critic = nn.Sequential(nn.Linear(latent_size, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
    networks = encoder, Told(upward, GatedPixelCNN(rng, 2, 1, first=3, told=2)), critic
    for network in networks:
        network.replace(lambda _, array: 2.0 * array)
    return [network.to(np.float64) for network in networks]


def tiny(**options):
    return pixelgan.build(
        rng(), **{"networks": smooth_networks, "image": IMAGE, "latent_size": KINDS, "rates": RATES, **options}
    )


def location(**options):
    return tiny(networks=partial(smooth_networks, kinds=False), prior=one_gaussian, noise=0.0, **options)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def nats_of(model, x, z):
    p = sigmoid(model.decoder(Tensor(x), Tensor(z)).data)
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))


def test_the_error_is_that_of_bits_given_their_codes():
    model, z = tiny(), rng(1).standard_normal((5, KINDS))
    assert model.error(Tensor(X), Tensor(z)).item() == pytest.approx(nats_of(model, X, z).mean())


def test_codes_and_draws_are_blurred_in_training():
    model = tiny(noise=0.3, anneal=4)
    model.optimizer.steps = 9
    sharp = model.encoder(Tensor(X)).data
    np.testing.assert_allclose(sharp.sum(1), 1)
    blur = rng(5).standard_normal((5, KINDS))
    np.testing.assert_allclose(model.codes(Tensor(X), rng(5)).data, sharp + 0.3 * blur, rtol=1e-6)
    random = rng(6)
    kinds = np.eye(KINDS)[random.integers(KINDS, size=5)]
    expected = kinds + 0.3 * random.standard_normal((5, KINDS))
    np.testing.assert_allclose(model.draws(5, rng(6)).data, expected, rtol=1e-6)
    np.testing.assert_array_equal(model.latents(5, rng(6)), kinds)


@pytest.mark.parametrize(
    "loss, part",
    [("error", "encoder"), ("error", "decoder"), ("critic_loss", "critic"), ("encoder_loss", "encoder")],
)
def test_derivatives_in_all_weights_to_second_order(loss, part):
    model = tiny()
    network, x, z = getattr(model, part), Tensor(X), Tensor(np.eye(KINDS)[[0, 1, 2, 0, 1]])
    losses = {
        "error": lambda: model.error(x, model.codes(x, rng(2))),
        "critic_loss": lambda: model.critic_loss(z, model.codes(x, rng(2)))[0],
        "encoder_loss": lambda: model.encoder_loss(model.codes(x, rng(2))),
    }

    def of(*weights):
        with weights_replaced(network, weights):
            return losses[loss]()

    check_grads(of, network.parameters(), order=2)


@pytest.mark.parametrize(
    "optimizer, moving",
    [("optimizer", {"encoder", "decoder"}), ("critic_optimizer", {"critic"}), ("encoder_optimizer", {"encoder"})],
)
def test_each_optimiser_moves_the_networks_of_its_equation_alone(optimizer, moving):
    model = tiny()
    for other in ("optimizer", "critic_optimizer", "encoder_optimizer"):
        if other != optimizer:
            getattr(model, other).step = lambda grads: None
    before = {part: getattr(model, part).state_dict() for part in ("encoder", "decoder", "critic")}
    model.train_step(iter([(X,)]), rng())
    after = {part: getattr(model, part).state_dict() for part in before}
    assert {part for part in before if any((before[part][k] != after[part][k]).any() for k in before[part])} == moving
    assert [model.optimizer.lr, model.critic_optimizer.lr, model.encoder_optimizer.lr] == list(RATES)


def test_a_step_looks_at_bits_that_are_drawn_anew_and_at_fresh_codes():
    model, seen, told = tiny(anneal=1), [], []
    model.optimizer.steps = 1
    error, critic_loss = model.error, model.critic_loss
    model.error = lambda x, z: seen.append(x.data) or error(x, z)
    model.critic_loss = lambda z, codes: told.append(codes) or critic_loss(z, codes)
    random = rng()
    for _ in range(2):
        numbers = model.train_step(iter([(np.full((6, *IMAGE), 0.3),)]), random)
    assert set(np.unique(seen)) == {0, 1} and (seen[0] != seen[1]).any()
    assert not told[0].requires_grad and np.abs(told[0].data.sum(1) - 1).max() > 0.01  # blurred
    assert set(numbers) == {"error", "critic_loss", "encoder_loss", "right"}


def test_no_logit_depends_on_its_own_pixel_or_on_a_later_one_but_every_logit_on_the_code():
    model = tiny()
    z, other = (Tensor(np.eye(KINDS)[[k]]) for k in (0, 1))
    slopes = jacobian(lambda x: model.decoder(x, z), rng(1).random(IMAGE))
    assert not np.triu(slopes).any() and (slopes[15] != 0).sum() > 3
    assert (model.decoder(Tensor(X[:1]), z).data != model.decoder(Tensor(X[:1]), other).data).all()


def test_the_blur_rises_from_0_to_sigma_with_the_steps_that_were_made():
    model, found = tiny(noise=0.4, anneal=4), []
    for model.optimizer.steps in range(7):
        found.append((model.blurred(Tensor(np.zeros((1, 1))), rng()).data / rng().standard_normal((1, 1))).item())
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4], rtol=1e-6)


def test_the_likelihood_of_kinds_adds_up_to_1():
    model = tiny(networks=partial(smooth_networks, image=(1, 2, 3)), image=(1, 2, 3))
    images = np.array(list(product([0.0, 1.0], repeat=6))).reshape(-1, 1, 2, 3)
    p = np.exp(-model.measured(Tensor(images), Tensor(np.eye(KINDS)[np.zeros(64, int)]))[2])
    assert p.sum() == pytest.approx(1, abs=1e-12)
    kinds = [np.exp(-nats_of(model, images, np.eye(KINDS)[np.full(64, k)])) for k in range(KINDS)]
    np.testing.assert_allclose(p, np.mean(kinds, 0))


def test_it_measures_what_its_codes_tell_of_pixels_and_of_classes(monkeypatch):
    """Codes are not blurred any more, and k-means is given grey pixels."""
    model, labels = tiny(noise=0.5, anneal=1), rng(9).permutation(np.arange(240) % 3)
    grey = np.full((240, *IMAGE), 0.1)
    grey[np.arange(240), 0, labels] = 0.95  # a bright row for each class
    model.encoder[1].weight.data = np.zeros((KINDS, 16))
    for k in range(KINDS):
        model.encoder[1].weight.data[k, 4 * k : 4 * k + 4] = 5
    model.optimizer.steps = 9
    k_means, clustered = metrics.k_means, []
    monkeypatch.setattr(metrics, "k_means", lambda points, k, rng: clustered.append(points) or k_means(points, k, rng))
    numbers = model.measure((Tensor(grey), labels), rng(4))
    np.testing.assert_array_equal(clustered, [grey.reshape(240, -1)])
    bits = (rng(4).random(grey.shape) < grey).astype(float)
    codes = model.encoder(Tensor(bits)).data
    kinds = codes.argmax(1)
    assert numbers["−log p given the code, nats (dynamic bits)"] == pytest.approx(nats_of(model, bits, codes).mean())
    moved = np.concatenate([np.roll(codes[i : i + 100], 1, 0) for i in (0, 100, 200)])
    assert numbers["with another's code"] == pytest.approx(nats_of(model, bits, moved).mean())
    assert numbers["independent pixels"] > 4 and numbers["−log p, nats (dynamic bits)"] > 4
    shares = np.bincount(kinds, minlength=3) / 240
    assert numbers["entropy of the kinds, of log K"] == pytest.approx(-(shares * np.log(shares)).sum() / np.log(3))
    assert numbers["largest share"] == pytest.approx(codes.max(1).mean())
    halves = (slice(120), slice(120, 240)), (slice(120, 240), slice(120))
    right = [(majority_classes(kinds[a], labels[a], kinds[b]) == labels[b]).mean() for a, b in halves]
    assert numbers["classes of kinds"] == pytest.approx(np.mean(right)) and np.mean(right) > 0.9
    assert numbers["of as many clusters of k-means"] == 1
    assert numbers["of shuffled kinds"] < 0.6


def test_without_labels_no_classes_are_read():
    numbers = tiny().measure((Tensor(rng().random((30, *IMAGE))),), rng())
    assert "largest share" in numbers and not [name for name in numbers if "class" in name]


def test_locations_are_measured_by_their_distance_to_the_prior():
    model = location()
    numbers = model.measure((Tensor(rng().random((60, *IMAGE))), np.arange(60) % 3), rng())
    assert "−log p, nats (dynamic bits)" not in numbers and "largest share" not in numbers
    assert numbers["codes' energy distance to the prior"] > numbers["a draw's energy distance to the prior"] > 0
    counts, draw = [], model.prior.draw
    model.prior = SimpleNamespace(draw=lambda count, rng: counts.append(count) or draw(count, rng))
    points = rng(1).standard_normal((60, KINDS))
    numbers = model.of_locations(points, None, rng=rng(2))
    assert numbers["codes' energy distance to the prior"] == metrics.energy_distance(points, draw(60, rng(2)))
    assert counts == [60, 60]  # as many as there are codes: few would be far from all


def test_pictures_and_samples_are_of_the_prior():
    model, seen = tiny(), []
    images = model.images
    model.images = lambda z, rng: seen.append(z.data) or images(z, rng)
    sheet = model.show((Tensor(X.repeat(2, 0)),), rng())
    assert sheet.shape == (4, 8, *IMAGE) and set(np.unique(sheet)) == {-1, 1}
    np.testing.assert_array_equal(seen[1], np.eye(KINDS)[np.arange(8) % KINDS])  # a column for each kind
    np.testing.assert_array_equal(seen[1], seen[2])
    assert model.show((Tensor(X[:3]),), rng()).shape == (4, 3, *IMAGE)  # of few images
    del seen[3:]
    assert model.samples(30, rng())["samples"].shape == (30, *IMAGE)
    assert set(np.unique(seen[3])) == {0, 1} and (seen[3].sum(1) == 1).all()
    assert model.strip(2, 3, rng()).shape == (2, 3, *IMAGE)
    path = seen[4].reshape(2, 3, KINDS)
    np.testing.assert_allclose(path[:, 1], (path[:, 0] + path[:, 2]) / 2)


def test_a_strip_of_locations_goes_along_arcs():
    model, seen = location(), []
    images = model.images
    model.images = lambda z, rng: seen.append(z.data) or images(z, rng)
    model.strip(1, 3, rng())
    start, middle, end = seen[0]
    assert np.linalg.norm(middle) > np.linalg.norm((start + end) / 2) * 1.01


def test_the_small_networks_are_those_that_are_written_down():
    encoder, decoder, critic = pixelgan.small_networks(rng(), 30)
    assert [count(network) for network in (encoder, critic)] == [107_166, 20_609]
    assert len(decoder.network.layers) == 1
    x = Tensor(rng().random((2, 1, 28, 28)).astype(np.float32))
    z = encoder(x)
    np.testing.assert_allclose(z.data.sum(1), 1, rtol=1e-5)
    assert decoder(x, z).shape == x.shape and critic(z).shape == (2, 1)
    kinds = (Tensor(np.eye(30, dtype=np.float32)[[kind, kind]]) for kind in (0, 1))
    assert not np.allclose(*(decoder(x, kind).data for kind in kinds))  # it is told the code
    plain = pixelgan.small_networks(rng(), 8, kinds=False)[0](x).data
    assert plain.shape == (2, 8) and plain.min() < 0
