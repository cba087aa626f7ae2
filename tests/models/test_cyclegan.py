"""CycleGAN: four networks, two unpaired streams, and a pool of what was translated before."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.data import Batches, load, views
from scratchgan.metrics import translation
from scratchgan.models import cyclegan
from scratchgan.models.networks import Residual, count
from scratchgan.testing import check_grads

IMAGE = (2, 4, 4)
CYCLES = "cycle error", "cycle error of bytes", "cycle error with noise"


def tiny_networks(rng):
    def translator():
        change = nn.Conv2d(2, 2, 3, padding=1, rng=rng), nn.Tanh()
        return nn.Sequential(Residual(*change), nn.Conv2d(2, 2, 1, rng=rng), nn.Tanh()).to(np.float64)

    def critic():
        return nn.Sequential(nn.Conv2d(2, 3, 2, rng=rng), nn.Tanh(), nn.Conv2d(3, 1, 2, rng=rng)).to(np.float64)

    return translator(), translator(), critic(), critic()


def tiny(**options):
    return cyclegan.build(rng(), networks=tiny_networks, image=IMAGE, pool_size=5, **options)


def images(seed, count=3):
    return Tensor(np.tanh(rng(seed).standard_normal((count, *IMAGE))))


X, Y = images(1), images(2)


def mean_abs(a, b):
    return np.abs(a.data - b.data).mean()


def test_the_losses_are_the_equations():
    model = tiny(adversarial=0.5, cycle=(7.0, 2.0), identity=3.0)
    G, F, DX, DY = model.there, model.back, model.critic_x, model.critic_y
    numbers, (fake_x, fake_y) = model.generator_loss(X, Y)
    np.testing.assert_array_equal(fake_x.data, F(Y).data)
    np.testing.assert_array_equal(fake_y.data, G(X).data)
    assert not fake_x.requires_grad and not fake_y.requires_grad
    adversarial = ((DY(G(X)).data - 1) ** 2).mean() + ((DX(F(Y)).data - 1) ** 2).mean()
    cycle_x, cycle_y = mean_abs(F(G(X)), X), mean_abs(G(F(Y)), Y)
    identity = mean_abs(G(Y), Y) + mean_abs(F(X), X)
    expected = {"adversarial": adversarial, "cycle": cycle_x + cycle_y, "identity": identity}
    expected["generator_loss"] = adversarial / 2 + 7 * cycle_x + 2 * cycle_y + 3 * identity
    assert {name: value.item() for name, value in numbers.items()} == pytest.approx(expected)
    loss = 0
    for critic, real, fake in ((DX, X, fake_x), (DY, Y, fake_y)):
        loss += ((critic(real).data - 1) ** 2).mean() / 2 + (critic(fake).data ** 2).mean() / 2
    assert model.critic_loss(X, Y, fake_x, fake_y).item() == pytest.approx(loss)


def test_without_its_weight_the_identity_costs_nothing():
    model, calls = tiny(identity=0.0), []
    for network in (model.there, model.back):
        forward = network.forward
        network.forward = lambda x, forward=forward: calls.append(x) or forward(x)
    numbers, _ = model.generator_loss(X, Y)
    assert len(calls) == 4 and "identity" not in numbers
    assert numbers["generator_loss"].item() == pytest.approx(
        numbers["adversarial"].item() + 10 * numbers["cycle"].item()
    )


@pytest.mark.parametrize("part", ["there", "back", "critic_x", "critic_y"])
def test_derivatives_in_all_weights_to_second_order(part):
    model = tiny(identity=5.0)
    network = getattr(model, part)

    def loss(*weights):
        with weights_replaced(network, weights):
            if "critic" in part:
                return model.critic_loss(X, Y, images(3), images(4))
            return model.generator_loss(X, Y)[0]["generator_loss"]

    check_grads(loss, network.parameters(), order=2)


def state(model, *parts):
    return [array for part in parts for array in getattr(model, part).state_dict().values()]


def moved(model, step, *parts):
    before = state(model, *parts)
    step()
    return [bool((array != old).any()) for array, old in zip(state(model, *parts), before, strict=True)]


def test_a_step_moves_all_four_networks():
    model = tiny()
    stream = iter([(X.numpy(), Y.numpy())] * 2)
    assert all(moved(model, lambda: model.train_step(stream, rng()), "there", "back", "critic_x", "critic_y"))


def test_the_generators_step_leaves_the_critics_alone_and_the_other_way_round():
    model = tiny()
    stream = iter([(X.numpy(), Y.numpy())] * 2)
    model.critic_optimizer.step = lambda grads: None
    assert not any(moved(model, lambda: model.train_step(stream, rng()), "critic_x", "critic_y"))
    model = tiny()
    model.generator_optimizer.step = lambda grads: None
    assert not any(moved(model, lambda: model.train_step(stream, rng()), "there", "back"))


def test_each_critic_sees_the_translations_into_its_own_domain():
    model, seen = tiny(), []
    loss = model.critic_loss
    model.critic_loss = lambda *images: seen.append(images) or loss(*images)
    expected = model.back(Y).data, model.there(X).data
    model.train_step(iter([(X.numpy(), Y.numpy())]), rng())
    ((x, y, fake_x, fake_y),) = seen
    for found, wanted in zip((x, y, fake_x, fake_y), (X.data, Y.data, *expected)):
        np.testing.assert_allclose(found.data, wanted, atol=1e-6)


def test_the_critics_are_shown_what_the_pools_give():
    model, seen = tiny(), []
    critic_loss = model.critic_loss
    model.critic_loss = lambda x, y, *fakes: seen.append(fakes) or critic_loss(x, y, *fakes)
    model.pool_x.exchange = lambda fakes, rng: np.full_like(fakes, 0.25)
    model.pool_y.exchange = lambda fakes, rng: np.full_like(fakes, 0.5)
    model.train_step(iter([(X.numpy(), Y.numpy())]), rng())
    assert [np.unique(fakes.data).tolist() for fakes in seen[0]] == [[0.25], [0.5]]


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_small_networks_keep_the_size_of_the_image_and_score_patches():
    there, back, critic_x, critic_y = cyclegan.small_networks(rng())
    x = Tensor(rng().uniform(-1, 1, (2, 3, 28, 28)).astype(np.float32))
    assert there(x).shape == back(x).shape == x.shape and np.abs(there(x).data).max() <= 1
    assert critic_x(x).shape == critic_y(x).shape == (2, 1, 12, 12)


def test_the_papers_networks_have_the_papers_sizes():
    """6 blocks for 128 pixels, 9 for 256. Of the critics we leave out the biases that a norm takes off again."""
    for blocks, published in ((6, 7_837_699), (9, 11_378_179)):
        there, back, *critics = cyclegan.paper_networks(rng(), blocks=blocks)
        assert count(there) == count(back) == published
        assert [count(critic) + 128 + 256 + 512 for critic in critics] == [2_764_737] * 2
        assert not [m for m in there.modules() if isinstance(m, nn.InstanceNorm2d) and m.parameters()]
        assert len([m for m in there.modules() if isinstance(m, Residual)]) == blocks
        first = there[1].weight.data
        assert first.std() == pytest.approx(0.02, rel=0.05) and not there[1].bias.data.any()


def test_the_small_networks_have_the_sizes_that_are_asked_for():
    there, back, critic_x, critic_y = cyclegan.small_networks(rng(), width=4, blocks=1, critic_width=6, layers=2)
    assert count(there) == count(back) and count(critic_x) == count(critic_y)
    assert there[1].out_channels == 4 and len([m for m in there.modules() if isinstance(m, Residual)]) == 1
    assert critic_x[0].out_channels == 6 and critic_x(Tensor(np.zeros((1, 3, 28, 28), np.float32))).shape[2:] == (5, 5)


def test_the_generators_have_the_papers_layers():
    def kinds(network):
        return " ".join(type(layer).__name__ for layer in network)

    same, down = "ReflectionPad2d Conv2d InstanceNorm2d", "Conv2d InstanceNorm2d ReLU"
    translator = cyclegan.generator(rng(), blocks=2)
    expected = f"{same} ReLU {down} {down} Residual Residual Conv+ Conv+ ReflectionPad2d Conv2d Tanh"
    assert kinds(translator) == expected.replace("Conv+", down.replace("Conv2d", "ConvTranspose2d"))
    residuals = [layer for layer in translator if isinstance(layer, Residual)]
    assert [kinds(residual.change) for residual in residuals] == [f"{same} ReLU {same}"] * 2


def test_a_border_is_mirrored_and_has_no_zeros():
    """Before each convolution that keeps the size: sums of a white image are the same at its edge."""
    found = 0
    for stage in (m for m in cyclegan.generator(rng(), blocks=1).modules() if isinstance(m, nn.Sequential)):
        for before, layer in zip(list(stage), list(stage)[1:]):
            if isinstance(layer, nn.Conv2d) and layer.stride == (1, 1):
                layer.weight.data, found = np.ones_like(layer.weight.data), found + 1
                x = Tensor(np.ones((1, layer.weight.shape[1], 9, 9), np.float32))
                sums = nn.Sequential(before, layer)(x).data
                assert sums.shape[2:] == (9, 9) and (sums[0] == sums[0, :, 4:5, 4:5]).all()
    assert found == 4


def test_the_picture_shows_both_directions_there_and_back():
    model = tiny()
    sheet = model.show((images(5, 9), images(6, 9)), rng())
    assert sheet.shape == (6, 8, *IMAGE)
    np.testing.assert_allclose(sheet[2], model.back(model.there(images(5, 9)[:8])).data, atol=1e-6)
    np.testing.assert_allclose(sheet[4], model.back(images(6, 9)[:8]).data, atol=1e-6)
    assert model.show((images(5, 6), images(6, 4)), rng()).shape == (6, 4, *IMAGE)  # of small domains


# What is measured ----------------------------------------------------------------------------------------------------


class Recoloured(nn.Module):
    """The true translation: from one pair of colours to another."""

    def __init__(self, *colours):
        self.colours = np.array(colours, np.float64).reshape(4, 3, 1, 1) / 127.5 - 1
        self.weight = nn.Conv2d(1, 1, 1).weight

    def forward(self, x):
        ink, paper, other_ink, other_paper = self.colours
        way = ink - paper
        share = ((x.data - paper) * way).sum(1, keepdims=True) / (way * way).sum()
        return Tensor((share * other_ink + (1 - share) * other_paper).astype(np.float32))


def recolouring():
    """G and F, of whom the paper says nothing and everything is known."""
    there = Recoloured(views.ORANGE, views.BLACK, views.BLUE, views.WHITE)
    return there, Recoloured(views.BLUE, views.WHITE, views.ORANGE, views.BLACK)


def test_the_true_translation_has_the_best_numbers_there_and_back(monkeypatch):
    judged = []

    class Judge:
        def __init__(self, data):
            assert data == "mnist"

        def accuracy(self, images, labels):
            judged.append((images, labels))
            return 0.75

    monkeypatch.setattr(translation, "Judge", Judge)
    model = cyclegan.build(rng(), networks=lambda rng: (*recolouring(), *cyclegan.small_networks(rng)[2:]))
    digits = load(embedded=True)
    x, y, labels = (array[::100] for array in views.both_colours(digits))
    held_out = model.draw(iter([Batches((x, y, labels), 50, rng()).examples(50)]))
    found = model.measure(held_out, rng())
    for way, white in (("there", 0.14), ("back", 0.14)):
        assert found[f"error, {way}"] < 0.01 and found[f"right colours, {way}"] == 1
        assert found[f"error of the input itself, {way}"] > 1.5
        assert 0.05 < found[f"error of paper alone, {way}"] < 0.3
        assert found[f"cycle error, {way}"] < 0.01 and found[f"right class, {way}"] == 0.75
    for images, of in judged:
        grey = digits.images[::100]
        order = np.random.default_rng(0).permutation(50)
        assert np.abs(images.astype(int) - grey[order]).mean() < 2  # ink is relative to the darkest
        np.testing.assert_array_equal(of, labels[order])
    assert not {name for name in found if "error of bytes" in name and found[name] > 0.02}
    alone = model.measure(held_out[:2], rng())
    assert alone.keys() == {f"{name}, {way}" for way in ("there", "back") for name in CYCLES}
    assert all(alone[name] == found[name] for name in alone)
