"""The Boltzmann machine: its energy, its conditionals, its chains, and the direction in which it learns.

With few units all states can be listed, so that Z, p(v) and every expectation are known exactly.
"""

from itertools import product

import numpy as np
import pytest
from seeded import rng

from scratchgan import Tensor
from scratchgan.metrics import log_partition
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


def slopes(m, f):
    """∂f in every weight and bias, by central differences."""
    for parameter in m.parameters():
        start, numeric = parameter.data, np.zeros(parameter.shape)
        for index in np.ndindex(parameter.shape):
            change = np.zeros(parameter.shape)
            change[index] = 1e-5
            values = []
            for sign in (1, -1):
                parameter.data = start + sign * change
                values.append(f())
            numeric[index] = (values[0] - values[1]) / 2e-5
        parameter.data = start
        yield numeric


def test_with_the_exact_expectation_the_direction_is_the_gradient_of_the_likelihood():
    """By central differences in every weight; the states stand for p by their numbers."""
    m, v = machine(0.5), VISIBLE[[1, 5, 5, 40, 63]]
    model = RBM(m, (1, 2, 3), lambda p: SGD(p, lr=0.1))
    counts = np.rint(joint(m).sum(1) * 200_000).astype(int)
    found = model.ascent(Tensor(v), Tensor(np.repeat(VISIBLE, counts, 0)))
    for direction, numeric in zip(found, slopes(m, lambda: log_likelihood(m, v)), strict=True):
        np.testing.assert_allclose(direction.data, numeric, atol=2e-4)
        assert np.abs(numeric).max() > 0.02


def turned(m, p, turns):
    """The distribution of chains over all states, (2^D,), after some turns, if it was p: by their transitions."""
    both = joint(m)
    up, down = both / both.sum(1, keepdims=True), (both / both.sum(0)).T  # p(h | v), p(v | h)
    return p @ np.linalg.matrix_power(up @ down, turns)


def expected(m, p, q):
    """(3) with the data distributed as p and the dreams as q, both (2^D,)."""
    h = joint(m) @ HIDDEN / joint(m).sum(1, keepdims=True)
    return [(VISIBLE * (p - q)[:, None]).T @ h, (p - q) @ VISIBLE, (p - q) @ h]


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("persistent", [True, False])
def test_the_expectation_of_a_step_is_that_of_the_equation(turns, persistent):
    """All states are listed, so CD-k's is exact: p at the data, p Tᵏ at the end of chains. A step of 60,000 images and
    as many chains takes the mean of 60,000 draws."""
    count, drawn = 60_000, []
    m = machine(1.5)
    m.chains = VISIBLE[np.full(count, 7)]
    model = RBM(m, (1, 2, 3), lambda p: SGD(p, lr=0.0), turns, persistent, centred=False)
    model.optimizer.step, model.optimizer.steps = drawn.extend, 1
    v = VISIBLE[np.arange(count) % 4 + 16]
    model.train_step(iter([(v.reshape(-1, 1, 2, 3),)]), rng(4))
    p = np.isin(np.arange(2**D), range(16, 20)) / 4
    begun = np.eye(2**D)[7] if persistent else p
    q = turned(m, begun, turns)
    for descent, exact in zip(drawn, expected(m, p, q), strict=True):
        np.testing.assert_allclose(-descent.data, exact, atol=4.5 * 0.5 / np.sqrt(count))
    others = [turned(m, begun, 4 - turns)] + ([turned(m, np.eye(2**D)[7] + p - begun, 1)] if turns == 1 else [])
    assert all(np.abs(expected(m, other, q)[0]).max() > 0.05 for other in others)


def test_after_many_turns_contrastive_divergence_is_the_gradient():
    m, p = machine(0.5), np.isin(np.arange(2**D), [1, 5, 40, 63]) / 4
    exact = list(slopes(m, lambda: log_likelihood(m, VISIBLE[[1, 5, 40, 63]])))
    far = [np.abs(a - b).max() for a, b in zip(expected(m, p, turned(m, p, 1)), exact)]
    near = [np.abs(a - b).max() for a, b in zip(expected(m, p, turned(m, p, 200)), exact)]
    assert max(near) < 1e-6 and min(far) > 0.01


def flipped(m):
    """The machine whose pixels are 1 − v: W ← −W, b ← −b, c ← c + Σᵢ Wᵢ, with the same p."""
    other = machine()
    for name, array in {
        "weight": -m.weight.data,
        "visible_bias": -m.visible_bias.data,
        "hidden_bias": m.hidden_bias.data + m.weight.data.sum(0),
    }.items():
        getattr(other, name).data = array
    return other


def test_a_centred_step_is_the_same_for_the_negatives_of_the_images():
    """And without centring it is not."""
    v, dreamt = VISIBLE[[1, 5, 5, 40, 63]], VISIBLE[[2, 7, 9, 30, 31]]
    m = machine(0.5)
    m.visible_mean, m.hidden_mean = v.mean(0), m.hidden(Tensor(v)).data.mean(0)
    other = flipped(m)
    other.visible_mean, other.hidden_mean = 1 - m.visible_mean, m.hidden_mean
    after = {}
    for centred in (True, False):
        for machine_, images in ((m, (v, dreamt)), (other, (1 - v, 1 - dreamt))):
            model = RBM(machine_, (1, 2, 3), lambda p: SGD(p, lr=0.3))
            directions = model.ascent(*map(Tensor, images))
            if centred:
                directions = model.about_the_means(*directions)
            stepped = machine()
            for to, start, direction in zip(stepped.parameters(), machine_.parameters(), directions, strict=True):
                to.data = start.data + 0.3 * direction.data
            after[centred, machine_ is m] = stepped
    same = [flipped(after[centred, True]).parameters() for centred in (True, False)]
    for found, wanted in zip(after[True, False].parameters(), same[0], strict=True):
        np.testing.assert_allclose(found.data, wanted.data, atol=1e-12)
    assert np.abs(after[False, False].hidden_bias.data - same[1][2].data).max() > 0.01


def test_a_centred_direction_goes_uphill():
    """As a gradient in other coordinates does: its product with the gradient is positive."""
    m, v, dreamt = machine(0.5), Tensor(VISIBLE[[1, 5, 5, 40, 63]]), Tensor(VISIBLE[[2, 7, 9, 30, 31]])
    model = RBM(m, (1, 2, 3), lambda p: SGD(p, lr=0.1))
    m.visible_mean, m.hidden_mean = rng(5).random(D), rng(6).random(H)
    plain = model.ascent(v, dreamt)
    centred = model.about_the_means(*plain)
    assert sum((a.data * b.data).sum() for a, b in zip(plain, centred)) > 0
    weights = plain[0].data - np.outer(m.visible_mean, plain[2].data) - np.outer(plain[1].data, m.hidden_mean)
    np.testing.assert_allclose(centred[0].data, weights)
    np.testing.assert_allclose(centred[1].data, plain[1].data - weights @ m.hidden_mean)
    np.testing.assert_allclose(centred[2].data, plain[2].data - m.visible_mean @ weights)


def test_the_means_slide_towards_those_of_the_data():
    one = model()
    before = one.machine.hidden(Tensor(VISIBLE[:16].astype(np.float32))).data.mean(0)
    one.train_step(stream(VISIBLE), rng())
    np.testing.assert_allclose(one.machine.visible_mean, 0.99 * 0.5 + 0.01 * VISIBLE[:16].mean(0), rtol=1e-5)
    np.testing.assert_allclose(one.machine.hidden_mean, 0.99 * 0.5 + 0.01 * before, rtol=1e-5)
    seen, about = [], one.about_the_means
    one.about_the_means = lambda *directions: seen.append(one.machine.visible_mean) or about(*directions)
    one.train_step(stream(VISIBLE), rng())
    assert seen[0] is one.machine.visible_mean  # those that this batch has moved
    still = model(centred=False)
    still.train_step(stream(VISIBLE), rng())
    assert (still.machine.visible_mean == 0.5).all()


def test_a_step_goes_along_the_centred_direction_or_the_plain_one():
    for centred in (True, False):
        one, told = model(centred=centred), []
        one.optimizer.step = told.extend
        one.about_the_means = lambda *directions: [2 * d for d in directions]
        kept, ascent = [], one.ascent
        one.ascent = lambda *a, **k: kept.extend(ascent(*a, **k)) or kept
        one.train_step(stream(VISIBLE), rng())
        for found, plain in zip(told, kept, strict=True):
            np.testing.assert_allclose(found.data, (-2 if centred else -1) * plain.data)


def stream(v, count=16):
    while True:
        yield (v[:count].reshape(-1, 1, 2, 3).astype(np.float32),)


def model(begun=True, **options):
    """As if a step had been taken, where the first would move biases and chains to the means of the data."""
    options = {"image": (1, 2, 3), "hidden": H, "chains": 8, **options}
    made = rbm.build(rng(), **options)
    made.optimizer.steps = int(begun)
    return made


def test_the_first_step_begins_at_the_means_of_its_batch():
    """μ, the biases' sigmoid, and the chains, 5,000 draws; the step itself is taken from there."""
    one, told = model(begun=False, chains=5000), []
    one.optimizer.step = told.extend
    v = VISIBLE[[3, 3, 7, 35]]
    one.machine.gibbs = lambda state, turns, rng: state
    one.machine.follow = lambda v, h: None
    one.train_step(stream(v, 4), rng())
    mean = (v.sum(0) + 0.5) / 5
    np.testing.assert_allclose(one.machine.visible_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-one.machine.visible_bias.data)), mean, rtol=1e-5)
    np.testing.assert_allclose(one.machine.chains.mean(0), mean, atol=0.03)
    assert np.abs(told[1].data + v.mean(0) - one.machine.chains.mean(0)).max() < 0.2
    one.optimizer.steps, kept = 1, one.machine.visible_bias.data
    one.train_step(stream(VISIBLE[:4], 4), rng())
    assert one.machine.visible_bias.data is kept


def test_no_hidden_bit_dies_in_the_first_steps():
    """Of images that are mostly black: at random bits and biases of 0 most bits would be always on, or always off."""
    noise, one = rng(7), model(begun=False, hidden=40, lr=0.5, chains=50, image=(1, 8, 8))
    grey = np.zeros((50, 1, 8, 8), np.float32)
    grey[:25, 0, 2:4, :5], grey[25:, 0, 3:6, 4] = 0.9, 0.9
    for _ in range(150):
        one.train_step(iter([(grey,)]), noise)
    on = one.machine.hidden(Tensor(grey.reshape(50, -1))).data.mean(0)
    assert ((on > 0.02) & (on < 0.98)).mean() > 0.9


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
    assert set(numbers) == {"free_energy_gap", "pseudo_likelihood"}


def test_a_step_reports_its_data_less_its_chains():
    """Of the machine as it was before the step; data of zeros and ones are drawn as they are."""
    one, before, v = model(), model().machine, Tensor(VISIBLE[:16].astype(np.float32))
    gap = one.train_step(stream(VISIBLE), rng())["free_energy_gap"]
    expected = before.free_energy(v).data.mean() - before.free_energy(Tensor(one.machine.chains)).data.mean()
    assert gap == pytest.approx(expected, rel=1e-3) and abs(gap) > 1e-4


def test_the_pseudo_likelihood_is_that_of_each_pixel_given_the_others():
    """In the mean over many draws of the pixel: Σᵢ log p(vᵢ | the others), from the table of all states."""
    m, p = machine(), joint(machine()).sum(1)
    one = RBM(m, (1, 2, 3), lambda p: SGD(p, lr=0.1))
    one.optimizer.steps = 1
    v = Tensor(np.repeat(VISIBLE[[11, 52]], 20_000, 0))
    number = {tuple(state): i for i, state in enumerate(VISIBLE)}
    exact = 0
    for state in VISIBLE[[11, 52]]:
        for i in range(D):
            other = state.copy()
            other[i] = 1 - other[i]
            pair = p[number[tuple(state)]], p[number[tuple(other)]]
            exact += np.log(pair[0] / sum(pair)) / 2
    assert one.pseudo_likelihood(v, m.drive(v), rng()).item() == pytest.approx(exact, abs=0.15)
    asked, pseudo = [], one.pseudo_likelihood
    one.pseudo_likelihood = lambda v, drive, rng: asked.append(v.data) or pseudo(v, drive, rng)
    assert one.train_step(iter([(v.data[:40].reshape(-1, 1, 2, 3),)]), rng())["pseudo_likelihood"] < 0
    np.testing.assert_array_equal(asked, [v.data[:40]])  # of images, not of the chains


def test_it_learns_which_states_there_are():
    """Two of 64 states: the likelihood starts at log 1/64 and comes near log ½, as the rate falls."""
    data, noise = np.repeat(VISIBLE[[11, 38]], 8, 0), rng(5)
    before = log_likelihood(model().machine.to(np.float64), data)
    one = model(lr=0.1, chains=64)
    for step in range(800):
        one.optimizer.lr = 0.1 * (1 - step / 800)
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
    one.machine.gibbs = lambda v, turns, rng: begun.append((v.data, turns)) or v
    one.samples(64, rng())
    ((start, turns),), chains = begun, one.machine.chains
    assert turns == 100
    assert {tuple(bits) for bits in start} <= {tuple(bits) for bits in chains} and (start != chains).any()


def test_annealed_backwards_it_begins_with_chains_after_a_hundred_turns(monkeypatch):
    one, told = model(), []
    monkeypatch.setattr(
        "scratchgan.metrics.annealed_log_partition", lambda *a, states: told.append(states) or (0.0, 0.0)
    )
    one.machine.gibbs = lambda v, turns, rng: v + turns
    one.measure((Tensor(VISIBLE.reshape(-1, 1, 2, 3).astype(np.float32)),), rng())
    assert told[0] is None
    np.testing.assert_array_equal(told[1], one.machine.chains + 100)


def test_a_strip_is_a_chain_in_each_row_a_hundred_turns_apart():
    one, turns = model(chains=64), []
    gibbs = one.machine.gibbs
    one.machine.gibbs = lambda v, k, rng: turns.append((len(v), k)) or gibbs(v, k, rng)
    strip = one.strip(3, 4, rng())
    assert strip.shape == (3, 4, 1, 2, 3) and turns == [(3, 0), (3, 100), (3, 100), (3, 100)]
    rngs = rng()
    start = one.machine.chains[rngs.integers(64, size=3)]
    np.testing.assert_allclose(
        strip[:, 0].reshape(3, D), 2 * one.machine.visible(one.machine.hidden(Tensor(start))).data - 1
    )


def test_it_measures_the_exact_likelihood_and_the_best_independent_pixels():
    """Of images that are bits already, so that nothing is drawn."""
    one, v = model(lr=0.2, chains=64), VISIBLE[[11, 52, 52, 63]]
    for turn in range(30):
        one.train_step(stream(np.repeat(v, 4, 0)), rng(turn))
    numbers = one.measure((Tensor(v.reshape(-1, 1, 2, 3).astype(np.float32)),), rng())
    exact = log_likelihood(one.machine.to(np.float64), v)
    assert numbers["nats of fixed bits, exactly"] == pytest.approx(exact, abs=1e-4)
    assert numbers["nats of fixed bits, by AIS"] == pytest.approx(exact, abs=0.05)
    assert numbers["by AIS backwards"] == pytest.approx(exact, abs=0.05)
    mean = (v.sum(0) + 0.5) / 5
    independent = (v * np.log(mean) + (1 - v) * np.log(1 - mean)).sum(1).mean()
    assert numbers["of independent pixels"] == pytest.approx(independent, rel=1e-5)


def test_grey_images_are_measured_as_bits_drawn_once():
    one, grey = model(), Tensor(rng(7).random((50, 1, 2, 3)).astype(np.float32))
    first, again = (one.measure((grey,), rng(1)) for _ in range(2))
    drawn = bits(grey.flatten(1), rng(1)).data
    assert first == again
    log_z = log_partition(*(p.data for p in one.machine.parameters()))
    exact = -one.machine.free_energy(Tensor(drawn)).data.mean() - log_z
    assert first["nats of fixed bits, exactly"] == pytest.approx(exact, rel=1e-5)


def test_large_machines_are_annealed_only(monkeypatch):
    monkeypatch.setattr(rbm, "LISTED", 3)
    numbers = model().measure((Tensor(VISIBLE.reshape(-1, 1, 2, 3).astype(np.float32)),), rng())
    assert list(numbers) == ["nats of fixed bits, by AIS", "by AIS backwards", "of independent pixels"]
    assert numbers["nats of fixed bits, by AIS"] == pytest.approx(D * np.log(0.5), abs=0.1)


def test_the_default_is_a_machine_for_digits():
    one = rbm.build(rng())
    assert one.machine.weight.shape == (784, 500) and one.machine.weight.data.std() == pytest.approx(0.01, rel=0.02)
    assert not one.machine.visible_bias.data.any() and set(np.unique(one.machine.chains)) == {0, 1}
