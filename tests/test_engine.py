"""The engine: what `grad` promises, what is recorded, and how a Tensor behaves as an array."""

import copy
import operator
import pickle
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchgan import Parameter, Tensor, grad, nn, no_grad
from scratchgan import functional as F
from scratchgan.optim import SGD
from scratchgan.tensor import is_recording, record


def leaf(*shape, seed=0, dtype=np.float64):
    """A standard normal tensor with respect to which gradients are asked for."""
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)


def equal(tensor, array, tolerance=1e-12):
    np.testing.assert_allclose(tensor.data, array, rtol=tolerance, atol=tolerance)


# What grad returns ---------------------------------------------------------------------------------------------------


def test_gradients_come_in_the_order_of_the_inputs():
    x, w, b = leaf(3, seed=1), leaf(3, seed=2), leaf(seed=3)
    y = (x * w).sum() + 5 * b
    gradients = grad(y, [b, x, w])
    assert isinstance(gradients, tuple)
    for g, expected in zip(gradients, (5, w.data, x.data), strict=True):
        equal(g, expected)


def test_a_single_input_also_gives_a_tuple():
    x = leaf(3)
    gradients = grad((x * x).sum(), x)
    assert len(gradients) == 1
    equal(gradients[0], 2 * x.data)


def test_outputs_inputs_and_gradients_may_come_from_iterators():
    w = Parameter(np.arange(3.0))
    gradients = grad(iter([w.sum()]), iter([w]))
    equal(gradients[0], np.ones(3))
    SGD(iter([w]), lr=1.0).step(iter(gradients))
    equal(w, np.arange(3.0) - 1)


def test_gradients_of_several_outputs_are_summed_with_their_cotangents():
    x = leaf(3)
    g, h = leaf(3, seed=1), leaf(2, seed=2)
    (total,) = grad([x * x, x[:2] * 3], x, grad_outputs=[g, h])
    expected = 2 * x.data * g.data
    expected[:2] += 3 * h.data
    equal(total, expected)


def test_the_cotangent_of_a_scalar_output_may_be_left_out_beside_others():
    x = leaf(3)
    g = leaf(3, seed=1)
    (total,) = grad([x.sum(), x * 2], x, grad_outputs=[None, g])
    equal(total, 1 + 2 * g.data)


def test_the_same_output_twice_counts_twice():
    x = leaf(3)
    y = (x * x).sum()
    equal(grad([y, y], x)[0], 4 * x.data)


def test_the_same_input_twice_gets_the_whole_gradient_twice():
    x = leaf(3)
    first, second = grad((x * x).sum(), [x, x])
    equal(first, 2 * x.data)
    equal(second, 2 * x.data)


def test_an_input_that_is_also_an_output_gets_its_cotangent():
    x = leaf()
    y = x * x
    g_y, g_x = grad([y, x], [y, x])
    equal(g_y, 1)
    equal(g_x, 2 * x.data + 1)


def test_an_intermediate_tensor_can_be_an_input():
    x = leaf(3)
    y = F.exp(x)
    z = (y * y).sum()
    g_y, g_x = grad(z, [y, x])
    equal(g_y, 2 * y.data)
    equal(g_x, 2 * y.data**2)
    equal(grad(z, y)[0], 2 * y.data)


def test_gradients_have_the_shape_and_dtype_of_their_inputs():
    x, b = leaf(2, 3, dtype=np.float32), leaf(3, dtype=np.float32)
    for g, of in zip(grad(F.tanh(x + b).sum(), [x, b]), [x, b]):
        assert (g.shape, g.dtype) == (of.shape, of.dtype)


def test_without_create_graph_the_gradients_are_constants():
    x = leaf(3)
    (g,) = grad((x * x * x).sum(), x)
    assert g.edges == () and not g.requires_grad


def test_with_create_graph_the_gradient_can_be_differentiated_again():
    x = leaf(3)
    (first,) = grad((x**4).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x, create_graph=True)
    (third,) = grad(second.sum(), x)
    equal(second, 12 * x.data**2)
    equal(third, 24 * x.data)


def test_a_graph_can_be_swept_twice():
    x = leaf(3)
    y = F.tanh(x).sum()
    equal(grad(y, x)[0], grad(y, x)[0].data)


def test_allow_unused_gives_zeros_for_an_input_that_does_not_matter():
    x, unused = leaf(3), leaf(2, 2, dtype=np.float32)
    g, zero = grad(x.sum(), [x, unused], allow_unused=True)
    equal(g, np.ones(3))
    assert zero.shape == (2, 2) and zero.dtype == np.float32 and not zero.data.any()


def test_an_input_that_does_not_matter_is_otherwise_an_error_that_names_it():
    x, unused = leaf(3), leaf(2, 5)
    with pytest.raises(ValueError, match=r"inputs\[1\], of shape \(2, 5\)"):
        grad(x.sum(), [x, unused])


def test_grad_stores_nothing_on_the_tensors():
    x = leaf(3)
    y = (x * x).sum()
    before = {(t, slot): getattr(t, slot) for t in (x, y) for slot in ("_data", "requires_grad", "edges", "number")}
    grad(y, x)
    assert all(getattr(t, slot) is value for (t, slot), value in before.items())
    assert not hasattr(x, "grad")


def test_cotangents_may_be_read_only():
    """No vjp writes into the cotangent it is handed. The given ones are copied, so these are sealed on their way."""

    def sealed(x):
        def vjp(g, y):
            g.data.flags.writeable = False
            return g

        return record(x.data, (x, vjp))

    x = leaf(2, 3)
    g = np.ones((2, 3))
    g.flags.writeable = False
    outputs = [sealed(F.tanh(x)), sealed(x[:, ::-1] * 2)]
    (total,) = grad(outputs, x, grad_outputs=[Tensor(g), Tensor(g)])
    equal(total, 1 - np.tanh(x.data) ** 2 + 2)


@pytest.mark.parametrize("cotangents", [np.ones(3), [np.ones(3)]], ids=["array", "list"])
def test_a_cotangent_that_is_no_tensor_is_an_error_that_says_so(cotangents):
    x = leaf(3)
    with pytest.raises(TypeError, match="ndarray"):
        grad(x + 1, x, cotangents)


def test_cotangents_of_one_output_given_twice_add_up_unrecorded():
    x, g = leaf(3), leaf(3)
    y = F.tanh(x)
    (twice,) = grad([y, y], y, [g, g])
    equal(twice, 2 * g.data)
    assert twice.edges == ()


# Only live edges are followed ----------------------------------------------------------------------------------------


def counting_product(x, w, calls):
    """x · w as a primitive that notes in ``calls`` which of its vjps were used."""

    def vjp(name, other):
        def apply(g, y):
            calls.append(name)
            return g * other

        return apply

    return record(x.data * w.data, (x, vjp("x", w)), (w, vjp("w", x)))


def test_the_gradient_of_the_data_calls_no_vjp_of_the_weights():
    x, w1, w2 = leaf(3, seed=1), leaf(3, seed=2), leaf(3, seed=3)
    calls = []
    y = counting_product(counting_product(x, w1, calls), w2, calls)
    equal(grad(y.sum(), x)[0], w1.data * w2.data)
    assert calls == ["x", "x"]


def test_the_gradient_of_the_last_weight_does_not_walk_to_the_data():
    x, w1, w2 = leaf(3, seed=1), leaf(3, seed=2), leaf(3, seed=3)
    calls = []
    y = counting_product(counting_product(x, w1, calls), w2, calls)
    equal(grad(y.sum(), w2)[0], x.data * w1.data)
    assert calls == ["w"]


def test_each_vjp_is_called_once_however_many_paths_pass_through_it():
    x, w = leaf(3, seed=1), leaf(3, seed=2)
    calls = []
    y = counting_product(x, w, calls)
    equal(grad((y + y * y + 3 * y).sum(), x)[0], (4 + 2 * y.data) * w.data)
    assert calls == ["x"]


def test_an_argument_that_requires_no_gradient_has_no_edge():
    x, constant = leaf(3), Tensor(np.ones(3))
    y = x * constant
    assert [parent for parent, _ in y.edges] == [x]
    assert (constant * constant).edges == ()


# Deep and wide graphs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [10**4, 10**5])
def test_a_deep_chain_is_built_swept_and_freed(depth):
    x = leaf()
    y = x + 1.0
    oldest = weakref.ref(y)
    for _ in range(depth - 1):
        y = y + 1.0
    assert grad(y, x)[0].item() == 1
    assert oldest() is not None
    del y  # a recursive deallocation would overflow the stack here
    assert oldest() is None


def test_a_deep_chain_at_second_order():
    depth = 10**4
    x = Tensor(np.array(1.0), requires_grad=True)
    y = x
    for _ in range(depth):
        y = y * x
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first, x)
    assert first.item() == depth + 1
    assert second.item() == (depth + 1) * depth


def test_a_diamond_of_two_to_the_thousand_paths():
    x = Tensor(np.array(1.0), requires_grad=True)
    y = x
    for _ in range(1000):
        y = y + y
    assert grad(y, x)[0].item() == 2.0**1000


# Recording -----------------------------------------------------------------------------------------------------------


def test_no_grad_makes_constants():
    x = leaf(3)
    with no_grad():
        y = x * x
    assert y.requires_grad is False and y.edges == ()
    assert (x * x).requires_grad is True


def test_no_grad_nests_and_ends():
    with no_grad():
        with no_grad():
            pass
        assert not is_recording()
    assert is_recording()


def test_an_exception_inside_no_grad_restores_recording():
    with pytest.raises(ZeroDivisionError):
        with no_grad():
            raise ZeroDivisionError
    assert is_recording()


def test_an_exception_inside_a_vjp_restores_recording():
    def refuse(g, y):
        raise ZeroDivisionError

    x = leaf(3)
    with pytest.raises(ZeroDivisionError):
        grad(record(x.data, (x, refuse)), x, grad_outputs=leaf(3))
    assert is_recording()


def test_no_grad_as_a_decorator_applies_to_each_call():
    @no_grad()
    def square(x, depth=1):
        return square(x, depth - 1) if depth else x * x

    x = leaf(3)
    assert not square(x).requires_grad and not square(x).requires_grad
    assert is_recording() and (x * x).requires_grad


def test_recording_is_a_matter_of_each_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_recording()))
        thread.start()
        thread.join()
        assert not is_recording()
    assert seen == [True]


# Parameters ----------------------------------------------------------------------------------------------------------


def test_a_parameter_updated_between_forward_and_grad_is_an_error():
    w = Parameter(np.ones((2, 3)))
    y = (w * w).sum()
    w.data = w.data * 2
    with pytest.raises(RuntimeError, match=r"parameter of shape \(2, 3\) was updated"):
        grad(y, w)


def test_also_when_only_the_gradient_of_something_else_is_asked_for():
    """The vjp of x reads w, which is no longer the w of the forward pass."""
    x, w = leaf(3), Parameter(np.ones(3))
    y = (x * w).sum()
    w.data = w.data * 2
    with pytest.raises(RuntimeError, match="updated"):
        grad(y, x)


def test_after_an_update_a_new_forward_pass_is_differentiable():
    w = Parameter(np.ones(3))
    w.data = w.data * 2
    equal(grad((w * w).sum(), w)[0], np.full(3, 4.0))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
@pytest.mark.parametrize("make", [lambda a: Tensor(a, requires_grad=True), Parameter])
def test_a_copy_is_a_node_of_its_own_with_a_working_gradient(make, duplicate):
    w = make(np.arange(3.0))
    twin = duplicate(w)
    assert type(twin) is type(w) and twin.requires_grad and twin is not w
    g, unused = grad((twin * twin).sum(), [twin, w], allow_unused=True)
    equal(g, 2 * np.arange(3.0))
    assert not unused.data.any()


def test_replacing_the_data_of_a_copied_parameter_leaves_the_original():
    w = Parameter(np.arange(3.0))
    twin = copy.copy(w)
    twin.data = twin.data + 1
    equal(w, np.arange(3.0))


def test_a_copy_of_a_result_or_of_a_constant_is_a_constant():
    for y in (leaf(3) * 2, Tensor(np.ones(3)), Tensor(np.arange(3))):
        for twin in (copy.copy(y), copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
            assert not twin.requires_grad and twin.edges == ()
            equal(twin, y.data)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copied_module_has_parameters_and_buffers_of_its_own(duplicate):
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LeakyReLU(0.2))
    state = network.state_dict()
    twin = duplicate(network)
    x = Tensor(np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32))
    gradients = grad((twin(x) ** 3).sum(), twin.parameters())
    assert any(g.data.any() for g in gradients)
    for p, g in zip(twin.parameters(), gradients):
        p.data = p.data - g.data
    for path, array in network.state_dict().items():
        np.testing.assert_array_equal(array, state[path], err_msg=path)
    assert twin.state_dict()["1.num_batches_tracked"] == 1


# A Tensor as an array ------------------------------------------------------------------------------------------------

A = np.random.default_rng(1).standard_normal((2, 3, 4))
POSITIVE = np.abs(A) + 0.5


def test_an_array_is_wrapped_without_copying():
    assert Tensor(A).data is A
    assert Tensor(A).detach().data is A
    assert Tensor(A).numpy() is A


def test_scalars_and_lists_are_wrapped_as_numpy_would():
    assert Tensor(2.5).shape == () and Tensor(2.5).dtype == np.float64
    assert Tensor([[1, 2]]).shape == (1, 2) and Tensor([[1, 2]]).dtype.kind == "i"


def test_shape_attributes_are_those_of_the_array():
    x = Tensor(A)
    assert (x.shape, x.ndim, x.dtype, len(x), x.numel()) == (A.shape, A.ndim, A.dtype, len(A), A.size)


def test_one_element_converts_to_python_numbers():
    x = Tensor(np.array([[2.5]], np.float32))
    assert x.item() == 2.5 and type(x.item()) is float
    assert float(Tensor(2.5)) == 2.5 and type(float(Tensor(2.5))) is float
    assert bool(Tensor(np.array(True))) and not bool(Tensor(np.array(0.0)))


def test_a_result_without_axes_is_an_array():
    """NumPy gives a scalar, which knows no device and cannot be written into."""
    x, w = Tensor(np.arange(3.0)), Parameter(np.array(1.0))
    w.data = w.data - 0.5
    for y in (F.sum(x), F.mean(x), F.amax(x), F.var(x), x[0] * 2, x @ x, w):
        assert type(y.data) is np.ndarray and y.shape == ()


def test_one_element_is_formatted_as_a_number_and_without_a_format_as_a_tensor():
    x = Tensor(2.0)
    assert f"{x:.3f}" == "2.000" and f"{x}" == repr(x)


def test_the_truth_of_several_elements_is_ambiguous():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor(A) > 0)


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
OTHERS = {"int": 2, "float": 1.5, "numpy scalar": np.float64(0.5), "row": POSITIVE[0], "array": POSITIVE[::-1]}


@pytest.mark.parametrize("apply", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_arithmetic_with_numbers_and_arrays_on_either_side(apply, other):
    """Also where the other operand, a NumPy array on the left, would like to take over."""
    x = Tensor(POSITIVE)
    for result, expected in (
        (apply(x, other), apply(POSITIVE, other)),
        (apply(other, x), apply(other, POSITIVE)),
        (apply(x, Tensor(other)), apply(POSITIVE, other)),
    ):
        assert isinstance(result, Tensor)
        equal(result, expected)


def test_numpy_arrays_on_the_left_keep_the_graph():
    x = leaf(3)
    for y in (np.ones(3) * x, np.ones(3) + x, np.ones(3) - x, np.ones((2, 3)) @ x, np.float64(2) * x, np.ones(3) / x):
        assert isinstance(y, Tensor) and y.requires_grad


def test_unary_operators_and_abs():
    equal(-Tensor(A), -A)
    equal(abs(Tensor(A)), np.abs(A))


@pytest.mark.parametrize("compare", [getattr(operator, name) for name in "eq ne lt le gt ge".split()])
@pytest.mark.parametrize("other", [0.0, A[0], Tensor(A[::-1].copy())], ids=["number", "array", "tensor"])
def test_comparisons_are_elementwise_booleans_without_gradient(compare, other):
    result = compare(Tensor(A, requires_grad=True), other)
    assert isinstance(result, Tensor) and result.dtype == bool and not result.requires_grad
    np.testing.assert_array_equal(result.data, compare(A, other.data if isinstance(other, Tensor) else other))


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1, -1), (0, 1, 2)])
@pytest.mark.parametrize("keep", [False, True])
def test_sum_and_mean_take_pytorchs_and_numpys_argument_names(name, axis, keep):
    x, expected = Tensor(A), getattr(A, name)(axis, keepdims=keep)
    equal(getattr(x, name)(axis, keep), expected)
    equal(getattr(x, name)(dim=axis, keepdim=keep), expected)
    equal(getattr(x, name)(axis=axis, keepdims=keep), expected)
    assert getattr(x, name)(axis, keep).shape == np.shape(expected)


def test_further_reductions():
    x = Tensor(A)
    equal(x.amax((0, 2)), A.max((0, 2)))
    equal(x.var(1), A.var(1, ddof=1))
    equal(x.var(axis=1, correction=0, keepdims=True), A.var(1, keepdims=True))
    equal(x.std((0, 1), unbiased=False), A.std((0, 1)))


def test_reshape_takes_one_tuple_or_several_numbers():
    for y in (Tensor(A).reshape(4, 6), Tensor(A).reshape((4, 6)), Tensor(A).reshape([4, -1]), Tensor(A).reshape(-1, 6)):
        np.testing.assert_array_equal(y.data, A.reshape(4, 6))


def test_permute_and_transpose():
    x = Tensor(A)
    np.testing.assert_array_equal(x.permute(2, 0, 1).data, A.transpose(2, 0, 1))
    np.testing.assert_array_equal(x.permute((2, 0, -2)).data, A.transpose(2, 0, 1))
    np.testing.assert_array_equal(x.transpose(0, -1).data, A.swapaxes(0, 2))
    np.testing.assert_array_equal(x.T.data, A.T)
    np.testing.assert_array_equal(x.mT.data, A.swapaxes(1, 2))


INDICES = {
    "int": 1,
    "negative": -1,
    "slice": slice(1, None),
    "step": (slice(None), slice(None, None, 2)),
    "negative step": (slice(None), slice(None, None, -1), slice(3, 0, -2)),
    "ellipsis": (..., 2),
    "ellipsis in the middle": (1, ..., slice(2)),
    "none": (None, slice(None), None, 1),
    "empty tuple": (),
    "empty result": slice(0, 0),
    "mask": A > 0,
    "mask of an axis": np.array([True, False]),
    "integers": np.array([1, 0, 1, 1]),
    "two integer arrays": (np.array([0, 1]), slice(None), np.array([3, 3])),
    "list": [1, 1],
    "numpy integer": np.int64(1),
    "tensor": Tensor(np.array([1, 0, 1])),
    "tensor mask": Tensor(A) > 0,
    "tensor in a tuple": (slice(None), Tensor(np.array([2, 2, 0]))),
}


def raw(index):
    if isinstance(index, tuple):
        return tuple(raw(item) for item in index)
    return index.data if isinstance(index, Tensor) else index


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_indexing_is_numpys_and_its_gradient_counts_each_visit(index):
    x = Tensor(A, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, A[raw(index)])
    g = np.random.default_rng(2).standard_normal(y.shape)
    visited = np.zeros_like(A)
    np.add.at(visited, raw(index), g)
    equal(grad(y, x, Tensor(g))[0], visited)


@given(st.data())
def test_any_basic_index(data):
    index = data.draw(hnp.basic_indices(A.shape, allow_ellipsis=True, allow_newaxis=True))
    np.testing.assert_array_equal(Tensor(A)[index].data, A[index])


def test_iteration_yields_the_slices_with_their_graph():
    x = leaf(3, 2)
    rows = list(x)
    assert len(rows) == 3 and all(row.requires_grad for row in rows)
    a, b, c = x
    equal(grad(b.sum(), x)[0], [[0, 0], [1, 1], [0, 0]])


def test_a_tensor_without_axes_cannot_be_iterated_over():
    with pytest.raises(TypeError, match="0-d"):
        list(Tensor(3.0))


def test_assignment_is_refused_and_names_the_alternative():
    with pytest.raises(TypeError, match="where"):
        Tensor(A)[0] = 1


def test_a_tensor_is_found_by_identity_although_comparison_is_elementwise():
    x, y = Tensor(A), Tensor(A)
    names = {x: "x", y: "y"}
    assert names[x] == "x" and names[y] == "y" and len({x, y, x}) == 2
    assert (x == y).shape == A.shape
    w = Parameter(np.ones(2))
    assert {w: 1}[w] == 1


def test_the_representation_shows_values_dtype_and_requires_grad():
    assert repr(Tensor([1.0, 2.5])) == "Tensor([1. , 2.5], dtype=float64)"
    assert repr(Parameter(np.zeros(1, np.float32))) == "Tensor([0.], dtype=float32, requires_grad=True)"
    assert repr(Tensor(3)) == "Tensor(3, dtype=int64)"


# The dtype follows the data ------------------------------------------------------------------------------------------

FLOAT32 = {
    "python numbers": lambda x: 2 * x + 1 - 0.5 * x / 3 + (1 - x) + 2 / (x + 3),
    "numpy scalars": lambda x: (
        np.float64(2) * x + np.float64(1) - x / np.float64(3) + x * np.int64(2) + x ** np.float64(3)
    ),
    "powers": lambda x: x**2 + x**3.0 + (x * x + 1) ** 0.5 + (x * x + 1) ** -1,
    "elementwise": lambda x: F.tanh(x) * F.sigmoid(x) + F.softplus(x) * F.elu(x) + F.exp(x) * F.leaky_relu(x, 0.2),
    "choices": lambda x: F.where(x > 0, x * x, 0.0) + F.maximum(x, 0.0) * x + F.clamp(x, -1, 1) * x + abs(x) * x,
    "reductions": lambda x: x.mean() * x.var(1) + x.std() * F.logsumexp(x, 1) + F.softmax(x, 1).amax(1),
    "normalisation": lambda x: F.layer_norm(x, 4, x[0], x[1]) * x,
    "products": lambda x: (x @ x.T) @ (np.ones((3, 1), np.float32) * 2),
    "loss": lambda x: F.binary_cross_entropy_with_logits(x, F.sigmoid(x)) + F.mse_loss(x, x * x),
}


@pytest.mark.parametrize("f", FLOAT32.values(), ids=FLOAT32)
def test_float32_stays_float32_through_value_gradient_and_second_gradient(f):
    x = leaf(3, 4, dtype=np.float32)
    y = f(x)
    (first,) = grad(y.sum(), x, create_graph=True)
    (second,) = grad((first * first).sum(), x, allow_unused=True)
    assert y.dtype == first.dtype == second.dtype == np.float32


def test_float32_stays_float32_in_an_exponent():
    x = leaf(3, dtype=np.float32)
    (first,) = grad((2**x).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    assert first.dtype == second.dtype == np.float32
    equal(second, 2**x.data * np.log(2) ** 2, 1e-6)


def test_two_floating_dtypes_do_not_mix_silently():
    with pytest.raises(TypeError, match="float32 and float64"):
        leaf(3, dtype=np.float32) * leaf(3)


def test_integers_and_booleans_follow_the_floating_operand():
    x = leaf(3, dtype=np.float32)
    for other in (np.arange(3), np.array([True, False, True])):
        assert (x * Tensor(other)).dtype == np.float32 and (other * x).dtype == np.float32


def test_a_derivative_that_gives_an_array_is_refused():
    """Its numbers would be right once, and gone at the second derivative."""
    x = Tensor(np.ones(3), requires_grad=True)
    y = record(np.sin(x.data), (x, lambda g, y: g.data * np.cos(x.data)))
    with pytest.raises(TypeError, match=r"a vjp gave ndarray as the gradient of its argument of shape \(3,\)"):
        grad(y.sum(), x)
