"""The variational autoencoder: a bound, its terms, how it is measured, and pictures from codes."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import SYSTEMS, vae
from scratchgan.models.latents import plane, slerp
from scratchgan.models.networks import count
from scratchgan.testing import check_grads


def tiny_networks(rng, latent_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 5, rng=rng), nn.Tanh(), nn.Linear(5, 2 * latent_size, rng=rng))
    decoder = nn.Sequential(nn.Linear(latent_size, 16, rng=rng), nn.Unflatten(1, (1, 4, 4)))
    return encoder.to(np.float64), decoder.to(np.float64)


def tiny(**options):
    return vae.build(rng(), networks=tiny_networks, **{"latent_size": 3, "draws": 4, **options})


GREY = rng(1).random((6, 1, 4, 4))
BITS = Tensor((GREY > 0.5).astype(float))


def code(model, x=BITS):
    """μ and σ of images, as arrays."""
    outputs = model.encoder(x).data
    return outputs[:, :3], np.exp(0.5 * outputs[:, 3:])


# The bound -----------------------------------------------------------------------------------------------------------


def test_the_loss_sums_over_pixels_and_latents_and_averages_over_images():
    model = tiny()
    numbers = {name: value.item() for name, value in model.loss(BITS, rng(2)).items()}
    mean, sigma = code(model)
    p = 1 / (1 + np.exp(-model.decoder(Tensor(mean + sigma * rng(2).standard_normal((6, 3)))).data))
    bits = BITS.data
    likelihoods = -(bits * np.log(p) + (1 - bits) * np.log(1 - p)).reshape(6, -1).sum(1)
    costs = (mean**2 + sigma**2 - 1 - np.log(sigma**2)).sum(1) / 2
    assert numbers == pytest.approx(
        {"reconstruction": likelihoods.mean(), "kl": costs.mean(), "loss": (likelihoods + costs).mean()}
    )


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_its_derivatives_in_all_weights_to_second_order(part):
    model = tiny()
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            return model.loss(BITS, rng(2))["loss"]

    check_grads(loss, network.parameters(), order=2)


def test_the_bits_are_drawn_anew_in_each_step_from_the_run_and_grey_ones_are_left_alone():
    model, generator = tiny(), rng(3)
    first, second = (model.pixels(Tensor(GREY), generator).data for _ in range(2))
    assert set(np.unique(first)) == {0, 1} and (first != second).any()
    many = np.mean([model.pixels(Tensor(GREY), generator).data for _ in range(2000)], 0)
    np.testing.assert_allclose(many, GREY, atol=0.05)
    np.testing.assert_array_equal(tiny(binarised=False).pixels(Tensor(GREY), rng()).data, GREY)


@pytest.mark.parametrize("binarised", [True, False])
def test_a_step_trains_both_networks_on_the_pixels_that_it_says(binarised):
    model = tiny(binarised=binarised)
    before = [p.data for p in model.optimizer.params]
    generator = rng(3)
    x = model.pixels(Tensor(GREY), generator)
    expected = {name: value.item() for name, value in model.loss(x, generator).items()}
    assert model.train_step(iter([(GREY,)]), rng(3)) == expected
    assert all((p.data != old).any() for p, old in zip(model.optimizer.params, before, strict=True))
    assert len(before) == 6


def test_steps_climb_the_bound():
    model, generator = tiny(lr=0.01), rng()
    numbers = [model.train_step(iter([(GREY,)]), generator)["loss"] for _ in range(300)]
    assert np.mean(numbers[-30:]) < np.mean(numbers[:30]) - 1


# What is measured ----------------------------------------------------------------------------------------------------


def trained(steps=400, **options):
    model, generator = tiny(lr=0.01, **options), rng()
    for _ in range(steps):
        model.train_step(iter([(GREY,)]), generator)
    return model


HELD_OUT = Tensor(rng(4).random((60, 1, 4, 4)))


def test_more_draws_make_the_bound_tighter_but_it_stays_below_the_likelihood():
    """Against log p(x) itself: the integral over codes of two numbers, on a fine grid."""
    model = trained(latent_size=2, draws=300)
    mean, log_variance = model.halves(model.encoder(BITS))
    weights = model.log_weights(BITS, mean, log_variance, rng()).data
    line = np.linspace(-7, 7, 141)
    z = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    p = 1 / (1 + np.exp(-model.decoder(Tensor(z)).data))
    for i, image in enumerate(BITS.data):
        log_p = (image * np.log(p) + (1 - image) * np.log(1 - p)).reshape(len(z), -1).sum(1)
        truth = np.log((np.exp(log_p - (z**2).sum(1) / 2) / (2 * np.pi)).sum() * 0.1**2)
        assert weights[:, i].mean() < np.log(np.exp(weights[:, i]).mean()) == pytest.approx(truth, abs=0.1)
        assert weights[:, i].mean() == pytest.approx(truth, abs=1) and weights[:, i].mean() < truth


def test_the_numbers_are_of_bits_and_say_so():
    model = trained()
    numbers = model.measure((HELD_OUT,), rng(5))
    assert list(numbers) == [
        "−ELBO, nats (dynamic bits)",
        "with 4 draws (dynamic bits)",
        "the KL in it",
        "latents in use, of 3",
        "independent pixels",
    ]
    bound, tighter, kl, used, alone = numbers.values()
    bits = model.pixels(HELD_OUT, rng(5))
    many = [{name: value.item() for name, value in model.loss(bits, rng(i)).items()} for i in range(400)]
    assert bound == pytest.approx(np.mean([each["loss"] for each in many]), rel=0.02)
    assert kl == pytest.approx(many[0]["kl"]) and tighter < bound
    assert used == (code(model, bits)[0].var(0) > 0.01).sum()
    p = bits.data.mean(0)
    assert alone == pytest.approx(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())


def test_a_latent_that_no_image_moves_is_not_in_use_though_it_may_cost_nats():
    model = trained()
    last = model.encoder[-1]
    assert model.measure((HELD_OUT,), rng())["latents in use, of 3"] > 0
    codes = (np.arange(60) % 2 * 2 - 1)[:, None] * [0.05, 0.09, 0.11]  # whose variances are the squares
    model.halves = lambda outputs: (Tensor(codes), Tensor(0 * codes))
    assert model.measure((HELD_OUT,), rng())["latents in use, of 3"] == 1
    del model.halves
    last.weight.data, last.bias.data = 0 * last.weight.data, np.array([1.0, 1, 1, 0, 0, 0])
    numbers = model.measure((HELD_OUT,), rng())
    assert numbers["latents in use, of 3"] == 0 and numbers["the KL in it"] == 1.5


def test_grey_pixels_have_no_likelihood_and_their_floor_stands_beside():
    numbers = trained(binarised=False).measure((HELD_OUT,), rng())
    assert [name for name in numbers if "grey, no likelihood" in name] == list(numbers)[:2]
    grey = HELD_OUT.data
    floor = -(grey * np.log(grey) + (1 - grey) * np.log(1 - grey)).sum() / 60
    assert numbers["the greys themselves"] == pytest.approx(floor) and 5 < floor < list(numbers.values())[0]


# Pictures ------------------------------------------------------------------------------------------------------------


def probabilities(model, z):
    """What the decoder makes of codes, in [−1, 1]."""
    return 2 / (1 + np.exp(-model.decoder(Tensor(z)).data)) - 1


def test_the_picture_has_images_above_what_their_codes_give_back_and_the_plane_of_codes_below():
    model = tiny(latent_size=2, binarised=False)
    images = rng(2).random((64, 1, 4, 4))
    sheet = model.show((Tensor(images),), rng())
    assert sheet.shape == (14, 12, 1, 4, 4)
    np.testing.assert_allclose(sheet[0], 2 * images[:12] - 1, atol=1e-6)
    means = model.encoder(Tensor(images[:12])).data[:, :2]
    np.testing.assert_allclose(sheet[1], probabilities(model, means), atol=1e-6)
    np.testing.assert_allclose(sheet[2:].reshape(144, 1, 4, 4), probabilities(model, plane(12)), atol=1e-6)


def test_codes_of_more_numbers_are_shown_by_samples():
    model = tiny()
    sheet = model.show((Tensor(rng(2).random((64, 1, 4, 4))),), rng(3))
    generator = rng(3)
    np.testing.assert_allclose(sheet[0], 2 * model.pixels(Tensor(rng(2).random((12, 1, 4, 4))), generator).data - 1)
    z = generator.standard_normal((144, 3))
    np.testing.assert_allclose(sheet[2:].reshape(144, 1, 4, 4), probabilities(model, z), atol=1e-6)


def test_samples_are_the_probabilities_of_white_of_codes_from_the_prior():
    model = tiny()
    expected = probabilities(model, rng(6).standard_normal((7, 3)))
    np.testing.assert_allclose(model.samples(7, rng(6))["samples"], expected, atol=1e-6)


def test_a_strip_leads_from_one_code_to_another():
    model = tiny()
    strip = model.strip(2, 5, rng(7))
    assert strip.shape == (2, 5, 1, 4, 4)
    ends = rng(7).standard_normal((2, 2, 3))
    np.testing.assert_allclose(strip[:, 0], probabilities(model, ends[:, 0]), atol=1e-6)
    np.testing.assert_allclose(strip[:, -1], probabilities(model, ends[:, 1]), atol=1e-6)
    assert all((a != b).any() for a, b in zip(strip[0], strip[0, 1:]))
    halfway = [slerp(*pair, [0.5])[0] for pair in ends]
    np.testing.assert_allclose(strip[:, 2], probabilities(model, np.array(halfway)), atol=1e-6)


# Networks ------------------------------------------------------------------------------------------------------------


def networks_of(preset):
    model = SYSTEMS["vae"].build(rng(), **SYSTEMS["vae"].presets[preset].options)
    x = model.tensor(rng().random((3, 1, 28, 28)))
    outputs = model.encoder(x)
    assert outputs.shape == (3, 2 * model.latent_size) and outputs.data.min() < 0
    logits = model.decoder(outputs[:, : model.latent_size])
    assert logits.shape == x.shape and not 0 < logits.data.min() < logits.data.max() < 1
    return count(model.encoder), count(model.decoder)


def test_the_default_networks_are_those_of_pytorchs_example():
    assert sum(networks_of("default")) == 652_824
    hidden = 784 * 400 + 400
    assert networks_of("default") == (hidden + 2 * (400 * 20 + 20), 20 * 400 + 400 + 400 * 784 + 784)


def test_the_convolutional_networks_are_those_of_keras_example():
    assert networks_of("conv") == (69_076, 65_089)
    assert networks_of("conv_20") == (69_076 + 17 * 36, 65_089 + 18 * 3136)
