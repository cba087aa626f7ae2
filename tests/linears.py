"""Points, and networks without a bend, whose slopes are known: for the tests of the laboratory."""

import numpy as np
from seeded import rng

from scratchgan import nn


def points(n, d=2, seed=0):
    return rng(seed).standard_normal((n, d)).astype(np.float32)


def linear(*weights):
    """Linear layers one after the other, without biases."""
    layers = [nn.Linear(np.shape(w)[1], np.shape(w)[0], bias=False, rng=rng()) for w in weights]
    for layer, w in zip(layers, weights):
        layer.weight.data = np.array(w, np.float32)
    return nn.Sequential(*layers)
