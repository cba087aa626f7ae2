"""Every objective as a whole: its gradient in all weights of a network, and the derivative of that gradient.

The functions are checked one by one in test_functions.py. Here nothing is taken apart: the loss that a player descends
is a function of all weights of that player, and this function is compared with its central differences. With a penalty
in it the first order already holds a gradient of a gradient, and the second order a third derivative.
"""

import inspect
import pkgutil
import sys
from importlib import import_module

import numpy as np
import pytest
from derivatives import weights_replaced
from seeded import rng

from scratchgan import Parameter, Tensor, grad, losses, nn
from scratchgan.losses import (
    gradient_norms,
    gradient_penalty,
    on_lines,
    perturb,
    r1_penalty,
    r1_r2_penalty,
    r2_penalty,
    squared_slopes,
)
from scratchgan.models.wgan_gp import WGANGP
from scratchgan.optim import Adam
from scratchgan.testing import check_grads

IMAGE = (2, 4, 4)
BATCH = 4
LATENTS = 3


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


REAL = Tensor(normal(BATCH, *IMAGE, seed=1))
FAKE = Tensor(np.tanh(normal(BATCH, *IMAGE, seed=2)))
Z = Tensor(normal(BATCH, LATENTS, seed=3))


# The players ---------------------------------------------------------------------------------------------------------
#
# Small, but of every kind of layer. No bias stands where the loss does not depend on it (before a norm, which takes it
# off again, and at the end of the critic, where it shifts D(x) and D(x̃) alike): a derivative of 0 would prove nothing.

NORMS = {
    "no norm": lambda: [],
    "LayerNorm": lambda: [nn.LayerNorm((3, 2, 2))],
    "InstanceNorm2d": lambda: [nn.InstanceNorm2d(3, affine=True)],
    "GroupNorm": lambda: [nn.GroupNorm(1, 3)],
}
every_norm = pytest.mark.parametrize("norm", NORMS)


def shaken(module):
    """In float64, with no scale left at 1 and no shift at 0: a derivative in them might be right at these alone."""
    return module.to(np.float64).replace(
        lambda path, array: array + 0.3 * normal(*array.shape) if array.dtype.kind == "f" else array
    )


def critic(norm):
    """With slopes whose mean is 1, so that a one-sided penalty counts some samples and leaves out others."""
    network = shaken(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=norm == "no norm", rng=rng(1)),
            *NORMS[norm](),
            nn.LeakyReLU(0.2),
            nn.Conv2d(3, 4, 2, rng=rng(2)),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(4, 1, bias=False, rng=rng(3)),
        )
    )
    last = network[-1].weight
    last.data = last.data / gradient_norms(network, on_lines(REAL, FAKE, rng())).data.mean()
    return network


def generator():
    return shaken(
        nn.Sequential(
            nn.Linear(LATENTS, 12, bias=False, rng=rng(4)),
            nn.BatchNorm1d(12),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, (3, 2, 2)),
            nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1, rng=rng(5)),
            nn.Tanh(),
        )
    )


def model(norm, **options):
    return WGANGP(generator(), critic(norm), LATENTS, Adam, penalty=losses.GradientPenalty(3.0, **options))


def wasserstein_estimate(critic, real, fake):
    return critic(real).mean() - critic(fake).mean()


# The objectives ------------------------------------------------------------------------------------------------------


def critic_loss(model):
    """The one that `WGANGP.critic_step` descends, with the same ε at every call."""
    return model.critic_loss(REAL, FAKE, rng=rng())["critic_loss"]


def critic_loss_with_r1(model):
    return -wasserstein_estimate(model.critic, REAL, FAKE) + r1_penalty(model.critic, REAL, gamma=3.0)


def critic_loss_with_r1_and_r2_every_third_step(model):
    penalty = losses.lazily(lambda: r1_r2_penalty(model.critic, REAL, FAKE, gamma=1.0), step=6, every=3)
    return -wasserstein_estimate(model.critic, REAL, FAKE) + penalty


def dragan_loss(model):
    discriminator = losses.OBJECTIVES["non-saturating"].discriminator_loss(model.critic(REAL), model.critic(FAKE))
    return discriminator + gradient_penalty(gradient_norms(model.critic, perturb(REAL, rng())))


def generator_loss(model):
    return model.generator_loss(Z)


def features(critic, x):
    """What the last layer of the critic sees of noisy images."""
    x = losses.instance_noise(x, 0.1, rng())
    for layer in list(critic)[:-1]:
        x = layer(x)
    return x


def feature_matching(model):
    return losses.feature_matching(features(model.critic, REAL), features(model.critic, model.generator(Z)))


def discriminator_of(objective):
    return lambda model: objective.discriminator_loss(model.critic(REAL), model.critic(FAKE))


def generator_of(objective):
    return lambda model: objective.generator_loss(model.critic(model.generator(Z)), model.critic(REAL))


# name: (the player whose weights it is a function of, the options of the model, the objective)
OBJECTIVES = {
    "critic": ("critic", {}, critic_loss),
    "critic, one-sided": ("critic", {"one_sided": True}, critic_loss),
    "critic, zero-centred": ("critic", {"center": 0.0}, critic_loss),
    "critic, R1": ("critic", {}, critic_loss_with_r1),
    "critic, R1 and R2": ("critic", {}, critic_loss_with_r1_and_r2_every_third_step),
    "critic, DRAGAN": ("critic", {}, dragan_loss),
    "generator": ("generator", {}, generator_loss),
    "generator, feature matching": ("generator", {}, feature_matching),
}
for name, objective in losses.OBJECTIVES.items():
    OBJECTIVES[f"critic, {name}"] = ("critic", {}, discriminator_of(objective))
    OBJECTIVES[f"generator, {name}"] = ("generator", {}, generator_of(objective))
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def as_function(name, norm):
    """An objective as a function of all weights of its player, and those weights."""
    player, options, objective = OBJECTIVES[name]
    players = model(norm, **options)
    module = getattr(players, player)

    def function(*weights):
        with weights_replaced(module, weights):
            return objective(players)

    return function, module.parameters()


@every_norm
@every_objective
def test_first_and_second_derivative_in_all_weights(name, norm):
    function, weights = as_function(name, norm)
    check_grads(function, weights, order=2)


@every_norm
@every_objective
def test_no_weight_is_without_effect(name, norm):
    """So the check above compares no zeros."""
    function, weights = as_function(name, norm)
    for weight, g in zip(weights, grad(function(*weights), weights)):
        assert np.abs(g.data).max() > 1e-4, weight.shape


@every_norm
def test_there_are_slopes_on_both_sides_of_one_and_none_on_the_kink(norm):
    """Else one-sided and two-sided would be checked at a point where they do not differ."""
    norms = gradient_norms(critic(norm), on_lines(REAL, FAKE, rng())).data
    assert norms.min() < 1 < norms.max() and np.abs(norms - 1).min() > 1e-2


def test_the_helper_puts_the_weights_in_and_the_parameters_back():
    network = critic("GroupNorm")
    before, weights = network.parameters(), [Tensor(0 * p.data) for p in network.parameters()]
    with weights_replaced(network, weights):
        assert not network(REAL).data.any() and network.parameters() == []
    assert all(p is q for p, q in zip(network.parameters(), before, strict=True))


# Completeness --------------------------------------------------------------------------------------------------------

NO_OBJECTIVES = {"clip_weights", "linear_decay"}


def public_functions(*modules):
    """{code: name} of what each module defines itself."""
    return {
        value.__code__: name
        for module in modules
        for name, value in inspect.getmembers(module, inspect.isfunction)
        if value.__module__ == module.__name__ and not name.startswith("_")
    }


def called_in(function, *arguments):
    """The code objects that run."""
    codes = set()
    sys.setprofile(lambda frame, event, _: codes.add(frame.f_code) if event == "call" else None)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return codes


def test_every_public_loss_is_part_of_an_objective():
    """Not by a list that somebody has to keep: every public function of these modules is seen to run in one."""
    names = {entry.name for entry in pkgutil.iter_modules(losses.__path__)} - {"variational"}  # in models/test_vae.py
    files = [import_module(f"{losses.__name__}.{name}") for name in sorted(names)]
    functions = public_functions(*files)
    assert {"squared_slopes", "r1_penalty", "gradient_penalty"} <= set(functions.values())
    reached = set()
    for name in OBJECTIVES:
        function, weights = as_function(name, "no norm")
        reached |= called_in(function, *weights)
    assert {name for code, name in functions.items() if code not in reached} == NO_OBJECTIVES


# Closed forms --------------------------------------------------------------------------------------------------------
#
# A derivative can be right of a function that is wrong. Where the critic is ⟨w, x⟩ its gradient is w everywhere, and
# where it is ½ ⟨x, Ax⟩ with A = Aᵀ the gradient is Ax: every penalty is known, and so is its gradient in the weights.

W = 0.4 * normal(*IMAGE, seed=7)
NORM = np.linalg.norm(W)
A = normal(W.size, W.size, seed=8)
A = (A + A.T) / 2
X = REAL.data.reshape(BATCH, -1)


def linear_critic(w):
    """D(x) = ⟨w, x⟩."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(w.size, 1, bias=False))
    network[1].weight = Parameter(w.reshape(1, -1))
    return network


def quadratic_critic(a):
    """D(x) = ½ ⟨x, Ax⟩."""

    def d(x):
        x = x.flatten(1)
        return (x * (x @ a)).sum(1, keepdim=True) / 2

    return d


def penalty(critic, **options):
    return gradient_penalty(gradient_norms(critic, Tensor(REAL.data, requires_grad=True)), **options)


# name: (the penalty of a critic, its value at D = ⟨w, x⟩, its gradient in w)
LINEAR = {
    "two-sided": (penalty, (NORM - 1) ** 2, 2 * (NORM - 1) * W / NORM),
    "around 2": (lambda d: penalty(d, center=2.0), (NORM - 2) ** 2, 2 * (NORM - 2) * W / NORM),
    "zero-centred": (lambda d: penalty(d, center=0.0), NORM**2, 2 * W),
    "one-sided, too steep": (lambda d: penalty(d, one_sided=True), (NORM - 1) ** 2, 2 * (NORM - 1) * W / NORM),
    "one-sided, flat enough": (lambda d: penalty(d, center=9.0, one_sided=True), 0, 0 * W),
    "R1": (lambda d: r1_penalty(d, REAL, gamma=3.0), 3 / 2 * NORM**2, 3 * W),
    "R2": (lambda d: r2_penalty(d, FAKE, gamma=3.0), 3 / 2 * NORM**2, 3 * W),
    "R1 and R2": (lambda d: r1_r2_penalty(d, REAL, FAKE, gamma=3.0), 3 * NORM**2, 6 * W),
    "DRAGAN": (
        lambda d: gradient_penalty(gradient_norms(d, perturb(REAL, rng()))),
        (NORM - 1) ** 2,
        2 * (NORM - 1) * W / NORM,
    ),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_penalty_of_a_linear_critic(name):
    """The norm is over all axes of a sample: neither over the channels of each pixel alone, nor over the batch."""
    function, value, gradient = LINEAR[name]
    critic = linear_critic(W)
    loss = function(critic)
    (g,) = grad(loss, critic.parameters())
    assert 1.5 < NORM < 9 and loss.shape == ()
    np.testing.assert_allclose(loss.data, value, rtol=1e-10)
    np.testing.assert_allclose(g.data.reshape(IMAGE), gradient, rtol=1e-10)


NORMS_OF_AX = np.linalg.norm(X @ A, axis=1, keepdims=True)

# name: (the penalty of a critic, its value at D = ½⟨x, Ax⟩, its gradient in Ax at each sample)
QUADRATIC = {
    "two-sided": (penalty, ((NORMS_OF_AX - 1) ** 2).mean(), 2 * (1 - 1 / NORMS_OF_AX) * (X @ A) / BATCH),
    "zero-centred": (lambda d: penalty(d, center=0.0), (NORMS_OF_AX**2).mean(), 2 * (X @ A) / BATCH),
    "R1": (lambda d: r1_penalty(d, REAL, gamma=3.0), 3 / 2 * (NORMS_OF_AX**2).mean(), 3 * (X @ A) / BATCH),
}


@pytest.mark.parametrize("name", QUADRATIC)
def test_the_penalty_of_a_quadratic_critic(name):
    """Here each sample has a slope of its own, and a mean of squares is no square of a mean.

    As A is symmetric only at this point, ∇D = ½ (A + Aᵀ) x: a cotangent of ∇D reaches A in two halves.
    """
    function, value, cotangent = QUADRATIC[name]
    a = Tensor(A, requires_grad=True)
    loss = function(quadratic_critic(a))
    (g,) = grad(loss, a)
    half = X.T @ cotangent
    np.testing.assert_allclose(loss.data, value, rtol=1e-10)
    np.testing.assert_allclose(g.data, (half + half.T) / 2, rtol=1e-9, atol=1e-12)


def flat_critics(dtype):
    """Two whose gradient is 0 everywhere: no weights, and units that are all dead."""
    dead = nn.Sequential(
        nn.Flatten(), nn.Linear(W.size, 4, rng=rng()), nn.ReLU(), nn.Linear(4, 1, bias=False, rng=rng())
    )
    dead[1].bias.data = dead[1].bias.data - 1000
    return {"no weights": linear_critic(0 * W).to(dtype), "dead units": dead.to(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("which", flat_critics(np.float64))
def test_where_the_slope_vanishes_the_penalty_is_one_and_its_gradient_finite(which, dtype):
    """A norm has no derivative at 0: the 10⁻¹² under the root is for this point."""
    critic = flat_critics(dtype)[which]
    x = Tensor(REAL.data.astype(dtype), requires_grad=True)
    loss = gradient_penalty(gradient_norms(critic, x))
    np.testing.assert_allclose(loss.data, 1, rtol=1e-5)
    for g in grad(loss, critic.parameters(), allow_unused=True):
        assert g.dtype == dtype and np.isfinite(g.data).all()


def test_r1_needs_no_epsilon_where_the_critic_is_flat():
    """At the equilibrium that R1 protects every gradient is 0, where a norm has no derivative; its square has: 0."""
    critic = linear_critic(0 * W)
    loss = r1_penalty(critic, REAL, gamma=10.0)
    (g,) = grad(loss, critic.parameters())
    assert loss.item() == 0 and (g.data == 0).all()


def test_r1_takes_the_data_as_they_come():
    """They need not ask for a gradient, and keep none: PyTorch's users call ``real.requires_grad_()`` by hand."""
    (slope,) = set(squared_slopes(linear_critic(W), Tensor(REAL.data, requires_grad=True)).data.round(9))
    assert r1_penalty(linear_critic(W), REAL, gamma=2.0).item() == pytest.approx(slope)
    assert not REAL.requires_grad


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_r1_keeps_the_dtype_of_the_data(dtype):
    assert r1_penalty(linear_critic(W.astype(dtype)), Tensor(REAL.data.astype(dtype)), gamma=10.0).dtype == dtype


@pytest.mark.parametrize("gamma", [-1.0, float("nan")])
def test_a_negative_gamma_is_refused(gamma):
    with pytest.raises(ValueError, match=f"gamma={gamma} must not be negative"):
        r1_penalty(linear_critic(W), REAL, gamma)
