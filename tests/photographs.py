"""Set5 and Set14 as the papers on super-resolution have them, where $SCRATCHGAN_DATA has them."""

import os
from pathlib import Path

import pytest

from scratchgan.data.photographs import enlarged_pairs

SETS = "set5-x4", "set14-x4"


def file(name):
    """The zip of a set; the test is skipped where it is not there."""
    path = Path(os.environ.get("SCRATCHGAN_DATA", "")) / "sr" / f"{name}.zip"
    if not path.is_file():
        pytest.skip(f"{name}.zip is not in $SCRATCHGAN_DATA/sr")
    return path


def pairs(name):
    """Large and small images of a set, (1, C, H, W) of bytes."""
    return [(large[None], small[None]) for _, large, small in enlarged_pairs(file(name))]
