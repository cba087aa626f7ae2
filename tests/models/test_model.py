"""What every model is given: its parts, a step downhill, batches, and pictures of the right range."""

import numpy as np
import pytest

from scratchgan import Parameter, Tensor, nn
from scratchgan.models.model import Model, Preset, in_blocks, made
from scratchgan.optim import SGD


class Line(Model):
    """x ↦ w x, which descends Σ w x."""

    low = 0.0

    def __init__(self, slope=2.0, **more):
        self.network = nn.Linear(1, 1, bias=False)
        self.network.weight.data = np.full((1, 1), slope, np.float32)
        self.optimizer, self.note = SGD(self.network.parameters(), lr=0.5), "no state"
        vars(self).update(more)


def test_its_parts_are_the_attributes_with_a_state_and_its_optimisers_are_among_them():
    line = Line()
    assert line.parts() == {"network": line.network, "optimizer": line.optimizer}
    assert line.optimizers() == [line.optimizer]


@pytest.mark.parametrize(
    "lost",
    [
        [nn.Linear(1, 1)],
        {"x": nn.Linear(1, 1)},
        ((), (SGD([Parameter(np.ones(1))]),)),
        np.zeros(3),
        [np.zeros(3)],
        np.random.default_rng(0),
    ],
    ids=["list", "dict", "nested", "array", "arrays", "generator"],
)
def test_a_state_that_no_checkpoint_would_save_is_refused(lost):
    with pytest.raises(TypeError, match="Line.hidden is or holds .*no checkpoint would save"):
        Line(hidden=lost).parts()


@pytest.mark.parametrize("kept", [3, "text", None, (0.5, 0.9), [1, 2], {"a": 1}, nn.ModuleList([nn.ReLU()]), len])
def test_what_is_no_state_or_has_a_name_is_not(kept):
    Line(option=kept).parts()


def test_descending_moves_the_optimisers_parameters_and_gives_the_loss_without_its_graph():
    line = Line()
    loss = line.descend(line.optimizer, line.network(Tensor(np.ones((1, 1), np.float32))).sum())
    assert line.network.weight.item() == 2 - 0.5 and loss.item() == 2 and loss.edges == ()


def test_images_come_as_tensors_of_the_networks_dtype_and_labels_as_they_are():
    line = Line()
    line.network.to(np.float64)
    images, labels = line.draw(iter([(np.ones((2, 1), np.float32), np.array([3, 4]))]))
    assert isinstance(images, Tensor) and images.dtype == np.float64 and labels.tolist() == [3, 4]


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_black_is_shown_as_minus_one_and_white_as_one(low):
    line = Line()
    line.low = low
    shown = line.shown(Tensor(np.array([low, (low + 1) / 2, 1.0])))
    assert shown.tolist() == [-1, 0, 1] and shown.dtype == np.float32


def test_what_a_network_makes_is_made_in_evaluation_and_leaves_it_as_it_was():
    network = nn.Sequential(nn.Dropout(0.99), nn.BatchNorm1d(2))
    x = Tensor(np.array([[1.0, 2.0]], np.float32))
    output = made(network, x)
    np.testing.assert_allclose(output.data, x.data, rtol=1e-4)
    assert network.training and network[0].training and not output.requires_grad


def test_blocks_are_joined_and_options_reach_each():
    class Counting(Model):
        def __init__(self):
            self.asked = []

        @in_blocks
        def samples(self, count, rng, plus=0):
            self.asked.append(count)
            return {"samples": rng.random(count) + plus}

    model = Counting()
    samples = model.samples(1100, np.random.default_rng(0), plus=5)["samples"]
    assert model.asked == [500, 500, 100]
    np.testing.assert_array_equal(samples, np.random.default_rng(0).random(1100) + 5)


def test_who_says_nothing_has_no_samples_and_no_latents():
    with pytest.raises(TypeError, match="Line has no samples"):
        Line().samples(1, None)
    with pytest.raises(TypeError, match="Line has no strip"):
        Line().strip(1, 2, None)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 2.5}, {"every": 0}, {"batch_size": True}])
def test_a_preset_of_no_steps_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}={wrong[name]} must be a whole number, 1 or more"):
        Preset(**{"steps": 1} | wrong)
