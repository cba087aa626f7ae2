"""GANs in the plane: a recipe is followed to the letter, and a run is a function of its seed."""

from dataclasses import replace

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor, grad, nn, no_grad
from scratchgan.data.toy import GaussianMixture, eight_gaussians
from scratchgan.lab import plane
from scratchgan.lab.plane import LATENT_SIZE, RECIPES, Recipe, players, train
from scratchgan.losses import (
    R1,
    R1R2,
    GradientPenalty,
    NonSaturating,
    Relativistic,
    Wasserstein,
    gradient_norms,
    gradient_penalty,
    on_lines,
)
from scratchgan.metrics import wasserstein
from scratchgan.models.game import Game
from scratchgan.optim import Adam, RMSprop

DATA = eight_gaussians()
every_recipe = pytest.mark.parametrize("name", RECIPES)


def weights(module):
    return module.state_dict()


def assert_same(one, other):
    for path, array in one.items():
        np.testing.assert_array_equal(array, other[path], err_msg=path)


def game(name):
    return players(RECIPES[name], rng())


# Runs ----------------------------------------------------------------------------------------------------------------


@every_recipe
def test_a_run_is_a_function_of_its_seed(name):
    runs = [train(RECIPES[name], DATA, 3, seed, snapshots=(3,), points=50) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(runs[0].losses, runs[1].losses)
    np.testing.assert_array_equal(runs[0].clouds[3], runs[1].clouds[3])
    assert np.isfinite(runs[0].losses).all() and (runs[0].losses != runs[2].losses).any()


def test_looking_does_not_disturb():
    watched = train(RECIPES["r1"], DATA, 4, 0, snapshots=range(5), points=300)
    alone = train(RECIPES["r1"], DATA, 4, 0)
    np.testing.assert_array_equal(watched.losses, alone.losses)
    assert list(watched.clouds) == [0, 1, 2, 3, 4] and alone.clouds == {}


def test_the_latents_of_a_run_stay_the_same():
    still = replace(RECIPES["r1"], lr=0.0)
    clouds = train(still, DATA, 3, 0, snapshots=(0, 3), points=9).clouds
    assert clouds[0].shape == (9, 2) and clouds[0].dtype == np.float32
    np.testing.assert_array_equal(clouds[0], clouds[3])


def test_the_learning_rates_fall_to_0():
    rates = []
    train(Recipe("", NonSaturating(), lr=1.0, critic_lr=0.5, optimizer=noting(rates)), DATA, 4, 0)
    assert rates == pytest.approx([0.5, 1.0, 0.375, 0.75, 0.25, 0.5, 0.125, 0.25])


def test_each_step_is_reported():
    steps = []
    train(RECIPES["minimax"], DATA, 3, 0, progress=steps.append)
    assert steps == [1, 2, 3]


def test_the_samples_move_to_the_data():
    far = GaussianMixture("one mode", [[2.0, -1.0]], 0.1)
    clouds = train(RECIPES["r1"], far, 100, 0, snapshots=(0, 100), points=100).clouds
    real = far.sample(100, rng())
    assert wasserstein(clouds[100], real) < 0.4 * wasserstein(clouds[0], real)


# Runs that diverge ---------------------------------------------------------------------------------------------------


def failing(at):
    """An optimiser of the two players; the step that is number ``at`` of all gives weights that are NaN."""
    count = iter(range(1, 100))

    class Failing(Adam):
        def step(self, grads):
            super().step(grads)
            if next(count) == at:
                self.params[0].data = self.params[0].data * np.nan

    return Recipe("", NonSaturating(), optimizer=Failing)


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_what_was_seen():
    steps = []
    ended = train(failing(at=5), DATA, 6, 0, snapshots=(1, 2, 6), points=9, progress=steps.append)
    assert ended.diverged == 3 and list(ended.clouds) == [1, 2] and steps == [1, 2]
    assert ended.losses.shape == (3, 2) and np.isfinite(ended.losses[:2]).all() and np.isnan(ended.losses[2, 1])


def test_samples_that_are_not_finite_end_it_too():
    """The generator's last step is seen in no loss."""
    ended = train(failing(at=12), DATA, 6, 0, snapshots=(3, 6), points=9)
    assert ended.diverged == 6 and list(ended.clouds) == [3] and np.isfinite(ended.losses).all()


def test_a_run_that_is_finite_goes_to_the_end():
    ended = train(failing(at=13), DATA, 6, 0, snapshots=(6,), points=9)
    assert ended.diverged is None and list(ended.clouds) == [6] and len(ended.losses) == 6


def test_an_overflow_on_the_way_is_no_warning(recwarn):
    assert train(replace(RECIPES["minimax"], lr=1e30), DATA, 4, 0, snapshots=(4,)).diverged
    assert not recwarn.list


def test_the_players_may_be_of_another_kind():
    class Watched(Game):
        pass

    assert type(train(RECIPES["minimax"], DATA, 1, 0, kind=Watched).game) is Watched


# The steps -----------------------------------------------------------------------------------------------------------


def noting(rates):
    """An optimiser that does not move, and notes its rate."""

    class Noting(Adam):
        def step(self, grads):
            rates.append(self.lr)

    return Noting


def test_the_loop_is_that_of_the_papers():
    """Three steps of WGAN-GP, written out."""
    recipe = replace(RECIPES["wgan-gp"], critic_steps=2, batch=16)
    trained = train(recipe, DATA, 3, seed=4).game

    random = rng(4)
    generator, critic = plane.generator(random), plane.critic(random)
    down_g = Adam(generator.parameters(), 1.0, (0.5, 0.9))
    down_d = Adam(critic.parameters(), 1.0, (0.5, 0.9))

    def latents():
        return Tensor(random.standard_normal((16, LATENT_SIZE), dtype=np.float32))

    for step in range(3):
        down_g.lr, down_d.lr = recipe.lr * (1 - step / 3), recipe.critic_lr * (1 - step / 3)
        for _ in range(2):
            real = Tensor(DATA.sample(16, random))
            with no_grad():
                fake = generator(latents())
            loss = critic(fake).mean() - critic(real).mean()
            norms = gradient_norms(critic, on_lines(real, fake, random))
            down_d.step(grad(loss + 0.1 * gradient_penalty(norms), critic.parameters()))
        down_g.step(grad(-critic(generator(latents())).mean(), generator.parameters()))
    for one, other in ((trained.generator, generator), (trained.critic, critic)):
        for path, array in weights(one).items():
            np.testing.assert_allclose(array, weights(other)[path], rtol=1e-5, atol=1e-7, err_msg=path)


@every_recipe
def test_a_step_moves_its_own_player_only(name):
    both, real = game(name), Tensor(DATA.sample(32, rng()))
    trainable = {path for path, _ in both.critic.named_parameters()}
    generator, critic = weights(both.generator), weights(both.critic)
    both.critic_step(real, rng=rng())
    assert_same(generator, weights(both.generator))
    moved = weights(both.critic)
    assert any((critic[path] != moved[path]).any() for path in trainable)
    both.generator_step(real, rng=rng())
    assert_same({path: moved[path] for path in trainable}, weights(both.critic))
    assert any((array != weights(both.generator)[path]).any() for path, array in generator.items())


def test_the_players_have_a_rate_each():
    both = players(Recipe("", NonSaturating(), lr=0.25, critic_lr=0.5), rng())
    assert (both.generator_optimizer.lr, both.critic_optimizer.lr) == (0.25, 0.5)


def test_a_relativistic_generator_sees_real_points():
    both = players(Recipe("", Relativistic()), rng())
    z, real = both.latents(8, rng()), Tensor(DATA.sample(8, rng(1)))
    expected = Relativistic().generator_loss(both.critic(both.generator(z)), both.critic(real))
    assert both.generator_loss(z, real=(real,)).item() == expected.item()


# What a recipe adds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "penalty, expected",
    [(GradientPenalty(0.1), 0.1 * (5 - 1) ** 2), (R1(0.2), 0.1 * 25), (R1R2(0.2), 2 * 0.1 * 25)],
    ids=["wgan_gp", "r1", "r1_r2"],
)
def test_the_penalty_is_part_of_the_critics_loss(penalty, expected):
    """Of a critic D(x) = 3 x₁ + 4 x₂, whose slope is 5 everywhere."""
    both = players(Recipe("", Wasserstein(), penalty=penalty), rng())
    both.critic = nn.Linear(2, 1)
    both.critic.weight.data = np.array([[3.0, 4.0]], np.float32)
    real, fake = Tensor(DATA.sample(8, rng())), Tensor(DATA.sample(8, rng(1)))
    plain = Wasserstein().discriminator_loss(both.critic(real), both.critic(fake))
    loss = both.critic_loss(real, fake, rng=rng())["critic_loss"]
    assert (loss - plain).item() == pytest.approx(expected, rel=1e-4)
    (with_penalty,), (without,) = (grad(x, [both.critic.weight]) for x in (loss, plain))
    assert np.abs((with_penalty - without).data).max() > 0.5


def test_the_relativistic_recipes_differ_by_their_penalties_alone():
    recipes = [RECIPES[name] for name in ("rpgan", "rpgan-r1", "rpgan-r1-r2")]
    assert [type(recipe.penalty) for recipe in recipes] == [type(None), R1, R1R2]
    assert recipes[1].penalty.gamma == recipes[2].penalty.gamma == RECIPES["r1"].penalty.gamma
    rest = [{**vars(recipe), "name": "", "penalty": None, "objective": repr(recipe.objective)} for recipe in recipes]
    assert rest[0] == rest[1] == rest[2] and rest[0]["objective"] == "Relativistic()"


def test_clipped_weights_are_in_their_box_after_each_step():
    both = game("wgan-clip")
    both.critic_step(Tensor(DATA.sample(32, rng())), rng=rng())
    largest = max(np.abs(p.data).max() for p in both.critic.parameters())
    assert largest == pytest.approx(RECIPES["wgan-clip"].clip)
    assert max(np.abs(p.data).max() for p in both.generator.parameters()) > 0.2
    assert isinstance(both.critic_optimizer, RMSprop)


def test_the_spectral_critic_stretches_nothing():
    trained = train(RECIPES["spectral"], DATA, 200, 0).game
    layers = [layer for layer in trained.critic.module if not isinstance(layer, nn.ReLU)]
    assert [np.linalg.norm(layer.weight.data, 2) for layer in layers] == pytest.approx([1] * 4, abs=0.02)


@pytest.mark.parametrize("name", ["minibatch", "minibatch-std"])
def test_a_critic_of_batches_sees_that_all_samples_are_alike(name):
    critic, points = game(name).critic, DATA.sample(16, rng())
    alike = np.tile(points[:1], (16, 1))
    assert np.abs(critic(Tensor(points)).data[0] - critic(Tensor(alike)).data[0]) > 1e-3
    plain = game("minimax").critic
    np.testing.assert_allclose(plain(Tensor(points)).data[0], plain(Tensor(alike)).data[0], rtol=1e-5)


def test_the_deviation_is_that_of_the_whole_batch():
    critic = game("minibatch-std").critic
    points = np.repeat(DATA.sample(2, rng()), 8, axis=0)
    order = rng().permutation(16)
    np.testing.assert_allclose(
        critic(Tensor(points[order])).data, critic(Tensor(points)).data[order], rtol=1e-4, atol=1e-6
    )


# Networks ------------------------------------------------------------------------------------------------------------


def test_the_spectral_critic_has_the_slope_it_is_given():
    points = Tensor(DATA.sample(4, rng()))
    flat, steep = (plane.spectral_critic(rng(), slope=slope).eval() for slope in (1.0, 5.0))
    np.testing.assert_allclose(steep(points).data, 5 * flat(points).data, rtol=1e-5)


def test_layers_keep_the_size_of_a_signal():
    layer = plane.linear(200, 300, rng())
    assert layer.weight.data.std() == pytest.approx((2 / 200) ** 0.5, rel=0.02)
    assert np.abs(layer.weight.data).max() <= (6 / 200) ** 0.5 and not layer.bias.data.any()


def test_the_networks_are_three_hidden_layers_deep():
    sizes = [layer.weight.shape for layer in plane.generator(rng(), width=5) if isinstance(layer, nn.Linear)]
    assert sizes == [(5, LATENT_SIZE), (5, 5), (5, 5), (2, 5)]
    kinds = [type(layer).__name__ for layer in plane.critic(rng())]
    assert kinds == ["Linear", "ReLU"] * 3 + ["Linear"]
