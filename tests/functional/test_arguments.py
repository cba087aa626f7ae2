"""What functions take: PyTorch's positions, Tensors where Tensors are due, and numbers of a kind that they can hold."""

import inspect
import re

import numpy as np
import pytest
from positions import read

from scratchgan import Parameter, Tensor, grad, losses, no_grad
from scratchgan import functional as F
from scratchgan.functional import methods

POSITIONS = read()
A = np.random.default_rng(0).standard_normal((3, 4))


def positional(function):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]


# Positions -----------------------------------------------------------------------------------------------------------


def test_the_table_has_every_function():
    assert POSITIONS.keys() == set(F.__all__) - {"getitem"} | {"grad"}


@pytest.mark.parametrize("name", sorted(POSITIONS))
def test_what_is_given_by_position_is_what_pytorch_takes_it_for(name):
    """Or it is refused: the positions of a function are the first of PyTorch's."""
    ours = positional(grad if name == "grad" else getattr(F, name))
    assert ours == POSITIONS[name][: len(ours)]


@pytest.mark.parametrize("name", sorted(name for name in POSITIONS if hasattr(Tensor, name) and name != "grad"))
def test_so_it_is_with_the_methods_of_a_tensor(name):
    ours, expected = positional(getattr(Tensor, name))[1:], POSITIONS[name][1:]
    assert ours == expected[: len(ours)]


def test_deviations_without_and_with_bessels_correction():
    x = Tensor(A)
    for name in ("std", "var"):
        method, of_array = getattr(x, name), getattr(A, name)
        for args, ddof, axis, kept in [
            ((0, False), 0, 0, False),
            ((0, True), 1, 0, False),
            ((1, False, True), 0, 1, True),
            ((False,), 0, None, False),
            ((), 1, None, False),
        ]:
            np.testing.assert_allclose(method(*args).data, of_array(axis, ddof=ddof, keepdims=kept), rtol=1e-12)
        np.testing.assert_allclose(method(axis=0, correction=2, keepdims=True).data, of_array(0, ddof=2, keepdims=True))


@pytest.mark.parametrize(
    "call, flag",
    [
        (lambda x: x.sum(0, 1), "keepdim"),
        (lambda x: x.mean(0, np.float32), "keepdim"),
        (lambda x: x.amax(0, "yes"), "keepdim"),
        (lambda x: x.std(0, 0), "unbiased"),
        (lambda x: x.var(0, False, 1), "keepdim"),
    ],
)
def test_a_flag_is_true_or_false_and_nothing_of_numpys_second_position(call, flag):
    with pytest.raises(TypeError, match=f"{flag} must be True or False, not "):
        call(Tensor(A))


DIMS = {
    "sum": lambda x, d: x.sum(d),
    "softmax": lambda x, d: x.softmax(d),
    "cat": lambda x, d: F.cat([x, x], d),
    "flatten": lambda x, d: x.flatten(d),
    "squeeze": lambda x, d: x.squeeze(d),
    "unsqueeze": lambda x, d: x.unsqueeze(d),
    "stack": lambda x, d: F.stack([x, x], d),
    "gather": lambda x, d: x.gather(d, [[0]]),
    "permute": lambda x, d: x.permute(d, 0),
}


@pytest.mark.parametrize("name", DIMS)
@pytest.mark.parametrize("dim", [True, False, 1.0, "1"])
def test_a_flag_is_no_dim(name, dim):
    """Such as the True in ``x.sum(True)``, which was meant for keepdim."""
    with pytest.raises(TypeError, match=f"dim={dim!r} must be an int|must be an int, or several"):
        DIMS[name](Tensor(A), dim)


def test_a_number_without_axes_has_the_axes_0_and_minus_1():
    x = Tensor(np.array(2.0))
    for y in (x.flatten(), x.flatten(-1, 0), x.unsqueeze(0), x.unsqueeze(-1)):
        assert y.shape == (1,)
    for call in (lambda: x.flatten(1), lambda: x.flatten(0, 1), lambda: x.unsqueeze(1), lambda: x.sum(1)):
        with pytest.raises(ValueError, match=r"dim=1 is out of range for shape \(\)"):
            call()


def test_a_new_axis_is_counted_among_those_that_will_be():
    x = Tensor(np.ones((2, 3)))
    assert [x.unsqueeze(dim).shape for dim in (0, 2, -1, -3)] == [(1, 2, 3), (2, 3, 1), (2, 3, 1), (1, 2, 3)]
    for dim in (3, -4):
        with pytest.raises(ValueError, match=f"dim={dim} is out of range"):
            x.unsqueeze(dim)


def test_grad_takes_what_pytorchs_takes_in_its_order():
    x, unused = Tensor(A, requires_grad=True), Tensor(A, requires_grad=True)
    (first,) = grad((x * x).sum(), x, None, True)
    assert not first.requires_grad
    (first,) = grad((x * x).sum(), x, None, None, True)
    assert first.requires_grad
    for zeros in (grad(x.sum(), unused, None, None, False, True, True), grad(x.sum(), unused, materialize_grads=True)):
        assert not zeros[0].data.any()
    with pytest.raises(NotImplementedError, match="only_inputs=False"):
        grad(x.sum(), x, None, None, False, False)
    with pytest.raises(NotImplementedError, match="is_grads_batched=True"):
        grad(x.sum(), x, is_grads_batched=True)


# Where a Tensor is due -----------------------------------------------------------------------------------------------

T = Tensor(np.ones((2, 1, 4, 4)))
V = Tensor(np.ones(4))
# How each function is called with x in the first place.
CALLS = {
    "add": lambda x: F.add(x, x),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "binary_cross_entropy": lambda x: F.binary_cross_entropy(x, x),
    "binary_cross_entropy_with_logits": lambda x: F.binary_cross_entropy_with_logits(x, x),
    "broadcast_to": lambda x: F.broadcast_to(x, (4,)),
    "cat": lambda x: F.cat(x),
    "clamp": lambda x: F.clamp(x, 0, 1),
    "conv2d": lambda x: F.conv2d(x, T),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, T),
    "cross_entropy": lambda x: F.cross_entropy(x, x),
    "div": lambda x: F.div(x, x),
    "embedding": lambda x: F.embedding(x, T),
    "expand": lambda x: F.expand(x, 4),
    "fold": lambda x: F.fold(x, 2, 1),
    "gather": lambda x: F.gather(x, 0, [0]),
    "getitem": lambda x: F.getitem(x, 0),
    "group_norm": lambda x: F.group_norm(x, 1),
    "index_select": lambda x: F.index_select(x, 0, [0]),
    "l1_loss": lambda x: F.l1_loss(x, x),
    "layer_norm": lambda x: F.layer_norm(x, 4),
    "linear": lambda x: F.linear(x, V.reshape(1, 4)),
    "logsumexp": lambda x: F.logsumexp(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "matmul": lambda x: F.matmul(x, x),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "maximum": lambda x: F.maximum(x, x),
    "minimum": lambda x: F.minimum(x, x),
    "mse_loss": lambda x: F.mse_loss(x, x),
    "mul": lambda x: F.mul(x, x),
    "pad": lambda x: F.pad(x, (1, 1)),
    "permute": lambda x: F.permute(x, 0),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 1),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 1),
    "pow": lambda x: F.pow(x, x),
    "prelu": lambda x: F.prelu(x, V),
    "reshape": lambda x: F.reshape(x, 4),
    "softmax": lambda x: F.softmax(x, 0),
    "stack": lambda x: F.stack(x),
    "sub": lambda x: F.sub(x, x),
    "transpose": lambda x: F.transpose(x, 0, 0),
    "unflatten": lambda x: F.unflatten(x, 0, (2, 2)),
    "unfold": lambda x: F.unfold(x, 1),
    "unsqueeze": lambda x: F.unsqueeze(x, 0),
    "where": lambda x: F.where(V.data > 0, x, x),
}
FOREIGN = {"array": np.ones(4), "list": [1.0, 2.0], "number": 1.5, "None": None, "text": "a"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(F.__all__))
@pytest.mark.parametrize("given", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_tensor_is_refused_by_its_name_or_taken_as_the_constant_that_it_is(name, given):
    call = CALLS.get(name, getattr(F, name))
    try:
        assert isinstance(call(given), Tensor)
    except TypeError as error:
        due = rf"must be a (Tensor|sequence of Tensors).*, not {type(given).__name__}|tensors\[0\] must be a Tensor"
        assert re.search(f"{due}|indices must be integers|real numbers, not dtype", str(error))
    except ValueError as error:  # a number has no axes to multiply
        assert name == "matmul" and "inner sizes" in str(error)


def test_the_parameter_is_named():
    x = Tensor(A)
    for call, words in [
        (lambda: F.neg(A), "neg: input must be a Tensor, not ndarray"),
        (lambda: F.linear(x, [[1.0]]), "linear: weight must be a Tensor, not list"),
        (lambda: F.conv2d(T, T[:1], 1.0), "conv2d: bias must be a Tensor, not float"),
        (lambda: F.binary_cross_entropy_with_logits(x, x, pos_weight=[2.0]), "pos_weight must be a Tensor, not list"),
        (lambda: F.cat([x, None]), r"tensors\[1\] must be a Tensor, not NoneType"),
        (lambda: F.mse_loss(x, A), "mse_loss: target must be a Tensor, not ndarray"),
        (lambda: F.prelu(x, 0.25), "prelu: weight must be a Tensor, not float"),
        (lambda: F.cat(x), "tensors must be a sequence of Tensors, not Tensor"),
        (lambda: F.stack(A), "tensors must be a sequence of Tensors, not ndarray"),
        (lambda: F.add(1.0, 2.0), "must be a Tensor, not float"),
        (lambda: grad(x.sum(), 1.0), "inputs must be a Tensor, or several, not float"),
        (lambda: grad(None, x), "outputs must be a Tensor, or several, not NoneType"),
        (lambda: grad(x, x, 1.0), "grad_outputs must be a Tensor for each output, not float"),
    ]:
        with pytest.raises(TypeError, match=words):
            call()


def test_an_error_about_something_else_stays_as_it_is():
    with pytest.raises(TypeError, match="unexpected keyword argument 'axis'"):
        F.softmax(A, axis=0)
    with pytest.raises(TypeError, match="expected at least|must be|required"):
        F.linear(Tensor(A))
    with pytest.raises(ValueError, match="differ"):
        F.mse_loss(Tensor(A), Tensor(A.T))
    with pytest.raises(ValueError, match="does not fit a weight"):
        F.linear(Tensor(A), Tensor(A.T))


@pytest.mark.parametrize("name", [name for names in methods._ELSEWHERE for name in names.split()])
def test_a_name_of_pytorchs_that_is_missing_says_what_to_write_instead(name):
    x = Tensor(A)
    with pytest.raises(AttributeError, match=rf"a Tensor has no '{name}': .*(x\.|x \*|grad\(|Tensor|slices)"):
        getattr(x, name)
    with pytest.raises(AttributeError, match="a Tensor has no"):
        setattr(x, name, None)
    assert not hasattr(x, name)


def test_numpys_functions_say_that_they_do_not_know_a_tensor():
    x = Tensor(A)
    for call in (lambda: np.sin(x), lambda: np.add(x, 1), lambda: np.mean(x), lambda: np.std(x), lambda: np.dot(x, x)):
        with pytest.raises(TypeError, match=r"NumPy does not know a Tensor: .*x\.numpy\(\)"):
            call()


# Integers and booleans -----------------------------------------------------------------------------------------------

PIXELS = np.array([0, 2, 200], np.uint8)
OF_REAL_NUMBERS = {
    "exp": F.exp,
    "log": F.log,
    "sqrt": F.sqrt,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "quotient": lambda x: x / 255,
    "quotient of two": lambda x: x / x,
    "reciprocal": lambda x: 1 / x,
    "product": lambda x: x * 0.5,
    "product from the left": lambda x: 0.5 * x,
    "difference": lambda x: x - 1.5,
    "root": lambda x: x**0.5,
    "power": lambda x: 1.5**x,
    "choice": lambda x: F.where(x.data > 1, x, 0.5),
    "dropout": lambda x: F.dropout(x, 1.0),
}


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("name", OF_REAL_NUMBERS)
@pytest.mark.parametrize("data", [PIXELS, PIXELS.astype(np.int64), PIXELS > 1], ids=["bytes", "integers", "booleans"])
def test_integers_become_float32(name, data):
    f = OF_REAL_NUMBERS[name]
    y = f(Tensor(data))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, f(Tensor(data.astype(np.float32))).data)


LARGE = np.array([[1, 2, 200], [250, 7, 9]], np.uint8)
REFUSED = {
    "mean": F.mean,
    "var": F.var,
    "std": F.std,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "softplus": F.softplus,
    "elu": F.elu,
    "leaky_relu": F.leaky_relu,
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda x: F.layer_norm(x, 3),
    "mse_loss": lambda x: F.mse_loss(x, x, reduction="none"),
    "l1_loss": lambda x: F.l1_loss(x, x, reduction="sum"),
    "binary_cross_entropy": lambda x: F.binary_cross_entropy(x > 0, x > 0),
    "binary_cross_entropy_with_logits": lambda x: F.binary_cross_entropy_with_logits(x, x),
    "cross_entropy": lambda x: F.cross_entropy(x, Tensor(np.array([0, 1]))),
    "conv2d": lambda x: F.conv2d(image(x), image(x)),
    "conv_transpose2d": lambda x: F.conv_transpose2d(image(x), image(x)),
    "fold": lambda x: F.fold(x, (1, 3), 1),
    "avg_pool2d": lambda x: F.avg_pool2d(image(x), 1),
    "max_pool2d": lambda x: F.max_pool2d(image(x), 1),
    "interpolate": lambda x: F.interpolate(image(x), 2, mode="bilinear"),
    "batch_norm, evaluation": lambda x: F.batch_norm(x, x[0], x[1]),
    "instance_norm": lambda x: F.instance_norm(image(x)),
    "group_norm": lambda x: F.group_norm(x, 1),
}


def image(x):
    return x.reshape(1, 1, *x.shape)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_where_integers_have_no_meaning_they_are_refused(name):
    with pytest.raises(TypeError, match=r"must hold floating numbers, not (uint8|bool): .*x\.to\(np\.float32\)"):
        REFUSED[name](Tensor(LARGE))


def test_an_image_of_integers_is_converted_beside_a_kernel_of_real_numbers():
    x, w = np.full((1, 1, 3, 3), 200, np.uint8), Tensor(np.ones((1, 1, 3, 3), np.float32))
    for y in (F.conv2d(Tensor(x), w), F.conv_transpose2d(Tensor(x), w, padding=2)):
        assert y.dtype == np.float32 and y.data[0, 0].max() == 1800


def test_booleans_have_no_products_and_no_multiples():
    x = Tensor(np.array([[True, True]]))
    with pytest.raises(TypeError, match="matmul: booleans have no sums"):
        F.linear(x, x)
    for f in (F.add, F.sub):
        with pytest.raises(TypeError, match="alpha=2 multiplies numbers, not booleans"):
            f(x, x, alpha=2)


def test_integers_get_no_gradient():
    x = Tensor(np.array([1, 2]))
    x.requires_grad = True
    with pytest.raises(TypeError, match=r"inputs\[0\] must hold floating numbers, not int64"):
        grad((x * x).sum().to(float), x, allow_unused=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_integers_are_refused_also_where_nothing_is_recorded():
    with no_grad(), pytest.raises(TypeError, match="must hold floating numbers, not uint8"):
        F.softmax(Tensor(LARGE), 1)


def test_arrays_are_refused_also_where_nothing_is_recorded():
    with no_grad(), pytest.raises(TypeError, match="must be a Tensor, not ndarray"):
        F.abs(np.array([-1.0]))


def test_the_other_side_of_a_loss_may_be_integers():
    x, target = Tensor(np.array([[0.5, 0.25]])), np.array([[1, 0]], np.uint8)
    for loss in (F.mse_loss, F.l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        expected = loss(x, Tensor(target.astype(float))).data
        for kind in (np.uint8, np.int64, bool):
            np.testing.assert_array_equal(loss(x, Tensor(target.astype(kind))).data, expected)
    integers, halves = Tensor(target), Tensor(np.full((1, 2), 0.5))
    np.testing.assert_array_equal(F.mse_loss(integers, halves).data, 0.25)


# Hyperparameters -----------------------------------------------------------------------------------------------------

SETTINGS = {
    "leaky_relu": lambda x, a: F.leaky_relu(x, a),
    "elu": lambda x, a: F.elu(x, a),
    "softplus": lambda x, a: F.softplus(x, a, a),
    "clamp": lambda x, a: F.clamp(x, -a, a),
    "pow": lambda x, a: F.pow(x * x, a),
    "add": lambda x, a: F.add(x, x, alpha=a),
    "dropout": lambda x, a: F.dropout(x, a, rng=np.random.default_rng(0)),
    "pad": lambda x, a: F.pad(x, (1, 1), value=a),
    "cross_entropy": lambda x, a: F.cross_entropy(x, Tensor(np.array([0, 1, 3])), label_smoothing=a),
    "batch_norm": lambda x, a: F.batch_norm(x, None, None, training=True, eps=a),
    "batch_norm, evaluation": lambda x, a: F.batch_norm(x, x[0] * x[0], x[1] * x[1], eps=a),
    "layer_norm": lambda x, a: F.layer_norm(x, x.shape[1:], eps=a),
    "instance_norm": lambda x, a: F.instance_norm(x.unsqueeze(0), eps=a),
    "group_norm": lambda x, a: F.group_norm(x, 1, eps=a),
    "perturb": lambda x, a: losses.perturb(x, np.random.default_rng(0), a),
    "instance_noise": lambda x, a: losses.instance_noise(x, a, np.random.default_rng(0)),
    "gradient_penalty": lambda x, a: losses.gradient_penalty(x[0], a),
    "r1_penalty": lambda x, a: losses.r1_penalty(lambda x: (x * x).sum(1), x, a),
    "minimax": lambda x, a: losses.Minimax(a).discriminator_loss(x, x),
    "least squares": lambda x, a: losses.LeastSquares(a, 1.0, a).discriminator_loss(x, x),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_numpys_scalars_as_hyperparameters_change_no_dtype(name):
    x = Tensor(A.astype(np.float32), requires_grad=True)
    y = SETTINGS[name](x, np.float64(0.25))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, SETTINGS[name](x, 0.25).data)


def test_clipping_to_a_scalar_of_numpys_changes_no_dtype():
    w = Parameter(np.array([-1.0, 1.0], np.float32))
    losses.clip_weights([w], np.float64(0.5))
    assert w.dtype == np.float32 and w.data.tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "softplus", "perturb", "instance_noise"])
def test_a_hyperparameter_that_is_no_number_is_refused(name):
    x = Tensor(A)
    for given in (Tensor(0.25), None, np.ones(2), "0.25"):
        with pytest.raises(TypeError, match=f"must be a number, not {type(given).__name__}"):
            SETTINGS[name](x, given)


# What a Tensor holds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, words",
    [
        (np.ones(2, np.float16), "float16 is not supported: the sums and the ε .* float32 or float64"),
        (np.ones(2, np.longdouble), "float128 is not supported"),
        (np.ones(2, complex), "real numbers, not dtype complex128"),
        (np.array([None, 1.0]), "real numbers, not dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), "real numbers, not dtype datetime64"),
        (np.zeros(2, [("a", "f4")]), "real numbers, not dtype"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), r"masked array hides .*array.filled\(0\)"),
    ],
)
def test_what_a_tensor_cannot_hold_is_refused_wherever_it_enters(data, words):
    w = Parameter(np.ones(2))
    for enter in (Tensor, lambda a: w * a, lambda a: setattr(w, "data", a), lambda a: F.cat([w, a])):
        with pytest.raises(TypeError, match=words):
            enter(data)
    np.testing.assert_array_equal(w.data, np.ones(2))


def test_there_is_no_way_to_float16():
    for dtype in (np.float16, "half", np.longdouble, complex):
        with pytest.raises(TypeError, match="is not supported|real numbers"):
            Tensor(A).to(dtype)


def test_the_data_of_a_parameter_stay_floating_and_keep_their_shape():
    w = Parameter(np.ones(2))
    with pytest.raises(ValueError, match=r"a parameter of shape \(2,\) cannot have data of shape \(1,\)"):
        w.data = np.ones(1)
    with pytest.raises(TypeError, match="only floating data can require a gradient, got int64"):
        w.data = np.array([1, 2])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_subclasses_of_arrays_are_held_as_plain_arrays(tmp_path):
    matrix = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    w = Parameter(np.ones((2, 2)))
    w.data = matrix
    on_disk = np.memmap(tmp_path / "a", np.float64, "w+", shape=(2, 2))
    on_disk[:] = matrix
    for x in (Tensor(matrix), w, Tensor(on_disk), Tensor(np.asarray(matrix).view(np.recarray))):
        assert type(x.data) is np.ndarray
        np.testing.assert_array_equal((x * x).data, [[1, 4], [9, 16]])
        np.testing.assert_array_equal((matrix * x).data, [[1, 4], [9, 16]])
        np.testing.assert_array_equal((x * matrix).data, [[1, 4], [9, 16]])
    assert np.shares_memory(Tensor(on_disk).data, on_disk)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i4"])
def test_the_bytes_of_a_number_come_into_the_machines_order(dtype):
    x = Tensor(np.array([1, 2], dtype))
    assert x.dtype.isnative and x.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal((x * 2).data, [2, 4])


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_a_weight_does_not_make_a_loss_larger(name):
    """A weight for each of four images, (4,), beside scores (4, 1) would make four losses sixteen."""
    x = Tensor(np.full((4, 1), 0.5))
    losses = [F.binary_cross_entropy_with_logits] + [F.binary_cross_entropy] * (name == "weight")
    for loss in losses:
        with pytest.raises(ValueError, match=r"a weight of shape .* would make losses of shape \(4, 1\) \(4, 4\)"):
            loss(x, x, **{name: Tensor(np.ones(4))})
        assert loss(x, x, **{name: Tensor(np.ones(1))}).item() == loss(x, x).item()
