"""pix2pix: a U-Net whose noise is dropout, a discriminator of patches that is shown pairs, two losses."""

from functools import partial

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.functional import cat, dropout
from scratchgan.metrics import judge
from scratchgan.metrics.similarity import sharpness
from scratchgan.models import pix2pix
from scratchgan.models.networks import UNet, count
from scratchgan.models.pix2pix import jittered
from scratchgan.nn import init
from scratchgan.testing import check_grads

tiny_networks = partial(pix2pix.small_networks, widths=(2, 3, 4), channels=(1, 2), width=2)


def tiny(networks=tiny_networks, seed=0, **options):
    def in_float64(rng):
        made = [network.to(np.float64) for network in networks(rng)]
        for parameter in (p for network in made for p in network.parameters() if p.ndim == 4):
            parameter.data = 0.3 * rng.standard_normal(parameter.shape)
        return made

    return pix2pix.build(rng(seed), networks=in_float64, **options)


def images(seed, channels, many=4, size=8):
    return Tensor(np.tanh(rng(seed).standard_normal((many, channels, size, size))))


X, Y = images(1, 1), images(2, 2)


def zeta(x):
    return np.logaddexp(0, x)


# The losses ----------------------------------------------------------------------------------------------------------


def test_the_losses_are_the_equations():
    model = tiny(weights=(0.5, 7.0))
    D, fake = model.discriminator.network, model.generator(X, rng(3))
    true, made = D(cat([X, Y], 1)).data, D(cat([X, fake], 1)).data
    assert true.shape == (4, 1, 2, 2)
    assert model.discriminator_loss(X, Y, fake).item() == pytest.approx(zeta(-true).mean() + zeta(made).mean())
    numbers = {name: value.item() for name, value in model.generator_loss(X, Y, fake).items()}
    l1 = np.abs(fake.data - Y.data).mean()
    assert numbers["adversarial"] == pytest.approx(zeta(-made).mean()) and numbers["l1"] == pytest.approx(l1)
    assert numbers["generator_loss"] == pytest.approx(0.5 * zeta(-made).mean() + 7 * l1)


def test_a_discriminator_without_conditions_does_not_see_x():
    model = tiny(partial(tiny_networks, conditional=False))
    scores = model.discriminator(X, Y).data
    np.testing.assert_array_equal(model.discriminator(images(5, 1), Y).data, scores)
    np.testing.assert_array_equal(model.discriminator.network(Y).data, scores)
    assert (tiny().discriminator(images(5, 1), Y).data != tiny().discriminator(X, Y).data).all()


@pytest.mark.parametrize("networks", [tiny_networks, partial(tiny_networks, skips=False, conditional=False)])
@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_derivatives_in_all_weights_to_second_order(part, networks):
    """Of the whole objective, through the same dropout each time."""
    model = tiny(networks, seed=1)
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            fake = model.generator(X, rng(3))
            if part == "generator":
                return model.generator_loss(X, Y, fake)["generator_loss"]
            return model.discriminator_loss(X, Y, fake)

    check_grads(loss, network.parameters(), order=2)


# A step --------------------------------------------------------------------------------------------------------------


def moved(model, step, part):
    before = [p.data.copy() for p in getattr(model, part).parameters()]
    step()
    return [bool((p.data != old).any()) for p, old in zip(getattr(model, part).parameters(), before, strict=True)]


@pytest.mark.parametrize("part, other", [("generator", "discriminator"), ("discriminator", "generator")])
def test_each_player_is_moved_by_its_own_step_alone(part, other):
    batches = [(X.numpy(), Y.numpy())]
    for moves in (True, False):
        model = tiny()
        if not moves:
            getattr(model, f"{part}_optimizer").step = lambda grads: None
        found = moved(model, lambda model=model: model.train_step(iter(batches), rng()), part)
        assert all(found) if moves else not any(found)
    model = tiny()
    assert all(moved(model, lambda: model.train_step(iter(batches), rng()), other))


def test_a_step_translates_once_and_the_generator_is_judged_by_the_new_discriminator():
    model, z, events = tiny(), [], []
    translate, judged = model.generator.forward, model.discriminator.forward
    model.generator.forward = lambda x, rng: z.append(rng) or translate(x, rng)

    def watched(x, y):
        events.append((y.requires_grad, model.discriminator.network[0].weight.data.copy(), y.data.copy()))
        return judged(x, y)

    model.discriminator.forward = watched
    own = rng(9)
    model.train_step(iter([(X.numpy(), Y.numpy())]), own)
    assert z == [own]
    real, fake, again = events
    assert [needs for needs, *_ in events] == [False, False, True]  # D's step does not reach G
    np.testing.assert_array_equal(real[2], Y.data)
    np.testing.assert_array_equal(fake[2], again[2])
    assert (fake[1] == real[1]).all() and (again[1] != fake[1]).any()


# Jitter --------------------------------------------------------------------------------------------------------------


def test_pairs_are_mirrored_and_shifted_alike():
    x, y = Tensor(np.arange(128.0).reshape(2, 1, 8, 8)), Tensor(-np.arange(128.0).reshape(2, 1, 8, 8))
    assert jittered((x, y), 0, rng())[0] is x
    seen, random = set(), rng()
    for _ in range(300):
        a, b = jittered((x, y), 1, random)
        assert a.shape == x.shape and (a.data == -b.data).all() and (a.data[1] == a.data[0] + 64).all()
        seen.add(tuple(a.data[0, 0, 3, 3:5].astype(int)))
    centres = [(i, j) for i in (2, 3, 4) for j in (2, 3, 4)]
    assert seen == {(8 * i + j, 8 * i + j + 1) for i, j in centres} | {
        (8 * i + 7 - j, 8 * i + 6 - j) for i, j in centres
    }


def test_a_shifted_border_is_a_reflection():
    x = Tensor(rng().random((1, 1, 8, 8)))
    for seed in range(9):
        (a,) = jittered((x,), 3, rng(seed))
        assert np.isin(a.data, x.data).all()


def test_a_step_is_taken_with_jittered_pairs():
    model, seen = tiny(jitter=3), []
    losses = model.generator_loss
    model.generator_loss = lambda x, y, fake: seen.append((x, y)) or losses(x, y, fake)
    model.train_step(iter([(X.numpy(), Y.numpy())]), rng(2))
    expected = jittered((X, Y), 3, rng(2))
    for found, wanted in zip(seen[0], expected, strict=True):
        np.testing.assert_array_equal(found.data, wanted.data)
    assert (expected[0].data != X.data).any()


# Networks ------------------------------------------------------------------------------------------------------------


def structure(network):
    return [" ".join(type(layer).__name__ for layer in stage) for stage in network]


def test_the_papers_networks_have_the_papers_sizes(monkeypatch):
    """Of weights that are never drawn: 54 million would take a second and 200 MB."""
    unwritten = np.broadcast_to(np.float32(0), 1)
    monkeypatch.setattr(init, "default", lambda shape, *_: np.broadcast_to(unwritten, shape))
    monkeypatch.setattr(pix2pix, "initialise", lambda network, rng: network)
    generator, discriminator = pix2pix.paper_networks(rng())
    assert (count(generator), count(discriminator)) == (54_413_955, 2_768_705)
    down = [stage[-1 if i in (0, 7) else -2] for i, stage in enumerate(generator.down)]
    up = [stage[1] for stage in generator.up]
    assert [layer.out_channels for layer in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [layer.in_channels for layer in up] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert [layer.out_channels for layer in up] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert {(*layer.kernel_size, *layer.stride, *layer.padding) for layer in down + up} == {(4, 4, 2, 2, 1, 1)}
    assert generator.dropped == 3


def test_the_rectifiers_stand_before_the_convolutions_and_no_norm_where_the_paper_has_none():
    """None next to the image, at the bottom, where a norm of one pixel would leave nothing, and at the end."""
    network = UNet(rng(), (2, 3, 4, 4))
    middle = "LeakyReLU Conv2d BatchNorm2d"
    assert structure(network.down) == ["Conv2d", middle, middle, "LeakyReLU Conv2d"]
    assert structure(network.up) == 3 * ["ReLU ConvTranspose2d BatchNorm2d"] + ["ReLU ConvTranspose2d"]
    assert {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    biased = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) and m.bias is not None]
    assert biased == [network.up[3][1]]


def test_a_unet_sees_at_each_step_up_what_was_there_on_the_way_down():
    network = UNet(rng(), (2, 3, 4), dropped=2)
    x, z = images(5, 1).to(np.float32), rng(7)
    first, second, third = (stage for stage in network.down)
    a = first(x)
    b = second(a)
    up = dropout(network.up[0](third(b)), 0.5, rng=z)
    up = dropout(network.up[1](cat([up, b], 1)), 0.5, rng=z)
    expected = np.tanh(network.up[2](cat([up, a], 1)).data)
    np.testing.assert_array_equal(network(x, rng(7)).data, expected)


def test_without_skips_all_goes_through_the_bottom():
    network = UNet(rng(), (2, 3, 4), dropped=0, skips=False)
    x = images(5, 1).to(np.float32)
    small = x
    for stage in (*network.down, *network.up):
        small = stage(small)
    np.testing.assert_array_equal(network(x, rng(7)).data, np.tanh(small.data))
    assert [stage[1].in_channels for stage in network.up] == [4, 3, 2]


def test_the_first_weights_are_those_of_the_paper():
    for network in pix2pix.small_networks(rng()):
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                assert module.weight.data.std() == pytest.approx(0.02, rel=0.1)
                assert module.bias is None or not module.bias.data.any()


def test_the_small_networks_are_those_of_the_docstring():
    generator, discriminator = pix2pix.small_networks(rng())
    assert (count(generator), count(discriminator)) == (255_137, 9_297)
    x = images(1, 1, 2, 32).to(np.float32)
    assert generator(x, rng()).shape == (2, 1, 32, 32) and discriminator(x, x).shape == (2, 1, 14, 14)


# As at test time -----------------------------------------------------------------------------------------------------


def test_dropout_and_batch_statistics_stay_in_evaluation():
    """As published: the noise is dropout, and each image is normalised by those beside it."""
    model = tiny()
    model.generator.eval()
    assert (model.translated(X, rng(1)).data != model.translated(X, rng(2)).data).any()
    np.testing.assert_array_equal(model.translated(X, rng(1)).data, model.translated(X, rng(1)).data)
    model.generator.dropped = 0
    alone, together = model.translated(X[:2], rng()).data, model.translated(X, rng()).data[:2]
    assert (alone != together).any()
    assert all(m.running_mean is None for m in model.generator.modules() if isinstance(m, nn.BatchNorm2d))


def test_translations_are_made_in_blocks_of_nearly_one_size_and_in_order(monkeypatch):
    monkeypatch.setattr(pix2pix, "BLOCK", 3)
    model, sizes = tiny(), []
    model.generator.forward = lambda x, z: sizes.append(len(x)) or 2 * x
    x = images(1, 1, 7)
    np.testing.assert_array_equal(model.translated(x, rng()).data, 2 * x.data)
    assert sorted(sizes) == [2, 2, 3]


def test_the_picture_shows_input_output_and_truth():
    model, x, y = tiny(), images(5, 1, 40), images(6, 2, 40)
    sheet = model.show((x, y), rng(4))
    assert sheet.shape == (6, 8, 2, 8, 8)
    made = model.translated(x[:16], rng(4)).data
    for rows, wanted in zip((sheet[::3], sheet[1::3], sheet[2::3]), (x.data.repeat(2, 1), made, y.data)):
        np.testing.assert_allclose(rows.reshape(16, 2, 8, 8), wanted[:16], atol=1e-6)
    assert model.show((x[:15], y[:15]), rng()).shape == (3, 8, 2, 8, 8)
    assert model.show((x[:5], y[:5]), rng()).shape == (3, 5, 2, 8, 8)


def test_what_is_measured_is_beside_what_is_simple():
    model, x, y = tiny(), images(5, 1, 6), images(6, 2, 6)
    numbers, z = model.measure((x, y), rng(4)), rng(4)
    made, again = model.translated(x, z).data, model.translated(x, z).data
    mean, both = np.broadcast_to(y.data.mean(0), y.shape), x.data.repeat(2, 1)
    assert numbers["L1 between two z"] == pytest.approx(np.abs(made - again).mean()) and (made != again).any()
    for name, rival in (("", made), (" of the mean image", mean), (" of x itself", both)):
        assert numbers[f"L1{name}"] == pytest.approx(np.abs(rival - y.data).mean())
        ratio = sharpness(rival).mean() / sharpness(y.data).mean()
        assert numbers[f"sharpness{name}"] == pytest.approx(ratio)
    assert len(numbers) == 7


class Known:
    """A judge who is right more often with each question."""

    rights = (0.5, 0.6, 0.8, 0.95)

    def __init__(self, data):
        assert data == "mnist"
        self.seen = Known.seen = []

    def accuracy(self, images, labels):
        self.seen.append((images, labels))
        return self.rights[len(self.seen) - 1]


@pytest.mark.parametrize("size", [28, 32])
def test_digits_are_shown_to_the_judge_as_bytes_without_their_margin(size, monkeypatch):
    """Bytes are never doubted: the grey of a generator at its first step is no black."""
    monkeypatch.setattr(judge, "Judge", Known)
    model, labels, margin = tiny(partial(tiny_networks, channels=(1, 1))), np.arange(5), (size - 28) // 2
    x, y = images(5, 1, 5, size), images(6, 1, 5, size)
    model.translated = lambda x, rng: -x
    numbers = model.measure((x, y, labels), rng())
    names = "digit kept", "digit kept of the mean image", "digit kept of x itself", "digit kept of y"
    assert {name: numbers[name] for name in names} == dict(zip(names, Known.rights))
    mean = np.broadcast_to(y.data.mean(0), y.shape)
    for (shown, known), wanted in zip(Known.seen, (-x.data, mean, x.data, y.data), strict=True):
        wanted = wanted[:, :, margin : margin + 28, margin : margin + 28]
        assert shown.dtype == np.uint8 and known is labels
        np.testing.assert_allclose(shown / 127.5 - 1, wanted, atol=0.5 / 127.5 + 1e-9)


def test_what_is_no_digit_is_not_taken_for_one(monkeypatch):
    """Clothes have labels, too."""
    monkeypatch.setattr(judge, "Judge", Known)
    monkeypatch.setattr(Known, "rights", (0.1, 0.1, 0.1, 0.1))
    model = tiny(partial(tiny_networks, channels=(1, 1)))
    numbers = model.measure((images(5, 1, 5, 32), images(6, 1, 5, 32), np.arange(5)), rng())
    assert len(numbers) == 7 and len(Known.seen) == 4
