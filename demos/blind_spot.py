"""What one pixel sees: the blind spot of PixelCNN, and the two stacks of Gated PixelCNN that have none.

Each map shows, for the pixel in the middle of 21×21, how much its logit depends on every other pixel: the slope of the
logit, by the derivative of the whole network with random weights, on a logarithmic scale. Pixels are read row by row
from the left to the right, so nothing from the middle on may have any effect (grey: there the slope is exactly 0). But
of what comes before, too, a part is missing (red). A 3×3 kernel sees one column further to the right for each row it
goes up, so layers of them never see a triangle above and to the right, and more layers do not help.

Shown are PixelCNN with 3×3 layers alone, with a first layer of 7×7, as the paper has it, and Gated PixelCNN, all with
as many layers as it takes to reach the border; and MADE, whose masks know no distance.
"""

import sys

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from scratchgan.lab import command, style
from scratchgan.lab.claims import Claim
from scratchgan.lab.sight import blind, sight
from scratchgan.models.gated_pixelcnn import GatedPixelCNN
from scratchgan.models.made import MADE
from scratchgan.models.pixelcnn import PixelCNN

SIZE, PLACE = 21, (10, 10)
SEEN = LinearSegmentedColormap.from_list("seen", ["#dce9ee", style.GENERATED])
LATER, HIDDEN = (0.92, 0.92, 0.92, 1), (0.88, 0.48, 0.37, 1)
NETWORKS = {
    "PixelCNN, 3×3": lambda rng: PixelCNN(rng, width=8, blocks=9, first=3),
    "PixelCNN, 7×7 first": lambda rng: PixelCNN(rng, width=8, blocks=7),
    "Gated PixelCNN": lambda rng: GatedPixelCNN(rng, width=8, layers=7),
    "MADE": lambda rng: MADE(SIZE**2, (4000,), rng),
}


def experiment(flags, folder):
    """The maps and the numbers of pixels that are not seen."""
    maps, numbers = {}, {}
    for name, network in NETWORKS.items():
        maps[name] = sight(network(np.random.default_rng(flags.seed)), (SIZE, SIZE), PLACE, np.random.default_rng(0))
        later = np.arange(SIZE**2) >= PLACE[0] * SIZE + PLACE[1]
        numbers[name] = {
            "not seen": int(blind(maps[name], PLACE).sum()),
            "seen too early": int((maps[name].reshape(-1)[later] > 0).sum()),
        }
        print(f"  {name:22}{numbers[name]['not seen']:5} of {PLACE[0] * SIZE + PLACE[1]} pixels before it are not seen")
    save_picture(folder / "blind_spot.png", maps, numbers)
    return numbers, list(claims(numbers))


def claims(numbers):
    """What the masks must do: hide what comes later, and, in one of the four, a triangle besides."""
    anchors = {name: found["not seen"] for name, found in numbers.items()}
    for name in ("Gated PixelCNN", "MADE"):
        yield Claim(f"pixels that {name} does not see", numbers[name]["not seen"], high=0, anchors=anchors)
    yield Claim("the blind spot of 3×3 kernels", numbers["PixelCNN, 3×3"]["not seen"], low=45, high=45)
    yield Claim("with 7×7 first", numbers["PixelCNN, 7×7 first"]["not seen"], low=28, high=28)
    early = sum(found["seen too early"] for found in numbers.values())
    yield Claim("pixels that are seen too early", early, high=0)


def save_picture(path, maps, numbers):
    """A map for each network: light to dark what is seen, red the blind spot, grey what comes later."""
    with style.figure(1, len(maps), (3.1, 3.5), "What the pixel in the middle sees") as (figure, panels):
        for axes, (name, seen) in zip(panels, maps.items()):
            picture = np.tile(LATER, (SIZE, SIZE, 1))
            picture[seen > 0] = SEEN(LogNorm(1e-6 * seen.max(), seen.max(), clip=True)(seen[seen > 0]))
            picture[blind(seen, PLACE)] = HIDDEN
            axes.imshow(picture)
            axes.plot(*PLACE[::-1], "k+")
            axes.set(xticks=[], yticks=[], title=f"{name}\nnot seen: {numbers[name]['not seen']}")
        style.save(figure, path)


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "blind_spot", experiment))
