"""Modules: trees of parameters. An attribute is a parameter, a buffer (an array) or a child module by its type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NoReturn, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from scratchgan.backend import device_module, is_array, to_numpy
from scratchgan.hints import Array
from scratchgan.nn.options import truth
from scratchgan.nn.state import fitted
from scratchgan.tensor import Parameter, Tensor

HABITS = {
    "cuda": 'module.to("gpu") moves it',
    "cpu": 'module.to("cpu") moves it',
    "float": "module.to(np.float32) converts it",
    "double": "module.to(np.float64) converts it",
    "half": "a module computes in float32 or float64",
    "zero_grad": "gradients are values, grad(loss, module.parameters()), so there is nothing to clear",
    "requires_grad_": "only what is in grad(loss, parameters) gets a gradient, so there is nothing to freeze",
    "register_buffer": "module.name = array makes a buffer",
    "register_parameter": "module.name = Parameter(array) makes a parameter",
    "add_module": "module.name = another module makes a child",
    "apply": "for layer in module.modules() visits all layers",
}  # of those who come from PyTorch, and what they find here


CONTAINERS = (list, tuple, dict, set)

M = TypeVar("M", bound="Module")


class Module:
    """A function with parameters, found by looking at the attributes.

    Attributes of type `Parameter` are learned, plain arrays are *buffers* (state that is saved but not learned, such as
    running statistics), Modules are children. What an attribute is, it stays: an array instead of a Parameter
    would no longer learn.

    Attributes
    ----------
    training : bool
        Whether the module behaves as in training (dropout, batch statistics); see `train` and `eval`.

    Raises
    ------
    TypeError
        When an attribute would be lost without a word: one of another kind than before, Modules or Parameters in a
        list, a tuple or a dictionary, or in the class instead of its instances.
    """

    training = True

    def __init_subclass__(cls):
        super().__init_subclass__()
        for name, value in vars(cls).items():
            if isinstance(value, (Parameter, Module)):
                raise TypeError(f"{cls.__name__}.{name} would never be found in the class: assign it in __init__")
            _refuse_hidden(f"{cls.__name__}.{name}", value)

    def __setattr__(self, name, value):
        if isinstance(value, np.generic) and is_array(vars(self).get(name)):
            value = np.asarray(value)  # NumPy's functions give a scalar for what would be an array without axes
        if not hasattr(getattr(type(self), name, None), "__set__"):  # else it is an option, which checks itself
            _refuse_loss(self, name, value)
        super().__setattr__(name, value)

    def __getattr__(self, name):
        instead = f": {HABITS[name]}" if name in HABITS else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{instead}")

    def __call__(self, *args, **options) -> Tensor:
        return self.forward(*args, **options)

    def children(self) -> list[tuple[str, Module]]:
        """The child modules with their names: pairs, in order of assignment."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        yield self
        for _, child in self.children():
            yield from child.modules()

    def slots(self, prefix: str = "") -> dict[str, tuple[Module, str]]:
        """Where the state is, this module's own first: {path: (owner, attribute name)}, parameters and buffers."""
        for name, value in vars(self).items():
            if isinstance(value, CONTAINERS):  # once more: it may have grown
                _refuse_hidden(f"{type(self).__name__}.{name}", value)
        own = {prefix + k: (self, k) for k, v in vars(self).items() if _kind(v) in ("a Parameter", "an array")}
        for name, child in self.children():
            own |= child.slots(f"{prefix}{name}.")
        return own

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """Pairs of path, such as ``"0.weight"``, and `Parameter`; a shared one is named once."""
        values = {path: getattr(owner, name) for path, (owner, name) in self.slots().items()}
        first = {id(value): path for path, value in reversed(values.items())}
        return [(k, v) for k, v in values.items() if isinstance(v, Parameter) and first[id(v)] == k]

    def parameters(self) -> list[Parameter]:
        """The parameters, as a list in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> list[tuple[str, Array]]:
        """Pairs of path and array."""
        values = [(path, getattr(owner, name)) for path, (owner, name) in self.slots().items()]
        return [(path, value) for path, value in values if is_array(value)]

    def arrays(self) -> dict[str, Array]:
        """The values of parameters and buffers, not copied: {path: array}."""
        return {path: owner._get(name) for path, (owner, name) in self.slots().items()}

    def replace(self: M, function: Callable[[str, Array], Array]) -> M:
        """Replace the array of each parameter and buffer by ``function(path, array)``."""
        once = {id(getattr(owner, name)): (path, owner, name) for path, (owner, name) in self.slots().items()}
        for path, owner, name in once.values():
            owner._set(name, function(path, owner._get(name)))
        return self

    def train(self: M, mode: bool = True) -> M:
        """Set training mode for this module and all below it."""
        truth(mode=mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Set evaluation mode for this module and all below it."""
        return self.train(False)

    def to(self: M, target: DTypeLike) -> M:
        """Convert floating parameters and buffers to a dtype, such as ``np.float64``, or move all to "cpu" or "gpu".

        Before an optimiser is made: it keeps arrays beside the parameters it is given.
        """
        if isinstance(target, str):
            module = device_module(target)
            return self.replace(lambda _, array: to_numpy(array) if module is np else module.asarray(array))
        if target is None or np.dtype(target) not in (np.float32, np.float64):
            raise TypeError(f"a module computes in float32 or float64, it cannot be converted to {target!r}")
        dtype = np.dtype(target)
        return self.replace(lambda _, array: array.astype(dtype) if array.dtype.kind == "f" else array)

    def _get(self, name):
        value = getattr(self, name)
        return value.data if isinstance(value, Parameter) else value

    def _set(self, name, array):
        value = getattr(self, name)
        if isinstance(value, Parameter):
            value.data = array
        else:
            setattr(self, name, array)

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters and buffers as NumPy arrays, under PyTorch's keys and in its layouts."""
        return {path: np.array(to_numpy(array)) for path, array in self.arrays().items()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over the arrays of a `state_dict`, of this package or of PyTorch; the dtype of the module stays.

        Raises
        ------
        TypeError, ValueError
            Naming every entry that is missing, unexpected or does not fit; the module is then unchanged.
        """
        new, first = fitted(self.arrays(), state, type(self).__name__), {}
        for path, (owner, name) in self.slots().items():
            twin = first.setdefault(id(getattr(owner, name)), path)
            if twin != path and not np.array_equal(new[twin], new[path], equal_nan=True):
                raise ValueError(f"{twin} and {path} are one parameter, to which the state gives different values")
        self.replace(lambda path, array: new[path])

    def __repr__(self):
        inside = "".join(f"\n  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.children())
        return f"{type(self).__name__}({self.extra_repr()}{inside}{chr(10) if inside else ''})"

    def extra_repr(self) -> str:
        """What the representation shows between the parentheses."""
        return ""


def _refuse_loss(module, name, value):
    """Raise if ``module.name = value`` would lose something that is learned, saved or applied, without a word."""
    where = f"{type(module).__name__}.{name}"
    before, after = _kind(vars(module).get(name)), _kind(value)
    if before and after != before and value is not None:
        hint = f"; {name}.data = array changes its numbers alone" if before == "a Parameter" else ""
        raise TypeError(f"{where} is {before} and cannot become {type(value).__name__}: assign {before} or None{hint}")
    if after == "an array" and name in vars(module) and not before:
        raise TypeError(
            f"{where} is {vars(module)[name]!r} and cannot become an array, which would be saved but not learned: "
            "Parameter(array) is learned, and a buffer is an array from the beginning"
        )
    if after == "an array" and value.dtype.kind not in "fiub":
        raise TypeError(f"{where} would be a buffer, and these hold real numbers, not {value.dtype}")
    if after and (name == "training" or "." in name or callable(getattr(type(module), name, None))):
        raise ValueError(f"{name!r} cannot be the name of {after}: it has a dot, or a module has a method of that name")
    if not after and isinstance(value, Tensor) and value.requires_grad and not value.edges:
        raise TypeError(f"{where} would not be found as a Tensor: a Parameter is learned, an array is saved")
    _refuse_hidden(where, value)


def _kind(value):
    """What an attribute is to its module, if it is anything."""
    if isinstance(value, Parameter):
        return "a Parameter"
    if isinstance(value, Module):
        return "a Module"
    return "an array" if is_array(value) else None


def _refuse_hidden(where, value):
    """Raise for Modules or Parameters in a list, a tuple, a dictionary or a set: nobody would find them."""
    if isinstance(value, CONTAINERS):
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, (Parameter, Module)):
                raise TypeError(
                    f"{where} holds {_kind(inner)} in a {type(value).__name__}, where it would "
                    "neither learn nor be saved: use ModuleList([...]), or an attribute for each"
                )
            _refuse_hidden(where, inner)


class Sequential(Module):
    """Modules applied one after the other; children are named "0", "1", …"""

    def __init__(self, *modules: Module):
        for module in modules:
            self.append(module)

    def append(self: M, module: Module) -> M:
        """Add a module at the end."""
        last = max([int(name) for name, _ in self.children() if name.isdigit()], default=-1)
        setattr(self, str(last + 1), _instance(module, type(self).__name__))
        return self

    def forward(self, input: Tensor) -> Tensor:
        """Apply all modules in order."""
        for module in self:
            input = module(input)
        return input

    def __iter__(self):
        return iter([child for _, child in self.children()])

    def __len__(self):
        return len(self.children())

    def __getitem__(self, index):
        return list(self)[index]


class ModuleList(Sequential):
    """A list of modules, which the owner applies as it likes."""

    def __init__(self, modules: Iterable[Module] = ()):
        super().__init__(*modules)

    def forward(self, *args) -> NoReturn:
        """A list is not a function."""
        raise TypeError("a ModuleList cannot be called; iterate over it, or use Sequential")


def _instance(module, owner):
    if isinstance(module, Module):
        return module
    if isinstance(module, type) and issubclass(module, Module):
        raise TypeError(f"{owner} got the class {module.__name__}: write {module.__name__}(), with its parentheses")
    if isinstance(module, (list, tuple)):
        raise TypeError(f"{owner} got a {type(module).__name__}: Sequential(*modules), ModuleList(modules)")
    name = getattr(module, "__name__", type(module).__name__)
    raise TypeError(f"{owner} holds Modules, and {name} is none: a function needs one, as relu has nn.ReLU()")
