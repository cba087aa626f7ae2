"""Arrays that are not NumPy's: on a stand-in for CuPy, every function gives NumPy's numbers and stays on the device."""

import games
import numpy as np
import pretend
import pytest
from parity import derivatives, train, wgan_gp

from scratchgan import Parameter, Tensor, grad, nn, no_grad, optim
from scratchgan import functional as F
from scratchgan.backend import array_like, array_module, is_array, to_numpy
from scratchgan.testing.cases import CASES


def device(module):
    """The module with its state on the pretended device, as ``to("gpu")`` would leave it."""
    return module.replace(lambda _, array: pretend.asarray(array))


def x(*shape):
    return Tensor(pretend.asarray(np.random.default_rng(0).standard_normal(shape)), requires_grad=True)


# The stand-in can catch something -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "misuse",
    [
        np.asarray,
        lambda a: np.ones(3) + a,
        lambda a: a * np.ones(3),
        lambda a: np.maximum(a, np.zeros(3)),
        lambda a: np.concatenate([a, np.ones(3)]),
        lambda a: np.where(np.ones(3, bool), a, 0.0),
        lambda a: np.add.reduce(a),
        lambda a: np.cumsum(a),
        lambda a: a.max(0, initial=0.0),
        lambda a: a.__setitem__(0, np.ones(1)),
        lambda a: np.zeros(3).__setitem__(slice(None), a),
    ],
)
def test_the_stand_in_refuses_what_cupy_refuses(misuse):
    with pytest.raises(TypeError):
        misuse(pretend.asarray(np.ones(3)))


def test_the_stand_in_keeps_reductions_on_the_device():
    a = pretend.asarray(np.ones((2, 3)))
    for value in (a.sum(), a.mean(0), np.exp(a.max()), a[0, 0], a @ a.T, a == 1):
        assert type(value) is pretend.ndarray


# The backend ---------------------------------------------------------------------------------------------------------


def test_the_backend_knows_where_an_array_lives():
    host, there = np.ones(2), pretend.asarray(np.ones(2))
    assert array_module(host) is np and array_module(there) is pretend
    assert is_array(host) and is_array(there) and not is_array(2.0)
    assert array_like(host, host) is host and type(array_like(host, there)) is pretend.ndarray
    assert to_numpy(host) is host and type(to_numpy(there)) is np.ndarray


def test_a_tensor_wraps_it_and_comes_back_only_when_asked():
    a = pretend.asarray(np.array([1.0, 2.0]))
    t = Tensor(a)
    assert t.data is a and type(t.numpy()) is np.ndarray
    assert t[1].item() == 2.0 and float(t.sum()) == 3.0 and len(t) == 2
    assert repr(t) == "Tensor([1., 2.], dtype=float64)"


# Functions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_function_gives_the_same_numbers_to_second_order_and_stays_on_the_device(case):
    expected, actual = derivatives(case), derivatives(case, pretend.asarray)
    for a, b in zip(actual, expected, strict=True):
        assert type(a) is pretend.ndarray and a.dtype == b.dtype
        np.testing.assert_allclose(a._host, b, rtol=1e-12, atol=1e-12)


def test_grad_makes_its_own_arrays_on_the_device():
    """The cotangent 1 of a scalar, and the zeros of an unused input."""
    a, unused = x(2), x(3)
    for g in grad((a * a).sum(), [a, unused], allow_unused=True):
        assert type(g.data) is pretend.ndarray


def test_indices_may_be_tensors_on_the_device():
    a = x(3, 4)
    rows, mask = Tensor(pretend.asarray(np.array([2, 0, 2]))), a > 0
    (g,) = grad(a[rows].sum() + a[mask].sum(), a)
    np.testing.assert_array_equal(g.numpy(), np.array([[1.0], [0], [2]]) + mask.numpy())


def test_dropout_draws_on_the_host_and_puts_the_mask_on_the_device():
    a = np.ones((4, 5))
    there = F.dropout(Tensor(pretend.asarray(a)), 0.5, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(there.numpy(), F.dropout(Tensor(a), 0.5, rng=np.random.default_rng(1)).data)


# Modules, optimisers, training ---------------------------------------------------------------------------------------


def test_a_state_comes_to_the_host_and_loads_onto_the_device():
    module = device(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    assert {type(array) for array in module.state_dict().values()} == {np.ndarray}
    state = {path: np.asarray(array + 1) for path, array in module.state_dict().items()}
    module.load_state_dict(state)
    assert all(type(array) is pretend.ndarray for array in module.arrays().values())
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(array, state[path], err_msg=path)


def test_a_module_changes_its_dtype_and_comes_back_to_the_cpu():
    module = device(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    arrays = module.to(np.float64).arrays().values()
    assert {type(a) for a in arrays} == {pretend.ndarray} and module[0].weight.dtype == np.float64
    assert {type(a) for a in module.to("cpu").arrays().values()} == {np.ndarray}


@pytest.mark.parametrize(
    "make", [lambda p: optim.SGD(p, 0.1, 0.9), optim.RMSprop, optim.Adam], ids=["SGD", "RMSprop", "Adam"]
)
def test_optimisers_step_save_and_load_on_the_device(make):
    def run(place):
        w = Parameter(place(np.arange(3.0)))
        optimizer = make([w])
        for _ in range(3):
            optimizer.step(grad((w**3).sum(), w))
            again = make([w])
            again.load_state_dict(optimizer.state_dict())
            optimizer = again
        return w

    there, here = run(pretend.asarray), run(lambda array: array)
    assert type(there.data) is pretend.ndarray
    np.testing.assert_allclose(there.numpy(), here.data, rtol=1e-12)


@pytest.fixture
def gpu(monkeypatch):
    """The name of a device, which is the pretended one."""
    monkeypatch.setattr("scratchgan.nn.module.device_module", {"cpu": np, "gpu": pretend}.get)
    return "gpu"


def test_training_gives_the_same_weights_and_everything_stays_on_the_device(gpu):
    model = wgan_gp(gpu)
    for state, reference in zip(train(model, 2), train(wgan_gp(), 2), strict=True):
        for path, array in reference.items():
            np.testing.assert_allclose(state[path], array, rtol=1e-9, atol=1e-11, err_msg=path)
    networks = model.generator, model.critic, model.average.module
    arrays = [array for network in networks for array in network.arrays().values()]
    for optimizer in (model.generator_optimizer, model.critic_optimizer):
        arrays += [array for state in optimizer.state for array in state.values()]
    assert {type(array) for array in arrays} == {pretend.ndarray}


@pytest.mark.parametrize("name", games.GAMES)
def test_every_game_trains_on_the_device_as_on_the_host(name, gpu):
    game, reference = games.trained(name, device=gpu), games.trained(name)
    for part, other in zip(game.parts().values(), reference.parts().values()):
        for path, array in other.state_dict().items():
            np.testing.assert_allclose(part.state_dict()[path], array, rtol=1e-9, atol=1e-11, err_msg=path)
    assert {type(array) for network in (game.generator, game.critic) for array in network.arrays().values()} == {
        pretend.ndarray
    }


# Waiting for the device ----------------------------------------------------------------------------------------------

# These look at their data, to complain of what they cannot use.
LOOK = {"embedding", "gather", "index_select", "cross_entropy", "binary_cross_entropy"}


@pytest.mark.parametrize("name", sorted({case.name for case in CASES} - LOOK))
def test_no_function_waits_for_the_device_in_any_derivative(name):
    pretend.waits.clear()
    for case in CASES:
        if case.name == name:
            derivatives(case, pretend.asarray)
    assert pretend.waits == []


def test_a_critic_step_waits_for_nothing(gpu):
    model = wgan_gp(gpu)
    real = x(4, 2, 8, 8).detach()
    pretend.waits.clear()
    model.critic_step(real, rng=np.random.default_rng(0))
    assert pretend.waits == []


def test_evaluation_waits_for_nothing():
    network = device(
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Tanh()).to(np.float64)
    ).eval()
    pretend.waits.clear()
    with no_grad():
        network(x(2, 3))
    assert pretend.waits == []
