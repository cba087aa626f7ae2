"""Modules and layers: what they hold, how they save and load it, and how they behave in training and evaluation."""

import inspect

import numpy as np
import pytest
from seeded import rng

from scratchgan import Parameter, Tensor, grad, nn, optim
from scratchgan import functional as F
from scratchgan.backend import device_module
from scratchgan.functional.normalize import pixel_norm


def data(*shape, seed=0, dtype=np.float32):
    """Normal numbers of unequal spread along each axis: equal ones would hide an axis that is taken for another."""
    x = rng(seed).standard_normal(shape)
    for axis, n in enumerate(shape):
        x *= np.linspace(0.5, 1.5, n).reshape(-1, *(1,) * (len(shape) - 1 - axis))
    return Tensor((x + 0.1).astype(dtype))


def labels(*shape):
    return Tensor(rng().integers(0, 5, shape))


# Layers: (layer, input, shape of the output, shapes of the state) ----------------------------------------------------

IMAGE = (2, 4, 6, 6)
KERNEL = {"weight": (5, 4, 3, 3)}
AFFINE = {"weight": (4,), "bias": (4,)}
STATISTICS = {"running_mean": (4,), "running_var": (4,), "num_batches_tracked": ()}
RAW = "parametrizations.weight"
LAYERS = {
    "Linear": (lambda: nn.Linear(4, 3), data(2, 4), (2, 3), {"weight": (3, 4), "bias": (3,)}),
    "Linear of sequences": (lambda: nn.Linear(4, 3), data(2, 5, 4), (2, 5, 3), {"weight": (3, 4), "bias": (3,)}),
    "Linear without bias": (lambda: nn.Linear(4, 3, bias=False), data(2, 4), (2, 3), {"weight": (3, 4)}),
    "Conv2d": (
        lambda: nn.Conv2d(4, 5, (3, 2), stride=(2, 1), padding=1),
        data(*IMAGE),
        (2, 5, 3, 7),
        {"weight": (5, 4, 3, 2), "bias": (5,)},
    ),
    "Conv2d same": (lambda: nn.Conv2d(4, 5, 3, 1, "same", bias=False), data(*IMAGE), (2, 5, 6, 6), KERNEL),
    "Conv2d of one image": (lambda: nn.Conv2d(4, 5, 3, bias=False), data(4, 6, 6), (5, 4, 4), KERNEL),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(4, 5, (4, 3), stride=2, padding=1, output_padding=1),
        data(*IMAGE),
        (2, 5, 13, 12),
        {"weight": (4, 5, 4, 3), "bias": (5,)},
    ),
    "ConvTranspose2d without bias": (
        lambda: nn.ConvTranspose2d(4, 5, 1, bias=False),
        data(*IMAGE),
        (2, 5, 6, 6),
        {"weight": (4, 5, 1, 1)},
    ),
    "Embedding": (lambda: nn.Embedding(5, 3), labels(2, 4), (2, 4, 3), {"weight": (5, 3)}),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), data(3, 4), (3, 4), AFFINE | STATISTICS),
    "BatchNorm1d of sequences": (
        lambda: nn.BatchNorm1d(4, track_running_stats=False),
        data(3, 4, 5),
        (3, 4, 5),
        AFFINE,
    ),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), data(*IMAGE), IMAGE, AFFINE | STATISTICS),
    "BatchNorm2d without weights": (lambda: nn.BatchNorm2d(4, affine=False), data(*IMAGE), IMAGE, STATISTICS),
    "LayerNorm": (lambda: nn.LayerNorm((6, 6)), data(*IMAGE), IMAGE, {"weight": (6, 6), "bias": (6, 6)}),
    "LayerNorm of an int": (lambda: nn.LayerNorm(6, bias=False), data(*IMAGE), IMAGE, {"weight": (6,)}),
    "LayerNorm without weights": (lambda: nn.LayerNorm(6, elementwise_affine=False), data(*IMAGE), IMAGE, {}),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), data(*IMAGE), IMAGE, AFFINE),
    "GroupNorm without weights": (lambda: nn.GroupNorm(2, 4, affine=False), data(*IMAGE), IMAGE, {}),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), data(*IMAGE), IMAGE, {}),
    "InstanceNorm2d affine": (lambda: nn.InstanceNorm2d(4, affine=True), data(*IMAGE), IMAGE, AFFINE),
    "PReLU": (lambda: nn.PReLU(4), data(*IMAGE), IMAGE, {"weight": (4,)}),
    "ReLU": (nn.ReLU, data(3), (3,), {}),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.2), data(3), (3,), {}),
    "ELU": (nn.ELU, data(3), (3,), {}),
    "Softmax": (lambda: nn.Softmax(0), data(3), (3,), {}),
    "Softplus": (nn.Softplus, data(3), (3,), {}),
    "Sigmoid": (nn.Sigmoid, data(3), (3,), {}),
    "Tanh": (nn.Tanh, data(3), (3,), {}),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1), data(*IMAGE), (2, 4, 3, 3), {}),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), data(*IMAGE), (2, 4, 3, 3), {}),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d((1, 2, 3, 0)), data(*IMAGE), (2, 4, 9, 9), {}),
    "Dropout": (lambda: nn.Dropout(0.5), data(3, 4), (3, 4), {}),
    "Flatten": (nn.Flatten, data(*IMAGE), (2, 144), {}),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), data(*IMAGE), (2, 2, 2, 6, 6), {}),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), data(*IMAGE), (2, 4, 12, 12), {}),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), data(*IMAGE), (2, 1, 12, 12), {}),
    "SpectralNorm": (
        lambda: nn.SpectralNorm(nn.Conv2d(4, 5, 3)),
        data(*IMAGE),
        (2, 5, 4, 4),
        {"bias": (5,), f"{RAW}.original": (5, 4, 3, 3), f"{RAW}.0._u": (5,), f"{RAW}.0._v": (36,)},
    ),
    "MinibatchDiscrimination": (lambda: nn.MinibatchDiscrimination(4, 3, 2), data(5, 4), (5, 7), {"weight": (4, 3, 2)}),
    "Maxout": (lambda: nn.Maxout(2), data(3, 8), (3, 4), {}),
    "MinibatchStdDev": (nn.MinibatchStdDev, data(*IMAGE), (2, 5, 6, 6), {}),
    "EqualizedLinear": (lambda: nn.EqualizedLinear(4, 3), data(2, 4), (2, 3), {"weight": (3, 4), "bias": (3,)}),
    "EqualizedConv2d": (lambda: nn.EqualizedConv2d(4, 5, 3, bias=False), data(*IMAGE), (2, 5, 4, 4), KERNEL),
    "EqualizedUpConv2d": (
        lambda: nn.EqualizedUpConv2d(4, 5, 3),
        data(*IMAGE),
        (2, 5, 12, 12),
        {"weight": (4, 5, 3, 3), "bias": (5,)},
    ),
    "EqualizedDownConv2d": (lambda: nn.EqualizedDownConv2d(4, 5, 3, bias=False), data(*IMAGE), (2, 5, 3, 3), KERNEL),
    "PixelNorm": (nn.PixelNorm, data(*IMAGE), IMAGE, {}),
    "MaskedLinear": (
        lambda: nn.MaskedLinear(4, 3),
        data(2, 4),
        (2, 3),
        {"weight": (3, 4), "bias": (3,), "mask": (3, 4)},
    ),
    "MaskedConv2d": (
        lambda: nn.MaskedConv2d("A", 4, 5, 3),
        data(*IMAGE),
        (2, 5, 6, 6),
        KERNEL | {"bias": (5,), "mask": (3, 3)},
    ),
    "Blur": (nn.Blur, data(*IMAGE), IMAGE, {}),
    "Halved": (nn.Halved, data(*IMAGE), (2, 4, 3, 3), {}),
    "Doubled": (nn.Doubled, data(*IMAGE), (2, 4, 12, 12), {}),
}

OF_OTHER_ARGUMENTS = {"Module", "ModuleList", "Sequential", "AveragedWeights", "Noise", "AdaIN", "Constant"}

every_layer = pytest.mark.parametrize("make, x, shape, state", LAYERS.values(), ids=LAYERS)


def test_every_layer_is_in_the_table():
    made = {type(make()).__name__ for make, *_ in LAYERS.values()}
    assert made == {name for name in nn.__all__ if name[0].isupper()} - OF_OTHER_ARGUMENTS


@every_layer
def test_the_output_has_its_shape_and_the_dtype_of_the_input(make, x, shape, state):
    y = make()(x)
    assert y.shape == shape
    assert y.dtype == np.float32


@every_layer
def test_the_state_has_its_keys_in_order_and_its_shapes(make, x, shape, state):
    assert [(key, array.shape) for key, array in make().state_dict().items()] == list(state.items())


@every_layer
def test_weight_and_bias_are_learned(make, x, shape, state):
    """The other arrays are buffers. A norm begins as a norm alone: 1 and 0."""
    layer = make()
    learned = dict(layer.named_parameters())
    assert list(learned) == [name for name in state if name in ("weight", "bias", f"{RAW}.original")]
    if "Norm" in type(layer).__name__ and "weight" in learned:
        assert (layer.weight.data == 1).all() and (layer.bias is None or not layer.bias.data.any())


@every_layer
def test_every_parameter_gets_a_gradient(make, x, shape, state):
    layer = make()
    if parameters := layer.parameters():
        for g, p in zip(grad((layer(x) ** 2).sum(), parameters), parameters):
            assert g.shape == p.shape and g.dtype == p.dtype and np.isfinite(g.data).all()


@every_layer
def test_the_representation_names_the_layer(make, x, shape, state):
    assert repr(make()).startswith(type(make()).__name__ + "(")


# What a layer hands on to its function: (layer, function)
OPTIONS = {
    "LeakyReLU": (lambda: nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)),
    "ELU": (lambda: nn.ELU(0.3), lambda x: F.elu(x, 0.3)),
    "Softmax": (lambda: nn.Softmax(1), lambda x: F.softmax(x, 1)),
    "Softplus": (lambda: nn.Softplus(3, 0.5), lambda x: F.softplus(x, 3, 0.5)),
    "PReLU": (lambda: nn.PReLU(4, 0.5), lambda x: F.leaky_relu(x, 0.5)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, 1, True, False), lambda x: F.avg_pool2d(x, 3, 2, 1, True, False)),
    "AvgPool2d, divisor": (
        lambda: nn.AvgPool2d(2, divisor_override=5),
        lambda x: F.avg_pool2d(x, 2, divisor_override=5),
    ),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
    "MaxPool2d, indices": (
        lambda: nn.MaxPool2d(2, return_indices=True),
        lambda x: F.max_pool2d(x, 2, return_indices=True),
    ),
    "Flatten": (lambda: nn.Flatten(0, 1), lambda x: F.flatten(x, 0, 1)),
    "Unflatten": (lambda: nn.Unflatten(1, [2, -1]), lambda x: F.unflatten(x, 1, (2, -1))),
    "Upsample": (
        lambda: nn.Upsample((9, 8), mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, (9, 8), mode="bilinear", align_corners=True),
    ),
    "Upsample, recomputed": (
        lambda: nn.Upsample(scale_factor=1.3, mode="bilinear", recompute_scale_factor=True),
        lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True),
    ),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, 0.5), lambda x: F.batch_norm(x, None, None, training=True, eps=0.5)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4, 0.5), lambda x: F.instance_norm(x, eps=0.5)),
    "LayerNorm": (lambda: nn.LayerNorm(5, 0.5), lambda x: F.layer_norm(x, 5, eps=0.5)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4, 0.5), lambda x: F.group_norm(x, 2, eps=0.5)),
    "PixelNorm": (lambda: nn.PixelNorm(0.5), lambda x: pixel_norm(x, eps=0.5)),
}


@pytest.mark.parametrize("layer, function", OPTIONS.values(), ids=OPTIONS)
def test_a_layer_hands_its_options_on(layer, function):
    x = data(2, 4, 6, 5)
    for y, expected in zip(as_tuple(layer()(x)), as_tuple(function(x)), strict=True):
        np.testing.assert_array_equal(y.data, expected.data)


def as_tuple(y):
    return y if isinstance(y, tuple) else (y,)


AVERAGING = {"padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None}
DEFAULTS = {
    F.elu: {"alpha": 1.0},
    F.leaky_relu: {"negative_slope": 0.01},
    F.softplus: {"beta": 1.0, "threshold": 20.0},
    F.dropout: {"p": 0.5, "training": True},
    F.flatten: {"start_dim": 0, "end_dim": -1},
    F.conv2d: {"stride": 1, "padding": 0},
    F.conv_transpose2d: {"stride": 1, "padding": 0, "output_padding": 0},
    F.unfold: {"padding": 0, "stride": 1},
    F.fold: {"padding": 0, "stride": 1},
    F.avg_pool2d: {"stride": None} | AVERAGING,
    F.max_pool2d: {"stride": None, "padding": 0, "ceil_mode": False, "return_indices": False},
    F.batch_norm: {"training": False, "momentum": 0.1, "eps": 1e-5},
    F.instance_norm: {"use_input_stats": True, "momentum": 0.1, "eps": 1e-5},
    F.layer_norm: {"eps": 1e-5},
    F.group_norm: {"eps": 1e-5},
    nn.ELU: {"alpha": 1.0},
    nn.LeakyReLU: {"negative_slope": 0.01},
    nn.Softmax: {"dim": None},
    nn.Softplus: {"beta": 1.0, "threshold": 20.0},
    nn.PReLU: {"num_parameters": 1, "init": 0.25},
    nn.Dropout: {"p": 0.5},
    nn.Flatten: {"start_dim": 1, "end_dim": -1},
    nn.Conv2d: {"stride": 1, "padding": 0, "bias": True},
    nn.ConvTranspose2d: {"stride": 1, "padding": 0, "output_padding": 0, "bias": True},
    nn.AvgPool2d: {"stride": None} | AVERAGING,
    nn.MaxPool2d: {"stride": None, "padding": 0, "ceil_mode": False, "return_indices": False},
    nn.BatchNorm2d: {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True},
    nn.InstanceNorm2d: {"eps": 1e-5, "momentum": 0.1, "affine": False},
    nn.LayerNorm: {"eps": 1e-5, "elementwise_affine": True, "bias": True},
    nn.GroupNorm: {"eps": 1e-5, "affine": True},
    optim.SGD: {"lr": 1e-3, "momentum": 0, "weight_decay": 0},
    optim.RMSprop: {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0},
    optim.Adam: {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
}


@pytest.mark.parametrize("f", DEFAULTS, ids=lambda f: f"{f.__module__.split('.')[1]}.{f.__name__}")
def test_defaults_are_pytorchs(f):
    found = {name: option.default for name, option in inspect.signature(f).parameters.items()}
    assert {name: found[name] for name in DEFAULTS[f]} == DEFAULTS[f]


# Modules are trees ---------------------------------------------------------------------------------------------------


def network(seed=0):
    return nn.Sequential(
        nn.Linear(2, 3, rng=rng(seed)), nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()), nn.Linear(3, 1, rng=rng(seed + 1))
    )


PATHS = {
    "0.weight": (3, 2),
    "0.bias": (3,),
    "1.0.weight": (3,),
    "1.0.bias": (3,),
    "1.0.running_mean": (3,),
    "1.0.running_var": (3,),
    "1.0.num_batches_tracked": (),
    "2.weight": (1, 3),
    "2.bias": (1,),
}
LEARNED = [path for path in PATHS if path.endswith(("weight", "bias"))]


def test_paths_name_parameters_and_buffers_through_the_tree():
    module = network()
    assert {path: array.shape for path, array in module.state_dict().items()} == PATHS
    assert [path for path, _ in module.named_parameters()] == LEARNED
    assert [path for path, _ in module.named_buffers()] == [path for path in PATHS if path not in LEARNED]
    assert all(isinstance(p, Parameter) for p in module.parameters())


def test_an_attribute_is_found_by_its_type():
    class Scaled(nn.Module):
        def __init__(self):
            self.scale, self.offset, self.name = Parameter(np.ones(3)), np.zeros(3), "scaled"
            self.inner = nn.Linear(3, 2)

        def forward(self, x):
            return self.inner(x * self.scale + self.offset)

    assert list(Scaled().state_dict()) == ["scale", "offset", "inner.weight", "inner.bias"]


def test_sequential_applies_its_modules_in_order():
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    x = data(4, 2)
    np.testing.assert_array_equal(module(x).data, module[1](module[0](x)).data)


def test_sequential_is_indexed_iterated_and_measured():
    module = network()
    assert len(module) == 3 and list(module) == [module[0], module[1], module[2]]
    assert module[-1] is module[2] and module[:2] == [module[0], module[1]]
    with pytest.raises(IndexError):
        module[3]


def test_a_module_list_holds_modules_and_is_not_a_function():
    modules = nn.ModuleList([nn.Linear(2, 3)]).append(nn.Linear(3, 1))
    assert [path for path, _ in modules.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert len(modules) == 2 and modules[-1].weight.shape == (1, 3)
    with pytest.raises(TypeError, match="ModuleList"):
        modules(data(2, 2))


def test_train_and_eval_reach_every_module():
    module = network()
    assert all(m.training for m in module.modules())
    assert module.eval() is module and not any(m.training for m in module.modules())
    assert module.train() is module and all(m.training for m in module.modules())


@pytest.mark.parametrize("once", [1, (1, 1)])
def test_an_option_may_be_given_at_its_only_supported_value_once_or_for_each_axis(once):
    assert nn.Conv2d(1, 1, 3, dilation=once)(Tensor(np.zeros((1, 1, 3, 3), np.float32))).shape == (1, 1, 1, 1)
    with pytest.raises(NotImplementedError, match=r"dilation=\(1, 2\) is not supported"):
        nn.Conv2d(1, 1, 3, dilation=(1, 2))


def test_a_shared_layer_has_its_parameters_once():
    """A step, or a step of an average, would otherwise move them twice."""
    layer = nn.Linear(2, 2)
    module = nn.Sequential(layer, nn.ReLU(), layer)
    assert [path for path, _ in module.named_parameters()] == ["0.weight", "0.bias"]
    before = layer.weight.data
    module.replace(lambda _, array: array + 1)
    np.testing.assert_array_equal(layer.weight.data, before + 1)


def test_a_replaced_count_stays_an_array():
    """NumPy adds to an array without axes and gives a scalar, which the next batch could not count up in place."""
    layer = nn.BatchNorm1d(4).replace(lambda _, array: array + 1)
    assert type(layer.num_batches_tracked) is np.ndarray


# Saving and loading --------------------------------------------------------------------------------------------------


def test_a_state_loads_into_another_module_and_gives_its_outputs():
    a, b, x = network(0), network(5), data(4, 2)
    a(x)  # moves the running statistics
    assert not np.allclose(a.eval()(x).data, b.eval()(x).data)
    b.load_state_dict(a.state_dict())
    np.testing.assert_array_equal(a(x).data, b(x).data)
    assert b.state_dict()["1.0.num_batches_tracked"] == 1


def test_the_state_is_a_copy_that_later_steps_do_not_change():
    module, x = network(), data(4, 2)
    state = module.state_dict()
    before = {path: array.copy() for path, array in state.items()}
    optimizer = optim.Adam(module.parameters())
    optimizer.step(grad((module(x) ** 2).sum(), module.parameters()))  # also a batch norm update
    moved = module.state_dict()
    for path, array in before.items():
        np.testing.assert_array_equal(state[path], array, err_msg=path)
    for path in ("2.weight", "1.0.running_mean", "1.0.running_var", "1.0.num_batches_tracked"):
        assert (moved[path] != state[path]).any(), path


def test_a_loaded_state_is_copied():
    module, state = network(), network(5).state_dict()
    before = {path: array.copy() for path, array in state.items()}
    module.load_state_dict(state)
    module(data(4, 2))
    for path, array in before.items():
        np.testing.assert_array_equal(state[path], array, err_msg=path)


def test_weights_lie_in_memory_as_a_matrix_product_reads_them_also_when_loaded_or_moved():
    """(O, C, kh, kw) as (kh, kw, C, O) and (out, in) as (in, out), like their gradients: no step reorders anything."""
    for layer, shape in (
        (nn.Conv2d(3, 4, 2), (2, 3, 5, 5)),
        (nn.ConvTranspose2d(3, 4, 2), (2, 3, 5, 5)),
        (nn.Linear(3, 4), (2, 3)),
    ):
        layer.load_state_dict({path: np.ascontiguousarray(array) for path, array in layer.state_dict().items()})
        gradients = grad(layer(data(*shape)).sum(), layer.parameters())
        optim.Adam(layer.parameters()).step(gradients)
        for weight in (layer.weight.data, gradients[0].data):
            assert np.moveaxis(weight, (1, 0), (-2, -1)).flags.c_contiguous


def test_loading_keeps_the_dtype_of_the_module():
    module = network().to(np.float64)
    module.load_state_dict(network(5).state_dict())
    assert module[0].weight.dtype == np.float64 and module[1][0].running_mean.dtype == np.float64


def test_a_state_may_hold_whatever_numpy_reads():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": [[1, 2]], "bias": [3]})
    assert layer.weight.data.tolist() == [[1, 2]] and layer.bias.dtype == np.float32


def test_loading_names_everything_that_does_not_fit_and_changes_nothing():
    module = network()
    before = module.state_dict()
    state = network(5).state_dict() | {"2.weight": np.ones((1, 4)), "3.scale": np.ones(1)}
    del state["0.bias"], state["1.0.running_var"]
    with pytest.raises(ValueError) as error:
        module.load_state_dict(state)
    for part in ("missing 0.bias", "missing 1.0.running_var", "unexpected 3.scale", "2.weight", "(1, 4)", "(1, 3)"):
        assert part in str(error.value)
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[path], err_msg=path)


def test_loading_makes_a_recorded_graph_outdated():
    module, x = network(), data(4, 2)
    y = module(x).sum()
    module.load_state_dict(module.state_dict())
    with pytest.raises(RuntimeError, match="updated"):
        grad(y, module.parameters())


# Dtype and device ----------------------------------------------------------------------------------------------------


def test_to_converts_floating_state_there_and_back():
    module = network()
    before = module.state_dict()
    assert module.to(np.float64) is module
    dtypes = {array.dtype for array in module.arrays().values()}
    assert dtypes == {np.dtype(np.float64), before["1.0.num_batches_tracked"].dtype}
    assert module(data(4, 2, dtype=np.float64)).dtype == np.float64
    module.to(np.float32).load_state_dict(before)
    assert module(data(4, 2)).dtype == np.float32


def test_to_refuses_integers():
    with pytest.raises(TypeError, match="float32 or float64, it cannot be converted to .*int32"):
        network().to(np.int32)


def test_to_the_cpu_changes_nothing():
    module = network()
    arrays = module.arrays()
    assert all(array is arrays[path] for path, array in module.to("cpu").arrays().items())


def test_to_an_unknown_device_names_the_known_ones():
    with pytest.raises(ValueError, match='"cpu" or "gpu"'):
        network().to("tpu")


def no_gpu():
    try:
        return device_module("gpu") is None
    except RuntimeError:
        return True


@pytest.mark.skipif(not no_gpu(), reason="there is a GPU")
def test_to_the_gpu_without_one_says_what_is_missing():
    module = network()
    before = module.arrays()
    with pytest.raises(RuntimeError, match='device "gpu".*(pip install|finds no GPU)'):
        module.to("gpu")
    assert all(array is before[path] for path, array in module.arrays().items())


# Initial values ------------------------------------------------------------------------------------------------------

DRAWN = {
    "Linear": lambda rng: nn.Linear(4, 3, rng=rng),
    "Conv2d": lambda rng: nn.Conv2d(2, 3, 3, rng=rng),
    "ConvTranspose2d": lambda rng: nn.ConvTranspose2d(2, 3, 3, rng=rng),
    "Embedding": lambda rng: nn.Embedding(4, 3, rng=rng),
}


@pytest.mark.parametrize("make", DRAWN.values(), ids=DRAWN)
def test_initial_values_are_reproducible_with_a_generator_and_differ_without(make):
    def values(rng):
        return np.concatenate([array.ravel() for array in make(rng).state_dict().values()])

    np.testing.assert_array_equal(values(rng(3)), values(rng(3)))
    assert not (values(rng(3)) == values(rng(4))).any()
    assert not (values(None) == values(None)).any()


def test_a_layer_that_is_given_no_generator_draws_from_the_one_around():
    with nn.init.drawing_from(rng(3)):
        with nn.init.drawing_from(rng(4)):
            inner = nn.Linear(2, 3)
        within = nn.Linear(2, 3)
        own = nn.Linear(2, 3, rng=rng(5))
    for layer, seed in [(within, 3), (inner, 4), (own, 5)]:
        np.testing.assert_array_equal(layer.weight.data, nn.Linear(2, 3, rng=rng(seed)).weight.data)
    assert not (nn.Linear(2, 3).weight.data == within.weight.data).any()


def test_initial_weights_are_uniform_within_the_bound_of_their_fan():
    """±1/√fan_in, where a transposed convolution counts its output channels, as PyTorch does."""
    for layer, fan_in in (
        (nn.Linear(100, 40), 100),
        (nn.Conv2d(10, 20, (3, 2)), 10 * 6),
        (nn.ConvTranspose2d(10, 20, (3, 2)), 20 * 6),
    ):
        bound, size = fan_in**-0.5, np.abs(layer.weight.data)
        assert 0.98 * bound < size.max() <= bound and abs(size.mean() / bound - 0.5) < 0.05
        assert 0.5 * bound < np.abs(layer.bias.data).max() <= bound


def test_layers_that_share_a_generator_start_differently():
    generator = rng(3)
    assert not (nn.Linear(4, 3, rng=generator).weight == nn.Linear(4, 3, rng=generator).weight).data.any()


def test_the_row_of_the_padding_index_starts_at_zero_and_stays_there():
    layer = nn.Embedding(4, 3, padding_idx=-2, rng=rng())
    assert not layer.weight.data[2].any() and layer.weight.data[[0, 1, 3]].all()
    (g,) = grad((layer(Tensor(np.array([0, 2, 2]))) + 1).sum(), layer.weight)
    np.testing.assert_array_equal(g.data, np.array([[1.0] * 3, [0] * 3, [0] * 3, [0] * 3]))


# Batch norm ----------------------------------------------------------------------------------------------------------


def test_the_second_argument_of_a_norm_is_epsilon():
    """Not the momentum, as in Keras: many scripts write BatchNorm2d(64, 0.8) and mean that."""
    for norm in (nn.BatchNorm1d(3, 0.8), nn.BatchNorm2d(3, 0.8), nn.LayerNorm(3, 0.8), nn.InstanceNorm2d(3, 0.8)):
        assert norm.eps == 0.8
    assert nn.BatchNorm2d(3, 0.8).momentum == 0.1


def test_batch_norm_normalises_by_the_statistics_of_the_batch_in_training():
    layer, x = nn.BatchNorm2d(4), data(*IMAGE)
    a = x.data
    mean, var = a.mean((0, 2, 3), keepdims=True), a.var((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(layer(x).data, (a - mean) / np.sqrt(var + 1e-5), rtol=1e-5, atol=1e-6)


def test_the_running_statistics_move_by_the_momentum_towards_mean_and_unbiased_variance():
    layer, batches = nn.BatchNorm2d(4, momentum=0.3), [data(*IMAGE, seed=seed).data * 2 + 1 for seed in range(3)]
    mean, var = np.zeros(4), np.ones(4)
    for a in batches:
        layer(Tensor(a))
        mean = 0.7 * mean + 0.3 * a.mean((0, 2, 3))
        var = 0.7 * var + 0.3 * a.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, var, rtol=1e-5)
    assert layer.num_batches_tracked == 3 and layer.running_mean.dtype == np.float32


def test_momentum_none_keeps_a_plain_average():
    layer, batches = nn.BatchNorm1d(4, momentum=None), [data(5, 4, seed=seed).data for seed in range(3)]
    for a in batches:
        layer(Tensor(a))
    np.testing.assert_allclose(layer.running_mean, np.mean([a.mean(0) for a in batches], axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer.running_var, np.mean([a.var(0, ddof=1) for a in batches], axis=0), rtol=1e-5)


def test_evaluation_is_the_affine_map_of_the_running_statistics_and_does_not_see_the_batch():
    layer = nn.BatchNorm1d(4)
    layer(data(8, 4) * 3 + 2)
    state = layer.eval().state_dict()
    x = data(5, 4, seed=1)
    expected = (x.data - state["running_mean"]) / np.sqrt(state["running_var"] + 1e-5)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5)
    np.testing.assert_allclose(layer(x[:1]).data, layer(x).data[:1], rtol=1e-6)
    for path, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, state[path], err_msg=path)


def test_weight_and_bias_scale_and_shift_each_channel():
    layer, x = nn.BatchNorm2d(4), data(*IMAGE)
    plain = layer(x).data
    scale, shift = rng(1).standard_normal((2, 4)).astype(np.float32)
    layer.load_state_dict(layer.state_dict() | {"weight": scale, "bias": shift})
    np.testing.assert_allclose(layer(x).data, plain * scale[:, None, None] + shift[:, None, None], rtol=1e-5, atol=1e-5)


def test_without_running_statistics_evaluation_also_uses_the_batch():
    layer, x = nn.BatchNorm1d(4, track_running_stats=False), data(5, 4)
    trained = layer(x).data
    np.testing.assert_array_equal(layer.eval()(x).data, trained)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 4), (4,)])
def test_batch_norm_names_the_shape_that_it_cannot_take(shape):
    with pytest.raises(ValueError, match=r"BatchNorm1d\(4\)"):
        nn.BatchNorm1d(4)(data(*shape))


WRONG_SHAPES = {  # the layer: shapes of which each has another rank, or channels on another axis
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), [(4,), (4, 3), (2, 4, 3, 3)]),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), [(4, 3, 3), (2, 4), (2, 3, 4, 4)]),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), [(4, 3), (2, 4, 4), (2, 3, 4, 4), (2, 2, 4, 3, 3)]),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4, affine=False), [(4,), (4, 2), (2, 8, 3, 3)]),
    "LayerNorm": (lambda: nn.LayerNorm((3, 4)), [(4,), (4, 3), (2, 4, 3)]),
    "Linear": (lambda: nn.Linear(4, 2), [(), (3,), (4, 3)]),
    "Conv2d": (lambda: nn.Conv2d(4, 2, 3), [(4,), (4, 3), (3, 4, 4), (2, 2, 4, 4, 4)]),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 2, 3), [(4,), (4, 3), (3, 4, 4), (2, 2, 4, 4, 4)]),
    "PReLU": (lambda: nn.PReLU(4), [(4,), (4, 3)]),
    "Maxout": (lambda: nn.Maxout(2), [(4,), (2, 3), (2, 4, 3)]),
    "MinibatchStdDev": (nn.MinibatchStdDev, [(4, 3), (4, 3, 3)]),
    "MinibatchDiscrimination": (lambda: nn.MinibatchDiscrimination(4, 2, 2), [(4,), (4, 3), (2, 4, 3)]),
    "MaskedLinear": (lambda: nn.MaskedLinear(4, 2), [(), (3,), (4, 3)]),
    "MaskedConv2d": (lambda: nn.MaskedConv2d("B", 4, 2, 3), [(4,), (4, 3), (3, 4, 4), (2, 2, 4, 4, 4)]),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_another_rank_or_number_of_channels_is_refused_with_its_shape(name):
    make, shapes = WRONG_SHAPES[name]
    for shape in shapes:
        with pytest.raises(ValueError) as error:
            make()(data(*shape))
        assert str(shape) in str(error.value), error.value


def test_instance_norm_treats_one_image_as_it_would_in_a_batch():
    layer, x = nn.InstanceNorm2d(4), data(2, 4, 5, 6)
    np.testing.assert_array_equal(layer(x[1]).data, layer(x).data[1])


# For each option the layer, its input, and two values that do not do the same.
OBEYED = {
    "Conv2d, stride": (lambda v: nn.Conv2d(4, 5, 3, stride=v, rng=rng()), data(*IMAGE), (1, 2)),
    "Conv2d, padding": (lambda v: nn.Conv2d(4, 5, 3, padding=v, rng=rng()), data(*IMAGE), (0, "same")),
    "Conv2d, bias": (lambda v: nn.Conv2d(4, 5, 3, bias=v, rng=rng()), data(*IMAGE), (False, True)),
    "ConvTranspose2d, stride": (lambda v: nn.ConvTranspose2d(4, 5, 3, v, rng=rng()), data(*IMAGE), (1, 2)),
    "ConvTranspose2d, padding": (lambda v: nn.ConvTranspose2d(4, 5, 3, 2, v, rng=rng()), data(*IMAGE), (0, 1)),
    "ConvTranspose2d, output": (lambda v: nn.ConvTranspose2d(4, 5, 3, 2, 0, v, rng=rng()), data(*IMAGE), (0, 1)),
    "ConvTranspose2d, bias": (lambda v: nn.ConvTranspose2d(4, 5, 3, bias=v, rng=rng()), data(*IMAGE), (False, True)),
    "Linear, bias": (lambda v: nn.Linear(4, 3, v, rng=rng()), data(2, 4), (False, True)),
    "MaskedLinear, bias": (lambda v: nn.MaskedLinear(4, 3, v, rng=rng()), data(2, 4), (False, True)),
    "MaskedConv2d, mask": (lambda v: nn.MaskedConv2d(v, 4, 3, 3, rng=rng()), data(*IMAGE), ("A", "B")),
    "MaskedConv2d, bias": (lambda v: nn.MaskedConv2d("A", 4, 3, 3, v, rng=rng()), data(*IMAGE), (False, True)),
    "BatchNorm2d, eps": (lambda v: nn.BatchNorm2d(4, v), data(*IMAGE), (1e-5, 0.1)),
    "BatchNorm2d, momentum": (lambda v: moved_by(nn.BatchNorm2d(4, momentum=v)), data(*IMAGE), (0.1, 0.5)),
    "BatchNorm2d, statistics": (
        lambda v: moved_by(nn.BatchNorm2d(4, track_running_stats=v)), data(*IMAGE), (False, True)
    ),
    "GroupNorm, groups": (lambda v: nn.GroupNorm(v, 4), data(*IMAGE), (1, 2)),
    "GroupNorm, eps": (lambda v: nn.GroupNorm(2, 4, v), data(*IMAGE), (1e-5, 0.1)),
    "LayerNorm, shape": (lambda v: nn.LayerNorm(v), data(*IMAGE), (6, (6, 6))),
    "LayerNorm, eps": (lambda v: nn.LayerNorm(6, v), data(*IMAGE), (1e-5, 0.1)),
    "InstanceNorm2d, eps": (lambda v: nn.InstanceNorm2d(4, v), data(*IMAGE), (1e-5, 0.1)),
    "PReLU, init": (lambda v: nn.PReLU(4, v), data(*IMAGE), (0.25, 0.5)),
    "LeakyReLU": (nn.LeakyReLU, data(9), (0.01, 0.2)),
    "Dropout": (lambda v: nn.Dropout(v, rng=rng()), data(99), (0.2, 0.5)),
    "Maxout": (nn.Maxout, data(2, 12), (2, 3)),
    "MinibatchStdDev, size": (nn.MinibatchStdDev, data(4, 2, 3, 3), (2, 4)),
    "MinibatchStdDev, channels": (lambda v: nn.MinibatchStdDev(4, v), data(4, 2, 3, 3), (1, 2)),
    "PixelShuffle": (nn.PixelShuffle, data(*IMAGE), (1, 2)),
    "ReflectionPad2d": (nn.ReflectionPad2d, data(*IMAGE), (1, (1, 1, 1, 2))),
    "Embedding, padding": (lambda v: nn.Embedding(5, 3, v, rng=rng()), labels(9), (None, 2)),
    "SpectralNorm, turns": (lambda v: turning(v), data(2, 4), (1, 9)),
}  # fmt: skip


def moved_by(layer):
    """The layer in evaluation after a batch."""
    layer(3 * data(*IMAGE, seed=1) + 2)
    return layer.eval()


def turning(turns):
    """Under spectral normalisation, after its weight has changed."""
    layer = nn.SpectralNorm(nn.Linear(4, 3, rng=rng()), turns, rng=rng())
    layer.layer.weight.data = rng(5).standard_normal((3, 4)).astype(np.float32)
    return layer


@pytest.mark.parametrize("make, x, values", OBEYED.values(), ids=OBEYED)
def test_another_value_of_an_option_makes_another_layer(make, x, values):
    one, other, again = (make(value)(x).data for value in (*values, values[0]))
    np.testing.assert_array_equal(one, again)
    assert one.shape != other.shape or np.abs(one - other).max() > 1e-3


def test_a_single_value_per_channel_cannot_be_normalised_in_training():
    layer = nn.BatchNorm1d(4)
    with pytest.raises(ValueError, match="at least 2"):
        layer(data(1, 4))
    assert layer.eval()(data(1, 4)).shape == (1, 4)


# Dropout -------------------------------------------------------------------------------------------------------------


def test_dropout_zeroes_a_share_and_scales_the_rest():
    x = Tensor(np.ones((200, 200), np.float32))
    y = nn.Dropout(0.25, rng=rng())(x).data
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75])
    assert abs((y == 0).mean() - 0.25) < 0.01
    assert abs(y.mean() - 1) < 0.01


def test_dropout_is_the_identity_in_evaluation():
    x = data(3, 4)
    assert nn.Dropout(0.5).eval()(x) is x


def test_each_pass_drops_others_and_the_generator_repeats_them():
    x = Tensor(np.ones(100, np.float32))
    layer, again = nn.Dropout(0.5, rng=rng(1)), nn.Dropout(0.5, rng=rng(1))
    first, second = layer(x).data, layer(x).data
    assert (first != second).any()
    np.testing.assert_array_equal(again(x).data, first)


def test_the_gradient_of_dropout_passes_where_the_value_did():
    x = Tensor(np.ones(100, np.float32), requires_grad=True)
    y = nn.Dropout(0.5, rng=rng(1))(x)
    np.testing.assert_array_equal(grad(y.sum(), x)[0].data, y.data)
