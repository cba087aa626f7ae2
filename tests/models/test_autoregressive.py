"""What autoregressive models share: the likelihood, its anchors, and images drawn pixel by pixel."""

from itertools import product

import instances
import numpy as np
import pretend
import pytest
from derivatives import jacobian, weights_replaced
from seeded import rng

from scratchgan import Tensor
from scratchgan.models import gated_pixelcnn, made, pixelcnn
from scratchgan.optim import Adam
from scratchgan.testing import check_grads


def pixels(network, **options):
    return lambda rng: network(rng, width=3, first=3, **options)


def tiny(name, image=(1, 4, 4)):
    """A model in float64."""
    if name.startswith("MADE"):
        hidden = (30, 20) if "hidden" in name else ()
        model = made.build(rng(), image=image, hidden=hidden, arrangements=3 if "three" in name else 1)
    elif name == "PixelCNN":
        model = pixelcnn.build(rng(), network=pixels(pixelcnn.PixelCNN, blocks=2), image=image)
    else:
        model = gated_pixelcnn.build(rng(), network=pixels(gated_pixelcnn.GatedPixelCNN, layers=2), image=image)
    for parameter in model.network.parameters():
        parameter.data = 2 * parameter.data.astype(np.float64)  # so that it is far from even
    model.network.to(np.float64)
    model.optimizer = Adam(model.network.parameters(), lr=1e-3)
    return model


MODELS = ["MADE, hidden", "MADE, three hidden", "MADE, none", "PixelCNN", "gated"]
every_model = pytest.mark.parametrize("name", MODELS)
X = (rng(3).random((5, 1, 4, 4)) < 0.5).astype(float)


def everything(bits):
    return np.array(list(product([0.0, 1.0], repeat=bits)))


def places(model):
    return model.places().reshape(-1)


# The likelihood ------------------------------------------------------------------------------------------------------


@every_model
def test_no_logit_depends_on_its_own_pixel_or_on_one_that_comes_later(name):
    """For all pixels and all arrangements, by the derivative; at grey pixels, too."""
    model = tiny(name)
    for k in range(getattr(model, "arrangements", 1)):
        if "MADE" in name:
            model.network.arrange(k)
            model.last = k
        slopes = sum(abs(jacobian(model.network, rng(seed).random((1, 4, 4)))) for seed in range(3))
        order = places(model)
        assert (slopes[order[:, None] <= order] == 0).all()
        assert (slopes[np.argsort(order)[-1]] != 0).sum() > 5  # the last pixel knows many others


@every_model
def test_the_probabilities_of_all_images_add_up_to_1(name):
    """Of 2×4 pixels there are 256."""
    model = tiny(name, image=(1, 2, 4))
    images = Tensor(everything(8).reshape(-1, 1, 2, 4))
    p = np.exp(-model.measured(images))
    assert p.sum() == pytest.approx(1, abs=1e-12) and p.max() > 3 * p.min()


@every_model
def test_the_loss_is_the_sum_over_pixels_of_minus_log_p(name):
    model = tiny(name)
    logits = model.network(Tensor(X)).data
    p = 1 / (1 + np.exp(-logits))
    nats = -(X * np.log(p) + (1 - X) * np.log(1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(model.nats(Tensor(X)).data, nats, rtol=1e-10)


@every_model
def test_its_derivatives_in_all_weights_to_second_order(name):
    model = tiny(name)
    network = model.network

    def loss(*weights):
        with weights_replaced(network, weights):
            return model.nats(Tensor(X)).mean()

    check_grads(loss, network.parameters(), order=2)


def test_a_step_descends_the_mean_over_the_batch_of_images_that_are_drawn():
    model, seen = tiny("PixelCNN"), []
    nats = model.nats
    model.nats = lambda x: seen.append(x.data) or nats(x)
    grey = np.full((6, 1, 4, 4), 0.25)
    before = [p.data for p in model.network.parameters()]
    numbers = [model.train_step(iter([(grey,)]), random)["nats"] for random in [rng()] for _ in range(2)]
    assert (seen[0] != seen[1]).any() and set(np.unique(seen)) == {0, 1} and 0.1 < np.mean(seen) < 0.4
    assert all((p.data != old).any() for p, old in zip(model.network.parameters(), before))
    assert numbers[0] == pytest.approx(tiny("PixelCNN").nats(Tensor(seen[0])).mean().item())


def test_it_measures_its_likelihood_beside_that_of_independent_pixels(monkeypatch):
    model, grey = tiny("PixelCNN"), np.broadcast_to(0.2 + 0.6 * rng().random((1, 4, 4)), (230, 1, 4, 4))
    numbers = model.measure((Tensor(np.array(grey)),), rng(1))
    drawn = (rng(1).random(grey.shape) < grey).astype(float)
    assert numbers["−log p, nats (dynamic bits)"] == pytest.approx(model.nats(Tensor(drawn)).mean().item())
    p = drawn.mean(0)
    expected = -(drawn * np.log(p) + (1 - drawn) * np.log(1 - p)).sum((1, 2, 3)).mean()
    assert numbers["independent pixels"] == pytest.approx(expected)


def test_pixels_that_never_change_cost_independent_pixels_nothing():
    numbers = tiny("PixelCNN").measure((Tensor(np.ones((3, 1, 4, 4))),), rng())
    assert numbers["independent pixels"] == 0


# Drawing -------------------------------------------------------------------------------------------------------------


def one_by_one(model, x, known, random):
    """Drawn in the obvious way: a whole pass for each pixel."""
    x = x.copy()
    flat = x.reshape(len(x), -1)
    for place in np.argsort(places(model), kind="stable")[known:]:
        logits = model.network(Tensor(x)).data.reshape(len(x), -1)[:, place]
        flat[:, place] = random.random(logits.shape).reshape(logits.shape) < 1 / (1 + np.exp(-logits))
    return x


@every_model
@pytest.mark.parametrize("image, known", [((1, 4, 4), 0), ((1, 9, 5), 12)])
def test_images_are_drawn_as_by_a_whole_pass_for_each_pixel(name, image, known):
    """What is computed once, or in a window alone, gives the same; 9 rows are more than a window has."""
    model = tiny(name, image)
    start = (rng(4).random((6, *image)) < 0.5).astype(float)
    drawn = model.drawn(Tensor(start), rng(5), known).data
    random = rng(5)
    if "MADE" in name:
        model.network.arrange(random.integers(model.arrangements))
    np.testing.assert_array_equal(drawn, one_by_one(model, start, known, random))
    order = places(model)
    np.testing.assert_array_equal(drawn.reshape(6, -1)[:, order < known], start.reshape(6, -1)[:, order < known])


@every_model
def test_what_is_drawn_has_the_distribution_that_the_likelihood_says(name):
    model = tiny(name, image=(1, 2, 2))
    p = np.exp(-model.measured(Tensor(everything(4).reshape(-1, 1, 2, 2))))
    samples = np.concatenate([model.samples(400, random)["samples"] for random in [rng(6)] for _ in range(20)])
    numbers = (samples.reshape(-1, 4) > 0) @ [8, 4, 2, 1]
    counted = np.bincount(numbers, minlength=16) / len(numbers)
    np.testing.assert_allclose(counted, p, atol=0.035 if "three" in name else 0.02)


def test_samples_are_black_and_white():
    samples = tiny("PixelCNN").samples(5, rng())["samples"]
    assert samples.shape == (5, 1, 4, 4) and set(np.unique(samples)) == {-1, 1}


def test_the_picture_shows_images_their_second_halves_drawn_anew_and_samples():
    model = tiny("PixelCNN")
    sheet = model.show((Tensor(X.repeat(4, 0)),), rng())
    assert sheet.shape == (4, 8, 1, 4, 4) and set(np.unique(sheet)) == {-1, 1}
    np.testing.assert_array_equal(sheet[0], 2 * X.repeat(4, 0)[:8] - 1)
    np.testing.assert_array_equal(sheet[1, :, :, :2], sheet[0, :, :, :2])
    assert (sheet[1, :, :, 2:] != sheet[0, :, :, 2:]).any() and (sheet[2] != sheet[3]).any()


def test_a_strip_shows_images_as_they_are_drawn():
    strip = tiny("PixelCNN").strip(2, 5, rng(7))
    assert strip.shape == (2, 5, 1, 4, 4)
    assert not strip[:, 0].any() and set(np.unique(strip[:, 4])) == {-1, 1}
    assert not strip[:, 1, :, 1:].any() and (strip[:, 1, :, 0] == strip[:, 4, :, 0]).all()


def test_a_strip_follows_the_order_of_its_arrangement():
    model = tiny("MADE, three hidden")
    random = next(rng(seed) for seed in range(9) if rng(seed).integers(3))  # not the natural order
    strip = model.strip(1, 17, random)[0]
    there = (strip != 0).reshape(17, -1).sum(0)  # stages in which a pixel is there
    np.testing.assert_array_equal(np.argsort(-there), np.argsort(model.network.degrees(model.last)[0]))


# On a device ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MADE", "PixelCNN", "Gated PixelCNN", "PixelVAE"])
def test_it_trains_and_draws_on_a_device_as_on_the_host(name, monkeypatch):
    """By the stand-in for CuPy, which refuses what would be copied to the host without a word."""
    monkeypatch.setattr("scratchgan.nn.module.device_module", {"cpu": np, "gpu": pretend}.get)
    images = [(rng(seed).random((6, 1, 4, 4), dtype=np.float32),) for seed in range(2)]
    states, samples = [], []
    for device in ("gpu", "cpu"):
        model = instances.MODELS[name].build(rng(), device=device)
        for batch in images:
            model.train_step(iter([batch]), rng(1))
        states.append(model.parts())
        samples.append(model.samples(5, rng(2))["samples"])
    for part, other in zip(states[0].values(), states[1].values(), strict=True):
        for path, array in other.state_dict().items():
            np.testing.assert_allclose(part.state_dict()[path], array, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(*samples)
