"""Layers and optimisers against PyTorch's: the same state, initialisation, outputs, gradients and steps."""

import math

import numpy as np
import pytest

from scratchgan import Parameter, Tensor, grad, nn, optim
from scratchgan.data.mnist import embedded_digits

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is needed only to compare with")
torch.set_num_threads(1)  # for arrays this small, threads only wait for each other


def array(*shape, seed=0):
    """Normal numbers whose spread differs along the last axis."""
    spread = np.linspace(0.5, 1.5, shape[-1]) if shape else 1
    return np.random.default_rng(seed).standard_normal(shape) * spread


# Layers --------------------------------------------------------------------------------------------------------------

IMAGE = (3, 4, 6, 6)
INTEGERS = np.array([[0, 2, 4], [2, 2, 1]])

# The same arguments make both layers.
LAYERS = {
    "Linear": ("Linear", (4, 3), {}, array(2, 5, 4)),
    "Linear without bias": ("Linear", (4, 3, False), {}, array(2, 4)),
    "Conv2d": ("Conv2d", (4, 5, (3, 2), (2, 1), 1), {}, array(*IMAGE)),
    "Conv2d same": ("Conv2d", (4, 5, 4), {"padding": "same", "bias": False}, array(*IMAGE)),
    "ConvTranspose2d": ("ConvTranspose2d", (4, 5, 4), {"stride": 2, "padding": 1}, array(*IMAGE)),
    "ConvTranspose2d with output padding": ("ConvTranspose2d", (4, 5, (3, 4), (2, 3), 1, (1, 2)), {}, array(*IMAGE)),
    "Embedding": ("Embedding", (5, 3), {}, INTEGERS),
    "Embedding with padding": ("Embedding", (5, 3), {"padding_idx": 2}, INTEGERS),
    "BatchNorm1d": ("BatchNorm1d", (4,), {}, array(6, 4)),
    "BatchNorm1d of sequences": ("BatchNorm1d", (4, 1e-3, None), {}, array(6, 4, 3)),
    "BatchNorm2d": ("BatchNorm2d", (4,), {"momentum": 0.3}, array(*IMAGE)),
    "BatchNorm2d without statistics": ("BatchNorm2d", (4,), {"track_running_stats": False}, array(*IMAGE)),
    "LayerNorm": ("LayerNorm", ((6, 6),), {}, array(*IMAGE)),
    "LayerNorm without bias": ("LayerNorm", (6,), {"bias": False, "eps": 1e-2}, array(*IMAGE)),
    "GroupNorm": ("GroupNorm", (2, 4), {}, array(*IMAGE)),
    "InstanceNorm2d": ("InstanceNorm2d", (4,), {"affine": True}, array(*IMAGE)),
    "PReLU": ("PReLU", (4,), {}, array(*IMAGE)),
    "LeakyReLU": ("LeakyReLU", (0.2,), {}, array(3, 4)),
    "ELU": ("ELU", (0.7,), {}, array(3, 4)),
    "Softmax": ("Softmax", (1,), {}, array(3, 4)),
    "Softplus": ("Softplus", (2.0, 1.0), {}, array(3, 4)),
    "AvgPool2d": ("AvgPool2d", (3, 2, 1), {"ceil_mode": True, "count_include_pad": False}, array(*IMAGE)),
    "MaxPool2d": ("MaxPool2d", (3, 2, 1), {}, array(*IMAGE)),
    "ReflectionPad2d": ("ReflectionPad2d", ((1, 2, 3, 0),), {}, array(*IMAGE)),
    "ReflectionPad2d, one number": ("ReflectionPad2d", (2,), {}, array(*IMAGE)),
    "Flatten": ("Flatten", (), {}, array(*IMAGE)),
    "Unflatten": ("Unflatten", (1, (2, 2)), {}, array(*IMAGE)),
    "Upsample": ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}, array(*IMAGE)),
    "PixelShuffle": ("PixelShuffle", (2,), {}, array(*IMAGE)),
}

every_layer = pytest.mark.parametrize("name, arguments, options, x", LAYERS.values(), ids=LAYERS)


def pair(name, arguments, options):
    """The layer of each library, in float64, each with random parameters of its own."""
    ours = getattr(nn, name)(*arguments, **options).to(np.float64)
    ours.load_state_dict(shaken(ours.state_dict()))
    return ours, getattr(torch.nn, name)(*arguments, **options).double()


def shaken(state):
    """The state with its floating entries moved, so that no scale is 1 and no shift 0; a running variance stays > 0."""
    floating = {k: v for k, v in state.items() if v.dtype.kind == "f"}
    return state | {k: v + 0.3 * np.abs(array(*v.shape, seed=i)) for i, (k, v) in enumerate(floating.items())}


def to_torch(state):
    return {key: torch.from_numpy(np.array(value)) for key, value in state.items()}


def run_ours(layer, x, g):
    """The output of a layer, and the gradients in its input (if floating) and its parameters."""
    x = Tensor(x, requires_grad=x.dtype.kind == "f")
    y = layer(x)
    inputs = [x] * x.requires_grad + layer.parameters()
    return [y.data] + [d.data for d in grad(y, inputs, Tensor(g))]


def run_torch(layer, x, g):
    x = torch.from_numpy(x).requires_grad_(x.dtype.kind == "f")
    y = layer(x)
    inputs = [x] * x.requires_grad + list(layer.parameters())
    return [y.detach().numpy()] + [d.numpy() for d in torch.autograd.grad(y, inputs, torch.from_numpy(g))]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


@every_layer
def test_the_state_has_the_same_keys_in_the_same_order_with_the_same_shapes(name, arguments, options, x):
    ours, theirs = (
        [(key, tuple(value.shape)) for key, value in layer.state_dict().items()]
        for layer in pair(name, arguments, options)
    )
    assert ours == theirs


@every_layer
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("direction", ["from PyTorch", "to PyTorch"])
def test_weights_travel_and_give_equal_outputs_and_gradients(name, arguments, options, x, direction):
    ours, theirs = pair(name, arguments, options)
    if direction == "from PyTorch":
        ours.load_state_dict(theirs.state_dict())
    else:
        theirs.load_state_dict(to_torch(ours.state_dict()))
    for training in (True, False):
        ours.train(training), theirs.train(training)
        g = array(*ours(Tensor(x)).shape, seed=9)
        theirs(torch.from_numpy(x))  # once each, as running statistics move
        assert_same(run_ours(ours, x, g), run_torch(theirs, x, g))


RANKED = {
    "Linear": (4, 3), "Conv2d": (4, 5, 3), "ConvTranspose2d": (4, 5, 3), "BatchNorm1d": (4,), "BatchNorm2d": (4,),
    "LayerNorm": ((4, 4),), "GroupNorm": (2, 4), "InstanceNorm2d": (4, 1e-5, 0.1, True), "PReLU": (4,), "ReLU": (),
    "AvgPool2d": (2,), "MaxPool2d": (2,), "Dropout": (0.5,), "Flatten": (0, 1), "Unflatten": (1, (2, 2)),
    "Upsample": (None, 2), "PixelShuffle": (2,),
}  # fmt: skip
SHAPES = [
    (4,), (3,), (2, 4), (4, 3), (2, 4, 4), (4, 4, 4), (3, 4, 4), (2, 3, 4), (2, 4, 6, 6), (2, 3, 6, 6), (2, 8, 4, 4),
    (1, 4, 2, 2), (2, 4, 1, 1), (2, 4, 4, 4, 4),
]  # fmt: skip


def shape_or_error(layer, x):
    try:
        return tuple(layer(x).shape)
    except (ValueError, RuntimeError, IndexError):
        return "refused"


@pytest.mark.filterwarnings("ignore:input's size at dim")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", RANKED)
def test_what_is_one_image_a_batch_or_no_input_at_all(name, shape):
    """One image without a batch is treated as PyTorch does, and what it refuses is refused."""
    ours, theirs = getattr(nn, name)(*RANKED[name]), getattr(torch.nn, name)(*RANKED[name])
    x = array(*shape).astype(np.float32)
    assert shape_or_error(ours, Tensor(x)) == shape_or_error(theirs, torch.from_numpy(x))


@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_of_one_image(affine):
    ours, theirs = pair("InstanceNorm2d", (4,), {"affine": affine})
    ours.load_state_dict(theirs.state_dict())
    assert_same(run_ours(ours, array(4, 6, 6), array(4, 6, 6)), run_torch(theirs, array(4, 6, 6), array(4, 6, 6)))


def test_the_weights_of_a_whole_network_travel():
    def network(nn, **options):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1, **options),
            nn.Sequential(nn.BatchNorm2d(4), nn.LeakyReLU(0.2)),
            nn.Flatten(),
            nn.Linear(64, 2, **options),
        )

    ours, theirs = network(nn).to(np.float64), network(torch.nn).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert_same(run_ours(ours, array(3, 1, 8, 8), array(3, 2)), run_torch(theirs, array(3, 1, 8, 8), array(3, 2)))


def test_the_gradients_on_real_digits_are_pytorchs():
    """Most of a digit is black, where ReLU's derivative is 0 only if a convolution of zeros is exactly 0 in float32."""

    def network(nn):
        layers = [[nn.Conv2d(c, 32, 3, padding=1), nn.ReLU()] for c in (1, 32, 32)]
        return nn.Sequential(*sum(layers, []), nn.Flatten(), nn.Linear(32 * 28 * 28, 10))

    ours, theirs = network(nn), network(torch.nn)
    state = {k: np.zeros_like(v) if k.endswith("bias") else v for k, v in ours.state_dict().items()}
    ours.load_state_dict(state), theirs.load_state_dict(to_torch(state))
    x, g = (embedded_digits().images[:16] / 255).astype(np.float32), array(16, 10).astype(np.float32)
    for a, b in zip(run_ours(ours, x, g), run_torch(theirs, x, g), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max())


@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_running_statistics_after_several_batches(momentum):
    ours, theirs = pair("BatchNorm2d", (4,), {"momentum": momentum})
    ours.load_state_dict(theirs.state_dict())
    for seed in range(4):
        x = 2 * array(*IMAGE, seed=seed) + 1
        ours(Tensor(x)), theirs(torch.from_numpy(x))
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-12, err_msg=key)


# Initialisation ------------------------------------------------------------------------------------------------------

UNIFORM = {
    "Linear": ("Linear", (400, 300), 400),
    "Conv2d": ("Conv2d", (40, 30, (3, 5)), 40 * 15),
    "ConvTranspose2d": ("ConvTranspose2d", (40, 30, (3, 5)), 30 * 15),  # the fan of PyTorch's: the weight's second axis
}


@pytest.mark.parametrize("name, arguments, fan_in", UNIFORM.values(), ids=UNIFORM)
@pytest.mark.parametrize("library", ["ours", "PyTorch"])
def test_weights_and_biases_start_uniform_up_to_one_over_the_root_of_fan_in(name, arguments, fan_in, library):
    """Of a uniform sample of n, extremes lie within about 1/n of the bounds, and the fourth moment is bound⁴ / 5."""
    torch.manual_seed(0)
    layer = {
        "ours": lambda: getattr(nn, name)(*arguments, rng=np.random.default_rng(0)),
        "PyTorch": lambda: getattr(torch.nn, name)(*arguments),
    }[library]()
    state, bound = {k: np.asarray(v) for k, v in layer.state_dict().items()}, 1 / math.sqrt(fan_in)
    for values, slack in ((state["weight"] / bound, 1e-3), (state["bias"] / bound, 0.25)):
        assert 1 - slack < values.max() <= 1 + 1e-6 and -1 - 1e-6 <= values.min() < slack - 1
    w = state["weight"] / bound
    np.testing.assert_allclose([w.mean(), (w**2).mean(), (w**4).mean()], [0, 1 / 3, 1 / 5], atol=0.01)


def test_embeddings_start_standard_normal():
    torch.manual_seed(0)
    ours, theirs = nn.Embedding(400, 100, rng=np.random.default_rng(0)), torch.nn.Embedding(400, 100)
    for w in (ours.weight.data, theirs.weight.detach().numpy()):
        np.testing.assert_allclose([w.mean(), (w**2).mean(), (w**4).mean()], [0, 1, 3], atol=0.1)


@pytest.mark.parametrize(
    "name, arguments", [("BatchNorm2d", (4,)), ("GroupNorm", (2, 4)), ("LayerNorm", (4,)), ("PReLU", (4,))]
)
def test_norms_and_prelu_start_with_the_same_numbers(name, arguments):
    ours, theirs = getattr(nn, name)(*arguments).state_dict(), getattr(torch.nn, name)(*arguments).state_dict()
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value.numpy(), err_msg=key)


# Optimisers ----------------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD with momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "SGD with weight decay": ("SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}),
    "RMSprop": ("RMSprop", {}),
    "RMSprop with momentum": ("RMSprop", {"lr": 0.1, "alpha": 0.8, "eps": 1e-3, "momentum": 0.9}),
    "RMSprop with weight decay": ("RMSprop", {"lr": 0.1, "weight_decay": 0.1}),
    "Adam": ("Adam", {}),
    "Adam as in WGAN-GP": ("Adam", {"lr": 1e-2, "betas": (0.0, 0.9)}),
    "Adam with weight decay": ("Adam", {"lr": 0.1, "betas": (0.5, 0.99), "eps": 1e-3, "weight_decay": 0.1}),
}


@pytest.mark.parametrize("name, options", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_twenty_steps_on_random_gradients(name, options):
    shapes = [(3, 4), (5,), ()]
    ours = [Parameter(np.asarray(array(*shape, seed=i))) for i, shape in enumerate(shapes)]
    theirs = [torch.tensor(p.data, requires_grad=True) for p in ours]
    optimizer, reference = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(20):
        gradients = [np.asarray(array(*shape, seed=100 * step + i)) for i, shape in enumerate(shapes)]
        optimizer.step([Tensor(g) for g in gradients])
        for p, g in zip(theirs, gradients):
            p.grad = torch.tensor(g)
        reference.step()
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam"])
def test_the_default_options_are_pytorchs(name):
    ours, theirs = getattr(optim, name)([Parameter(np.ones(1))]), getattr(torch.optim, name)([torch.ones(1)])
    for option, value in theirs.defaults.items():
        if hasattr(ours, option):
            assert getattr(ours, option) == value, option
