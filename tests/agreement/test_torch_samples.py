"""PyTorch's own operator samples: value, gradient and gradient of the gradient agree with PyTorch's, in float64.

PyTorch tests itself with lists of arguments for each operator, made to hit the odd cases: 0-d and empty tensors,
broadcasting, every option. They are run through `scratchgan.functional` with random cotangents.
"""

import re

import numpy as np
import pytest

from scratchgan import Tensor, grad
from scratchgan import functional as F

torch = pytest.importorskip("torch", reason="agreement with PyTorch is checked where it is installed")

# The options that scratchgan refuses, as its message names them. Nothing else may be refused.
REFUSED = re.compile("(dilation|groups|rounding_mode)=.* is not supported|mode '(bicubic|area)' is not supported")

# Of very many samples, every n-th.
EVERY = {"max_pool2d": 7, "unfold": 7}

# Functions without samples (fold, getitem: see gradcheck/test_adjoint.py), or whose result is random.
NO_SAMPLES = {"dropout", "fold", "getitem"}

# Other orders of arguments: those of the sample -> ours.
ADAPTED = {
    "where": lambda x, mask, other: F.where(mask, x, other),
    "embedding": lambda weight, index, **options: F.embedding(index, weight, **options),
}


def _shape(value):
    return tuple(value.shape)


def known_deviation(name, x, args, kwargs):
    """Why scratchgan raises an error where PyTorch gives a result; None for all other samples."""
    if name == "pad" and "circular" in (*args, *kwargs.values()) and min(args[0]) < 0:
        return "circular padding does not crop"
    if name == "batch_norm" and _shape(x) == (0,):
        return "a batch has channels"
    if name == "cat" and {_shape(t) for t in x} == {(0,), (5, 5)}:
        return "PyTorch skips empty vectors, whatever the other shapes, as it did before it had empty tensors"
    if name == "gather" and args[1].ndim != x.ndim:
        return "an index has as many axes as the input"
    return None


@pytest.fixture(scope="module")
def operators():
    """{name: PyTorch's descriptions of the operator and its variants}."""
    reason = "PyTorch's operator samples cannot be imported (they need the package expecttest)"
    samples = pytest.importorskip(
        "torch.testing._internal.common_methods_invocations", reason=reason, exc_type=ImportError
    )
    found = {}
    for operator in samples.op_db:
        if operator.name != "unfold":  # Tensor.unfold, which is another function
            found.setdefault(operator.name.replace("nn.functional.", ""), []).append(operator)
    return found


def translate(value, leaves):
    """The arguments of a sample as ours. ``leaves`` collects pairs (ours, PyTorch's) of those to differentiate."""
    if isinstance(value, torch.Tensor):
        tensor = Tensor(value.detach().numpy().copy(), requires_grad=value.requires_grad)
        if value.requires_grad:
            leaves.append((tensor, value))
        return tensor
    if isinstance(value, (list, tuple)):
        return type(value)(translate(item, leaves) for item in value)
    if isinstance(value, dict):
        return {key: translate(item, leaves) for key, item in value.items()}
    return np.float64 if value is torch.float64 else value


def assert_agrees(ours, theirs, tolerance, sample):
    """``theirs`` is None where PyTorch finds no dependence: a gradient of zeros."""
    expected = np.zeros(ours.shape) if theirs is None else theirs.detach().clone().numpy()  # clone: zeros may be lazy
    np.testing.assert_allclose(ours.data, expected, rtol=tolerance, atol=tolerance / 1000, err_msg=sample)
    assert ours.shape == expected.shape and ours.dtype == expected.dtype


def compare(y, z, leaves, sample):
    """Ours, y, with PyTorch's, z: the values and the derivatives with respect to the leaves and the cotangent."""
    assert_agrees(y, z, 1e-9, sample)
    if not leaves:
        return
    rng = np.random.default_rng(0)
    ours, theirs = map(list, zip(*leaves))
    cotangent = rng.standard_normal(y.shape)
    g, h = Tensor(cotangent, requires_grad=True), torch.tensor(cotangent, requires_grad=True)
    first = grad(y, ours, g, create_graph=True, allow_unused=True)
    expected = torch.autograd.grad(z, theirs, h, create_graph=True, allow_unused=True)
    for p, q in zip(first, expected, strict=True):
        assert_agrees(p, q, 1e-7, sample)

    live = [(p, q, rng.standard_normal(p.shape)) for p, q in zip(first, expected) if q is not None and q.requires_grad]
    if not live:
        return
    ps, qs, directions = zip(*live)
    second = grad(ps, [*ours, g], [Tensor(d) for d in directions], allow_unused=True)
    expected = torch.autograd.grad(qs, [*theirs, h], [torch.tensor(d) for d in directions], allow_unused=True)
    for p, q in zip(second, expected, strict=True):
        assert_agrees(p, q, 1e-6, sample)


@pytest.mark.parametrize("name", sorted(set(F.__all__) - NO_SAMPLES))
@pytest.mark.filterwarnings("ignore")  # of NumPy about means of nothing, of PyTorch about its own old options
def test_samples_of(name, operators):
    function = ADAPTED.get(name, getattr(F, name))
    compared = 0
    for operator in operators[name]:
        samples = list(operator.sample_inputs("cpu", torch.float64, requires_grad=True))
        for sample in samples[:: EVERY.get(name, 1)]:
            leaves = []
            x, args, kwargs = (translate(part, leaves) for part in (sample.input, sample.args, sample.kwargs))
            if known_deviation(name, x, args, kwargs):
                with pytest.raises((ValueError, IndexError)):
                    function(x, *args, **kwargs)
                continue
            try:
                y = function(x, *args, **kwargs)
            except NotImplementedError as refusal:
                assert REFUSED.search(str(refusal)), refusal
                continue
            z = operator.op(sample.input, *sample.args, **sample.kwargs)
            if isinstance(y, tuple):  # also the positions of the maxima
                np.testing.assert_array_equal(y[1].data, z[1].numpy(), str(sample))
                y, z = y[0], z[0]
            compare(y, z, leaves, str(sample))
            compared += 1
    assert compared


def test_every_function_has_samples_or_is_listed(operators):
    assert set(F.__all__) - set(operators) <= NO_SAMPLES
