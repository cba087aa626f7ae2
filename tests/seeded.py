"""Random numbers that are the same in every run of a test."""

import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)
