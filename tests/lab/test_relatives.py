"""What is asked of the relatives: each number where its answer is known, and each row on a tiny model."""

import instances
import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor
from scratchgan.functional import sigmoid
from scratchgan.lab import relatives
from scratchgan.losses import bernoulli, reparametrise
from scratchgan.models import SYSTEMS, aae
from scratchgan.models.model import made

NAMES = {
    "gan": "GAN", "wgan_gp": "WGAN-GP", "autoencoder": "autoencoder", "vae": "VAE", "aae": "AAE", "rbm": "RBM",
    "made": "MADE", "gated_pixelcnn": "Gated PixelCNN", "pixelvae": "PixelVAE", "pixelgan": "PixelGAN",
}  # fmt: skip
every_row = pytest.mark.parametrize("name", NAMES)
LABELS = np.arange(40) % 4


def images(seed=0):
    """Of four classes: a bright row each."""
    grey = 0.2 * rng(seed).random((40, 1, 4, 4))
    grey[np.arange(40), 0, LABELS] += 0.7
    return grey.astype(np.float32)


DIGITS = relatives.Digits((images(), LABELS), (images(1), LABELS))


def model_of(name):
    return instances.MODELS[NAMES[name]].build(rng())


class Judge:
    """Which says how bright images are."""

    def S(self, samples):
        return float(np.mean(samples))

    def real(self, count):
        return np.broadcast_to(255 * (np.arange(count) % 2)[:, None, None, None], (count, 1, 4, 4)).astype(np.uint8)


def test_every_row_is_a_system():
    assert relatives.ROWS.keys() == NAMES.keys() <= SYSTEMS.keys()


@every_row
def test_each_row_is_measured(name):
    row, model = relatives.ROWS[name], model_of(name)
    numbers, samples = relatives.measured(row, model, model_of(name), DIGITS, Judge(), 20, rng(2))
    assert samples.shape == (20, 1, 4, 4) and samples.dtype == np.float32 and np.abs(samples).max() <= 1
    assert numbers["S"] == pytest.approx(samples.mean()) and numbers["seconds"] > 0
    assert name == "made" or numbers["probe, untrained"] == numbers["probe"] > 0.25  # of which an order is drawn
    assert (numbers["nats"] is None) == (row.nats is None) or name in ("vae", "pixelvae")
    assert (numbers["neighbours"] is None) == (row.given is None) == (name in ("gan", "wgan_gp"))
    assert (numbers["S halfway"] is None) == (row.halfway is None)
    assert (numbers["loss"] is None) == (row.loss is None)


def test_the_seconds_of_a_sample_are_those_of_the_fastest_of_some_draws(monkeypatch):
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 24.0])
    monkeypatch.setattr(relatives.time, "perf_counter", lambda: next(clock))
    asked = []
    assert relatives.seconds(lambda count, rng: asked.append(count), rng(), 10, least=8) == 0.1
    assert asked == [10, 10, 10]


def test_a_probe_reads_held_out_classes_off_features():
    row = relatives.Row(lambda model, x: x.flatten(1), "pixels", None, "")
    assert relatives.probed(row, model_of("vae"), DIGITS) == 1
    shuffled = relatives.Digits(DIGITS.train, (DIGITS.test[0], np.roll(LABELS, 1)))
    assert relatives.probed(row, model_of("vae"), shuffled) == 0
    with pytest.raises(ValueError, match="40 images have 4 labels"):
        relatives.Digits(DIGITS.train, (DIGITS.test[0], LABELS[:4]))


@pytest.mark.parametrize("name, low", [("gan", -1), ("vae", 0)])
def test_images_are_shown_as_the_model_takes_them(name, low):
    seen = []
    row = relatives.Row(lambda model, x: seen.append(x.data) or x.flatten(1), "pixels", None, "")
    relatives.probed(row, model_of(name), DIGITS)
    np.testing.assert_allclose(seen[0], low + (1 - low) * DIGITS.train[0], rtol=1e-6)


# What the model makes of an image, and goes on with: what it goes on with, beside the same from the whole model.
GOES_ON = {
    "gan": lambda model, x, f: (model.critic[-1](f), made(model.critic, x)),
    "wgan_gp": lambda model, x, f: (model.critic[-1](f), made(model.critic, x)),
    "autoencoder": lambda model, x, f: (made(model.decoder, f), model.decoder(model.encoder(x))),
    "vae": lambda model, x, f: (f, model.halves(model.encoder(x))[0]),
    "aae": lambda model, x, f: (made(model.decoder, f), model.decoder(model.encoder(x))),
    "rbm": lambda model, x, f: (model.machine.visible(f), model.machine.visible(model.machine.hidden(x.flatten(1)))),
    "made": lambda model, x, f: (model.network.layers[1](f), made(model.network, x).flatten(1)),
    "gated_pixelcnn": lambda model, x, f: (model.network.last(f.reshape(40, -1, 4, 4)), made(model.network, x)),
    "pixelvae": lambda model, x, f: (f, model.code(x)[0]),
    "pixelgan": lambda model, x, f: (made(model.decoder, x, f), model.decoder(x, model.encoder(x))),
}


@every_row
def test_features_are_what_the_model_goes_on_with(name):
    model, x = model_of(name), Tensor(images())
    features = relatives.ROWS[name].features(model, x)
    assert features.shape[0] == 40 and features.ndim == 2
    one, whole = GOES_ON[name](model, x, features)
    np.testing.assert_allclose(one.numpy(), whole.numpy(), rtol=1e-5, atol=1e-6)


def test_the_last_map_is_seen_as_means_over_sixteen_squares():
    model, x = model_of("gated_pixelcnn"), Tensor(rng().random((3, 1, 8, 8)).astype(np.float32))
    v = h = x
    for layer in model.network.layers:
        v, h = layer(v, h)
    squares = h.numpy().reshape(3, 2, 4, 2, 4, 2).mean((3, 5)).reshape(3, -1)
    np.testing.assert_allclose(relatives.by_the_last_map(model, x).numpy(), squares, rtol=1e-5)


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_models_are_probed_with_training_images_and_measured_on_others(name):
    """What samples are compared with is as the model takes it; what bits are drawn of is grey."""
    seen, model = {}, model_of(name)

    def spy(name, found=None):
        def told(model, x, *rest):
            seen.setdefault(name, []).append(x.numpy())
            return found(x) if callable(found) else found

        return told

    ways = {
        "features": lambda x: x.flatten(1), "nats": 1.0, "given": lambda x: (x, 0 * x + 0.5),
        "halfway": lambda x: x.numpy(), "law": lambda x: lambda count, rng: images()[:count], "loss": 1.0,
    }  # fmt: skip
    row = relatives.Row(**{name: spy(name, found) for name, found in ways.items()}, what="", kind="")
    relatives.measured(row, model, model, DIGITS, Judge(), 20, rng())
    train, test = DIGITS.train[0], DIGITS.test[0]
    taken = [relatives.as_taken(model, images) for images in (train, test)]
    assert seen.keys() == ways.keys() and [len(found) for found in seen.values()].count(1) == 5
    for name, found in seen.items():
        expected = {"features": taken * 2, "law": [train], "halfway": taken[1:], "loss": taken[1:]}.get(name, [test])
        assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True)), name


def test_likelihoods_are_positive_numbers_of_nats_by_the_models_own_measure():
    made_model = model_of("made")
    found = relatives.likelihood(relatives.ROWS["made"], made_model, DIGITS, rng(3))
    x = Tensor(DIGITS.test[0])
    assert found == pytest.approx(made_model.measure((x,), rng(3))["−log p, nats (dynamic bits)"])
    assert relatives.likelihood(relatives.ROWS["rbm"], model_of("rbm"), DIGITS, rng()) > 0
    assert relatives.likelihood(relatives.ROWS["gan"], model_of("gan"), DIGITS, rng()) is None


def test_the_bound_around_a_code_is_a_bound():
    """With a code of one number the likelihood is an integral that can be done."""
    model = aae.build(rng(), networks=lambda *_: aae.mlp_networks(rng(5), 1, width=9, image=(1, 4, 4)), latent_size=1)
    x = Tensor(images())
    v = bernoulli(x, rng(6))
    z = np.linspace(-8, 8, 801)
    logs = np.stack([-relatives.nats(model, v, Tensor(np.full((40, 1), each, np.float32))) for each in z])
    density = np.exp(logs) * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))[:, None] * (z[1] - z[0])
    exact = -np.log(density.sum(0)).mean()
    few, many = (relatives.around_the_code(model, x, v, rng(7), draws=draws) for draws in (1, 400))
    assert exact - 0.02 < many < few


def test_codes_are_spread_by_each_width_and_the_best_bound_is_kept(monkeypatch):
    model, x, spreads = model_of("aae"), Tensor(images()), []
    v, reparametrise = bernoulli(x, rng(6)), relatives.reparametrise
    monkeypatch.setattr(
        relatives, "reparametrise",
        lambda mean, spread, rng: spreads.append((reparametrise(mean, spread, rng) - mean).data) or mean + spreads[-1],
    )  # fmt: skip
    alone = []
    for width in (0.4, 0.1, 0.01):
        monkeypatch.setattr(relatives, "WIDTHS", (width,))
        alone.append(relatives.around_the_code(model, x, v, rng(7)))
        assert np.std(spreads) == pytest.approx(width, rel=0.05)
        spreads.clear()
    assert alone[0] < alone[1] - 1 < alone[2] - 2
    monkeypatch.setattr(relatives, "WIDTHS", (0.1, 0.4, 0.01))
    assert relatives.around_the_code(model, x, v, rng(7)) == pytest.approx(alone[0], abs=0.3)


def test_nats_are_those_of_probabilities():
    model, v = model_of("aae"), bernoulli(Tensor(images()), rng())
    z = Tensor(rng().standard_normal((40, 3)).astype(np.float32))
    p = made(model.decoder, z).data.astype(float)
    expected = -(v.data * np.log(p) + (1 - v.data) * np.log(1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(relatives.nats(model, v, z), expected, rtol=1e-5)


def test_neighbours_that_are_independent_have_no_correlation_and_those_that_are_alike_have_1():
    expected = rng(8).random((400, 1, 8, 8))
    alone = (rng(9).random(expected.shape) < expected).astype(float)
    assert abs(relatives.neighbours_correlation(alone, expected)) < 0.02
    together = np.broadcast_to(rng(10).random((400, 1, 1, 1)) < 0.5, expected.shape)
    assert relatives.neighbours_correlation(together, np.full(expected.shape, 0.5)) == pytest.approx(1)
    rows = np.broadcast_to(rng(10).random((400, 1, 8, 1)) < 0.5, expected.shape)
    assert relatives.neighbours_correlation(rows, np.full(expected.shape, 0.5)) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", [name for name, row in relatives.ROWS.items() if row.given])
def test_what_a_model_expects_of_its_own_bits_leaves_nothing_on_average(name):
    """Whatever its weights: the mean of x − E[x|…] over images drawn from the model's own law is 0."""
    model, row = model_of(name), relatives.ROWS[name]
    x = Tensor(np.full((3000, 1, 4, 4), 0.5, np.float32))
    v = bernoulli(x, rng(1))
    pixels, expected = (each.data.reshape(-1, 16) for each in row.given(model, x, v, rng(2)))
    assert pixels.shape == expected.shape == (3000, 16) and set(np.unique(pixels)) == {0, 1}
    assert 0 < expected.min() and expected.max() < 1


EXPECTED = {
    "autoencoder": lambda model, x, v: model.decoder(model.encoder(x)),
    "vae": lambda model, x, v: sigmoid(model.decoder(reparametrise(*model.halves(model.encoder(v)), rng(2)))),
    "aae": lambda model, x, v: model.decoder(model.encoder(x)),
    "rbm": lambda model, x, v: model.machine.visible(bernoulli(model.machine.hidden(v.flatten(1)), rng(2))),
    "made": lambda model, x, v: sigmoid(model.network(v)),
    "gated_pixelcnn": lambda model, x, v: sigmoid(model.network(v)),
    "pixelvae": lambda model, x, v: sigmoid(model.decoder(v, reparametrise(*model.code(v), rng(2)))),
    "pixelgan": lambda model, x, v: sigmoid(model.decoder(v, model.encoder(v))),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_pixels_are_expected_from_a_draw_of_the_code_of_their_bits_or_their_grey(name):
    model, x = model_of(name), Tensor(images())
    v = bernoulli(x, rng(1))
    pixels, expected = relatives.ROWS[name].given(model, x, v, rng(2))
    np.testing.assert_array_equal(pixels.data.reshape(v.shape), v.data)
    np.testing.assert_allclose(expected.data, EXPECTED[name](model, x, v).data, rtol=1e-5)


@pytest.mark.parametrize("name", ["pixelvae", "pixelgan"])
def test_images_are_drawn_from_the_middle_of_two_codes(name):
    model, x, seen = model_of(name), Tensor(images()), []
    model.images = lambda z, rng: seen.append(z.data) or np.zeros((len(z), 1, 4, 4))
    assert len(relatives.drawn_halfway(model, x, 6, rng(4))) == 6
    ends = model.latents(12, rng(4)).reshape(6, 2, -1)
    apart = [np.linalg.norm(seen[0] - ends[:, end], axis=1) for end in (0, 1)]
    np.testing.assert_allclose(apart[0] > 0, (ends[:, 0] != ends[:, 1]).any(1))
    np.testing.assert_allclose(seen[0], [model.between(*pair, [0.5])[0] for pair in ends], rtol=1e-5)


def test_halfway_between_codes_lies_their_mean():
    model, x = model_of("autoencoder"), Tensor(images())
    halfway = relatives.between_codes(model, x, 6, rng(4))
    codes = made(model.encoder, x).data
    pairs = rng(4).integers(40, size=(2, 6))
    np.testing.assert_allclose(halfway, model.images(Tensor(codes[pairs].mean(0))), atol=1e-6)
    arcs = relatives.on_arcs(model_of("vae"), x, 5, rng())
    np.testing.assert_array_equal(arcs, model_of("vae").strip(5, 3, rng())[:, 1])


def test_blocks_of_images_are_seen_one_after_the_other():
    x = np.arange(2.0 * relatives.BLOCK + 3, dtype=np.float32)[:, None]
    blocks = []
    found = relatives.in_blocks(lambda model, x: blocks.append(len(x)) or x + 1, model_of("vae"), x)
    np.testing.assert_array_equal(found, x + 1)
    assert blocks == [relatives.BLOCK, relatives.BLOCK, 3]


def test_codes_of_an_autoencoder_are_drawn_from_the_gaussian_with_their_moments():
    model, x, seen = model_of("autoencoder"), Tensor(images()), []
    model.images = lambda z: seen.append(z.data) or np.zeros((len(z), 1, 4, 4))
    relatives.of_a_fitted_gaussian(model, x)(20_000, rng())
    codes = made(model.encoder, x).data
    np.testing.assert_allclose(seen[0].mean(0), codes.mean(0), atol=0.02)
    np.testing.assert_allclose(np.corrcoef(seen[0].T), np.corrcoef(codes.T), atol=0.03)
    np.testing.assert_allclose(seen[0].std(0), codes.std(0), rtol=0.03)


def test_losses_say_what_they_measure():
    gan, x = model_of("gan"), Tensor(images())
    gan.critic = lambda x: x.flatten(1)[:, :1] * 0
    gan.samples = lambda count, rng: {"samples": np.full((count, 1, 4, 4), -1, np.float32)}
    seen = []
    original, relatives.made = relatives.made, lambda network, x: seen.append(x) or Tensor(np.zeros((len(x), 1)))
    try:
        assert relatives.divergence_by_the_critic(gan, x, rng()) == pytest.approx(0, abs=1e-9)  # D has no idea
        relatives.made = lambda network, x: Tensor(np.full((len(x), 1), 40.0 if x.data.max() > 0 else -40.0))
        assert relatives.divergence_by_the_critic(gan, x, rng()) == pytest.approx(np.log(2))
        assert relatives.difference_of_scores(gan, x, rng()) == 80
    finally:
        relatives.made = original
    vae = model_of("vae")
    one, many = list(vae.measure((x,), rng(3)).values())[:2]
    assert relatives.gap_of_the_bound(vae, x, rng(3)) == one - many


def test_the_anchors_need_no_model():
    found = relatives.anchors(DIGITS, Judge(), 9, rng())  # five black images and four white ones, then the others
    assert found["probe"] == 1 and found["S halfway"] == pytest.approx(0, abs=1e-6)
    assert found["S"] == pytest.approx(-1 / 9) and found["S of bits"] == pytest.approx(-1 / 9)
    bits = bernoulli(Tensor(DIGITS.test[0]), rng()).data
    p = np.clip(bits.mean(0), 1e-9, 1 - 1e-9)
    assert found["nats"] == pytest.approx(-(bits * np.log(p) + (1 - bits) * np.log(1 - p)).sum((1, 2, 3)).mean())
    assert found["neighbours"] == pytest.approx(relatives.neighbours_correlation(bits, bits.mean(0)))
    shuffled = relatives.Digits(DIGITS.train, (DIGITS.test[0], np.roll(LABELS, 1)))
    assert relatives.anchors(shuffled, Judge(), 9, rng())["probe"] == 0
