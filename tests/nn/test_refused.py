"""Options that PyTorch's layers have and these have not: each is refused by its name, when the layer is made."""

import pytest

from scratchgan import nn

REFUSED = [
    (lambda **option: nn.Conv2d(2, 2, 3, **option), "dilation", 2),
    (lambda **option: nn.Conv2d(2, 2, 3, **option), "groups", 2),
    (lambda **option: nn.ConvTranspose2d(2, 2, 3, **option), "dilation", 2),
    (lambda **option: nn.ConvTranspose2d(2, 2, 3, **option), "groups", 2),
    (lambda **option: nn.MaxPool2d(2, **option), "dilation", 2),
    (lambda **option: nn.InstanceNorm2d(2, **option), "track_running_stats", True),
    (nn.ReLU, "inplace", True),
    (nn.LeakyReLU, "inplace", True),
    (nn.ELU, "inplace", True),
    (nn.Dropout, "inplace", True),
]


@pytest.mark.parametrize("make, option, value", REFUSED)
def test_an_option_that_is_not_obeyed_is_refused(make, option, value):
    with pytest.raises(NotImplementedError, match=f"{option}={value} is not supported"):
        make(**{option: value})
