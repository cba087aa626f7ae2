"""The entrance of the functions: where a Tensor is due and something else is given, the error says so, and names it.

It costs nothing on the way in: only what has failed, or has not given a Tensor, is looked at again.
"""

import functools
import inspect

from scratchgan.tensor import Tensor, no_tensor

DUE = ("input", "target", "weight", "bias", "pos_weight")  # these parameters are Tensors, in every function,
TAKE_ARRAYS = ("add", "sub", "mul", "div", "pow", "maximum", "minimum", "where", "matmul", "embedding")  # but here


def entrance(function):
    """``function``, as its callers meet it.

    Raises
    ------
    TypeError
        For an argument that is an array, a list, a number or None.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args, **options):
        try:
            result = function(*args, **options)
        except Exception:
            _refuse(function.__name__, signature, args, options)
            raise
        if not isinstance(result, Tensor):
            _refuse(function.__name__, signature, args, options)
        return result

    checked.__module__ = __package__  # where pickle finds it
    return checked


def _refuse(name, signature, args, options):
    """Raise for the first argument that should be a Tensor, if there is one."""
    try:
        given = signature.bind(*args, **options)
    except TypeError:  # too many arguments, or too few
        return
    given.apply_defaults()
    for parameter in DUE[name in TAKE_ARRAYS :]:
        if parameter in given.arguments:
            x, optional = given.arguments[parameter], signature.parameters[parameter].default is None
            if not (isinstance(x, Tensor) or (optional and x is None)):
                raise no_tensor(f"{name}: {parameter}", x) from None
