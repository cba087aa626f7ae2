"""Modules: trees of parameters. An attribute is a parameter, a buffer (an array) or a child module by its type."""

import numpy as np

from scratchgan.backend import copied_like, device_module, is_array, to_numpy
from scratchgan.tensor import Parameter


class Module:
    """A function with parameters, found by looking at the attributes.

    Attributes of type `Parameter` are learned, plain arrays are *buffers* (state that is saved but not learned, such as
    running statistics), Modules are children.

    Attributes
    ----------
    training : bool
        Whether the module behaves as in training (dropout, batch statistics); see `train` and `eval`.
    """

    training = True

    def __call__(self, *args):
        return self.forward(*args)

    def children(self):
        """The child modules with their names: pairs, in order of assignment."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]

    def modules(self):
        """This module and all below it."""
        yield self
        for _, child in self.children():
            yield from child.modules()

    def slots(self, prefix=""):
        """Where the state is, this module's own first: {path: (owner, attribute name)}, parameters and buffers."""
        own = {prefix + k: (self, k) for k, v in vars(self).items() if isinstance(v, Parameter) or is_array(v)}
        for name, child in self.children():
            own |= child.slots(f"{prefix}{name}.")
        return own

    def named_parameters(self):
        """Pairs of path, such as ``"0.weight"``, and `Parameter`; one that is shared is named once."""
        values = {path: getattr(owner, name) for path, (owner, name) in self.slots().items()}
        first = {id(value): path for path, value in reversed(values.items())}
        return [(k, v) for k, v in values.items() if isinstance(v, Parameter) and first[id(v)] == k]

    def parameters(self):
        """The parameters, as a list in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self):
        """Pairs of path and array."""
        values = [(path, getattr(owner, name)) for path, (owner, name) in self.slots().items()]
        return [(path, value) for path, value in values if is_array(value)]

    def arrays(self):
        """The values of parameters and buffers, not copied: {path: array}."""
        return {path: owner._get(name) for path, (owner, name) in self.slots().items()}

    def replace(self, function):
        """Put ``function(path, array)`` in the place of each parameter's and buffer's array."""
        once = {id(getattr(owner, name)): (path, owner, name) for path, (owner, name) in self.slots().items()}
        for path, owner, name in once.values():
            owner._set(name, function(path, owner._get(name)))
        return self

    def train(self, mode=True):
        """Set training mode for this module and all below it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """Set evaluation mode for this module and all below it."""
        return self.train(False)

    def to(self, target):
        """Convert floating parameters and buffers to a dtype, such as ``np.float64``, or move all to "cpu" or "gpu".

        Before an optimiser is made: it keeps arrays beside the parameters it is given.
        """
        if isinstance(target, str):
            module = device_module(target)
            return self.replace(lambda _, array: to_numpy(array) if module is np else module.asarray(array))
        dtype = np.dtype(target)
        if dtype.kind != "f":
            raise TypeError(f"a module holds floating numbers, it cannot be converted to {dtype}")
        return self.replace(lambda _, array: array.astype(dtype) if array.dtype.kind == "f" else array)

    def _get(self, name):
        value = getattr(self, name)
        return value.data if isinstance(value, Parameter) else value

    def _set(self, name, array):
        value = getattr(self, name)
        if isinstance(value, Parameter):
            value.data = array
        else:
            setattr(self, name, np.asarray(array) if isinstance(array, np.generic) else array)

    def state_dict(self):
        """Copies of all parameters and buffers as NumPy arrays, under PyTorch's keys and in its layouts."""
        return {path: np.array(to_numpy(array)) for path, array in self.arrays().items()}

    def load_state_dict(self, state):
        """Take over the arrays of a `state_dict`, of this package or of PyTorch; the dtype of the module stays.

        Raises
        ------
        ValueError
            Naming every missing, unexpected or differently shaped entry; the module is then unchanged.
        """
        own = self.arrays()
        complaints = [f"missing {path}" for path in own if path not in state]
        complaints += [f"unexpected {path}" for path in state if path not in own]
        complaints += [
            f"{path} has shape {np.shape(state[path])} instead of {array.shape}"
            for path, array in own.items()
            if path in state and np.shape(state[path]) != array.shape
        ]
        if complaints:
            raise ValueError(f"the state does not fit this {type(self).__name__}: " + "; ".join(complaints))
        self.replace(lambda path, array: copied_like(state[path], array))

    def __repr__(self):
        inside = "".join(f"\n  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.children())
        return f"{type(self).__name__}({self.extra_repr()}{inside}{chr(10) if inside else ''})"

    def extra_repr(self):
        """What the representation shows between the parentheses."""
        return ""


class Sequential(Module):
    """Modules applied one after the other; children are named "0", "1", …"""

    def __init__(self, *modules):
        for i, module in enumerate(modules):
            setattr(self, str(i), module)

    def forward(self, input):
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

    def __init__(self, modules=()):
        super().__init__(*modules)

    def append(self, module):
        """Add a module at the end."""
        setattr(self, str(len(self)), module)
        return self

    def forward(self, *args):
        """A list is not a function."""
        raise TypeError("a ModuleList cannot be called; iterate over it, or use Sequential")
