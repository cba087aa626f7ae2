"""Agreement with PyTorch where its own samples do not look: kinks, ties, saturation, float32, buffers."""

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan import functional as F

torch = pytest.importorskip("torch", reason="agreement with PyTorch is checked where it is installed")
torch_F = torch.nn.functional


def ours(f, *arrays):
    """The value of f, its gradients and theirs, all as arrays; the cotangents are random but the same each time."""
    rng = np.random.default_rng(1)
    inputs = [Tensor(a, requires_grad=True) for a in arrays]
    y = f(*inputs)
    g = Tensor(np.asarray(rng.standard_normal(y.shape), y.dtype), requires_grad=True)
    first = grad(y, inputs, g, create_graph=True, allow_unused=True)
    directions = [Tensor(np.asarray(rng.standard_normal(d.shape), d.dtype)) for d in first]
    second = grad(first, [*inputs, g], directions, allow_unused=True)
    return [x.data for x in (y, *first, *second)]


def theirs(f, *arrays):
    """The same of PyTorch."""
    rng = np.random.default_rng(1)
    inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = f(*inputs)
    g = torch.tensor(rng.standard_normal(y.shape), dtype=y.dtype, requires_grad=True)
    first = torch.autograd.grad(y, inputs, g, create_graph=True)
    directions = [torch.tensor(rng.standard_normal(d.shape), dtype=d.dtype) for d in first]
    live, directions = zip(*[(d, v) for d, v in zip(first, directions) if d.requires_grad])
    second = torch.autograd.grad(live, [*inputs, g], directions, allow_unused=True, materialize_grads=True)
    return [x.detach().numpy() for x in (y, *first, *second)]


def assert_agree(f, torch_f, *arrays, rtol=1e-12, atol=1e-14):
    mine, torchs = ours(f, *arrays), theirs(torch_f, *arrays)
    for x, y in zip(mine, torchs, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)
    return mine


# float32 -------------------------------------------------------------------------------------------------------------

OF_ONE_ARGUMENT = {
    "exp": (F.exp, torch.exp),
    "log": (lambda x: F.log(x * x), lambda x: torch.log(x * x)),
    "sqrt": (lambda x: F.sqrt(x * x + 1), lambda x: torch.sqrt(x * x + 1)),
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "tanh": (F.tanh, torch.tanh),
    "softplus": (F.softplus, torch_F.softplus),
    "elu": (F.elu, torch_F.elu),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: torch_F.leaky_relu(x, 0.2)),
    "softmax": (lambda x: F.softmax(x, 1), lambda x: torch.softmax(x, 1)),
    "log_softmax": (lambda x: F.log_softmax(x, 1), lambda x: torch.log_softmax(x, 1)),
    "logsumexp": (lambda x: F.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1)),
    "std": (lambda x: F.std(x, 0), lambda x: torch.std(x, 0)),
    "layer_norm": (lambda x: F.layer_norm(x, 5), lambda x: torch_F.layer_norm(x, (5,))),
    "power": (lambda x: (x * x + 1) ** -1.5, lambda x: (x * x + 1) ** -1.5),
}


@pytest.mark.parametrize("name", OF_ONE_ARGUMENT)
def test_float32(name):
    x = np.random.default_rng(0).normal(scale=3, size=(40, 5)).astype(np.float32)
    assert_agree(*OF_ONE_ARGUMENT[name], x, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_a_critic_in_miniature(dtype, rtol):
    """Convolution, leaky relu, layer norm and a linear map, at the shapes of a network."""
    rng = np.random.default_rng(0)
    shapes = [(4, 3, 12, 12), (8, 3, 4, 4), (8,), (8, 6, 6), (8, 6, 6), (1, 288)]
    arrays = [(rng.standard_normal(shape) / 4).astype(dtype) for shape in shapes]

    def critic(f, flatten):
        def apply(x, w, b, scale, shift, v):
            h = f.leaky_relu(f.conv2d(x, w, b, stride=2, padding=1), 0.2)
            return f.linear(flatten(f.layer_norm(h, (8, 6, 6), scale, shift), 1), v)

        return apply

    assert_agree(critic(F, F.flatten), critic(torch_F, torch.flatten), *arrays, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_a_generator_in_miniature(dtype, rtol):
    """Transposed convolutions, batch norm in training, and tanh."""
    rng = np.random.default_rng(0)
    shapes = [(4, 5, 2, 2), (5, 6, 4, 4), (6,), (6,), (6, 1, 3, 3), (1,)]
    arrays = [(rng.standard_normal(shape) / 4).astype(dtype) for shape in shapes]

    def generator(f, tanh):
        def apply(z, w, scale, shift, v, b):
            h = f.conv_transpose2d(z, w, stride=2, padding=1)
            h = f.relu(f.batch_norm(h, None, None, scale, shift, training=True))
            return tanh(f.conv_transpose2d(h, v, b, stride=2, padding=1, output_padding=1))

        return apply

    assert_agree(generator(F, F.tanh), generator(torch_F, torch.tanh), *arrays, rtol=rtol, atol=rtol)


# Kinks and ties ------------------------------------------------------------------------------------------------------

AT_KINKS = {
    "relu": (F.relu, torch.relu),
    "abs": (F.abs, torch.abs),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: torch_F.leaky_relu(x, 0.2)),
    "leaky_relu, steep": (lambda x: F.leaky_relu(x, 2.0), lambda x: torch_F.leaky_relu(x, 2.0)),
    "elu": (lambda x: F.elu(x, 2.0), lambda x: torch_F.elu(x, 2.0)),
    "clamp": (lambda x: F.clamp(x, -1, 1), lambda x: torch.clamp(x, -1, 1)),
    "clamp below": (lambda x: F.clamp(x, min=0), lambda x: torch.clamp(x, min=0)),
    "clamp above": (lambda x: F.clamp(x, max=0), lambda x: torch.clamp(x, max=0)),
    "clamp to nothing": (lambda x: F.clamp(x, 1, 0), lambda x: torch.clamp(x, 1, 0)),
    "square": (lambda x: x**2, lambda x: x**2),
    "cube": (lambda x: x**3, lambda x: x**3),
    "power 1": (lambda x: x**1, lambda x: x**1),
    "power 0": (lambda x: x**0, lambda x: x**0),
}


@pytest.mark.parametrize("name", AT_KINKS)
def test_the_slope_at_a_kink(name):
    """At 0, −0 and the bounds ±1, the slope is PyTorch's choice."""
    f, torch_f = AT_KINKS[name]
    x = np.array([-2.0, -1.0, -0.0, 0.0, 1.0, 2.0])
    # A second derivative by f'' = 0 needs a graph that PyTorch does not build: multiply by x.
    assert_agree(lambda x: f(x) * x, lambda x: torch_f(x) * x, x)


def test_prelu_at_the_kink():
    """Slope w at 0. Of the second order we differ: ∂w/∂w is 1 there as well, PyTorch takes 0."""
    x, w = np.array([[-1.0, 0.0], [0.0, 2.0]]), np.array([0.3, 0.7])
    value, dx, dw, *_ = ours(F.prelu, x, w)
    for d, torch_d in zip((value, dx, dw), theirs(torch_F.prelu, x, w)):
        np.testing.assert_allclose(d, torch_d, rtol=1e-14)


TIED = np.array([[1.0, 2.0, 2.0, 0.0], [3.0, 3.0, 3.0, 3.0]])


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_of_two_arguments_are_shared(name):
    f, torch_f = getattr(F, name), getattr(torch, name)
    other = np.array([[1.0, 0.0, 2.0, 5.0], [4.0, 3.0, 2.0, 3.0]])
    assert_agree(lambda a, b: f(a, b) * a, lambda a, b: torch_f(a, b) * a, TIED, other)


@pytest.mark.parametrize("dim", [0, 1, (0, 1)])
def test_ties_of_amax_are_shared(dim):
    square = lambda amax: lambda x: amax(x, dim) ** 2  # noqa: E731
    assert_agree(square(F.amax), square(torch.amax), TIED)


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"stride": 1, "padding": 1}, {"ceil_mode": True}], ids=str)
def test_the_first_of_tied_maxima_takes_the_gradient_of_max_pool2d(options):
    """Small integers, so that nearly every window has a tie."""
    x = np.random.default_rng(0).integers(0, 2, (2, 3, 5, 5)).astype(float)
    pool = lambda f: lambda x: f.max_pool2d(x * x, 2, **options)  # noqa: E731
    assert_agree(pool(F), pool(torch_F), x)


def test_max_pool2d_of_minus_infinity():
    """A masked window beside the padding: −∞ is the largest of its elements, not a number from the other end."""
    x = np.array([[[[-np.inf, 5.0], [1.0, 2.0]]]])
    y = F.max_pool2d(Tensor(x), 2, stride=2, padding=1)
    np.testing.assert_array_equal(y.data, torch_F.max_pool2d(torch.tensor(x), 2, stride=2, padding=1).numpy())


def test_tensor_bounds_of_clamp():
    x, low, high = np.array([-2.0, 0.0, 0.5, 1.0, 3.0]), np.array([-1.0, 0.0, 0.0, 0.0, 4.0]), np.full(5, 1.0)
    assert_agree(lambda *args: F.clamp(*args) * args[0], lambda *args: torch.clamp(*args) * args[0], x, low, high)


def test_a_power_of_zero():
    """In the base and in the exponent; 0 ** 0 is 1."""
    base, exponent = np.array([0.0, 0.0, 0.0, 2.0]), np.array([0.0, 2.0, 3.0, 0.0])
    x, p = Tensor(base, requires_grad=True), Tensor(exponent, requires_grad=True)
    tx, tp = torch.tensor(base, requires_grad=True), torch.tensor(exponent, requires_grad=True)
    for d, torch_d in zip(grad((x**p).sum(), [x, p]), torch.autograd.grad((tx**tp).sum(), [tx, tp]), strict=True):
        np.testing.assert_allclose(d.data, torch_d.numpy(), rtol=1e-14)


# Saturation ----------------------------------------------------------------------------------------------------------

LOGITS = np.array([-1000.0, -100.0, -40.0, -1.0, 0.0, 1.0, 40.0, 100.0, 1000.0])
HALF = np.array([0.5])

AT_SATURATION = {
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "tanh": (F.tanh, torch.tanh),
    "softplus": (F.softplus, torch_F.softplus),
    "elu": (lambda x: F.elu(x - 0.5), lambda x: torch_F.elu(x - 0.5)),
    "logsumexp": (lambda x: F.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0)),
    "softmax": (lambda x: F.softmax(x, 0), lambda x: torch.softmax(x, 0)),
    "log_softmax": (lambda x: F.log_softmax(x, 0), lambda x: torch.log_softmax(x, 0)),
    "logsumexp of shifted logits": (lambda x: F.logsumexp(x + 1e4, 0), lambda x: torch.logsumexp(x + 1e4, 0)),
}


@pytest.mark.parametrize("dtype, rtol, atol", [(np.float64, 1e-11, 1e-300), (np.float32, 2e-5, 1e-12)])
@pytest.mark.parametrize("name", AT_SATURATION)
@pytest.mark.filterwarnings("error")
def test_saturated_logits(name, dtype, rtol, atol):
    """Value, first and second derivative are finite, raise no warning, and no digit of a tail is lost."""
    if name == "elu":
        atol = np.finfo(dtype).eps  # its slope is y + α, which near 0 has only the digits of α
    for x in assert_agree(*AT_SATURATION[name], LOGITS.astype(dtype), rtol=rtol, atol=atol):
        assert np.isfinite(x).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_softplus_without_a_threshold_does_not_overflow(dtype):
    """PyTorch's does. It is x at +∞ and eˣ at −∞, and so are the derivatives of both orders."""
    y, first, second, _ = ours(lambda x: F.softplus(x, threshold=1e9), LOGITS.astype(dtype))
    np.testing.assert_array_equal(y[-3:], LOGITS[-3:].astype(dtype))
    assert y[0] == 0 < y[1] < 1e-40
    assert np.isfinite(first).all() and np.isfinite(second).all() and not second[[0, -1]].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", [0.0, 0.1, 1.0])
@pytest.mark.filterwarnings("error")
def test_binary_cross_entropy_of_saturated_logits(label, dtype):
    """A confident discriminator that is wrong still has slope ±1; one that is right has slope 0, not NaN."""
    logits = np.concatenate([LOGITS, LOGITS]).astype(dtype)
    target = np.full_like(logits, label)
    loss = lambda f: lambda x, t: f.binary_cross_entropy_with_logits(x, t, reduction="none")  # noqa: E731
    rtol = 1e-5 if dtype is np.float32 else 1e-12
    for x in assert_agree(loss(F), loss(torch_F), logits, target, rtol=rtol, atol=rtol / 10):
        assert np.isfinite(x).all()


@pytest.mark.filterwarnings("error")
def test_binary_cross_entropy_keeps_the_digits_of_a_tail():
    """The loss of a right and certain answer is e⁻¹⁰⁰, and so is its slope: neither is rounded to 0."""
    x = Tensor(np.array([100.0]), requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, Tensor(np.array([1.0])))
    (slope,) = grad(loss, x, create_graph=True)
    (curvature,) = grad(slope.sum(), x)
    for value in (loss.data, -slope.data, curvature.data):
        np.testing.assert_allclose(value, np.exp(-100.0), rtol=1e-12)


@pytest.mark.parametrize("scale", [100.0, 1000.0])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "none"}], ids=str)
@pytest.mark.filterwarnings("error")
def test_cross_entropy_of_saturated_logits(scale, options):
    logits = scale * np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    labels = np.array([0, 0, 1])
    mine = assert_agree(
        lambda x: F.cross_entropy(x, Tensor(labels), **options),
        lambda x: torch_F.cross_entropy(x, torch.tensor(labels), **options),
        logits,
    )
    for x in mine:
        assert np.isfinite(x).all()


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.filterwarnings("ignore")  # 0 · ∞ is computed, but not chosen
def test_leaky_relu_of_infinity(slope):
    assert F.leaky_relu(Tensor(np.array([np.inf])), slope).item() == np.inf


# Zero variance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correction", [0, 1])
@pytest.mark.filterwarnings("error")
def test_std_at_zero_variance(correction):
    """√ has an infinite slope at 0; the standard deviation of a constant gets gradient 0, as PyTorch's does."""
    x = np.array([[3.0, 3.0, 3.0], [1.0, 2.0, 4.0]])
    std = lambda f: lambda x: f(x, 1, correction=correction)  # noqa: E731
    value, first, *second = ours(std(F.std), x)
    torch_value, torch_first, *_ = theirs(std(torch.std), x)
    np.testing.assert_allclose(value, torch_value, rtol=1e-14)
    np.testing.assert_allclose(first, torch_first, rtol=1e-13)
    assert not first[0].any() and first[1].all()
    assert all(np.isfinite(d).all() for d in second)  # PyTorch's are NaN


@pytest.mark.filterwarnings("error")
def test_normalisations_of_a_constant():
    """σ = √(0 + ε): the derivatives are large, finite and PyTorch's."""
    x = np.full((2, 4, 3), 7.0)
    group_norm = lambda f: lambda x: f.group_norm(x, 2)  # noqa: E731
    batch_norm = lambda f: lambda x: f.batch_norm(x, None, None, training=True)  # noqa: E731
    for norm in (group_norm, batch_norm):
        for d in assert_agree(norm(F), norm(torch_F), x, rtol=1e-9, atol=1e-6):
            assert np.isfinite(d).all()


# Probabilities of exactly 0 and 1 ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_binary_cross_entropy_at_0_and_1():
    """Logarithms are kept above −100, slopes below 10¹², as PyTorch's; nothing is infinite, at second order neither."""
    x, target = np.array([0.0, 1.0, 0.0, 1.0, 0.3]), np.array([1.0, 0.0, 0.25, 0.25, 0.4])
    value, first, *second = ours(lambda x: F.binary_cross_entropy(x, Tensor(target), reduction="none"), x)
    torch_value, torch_first, *_ = theirs(
        lambda x: torch_F.binary_cross_entropy(x, torch.tensor(target), reduction="none"), x
    )
    np.testing.assert_allclose(value, torch_value, rtol=1e-14)
    assert value[0] == value[1] == 100
    np.testing.assert_allclose(first, torch_first, rtol=1e-8)  # PyTorch's 10¹² is in float32
    assert all(np.isfinite(d).all() for d in second)


def test_binary_cross_entropy_of_a_certain_and_right_answer():
    """Here we differ: −log(1 − x) has slope 1/(1 − x) = 1 at x = 0. PyTorch rounds (x − t)/(x(1 − x)) = 0/0 to 0."""
    x = Tensor(np.array([0.0, 1.0]), requires_grad=True)
    loss = F.binary_cross_entropy(x, Tensor(np.array([0.0, 1.0])), reduction="sum")
    assert loss.item() == 0
    np.testing.assert_array_equal(grad(loss, x)[0].data, [1, -1])


# Options of the losses, together --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_labels(weighted, ignored, smoothing, reduction):
    """An ignored label counts nowhere: not in the loss, not in its smoothing, not in the mean."""
    rng = np.random.default_rng(0)
    x, labels, weight = rng.standard_normal((3, 4, 2)), np.array([[0, 1], [ignored, 3], [1, 2]]), rng.uniform(0.5, 2, 4)
    options = {"ignore_index": ignored, "label_smoothing": smoothing, "reduction": reduction}
    assert_agree(
        lambda x: F.cross_entropy(x, Tensor(labels), Tensor(weight) if weighted else None, **options),
        lambda x: torch_F.cross_entropy(x, torch.tensor(labels), torch.tensor(weight) if weighted else None, **options),
        x,
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_probabilities(weighted, smoothing, reduction):
    """Differentiable in the probabilities too; the mean is over the samples, whatever the weights."""
    rng = np.random.default_rng(0)
    x, target, weight = rng.standard_normal((3, 4, 2)), rng.uniform(0, 1, (3, 4, 2)), rng.uniform(0.5, 2, 4)
    options = {"label_smoothing": smoothing, "reduction": reduction}
    assert_agree(
        lambda x, t: F.cross_entropy(x, t, Tensor(weight) if weighted else None, **options),
        lambda x, t: torch_F.cross_entropy(x, t, torch.tensor(weight) if weighted else None, **options),
        x,
        target,
    )


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_the_padding_row_of_an_embedding_gets_no_gradient(padding_idx):
    index, rows = np.array([[0, 2], [2, 3]]), np.random.default_rng(0).standard_normal((4, 3))
    square = lambda x: x * x  # noqa: E731
    assert_agree(
        lambda w: square(F.embedding(Tensor(index), w, padding_idx)),
        lambda w: square(torch_F.embedding(torch.tensor(index), w, padding_idx)),
        rows,
    )


# Buffers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.1, 1.0, 0.0])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics_move_as_pytorchs_do(name, momentum, dtype):
    """r ← (1 − m) r + m · statistic, with the unbiased variance; in place, and in the dtype of the buffers."""
    rng = np.random.default_rng(0)
    x = (3 * rng.standard_normal((4, 2, 3, 3)) + 1).astype(dtype)
    mean, var = np.array([0.5, -0.5], dtype), np.array([1.0, 2.0], dtype)
    torch_mean, torch_var = torch.tensor(mean), torch.tensor(var)
    mode = {"training": True} if name == "batch_norm" else {"use_input_stats": True}
    for _ in range(2):
        getattr(F, name)(Tensor(x), mean, var, momentum=momentum, **mode)
        getattr(torch_F, name)(torch.tensor(x), torch_mean, torch_var, momentum=momentum, **mode)
    assert mean.dtype == var.dtype == dtype
    np.testing.assert_allclose(mean, torch_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(var, torch_var.numpy(), rtol=1e-5)


def test_evaluation_leaves_the_running_statistics_alone():
    mean, var = np.array([0.5, -0.5]), np.array([1.0, 2.0])
    F.batch_norm(Tensor(np.ones((4, 2, 3))), mean, var)
    F.instance_norm(Tensor(np.ones((4, 2, 3))), mean, var, use_input_stats=False)
    np.testing.assert_array_equal(mean, [0.5, -0.5])
    np.testing.assert_array_equal(var, [1, 2])


# Functions without samples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"padding": (1, 2), "stride": (2, 1)}], ids=str)
def test_fold(options):
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 6))
    columns = torch_F.unfold(torch.tensor(x), (2, 3), **options).numpy()
    fold = lambda f: lambda x: f.fold(x * x, (5, 6), (2, 3), **options)  # noqa: E731
    assert_agree(fold(F), fold(torch_F), columns)


INDICES = [
    1, -1, slice(1, None), slice(0, 0), (slice(None), 2), (..., 0), (None, 1), (0, ..., None, slice(0, 2)),
    [0, 0, 1], ([0, 1, 1], [2, 2, 0]), (slice(None), [1, 1]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem(index):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    assert_agree(lambda x: (x * x)[index], lambda x: (x * x)[index], x)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_nearest_interpolation_picks_pytorchs_pixel(n, mode):
    """Of any size; a position on the border of two pixels belongs to the later one."""
    x = np.arange(float(n)).reshape(1, 1, n)
    for size in range(1, 41):
        expected = torch_F.interpolate(torch.tensor(x), size, mode=mode)
        np.testing.assert_array_equal(F.interpolate(Tensor(x), size, mode=mode).data, expected.numpy())
        expected = torch_F.interpolate(torch.tensor(x), scale_factor=float(size), mode=mode)
        np.testing.assert_array_equal(F.interpolate(Tensor(x), scale_factor=size, mode=mode).data, expected.numpy())


GRID = [
    (mode, corners, shape)
    for mode, corners, axes in [
        ("nearest", None, (1, 2, 3)),
        ("nearest-exact", None, (1, 2, 3)),
        ("linear", False, (1,)),
        ("linear", True, (1,)),
        ("bilinear", False, (2,)),
        ("bilinear", True, (2,)),
        ("trilinear", False, (3,)),
    ]
    for shape in [(2, 2, 7), (1, 3, 16), (2, 1, 5, 8), (1, 2, 17, 3), (1, 2, 3, 4, 2)]
    if len(shape) - 2 in axes
]


@pytest.mark.parametrize("mode, corners, shape", GRID)
@pytest.mark.filterwarnings("ignore:The default behavior for interpolate")
def test_interpolation_by_every_scale_is_pytorchs(mode, corners, shape):
    """Those that leave or double a length, and others that are nearly or not at all whole; the size is given, too."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    for scale in (0.3, 0.5, 0.9, 0.99, 1, 1.01, 1.1, 1.3, 1.5, 1.9, 2, 2.05, 2.1, 2.5, 3, 3.3, 1 / 3, 2 / 3):
        if min(shape[2:]) * scale < 1:
            continue
        for recompute in (None, True):
            options = {"mode": mode, "align_corners": corners, "recompute_scale_factor": recompute}
            mine = F.interpolate(Tensor(x), scale_factor=scale, **options).data
            torchs = torch_F.interpolate(torch.tensor(x), scale_factor=scale, **options).numpy()
            np.testing.assert_allclose(mine, torchs, rtol=1e-5, atol=1e-5, err_msg=f"scale {scale}, {recompute}")
        size = [int(n * scale) for n in shape[2:]]
        arguments = {"mode": mode, "align_corners": corners, "size": size}
        if mode.endswith("linear"):  # of nearest ones, PyTorch's backward takes other pixels than its forward
            assert_agree(
                lambda x: F.interpolate(x, **arguments),
                lambda x: torch_F.interpolate(x, **arguments),
                x.astype(np.float64),
                rtol=1e-9,
                atol=1e-12,
            )


def test_nearest_interpolation_by_a_whole_factor_repeats_each_pixel():
    """Whatever the rounding of a reciprocal: PyTorch's float64 does so too."""
    x = np.arange(3.0).reshape(1, 1, 3)
    for factor in range(1, 100):
        np.testing.assert_array_equal(F.interpolate(Tensor(x), scale_factor=factor).data, x.repeat(factor, 2))
        np.testing.assert_array_equal(F.interpolate(Tensor(x), 3 * factor).data, x.repeat(factor, 2))


def test_conv2d_of_a_batch_of_none():
    assert_agree(
        lambda w: F.conv2d(Tensor(np.empty((0, 2, 4, 4))), w) * 2,
        lambda w: torch_F.conv2d(torch.empty((0, 2, 4, 4), dtype=torch.float64), w) * 2,
        np.random.default_rng(0).standard_normal((3, 2, 3, 3)),
    )


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (0, 2, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
@pytest.mark.parametrize("shape", [(64, 16, 14, 14), (3000, 3, 7, 1), (2, 5, 130, 257)])
def test_a_sum_is_about_as_accurate_as_pytorchs(shape, order, axes):
    """In float32, however the array lies in memory: at most twice PyTorch's error, or a rounding of the result."""
    memory = np.random.default_rng(0).uniform(0.1, 1.1, [shape[i] for i in order]).astype(np.float32)
    x = memory.transpose(np.argsort(order))
    exact = x.astype(np.float64).sum(axes)
    mine = np.abs(F.sum(Tensor(x), axes).data / exact - 1).max()
    torchs = np.abs(torch.from_numpy(x).sum(axes).numpy() / exact - 1).max()
    assert mine <= max(2 * torchs, 3e-7)
