"""Taking over a state: all of it or nothing, whatever the state holds."""

import numpy as np
import pytest

from scratchgan import nn, optim
from scratchgan.nn import AveragedWeights
from scratchgan.nn.state import fitted

OWN = {"weight": np.zeros((2, 3), np.float32), "bias": np.zeros(3), "count": np.array(0)}
FITS = {"weight": np.ones((2, 3)), "bias": np.ones(3, np.float32), "count": np.array(4, np.int32)}


def test_the_copies_have_the_dtype_and_the_order_of_what_they_replace():
    own = OWN | {"weight": np.zeros((3, 2), np.float32).T}
    new = fitted(own, FITS, "thing")
    assert [new[name].dtype for name in own] == [np.float32, np.float64, np.int64]
    assert new["weight"].flags.f_contiguous and (new["weight"] == 1).all() and new["count"] == 4
    assert not any(np.shares_memory(new[name], FITS[name]) for name in own)


@pytest.mark.parametrize(
    "saved",
    [{"bias": [1, 2, 3]}, {"count": np.array(True)}, {"weight": [[np.nan] * 3] * 2}, {"weight": [[np.inf] * 3] * 2}],
)
def test_what_can_be_said_in_the_same_numbers_fits(saved):
    (name,) = saved
    np.testing.assert_array_equal(fitted(OWN, FITS | saved, "thing")[name], np.asarray(saved[name]))


MISFITS = {
    "shape": ({"bias": np.zeros((1, 3))}, r"bias has shape \(1, 3\) instead of \(3,\)"),
    "complex": ({"bias": np.zeros(3, complex)}, "bias is complex128 instead of float64"),
    "strings": ({"bias": np.array(["1", "2", "3"])}, "bias is <U1 instead of float64"),
    "objects": ({"bias": np.array([1.0, None, 2.0])}, "bias is object instead of float64"),
    "fractions": ({"count": np.array(3.5)}, "count is float64 instead of int64"),
    "too large": ({"weight": np.full((2, 3), 1e300)}, "weight has numbers too large for float32"),
    "too large beside a NaN": ({"weight": [[np.nan, 1e300, 0]] * 2}, ".* too large for float32"),
    "another name": ({"scale": np.zeros(3)}, "unexpected scale"),
}


@pytest.mark.parametrize("saved, message", MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_named(saved, message):
    with pytest.raises(ValueError, match=f"does not fit this thing: {message}"):
        fitted(OWN, FITS | saved, "thing")


def test_a_missing_entry_is_named_with_all_other_faults():
    with pytest.raises(ValueError, match="missing weight; missing count; unexpected more; bias is complex128"):
        fitted(OWN, {"bias": np.zeros(3, complex), "more": 1}, "thing")


@pytest.mark.parametrize("saved", ["checkpoint.npz", [1, 2], None])
def test_a_state_is_a_dictionary(saved):
    with pytest.raises(TypeError, match=f"dictionary of arrays, not {type(saved).__name__}"):
        fitted(OWN, saved, "thing")


def module():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


OWNERS = {
    "module": (module, "1.num_batches_tracked"),
    "average": (lambda: AveragedWeights(module(), 0.5), "1.num_batches_tracked"),
    "SGD": (lambda: optim.SGD(module().parameters(), 0.1, 0.9), "3.momentum_buffer"),
    "RMSprop": (lambda: optim.RMSprop(module().parameters()), "3.momentum_buffer"),
    "Adam": (lambda: optim.Adam(module().parameters()), "3.exp_avg_sq"),
}
SPOILT = {
    "missing": lambda array: None,
    "shape": lambda array: np.zeros((*array.shape, 2)),
    "complex": lambda array: array.astype(complex),
    "objects": lambda array: np.full(array.shape, None),
}


@pytest.mark.parametrize("fault", SPOILT)
@pytest.mark.parametrize("owner, last", OWNERS.values(), ids=OWNERS)
def test_a_fault_in_the_last_entry_leaves_everything_as_it_was(owner, last, fault):
    owner, other = owner(), owner()
    before = owner.state_dict()
    state = {name: array + 1 if array.dtype.kind == "f" and array.ndim else array for name, array in before.items()}
    state[last] = SPOILT[fault](other.state_dict()[last])
    if fault == "missing":
        del state[last]
    with pytest.raises(ValueError, match=last):
        owner.load_state_dict(state)
    assert owner.state_dict().keys() == before.keys()
    for name, array in owner.state_dict().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_one_parameter_under_two_names_has_one_value():
    layer = nn.Linear(2, 2)
    twice = nn.Sequential(layer, layer)
    state = {name: array + 1 for name, array in twice.state_dict().items()}
    twice.load_state_dict(state)
    np.testing.assert_array_equal(layer.weight.data, state["0.weight"])
    before = layer.weight.data
    with pytest.raises(ValueError, match="0.weight and 1.weight are one parameter"):
        twice.load_state_dict(state | {"1.weight": state["1.weight"] + 1})
    assert layer.weight.data is before
    unknown = {name: array * np.nan for name, array in state.items()}
    twice.load_state_dict(unknown)
    assert np.isnan(layer.weight.data).all()
