"""WGAN-GP: the penalty in closed form, who moves and in which direction, and ten training steps against PyTorch."""

import numpy as np
import pytest

from scratchgan import Parameter, Tensor, grad, nn
from scratchgan.models import wgan_gp
from scratchgan.models.wgan_gp import WGANGP, gradient_norms, gradient_penalty, interpolate, wasserstein_estimate
from scratchgan.optim import SGD

IMAGE = (3, 4, 4)


def rng(seed=0):
    return np.random.default_rng(seed)


def images(count, *, seed=0, dtype=np.float64, requires_grad=False):
    return Tensor(rng(seed).standard_normal((count, *IMAGE)).astype(dtype), requires_grad=requires_grad)


def linear_critic(w):
    """D(x) = ⟨w, x⟩, whose gradient is w everywhere."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(w.size, 1, bias=False))
    critic[1].weight = Parameter(w.reshape(1, -1))
    return critic


def tiny_critic(activation, *norm):
    return nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=2, padding=1, rng=rng(1)),
        *norm,
        activation,
        nn.Flatten(),
        nn.Linear(8, 1, rng=rng(2)),
    ).to(np.float64)


def tiny_generator():
    return nn.Sequential(
        nn.Linear(5, 16, rng=rng(3)),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Unflatten(1, (4, 2, 2)),
        nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1, rng=rng(4)),
        nn.Tanh(),
    ).to(np.float64)


def tiny_model(**options):
    critic = tiny_critic(nn.LeakyReLU(0.2))
    return WGANGP(tiny_generator(), critic, latent_size=5, **{"critic_steps": 2, "lr": 1e-3} | options)


def parameters(module):
    return {path: p.data.copy() for path, p in module.named_parameters()}


def unmoved(module, before):
    return {path for path, array in parameters(module).items() if (array == before[path]).all()}


# Parameters of the tiny networks that the loss does not depend on: their gradient is 0, up to rounding.
FREE_IN_GENERATOR = {"0.bias"}  # batch norm takes it off again
FREE_IN_CRITIC = {"3.bias"}  # shifts D(x) and D(x̃) alike, and no slope


# The penalty ---------------------------------------------------------------------------------------------------------


def test_a_linear_critic_has_the_norm_of_its_weight_over_all_axes_of_a_sample():
    """Neither over the channels of each pixel alone, nor over the whole batch."""
    w = rng(7).standard_normal(IMAGE)
    norms = gradient_norms(linear_critic(w), images(5, requires_grad=True))
    assert norms.shape == (5,)
    np.testing.assert_allclose(norms.data, np.linalg.norm(w), rtol=1e-9)
    np.testing.assert_allclose(gradient_penalty(norms).data, (np.linalg.norm(w) - 1) ** 2, rtol=1e-9)


def test_the_gradient_of_a_linear_critics_penalty_is_known_too():
    """∂(‖w‖ − 1)² / ∂w = 2 (‖w‖ − 1) w / ‖w‖."""
    critic = linear_critic(rng(7).standard_normal(IMAGE))
    (w,) = critic.parameters()
    (g,) = grad(gradient_penalty(gradient_norms(critic, images(5, requires_grad=True))), w)
    norm = np.linalg.norm(w.data)
    np.testing.assert_allclose(g.data, 2 * (norm - 1) * w.data / norm, rtol=1e-9)


def test_the_penalty_of_a_duplicated_batch_is_the_same():
    critic, x = tiny_critic(nn.Tanh()), images(3)
    once, twice = Tensor(x.data, requires_grad=True), Tensor(np.concatenate([x.data, x.data]), requires_grad=True)
    penalty = gradient_penalty(gradient_norms(critic, once))
    np.testing.assert_allclose(gradient_penalty(gradient_norms(critic, twice)).data, penalty.data, rtol=1e-12)
    assert penalty.item() > 0.1


def test_it_is_the_mean_of_squares_not_the_square_of_the_mean():
    assert gradient_penalty(Tensor([0.0, 2.0])).item() == 1.0


def test_one_sided_only_slopes_above_one_are_penalised():
    norms = Tensor([0.5, 1.0, 3.0])
    np.testing.assert_allclose(gradient_penalty(norms, one_sided=True).data, (3 - 1) ** 2 / 3)
    np.testing.assert_allclose(gradient_penalty(norms).data, (0.25 + 4) / 3)


def dead_critics(dtype):
    zero = linear_critic(np.zeros(IMAGE, dtype))
    dead = nn.Sequential(nn.Flatten(), nn.Linear(48, 4, rng=rng()), nn.ReLU(), nn.Linear(4, 1, rng=rng())).to(dtype)
    dead[1].bias.data = dead[1].bias.data - 1000
    return [zero, dead]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("which", [0, 1], ids=["zero weights", "dead units"])
def test_where_the_slope_vanishes_penalty_and_gradients_are_finite(dtype, which):
    critic = dead_critics(dtype)[which]
    penalty = gradient_penalty(gradient_norms(critic, images(4, dtype=dtype, requires_grad=True)))
    np.testing.assert_allclose(penalty.data, 1, rtol=1e-5)
    for g in grad(penalty, critic.parameters(), allow_unused=True):
        assert g.dtype == dtype and np.isfinite(g.data).all()


def changes_elsewhere(critic):
    """Whether the norms of samples 0 and 1 change when sample 2 does."""
    x = images(3).data
    other = x.copy()
    other[2] += 1
    first, second = (gradient_norms(critic, Tensor(a, requires_grad=True)).data for a in (x, other))
    assert abs(first[2] - second[2]) > 1e-3
    return np.abs(first[:2] - second[:2]).max() > 1e-12


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(2), nn.GroupNorm(1, 2), nn.LayerNorm((2, 2, 2))], ids=lambda m: type(m).__name__
)
def test_the_slope_of_a_sample_does_not_depend_on_the_others(norm):
    assert not changes_elsewhere(tiny_critic(nn.Tanh(), norm))


def test_with_batch_norm_it_would():
    assert changes_elsewhere(tiny_critic(nn.Tanh(), nn.BatchNorm2d(2)))


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(2), nn.Sequential(nn.Sequential(nn.BatchNorm2d(2)))], ids=["plain", "nested"]
)
def test_batch_norm_in_the_critic_is_refused_with_the_reason(norm):
    with pytest.raises(ValueError, match="batch norm.*depend on all others.*LayerNorm"):
        WGANGP(tiny_generator(), tiny_critic(nn.Tanh(), norm), latent_size=5)


# Interpolation -------------------------------------------------------------------------------------------------------


def drawn_epsilons(count, dtype=np.float64):
    """Between ones and zeros, x̂ is ε."""
    shape = (count, *IMAGE)
    return interpolate(Tensor(np.ones(shape, dtype)), Tensor(np.zeros(shape, dtype)), rng()).data


@pytest.mark.parametrize("count", [1, 7])
def test_each_sample_has_one_epsilon_of_its_own(count):
    x = drawn_epsilons(count)
    epsilon = x[:, :1, :1, :1]
    np.testing.assert_array_equal(x, np.broadcast_to(epsilon, x.shape))
    assert len(np.unique(epsilon)) == count


def test_epsilon_is_uniform_on_the_unit_interval():
    epsilon = np.sort(drawn_epsilons(2000)[:, 0, 0, 0])
    assert 0 <= epsilon[0] and epsilon[-1] <= 1
    kolmogorov = np.abs(epsilon - (np.arange(2000) + 0.5) / 2000).max()
    assert kolmogorov < 1.6 / np.sqrt(2000)


def test_the_interpolates_lie_on_the_lines_between_the_pairs():
    real, fake = images(4, seed=1), images(4, seed=2)
    x = interpolate(real, fake, rng())
    share = (x.data - fake.data) / (real.data - fake.data)
    np.testing.assert_allclose(share, np.broadcast_to(share[:, :1, :1, :1], share.shape), rtol=1e-6)
    assert x.requires_grad and x.edges == ()


def test_interpolates_keep_float32():
    assert drawn_epsilons(3, np.float32).dtype == np.float32


def test_batches_of_different_size_have_no_lines_between_them():
    with pytest.raises(ValueError, match=r"\(4, 3, 4, 4\).*\(5, 3, 4, 4\)"):
        interpolate(images(4), images(5), rng())


def test_the_estimate_is_the_difference_of_the_means():
    w, real, fake = rng(7).standard_normal(IMAGE), images(4, seed=1), images(6, seed=2)
    expected = (real.data * w).sum((1, 2, 3)).mean() - (fake.data * w).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(wasserstein_estimate(linear_critic(w), real, fake).data, expected, rtol=1e-12)


# The steps -----------------------------------------------------------------------------------------------------------


def test_a_critic_step_moves_all_of_the_critic_and_nothing_of_the_generator():
    model = tiny_model()
    generator, critic = parameters(model.generator), parameters(model.critic)
    model.critic_step(images(4), rng())
    assert unmoved(model.generator, generator) == set(generator)
    assert unmoved(model.critic, critic) <= FREE_IN_CRITIC


def test_a_generator_step_moves_all_of_the_generator_and_nothing_of_the_critic():
    model = tiny_model()
    generator, critic = parameters(model.generator), model.critic.state_dict()
    model.generator_step(4, rng())
    for path, array in model.critic.state_dict().items():
        np.testing.assert_array_equal(array, critic[path], err_msg=path)
    assert unmoved(model.generator, generator) <= FREE_IN_GENERATOR


NETWORKS = [name for name in ("small_networks", "paper_networks") if hasattr(wgan_gp, name)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_map_latents_to_images_and_images_to_numbers(name):
    generator, critic = getattr(wgan_gp, name)(rng())
    latent_size = generator.parameters()[0].shape[1]
    x = generator(Tensor(rng().standard_normal((2, latent_size)).astype(np.float32)))
    assert x.shape == (2, 1, 28, 28) and x.dtype == np.float32 and 0 < np.abs(x.data).max() <= 1
    assert critic(x).shape == (2, 1)


def test_training_changes_every_array_of_both_networks():
    """Of the small networks, in float32; but for biases before batch norm and that of the last layer, as above."""
    generator, critic = wgan_gp.small_networks(rng())
    model = WGANGP(generator, critic, latent_size=64, critic_steps=1)
    before = parameters(generator), parameters(critic)
    batches = iter(rng().uniform(-1, 1, (2, 4, 1, 28, 28)).astype(np.float32))
    for _ in range(2):
        numbers = model.train_step(batches, rng())
    assert unmoved(generator, before[0]) <= {"4.bias"}
    assert unmoved(critic, before[1]) <= {"7.bias"}
    assert all(type(value) is float and np.isfinite(value) for value in numbers.values())


def test_a_critic_step_raises_what_it_maximises():
    """On the same real images and latents D(x) − D(G(z)) is larger afterwards: the sign is right."""
    model, real = tiny_model(penalty_weight=0.0, lr=1e-4), images(8)
    before = model.critic_step(real, rng(1))["wasserstein"].item()
    assert model.critic_step(real, rng(1))["wasserstein"].item() > before


def test_a_generator_step_raises_the_critics_opinion_of_its_images():
    model = tiny_model(lr=1e-4)
    z = model.latents(8, rng(1))
    before = model.critic(model.generator(z)).mean().item()
    assert model.generator_step(8, rng(1))["generator_loss"].item() == pytest.approx(-before)
    assert model.critic(model.generator(z)).mean().item() > before


def test_the_critics_loss_is_equation_3():
    model, real = tiny_model(), images(8)
    numbers = {name: value.item() for name, value in model.critic_step(real, rng(1)).items()}
    assert numbers["critic_loss"] == pytest.approx(-numbers["wasserstein"] + 10 * numbers["penalty"])


@pytest.mark.parametrize("one_sided", [False, True])
def test_a_critic_step_follows_the_gradient_of_the_loss_that_it_reports(one_sided):
    """In every single weight of the critic, against central differences of the reported number.

    Plain descent with lr 1 moves each weight by its gradient; the step under test computes it through the penalty.
    """
    model, real = tiny_model(penalty_weight=3.0, one_sided=one_sided), images(3)
    model.critic.replace(lambda _, array: 2.5 * array)  # slopes on both sides of 1

    def loss():
        model.critic_optimizer = SGD(model.critic.parameters(), lr=0.0)
        return model.critic_step(real, rng(1))["critic_loss"].item()

    start = parameters(model.critic)
    model.critic_optimizer = SGD(model.critic.parameters(), lr=1.0)
    assert model.critic_step(real, rng(1))["penalty"] > 0
    gradient = {path: start[path] - array for path, array in parameters(model.critic).items()}
    for path, p in model.critic.named_parameters():
        for i in np.ndindex(p.shape):
            values = []
            for shift in (1e-5, -1e-5):
                model.critic.load_state_dict(start | {path: start[path] + shift * one_at(i, p.shape)})
                values.append(loss())
            numeric = (values[0] - values[1]) / 2e-5
            assert gradient[path][i] == pytest.approx(numeric, rel=1e-6, abs=1e-8), (path, i)


def one_at(index, shape):
    array = np.zeros(shape)
    array[index] = 1
    return array


def test_the_penalty_reaches_the_weights_through_its_own_gradient():
    """With real = fake the estimate is 0 whatever the critic, and all that is left of the gradient is the penalty's."""
    critic, x = tiny_critic(nn.LeakyReLU(0.2)), images(4)
    loss = -wasserstein_estimate(critic, x, x) + 10 * gradient_penalty(gradient_norms(critic, interpolate(x, x, rng())))
    gradients = dict(zip(parameters(critic), grad(loss, critic.parameters()), strict=True))
    assert all(gradients[path].data.any() for path in ("0.weight", "3.weight"))


# Ten training steps against PyTorch ----------------------------------------------------------------------------------


def torch_training(torch, generator_state, critic_state, batches, rng, *, steps, critic_steps, lr, betas):
    """Algorithm 1 as a PyTorch user would write it. The noise is drawn by ``rng``, z before ε."""
    nn = torch.nn
    generator = nn.Sequential(
        nn.Linear(5, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Unflatten(1, (4, 2, 2)),
        nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1),
        nn.Tanh(),
    ).double()
    critic = nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8, 1)
    ).double()
    generator.load_state_dict({k: torch.from_numpy(v) for k, v in generator_state.items()})
    critic.load_state_dict({k: torch.from_numpy(v) for k, v in critic_state.items()})
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr, betas)
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr, betas)
    for _ in range(steps):
        for _ in range(critic_steps):
            real = torch.from_numpy(next(batches))
            fake = generator(torch.from_numpy(rng.standard_normal((len(real), 5)))).detach()
            epsilon = torch.from_numpy(rng.random((len(real), 1, 1, 1)))
            x = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
            penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            critic_optimizer.zero_grad()
            (critic(fake).mean() - critic(real).mean() + 10 * penalty).backward()
            critic_optimizer.step()
        generator_optimizer.zero_grad()
        (-critic(generator(torch.from_numpy(rng.standard_normal((len(real), 5))))).mean()).backward()
        generator_optimizer.step()
    return generator.state_dict(), critic.state_dict()


def test_ten_training_steps_agree_with_pytorch_in_every_weight():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
    torch.set_num_threads(1)  # for arrays this small, threads only wait for each other
    model = tiny_model(critic_steps=3, lr=1e-2, betas=(0.0, 0.9))
    start = model.generator.state_dict(), model.critic.state_dict()
    batches = rng(8).standard_normal((30, 6, *IMAGE))
    expected = torch_training(torch, *start, iter(batches), rng(9), steps=10, critic_steps=3, lr=1e-2, betas=(0.0, 0.9))
    noise, stream = rng(9), iter(batches)
    for _ in range(10):
        model.train_step(stream, noise)
    for module, reference in zip((model.generator, model.critic), expected):
        for path, array in module.state_dict().items():
            np.testing.assert_allclose(array, reference[path].numpy(), rtol=1e-6, atol=1e-8, err_msg=path)
    assert unmoved(model.generator, start[0]) <= FREE_IN_GENERATOR
    assert unmoved(model.critic, start[1]) <= FREE_IN_CRITIC


# The authors' networks -----------------------------------------------------------------------------------------------


def test_the_papers_networks_have_the_papers_sizes():
    generator, critic = wgan_gp.paper_networks(rng())
    assert sum(p.numel() for p in generator.parameters()) == 1_554_177
    assert sum(p.numel() for p in critic.parameters()) == 1_030_145


def test_the_papers_networks_fit_together_and_begin_as_the_authors_do():
    """Weights uniform of variance 2 · gain / (fan_in + fan_out), the fans counted with the stride."""
    generator, critic = wgan_gp.paper_networks(rng(), width=4)
    images = generator(Tensor(np.ones((2, 128), np.float32)))
    assert images.shape == (2, 1, 28, 28) and 0 < images.data.min() < images.data.max() < 1
    assert critic(images).shape == (2, 1)
    weight = critic[2].weight.data  # 4 -> 8 channels, 5×5, stride 2
    bound = (3 * 4 / (4 * 25 + 8 * 25 / 4)) ** 0.5
    assert 0.99 * bound < np.abs(weight).max() < bound
    assert all((p.data == 0).all() for path, p in critic.named_parameters() if path.endswith("bias"))
