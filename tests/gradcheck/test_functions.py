"""Every differentiable function, through every case of the registry `scratchgan.testing.cases`.

Right to third order, exact where it is linear, in float32 as in float64, in any memory order; and nothing is written
into. That the functions themselves are right is for test_values.py to say.
"""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from derivatives import value_and_derivatives

from scratchgan import Tensor, grad
from scratchgan import functional as F
from scratchgan.functional import methods
from scratchgan.testing import check_adjoint, check_grads
from scratchgan.testing.cases import CASES, Case, normal

every_case = pytest.mark.parametrize("case", CASES, ids=str)


# Every function, and every vjp, is there -----------------------------------------------------------------------------


def test_every_public_function_has_a_case():
    assert {case.name for case in CASES} == set(F.__all__) | {"blur", "pixel_norm"}  # which PyTorch does not have


def test_every_method_and_operator_of_a_tensor_is_one_of_these_functions():
    names = {name for names in methods._METHODS.values() for name in names.split()}
    assert names - {"to"} <= set(F.__all__)  # `to` changes the dtype, and differences are taken in float64 alone


def functions_inside(code):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from functions_inside(constant)


def written_vjps():
    """The code of every vjp in the source: the functions whose first argument is a cotangent, g or h."""
    for path in Path(F.__file__).parent.glob("*.py"):
        for code in functions_inside(compile(path.read_text(), str(path), "exec")):
            if code.co_varnames[: code.co_argcount][:1] == ("g",) and code.co_name in ("<lambda>", "vjp"):
                yield code


def called_vjps(run):
    called = set()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_code))
    try:
        run()
    finally:
        sys.setprofile(None)
    return called


def test_every_vjp_in_the_source_is_called_by_some_case():
    """Public or not: a primitive is checked if a case differentiates through it."""
    conversion = Case("to", "float32", lambda x: x.to(np.float32), (normal(2, 3),))
    called = called_vjps(lambda: [value_and_derivatives(case.call, case.arrays()) for case in [*CASES, conversion]])
    written = set(written_vjps())
    assert len(written) > 50
    assert not [f"{Path(code.co_filename).name}:{code.co_firstlineno}" for code in written - called]


# Derivatives ---------------------------------------------------------------------------------------------------------


@every_case
def test_first_second_and_third_derivative(case):
    """A penalty on the gradient of a penalty needs the third, so every function has it."""
    check_grads(case.call, case.arrays(), order=3)


@every_case
def test_the_gradient_is_the_same_whether_it_is_recorded_or_not(case):
    """Some vjps work on arrays, in place, where nobody will differentiate them again."""
    arguments = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in case.arrays()]
    inputs = [x for x in arguments if x.requires_grad]
    y = case.call(*arguments)
    g = Tensor(np.random.default_rng(5).standard_normal(y.shape))
    for plain, recorded in zip(
        *(grad(y, inputs, g, create_graph=record, allow_unused=True) for record in (False, True))
    ):
        np.testing.assert_allclose(
            plain.data, recorded.data, rtol=0, atol=1e-12 * (1 + np.abs(plain.data).max(initial=0))
        )


# The names whose functions are linear in each argument, up to a constant, and the cases that use them otherwise.
LINEAR = """
    add sub neg mul sum mean broadcast_to expand reshape permute transpose flatten unflatten squeeze unsqueeze cat stack
    getitem gather index_select where pad pixel_shuffle pixel_unshuffle matmul linear embedding conv2d conv_transpose2d
    unfold fold avg_pool2d interpolate
"""
NOT_LINEAR = {"mul(by itself)", "matmul(square)", "transpose(T)", "cat(with itself)"}
linear_cases = [case for case in CASES if case.name in LINEAR.split() and str(case) not in NOT_LINEAR]


@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-14), (np.float32, 1e-6)], ids=["float64", "float32"])
@pytest.mark.parametrize("case", linear_cases, ids=str)
def test_the_vjp_of_a_linear_function_is_its_adjoint_to_the_last_digit(case, dtype, rtol):
    """In each argument by itself, of A x = f(x) − f(0)."""
    arrays = case.arrays(dtype)
    for i, array in enumerate(arrays):
        if array.dtype.kind == "f":
            f = in_argument(i, case, arrays)
            at_zero = f(Tensor(np.zeros_like(array)))
            check_adjoint(lambda x: f(x) - at_zero, array, rtol=rtol)


def in_argument(i, case, arrays):
    return lambda x: case.call(*(x if j == i else Tensor(array) for j, array in enumerate(arrays)))


# Dtypes and memory ---------------------------------------------------------------------------------------------------


@every_case
def test_float32_stays_float32(case):
    """Through the value, the gradient and the second gradient; float32 also gives the numbers of float64."""
    single = value_and_derivatives(case.call, case.arrays(np.float32))
    assert [x.dtype for x in single] == [np.float32] * len(single)
    for x32, x64 in zip(single, value_and_derivatives(case.call, case.arrays())):
        np.testing.assert_allclose(x32.data, x64.data, rtol=0, atol=1e-5 * (1 + np.abs(x64.data).max(initial=0)))


def read_only(array):
    array.flags.writeable = False
    return array


@every_case
def test_arguments_and_cotangents_are_not_modified(case):
    """They cannot be: a write into one of them would raise."""
    value_and_derivatives(case.call, case.arrays(), read_only)


# Their values are views: they move no element, or return what they were given. As in PyTorch.
VIEWS = "reshape flatten unflatten squeeze unsqueeze permute transpose getitem expand broadcast_to dropout".split()


@every_case
def test_results_share_no_memory_with_arguments_and_cotangents(case):
    """Whoever writes into one array must not change another."""
    arguments = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in case.arrays()]
    inputs = [x for x in arguments if x.requires_grad]
    y = case.call(*arguments)
    g = Tensor(np.ones(y.shape), requires_grad=True)
    first = grad(y, inputs, g, create_graph=True, allow_unused=True)
    cotangents = [Tensor(np.ones(d.shape)) for d in first]
    gradients = [*first, *grad(first, [*inputs, g], cotangents, allow_unused=True)]
    results = gradients if case.name in VIEWS else [y, *gradients]
    handed_in = [*arguments, g, *cotangents]
    assert not any(np.shares_memory(result.data, x.data) for result in results for x in handed_in)


def test_a_gradient_does_not_share_memory_with_the_cotangent_that_arrives_unchanged():
    x, g = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones(3))
    for y in (x, x + 1, x.reshape(3), x[:]):
        (d,) = grad(y, x, g)
        assert not np.shares_memory(d.data, g.data) and not np.shares_memory(d.data, x.data)


LAYOUTS = {
    "transposed": lambda a: a.T.copy().T,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1) if a.ndim > 2 else a,
    "every other element": lambda a: np.stack([a, a + 1 if a.dtype.kind == "f" else a], -1)[..., 0],
    "backwards": lambda a: np.flip(np.flip(a).copy()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@every_case
def test_memory_order_changes_nothing(case, layout):
    plain = value_and_derivatives(case.call, case.arrays())
    other = value_and_derivatives(case.call, case.arrays(), LAYOUTS[layout])
    for x, y in zip(plain, other, strict=True):
        np.testing.assert_allclose(y.data, x.data, rtol=1e-11, atol=1e-13 * (1 + np.abs(x.data).max(initial=0)))
