"""The solutions of demos/exercises.md, each run: derivatives that the checker passes, and numbers that come true."""

import re

import numpy as np
import pytest
from places import DEMOS

from scratchgan import Tensor, grad, nn
from scratchgan import functional as F
from scratchgan.lab import limits
from scratchgan.losses import gradient_norms, gradient_penalty, r1_penalty
from scratchgan.losses.variational import gaussian_kl
from scratchgan.metrics import frechet_distance_of_moments, wasserstein_1d
from scratchgan.nn import AveragedWeights
from scratchgan.optim import SGD, Adam
from scratchgan.tensor import Parameter, record
from scratchgan.testing import check_grads

PAGE = (DEMOS / "exercises.md").read_text(encoding="utf-8")
TITLES = re.findall(r"^### (\d+)\. (.+)$", PAGE, re.M)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def same(ours, library, *arrays):
    """A primitive that the checker passes at two orders, and whose value is that of the library."""
    check_grads(ours, arrays)
    np.testing.assert_allclose(ours(*map(Tensor, arrays)).numpy(), library(*map(Tensor, arrays)).numpy(), atol=1e-12)


def test_there_are_twenty_and_each_has_a_solution():
    solved = {int(name.split("_")[2]) for name in globals() if re.match(r"test_exercise_\d\d", name)}
    assert [int(number) for number, _ in TITLES] == sorted(solved) == list(range(1, 21))


# Derive, then let check_grads judge you ------------------------------------------------------------------------------


def test_exercise_01_softplus():
    def softplus(x):
        return record(np.logaddexp(0, x.data), (x, lambda g, y: g * x.sigmoid()))

    same(softplus, lambda x: F.softplus(x, threshold=np.inf), normal(5))


def test_exercise_02_a_product_of_matrices():
    def product(a, b):
        return record(a.data @ b.data, (a, lambda g, y: g @ b.T), (b, lambda g, y: a.T @ g))

    same(product, lambda a, b: a @ b, normal(2, 3), normal(3, 4, seed=1))


def test_exercise_03_norms_of_rows():
    def norms(x):
        return record(np.sqrt((x.data**2).sum(1, keepdims=True)), (x, lambda g, y: g * x / y))

    same(norms, lambda x: (x * x).sum(1, keepdim=True).sqrt(), normal(3, 4))


def test_exercise_04_the_logarithm_of_a_sum_of_exponentials():
    def logsumexp(x):
        largest = x.data.max(1, keepdims=True)
        value = largest + np.log(np.exp(x.data - largest).sum(1, keepdims=True))
        return record(value, (x, lambda g, y: g * (x - y).exp()))

    same(logsumexp, lambda x: x.exp().sum(1, keepdim=True).log(), normal(3, 4))


def test_exercise_05_maxout():
    def maxout(x):
        winner = (x.data == x.data.max(1, keepdims=True)).astype(float)
        return record(x.data.max(1, keepdims=True), (x, lambda g, y: g * winner))

    same(maxout, lambda x: x.amax(1, keepdim=True), normal(3, 4))


def test_exercise_06_a_layer_norm():
    def norm(x):
        centred = x.data - x.data.mean(1, keepdims=True)
        value = centred / np.sqrt((centred**2).mean(1, keepdims=True))

        def backward(g, y):
            c = x - x.mean(1, keepdim=True)
            deviation = (c * c).mean(1, keepdim=True).sqrt()
            return (g - g.mean(1, keepdim=True) - y * (g * y).mean(1, keepdim=True)) / deviation

        return record(value, (x, backward))

    same(norm, lambda x: F.layer_norm(x, (4,), eps=0), normal(3, 4))


def test_exercise_07_a_convolution_of_a_line():
    def correlate(x, w):
        k = len(w.data)
        value = np.array([w.data @ x.data[i : i + k] for i in range(len(x.data) - k + 1)])
        full = (k - 1, k - 1)
        return record(
            value,
            (x, lambda g, y: correlate(F.pad(g, full), w[::-1])),
            (w, lambda g, y: correlate(x, g)),
        )

    same(correlate, lambda x, w: F.conv2d(x.reshape(1, 1, 1, 7), w.reshape(1, 1, 1, 3))[0, 0, 0], normal(7), normal(3))


def test_exercise_08_an_inverse():
    def inverse(a):
        return record(np.linalg.inv(a.data), (a, lambda g, y: -(y.T @ g @ y.T)))

    a = normal(3, 3) + 3 * np.eye(3)
    check_grads(inverse, [a])
    np.testing.assert_allclose(inverse(Tensor(a)).numpy() @ a, np.eye(3), atol=1e-12)


def test_exercise_09_what_a_code_costs():
    def kl(mean, logvar):
        value = 0.5 * (np.exp(logvar.data) + mean.data**2 - 1 - logvar.data).sum(1)
        shape = lambda g: g.reshape(len(g), 1)  # noqa: E731
        return record(
            value,
            (mean, lambda g, y: shape(g) * mean),
            (logvar, lambda g, y: shape(g) * (logvar.exp() - 1) / 2),
        )

    same(kl, gaussian_kl, normal(3, 2), normal(3, 2, seed=1))


def test_exercise_10_the_penalty_of_a_line():
    def penalty(w):
        norm = np.sqrt((w.data**2).sum())
        return record((norm - 1) ** 2, (w, lambda g, y: g * 2 * (w - w / (w * w).sum().sqrt())))

    def library(w):
        x = Tensor(normal(6, 3), requires_grad=True)
        return gradient_penalty(gradient_norms(lambda x: x @ w, x))

    w = normal(3, 1)
    check_grads(penalty, [w])
    assert penalty(Tensor(w)).item() == pytest.approx(library(Tensor(w)).item())
    ours, theirs = (
        grad(f(w), w)[0].numpy() for f, w in ((f, Tensor(w, requires_grad=True)) for f in (penalty, library))
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_exercise_11_r1_of_a_parabola():
    x = normal(6, 3)

    def r1(a):
        slopes = lambda a: Tensor(x) @ (a + a.T) / 2  # noqa: E731
        value = (slopes(a).data ** 2).sum() / (2 * len(x))

        def backward(g, y):
            outer = Tensor(x).T @ slopes(a)
            return g * (outer + outer.T) / (2 * len(x))

        return record(value, (a, backward))

    same(r1, lambda a: r1_penalty(lambda x: ((x @ a) * x).sum(1, keepdim=True) / 2, Tensor(x), 1.0), normal(3, 3))


def test_exercise_12_a_transposed_convolution():
    """⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩, and convᵀ(conv(x)) is not x."""
    w, x, y = Tensor(normal(1, 1, 3, 3)), Tensor(normal(1, 1, 5, 5), requires_grad=True), Tensor(normal(1, 1, 2, 2))
    (found,) = grad(F.conv2d(x, w, stride=2), x, y)
    np.testing.assert_allclose(found.numpy(), F.conv_transpose2d(y, w, stride=2).numpy(), atol=1e-12)
    back = F.conv_transpose2d(F.conv2d(x, w, stride=2), w, stride=2)
    assert back.shape == x.shape and np.abs(back.numpy() - x.numpy()).max() > 1
    check_grads(lambda y, w: F.conv_transpose2d(y, w, stride=2), [y.numpy(), w.numpy()])


# Predict, then run ---------------------------------------------------------------------------------------------------


def test_exercise_13_the_least_loss():
    """log 4 − 2 JSD. Half of each law lies where the other is not, so JSD = ½ log 2, and L_D = log 2."""
    scores = [limits.SURE, 0.0, -limits.SURE]
    found = limits.losses("minimax", scores, [1, 1, 0], [0, 1, 1])[0]
    assert found == pytest.approx(np.log(2))


def test_exercise_14_the_norm_under_a_penalty():
    assert limits.slope_for(2.4) == pytest.approx((1 + np.sqrt(1.48)) / 2) == pytest.approx(1.108, abs=1e-3)


def test_exercise_15_the_dirac_gan_goes_out():
    """Steps at the same time are (I + ηJ) with spectral radius √(1 + η²/4); after 200 of η = 0.2, 1.01^100 = 2.70."""
    theta, psi = 1e-3, 0.0
    for _ in range(200):
        t, p = (Tensor(np.array(value), requires_grad=True) for value in (theta, psi))
        game = F.softplus(t * p, threshold=np.inf)  # ζ(ψθ), which D descends and G ascends
        over_t, over_p = grad(game, [t, p])
        theta, psi = theta + 0.2 * over_t.item(), psi - 0.2 * over_p.item()
    assert np.hypot(theta, psi) == pytest.approx(1e-3 * 1.01**100, rel=1e-3)


def test_exercise_16_the_first_step_of_adam():
    """The size of the gradient is divided away: each weight moves by the rate, whatever the loss is multiplied by."""
    for factor in (1e-3, 1, 1e3):
        weight = Parameter(np.zeros(4))
        slope = Tensor(factor * np.array([1.0, -2.0, 3.0, 4.0]))
        Adam([weight], lr=0.01).step([slope])
        np.testing.assert_allclose(weight.numpy(), 0.01 * np.array([-1, 1, -1, -1]), rtol=1e-4)
        plain = Parameter(np.zeros(4))
        SGD([plain], lr=0.01).step([slope])
        np.testing.assert_allclose(plain.numpy(), -0.01 * slope.numpy())


def test_exercise_17_the_chessboard():
    """Kernel 3 at stride 2: 1, 2, 1, 2, … kernels reach a column; kernel 4 at stride 2 reaches each with two."""
    reached = {
        size: F.conv_transpose2d(Tensor(np.ones((1, 1, 1, 4))), Tensor(np.ones((1, 1, 1, size))), stride=(1, 2))
        for size in (3, 4)
    }
    assert reached[3].numpy().ravel().tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 1]
    assert reached[4].numpy().ravel().tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]


def test_exercise_18_the_middle_of_a_line():
    """The mean of two latents has length √(d/2), 0.71 of the usual √d."""
    d = 512
    middle = np.linalg.norm((normal(2000, d) + normal(2000, d, seed=1)) / 2, axis=1).mean()
    assert middle == pytest.approx(np.sqrt(d / 2), rel=5e-3)
    assert middle / np.linalg.norm(normal(2000, d), axis=1).mean() == pytest.approx(0.707, abs=5e-3)


def test_exercise_19_distances_of_a_shift():
    """By s = 3: W₁ = 3, and the Fréchet distance is 3² = 9; twice as far, 6 and 36."""
    x = normal(5000)
    for s in (3.0, 6.0):
        assert wasserstein_1d(x, x + s) == pytest.approx(s)
        one, other = ((np.array([mean]), np.eye(1)) for mean in (0.0, s))
        assert frechet_distance_of_moments(*one, *other) == pytest.approx(s * s)


def test_exercise_20_an_average_of_weights():
    """θ̄ is half of the way to a jump after log 2 / (1 − β) steps: 69 with β = 0.99."""
    network = nn.Linear(1, 1, bias=False)
    network.weight.data = np.zeros((1, 1))
    average = AveragedWeights(network, 0.99)
    network.weight.data = np.ones((1, 1))
    steps = 0
    while average.module.weight.item() < 0.5:
        average.update(network)
        steps += 1
    assert steps == 69 == round(np.log(2) / 0.01)
