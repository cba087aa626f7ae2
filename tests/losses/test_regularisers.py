"""Feature matching, historical averaging, instance noise and weight clipping: what they do and what they leave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from seeded import rng

from scratchgan import Parameter, Tensor, grad, nn
from scratchgan.losses import (
    HistoricalAverage,
    Wasserstein,
    clip_weights,
    feature_matching,
    instance_noise,
    linear_decay,
)
from scratchgan.optim import SGD


def normal(*shape, seed=0):
    return rng(seed).standard_normal(shape)


# Feature matching ----------------------------------------------------------------------------------------------------


def test_it_is_the_squared_distance_of_the_means():
    real, fake = normal(4, 3, 2), normal(6, 3, 2, seed=1)
    expected = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    assert feature_matching(Tensor(real), Tensor(fake)).item() == pytest.approx(expected, rel=1e-14)


def test_batches_of_equal_means_match_though_no_sample_does():
    real, fake = Tensor(np.array([[1.0], [-1.0]])), Tensor(np.array([[5.0], [-5.0]]))
    assert feature_matching(real, fake).item() == 0


def test_every_fake_is_pulled_in_the_same_direction():
    real, fake = Tensor(normal(5, 3)), Tensor(normal(4, 3, seed=1), requires_grad=True)
    (g,) = grad(feature_matching(real, fake), fake)
    pull = -2 * (real.data.mean(0) - fake.data.mean(0)) / 4
    np.testing.assert_allclose(g.data, np.tile(pull, (4, 1)), rtol=1e-13)


@pytest.mark.parametrize("real, fake", [((4, 3), (4, 2)), ((4,), (4,)), ((4, 1), (4,))])
def test_features_of_two_layers_do_not_match(real, fake):
    with pytest.raises(ValueError, match=r"must be batches \(N, …\) of one layer's features"):
        feature_matching(Tensor(np.zeros(real)), Tensor(np.zeros(fake)))


@pytest.mark.parametrize("real, fake", [((0, 3), (4, 3)), ((4, 3), (0, 3))])
def test_an_empty_batch_has_no_mean_features(real, fake):
    with pytest.raises(ValueError, match="a batch is empty"):
        feature_matching(Tensor(np.zeros(real)), Tensor(np.zeros(fake)))


# Historical averaging ------------------------------------------------------------------------------------------------


def moved(parameters, seed):
    for p in parameters:
        p.data = p.data + normal(*p.shape, seed=seed)


def test_the_penalty_is_the_squared_distance_from_the_mean_of_the_past():
    weights = [Parameter(normal(2, 3)), Parameter(normal(3))]
    past, average = [[p.data for p in weights]], HistoricalAverage(weights)
    for seed in range(4):
        moved(weights, seed)
        past.append([p.data for p in weights])
        average.update()
    moved(weights, 9)
    means = [np.mean(values, 0) for values in zip(*past)]
    expected = sum(((p.data - mean) ** 2).sum() for p, mean in zip(weights, means))
    assert average.penalty().item() == pytest.approx(expected, rel=1e-13)
    for g, p, mean in zip(grad(average.penalty(), weights), weights, means):
        np.testing.assert_allclose(g.data, 2 * (p.data - mean), rtol=1e-12)


def test_it_begins_at_the_present_weights_and_nothing_pulls_them():
    weights = [Parameter(normal(2, 3))]
    average = HistoricalAverage(weights)
    assert average.penalty().item() == 0
    moved(weights, 1)
    assert average.penalty().item() > 0.1


def final_radius(weight, steps=400, rate=0.1):
    """Of the game min_x max_y xy from (1, 1), by simultaneous steps."""
    x, y = Parameter(np.ones(())), Parameter(np.ones(()))
    averages = [HistoricalAverage([p]) for p in (x, y)]
    for _ in range(steps):
        (of_x,) = grad(x * y + weight * averages[0].penalty(), x)
        (of_y,) = grad(-(x * y) + weight * averages[1].penalty(), y)
        for p, g, average in zip((x, y), (of_x, of_y), averages):
            p.data = p.data - rate * g.data
            average.update()
    return np.hypot(x.item(), y.item())


def test_players_that_spiral_outwards_converge_with_it():
    assert final_radius(0.0) > 2 * np.sqrt(2) and final_radius(0.5) < 0.2 * np.sqrt(2)


def test_it_saves_and_loads():
    weights = [Parameter(normal(2, 3)), Parameter(normal(3))]
    average = HistoricalAverage(weights)
    moved(weights, 1)
    average.update()
    other = HistoricalAverage(weights)
    other.load_state_dict(average.state_dict())
    assert other.count == 2 and other.penalty().item() == average.penalty().item() > 0
    average.means[0] += 1
    assert other.penalty().item() != average.penalty().item()


def test_a_state_of_other_parameters_is_refused():
    state = HistoricalAverage([Parameter(normal(2, 3))]).state_dict()
    with pytest.raises(ValueError, match="does not fit this average: missing 1"):
        HistoricalAverage([Parameter(normal(2, 3)), Parameter(normal(3))]).load_state_dict(state)
    with pytest.raises(ValueError, match="does not fit this average: 0 has shape"):
        HistoricalAverage([Parameter(normal(3))]).load_state_dict(state)


@pytest.mark.parametrize("name, value, message", [
    ("count", np.array(0), "it counts 0 values"),
    ("count", np.array(1.5), "count is float64 instead of int64"),
    ("0", np.zeros((2, 3), complex), "0 is complex128 instead of"),
])  # fmt: skip
def test_a_state_of_nothing_or_of_other_numbers_is_refused(name, value, message):
    average = HistoricalAverage([Parameter(normal(2, 3))])
    with pytest.raises(ValueError, match=message):
        average.load_state_dict(average.state_dict() | {name: value})


def test_an_average_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        HistoricalAverage([])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_average_keeps_the_dtype_of_the_weights(dtype):
    average = HistoricalAverage([Parameter(normal(3).astype(dtype))])
    average.update()
    assert average.means[0].dtype == average.penalty().dtype == dtype


# Instance noise ------------------------------------------------------------------------------------------------------


def test_the_noise_is_normal_with_the_given_deviation_and_fresh_in_every_call():
    x, generator = Tensor(np.full((20, 5, 30), 7.0)), rng()
    first, second = (instance_noise(x, 0.3, generator).data - 7 for _ in range(2))
    assert first.std() == pytest.approx(0.3, rel=0.05) and abs(first.mean()) < 0.02
    assert (first**4).mean() / first.var() ** 2 == pytest.approx(3, rel=0.15)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_the_gradient_passes_the_noise_unchanged():
    x, g = Tensor(normal(4, 2), requires_grad=True), Tensor(normal(4, 2, seed=1))
    (through,) = grad(instance_noise(x, 0.5, rng()), x, g)
    np.testing.assert_array_equal(through.data, g.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_noise_is_no_change_and_the_dtype_stays(dtype):
    x = Tensor(normal(4, 2).astype(dtype))
    np.testing.assert_array_equal(instance_noise(x, 0.0, rng()).data, x.data)
    assert instance_noise(x, 0.1, rng()).dtype == dtype


@pytest.mark.parametrize("scale", [-0.1, float("nan")])
def test_a_negative_deviation_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale={scale} must not be negative"):
        instance_noise(Tensor(normal(2)), scale, rng())


def test_the_noise_is_annealed_in_a_straight_line_and_stays_away():
    assert [linear_decay(0.5, step, 4) for step in (0, 1, 2, 3, 4, 5, 100)] == [0.5, 0.375, 0.25, 0.125, 0, 0, 0]


@pytest.mark.parametrize("steps", [0, -3])
def test_a_decay_over_no_steps_is_refused(steps):
    with pytest.raises(ValueError, match=f"steps={steps} must be positive"):
        linear_decay(1.0, 0, steps)


def test_a_decay_does_not_begin_before_its_start():
    with pytest.raises(ValueError, match="step=-1 must not be negative"):
        linear_decay(1.0, -1, 4)


# Weight clipping -----------------------------------------------------------------------------------------------------


@given(hnp.arrays(np.float32, hnp.array_shapes(), elements=st.floats(-5, 5, width=32)), st.floats(0.01, 3))
def test_weights_end_in_the_box_and_those_inside_stay(array, bound):
    p = Parameter(array.copy())
    clip_weights([p], bound)
    assert p.dtype == np.float32 and np.abs(p.data).max() <= np.float32(bound)
    inside = np.abs(array) < bound * (1 - 1e-6)
    np.testing.assert_array_equal(p.data[inside], array[inside])
    np.testing.assert_array_equal(np.sign(p.data), np.sign(array))


def critic():
    return nn.Sequential(nn.Linear(3, 4, rng=rng()), nn.BatchNorm1d(4), nn.LeakyReLU(0.2), nn.Linear(4, 1, rng=rng(1)))


def test_the_scales_of_batch_norm_are_clipped_too_and_its_statistics_are_not():
    network = critic()
    clip_weights(network.parameters(), 0.01)
    assert all(np.abs(p.data).max() <= np.float32(0.01) for p in network.parameters())
    assert (network[1].weight.data == np.float32(0.01)).all() and (network[1].running_var == 1).all()


def critic_steps(network, order, steps=3):
    """WGAN steps that clip before the forward pass, or after the update: the largest weight that comes out."""
    optimizer = SGD(network.parameters(), lr=1.0)
    for step in range(steps):
        if order == "before":
            clip_weights(network.parameters(), 0.05)
        real, fake = Tensor(normal(4, 3, seed=step).astype(np.float32)), Tensor(np.zeros((4, 3), np.float32))
        loss = Wasserstein().discriminator_loss(network(real), network(fake))
        optimizer.step(grad(loss, network.parameters()))
        if order == "after":
            clip_weights(network.parameters(), 0.05)
    return max(np.abs(p.data).max() for p in network.parameters())


def test_clipped_after_its_step_the_critic_is_in_its_box_and_clipped_before_it_has_left_it():
    assert critic_steps(critic(), "after") <= np.float32(0.05) < critic_steps(critic(), "before")


def test_clipping_between_a_forward_pass_and_its_gradient_is_noticed():
    network = critic()
    loss = network(Tensor(normal(4, 3).astype(np.float32))).mean()
    clip_weights(network.parameters(), 0.01)
    with pytest.raises(RuntimeError, match="was updated after this graph was recorded"):
        grad(loss, network.parameters())


@pytest.mark.parametrize("bound", [0.0, -0.01, float("nan")])
def test_an_empty_box_is_refused(bound):
    with pytest.raises(ValueError, match=f"bound={bound} must be positive"):
        clip_weights(critic().parameters(), bound)


def test_the_average_of_a_parameter_without_axes_can_be_saved():
    """NumPy gives a scalar for what is computed from an array without axes."""
    average = HistoricalAverage([Parameter(np.array(1.0))])
    average.update()
    assert average.state_dict()["0"].shape == ()
