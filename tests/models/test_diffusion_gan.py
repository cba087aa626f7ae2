"""Diffusion-GAN: what the diffusion draws, which way T moves, and who sees what at which stage."""

import math

import numpy as np
import pytest
from games import IMAGE, LATENTS, batch, make
from seeded import rng

from scratchgan import Tensor, grad, nn
from scratchgan.losses import OBJECTIVES, R1, Hinge, LeastSquares, Minimax, NonSaturating
from scratchgan.models.diffusion_gan import Diffused, Diffusion, DiffusionGAN, middle, small_networks
from scratchgan.models.model import made
from scratchgan.optim import SGD


def of_length(T, seed=0, **options):
    return Diffusion(rng(seed), timesteps=(T, T), **options)


def at(t, T=100, **options):
    """A diffusion of which each image sees the stage t."""
    diffusion = of_length(T, **options)
    diffusion.stages = np.full(64, t)
    return diffusion


class Seen(nn.Module):
    """A critic that gives back what it is shown, and keeps it."""

    def __init__(self):
        self.seen = []

    def forward(self, y, s):
        self.seen.append((y.numpy(), s.numpy()))
        return y


def diffused(x, diffusion, seed=1):
    """y of a batch x, as a critic sees it."""
    return Diffused(Seen(), *map(Tensor, diffusion.draw(x.shape, rng(seed))))(x)


# The chain -----------------------------------------------------------------------------------------------------------

# T: (ᾱ_T, the deviation of the noise over the share of the image that is left)
PUBLISHED = {5: (0.951, 0.011), 10: (0.904, 0.016), 50: (0.603, 0.041), 100: (0.364, 0.066), 250: (0.080, 0.17),
             500: (0.0064, 0.63), 1000: (4e-5, 7.9)}  # fmt: skip


@pytest.mark.parametrize("T", PUBLISHED)
def test_the_noise_in_the_last_stage(T):
    kept = of_length(T).kept()
    assert len(kept) == T + 1 and kept[0] == 1 and (np.diff(kept) < 0).all()
    assert 1 - kept[1] == pytest.approx(1e-4) and 1 - kept[-1] / kept[-2] == pytest.approx(0.02)
    ratio = math.sqrt((1 - kept[-1]) / kept[-1]) * 0.05
    assert (kept[-1], ratio) == (pytest.approx(PUBLISHED[T][0], rel=0.05), pytest.approx(PUBLISHED[T][1], rel=0.05))


@pytest.mark.parametrize("t", [1, 30, 100])
def test_an_image_fades_and_its_noise_has_the_deviation_it_should(t):
    x, diffusion = np.array([0.8, -0.3]), at(t, sigma=0.5)
    y = diffused(Tensor(np.tile(x, (20_000, 1))), diffusion).numpy()
    kept = np.prod(1 - np.linspace(1e-4, 0.02, 100)[:t])
    np.testing.assert_allclose(y.mean(0), math.sqrt(kept) * x, rtol=0.02, atol=0.003)
    np.testing.assert_allclose(y.std(0), 0.5 * math.sqrt(1 - kept), rtol=0.02)
    assert abs(np.corrcoef(y.T)[0, 1]) < 0.02  # each number of an image has noise of its own


def test_at_stage_0_an_image_is_what_it_is():
    x = Tensor(rng().standard_normal((5, *IMAGE)))
    np.testing.assert_array_equal(diffused(x, at(0)).numpy(), x.numpy())


def test_the_slope_is_the_share_of_the_image_that_is_left():
    x, diffusion = Tensor(rng().standard_normal((9, *IMAGE)), requires_grad=True), of_length(100)
    (slope,) = grad(diffused(x, diffusion).sum(), [x])
    t = diffusion.stages[rng(1).integers(64, size=9)]
    expected = np.sqrt(diffusion.kept()[t]).reshape(9, 1, 1, 1) * np.ones(IMAGE)
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-12)
    assert len(set(t)) > 3


@pytest.mark.parametrize("law, weights", [("uniform", [1] * 6), ("paper", [1, 2, 3, 4, 5, 6]), ("code", range(6))])
def test_each_law_draws_as_often_as_it_says(law, weights):
    """The two that prefer late stages differ: by the code, the first never comes."""
    noise = rng()
    stages = np.concatenate([Diffusion(noise, timesteps=(6, 6), law=law).stages for _ in range(2000)])
    assert (stages == 0).mean() == 0.5
    found = np.bincount(stages[stages > 0], minlength=7)[1:] / 64_000
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(found, expected, atol=0.008)
    assert (found[0] == 0) == (law == "code")


def test_each_image_has_a_stage_and_noise_of_its_own():
    """Half of them are shown as they are."""
    diffusion = of_length(50)
    share, scale, noise = diffusion.draw((4000, *IMAGE), rng())
    assert share.shape == (4000, 1) and scale.shape == (4000, 1, 1, 1) and noise.shape == (4000, *IMAGE)
    assert (share == 0).mean() == pytest.approx(0.5, abs=0.03) and len(np.unique(share)) > 15
    t = np.rint(50 * share.ravel()).astype(int)
    np.testing.assert_array_equal(scale.ravel(), np.sqrt(diffusion.kept()[t]))
    assert not noise[t == 0].any() and len(np.unique(noise[t > 0])) == noise[t > 0].size


# The length ----------------------------------------------------------------------------------------------------------


def heard(sign, batches=4, size=25, **options):
    """A diffusion that has observed batches of this mean sign, and may have changed T after each."""
    diffusion = Diffusion(rng(), **{"timesteps": (10, 210), "rise": 1000, **options})
    for _ in range(batches):
        diffusion.observe(sign, size)
        diffusion.adapt(rng(1))
    return diffusion


def test_the_chain_begins_at_its_shortest():
    assert (Diffusion(rng(), timesteps=(10, 210)).T, Diffusion(rng()).T) == (10, 5)


def test_a_discriminator_that_is_too_sure_makes_the_chain_longer_and_one_that_is_not_shorter():
    """p moves by (images seen) / rise: 100 of 1000, so T by a tenth of 200."""
    diffusion = heard(0.61)
    assert diffusion.p == pytest.approx(0.1) and diffusion.T == 30
    for sign, T in ((0.7, 50), (0.59, 30), (-1.0, 10), (0.6, 10)):
        for _ in range(4):
            diffusion.observe(sign, 25)
        diffusion.adapt(rng(1))
        assert diffusion.T == T, sign
    assert heard(0.3, target=0.2).T == 30 and heard(0.3, target=0.4).T == 10


def test_the_length_stays_within_its_bounds():
    assert heard(1.0, 400).T == 210 and heard(-1.0, 400).p == 0 and heard(1.0, 400).p == 1
    assert heard(1.0, 3, size=40).T == 10 and heard(1.0, 5, size=40).T == 10 + 32


def test_what_counts_is_the_mean_of_all_batches_since_the_last_change_each_by_its_size():
    diffusion = Diffusion(rng(), timesteps=(10, 210), rise=1000)
    for sign, size in ((1.0, 70), (0.0, 10), (0.0, 10), (0.0, 10)):
        diffusion.observe(sign, size)
    diffusion.adapt(rng())
    assert diffusion.T == 30
    for sign in (0.59, 0.59, 0.59, 0.62):
        diffusion.observe(sign, 25)
    diffusion.adapt(rng())
    assert diffusion.T == 10  # the first four are forgotten


@pytest.mark.parametrize("every", [1, 4])
def test_stages_are_drawn_anew_when_the_length_is_looked_at_and_only_then(every):
    diffusion = Diffusion(rng(), timesteps=(10, 210), rise=300, every=every)
    for number in range(1, 9):
        before = diffusion.stages
        diffusion.observe(1.0, 25)
        diffusion.adapt(rng(number))
        assert (diffusion.stages is before) == (number % every > 0)
        assert (diffusion.stages[:32] == 0).all() and 0 < diffusion.stages[32:].min()
        assert diffusion.stages.max() <= diffusion.T
    assert diffusion.stages.max() > 60


@pytest.mark.parametrize(
    "options, message",
    [
        ({"timesteps": (20, 10)}, r"timesteps=\(20, 10\) must be T_min ≤ T_max"),
        ({"timesteps": (1, 10)}, "from 2 on"),
        ({"timesteps": (0, 10)}, r"or \(0, 0\) for no diffusion"),
        ({"timesteps": (5.0, 10)}, "a tuple of 2"),
        ({"law": "priority"}, "law='priority' is none of uniform, paper, code"),
        ({"sigma": -1.0}, "sigma"),
        ({"target": 1.5}, "target"),
        ({"rise": 0}, "rise"),
        ({"every": 0}, "every"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Diffusion(rng(), **options)


def test_a_diffusion_goes_on_from_its_state():
    first, second = heard(0.9, 6), Diffusion(rng(5), timesteps=(10, 210), rise=1000)
    second.load_state_dict(first.state_dict())
    assert first.T == second.T == 30 and first.images == 50
    np.testing.assert_array_equal(*(each.draw((5, 3), rng(2))[2] for each in (first, second)))
    for each in (first, second):
        each.observe(-1.0, 100)
        each.observe(-1.0, 10)
        each.adapt(rng(3))
    assert first.T == second.T == 10 and (first.stages == second.stages).all()
    state = first.state_dict()
    first.stages[:] = 1  # a state is a copy
    assert state["stages"][0] == 0


@pytest.mark.parametrize("change", [{"p": np.array(1.1)}, {"stages": np.zeros(63, int)}, {"stages": np.full(64, 31)},
                                    {"stages": np.full(64, -1)}])  # fmt: skip
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change):
    diffusion = heard(0.9)
    before = diffusion.state_dict()
    with pytest.raises(ValueError, match=r"do not fit a chain of T from \(10, 210\)"):
        diffusion.load_state_dict(before | change)
    for name, array in diffusion.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


# The game ------------------------------------------------------------------------------------------------------------


def game(objective=None, critic=None, diffusion=None, **options):
    """A game whose critic is linear in an image, if no other is given, and whose optimisers are plain."""
    generator = nn.Sequential(nn.Linear(LATENTS, 16, rng=rng()), nn.Unflatten(1, IMAGE)).to(np.float64)
    critic = critic or Told().to(np.float64)
    diffusion = diffusion or of_length(60, sigma=0.5)
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


def test_the_stage_is_told_as_a_share_of_the_longest_chain():
    diffusion = Diffusion(rng(), timesteps=(10, 40))
    share, _, _ = diffusion.draw((500, 1), rng())
    np.testing.assert_array_equal(np.unique(share), np.unique(diffusion.stages) / 40)


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
