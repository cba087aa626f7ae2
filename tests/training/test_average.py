"""Averaged weights: θ̄ ← β θ̄ + (1 − β) θ, for buffers as for parameters."""

import numpy as np

from scratchgan import Tensor, nn
from scratchgan.training import AveragedWeights


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
