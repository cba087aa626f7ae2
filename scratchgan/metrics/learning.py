"""What all networks of the judge have in common: how they learn, how they look, and how they are kept.

A network has ``features(images)``, (N, d), and a ``head`` that turns features into the logits of classes, or None.
"""

import hashlib
import sys

import numpy as np
from tqdm import trange

from scratchgan import checkpoint
from scratchgan import functional as F
from scratchgan.metrics.images import as_floats
from scratchgan.optim import Adam
from scratchgan.tensor import Tensor, grad, no_grad

BATCH = 128
BLOCK = 500  # images that are looked at together: their activations fit the cache


def learn(network, loss_of, count, steps, rate, rng):
    """Steps of Adam down the ``loss_of`` a batch of indices, drawn from epoch to epoch; the rate falls in a straight
    line to 0."""
    optimizer = Adam(network.parameters(), rate)
    per_epoch = max(1, count // BATCH)
    bar = trange(steps, desc="judge", unit="step", leave=False, disable=None)
    for step in bar:
        if step % per_epoch == 0:
            order = rng.permutation(count)
        loss = loss_of(order[step % per_epoch * BATCH :][:BATCH])
        optimizer.lr = rate * (1 - step / steps)
        optimizer.step(grad(loss, network.parameters()))
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def look(network, images):
    """What the network makes of images (N, C, H, W), bytes or floats in [−1, 1].

    Returns
    -------
    features : ndarray of float32, (N, d)
    probabilities : ndarray of float32, (N, K), or None
        Of the classes, if the network knows any.
    """
    seen, heads = [], [] if network.head is None else [network.head]
    with no_grad():
        for start in range(0, len(images), BLOCK):
            features = network.features(Tensor(as_floats(images[start : start + BLOCK])))
            seen.append([features.data, *(F.softmax(head(features), 1).data for head in heads)])
    features, *probabilities = map(np.concatenate, zip(*seen))
    return features, probabilities[0] if heads else None


# Kept from one use to the next --------------------------------------------------------------------------------------


def kept(dataset, recipe, train, empty):
    """The network of a data set: from the user's cache, or trained and put there.

    Parameters
    ----------
    dataset : scratchgan.data.Dataset
        What to train on. Other images, even under the same name, have a network of their own.
    recipe : str
        The seed and the settings of the training.
    train : callable
        () -> network.
    empty : Module
        A network of the same shape, which is filled from the cache.
    """
    key = _key(dataset, recipe)
    path = _folder() / f"{dataset.name}-{key[:16]}.npz"
    if path.exists():
        try:
            return _read(path, key, empty)
        except (checkpoint.CheckpointError, OSError) as error:
            print(f"{error}\nSo the judge's network is trained anew.", file=sys.stderr)
    print(f"Training the judge's network on {dataset.name}, once: about a minute.", file=sys.stderr)
    network = train()
    try:
        _write(path, network, key)
    except OSError as error:
        print(f"{path}: the network cannot be kept there: {error}", file=sys.stderr)
    return network


def _folder():
    """Beside the downloads."""
    import pooch  # here, for a quick start without it

    return pooch.os_cache("scratchgan") / "classifiers"


def _key(dataset, recipe):
    """A fingerprint of everything that the weights are a function of."""
    arrays = [array for array in (dataset.images, dataset.labels) if array is not None]
    return _sha256(f"{recipe} {dataset.images.shape}".encode(), *map(np.ascontiguousarray, arrays))


def _sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _write(path, network, key):
    """A checkpoint, and beside it the checksum of the whole file: without it, or with another, the file is damaged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, network.state_dict(), key=key)
    checksum = _sha256(path.read_bytes()).encode()
    checkpoint.write_atomically(path.with_suffix(".sha256"), lambda file: file.write(checksum))


def _read(path, key, network):
    """The network, filled from a file that `_write` wrote; CheckpointError or OSError if that is damaged or foreign."""
    if _sha256(path.read_bytes()).encode() != path.with_suffix(".sha256").read_bytes():
        raise checkpoint.CheckpointError(f"{path} is damaged: it does not have the checksum that is kept beside it")
    state, facts = checkpoint.load(path)
    if facts.get("key") != key:
        raise checkpoint.CheckpointError(f"{path} is of other data or another recipe")
    network.load_state_dict(state)
    return network
