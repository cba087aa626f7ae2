"""Averaged weights: θ̄ ← β θ̄ + (1 − β) θ, for buffers as for parameters."""

import numpy as np
import pytest

from scratchgan import Tensor, nn
from scratchgan.nn import AveragedWeights, update_bn


def network():
    return nn.Sequential(nn.Linear(2, 3, rng=np.random.default_rng(0)), nn.BatchNorm1d(3))


def test_constant_weights_stay():
    module = network()
    average = AveragedWeights(module, 0.9)
    for _ in range(5):
        average.update(module)
    for path, array in module.state_dict().items():
        np.testing.assert_allclose(average.state_dict()[path], array, rtol=1e-6)


def test_a_step_from_0_to_1_is_followed_as_1_minus_decay_to_the_n():
    module = network().replace(lambda _, array: np.zeros_like(array))
    average = AveragedWeights(module, 0.9)
    module.replace(lambda _, array: np.ones_like(array))
    for _ in range(7):
        average.update(module)
    state = average.state_dict()
    for path in ("0.weight", "1.bias", "1.running_mean", "1.running_var"):
        np.testing.assert_allclose(state[path], 1 - 0.9**7, rtol=1e-6)
    assert state["1.num_batches_tracked"] == 1  # counts are copied


def test_with_decay_0_it_is_the_last_network():
    module = network()
    average = AveragedWeights(module, 0.0)
    module.replace(lambda _, array: array + 1)
    average.update(module)
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(average.state_dict()[path], array, err_msg=path)


def test_the_average_is_a_network_of_its_own_in_evaluation_mode():
    module = network()
    average = AveragedWeights(module, 0.5)
    average.update(module)
    before = average.state_dict()
    module(Tensor(np.ones((4, 2), np.float32) * np.arange(4, dtype=np.float32)[:, None]))
    module[0].weight.data = module[0].weight.data + 1
    assert not average.module.training and not average.module[1].training
    for path, array in average.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


# The statistics of batch norm ----------------------------------------------------------------------------------------


def batches(count=3):
    random = np.random.default_rng(1)
    return [random.normal([k, -1], [1 + k, 3], (8, 2)).astype(np.float32) for k in range(count)]


def test_the_statistics_are_the_means_over_all_batches():
    module = network()
    module(Tensor(100 * batches(1)[0]))  # which is forgotten
    seen = [module[0](Tensor(x)).numpy() for x in batches()]
    update_bn(map(Tensor, batches()), module)
    np.testing.assert_allclose(module[1].running_mean, np.mean([x.mean(0) for x in seen], 0), rtol=1e-4)
    np.testing.assert_allclose(module[1].running_var, np.mean([x.var(0, ddof=1) for x in seen], 0), rtol=1e-4)
    assert module[1].num_batches_tracked == 3


def test_what_was_lost_is_measured_anew():
    module = network()
    module[1].running_mean[:] = np.nan
    update_bn(map(Tensor, batches()), module)
    assert np.isfinite(module[1].running_mean).all() and np.isfinite(module[1].running_var).all()


def test_nothing_but_the_statistics_is_changed():
    module = network()
    module[1].eval()
    before = module.state_dict()
    update_bn(map(Tensor, batches()), module)
    changed = {path for path, array in module.state_dict().items() if (array != before[path]).any()}
    assert changed == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert module.training and module[0].training and not module[1].training and module[1].momentum == 0.1


def test_after_an_error_the_momentum_and_the_mode_are_what_they_were():
    module = network()
    with pytest.raises(ValueError):
        update_bn([Tensor(np.ones((4, 9), np.float32))], module)
    assert module[1].momentum == 0.1 and all(each.training for each in module.modules())


def test_other_layers_behave_as_in_evaluation():
    """Nothing is dropped, and no spectral norm moves: so the statistics are those that evaluation will meet."""
    random = np.random.default_rng(7)
    module = nn.Sequential(nn.SpectralNorm(nn.Linear(2, 3)), nn.Dropout(0.5, rng=random), nn.BatchNorm1d(3))
    drawn, u = random.bit_generator.state, module[0].u.copy()
    seen = [module[0].eval()(Tensor(x)).numpy() for x in batches()]
    update_bn(map(Tensor, batches()), module.train())
    assert random.bit_generator.state == drawn and (module[0].u == u).all()
    assert all(each.training for each in module.modules())
    np.testing.assert_allclose(module[2].running_mean, np.mean([x.mean(0) for x in seen], 0), rtol=1e-4)


@pytest.mark.parametrize(
    "stream, message",
    [
        ([], "at least one batch"),
        ([Tensor(batches()[0]), Tensor(np.ones((4, 9), np.float32))], r"\(4, 9\)"),
    ],
)
def test_after_an_error_the_statistics_are_what_they_were(stream, message):
    module = network()
    module(Tensor(batches()[1]))
    before = module.state_dict()
    with pytest.raises(ValueError, match=message):
        update_bn(stream, module)
    for path, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[path], err_msg=path)


@pytest.mark.parametrize(
    "other, message",
    [
        (lambda: nn.Sequential(nn.Linear(2, 3)), "missing 1.weight"),
        (lambda: nn.Sequential(nn.Linear(1, 3), nn.BatchNorm1d(3)), r"0.weight has shape \(3, 1\) instead of \(3, 2\)"),
    ],
)
def test_the_average_follows_only_a_module_of_its_own_kind(other, message):
    average = AveragedWeights(network(), 0.5)
    before = average.state_dict()
    with pytest.raises(ValueError, match=message):
        average.update(other())
    for path, array in average.state_dict().items():
        np.testing.assert_array_equal(array, before[path], err_msg=path)


def test_a_decay_of_numpys_leaves_float32_weights_what_they_are():
    average = AveragedWeights(network(), np.float64(0.9))
    average.update(network())
    assert average.module[0].weight.dtype == np.float32


def test_norms_without_statistics_are_left_alone():
    module = nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False), nn.LayerNorm(2))
    update_bn(map(Tensor, batches()), module)
    assert module[0].running_mean is None
