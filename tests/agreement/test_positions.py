"""The table of PyTorch's positional arguments is PyTorch's."""

import inspect

import pytest
from positions import read

torch = pytest.importorskip("torch", reason="agreement with PyTorch is checked where it is installed")


def orders(name):
    """The positional arguments of a function as PyTorch has them, one list for each of its forms."""
    if name == "grad":
        yield list(inspect.signature(torch.autograd.grad).parameters)
        return
    function = getattr(torch.nn.functional, name, None)
    try:
        yield list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        pass
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{name}"):
        names = [argument.name for argument in schema.arguments if not argument.kwarg_only]
        yield ["input" if argument == "self" else argument for argument in names]


@pytest.mark.parametrize("name, parameters", read().items(), ids=list(read()))
def test_the_positions_are_pytorchs(name, parameters):
    if name == "max_pool2d":  # one function hides two, which differ in what they return
        parameters = parameters[:-1]
    assert parameters in list(orders(name))
