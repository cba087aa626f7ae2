"""A run of SRGAN on the pictures of a benchmark, such as Set5: each enlarged four times, beside bicubic resampling.

    scratchgan train srgan --preset photos --data FOLDER_OF_PHOTOGRAPHS --out runs/photos
    python demos/super_resolution.py runs/photos set5-x4.zip

The benchmark is a folder or a zip of pairs NAME_HR.png and NAME_LR.png. PSNR and SSIM are those of the luminance
without a border of four pixels, and SSIM has the window of the paper of SRGAN (scratchgan/metrics/similarity.py). So
bicubic has the 28.43 dB and 0.8211 on Set5 that the paper prints. SRResNet must have more. SRGAN loses some of it: a
sharp picture that might be the true one has a larger error than a blurred one.

super_resolution.png shows the middle of each picture: nearest neighbours, bicubic, the networks, the truth.
"""

import sys
from pathlib import Path

import numpy as np

from scratchgan.data.photographs import enlarged_pairs
from scratchgan.lab import command
from scratchgan.lab.claims import Claim
from scratchgan.lab.superres import benchmark, middle
from scratchgan.models.superres import as_floats
from scratchgan.training.pictures import save_grid
from scratchgan.training.systems import load_model

SIDE, ROWS = 96, 5  # pixels of what is shown of a picture, and pictures shown


def experiment(flags, folder):
    """The table, the picture, and what SRResNet gains."""
    numbers, pictures = benchmark(load_model(flags.run), enlarged_pairs(flags.pairs))
    print(f"{len(pictures)} pictures{'PSNR':>18}{'SSIM':>9}")
    for way, row in numbers.items():
        print(f"  {way:20}{row['PSNR']:7.2f} dB{row['SSIM']:9.4f}")
    side = min(SIDE, *(size for ways in pictures for size in ways["true"].shape[1:]))
    shown = [[middle(image, side) for image in ways.values()] for ways in pictures[:ROWS]]
    save_grid(folder / "super_resolution.png", as_floats(np.concatenate(shown)), len(shown[0]))
    return numbers, list(claims(numbers))


def claims(numbers):
    """What must come out."""
    bicubic = numbers["bicubic"]["PSNR"]
    yield Claim("PSNR of SRResNet", numbers["SRResNet"]["PSNR"], low=bicubic, anchors={"bicubic": bicubic})


def add_flags(parser):
    """Of its own."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run of srgan")
    parser.add_argument("pairs", type=Path, metavar="PAIRS", help="a folder or a zip of NAME_HR.png and NAME_LR.png")


if __name__ == "__main__":
    sys.exit(command.main(__doc__, "super_resolution", experiment, add_flags, seeded=False))
