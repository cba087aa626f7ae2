"""What can be trained, and what a system is: the seam between the papers and everything that runs them.

A `Model` knows how it takes a step, what it shows while it learns, and which samples it makes. A run (`training.run`)
asks for nothing else, so a game of two players, an autoencoder and a machine without gradients are trained, saved,
resumed and drawn by the same lines. A `System` says how a model is built and how long it is trained; a new one is a
file with a ``SYSTEM`` in it.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchgan.backend import array_like
from scratchgan.data import views
from scratchgan.data.checks import whole
from scratchgan.hints import Array, Random
from scratchgan.nn import Module
from scratchgan.optim import Optimizer
from scratchgan.ranks import ALONE
from scratchgan.tensor import Tensor, grad, no_grad


class Model:
    """What can be trained. A subclass keeps its networks and optimisers as attributes.

    It must say `train_step` and `show`, and it may say `samples`, `measure` and `strip`.

    Attributes
    ----------
    low : float
        The value of black in the images that the model takes and makes, where white is 1: −1 where a network ends in
        tanh, 0 where it ends in a sigmoid.
    watch : dict of str to str
        The numbers shown beside the progress bar, and their short names there.
    panels : dict of str to list of str
        The curves: titles, and the numbers drawn under each.
    ranks : Ranks
        The processes that train it together, each with its part of every batch. Gradients and the numbers of a step
        are made their mean without its doing; whatever else depends on a batch, a model makes common itself.
    """

    low, watch, panels, ranks = -1.0, {}, {}, ALONE

    def train_step(self, batches: Iterator, rng: Random) -> dict[str, float]:
        """One step of training.

        Parameters
        ----------
        batches : iterator
            Gives the next batch, see `draw`.
        rng : numpy.random.Generator

        Returns
        -------
        dict of str to float
            What there is to watch; the same names in each step.
        """
        raise TypeError(f"{type(self).__name__} does not say train_step(batches, rng)")

    def show(self, examples: tuple, rng: Random) -> np.ndarray:
        """The picture that is made during training: the same rng gives the same latents, so that pictures compare.

        Parameters
        ----------
        examples : tuple
            A batch of 64 of the data, always the same, as `draw` gives it.
        rng : numpy.random.Generator

        Returns
        -------
        array of float32, (rows, columns, C, H, W), in [−1, 1]
        """
        raise TypeError(f"{type(self).__name__} does not say show(examples, rng)")

    def samples(self, count: int, rng: Random) -> dict[str, np.ndarray]:
        """``count`` fresh samples.

        Returns
        -------
        dict of str to array
            Each is saved as NAME.npy; "samples" are images, float32 (count, C, H, W) in [−1, 1].

        Raises
        ------
        TypeError
            Where a model has none: an autoencoder has no distribution of codes, a translator needs an image.
        """
        raise TypeError(f"{type(self).__name__} has no samples: it does not say samples(count, rng)")

    def measure(self, held_out: tuple, rng: Random) -> dict[str, float]:
        """Numbers about what the model does with images that it never saw.

        Parameters
        ----------
        held_out : tuple
            Up to 1,000 examples of the test set at once, as `draw` gives a batch.
        rng : numpy.random.Generator

        Returns
        -------
        dict of str to float
            With the numbers that make them honest: of the simplest rival, of chance, of the true image.

        Raises
        ------
        TypeError
            Where there is nothing to measure, as a model makes images from noise.
        """
        raise TypeError(f"{type(self).__name__} measures nothing: it does not say measure(held_out, rng)")

    def strip(self, rows: int, columns: int, rng: Random) -> np.ndarray:
        """Rows of images that lead from one latent to another: array (rows, columns, C, H, W) in [−1, 1].

        Raises
        ------
        TypeError
            Where there are no latents to walk between.
        """
        raise TypeError(f"{type(self).__name__} has no strip: it does not say strip(rows, columns, rng)")

    # Given to every model ---------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The attributes that have a state to save, by name.

        Raises
        ------
        TypeError
            For an attribute whose state would be lost without a word.
        """
        for name, value in vars(self).items():
            if lost := _lost(value):
                raise TypeError(
                    f"{type(self).__name__}.{name} is or holds {lost}, which no checkpoint would save: networks belong "
                    "in attributes of their own or in a ModuleList, arrays in a Module or an object with a state_dict, "
                    "and random numbers come from the rng that each method is given"
                )
        return {name: part for name, part in vars(self).items() if hasattr(part, "state_dict")}

    def drawing_parts(self) -> tuple[str, ...]:
        """The names of the parts that samples and pictures depend on: all but the optimisers, if no subclass knows."""
        return tuple(name for name, part in self.parts().items() if not isinstance(part, Optimizer))

    def optimizers(self) -> list[Optimizer]:
        """The parts that are optimisers."""
        return [part for part in self.parts().values() if isinstance(part, Optimizer)]

    def tensor(self, array: Array) -> Tensor:
        """A NumPy array of numbers as a Tensor of the networks' dtype, on their device."""
        weight = next(part for part in vars(self).values() if isinstance(part, Module)).parameters()[0].data
        return Tensor(array_like(array.astype(weight.dtype, copy=False), weight))

    def draw(self, batches: Iterator) -> tuple:
        """The next batch: images as Tensors; integers, such as labels, stay as they are."""
        return tuple(self.tensor(array) if array.dtype.kind == "f" else array for array in next(batches))

    def descend(self, optimizer: Optimizer, loss: Tensor) -> Tensor:
        """One step of an optimiser's parameters down a loss; the loss without its graph."""
        optimizer.step(grad(loss, optimizer.params))
        return loss.detach()  # who holds a loss holds its whole graph

    def shown(self, images: Tensor) -> np.ndarray:
        """Images (N, C, H, W) in [low, 1], a Tensor, as they are shown: array of float32 in [−1, 1]."""
        return np.ascontiguousarray((images.numpy() - self.low) * (2 / (1 - self.low)) - 1, dtype=np.float32)


def _lost(value):
    """The kind of state that an attribute hides, as it has no name of its own to be saved under; None without one."""
    if hasattr(value, "state_dict"):
        return None
    if isinstance(value, (np.ndarray, np.random.Generator)):
        return type(value).__name__
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else ()
    kinds = [type(x).__name__ for x in inside if hasattr(x, "state_dict") or isinstance(x, np.ndarray) or _lost(x)]
    return kinds[0] if kinds else None


def made(network: Module, *inputs: Any) -> Tensor:
    """What a network makes in evaluation mode: a constant Tensor. Each of its parts keeps the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with no_grad():
            return network.eval()(*inputs)
    finally:
        for module, training in modes:
            module.training = training


def in_blocks(method: Callable, size: int = 500) -> Callable[..., dict[str, np.ndarray]]:
    """`Model.samples` a block at a time, so that memory does not grow with the number of samples."""

    @functools.wraps(method)
    def samples(self, count, rng, **options):
        blocks = [method(self, min(size, count - start), rng, **options) for start in range(0, count, size)]
        return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

    return samples


@dataclass(frozen=True)
class Preset:
    """How long a system is trained, and which of its options differ from the defaults of ``build``."""

    steps: int
    every: int = 100  # steps from one picture and checkpoint to the next
    batch_size: int = 64
    rates_fall: bool = True  # whether learning rates fall in a straight line, to a twentieth at the last step
    data: str = "mnist"  # where none is named
    view: Callable = views.images  # what of a data set a batch holds: (Dataset) -> arrays
    held_out: Callable | None = None  # what of the test set is measured; without it, the view
    unpaired: bool = False  # whether these are domains of their own, each shuffled for itself
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        for name in ("steps", "every", "batch_size"):
            whole(getattr(self, name), name)


@dataclass(frozen=True)
class System:
    """What ``scratchgan train NAME`` trains."""

    name: str  # as on the command line
    title: str  # as people say it
    teaches: str  # in a line
    minutes: int  # of the default preset, on two free cores
    build: Callable  # (rng, device, **options) -> Model; its defaults are the hyperparameters
    presets: dict  # name: Preset; "default" is among them, and in this package "quick", which takes about a minute
