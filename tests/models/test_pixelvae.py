"""PixelVAE: the terms of its bound, the weight of the KL, and a decoder that is told a code."""

import numpy as np
import pytest
from derivatives import jacobian, weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import pixelvae
from scratchgan.models.gated_pixelcnn import GatedPixelCNN, Told
from scratchgan.models.latents import slerp
from scratchgan.models.networks import count
from scratchgan.optim import Adam
from scratchgan.testing import check_grads

IMAGE, LATENTS = (1, 4, 4), 3
X = (rng(3).random((5, *IMAGE)) < 0.5).astype(float)


def tiny_networks(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 6, rng=rng), nn.Tanh(), nn.Linear(6, 2 * latent_size, rng=rng))
    upward = nn.Sequential(nn.Linear(latent_size, 2 * 16, rng=rng), nn.Tanh(), nn.Unflatten(1, (2, 4, 4)))
    return encoder, Told(upward, GatedPixelCNN(rng, 2, 1, first=3, told=2))


def tiny(**options):
    """In float64, with codes that matter."""
    model = pixelvae.build(rng(), networks=tiny_networks, image=IMAGE, latent_size=LATENTS, **options)
    for network in (model.encoder, model.decoder):
        network.to(np.float64)
        for parameter in network.parameters():
            parameter.data = 2 * parameter.data
    model.optimizer = Adam(model.optimizer.params, lr=1e-3)
    return model


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def nats_of(model, x, z):
    p = sigmoid(model.decoder(Tensor(x), Tensor(z)).data)
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))


def test_the_terms_are_those_of_the_bound():
    model = tiny()
    outputs = model.encoder(Tensor(X)).data
    mean, log_variance = outputs[:, :LATENTS], outputs[:, LATENTS:]
    z = mean + np.exp(log_variance / 2) * normal(5, LATENTS, seed=7)
    reconstruction, kl = model.terms(Tensor(X), rng(7))
    np.testing.assert_allclose(reconstruction.data, nats_of(model, X, z), rtol=1e-10)
    expected = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1) / 2
    np.testing.assert_allclose(kl.data, expected, rtol=1e-10)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_derivatives_in_all_weights_to_second_order(part):
    model = tiny()
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            reconstruction, kl = model.terms(Tensor(X), rng(7))
            return (reconstruction + 0.3 * kl).mean()

    check_grads(loss, network.parameters(), order=2)


def test_no_logit_depends_on_its_own_pixel_or_on_a_later_one_given_the_code():
    model = tiny()
    z = Tensor(normal(1, LATENTS))

    def logits(x):
        return model.decoder(x, z)

    slopes = jacobian(logits, rng(1).random(IMAGE))
    assert not np.triu(slopes).any() and (slopes[15] != 0).sum() > 3


def test_every_logit_depends_on_the_code():
    model = tiny()
    one, other = (model.decoder(Tensor(X[:1]), Tensor(z)).data for z in (normal(1, 3), normal(1, 3, seed=1)))
    assert (one != other).all()


def test_the_weight_of_the_kl_rises_from_0_to_1_with_the_steps_that_were_made():
    """By the losses that are descended; what is reported is the bound itself."""
    model, losses, numbers = tiny(anneal=4), [], []
    descend = model.descend
    model.descend = lambda optimizer, loss: losses.append(loss.item()) or descend(optimizer, loss)
    for _ in range(7):
        numbers.append(model.train_step(iter([(X,)]), rng(5)))
    weights = [(loss - n["reconstruction"]) / n["kl"] for loss, n in zip(losses, numbers)]
    np.testing.assert_allclose(weights, [0, 0.25, 0.5, 0.75, 1, 1, 1], atol=1e-10)
    assert all(n["bound"] == pytest.approx(n["reconstruction"] + n["kl"]) for n in numbers)


def test_a_step_moves_all_networks_downhill_on_images_drawn_anew():
    model, seen = tiny(anneal=1), []
    terms = model.terms
    model.terms = lambda x, rng: seen.append(x.data) or terms(x, rng)
    weights = [p for network in (model.encoder, model.decoder) for p in network.parameters()]
    before, random = [p.data for p in weights], rng()
    for _ in range(2):
        model.train_step(iter([(np.full((6, *IMAGE), 0.3),)]), random)
    assert set(np.unique(seen)) == {0, 1} and (seen[0] != seen[1]).any()
    assert all((p.data != old).any() for p, old in zip(weights, before, strict=True))


def test_what_it_measures_is_the_bound_and_what_a_code_is_worth():
    model, x = tiny(draws=2), np.repeat(X, 50, 0)  # more than a block
    numbers = model.measure((Tensor(x),), rng(4))
    bits, random = (rng(4).random(x.shape) < x).astype(float), rng(4)
    random.random(x.shape)
    bounds, others, tight = [], [], []
    for i in range(0, 250, 100):
        block = bits[i : i + 100]
        outputs = model.encoder(Tensor(block)).data
        mean, log_variance = outputs[:, :LATENTS], outputs[:, LATENTS:]
        noise = [random.standard_normal(mean.shape) for _ in range(2)]
        codes = [mean + np.exp(log_variance / 2) * e for e in noise]
        kl = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1) / 2
        bounds.append(nats_of(model, block, codes[0]) + kl)
        others.append(nats_of(model, block, np.roll(codes[0], 1, 0)) + kl)
        logs = [
            -nats_of(model, block, z) - (z**2).sum(1) / 2 + (e**2).sum(1) / 2 + log_variance.sum(1) / 2
            for z, e in zip(codes, noise)
        ]
        tight.append(-np.log(np.exp(logs).mean(0)))
    assert numbers["−ELBO, nats (dynamic bits)"] == pytest.approx(np.concatenate(bounds).mean())
    assert numbers["with another's code"] == pytest.approx(np.concatenate(others).mean())
    assert numbers["with 2 draws (dynamic bits)"] == pytest.approx(np.concatenate(tight).mean())
    assert 0 < numbers["the KL in it"] < numbers["−ELBO, nats (dynamic bits)"]
    assert numbers["independent pixels"] > 5


def test_more_draws_make_a_tighter_bound_of_the_likelihood():
    model, one = tiny(draws=300), tiny(draws=1)
    tighter = model.measured(Tensor(X), rng(2))[2].mean()
    bounds = [one.measured(Tensor(X), rng(seed))[0].mean() for seed in range(60)]
    assert tighter < np.mean(bounds) - 3 * np.std(bounds) / 60**0.5


def test_images_are_drawn_from_their_codes_pixel_by_pixel():
    model, z = tiny(), normal(6, LATENTS)
    images, random = np.zeros((6, *IMAGE)), rng(9)
    for i in range(4):
        for j in range(4):
            p = sigmoid(model.decoder(Tensor(images), Tensor(z)).data[:, :, i, j])
            images[:, :, i, j] = random.random(p.shape) < p
    np.testing.assert_array_equal(model.images(Tensor(z), rng(9)), 2 * images - 1)


def test_the_picture_shows_images_what_their_codes_give_and_the_prior_twice():
    model = tiny()
    sheet = model.show((Tensor(X.repeat(2, 0)),), rng())
    assert sheet.shape == (4, 8, *IMAGE) and set(np.unique(sheet)) == {-1, 1}
    np.testing.assert_array_equal(sheet[0], 2 * X.repeat(2, 0)[:8] - 1)
    model.images = lambda z, rng: np.full((len(z), *IMAGE), z.data.sum())
    model.codes = lambda x, rng: Tensor(np.full((len(x), LATENTS), 0.25))
    sheet = model.show((Tensor(X.repeat(2, 0)),), rng())
    assert sheet[2, 0, 0, 0, 0] == sheet[3, 0, 0, 0, 0] != sheet[1, 0, 0, 0, 0] == 8 * LATENTS * 0.25


def test_codes_are_drawn_from_q():
    model = tiny()
    mean, log_variance = model.code(Tensor(X))
    drawn = mean.data + np.exp(log_variance.data / 2) * normal(5, LATENTS, seed=7)
    np.testing.assert_allclose(model.codes(Tensor(X), rng(7)).data, drawn)


def test_samples_and_strips_have_codes_of_the_prior():
    model, seen = tiny(), []
    images = model.images
    model.images = lambda z, rng: seen.append(z.data) or images(z, rng)
    assert model.samples(400, rng())["samples"].shape == (400, *IMAGE)
    assert abs(seen[0].mean()) < 0.1 and abs(seen[0].std() - 1) < 0.1 and seen[0].shape == (400, LATENTS)
    assert model.strip(2, 5, rng()).shape == (2, 5, *IMAGE)
    path = seen[1].reshape(2, 5, LATENTS)
    for arc, ends in zip(path, normal(2, 2, LATENTS)):
        np.testing.assert_allclose(arc, slerp(*ends, np.linspace(0, 1, 5)))


def test_the_small_networks_are_those_that_are_written_down():
    encoder, decoder = pixelvae.small_networks(rng(), latent_size=8)
    assert count(encoder) == 106_256 and len(decoder.network.layers) == 1
    x = Tensor(rng().random((2, 1, 28, 28)).astype(np.float32))
    assert encoder(x).shape == (2, 16) and decoder.upward(encoder(x)[:, :8]).shape == (2, 16, 28, 28)
    logits = [decoder(x, z).data for z in (encoder(x)[:, :8], encoder(x)[:, 8:])]
    assert logits[0].shape == x.shape and (logits[0] != logits[1]).all()
