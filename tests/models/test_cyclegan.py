"""CycleGAN: four networks, two unpaired streams, and a pool of what was translated before."""

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Tensor, nn
from scratchgan.models import cyclegan
from scratchgan.models.cyclegan import Residual
from scratchgan.models.networks import count
from scratchgan.testing import check_grads

IMAGE = (2, 4, 4)


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
    model = tiny(cycle=7.0, identity=3.0)
    G, F, DX, DY = model.there, model.back, model.critic_x, model.critic_y
    numbers, (fake_x, fake_y) = model.generator_loss(X, Y)
    np.testing.assert_array_equal(fake_x.data, F(Y).data)
    np.testing.assert_array_equal(fake_y.data, G(X).data)
    assert not fake_x.requires_grad and not fake_y.requires_grad
    adversarial = ((DY(G(X)).data - 1) ** 2).mean() / 2 + ((DX(F(Y)).data - 1) ** 2).mean() / 2
    cycle = mean_abs(F(G(X)), X) + mean_abs(G(F(Y)), Y)
    identity = mean_abs(G(Y), Y) + mean_abs(F(X), X)
    expected = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
    expected["generator_loss"] = adversarial + 7 * cycle + 3 * identity
    assert {name: value.item() for name, value in numbers.items()} == pytest.approx(expected)
    loss = 0
    for critic, real, fake in ((DX, X, fake_x), (DY, Y, fake_y)):
        loss += ((critic(real).data - 1) ** 2).mean() / 2 + (critic(fake).data ** 2).mean() / 2
    assert model.critic_loss(X, Y, fake_x, fake_y).item() == pytest.approx(loss)


@pytest.mark.parametrize("part", ["there", "back", "critic_x", "critic_y"])
def test_derivatives_in_all_weights_to_second_order(part):
    model = tiny()
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


def test_the_papers_generators_have_the_papers_sizes():
    """6 blocks for 128 pixels, 9 for 256; but for biases before affine norms, 2 C instead of 3 C numbers each."""
    for blocks, published in ((6, 7_837_699), (9, 11_378_179)):
        network = cyclegan.generator(rng(), width=64, blocks=blocks)
        normed = [m.weight.numel() for m in network.modules() if isinstance(m, nn.InstanceNorm2d)]
        assert count(network) - 2 * sum(normed) + sum(normed) == published


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


def test_a_residual_adds_its_input():
    x = Tensor(np.ones((1, 2)))
    assert Residual(nn.Flatten())(x).data.tolist() == [[2, 2]]


def test_the_picture_shows_both_directions_there_and_back():
    model = tiny()
    sheet = model.show((images(5, 9), images(6, 9)), rng())
    assert sheet.shape == (6, 8, *IMAGE)
    np.testing.assert_allclose(sheet[2], model.back(model.there(images(5, 9)[:8])).data, atol=1e-6)
    np.testing.assert_allclose(sheet[4], model.back(images(6, 9)[:8]).data, atol=1e-6)
