"""WGAN-GP: what is penalised, where, who moves and in which direction.

The closed forms of the penalty and the derivatives of the whole losses are in gradcheck/test_objectives.py, the
comparison of whole trainings in agreement/test_training.py.
"""

import re
from functools import partial

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import GradientPenalty, gradient_norms, gradient_penalty, on_lines
from scratchgan.models import wgan_gp
from scratchgan.models.wgan_gp import WGANGP
from scratchgan.optim import SGD, Adam

IMAGE = (3, 4, 4)


def images(count, *, seed=0, dtype=np.float64, requires_grad=False):
    return Tensor(rng(seed).standard_normal((count, *IMAGE)).astype(dtype), requires_grad=requires_grad)


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


def tiny_model(lr=1e-3, critic_steps=2, penalty_weight=10.0, critic=None, **options):
    adam, penalty = partial(Adam, lr=lr, betas=(0.0, 0.9)), GradientPenalty(penalty_weight, **options)
    critic = critic or tiny_critic(nn.LeakyReLU(0.2))
    return WGANGP(tiny_generator(), critic, 5, adam, critic_steps=critic_steps, penalty=penalty)


def parameters(module):
    return {path: p.data.copy() for path, p in module.named_parameters()}


def unmoved(module, before):
    return {path for path, array in parameters(module).items() if (array == before[path]).all()}


# Parameters of the tiny networks that the loss does not depend on: their gradient is 0, up to rounding.
FREE_IN_GENERATOR = {"0.bias"}  # batch norm takes it off again
FREE_IN_CRITIC = {"3.bias"}  # shifts D(x) and D(x̃) alike, and no slope


# The penalty ---------------------------------------------------------------------------------------------------------


def test_the_penalty_of_a_duplicated_batch_is_the_same():
    critic, x = tiny_critic(nn.Tanh()), images(3)
    once, twice = Tensor(x.data, requires_grad=True), Tensor(np.concatenate([x.data, x.data]), requires_grad=True)
    penalty = gradient_penalty(gradient_norms(critic, once))
    np.testing.assert_allclose(gradient_penalty(gradient_norms(critic, twice)).data, penalty.data, rtol=1e-12)
    assert penalty.item() > 0.1


def test_it_is_the_mean_of_squares_not_the_square_of_the_mean():
    assert gradient_penalty(Tensor([0.0, 2.0])).item() == 1.0


# name: (the options, the penalty of one norm)
PENALTIES = {
    "two-sided": ({}, lambda norm: (norm - 1) ** 2),
    "one-sided": ({"one_sided": True}, lambda norm: max(0, norm - 1) ** 2),
    "zero-centred": ({"center": 0.0}, lambda norm: norm**2),
    "one-sided above a half": ({"center": 0.5, "one_sided": True}, lambda norm: max(0, norm - 0.5) ** 2),
}
every_penalty = pytest.mark.parametrize("options, definition", PENALTIES.values(), ids=PENALTIES)


@every_penalty
def test_the_penalty_is_the_mean_over_the_samples(options, definition):
    norms = [0.25, 1.0, 3.0, 0.75]
    expected = sum(definition(norm) for norm in norms) / 4
    assert gradient_penalty(Tensor(norms), **options).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("center", [-1.0, float("nan")])
def test_a_center_that_no_norm_can_have_is_refused(center):
    with pytest.raises(ValueError, match=f"center={center} must not be negative"):
        gradient_penalty(Tensor([0.5, 3.0]), center)


def test_gradients_in_the_place_of_their_norms_are_refused():
    with pytest.raises(ValueError, match=r"one norm for each sample, of shape \(N,\), not \(4, 3, 4, 4\)"):
        gradient_penalty(images(4))


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
    critic = tiny_critic(nn.Tanh(), nn.BatchNorm2d(2))
    assert changes_elsewhere(lambda x: critic(x))  # a function: what it is made of cannot be seen


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(2),
        nn.Sequential(nn.Sequential(nn.BatchNorm2d(2))),
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(8), nn.Unflatten(1, (2, 2, 2))),
    ],
    ids=["plain", "nested", "flat"],
)
def test_batch_norm_in_the_critic_is_refused_with_the_reason(norm):
    with pytest.raises(ValueError, match="batch norm.*depend on all others.*LayerNorm"):
        tiny_model(critic=tiny_critic(nn.Tanh(), norm)).critic_step(images(4), rng=rng())


def test_a_method_of_a_critic_is_the_critic():
    critic = tiny_critic(nn.Tanh(), nn.BatchNorm2d(2))
    with pytest.raises(ValueError, match="batch norm"):
        gradient_norms(critic.forward, images(4, requires_grad=True))


# Interpolation -------------------------------------------------------------------------------------------------------


def drawn_epsilons(count, dtype=np.float64):
    """Between ones and zeros, x̂ is ε."""
    shape = (count, *IMAGE)
    return on_lines(Tensor(np.ones(shape, dtype)), Tensor(np.zeros(shape, dtype)), rng()).data


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
    x = on_lines(real, fake, rng())
    share = (x.data - fake.data) / (real.data - fake.data)
    np.testing.assert_allclose(share, np.broadcast_to(share[:, :1, :1, :1], share.shape), rtol=1e-6)
    assert x.requires_grad and x.edges == ()


def test_interpolates_keep_float32():
    assert drawn_epsilons(3, np.float32).dtype == np.float32


def test_batches_of_different_size_have_no_lines_between_them():
    with pytest.raises(ValueError, match=r"\(4, 3, 4, 4\).*\(5, 3, 4, 4\)"):
        on_lines(images(4), images(5), rng())


# The steps -----------------------------------------------------------------------------------------------------------


def test_latents_are_standard_normal_in_the_dtype_of_the_weights():
    z = tiny_model().latents(2000, rng())
    assert isinstance(z, Tensor) and z.shape == (2000, 5) and z.dtype == np.float64
    assert abs(z.data.mean()) < 0.03 and abs(z.data.var() - 1) < 0.05 and abs(np.cov(z.data.T) - np.eye(5)).max() < 0.1


def test_a_critic_step_moves_all_of_the_critic_and_nothing_of_the_generator():
    model = tiny_model()
    generator, critic = parameters(model.generator), parameters(model.critic)
    model.critic_step(images(4), rng=rng())
    assert unmoved(model.generator, generator) == set(generator)
    assert unmoved(model.critic, critic) <= FREE_IN_CRITIC


def test_a_generator_step_moves_all_of_the_generator_and_nothing_of_the_critic():
    model = tiny_model()
    generator, critic = parameters(model.generator), model.critic.state_dict()
    model.generator_step(images(4), rng=rng())
    for path, array in model.critic.state_dict().items():
        np.testing.assert_array_equal(array, critic[path], err_msg=path)
    assert unmoved(model.generator, generator) <= FREE_IN_GENERATOR


# name: (the layers of the generator, the width of the critic, its kernels and their padding)
NETWORKS = {
    "small_networks": (
        "Linear Unflatten BatchNorm2d ReLU ConvTranspose2d BatchNorm2d ReLU ConvTranspose2d Tanh",
        24,
        (4, 1),
    ),
    "paper_networks": (
        "Linear ReLU Unflatten ConvTranspose2d ReLU _Crop ConvTranspose2d ReLU ConvTranspose2d Sigmoid",
        64,
        (5, 2),
    ),
}
both_networks = pytest.mark.parametrize("name", NETWORKS)


@both_networks
def test_the_layers_of_the_networks(name):
    layers, width, (kernel, padding) = NETWORKS[name]
    generator, critic = getattr(wgan_gp, name)(rng())
    assert [type(layer).__name__ for layer in generator] == layers.split()
    assert [type(layer).__name__ for layer in critic] == ["Conv2d", "LeakyReLU"] * 3 + ["Flatten", "Linear"]
    channels = [1, width, 2 * width, 4 * width]
    for layer, few, many in zip(critic[:6:2], channels, channels[1:]):
        assert layer.weight.shape == (many, few, kernel, kernel)
        assert (layer.stride, layer.padding) == ((2, 2), (padding, padding))
    assert {layer.options["negative_slope"] for layer in critic[1:6:2]} == {0.2}


def test_the_kernels_and_maps_are_those_that_the_file_says():
    (small, *maps), (paper, *_) = (
        [critic[0].weight.shape[-1], *(len(layer.weight) for layer in critic[:6:2])]
        for critic in (getattr(wgan_gp, name)(rng())[1] for name in NETWORKS)
    )
    assert re.search(r"(\S+) kernels in the critic +\| (\S+) ", wgan_gp.__doc__).groups() == (
        f"{small}×{small}", f"{paper}×{paper}"
    )  # fmt: skip
    words = wgan_gp.small_networks.__doc__
    assert f"All kernels are {small}×{small}" in words and "a critic of {}, {} and {} maps".format(*maps) in words


@both_networks
def test_the_networks_are_drawn_from_the_generator_that_they_are_given(name):
    first, second = ([network.state_dict() for network in getattr(wgan_gp, name)(rng())] for _ in range(2))
    for state, again in zip(first, second, strict=True):
        for path, array in state.items():
            np.testing.assert_array_equal(again[path], array, err_msg=path)


@both_networks
def test_the_networks_map_latents_to_images_and_images_to_numbers(name):
    generator, critic = getattr(wgan_gp, name)(rng())
    latent_size = generator.parameters()[0].shape[1]
    x = generator(Tensor(rng().standard_normal((2, latent_size)).astype(np.float32)))
    assert x.shape == (2, 1, 28, 28) and x.dtype == np.float32 and 0 < np.abs(x.data).max() <= 1
    assert critic(x).shape == (2, 1)


def test_training_changes_every_array_of_both_networks():
    """Of the small networks, in float32; but for biases before batch norm and that of the last layer, as above."""
    generator, critic = wgan_gp.small_networks(rng())
    model = wgan_gp.build(rng(), networks=lambda *_: (generator, critic), critic_steps=1)
    before = parameters(generator), parameters(critic)
    batches = iter(rng().uniform(-1, 1, (2, 1, 4, 1, 28, 28)).astype(np.float32))
    for _ in range(2):
        numbers = model.train_step(batches, rng())
    assert unmoved(generator, before[0]) <= {"4.bias"}
    assert unmoved(critic, before[1]) <= {"7.bias"}
    assert all(type(value) is float and np.isfinite(value) for value in numbers.values())


def test_a_critic_step_raises_what_it_maximises():
    """On the same real images and latents D(x) − D(G(z)) is larger afterwards: the sign is right."""
    model, real = tiny_model(penalty_weight=0.0, lr=1e-4), images(8)
    before = model.critic_step(real, rng=rng(1))["wasserstein"].item()
    assert model.critic_step(real, rng=rng(1))["wasserstein"].item() > before


def test_the_critic_learns_to_rate_real_images_above_generated_ones():
    """White images against the grey ones of a generator whose weights are all 0."""
    model = tiny_model(penalty_weight=0.0)
    model.generator.replace(lambda _, array: 0 * array)
    real = Tensor(np.ones((8, *IMAGE)))
    for _ in range(50):
        numbers = model.critic_step(real, rng=rng())
    apart = model.critic(real).mean() - model.critic(0 * real).mean()
    assert numbers["wasserstein"].item() > 0 and apart.item() > 0


def test_a_generator_step_raises_the_critics_opinion_of_its_images():
    model = tiny_model(lr=1e-4)
    z = model.latents(8, rng(1))
    before = model.critic(model.generator(z)).mean().item()
    assert model.generator_step(images(8), rng=rng(1))["generator_loss"].item() == pytest.approx(-before)
    assert model.critic(model.generator(z)).mean().item() > before


@every_penalty
def test_the_critics_loss_is_equation_3(options, definition):
    model, real, fake = tiny_model(penalty_weight=7.0, **options), images(8), images(8, seed=1)
    model.critic.replace(lambda _, array: 2.5 * array)
    numbers = {name: value.item() for name, value in model.critic_loss(real, fake, rng=rng(1)).items()}
    norms = gradient_norms(model.critic, on_lines(real, fake, rng(1))).data
    assert norms.min() < 1 < norms.max()  # so that every penalty is another number
    distance = (model.critic(real).data - model.critic(fake).data).mean()
    penalty = sum(definition(norm) for norm in norms) / 8
    expected = {"wasserstein": distance, "penalty": 7 * penalty, "gradient_norm": norms.mean()}
    expected |= {"real_score": model.critic(real).data.mean(), "fake_score": model.critic(fake).data.mean()}
    assert numbers == pytest.approx(expected | {"critic_loss": -distance + 7 * penalty})


def test_the_generators_loss_is_what_equation_2_leaves_of_it():
    model, z = tiny_model(), Tensor(rng(1).standard_normal((8, 5)))
    assert model.generator_loss(z).item() == pytest.approx(-model.critic(model.generator(z)).data.sum() / 8)


@every_penalty
def test_a_critic_step_goes_down_the_gradient_of_its_loss(options, definition):
    """Plain descent with lr 1 moves each weight by its gradient. Algorithm 1 draws z before ε."""
    model, real, noise = tiny_model(**options), images(8), rng(1)
    model.critic.replace(lambda _, array: 2.5 * array)
    model.critic_optimizer = SGD(model.critic.parameters(), lr=1.0)
    fake = model.generator(model.latents(8, noise))
    numbers, weights = model.critic_loss(real, fake, rng=noise), model.critic.parameters()
    expected = [p.data - g.data for p, g in zip(weights, grad(numbers["critic_loss"], weights))]
    reported = model.critic_step(real, rng=rng(1))
    assert {name: value.item() for name, value in reported.items()} == {k: v.item() for k, v in numbers.items()}
    for p, array in zip(weights, expected, strict=True):
        np.testing.assert_allclose(p.data, array, rtol=1e-12, atol=1e-14)


def test_a_generator_step_goes_down_the_gradient_of_its_loss():
    model, z = tiny_model(), Tensor(rng(1).standard_normal((8, 5)))
    model.generator_optimizer = SGD(model.generator.parameters(), lr=1.0)
    weights = model.generator.parameters()
    loss = model.generator_loss(z)
    expected = [p.data - g.data for p, g in zip(weights, grad(loss, weights))]
    assert model.generator_step(images(8), rng=rng(1))["generator_loss"].item() == loss.item()
    for p, array in zip(weights, expected, strict=True):
        np.testing.assert_allclose(p.data, array, rtol=1e-12, atol=1e-14)


def test_an_iteration_is_several_critic_steps_on_fresh_batches_and_one_of_the_generator():
    """Algorithm 1, lines 2–12, to the last bit."""
    together, apart, batches = tiny_model(critic_steps=3), tiny_model(), rng(8).standard_normal((3, 1, 4, *IMAGE))
    noise, stream = rng(9), iter(batches)
    numbers = together.train_step(stream, noise)
    assert next(stream, None) is None
    noise = rng(9)
    for batch in batches:
        expected = apart.critic_step(Tensor(batch[0]), rng=noise)
    expected |= apart.generator_step(Tensor(batch[0]), rng=noise)
    assert numbers == {name: value.item() for name, value in expected.items()}
    for part, other in zip(together.parts().values(), apart.parts().values()):
        for path, array in part.state_dict().items():
            np.testing.assert_array_equal(array, other.state_dict()[path], err_msg=path)


def test_the_papers_preset_is_that_of_the_mnist_script():
    """λ = 10, n_critic = 5, Adam with α = 0.0001, β₁ = 0.5, β₂ = 0.9, batches of 50, 200,000 steps."""
    preset = wgan_gp.SYSTEM.presets["paper"]
    model = wgan_gp.build(rng(), **preset.options)
    penalty = model.penalty
    assert (penalty.weight, penalty.center, penalty.one_sided, model.critic_steps) == (10, 1, False, 5)
    assert {(optimizer.lr, optimizer.betas) for optimizer in model.optimizers()} == {(1e-4, (0.5, 0.9))}
    assert (preset.steps, preset.batch_size, preset.rates_fall, model.latent_size) == (200_000, 50, False, 128)
    assert model.optimizers() == [model.generator_optimizer, model.critic_optimizer]


def test_the_penalty_reaches_the_weights_through_its_own_gradient():
    """With real = fake the estimate is 0 whatever the critic, and all that is left of the gradient is the penalty's."""
    critic, x = tiny_critic(nn.LeakyReLU(0.2)), images(4)
    loss = tiny_model(critic=critic).critic_loss(x, x, rng=rng())["critic_loss"]
    gradients = dict(zip(parameters(critic), grad(loss, critic.parameters()), strict=True))
    assert all(gradients[path].data.any() for path in ("0.weight", "3.weight"))


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
    for layer, variance in (
        (generator[0], 2 / (128 + 256)),  # gain 1
        (generator[3], 4 / (16 * 25 / 4 + 8 * 25)),  # 16 -> 8 channels, 5×5, stride 2
        (critic[2], 4 / (4 * 25 + 8 * 25 / 4)),  # 4 -> 8 channels
        (critic[7], 2 / (256 + 1)),
    ):
        bound = (3 * variance) ** 0.5
        assert 0.98 * bound < np.abs(layer.weight.data).max() <= bound
    for network in (generator, critic):
        assert not any(p.data.any() for path, p in network.named_parameters() if path.endswith("bias"))
