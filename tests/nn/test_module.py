"""Modules lose nothing without a word: what is learned, saved or applied stays so, or is refused."""

import copy
import pickle

import numpy as np
import pytest
from seeded import rng

from scratchgan import Parameter, Tensor, grad, nn, optim
from scratchgan import functional as F


def network():
    return nn.Sequential(nn.Linear(2, 3, rng=rng()), nn.BatchNorm1d(3), nn.Linear(3, 1, bias=False, rng=rng(1)))


# What a sequence is made of ------------------------------------------------------------------------------------------

NO_MODULES = {
    "a class": (nn.ReLU, r"got the class ReLU: write ReLU\(\), with its parentheses"),
    "a function": (F.relu, "holds Modules, and relu is none"),
    "a list": ([nn.ReLU()], r"got a list: Sequential\(\*modules\)"),
    "None": (None, "NoneType is none"),
    "a parameter": (Parameter(np.ones(3)), "Parameter is none"),
    "a string": ("ReLU", "str is none"),
}
SEQUENCES = {
    "Sequential": lambda module: nn.Sequential(nn.Linear(4, 4), module, nn.Linear(4, 1)),
    "ModuleList": lambda module: nn.ModuleList([nn.Linear(4, 4), module]),
    "ModuleList.append": lambda module: nn.ModuleList().append(module),
    "Sequential.append": lambda module: nn.Sequential().append(module),
}


@pytest.mark.parametrize("make", SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("module, message", NO_MODULES.values(), ids=NO_MODULES)
def test_what_is_no_module_cannot_be_dropped_from_a_sequence(make, module, message):
    with pytest.raises(TypeError, match=message):
        make(module)


def test_a_module_is_appended_after_the_last_one_also_where_one_is_missing():
    modules = nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.ELU()])
    setattr(modules, "0", None)
    modules.append(nn.Sigmoid())
    assert [type(module).__name__ for module in modules] == ["Tanh", "ELU", "Sigmoid"]


# What an attribute is, it stays --------------------------------------------------------------------------------------

ARRAY = np.ones((3, 2), np.float32)
KEEPS_ITS_KIND = {
    "an array over a weight": ("0", "weight", ARRAY, r"Linear.weight is a Parameter .* ndarray: .*weight.data = array"),
    "a Tensor over a weight": ("0", "weight", Tensor(ARRAY), "is a Parameter and cannot become Tensor"),
    "a list over a weight": ("0", "weight", [[1, 2]], "is a Parameter and cannot become list"),
    "a number over a weight": ("0", "weight", 1.0, "is a Parameter and cannot become float"),
    "a module over a weight": ("0", "weight", nn.ReLU(), "is a Parameter and cannot become ReLU"),
    "an array over a bias that is left out": ("2", "bias", np.ones(1), "is None and cannot become an array"),
    "a list over a buffer": ("1", "running_mean", [0, 0, 0], "running_mean is an array and cannot become list"),
    "a Parameter over a buffer": ("1", "running_mean", Parameter(np.ones(3)), "an array and cannot become Parameter"),
    "a Tensor over a buffer": ("1", "running_var", Tensor(np.ones(3)), "is an array and cannot become Tensor"),
    "a class over a module": (None, "1", nn.ReLU, "Sequential.1 is a Module and cannot become type"),
    "a function over a module": (None, "1", F.relu, "is a Module and cannot become function"),
    "objects as a buffer": (None, "names", np.array([None, 1]), "these hold real numbers, not object"),
    "words as a buffer": (None, "names", np.array(["a", "b"]), "not <U1"),
    "a Tensor to be learned": (None, "gain", Tensor(ARRAY, requires_grad=True), "a Parameter is learned"),
}


@pytest.mark.parametrize("child, name, value, message", KEEPS_ITS_KIND.values(), ids=KEEPS_ITS_KIND)
def test_what_would_be_lost_is_refused_and_nothing_changes(child, name, value, message):
    module = network()
    before = module.state_dict()
    with pytest.raises(TypeError, match=message):
        setattr(getattr(module, child) if child else module, name, value)
    assert [type(each).__name__ for each in module] == ["Linear", "BatchNorm1d", "Linear"]
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


def test_another_parameter_module_or_buffer_may_take_the_place_and_none_empty_it():
    module = network()
    weight, mean = Parameter(2 * ARRAY), np.arange(3, dtype=np.float32)
    module[0].weight, module[1].running_mean, module[2].weight = weight, mean, None
    setattr(module, "2", nn.ReLU())
    assert module.parameters()[0] is weight and module.arrays()["1.running_mean"] is mean
    module[0].bias = None
    assert list(module.state_dict())[:2] == ["0.weight", "1.weight"]
    module[0].bias = Parameter(np.zeros(3, np.float32))
    assert "0.bias" in module.state_dict()


def test_results_and_constants_may_be_kept_as_tensors():
    """A critic may keep its features for a loss; they are no part of its state."""
    module, x = nn.Linear(2, 3), Tensor(ARRAY)
    module.features = F.relu(module(x))
    module.anchor = x
    assert list(module.state_dict()) == ["weight", "bias"]


def test_a_count_stays_a_buffer_when_numpy_makes_it_a_scalar():
    layer = nn.BatchNorm1d(3)
    layer.num_batches_tracked = layer.num_batches_tracked + 1
    assert layer.state_dict()["num_batches_tracked"] == 1


def test_a_trained_weight_stays_trained():
    """Whether a way to change its numbers is refused or not, the weight learns afterwards."""
    layer = nn.Linear(2, 3)
    with pytest.raises(TypeError):
        layer.weight = ARRAY
    layer.weight.data = ARRAY
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    optimizer.step(grad((layer(Tensor(ARRAY)) ** 2).sum(), optimizer.params))
    assert len(optimizer.params) == 2 and (layer.weight.data != ARRAY).all()


# Where nothing is found ----------------------------------------------------------------------------------------------

HIDDEN = {
    "a list": [nn.Linear(2, 2)],
    "a tuple": (1, nn.Linear(2, 2)),
    "a dictionary": {"first": nn.Linear(2, 2)},
    "a set": {nn.ReLU()},
    "a list of lists": [[1], [nn.Linear(2, 2)]],
    "a list of parameters": [Parameter(ARRAY)],
    "a dictionary of tuples": {"gains": (Parameter(ARRAY), 1)},
}


@pytest.mark.parametrize("value", HIDDEN.values(), ids=HIDDEN)
def test_modules_and_parameters_in_a_container_are_refused_with_the_way_out(value):
    with pytest.raises(TypeError, match=r"Sequential.layers holds a (Module|Parameter) in a \w+, .*ModuleList"):
        network().layers = value


def test_what_is_appended_to_a_list_later_is_found_missing():
    module = network()
    module.layers = []
    module.layers.append(nn.Linear(2, 2))
    for use in (module.parameters, module.state_dict, lambda: module.to(np.float64)):
        with pytest.raises(TypeError, match="layers holds a Module in a list"):
            use()


def test_ordinary_containers_are_no_business_of_a_module():
    module = network()
    module.sizes, module.names, module.codes = [1, 2], {"a": (3, "b")}, {4}
    assert len(module.parameters()) == 5


@pytest.mark.parametrize("value", [Parameter(ARRAY), nn.ReLU()], ids=["parameter", "module"])
def test_what_belongs_to_the_class_would_never_be_found(value):
    with pytest.raises(TypeError, match="Net.part would never be found in the class: assign it in __init__"):
        type("Net", (nn.Module,), {"part": value})


def test_a_list_of_the_class_is_refused():
    with pytest.raises(TypeError, match="Net.parts holds a Module in a list"):
        type("Net", (nn.Module,), {"parts": [nn.ReLU()]})


@pytest.mark.parametrize("name", ["a.b", "forward", "parameters", "train", "training", "replace"])
def test_a_name_with_a_dot_or_of_a_method_is_refused(name):
    for value in (nn.ReLU(), Parameter(ARRAY), ARRAY):
        with pytest.raises(ValueError, match=f"'{name}' cannot be the name of a"):
            setattr(network(), name, value)


def test_a_subclass_needs_no_super_and_may_call_it_whenever_it_likes():
    def of(*order):
        class Net(nn.Module):
            def __init__(self):
                for step in order:
                    step(self)

            def forward(self, input):
                return self.inner(input) * self.scale

        return Net()

    def parts(self):
        self.inner, self.scale = nn.Linear(2, 3), Parameter(np.ones(3, np.float32))

    def before(self):
        super(type(self), self).__init__()

    for order in ((parts,), (before, parts), (parts, before)):
        assert list(of(*order).state_dict()) == ["scale", "inner.weight", "inner.bias"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_shares_nothing_and_keeps_what_was_shared(again):
    layer = nn.Linear(2, 2)
    module = nn.Sequential(layer, nn.BatchNorm1d(2), layer)
    other = again(module)
    assert other[0] is other[2] is not layer and len(other.parameters()) == 4
    assert not any(np.shares_memory(a, b) for a, b in zip(module.arrays().values(), other.arrays().values()))
    with pytest.raises(TypeError, match="is a Parameter"):
        other[0].weight = ARRAY


def test_keywords_reach_the_forward_pass():
    x = Tensor(ARRAY)
    np.testing.assert_array_equal(nn.ReLU()(input=x).data, ARRAY)


# Habits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, instead",
    [
        ("cuda", r'module.to\("gpu"\)'),
        ("cpu", r'module.to\("cpu"\)'),
        ("float", "np.float32"),
        ("double", "np.float64"),
        ("half", "float32 or float64"),
        ("zero_grad", "nothing to clear"),
        ("requires_grad_", "nothing to freeze"),
        ("register_buffer", "module.name = array"),
        ("register_parameter", r"Parameter\(array\)"),
        ("add_module", "another module"),
        ("apply", "module.modules"),
    ],
)
def test_who_comes_from_pytorch_is_told_what_to_write(name, instead):
    with pytest.raises(AttributeError, match=f"Linear has no attribute '{name}': .*{instead}"):
        getattr(nn.Linear(2, 2), name)
    with pytest.raises(AttributeError, match="Linear has no attribute 'wieght'$"):
        nn.Linear(2, 2).wieght


@pytest.mark.parametrize("dtype", [np.float16, "f2", np.longdouble, np.int32, bool, None, complex])
def test_a_module_computes_in_float32_or_float64(dtype):
    module = network()
    with pytest.raises((TypeError, ValueError), match="float32 or float64, it cannot be converted to|device must be"):
        module.to(dtype)
    assert {p.dtype for p in module.parameters()} == {np.dtype(np.float32)}
