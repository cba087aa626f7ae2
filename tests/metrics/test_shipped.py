"""What the judge says of the weights that ship, beside the same generators before their first step."""

import numpy as np
import pytest
from judged import DIGITS, NEW

from scratchgan.lab.styles import digits
from scratchgan.metrics.images import as_images
from scratchgan.training import weights
from scratchgan.training.systems import model_of

COUNT = 600


def drawn(model):
    return model.samples(COUNT, np.random.default_rng(3))


@pytest.mark.parametrize("name", weights.names())
def test_they_draw_digits_and_an_untrained_generator_does_not(name, small):
    untrained = model_of(weights.shipped(name)[1]["settings"], np.random.default_rng(0))
    good, poor = (small.score(digits(drawn(model)["samples"])) for model in (weights.shipped_model(name), untrained))
    assert good.S < 0.3 < 0.7 < poor.S
    assert good.classes == 10


def test_the_conditional_one_draws_the_class_it_is_asked_for(small):
    made = drawn(weights.shipped_model("cgan"))
    real = small.accuracy(DIGITS.images[NEW], DIGITS.labels[NEW])
    assert small.accuracy(as_images(made["samples"]), made["labels"]) > real - 0.05
