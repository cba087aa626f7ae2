"""Optimisers: the first steps in closed form, what may and may not move, and a state that continues exactly."""

from functools import partial

import numpy as np
import pytest

from scratchgan import Parameter, Tensor, grad, nn, optim
from scratchgan.nn.options import options_of
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


@pytest.mark.parametrize("make", [SGD, RMSprop, Adam, partial(Adam, weight_decay=0.1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_parameter_is_moved_part_by_part_to_the_same_bits(make, order, monkeypatch):
    rng = np.random.default_rng(0)
    start = np.asarray(rng.standard_normal((7, 3, 5)), order=order)
    gradients = [Tensor(rng.standard_normal(start.shape)) for _ in range(3)]

    def moved(part):
        monkeypatch.setattr(optim, "PART", part)
        optimizer = make([w := Parameter(start)], lr=0.1)
        for g in gradients:
            optimizer.step([g])
        return w.data

    np.testing.assert_array_equal(moved(32), moved(2**16))


def test_an_optimiser_of_ones_own_sees_whole_parameters(monkeypatch):
    """One that divides by the norm of the gradient would else divide by the norms of parts."""

    class Normed(optim.Optimizer):
        def update(self, g, state):
            return self.lr * g / np.linalg.norm(g)

    monkeypatch.setattr(optim, "PART", 2)
    w = Parameter(np.zeros((4, 3)))
    Normed([w], lr=0.1).step([Tensor(np.ones((4, 3)))])
    close(np.linalg.norm(w.data), 0.1)


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


def test_a_falling_rate_stays_out_of_the_averages():
    """The buffers hold gradients, not steps: a new rate holds for all that is in them."""
    rates = 0.1, 0.05, 0.01
    for make in (
        lambda p: SGD(p, momentum=0.9),
        lambda p: RMSprop(p, alpha=0.8, eps=1e-3, momentum=0.9),
        lambda p: Adam(p, betas=(0.5, 0.9), eps=1e-3),
    ):
        fallen, steady = Parameter(W), Parameter(W)
        falling, constant = make([fallen]), make([steady])
        constant.lr, expected = 1.0, W
        for lr, g in zip(rates, (G, -2 * G, G**2)):
            falling.lr, before = lr, steady.data
            falling.step([Tensor(g)])
            constant.step([Tensor(g)])
            expected = expected + lr * (steady.data - before)
        close(fallen.data, expected)


OPTIONS = {  # of each optimiser, and another value for each
    SGD: {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.3},
    RMSprop: {"lr": 0.2, "alpha": 0.5, "eps": 0.1, "momentum": 0.9, "weight_decay": 0.3},
    Adam: {"lr": 0.2, "betas": (0.5, 0.999), "eps": 0.1, "weight_decay": 0.3},
}
every_option = pytest.mark.parametrize(
    "optimizer, name, value",
    [(optimizer, *pair) for optimizer, others in OPTIONS.items() for pair in [*others.items(), ("betas", (0.9, 0.5))]
     if pair[0] in others],
)  # fmt: skip
UNEQUAL = G, -3 * G**2, 0.1 * G


@every_option
def test_every_option_is_obeyed_from_the_start_and_when_it_is_changed(optimizer, name, value):
    assert OPTIONS[optimizer].keys() == options_of(optimizer([Parameter(W)])).keys()
    usual, other = after(optimizer, *UNEQUAL), after(optimizer, *UNEQUAL, **{name: value})
    assert (np.abs(usual - other) > 1e-6).all()
    w = Parameter(W)
    changed = optimizer([w])
    setattr(changed, name, value)
    for g in UNEQUAL:
        changed.step([Tensor(g)])
    np.testing.assert_array_equal(w.data, other)


@every_option
def test_numbers_of_numpy_leave_float32_weights_what_they_are(optimizer, name, value):
    for given in (np.asarray(value), Tensor(np.asarray(value)), np.asarray(value)[()]):
        w = Parameter(W.astype(np.float32))
        moved = optimizer([w], **{name: given})
        for g in UNEQUAL:
            moved.step([Tensor(g.astype(np.float32))])
        assert w.dtype == np.float32 and {array.dtype for array in moved.state[0].values()} == {np.dtype(np.float32)}
        np.testing.assert_allclose(w.data, after(optimizer, *UNEQUAL, **{name: value}), rtol=1e-5)


def test_without_averages_adam_steps_along_the_sign():
    """β = (0, 0): m̂ = g and v̂ = g² at each step."""
    close(after(Adam, *UNEQUAL, lr=0.1, betas=(0, 0), eps=0), W - 0.1 * sum(np.sign(g) for g in UNEQUAL))


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
    "an array": (lambda steps: [*steps[:3], steps[3].data], "gradient 3 must be a Tensor, as grad .* not ndarray"),
    "none": (lambda steps: [None, *steps[1:]], "gradient 0 must be a Tensor, .* not NoneType"),
    "a loss": (lambda steps: (steps[0] ** 2).sum(), r"a gradient for each parameter: optimizer.step\(grad\(loss, "),
    "nothing": (lambda steps: None, r"a gradient for each parameter: optimizer.step\(grad\(loss, "),
}


@every_optimizer
@pytest.mark.parametrize("spoil, message", WRONG.values(), ids=WRONG)
def test_a_gradient_that_does_not_fit_is_named_and_nothing_moves(make, spoil, message):
    module = network()
    optimizer = make(module.parameters())
    optimizer.step(gradients(module, 0))
    before, state = module.state_dict(), optimizer.state_dict()
    with pytest.raises((TypeError, ValueError), match=message):
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
        (lambda: SGD(network()), TypeError, r"such as module.parameters\(\), not Sequential"),
        (lambda: SGD(network().parameters), TypeError, r"such as module.parameters\(\), not method"),
        (lambda: SGD(Parameter(W)), TypeError, "a list of Parameters.* not Parameter"),
        (lambda: SGD([{"params": [Parameter(W)]}]), TypeError, "not dict: each group .* an optimiser of its own"),
        (lambda: SGD(network().named_parameters()), TypeError, r"params\[0\] must be a Parameter, not tuple"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_parameters_may_come_from_a_generator():
    module = network()
    assert SGD(p for p in module.parameters()).params == module.parameters()


@every_optimizer
def test_a_parameter_that_has_become_another_is_named(make):
    module = network()
    optimizer, weight = make(module.parameters()), module[0].weight
    weight.data = weight.data.astype(np.float64)
    steps = [Tensor(np.ones_like(p.data)) for p in module.parameters()]
    with pytest.raises(ValueError, match="parameter 0 has become float64, .*before its optimiser is made"):
        optimizer.step(steps)


@pytest.mark.parametrize(
    "name, message",
    [
        ("zero_grad", r"nothing to clear: optimizer.step\(grad\(loss, optimizer.params\)\)"),
        ("param_groups", "optimizer.lr = 1e-4"),
        ("add_param_group", "an optimiser of its own"),
    ],
)
def test_who_comes_from_pytorch_is_told_what_to_write(name, message):
    with pytest.raises(AttributeError, match=f"Adam has no attribute '{name}': .*{message}"):
        getattr(Adam([Parameter(W)]), name)
    with pytest.raises(AttributeError, match="Adam has no attribute 'learning_rate'$"):
        Adam([Parameter(W)]).learning_rate


# Beginning anew ------------------------------------------------------------------------------------------------------


@every_optimizer
def test_after_a_reset_it_is_as_at_the_beginning_and_keeps_its_options(make):
    module = network()
    used, fresh = make(module.parameters()), make(module.parameters())
    used.lr = fresh.lr = 0.125
    used.step(gradients(module, 0))
    saved = used.state_dict()
    used.reset()
    for key, array in fresh.state_dict().items():
        np.testing.assert_array_equal(used.state_dict()[key], array)
    assert saved["steps"] == 1 and any(saved[key].any() for key in saved if key.startswith("0."))


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


@pytest.mark.parametrize("optimizer", OPTIONS)
def test_a_loaded_state_continues_whatever_the_optimiser_was_made_with(optimizer):
    """The options are in it: the rate may have fallen since, and a script may have other defaults."""
    w, again = Parameter(W), Parameter(W)
    first, second = optimizer([w], **OPTIONS[optimizer]), optimizer([again])
    first.lr = 0.05
    second.load_state_dict(first.state_dict())
    assert options_of(second) == options_of(first) and second.lr == 0.05
    for g in UNEQUAL:
        first.step([Tensor(g)])
        second.step([Tensor(g)])
    np.testing.assert_array_equal(again.data, w.data)


@pytest.mark.parametrize(
    "entry, value", [("steps", -1), ("steps", 2.5), ("lr", -0.1), ("lr", np.nan), ("betas", [0.9, 1.0]), ("eps", "1")]
)
def test_a_state_of_impossible_numbers_is_refused_and_nothing_changes(entry, value):
    optimizer = Adam([Parameter(W)], lr=0.5)
    optimizer.step([Tensor(G)])
    before, other = optimizer.state_dict(), Adam([Parameter(W)])
    with pytest.raises(ValueError, match=entry):
        optimizer.load_state_dict(other.state_dict() | {entry: np.array(value)})
    for key, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, before[key], err_msg=key)


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


DEFAULTS = {
    SGD: {"lr": 1e-3, "momentum": 0, "weight_decay": 0},
    RMSprop: {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0},
    Adam: {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
}


@pytest.mark.parametrize("optimizer", DEFAULTS)
def test_the_defaults_are_those_of_pytorch(optimizer):
    """By what they do to gradients as small as ε."""
    small = 1e-7 * G, -3e-7 * G
    np.testing.assert_array_equal(after(optimizer, *small), after(optimizer, *small, **DEFAULTS[optimizer]))
