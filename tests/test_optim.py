"""Optimisers: the first steps in closed form, what may and may not move, and a state that continues exactly."""

import numpy as np
import pytest

from scratchgan import Parameter, Tensor, grad, nn
from scratchgan.optim import SGD, Adam, RMSprop

W = np.array([1.0, -2.0, 3.0])
G = np.array([0.5, -0.25, 4.0])


def after(optimizer, *gradients, **options):
    """Where W is after a step for each of the gradients."""
    w = Parameter(W)
    optimizer = optimizer([w], **options)
    for g in gradients:
        optimizer.step([Tensor(g)])
    return w.data


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


# Closed forms --------------------------------------------------------------------------------------------------------


def test_sgd_steps_down_the_gradient():
    close(after(SGD, G, lr=0.1), W - 0.1 * G)


def test_momentum_begins_with_the_gradient_itself():
    close(after(SGD, G, lr=0.1, momentum=0.9), W - 0.1 * G)
    close(after(SGD, G, 2 * G, lr=0.1, momentum=0.9), W - 0.1 * G - 0.1 * (0.9 * G + 2 * G))


def test_rmsprop_divides_by_the_root_of_the_averaged_square():
    close(after(RMSprop, G, lr=0.1, alpha=0.9, eps=1e-3), W - 0.1 * G / (np.sqrt(0.1) * np.abs(G) + 1e-3))


def test_rmsprop_with_momentum_accumulates_scaled_gradients():
    first = G / (np.sqrt(0.1) * np.abs(G) + 1e-3)
    second = G / (np.sqrt(0.19) * np.abs(G) + 1e-3)
    moved = after(RMSprop, G, G, lr=0.1, alpha=0.9, eps=1e-3, momentum=0.5)
    close(moved, W - 0.1 * first - 0.1 * (0.5 * first + second))


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.9), (0.5, 0.0)])
def test_the_first_step_of_adam_is_the_learning_rate_along_the_sign(betas):
    """m̂ = g and v̂ = g² after one step, whatever the betas: the bias correction."""
    close(after(Adam, G, lr=0.1, betas=betas), W - 0.1 * G / (np.abs(G) + 1e-8))


def test_adam_follows_algorithm_1():
    m, v, w = 0, 0, W
    gradients = [G, -2 * G, G**2]
    for t, g in enumerate(gradients, start=1):
        m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
        w = w - 0.1 * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-8)
    close(after(Adam, *gradients, lr=0.1, betas=(0.5, 0.9)), w)


@pytest.mark.parametrize("optimizer", [SGD, RMSprop, Adam])
def test_weight_decay_is_a_multiple_of_the_weight_in_the_gradient(optimizer):
    close(after(optimizer, G, lr=0.1, weight_decay=0.3), after(optimizer, G + 0.3 * W, lr=0.1))


def test_the_learning_rate_may_change_between_steps():
    w = Parameter(W)
    optimizer = SGD([w], lr=0.1)
    optimizer.step([Tensor(G)])
    optimizer.lr = 0.01
    optimizer.step([Tensor(G)])
    close(w.data, W - 0.11 * G)


# What moves ----------------------------------------------------------------------------------------------------------

every_optimizer = pytest.mark.parametrize(
    "make",
    [
        lambda params: SGD(params, lr=0.1, momentum=0.9),
        lambda params: RMSprop(params, lr=0.1, momentum=0.9, weight_decay=0.1),
        lambda params: Adam(params, lr=0.1, weight_decay=0.1),
    ],
    ids=["SGD", "RMSprop", "Adam"],
)


def network(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(3, 4, rng=rng), nn.Tanh(), nn.Linear(4, 2, rng=rng)).to(dtype)


def gradients(module, seed):
    x = Tensor(np.random.default_rng(seed).standard_normal((5, 3)).astype(module.parameters()[0].dtype))
    return grad((module(x) ** 2).sum(), module.parameters())


@every_optimizer
def test_only_the_given_parameters_move(make):
    module = network()
    before = module.state_dict()
    make(module[0].parameters()).step(gradients(module, 0)[:2])
    moved = [path for path, a in module.state_dict().items() if (a != before[path]).any()]
    assert moved == ["0.weight", "0.bias"]


@every_optimizer
def test_a_step_keeps_dtypes_and_writes_into_no_array(make):
    module = network()
    arrays, copies = module.arrays(), module.state_dict()
    optimizer = make(module.parameters())
    for seed in range(2):
        steps = gradients(module, seed)
        kept = [g.data.copy() for g in steps]
        optimizer.step(steps)
        for g, copy in zip(steps, kept):
            np.testing.assert_array_equal(g.data, copy)
    for path, array in arrays.items():
        np.testing.assert_array_equal(array, copies[path])
    assert {a.dtype for a in module.arrays().values()} == {np.dtype(np.float32)}
    assert {v.dtype for state in optimizer.state for v in state.values()} == {np.dtype(np.float32)}


@every_optimizer
def test_a_parameter_without_axes_stays_an_array(make):
    """Such as the gain with which self-attention is mixed in."""
    w = Parameter(np.array(1.0))
    optimizer = make([w])
    optimizer.step(grad(w * w, w))
    assert isinstance(w.data, np.ndarray) and w.shape == ()
    assert all(array.shape == () for name, array in optimizer.state_dict().items() if name != "betas")
    assert optimizer.state_dict()["0." + optimizer.buffers[0]].shape == ()


WRONG = {
    "too few": (lambda steps: steps[:-1], "4 parameters but 3 gradients"),
    "too many": (lambda steps: [*steps, steps[0]], "4 parameters but 5 gradients"),
    "shape": (lambda steps: [*steps[:2], steps[2].T, steps[3]], r"gradient 2 .*\(4, 2\).*\(2, 4\)"),
    "dtype": (lambda steps: [*steps[:3], steps[3].to(np.float64)], "gradient 3 .*float64.*float32"),
}


@every_optimizer
@pytest.mark.parametrize("spoil, message", WRONG.values(), ids=WRONG)
def test_a_gradient_that_does_not_fit_is_named_and_nothing_moves(make, spoil, message):
    module = network()
    optimizer = make(module.parameters())
    optimizer.step(gradients(module, 0))
    before, state = module.state_dict(), optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.step(spoil(gradients(module, 1)))
    for old, new in ((before, module.state_dict()), (state, optimizer.state_dict())):
        for path, array in old.items():
            np.testing.assert_array_equal(new[path], array, err_msg=path)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: SGD([]), ValueError, "at least one parameter"),
        (lambda: SGD([Parameter(W), Tensor(W)]), TypeError, r"params\[1\]"),
        (lambda: SGD([Parameter(W)] * 2), ValueError, "given twice"),
        (lambda: Adam([Parameter(W)], lr=-1.0), ValueError, "lr=-1.0"),
        (lambda: RMSprop([Parameter(W)], weight_decay=-0.1), ValueError, "weight_decay=-0.1"),
        (lambda: Adam([Parameter(W)], betas=(0.9, 1.0)), ValueError, r"\[0, 1\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Saving and loading --------------------------------------------------------------------------------------------------


@every_optimizer
def test_a_loaded_state_continues_exactly(make):
    straight, resumed = network(), network()
    first, second = make(straight.parameters()), make(resumed.parameters())
    for seed in range(6):
        first.step(gradients(straight, seed))
        second.step(gradients(resumed, seed))
        if seed == 2:  # everything but the saved states is forgotten
            weights, state = resumed.state_dict(), second.state_dict()
            resumed = network(seed=9)
            resumed.load_state_dict(weights)
            second = make(resumed.parameters())
            second.load_state_dict(state)
    for path, array in straight.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[path], array, err_msg=path)


def test_a_loaded_state_takes_the_dtype_of_its_parameter():
    optimizer = SGD([Parameter(np.ones(2, np.float32))], momentum=0.5)
    optimizer.load_state_dict(optimizer.state_dict() | {"steps": np.array(3), "0.momentum_buffer": np.ones(2)})
    assert optimizer.steps == 3 and optimizer.state[0]["momentum_buffer"].dtype == np.float32


@every_optimizer
def test_the_state_is_a_copy_in_plain_arrays(make):
    module = network()
    optimizer = make(module.parameters())
    optimizer.step(gradients(module, 0))
    state = optimizer.state_dict()
    before = {key: array.copy() for key, array in state.items()}
    assert state["steps"] == 1 and all(type(array) is np.ndarray for array in state.values())
    other = make(network().parameters())
    other.load_state_dict(state)
    for array in [array for each in (optimizer, other) for kept in each.state for array in kept.values()]:
        array += 1  # as an optimiser that works in place would
    for key, array in before.items():
        np.testing.assert_array_equal(state[key], array, err_msg=key)


def test_a_state_of_another_optimiser_is_refused_and_nothing_changes():
    optimizer = Adam(network().parameters())
    before = optimizer.state_dict()
    for other in (
        SGD(network().parameters()),
        Adam(network().parameters()[:2]),
        Adam(nn.Linear(3, 4).parameters() + nn.Linear(3, 4).parameters()),
    ):
        with pytest.raises(ValueError, match="does not fit this Adam"):
            optimizer.load_state_dict(other.state_dict())
    for key, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, before[key], err_msg=key)
