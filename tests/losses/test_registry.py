"""Every loss, and every layer made for discriminators, through the cases of `scratchgan.testing.losses`.

Right to third order, in float32 as in float64, and nothing is written into. That they are the right functions is for
the other files to say.
"""

import inspect
import pkgutil
from importlib import import_module

import numpy as np
import pretend
import pytest
from derivatives import value_and_derivatives
from parity import derivatives

from scratchgan import losses
from scratchgan.nn import minibatch, spectral
from scratchgan.testing import check_grads
from scratchgan.testing.losses import CASES

every_case = pytest.mark.parametrize("case", CASES, ids=str)

NOT_DIFFERENTIABLE = {
    "on_lines": "its points are constants",
    "perturb": "its points are constants",
    "clip_weights": "it moves weights",
    "linear_decay": "it gives a number",
    "bernoulli": "its bits are constants",
    "power_iteration": "it turns arrays",
}


def defined_in(modules, kind):
    """The public functions or classes that are defined in these modules themselves."""
    for module in modules:
        for name, value in inspect.getmembers(module, kind):
            if value.__module__ == module.__name__ and not name.startswith("_"):
                yield name, value


def public_losses():
    """ "r1_penalty", "Hinge.generator_loss", "MinibatchStdDev", …: all that has a derivative, or should."""
    files = [import_module(f"{losses.__name__}.{entry.name}") for entry in pkgutil.iter_modules(losses.__path__)]
    for name, _ in defined_in([*files, minibatch, spectral], inspect.isfunction):
        yield name
    for name, kind in defined_in(files, inspect.isclass):
        if kind is not losses.Objective:
            yield from (f"{name}.{method}" for method in dir(kind) if method.endswith("_loss") or method == "penalty")
    for name, _ in defined_in([minibatch, spectral], inspect.isclass):
        yield name


def test_every_public_loss_has_a_case():
    names = list(public_losses())
    assert {"Hinge.generator_loss", "HistoricalAverage.penalty", "r1_penalty", "SpectralNorm"} < set(names)
    assert {case.name for case in CASES} == set(names) - NOT_DIFFERENTIABLE.keys()
    assert NOT_DIFFERENTIABLE.keys() <= set(names)


def test_every_objective_is_in_the_dictionary_from_which_one_chooses():
    kinds = {
        value for value in vars(losses).values() if isinstance(value, type) and issubclass(value, losses.Objective)
    }
    assert {type(objective) for objective in losses.OBJECTIVES.values()} == kinds - {losses.Objective}
    assert len({repr(objective) for objective in losses.OBJECTIVES.values()}) == len(losses.OBJECTIVES)


@every_case
def test_first_second_and_third_derivative(case):
    check_grads(case.call, case.arrays(), order=3)


@every_case
def test_float32_stays_float32(case):
    single = value_and_derivatives(case.call, case.arrays(np.float32))
    assert [x.dtype for x in single] == [np.float32] * len(single)
    for x32, x64 in zip(single, value_and_derivatives(case.call, case.arrays())):
        np.testing.assert_allclose(x32.data, x64.data, rtol=0, atol=1e-4 * (1 + np.abs(x64.data).max(initial=0)))


def read_only(array):
    array.flags.writeable = False
    return array


@every_case
def test_arguments_and_cotangents_are_not_modified(case):
    value_and_derivatives(case.call, case.arrays(), read_only)


@every_case
def test_on_a_device_the_numbers_are_the_same_and_stay_there(case):
    """On a stand-in for CuPy, whose arrays refuse to meet NumPy's."""
    for there, here in zip(derivatives(case, pretend.asarray), derivatives(case), strict=True):
        assert type(there) is pretend.ndarray
        np.testing.assert_allclose(there.get(), here, rtol=1e-12, atol=1e-12)
