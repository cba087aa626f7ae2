"""Diffusion-GAN: who sees what, at which stage, and what both players descend."""

import inspect
import math
import re
from itertools import repeat

import numpy as np
import pytest
from games import IMAGE, LATENTS, batch, make, raw_batch
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import OBJECTIVES, R1, Hinge, LeastSquares, Minimax, NonSaturating
from scratchgan.models import diffusion_gan
from scratchgan.models.diffusion_gan import DiffusionGAN, middle, small_networks
from scratchgan.models.model import made
from scratchgan.nn.diffusion import Diffusion
from scratchgan.optim import SGD

# The game ------------------------------------------------------------------------------------------------------------


def game(objective=None, critic=None, diffusion=None, **options):
    """A game whose critic is linear in an image, if no other is given, and whose optimisers are plain."""
    generator = nn.Sequential(nn.Linear(LATENTS, 16, rng=rng()), nn.Unflatten(1, IMAGE)).to(np.float64)
    critic = critic or Told().to(np.float64)
    diffusion = diffusion or Diffusion(rng(), timesteps=(60, 60), sigma=0.5)
    sgd, objective = lambda params: SGD(params, lr=0.1), objective or NonSaturating()
    return DiffusionGAN(generator, critic, LATENTS, objective, sgd, diffusion=diffusion, **options)


class Told(nn.Module):
    """A small critic that hears of s, and keeps what it is shown."""

    def __init__(self):
        self.image, self.stage, self.seen = nn.Linear(16, 1, rng=rng(1)), nn.Linear(1, 1, rng=rng(2)), []

    def forward(self, y, s):
        self.seen.append((y.numpy(), s.numpy()))
        return (self.image(y.flatten(1)) + self.stage(s)).tanh()


def test_reals_and_fakes_are_diffused_alike_in_both_steps_each_with_draws_of_its_own():
    """And D hears at which stage each image is."""
    model, real = game(), Tensor(rng(3).standard_normal((6, *IMAGE)))
    fake, z = Tensor(rng(4).standard_normal((6, *IMAGE))), Tensor(rng(5).standard_normal((6, LATENTS)))
    noise = rng(7)
    model.critic_loss(real, fake, rng=noise)
    model.generator_loss(z, rng=noise)
    assert len(model.critic.seen) == 3
    noise, shares = rng(7), []
    for x, (y, s) in zip((real, fake, model.generator(z)), model.critic.seen):
        share, scale, added = model.diffusion.draw(x.shape, noise)
        np.testing.assert_allclose(y, scale * x.numpy() + added, rtol=1e-12)
        np.testing.assert_array_equal(s, share)
        shares.append(tuple(share[:, 0]))
    assert len(set(shares)) == 3 and np.max(shares) <= 1


@pytest.mark.parametrize("objective", [NonSaturating(), LeastSquares(), Hinge()], ids=str)
def test_the_losses_are_those_of_the_objective_on_diffused_images(objective):
    model, real = game(objective), Tensor(rng(3).standard_normal((6, *IMAGE)))
    z = Tensor(rng(5).standard_normal((6, LATENTS)))
    numbers = model.critic_loss(real, real, rng=rng(7))
    noise = rng(7)
    d_real, d_fake = (model.diffused(real, noise)(real) for _ in range(2))
    assert numbers["critic_loss"].item() == objective.discriminator_loss(d_real, d_fake).item()
    found = [numbers[name].item() for name in ("real_score", "fake_score")]
    assert found == [d_real.mean().item(), d_fake.mean().item()] and found[0] != found[1]
    x = model.generator(z)
    expected = objective.generator_loss(model.diffused(x, rng(8))(x)).item()
    assert model.generator_loss(z, rng=rng(8)).item() == expected


def test_the_generators_gradient_comes_through_the_diffusion():
    """Its slope at an image is √ᾱ_t times that of D at the diffused one."""
    model, z = game(), Tensor(rng(5).standard_normal((6, LATENTS)))
    bias = model.generator[0].bias
    (slope,) = grad(model.generator_loss(z, rng=rng(8)), [bias])
    share, scale, noise = model.diffusion.draw((6, *IMAGE), rng(8))
    y = Tensor(scale * model.generator(z).numpy() + noise, requires_grad=True)
    (at_y,) = grad(NonSaturating().generator_loss(model.critic(y, Tensor(share))), [y])
    np.testing.assert_allclose(slope.numpy(), (scale * at_y.numpy()).sum(0).ravel(), rtol=1e-10)
    assert len(set(scale.ravel())) > 2


def test_the_penalty_is_on_the_slope_in_the_clean_image_through_the_reals_diffusion():
    """‖∇ₓ D(y, t)‖² = ᾱ_t ‖∇_y D(y, t)‖², at the reals' own stages."""
    model, real = game(penalty=R1(3.0)), Tensor(rng(3).standard_normal((6, *IMAGE)))
    plain = game().critic_loss(real, real, rng=rng(7))["critic_loss"].item()
    numbers = model.critic_loss(real, real, rng=rng(7))
    share, scale, noise = model.diffusion.draw(real.shape, rng(7))
    y = Tensor(scale * real.numpy() + noise, requires_grad=True)
    (slope,) = grad(model.critic(y, Tensor(share)).sum(), [y])
    expected = 3 / 2 * (scale.ravel() ** 2 * (slope.numpy() ** 2).sum((1, 2, 3))).mean()
    assert numbers["penalty"].item() == pytest.approx(expected, rel=1e-10)
    assert numbers["critic_loss"].item() == pytest.approx(plain + expected, rel=1e-10)


def test_batch_norm_is_refused_under_a_penalty_behind_the_diffusion_too():
    model = make("Diffusion-GAN", gamma=1.0)
    model.critic.rest = nn.Sequential(nn.BatchNorm2d(3).to(np.float64), *model.critic.rest)
    with pytest.raises(ValueError, match="batch norm"):
        model.critic_step(*batch(model), rng=rng())


MIDDLES = {
    "minimax": 0, "non-saturating": 0, "hinge": 0, "least squares (0, 1, 1)": 0.5, "least squares (-1, 1, 0)": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_without_a_middle_are_refused(name):
    """Where only differences of scores count, a sign says nothing of how sure D is."""
    if name in MIDDLES:
        assert middle(OBJECTIVES[name]) == MIDDLES[name]
        return
    with pytest.raises(ValueError, match="a constant added to all scores changes nothing.*take NonSaturating"):
        game(OBJECTIVES[name])


def test_the_middle_with_smoothed_labels_is_the_best_answer_where_the_generator_is_perfect():
    """σ(D) = α / 2: half of 0.8."""
    best, smoothed = middle(Minimax(0.8)), Minimax(0.8)
    assert 1 / (1 + math.exp(-best)) == pytest.approx(0.4)
    score = Tensor(np.full((1, 1), best), requires_grad=True)
    (slope,) = grad(smoothed.discriminator_loss(score, score), [score])
    assert slope.item() == pytest.approx(0, abs=1e-12)


def test_how_sure_D_is_of_the_reals_is_measured_from_the_middle():
    """With least squares the middle is ½: of scores 0.4, 0.6, 0.9 and 0.7, half more are above than below."""

    class Constant(Told):
        def forward(self, y, s):
            return Tensor(np.array([[0.4], [0.6], [0.9], [0.7]]) if len(y) == 4 else np.zeros((len(y), 1)))

    model = game(LeastSquares(), critic=Constant().to(np.float64))
    images = Tensor(rng().standard_normal((4, *IMAGE))), Tensor(rng().standard_normal((5, *IMAGE)))
    assert model.critic_loss(*images, rng=rng())["real_sign"].item() == 0.5


def test_the_diffusion_hears_of_every_batch_of_the_critic_and_changes_after_the_iteration():
    model = game(critic_steps=3, diffusion=Diffusion(rng(), timesteps=(10, 210), rise=300, target=-1.0))
    model.critic.image.bias.data = model.critic.image.bias.data + 9  # D is sure
    noise, stages = rng(1), model.diffusion.stages
    images = iter(rng(2).standard_normal((6, 1, 5, *IMAGE)))
    numbers = model.train_step(images, noise)
    assert (model.diffusion.batches, model.diffusion.images, model.diffusion.signs) == (3, 15, 15.0)
    assert model.diffusion.stages is stages and numbers["T"] == 10 and numbers["real_sign"] == 1
    numbers = model.train_step(images, noise)
    assert model.diffusion.batches == 0 and numbers["T"] == model.diffusion.T == 10 + 200 * 30 / 300


def test_the_papers_noise_is_what_the_diffusion_has_by_itself():
    """And the file says so."""
    numbers = {name: p.default for name, p in inspect.signature(Diffusion).parameters.items()}
    (sigma,) = re.findall(r"\| σ = \S+ +\| (\S+) +\|", diffusion_gan.__doc__)
    assert float(sigma) == numbers["sigma"] and numbers["law"] == "uniform"
    assert "the paper: from {}, to {} if uniform".format(*numbers["timesteps"]) in diffusion_gan.__doc__


def test_samples_are_taken_without_diffusion():
    model = make("Diffusion-GAN")
    z = model.latents(7, rng())
    np.testing.assert_array_equal(model.images(z), made(model.best, z).numpy().astype(np.float32))
    np.testing.assert_array_equal(model.samples(7, rng())["samples"], model.images(z))


def test_without_timesteps_it_is_the_game_of_images_as_they_are():
    model = game(diffusion=Diffusion(rng(), timesteps=(0, 0)))
    real = rng(3).standard_normal((6, *IMAGE))
    for _ in range(9):
        numbers = model.train_step(iter([(real,)]), rng())
    np.testing.assert_array_equal(model.critic.seen[-3][0], real)
    assert numbers["T"] == 0 and not any(s.any() for _, s in model.critic.seen)


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_stage_shifts_each_channel_of_the_first_layer_by_a_linear_map_of_waves():
    _, critic = small_networks(rng(), width=3)
    y, s = Tensor(rng(1).standard_normal((2, 1, 28, 28)).astype(np.float32)), np.array([[0.0], [0.3]], np.float32)
    waves = [f(s * math.pi * 2**k) for k in range(4) for f in (np.sin, np.cos)]
    shift = np.concatenate(waves, 1) @ critic.shift.weight.data.T
    assert shift.shape == (2, 3)
    expected = critic.rest(critic.first(y) + Tensor(shift.reshape(2, 3, 1, 1)))
    np.testing.assert_allclose(critic(y, Tensor(s)).numpy(), expected.numpy(), rtol=1e-4, atol=1e-6)
    assert np.abs(shift[0] - shift[1]).min() > 1e-3


def test_the_small_critic_has_batch_norm_only_where_it_is_asked_for():
    for batch_norm in (False, True):
        generator, critic = small_networks(rng(), 5, width=4, batch_norm=batch_norm)
        assert any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules()) == batch_norm
        assert critic.first.out_channels == 4 and critic.shift.out_features == 4
        images = generator(Tensor(np.zeros((2, 5), np.float32)))
        assert critic(images, Tensor(np.zeros((2, 1), np.float32))).shape == (2, 1)


def test_a_training_that_breaks_down_reports_it_in_the_step_of_a_new_length():
    """The run, which saves nothing of it, looks at the numbers; see `training.run`."""
    model = make("Diffusion-GAN")
    model.diffusion.every = 1
    for parameter in model.critic.parameters():
        parameter.data = parameter.data * np.nan
    with np.errstate(invalid="ignore"):
        numbers = model.train_step(repeat(raw_batch(model)), rng())
    assert np.isnan(numbers["critic_loss"]) and np.isnan(numbers["real_sign"]) and numbers["T"] == 20
