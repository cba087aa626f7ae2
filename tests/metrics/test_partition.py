"""Z of Boltzmann machines: exactly, by annealing, and backwards."""

from itertools import product

import numpy as np
import pytest
from seeded import rng

from scratchgan.metrics import annealed_log_partition, log_partition, partition


def machine(visible, hidden, scale=1.0, seed=0):
    draw = rng(seed)
    return [scale * draw.standard_normal(shape) for shape in ((visible, hidden), visible, hidden)]


def states(count):
    return np.array(list(product([0.0, 1.0], repeat=count)))


def joint(w, b, c):
    """e^−E of all states, (2^D, 2^H)."""
    v, h = map(states, w.shape)
    return np.exp((v @ b)[:, None] + (h @ c)[None] + v @ w @ h.T)


@pytest.mark.parametrize("visible, hidden", [(6, 4), (3, 7), (1, 1), (5, 5)])
def test_log_z_is_that_of_the_sum_over_all_states(visible, hidden):
    w, b, c = machine(visible, hidden)
    assert log_partition(w, b, c) == pytest.approx(np.log(joint(w, b, c).sum()), rel=1e-12)


def test_states_are_summed_in_blocks_without_overflow():
    """Without weights Z is a product; 2^14 states are more than a block, and the last one has most of the sum."""
    b, c = rng(1).standard_normal(20), 300 + rng(2).standard_normal(14)
    expected = np.logaddexp(0, b).sum() + np.logaddexp(0, c).sum()
    assert log_partition(np.zeros((20, 14)), b, c) == pytest.approx(expected, rel=1e-12)


def test_annealing_is_within_half_a_nat_of_exact_on_sixteen_hidden_bits():
    """Of 784 pixels, with weights as large as those of a trained machine; forwards and backwards."""
    w, b, c = machine(784, 16, 0.3)
    exact = log_partition(w, b - 1, c)
    value, error = annealed_log_partition(w, b - 1, c, b - 1, rng(1))
    assert abs(value - exact) < 0.5 and error < 0.5
    h = rng(2).random((100, 16)) < 0.5
    for _ in range(300):
        v = rng(_).random((100, 784)) < 1 / (1 + np.exp(-(b - 1 + h @ w.T)))
        h = rng(_ + 1000).random((100, 16)) < 1 / (1 + np.exp(-(c + v @ w)))
    back, _ = annealed_log_partition(w, b - 1, c, b - 1, rng(3), states=v.astype(float))
    assert abs(back - exact) < 0.5


def test_few_temperatures_flatter_and_backwards_they_do_the_contrary():
    """Means over many estimates of one chain each: the first below log Z, the second above."""
    w, b, c = machine(8, 6, 1.5)
    p = joint(w, b, c).sum(1)
    exact, draw = np.log(p.sum()), rng(5)
    v = states(8)[draw.choice(256, 300, p=p / p.sum())]
    low = np.mean([annealed_log_partition(w, b, c, 0 * b, draw, 4, 1)[0] for _ in range(300)])
    high = np.mean([annealed_log_partition(w, b, c, 0 * b, draw, 4, states=state[None])[0] for state in v])
    assert low < exact - 0.3 and high > exact + 0.3


def test_the_mean_weight_is_right_however_few_the_temperatures():
    """E w = Z / Z₀, so many chains need few steps; and the spread of the weights tells the error."""
    w, base = 1.5 * np.abs(machine(6, 4)[0]), np.array([1.0, -1, 1, -1, 1, -1])
    b, c = machine(6, 4)[1], np.full(4, -3.0)
    exact = np.log(joint(w, b, c).sum())
    found = [annealed_log_partition(w, b, c, base, rng(seed), 8, 20_000) for seed in range(8)]
    values, errors = np.array(found).T
    assert abs(np.log(np.exp(values).mean()) - exact) < 3.5 * errors.mean() / np.sqrt(8) < 0.06
    assert 0.4 < values.std() / errors.mean() < 2


def test_the_chains_end_as_draws_from_the_machine():
    """Backwards from there nothing is missed: the two estimates meet."""
    w, b, c = (x.astype(np.float32) for x in machine(10, 6, 0.7))
    exact = np.log(joint(w, b, c).sum())
    assert annealed_log_partition(w, b, c, 0 * b, rng(), 2000, 200)[0] == pytest.approx(exact, abs=0.05)


def test_most_temperatures_are_close_to_the_machine(monkeypatch):
    """A thirtieth of the steps ends at β = 0.5, a third at 0.9, and all at 1, where the path backwards begins."""
    paths = []
    monkeypatch.setattr(partition, "_walk", lambda v, w, b, c, a, betas, rng: paths.append(betas) or np.zeros(len(v)))
    for states in (None, np.zeros((2, 4))):
        annealed_log_partition(*machine(4, 3), np.zeros(4), rng(), 300, 2, states=states)
    np.testing.assert_allclose(paths[0][[0, 5, 10, 55, 100, 200, 300]], [0, 0.25, 0.5, 0.7, 0.9, 0.95, 1])
    assert len(paths[0]) == 301 and np.array_equal(paths[1], paths[0][::-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chains_are_computed_in_the_precision_of_the_weights(dtype, monkeypatch):
    walk, seen = partition._walk, []
    monkeypatch.setattr(partition, "_walk", lambda *arrays: seen.extend(arrays[:-1]) or walk(*arrays))
    annealed_log_partition(*(x.astype(dtype) for x in machine(4, 3)), np.zeros(4), rng(), 3, 2)
    assert {x.dtype for x in seen} == {np.dtype(dtype)}


def test_where_there_is_nothing_to_anneal_the_estimate_is_exact():
    b = rng(3).standard_normal(7)
    value, error = annealed_log_partition(np.zeros((7, 4)), b, np.zeros(4), b, rng(), 5, 3)
    assert value == pytest.approx(np.logaddexp(0, b).sum() + 4 * np.log(2), rel=1e-12) and error < 1e-12


def test_one_chain_does_not_tell_its_error():
    _, error = annealed_log_partition(*machine(5, 3), np.zeros(5), rng(), 9, 1)
    assert np.isnan(error)


def test_the_same_rng_gives_the_same_estimate():
    one, two = (annealed_log_partition(*machine(5, 3), np.zeros(5), rng(4), 9, 3) for _ in range(2))
    assert one == two


def test_what_does_not_fit_is_refused():
    w, b, c = machine(4, 3)
    with pytest.raises(ValueError, match=r"weight \(4, 3\) does not fit 3 visible and 4 hidden biases"):
        log_partition(w, c, b)
    with pytest.raises(ValueError, match=r"2\^25 states are too many to list: annealed_log_partition"):
        log_partition(np.zeros((30, 25)), np.zeros(30), np.zeros(25))
    with pytest.raises(ValueError, match=r"base \(3,\) must be the log-odds of 4 visible bits"):
        annealed_log_partition(w, b, c, c, rng())
    with pytest.raises(ValueError, match=r"states \(2, 3\) in 0…0 must be bits, 0 and 1, of 4 pixels"):
        annealed_log_partition(w, b, c, b, rng(), states=np.zeros((2, 3)))
    for grey in (np.full((2, 4), 0.5), np.full((2, 4), 255)):
        with pytest.raises(ValueError, match=r"must be bits, 0 and 1"):
            annealed_log_partition(w, b, c, b, rng(), states=grey)
    for options in ({"temperatures": 0}, {"temperatures": 2.5}, {"chains": 0}):
        with pytest.raises(ValueError, match="must be a whole number, 1 or more"):
            annealed_log_partition(w, b, c, b, rng(), **options)
    with pytest.raises(ValueError, match="not finite"):
        log_partition(w, b * np.nan, c)
