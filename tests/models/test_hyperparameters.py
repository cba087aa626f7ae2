"""A hyperparameter that means nothing is refused when a model is built, with its name: not after hours, or never."""

import numpy as np
import pytest
from seeded import rng

from scratchgan.models import SYSTEMS

WRONG = {  # what would run: a KL that is rewarded, chains that never move, a text that counts as True, …
    "aae": {"classes": [-1]},
    "adain": {"first": [-1, 2.5], "style_weight": [-1.0, np.nan]},
    "cyclegan": {"adversarial": [-1.0], "cycle": [(1.0,), (-1.0, 1.0)], "identity": [np.nan], "pool_size": [-1, 2.5]},
    "made": {"arrangements": [0, 2.5]},
    "pix2pix": {"weights": [1.0, (1.0,), (1.0, -100.0)], "jitter": [-1, 2.5]},
    "pixelgan": {"noise": [-0.1, np.nan], "anneal": [0, -5]},
    "pixelvae": {"anneal": [0, -5], "draws": [0, 2.5]},
    "rbm": {"hidden": [-1, 0, 2.5], "turns": [0, -1, 2.5], "persistent": ["no"], "centred": [1], "chains": [0]},
    "srgan": {"content": [-1.0, np.nan], "adversarial": [-1.0]},
    "stackgan": {"latent_size": [0, -1], "kl": [-0.1, np.nan]},
    "vae": {"draws": [0, 2.5], "binarised": ["no"]},
}
NAMES = dict.fromkeys(("adversarial", "content", "cycle", "identity"), "weights")
NAMES |= {"pool_size": "size", "latent_size": "sizes"}


@pytest.mark.parametrize(
    "system, option", [(system, option) for system, options in WRONG.items() for option in options]
)
def test_a_hyperparameter_that_means_nothing_is_refused(system, option):
    for value in WRONG[system][option]:
        with pytest.raises((TypeError, ValueError), match=f"{NAMES.get(option, option)}=.* must be "):
            SYSTEMS[system].build(rng(), **{option: value})
