"""The Boltzmann machine: its energy, its conditionals, its chains, and the direction in which it learns.

With few units all states can be listed, so that Z, p(v) and every expectation are known exactly.
"""

from itertools import product

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor
from scratchgan.models import rbm
from scratchgan.models.rbm import RBM, Machine, bits
from scratchgan.optim import SGD

D, H = 6, 4


def machine(scale=1.0):
    """All weights and biases from N(0, scale²), in float64."""
    made = Machine(D, H, rng(), chains=8).to(np.float64)
    return made.replace(
        lambda path, array: array if path == "chains" else scale * rng(len(path)).standard_normal(array.shape)
    )


VISIBLE, HIDDEN = (np.array(list(product([0.0, 1.0], repeat=n))) for n in (D, H))


def joint(m):
    """p(v, h) of all states, (2^D, 2^H), from the energy as the module's docstring has it."""
    w, b, c = (p.data for p in (m.weight, m.visible_bias, m.hidden_bias))
    energy = -(VISIBLE @ b)[:, None] - (HIDDEN @ c)[None] - VISIBLE @ w @ HIDDEN.T
    p = np.exp(-energy)
    return p / p.sum()


def test_the_free_energy_is_that_of_the_sum_over_hidden_states():
    m = machine()
    p = np.exp(-m.free_energy(Tensor(VISIBLE)).data)
    np.testing.assert_allclose(p / p.sum(), joint(m).sum(1), rtol=1e-12)


def test_given_one_layer_the_bits_of_the_other_are_independent_sigmoids():
    m = machine()
    p = joint(m)
    np.testing.assert_allclose(m.hidden(Tensor(VISIBLE)).data, p @ HIDDEN / p.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(m.visible(Tensor(HIDDEN)).data, p.T @ VISIBLE / p.sum(0)[:, None], rtol=1e-12)


def test_bits_are_ones_as_often_as_their_probability_says():
    p = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    drawn = bits(Tensor(np.tile(p, (20_000, 1))), rng()).data
    assert set(np.unique(drawn)) == {0, 1} and drawn[:, 0].max() == 0 and drawn[:, 4].min() == 1
    np.testing.assert_allclose(drawn.mean(0), p, atol=0.015)


def test_the_states_of_a_long_chain_are_distributed_as_the_model_says():
    """In total variation, within what 20,000 exact draws would leave."""
    m = machine(0.7)
    states = m.gibbs(Tensor(rng(1).integers(2, size=(20_000, D)).astype(float)), 50, rng(2)).data
    shares = np.bincount((states @ 2 ** np.arange(D)[::-1]).astype(int), minlength=2**D) / 20_000
    exact = joint(m).sum(1)
    drawn = rng(3).multinomial(20_000, exact) / 20_000
    assert np.abs(shares - exact).sum() < 2 * np.abs(drawn - exact).sum() < 0.2


def log_likelihood(m, v):
    return -(m.free_energy(Tensor(v)).data + np.log(np.exp(-m.free_energy(Tensor(VISIBLE)).data).sum())).mean()


def test_with_the_exact_expectation_the_direction_is_the_gradient_of_the_likelihood():
    """By central differences in every weight; the states stand for p by their numbers."""
    m, v = machine(0.5), VISIBLE[[1, 5, 5, 40, 63]]
    model = RBM(m, (1, 2, 3), lambda p: SGD(p, lr=0.1))
    p = joint(m).sum(1)
    counts = np.rint(p * 200_000).astype(int)
    found = model.ascent(Tensor(v), Tensor(np.repeat(VISIBLE, counts, 0)))
    for parameter, direction in zip(m.parameters(), found, strict=True):
        start, numeric = parameter.data, np.zeros(parameter.shape)
        for index in np.ndindex(parameter.shape):
            change = np.zeros(parameter.shape)
            change[index] = 1e-5
            values = []
            for sign in (1, -1):
                parameter.data = start + sign * change
                values.append(log_likelihood(m, v))
            numeric[index] = (values[0] - values[1]) / 2e-5
        parameter.data = start
        np.testing.assert_allclose(direction.data, numeric, atol=2e-4)
        assert np.abs(numeric).max() > 0.02


def stream(v, count=16):
    while True:
        yield (v[:count].reshape(-1, 1, 2, 3).astype(np.float32),)


def model(**options):
    options = {"image": (1, 2, 3), "hidden": H, "chains": 8, **options}
    return rbm.build(rng(), **options)


def test_a_step_goes_up_and_the_chains_go_on():
    one, before = model(), None
    for turn in range(2):
        before = one.machine.chains
        one.train_step(stream(VISIBLE[-16:]), rng(turn))
        assert one.machine.chains.shape == before.shape and (one.machine.chains != before).any()


@pytest.mark.parametrize("chains", [9, 16, 20])
@pytest.mark.parametrize("persistent", [True, False])
def test_persistent_chains_go_on_and_others_begin_at_the_data(persistent, chains):
    """The newest states are kept, as many as there were: so the shapes in a checkpoint stay."""
    one, turned = model(persistent=persistent, chains=chains), []
    before = one.machine.chains
    one.machine.gibbs = lambda v, turns, rng: turned.append(v.data) or 1 - v
    one.train_step(stream(VISIBLE), rng())
    np.testing.assert_array_equal(turned[0], before if persistent else VISIBLE[:16])
    np.testing.assert_array_equal(one.machine.chains, np.concatenate([1 - turned[0], before])[:chains])


def test_the_picture_shows_the_chains_in_rows_of_eight():
    one = model(chains=21)
    expected = one.machine.visible(one.machine.hidden(one.tensor(one.machine.chains[:16]))).data
    np.testing.assert_allclose(one.show((), rng()).reshape(16, D), 2 * expected - 1, atol=1e-6)
    assert one.show((), rng()).shape == (2, 8, 1, 2, 3) and model(chains=80).show((), rng()).shape[:2] == (8, 8)


def test_each_step_takes_as_many_turns_as_it_is_told():
    one, turns = model(turns=3), []
    draw = one.machine.gibbs
    one.machine.gibbs = lambda v, k, rng: turns.append(k) or draw(v, k, rng)
    one.train_step(stream(VISIBLE), rng())
    assert turns == [3]


def test_nothing_is_differentiated(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("grad was called")

    monkeypatch.setattr("scratchgan.models.model.grad", refuse)
    numbers = model().train_step(stream(VISIBLE), rng())
    assert set(numbers) == {"free_energy_gap", "reconstruction"}


def test_a_step_reports_its_data_less_its_chains_and_the_error_of_one_turn():
    """Of the machine as it was before the step; data of zeros and ones are drawn as they are."""
    one, before, v = model(), model().machine, Tensor(VISIBLE[:16].astype(np.float32))
    numbers = one.train_step(stream(VISIBLE), rng())
    gap = before.free_energy(v).data.mean() - before.free_energy(Tensor(one.machine.chains)).data.mean()
    error = ((before.visible(before.hidden(v)).data - v.data) ** 2).mean()
    assert numbers == pytest.approx({"free_energy_gap": gap, "reconstruction": error}, rel=1e-3)
    assert abs(gap) > 1e-4


def test_it_learns_which_states_there_are():
    """Two of 64 states: the likelihood starts at log 1/64 and comes near log ½, from which a constant rate keeps it."""
    data = np.repeat(VISIBLE[[11, 52]], 8, 0)
    one = model(lr=0.2, chains=64)
    noise = rng(5)
    before = log_likelihood(one.machine.to(np.float64), data)
    one = model(lr=0.2, chains=64)
    for _ in range(800):
        one.train_step(stream(data), noise)
    one.machine.to(np.float64)
    assert before < -4 < -1.5 < log_likelihood(one.machine, data) < np.log(0.5)


def test_pictures_and_samples_are_probabilities_of_pixels():
    one = model(chains=64)
    samples = one.samples(5, rng())["samples"]
    assert (one.machine.chains == model(chains=64).machine.chains).all()
    assert samples.shape == (5, 1, 2, 3) and samples.dtype == np.float32 and np.abs(samples).max() < 1
    np.testing.assert_array_equal(samples, one.samples(5, rng())["samples"])


def test_samples_part_from_any_of_the_chains():
    one, begun = model(chains=64), []
    one.machine.gibbs = lambda v, turns, rng: begun.append(v.data) or v
    one.samples(64, rng())
    (start,), chains = begun, one.machine.chains
    assert {tuple(bits) for bits in start} <= {tuple(bits) for bits in chains} and (start != chains).any()


def test_the_default_is_a_machine_for_digits():
    one = rbm.build(rng())
    assert one.machine.weight.shape == (784, 256) and one.machine.weight.data.std() == pytest.approx(0.01, rel=0.02)
    assert not one.machine.visible_bias.data.any() and set(np.unique(one.machine.chains)) == {0, 1}
