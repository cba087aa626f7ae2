"""2,009 emoji in colour, 32×32 pixels on white, that ship with the package: Noto Emoji, © Google LLC.

`python -m scratchgan.data.emoji` made them from the pictures of https://github.com/googlefonts/noto-emoji; their
licences are in LICENSES.md.
"""

import re
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from scratchgan.data.checks import checked_split
from scratchgan.data.mnist import Dataset
from scratchgan.data.pictures import flat
from scratchgan.data.shipped import shipped

FILE = "emoji_32.npz"
OTHER_TONES = re.compile("1f3f[bcef]")  # of the five tones of skin, the middle one is kept
HELD_OUT = 10  # each tenth emoji is for testing


def load_emoji(split: str = "train") -> Dataset:
    """The emoji: a `Dataset` of images uint8 (N, 3, 32, 32), without labels; each tenth belongs to the test set."""
    images = shipped(FILE, "emoji")["images"]
    held_out = np.arange(len(images)) % HELD_OUT == HELD_OUT - 1
    images = images[held_out if checked_split(split, "emoji") == "test" else ~held_out]
    return Dataset("emoji", images, None, "the emoji shipped with scratchgan")


def embed(source: str | Path, target: str | Path) -> None:
    """Write the emoji of a zip of PNGs: on white, reduced to 32×32 pixels, without duplicates and other tones of skin.

    The same bytes each time, for one version of Pillow and of zlib.
    """
    with zipfile.ZipFile(source) as pictures:
        names = sorted(name for name in pictures.namelist() if name.endswith(".png") and not OTHER_TONES.search(name))
        images = [np.asarray(_small(pictures.read(name))) for name in names]
    unique = list({image.tobytes(): image for image in images}.values())
    np.savez_compressed(target, images=np.stack(unique).transpose(0, 3, 1, 2))


def _small(png):
    with Image.open(BytesIO(png)) as image:
        return flat(image).resize((32, 32), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m scratchgan.data.emoji noto-emoji-png72.zip\nThe argument is a zip of its folder png/72.")
    embed(sys.argv[1], Path(__file__).with_name(FILE))
