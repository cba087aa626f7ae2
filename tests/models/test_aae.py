"""The adversarial autoencoder: three steps on one batch, and codes that become what the prior is."""

from functools import partial

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import Dataset
from scratchgan.models import aae
from scratchgan.models.networks import count
from scratchgan.models.priors import Mixture, one_gaussian, petals
from scratchgan.testing import check_grads

IMAGE, CLASSES, ADAMS = (1, 4, 4), 3, (1e-3, 2e-3, 3e-3)


def smooth_networks(rng, latent_size, classes):
    """In float64, with tanh instead of ReLU."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 5, rng=rng), nn.Tanh(), nn.Linear(5, latent_size, rng=rng))
    decoder = nn.Sequential(nn.Linear(latent_size, 16, rng=rng), nn.Sigmoid(), nn.Unflatten(1, IMAGE))
    critic = nn.Sequential(nn.Linear(latent_size + classes, 6, rng=rng), nn.Tanh(), nn.Linear(6, 1, rng=rng))
    critic = aae.Conditioned(critic) if classes else critic
    return [network.to(np.float64) for network in (encoder, decoder, critic)]


def tiny(classes=0, **options):
    prior = petals if classes else one_gaussian
    options = {"networks": smooth_networks, "latent_size": 2, "prior": prior, "rates": ADAMS, **options}
    return aae.build(rng(), classes=classes, **options)


X = Tensor(rng(1).random((6, *IMAGE)))
Z = Tensor(rng(2).standard_normal((6, 2)))
LABELS = np.array([0, 1, 2, 0, 1, 2])
Y = Tensor(np.eye(CLASSES)[LABELS])
every_kind = pytest.mark.parametrize("classes", [0, CLASSES])


def told(classes):
    return (Y,) if classes else ()


def softplus(x):
    return np.logaddexp(0, x)


@every_kind
def test_the_losses_are_the_equations(classes):
    model, y = tiny(classes), told(classes)
    codes = model.encoder(X)
    assert model.error(X, model.encoder(X)).item() == pytest.approx(
        ((model.decoder(codes).data - X.data) ** 2).sum() / (6 * 16)
    )
    real, fake = model.critic(Z, *y).data, model.critic(codes, *y).data
    loss, right = model.critic_loss(Z, codes, *y)
    assert loss.item() == pytest.approx(softplus(-real).mean() + softplus(fake).mean())
    assert right == pytest.approx(((real > 0).sum() + (fake < 0).sum()) / 12)
    assert model.encoder_loss(codes, *y).item() == pytest.approx(softplus(-fake).mean())


@every_kind
@pytest.mark.parametrize(
    "loss, part",
    [("error", "encoder"), ("error", "decoder"), ("critic_loss", "critic"), ("encoder_loss", "encoder")],
)
def test_derivatives_in_all_weights_to_second_order(loss, part, classes):
    model, y = tiny(classes), told(classes)
    network = getattr(model, part)
    losses = {
        "error": lambda: model.error(X, model.encoder(X)),
        "critic_loss": lambda: model.critic_loss(Z, model.encoder(X), *y)[0],
        "encoder_loss": lambda: model.encoder_loss(model.encoder(X), *y),
    }

    def of(*weights):
        with weights_replaced(network, weights):
            return losses[loss]()

    check_grads(of, network.parameters(), order=2)


def batches(classes, times=1):
    return iter([(X.numpy(), LABELS) if classes else (X.numpy(),)] * times)


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
    model.train_step(batches(0), rng())
    after = {part: getattr(model, part).state_dict() for part in before}
    assert {part for part in before if any((before[part][k] != after[part][k]).any() for k in before[part])} == moving
    assert [model.optimizer.lr, model.critic_optimizer.lr, model.encoder_optimizer.lr] == list(ADAMS)


@every_kind
def test_the_game_is_about_fresh_draws_and_the_codes_after_the_reconstruction(classes):
    """D sees draws as real and constant codes as fakes; both players see the same codes and labels."""
    model, seen = tiny(classes), {}
    critic_loss, encoder_loss = model.critic_loss, model.encoder_loss
    model.critic_loss = lambda *told: seen.update(critic=told) or critic_loss(*told)
    model.encoder_loss = lambda *told: seen.update(encoder=told, moved=model.critic.state_dict()) or encoder_loss(*told)
    model.optimizer.step = lambda grads: model.encoder.replace(lambda _, array: array + 0.1)
    before = model.critic.state_dict()
    model.train_step(batches(classes), rng(3))
    z, codes, *y = seen["critic"]
    np.testing.assert_array_equal(z.data, model.prior.draw(6, rng(3), LABELS if classes else None))
    assert not codes.requires_grad and seen["encoder"][0].requires_grad
    np.testing.assert_array_equal(codes.data, seen["encoder"][0].data)
    assert [hot.data.tolist() for hot in y] == [hot.data.tolist() for hot in seen["encoder"][1:]]
    assert [hot.data.tolist() for hot in y] == [Y.data.tolist()] * bool(classes)
    assert any((before[k] != seen["moved"][k]).any() for k in before)
    fresh = tiny(classes)
    fresh.encoder.replace(lambda _, array: array + 0.1)
    np.testing.assert_allclose(codes.data, fresh.encoder(X).data)


def test_a_step_reports_its_three_losses_and_how_often_d_is_right():
    model = tiny()
    expected = model.error(X, model.encoder(X)).item()
    numbers = model.train_step(batches(0), rng())
    assert set(numbers) == {"error", "critic_loss", "encoder_loss", "right"}
    assert numbers["error"] == pytest.approx(expected) and 0 <= numbers["right"] <= 1
    assert all(type(value) is float for value in numbers.values())


def test_codes_become_what_the_prior_is():
    """Codes of grey images, uniform at first, become those of a narrow Gaussian elsewhere."""
    prior = Mixture(np.array([[1.0]]), np.array([[[0.5]]]))
    model = tiny(latent_size=1, prior=lambda size, modes: prior, rates=(1e-4, 1e-2, 1e-3))
    noise, rates = rng(5), [optimizer.lr for optimizer in model.optimizers()]

    def stream():
        while True:
            yield (noise.random((64, 1, 1, 1)) * np.ones(IMAGE),)

    batches = stream()
    first = model.measure(model.draw(batches), rng(1))
    for step in range(800):
        for optimizer, rate in zip(model.optimizers(), rates):
            optimizer.lr = rate * (1 - step / 800)
        model.train_step(batches, noise)
    last = model.measure(model.draw(batches), rng(1))
    for what in ("energy distance to", "mean off", "covariance off"):
        (name,) = (name for name in last if name.startswith(f"codes' {what}"))
        assert last[name] < first[name] / 2, name


# Pictures and numbers ------------------------------------------------------------------------------------------------


def test_samples_are_decoded_draws_of_the_prior_and_those_of_a_class_lie_in_its_mode():
    model = tiny(CLASSES)
    found = model.samples(7, rng(4))
    draw = rng(4)
    modes = draw.integers(CLASSES, size=7)
    expected = 2 * model.decoder(Tensor(model.prior.draw(7, draw, modes))).data - 1
    np.testing.assert_allclose(found["samples"], expected, atol=1e-6)
    np.testing.assert_array_equal(found["labels"], modes)
    model.images = lambda z: model.prior.modes_of(z)[:, None]
    assert (model.samples(20, rng(), label=2)["samples"] == 2).all()
    with pytest.raises(ValueError, match="label=3 is none of the 3 classes that the prior's modes belong to"):
        model.samples(2, rng(), label=3)
    assert set(tiny().samples(2, rng())) == {"samples"}
    with pytest.raises(ValueError, match="label=0 is none of the 0 classes"):
        tiny().samples(2, rng(), label=0)


def test_the_picture_has_images_above_what_comes_back_and_a_column_for_each_mode():
    model = tiny(prior=petals)
    images = Tensor(rng(2).random((30, *IMAGE)))
    sheet = model.show((images,), rng())
    assert sheet.shape == (8, 10, *IMAGE)
    back = 2 * model.decoder(model.encoder(images)).data - 1
    for row in (0, 1):
        np.testing.assert_allclose(sheet[2 * row], 2 * images.data[10 * row :][:10] - 1, atol=1e-6)
        np.testing.assert_allclose(sheet[2 * row + 1], back[10 * row :][:10], atol=1e-6)
    drawn = model.prior.draw(40, rng(), np.tile(np.arange(10), 4))
    np.testing.assert_allclose(
        sheet[4:].reshape(40, -1), 2 * model.decoder(Tensor(drawn)).data.reshape(40, -1) - 1, atol=1e-6
    )
    assert (model.prior.modes_of(drawn).reshape(4, 10) == np.arange(10)).mean() > 0.9


def test_a_strip_leads_from_one_draw_to_another():
    model = tiny()
    strip = model.strip(3, 5, rng(6))
    assert strip.shape == (3, 5, *IMAGE)
    ends = model.prior.draw(2, rng(6))
    np.testing.assert_allclose(strip[0, [0, -1]], model.images(ends), atol=1e-6)


def test_it_measures_what_is_lost_and_how_far_codes_are_from_the_prior():
    model, images = tiny(), Tensor(rng(3).random((50, *IMAGE)))
    codes = model.encoder(images).data
    numbers = model.measure((images,), rng(1))
    assert numbers["mean squared error"] == pytest.approx(model.error(images, model.encoder(images)).item())
    pixels = images.data.reshape(50, 16)
    left = np.linalg.svd(pixels - pixels.mean(0))[1][2:]
    assert numbers["of as many components of PCA"] == pytest.approx((left**2).sum() / pixels.size)
    assert numbers["codes' mean off the prior's"] == pytest.approx(np.abs(codes.mean(0)).max())
    assert numbers["codes' covariance off the prior's"] == pytest.approx(np.abs(np.cov(codes.T) - np.eye(2)).max())
    assert numbers["codes' energy distance to the prior"] > 3 * numbers["a draw's energy distance to the prior"] > 0
    assert numbers["a draw's mean off the prior's"] < 0.5 and numbers["a draw's covariance off the prior's"] < 0.8
    assert not [name for name in numbers if "class" in name]


def test_it_reads_classes_off_codes_beside_components_and_images():
    """Images of a class are alike in half of their pixels, of which the codes tell nothing, then everything."""
    model = tiny(CLASSES)
    labels = np.arange(60) % CLASSES
    images = rng(3).random((60, *IMAGE)) * 0.1
    images[:, 0, 0] += 0.3 * labels[:, None]
    model.encoder = nn.Flatten()
    model.decoder = nn.Unflatten(1, IMAGE)
    model.prior = Mixture(np.eye(16)[:CLASSES], np.tile(np.eye(16), (CLASSES, 1, 1)))
    numbers = model.measure((Tensor(images), labels), rng())
    assert numbers["class from the nearest codes"] == numbers["class from the nearest images"] == 1
    assert numbers["class from as many components of PCA"] == 1
    right = model.prior.modes_of(images.reshape(60, 16)) == labels
    assert numbers["codes in the mode of their class"] == right.mean()
    model.encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 16, rng=rng()).to(np.float64))
    model.encoder[1].weight.data = 0 * model.encoder[1].weight.data
    model.encoder[1].bias.data = rng().standard_normal(16)
    assert model.measure((Tensor(images), labels), rng())["class from the nearest codes"] < 0.6


def test_who_learns_without_labels_is_measured_with_them_where_there_are_any():
    pixels = np.zeros((20, 1, 28, 28), np.uint8)
    assert len(aae.with_labels(Dataset("none", pixels, None, "here"))) == 1
    _, labels = aae.with_labels(Dataset("ten", pixels, np.arange(20) % 10, "here"))
    assert labels.tolist() == [*range(10)] * 2
    held_out = {name: preset.held_out or preset.view for name, preset in aae.SYSTEM.presets.items()}
    assert held_out.pop("labelled") is aae.views.labelled and set(held_out.values()) == {aae.with_labels}


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_networks_are_those_of_the_docstring_and_the_papers_have_the_papers_sizes():
    assert [count(network) for network in aae.mlp_networks(rng(), 8)] == [477_608, 478_384, 164_401]
    assert [count(network) for network in aae.mlp_networks(rng(), 2)] == [475_202, 475_984, 162_001]
    paper = partial(aae.mlp_networks, width=1000)
    assert [count(network) for network in paper(rng(), 8)] == [1_794_008, 1_794_784, 1_011_001]
    encoder, decoder, critic = aae.mlp_networks(rng(), 2, classes=10)
    codes = encoder(Tensor(rng().random((9, 1, 28, 28), dtype=np.float32)))
    images = decoder(codes)
    assert codes.shape == (9, 2) and codes.data.min() < 0 and images.shape == (9, 1, 28, 28)
    assert 0 < images.data.min() < images.data.max() < 1
    scores = [critic(codes, Tensor(np.eye(10, dtype=np.float32)[np.full(9, k)])).data for k in (0, 1)]
    assert scores[0].shape == (9, 1) and (scores[0] != scores[1]).all()


def test_each_class_has_a_mode_and_without_classes_there_are_ten():
    assert len(tiny(CLASSES).prior.centres) == 3 and len(tiny(prior=petals).prior.centres) == 10
