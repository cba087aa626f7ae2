"""Losses and spectral normalisation against PyTorch: values, gradients, and gradients of penalties on gradients."""

import inspect

import numpy as np
import pytest

from scratchgan import Tensor, grad, losses, nn
from scratchgan.losses import OBJECTIVES, LeastSquares, Minimax, NonSaturating

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)  # for arrays this small, threads only wait for each other
T = torch.nn.functional


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def assert_same(ours, theirs, rtol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=rtol, atol=1e-13)


def both(*arrays):
    """The arrays as leaves of either library."""
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    return ours, [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


# The adversarial objectives ------------------------------------------------------------------------------------------


def bce(logits, target):
    return T.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def mse(scores, target):
    return 0.5 * T.mse_loss(scores, torch.full_like(scores, target))


# name: (our objective, PyTorch's discriminator loss, and its generator loss)
THEIRS = {
    "minimax": (Minimax(), lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda r, f: -bce(f, 0.0)),
    "non-saturating": (NonSaturating(), lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda r, f: bce(f, 1.0)),
    "smoothed": (NonSaturating(0.9), lambda r, f: bce(r, 0.9) + bce(f, 0.0), lambda r, f: bce(f, 1.0)),
    "least squares": (LeastSquares(), lambda r, f: mse(r, 1.0) + mse(f, 0.0), lambda r, f: mse(f, 1.0)),
    "least squares, -1": (
        OBJECTIVES["least squares (-1, 1, 0)"], lambda r, f: mse(r, 1.0) + mse(f, -1.0), lambda r, f: mse(f, 0.0)
    ),
    "hinge": (
        OBJECTIVES["hinge"], lambda r, f: T.relu(1 - r).mean() + T.relu(1 + f).mean(), lambda r, f: -f.mean()
    ),
    "relativistic": (OBJECTIVES["relativistic"], lambda r, f: bce(r - f, 1.0), lambda r, f: bce(f - r, 1.0)),
    "relativistic average": (
        OBJECTIVES["relativistic average"],
        lambda r, f: bce(r - f.mean(), 1.0) + bce(f - r.mean(), 0.0),
        lambda r, f: bce(f - r.mean(), 1.0) + bce(r - f.mean(), 0.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("objective, discriminator, generator", THEIRS.values(), ids=THEIRS)
def test_losses_and_their_slopes(objective, discriminator, generator, scale):
    (real, fake), (r, f) = both(scale * normal(6, 1), scale * normal(6, 1, seed=1))
    for ours, theirs in [
        (objective.discriminator_loss(real, fake), discriminator(r, f)),
        (objective.generator_loss(fake, real), generator(r, f)),
    ]:
        gradients = grad(ours, [real, fake], allow_unused=True)
        expected = torch.autograd.grad(theirs, [r, f], allow_unused=True)
        expected = [torch.zeros_like(r) if g is None else g for g in expected]
        assert_same([ours, *gradients], [theirs, *expected])


# Penalties -----------------------------------------------------------------------------------------------------------

X, A, B = normal(5, 3), normal(3, 4, seed=1), normal(4, 1, seed=2)


def their_slopes(x, a, b):
    (g,) = torch.autograd.grad((torch.tanh(x @ a) @ b).sum(), x, create_graph=True)
    return g.square().flatten(1).sum(1)


PENALTIES = {
    "R1": (lambda d: losses.r1_penalty(d, Tensor(X), 3.0), lambda s: 1.5 * s.mean()),
    "R2": (lambda d: losses.r2_penalty(d, Tensor(X), 3.0), lambda s: 1.5 * s.mean()),
    "two-sided": (
        lambda d: losses.gradient_penalty(losses.gradient_norms(d, Tensor(X, requires_grad=True))),
        lambda s: ((s + 1e-12).sqrt() - 1).square().mean(),
    ),
    "one-sided": (
        lambda d: losses.gradient_penalty(losses.gradient_norms(d, Tensor(X, requires_grad=True)), one_sided=True),
        lambda s: ((s + 1e-12).sqrt() - 1).relu().square().mean(),
    ),
}


@pytest.mark.parametrize("ours, theirs", PENALTIES.values(), ids=PENALTIES)
def test_penalties_and_their_gradients_in_the_weights(ours, theirs):
    (a, b), (ta, tb) = both(A, B)
    loss = ours(lambda x: (x @ a).tanh() @ b)
    expected = theirs(their_slopes(torch.from_numpy(X).requires_grad_(), ta, tb))
    assert_same([loss, *grad(loss, [a, b])], [expected, *torch.autograd.grad(expected, [ta, tb])])


# Spectral normalisation ----------------------------------------------------------------------------------------------

LAYERS = {
    "Linear": ("Linear", (4, 3), normal(5, 4)),
    "Conv2d": ("Conv2d", (2, 4, 3), normal(2, 2, 5, 5)),
    "ConvTranspose2d": ("ConvTranspose2d", (3, 4, 2), normal(2, 3, 4, 4)),
    "Embedding": ("Embedding", (5, 3), np.array([0, 3, 3])),
}


def normalised(name, arguments, turns=1):
    """The layer of each library with the same state."""
    theirs = torch.nn.utils.parametrizations.spectral_norm(
        getattr(torch.nn, name)(*arguments).double(), "weight", turns
    )
    ours = nn.SpectralNorm(getattr(nn, name)(*arguments), turns).to(np.float64)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("name, arguments, x", LAYERS.values(), ids=LAYERS)
def test_spectral_normalisation_pass_by_pass(name, arguments, x, turns):
    """In training, where each pass turns u and v, and in evaluation, with the gradients of every weight."""
    ours, theirs = normalised(name, arguments, turns)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for training in (True, True, False, True, False):
        ours.train(training), theirs.train(training)
        y, expected = ours(Tensor(x)), theirs(torch.from_numpy(x))
        assert_same([y], [expected], rtol=1e-10)
        weights, known = dict(ours.named_parameters()), dict(theirs.named_parameters())
        assert weights.keys() == known.keys()
        g = normal(*y.shape, seed=9)
        gradients = grad(y, list(weights.values()), Tensor(g))
        assert_same(
            gradients, torch.autograd.grad(expected, [known[k] for k in weights], torch.from_numpy(g)), rtol=1e-9
        )
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-10, atol=1e-12)


def test_the_same_defaults():
    ours = inspect.signature(nn.SpectralNorm).parameters
    theirs = inspect.signature(torch.nn.utils.parametrizations.spectral_norm).parameters
    assert all(ours[name].default == theirs[name].default for name in ("n_power_iterations", "eps"))
