"""Tiles of a dungeon, 32×32 pixels in colour, that ship with the package: Dungeon Crawl Stone Soup, CC0.

There are two kinds: *grounds*, such as walls, water and grass, which fill their tile and serve as textures, and
*things*, monsters and what they carry, on white. `python -m scratchgan.data.tiles` chose them from the tiles of
https://github.com/crawl/tiles, release of November 2015; the artists are named in LICENSES.md.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scratchgan.data.checks import DataError, checked_split
from scratchgan.data.mnist import Dataset
from scratchgan.data.shipped import shipped
from scratchgan.hints import Arrays, Source

FILE = "tiles_32.npz"
KINDS = "grounds", "things"
HELD_OUT = 6  # of each six families, one is for testing: wall_1 and wall_2 are nearly the same picture
DRAWN = 0.3  # the least share of pixels that a thing fills
FAMILY = re.compile(r"(.*/[a-zA-Z]*)")


def load_tiles(split: str = "train", kind: str | None = None) -> Dataset:
    """The tiles: a `Dataset` of images uint8 (N, 3, 32, 32), without labels.

    Parameters
    ----------
    split : {"train", "test"}
        No tile of the test set has another of its family, such as walls of the same stone, in the training set.
    kind : {"grounds", "things"}, optional
        All, if none is named.

    Raises
    ------
    DataError
        For another split or kind, or when the file is damaged.
    """
    if kind not in (None, *KINDS):
        raise DataError(f"there is no kind {kind!r} of tiles: there are {' and '.join(KINDS)}")
    tiles = shipped(FILE, "tiles")
    chosen = tiles["held_out"] == (checked_split(split, "tiles") == "test")
    if kind:
        chosen &= tiles["kinds"] == KINDS.index(kind)
    images = tiles["images"][chosen].transpose(0, 3, 1, 2)
    return Dataset("tiles", np.ascontiguousarray(images), None, f"the {kind or 'tiles'} shipped with scratchgan")


def beside(dataset: Source, kind: str, split: str = "train") -> Arrays:
    """Pictures, and tiles of a kind: two domains of uint8 (N, 3, 32, 32) and (M, 3, 32, 32), of which none are pairs.

    For the test set, each picture has a tile beside it, so that they can be drawn together; the tiles repeat.
    """
    x, y = dataset.sized(32, 3), load_tiles(split, kind).images
    return (x, y) if split == "train" else (x, y[np.arange(len(x)) % len(y)])


def embed(source: str | Path, target: str | Path) -> None:
    """Write a choice of tiles: half of the grounds, all monsters of some size, and a quarter of such items.

    Parameters
    ----------
    source : path
        An .npz of images, uint8 (N, 32, 32, 4) with transparency, and their names, such as mon/animals/hydra1.png.
    target : path
    """
    with np.load(source) as tiles:
        order = np.argsort(tiles["names"], kind="stable")
        images, names = tiles["images"][order], tiles["names"][order]
    filled = (images[..., 3] > 0).mean((1, 2)) >= DRAWN
    full = (images[..., 3] == 255).all((1, 2))
    grounds = np.flatnonzero(full & np.char.startswith(names, "dngn/"))[::2]
    no_tentacle = np.char.startswith(names, "mon/") & ~np.char.startswith(names, "mon/tentacles")
    monsters = np.flatnonzero(filled & ~full & no_tentacle)
    items = np.flatnonzero(filled & ~full & np.char.startswith(names, "item/"))[::4]
    chosen = np.concatenate([grounds, monsters, items])
    kinds = np.repeat(np.arange(2, dtype=np.uint8), [len(grounds), len(monsters) + len(items)])
    pictures = _on_white(images[chosen])  # colours last: a sixth fewer bytes
    np.savez_compressed(target, images=pictures, kinds=kinds, held_out=held_out(names[chosen]))


def held_out(names: Iterable[str]) -> np.ndarray:
    """Which pictures are for testing, by their names: array of bool, (N,)."""
    families = [FAMILY.match(name)[0] for name in names]
    rank = {family: number for number, family in enumerate(sorted(set(families)))}
    return np.array([rank[family] % HELD_OUT == HELD_OUT - 1 for family in families])


def _on_white(images):
    alpha = images[..., 3:].astype(np.float32) / 255
    return np.rint(images[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m scratchgan.data.tiles crawl_tiles_32.npz\nThe argument holds the pictures and their names.")
    embed(sys.argv[1], Path(__file__).with_name(FILE))
