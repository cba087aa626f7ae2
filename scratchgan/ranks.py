"""Several processes train one model, each with its part of every batch: data-parallel training by MPI.

    pip install -e ".[mpi]" && mpirun -n 4 scratchgan train wgan_gp

The gradient of a mean is the mean of the gradients. Where a batch of B images falls into N parts of equal size,

    ∇ (1/B) Σᵢ ℓ(xᵢ)  =  (1/N) Σ_r  ∇ (N/B) Σ_{i in part r} ℓ(xᵢ).                                                  (1)

So each process differentiates the mean over its own part, and before an optimiser steps, one Allreduce of one flat
buffer gives all processes the same gradient. Weights that begin equal then stay equal, to the last bit.

All processes also have the same generator of random numbers in the same state. An array that is drawn in a step has a
row for each image; it is drawn for the whole batch, and each process takes the rows of its part. So N processes do to
a batch what one does, up to rounding, as long as the loss of an image does not depend on the others; see README.md in
`scratchgan.training` for batch norm and its kin.
"""

import contextlib
import hashlib
import os
import sys
import time
import traceback
from functools import lru_cache, wraps

import numpy as np

from scratchgan.backend import array_like, to_numpy

# What launchers tell each process: how many there are, and which of them it is (Open MPI, MPICH, MVAPICH, Slurm). Slurm
# comes last: mpirun may itself be started by it, once for each machine.
LAUNCHERS = {
    "OMPI_COMM_WORLD_SIZE": "OMPI_COMM_WORLD_RANK",
    "PMI_SIZE": "PMI_RANK",
    "MV2_COMM_WORLD_SIZE": "MV2_COMM_WORLD_RANK",
    "SLURM_STEP_NUM_TASKS": "SLURM_PROCID",
}
PATIENCE = 1.0  # seconds in which processes that fail alike have all failed


class RanksError(RuntimeError):
    """Processes cannot train together."""


class Ranks:
    """The processes that train together, as one of them sees them.

    Parameters
    ----------
    comm : communicator, optional
        Such as ``mpi4py.MPI.COMM_WORLD``; without one, this process is alone, and all that follows does nothing.
    beside : int
        How many of them are on this machine.
    failed : callable, optional
        ``() -> request``: says that this process has failed; ``request.Test()`` is true when all have.

    Attributes
    ----------
    rank, size : int
        Which one this is, from 0, and how many there are.
    first : bool
        Whether this is the one that speaks, draws and saves.
    """

    def __init__(self, comm=None, beside=1, failed=None):
        self.comm, self.beside, self.failed = comm, beside, failed
        self.rank, self.size = (comm.rank, comm.size) if comm else (0, 1)
        self.first = self.rank == 0

    # What is made common ----------------------------------------------------------------------------------------------

    def mean(self, arrays):
        """(1): the means over all processes of some arrays, by one Allreduce of one flat buffer."""
        if self.size == 1 or not arrays:
            return arrays
        flat = np.concatenate([to_numpy(array).ravel() for array in arrays])
        total = np.empty_like(flat)
        self.comm.Allreduce(flat, total)
        total /= self.size
        ends = np.cumsum([array.size for array in arrays])
        means = [total[end - array.size : end].reshape(array.shape) for array, end in zip(arrays, ends)]
        return [array_like(mean.astype(a.dtype, copy=False), a) for mean, a in zip(means, arrays)]

    def means(self, numbers):
        """{name: number}: each becomes its mean; a whole number that is the same for all, as a count, stays one."""
        if self.size == 1:
            return numbers
        (means,) = self.mean([np.array([*numbers.values()], float)])
        pairs = zip(numbers.items(), means.tolist())
        return {name: own if isinstance(own, int) and own == mean else mean for (name, own), mean in pairs}

    def whole(self, part):
        """The rows of all parts, in order: array (n, …) -> (N n, …)."""
        if self.size == 1:
            return part
        rows = np.empty((self.size, *part.shape), part.dtype)
        self.comm.Allgather(np.ascontiguousarray(to_numpy(part)), rows)
        return array_like(rows.reshape(-1, *part.shape[1:]), part)

    def part(self, whole):
        """The rows that are this process's.

        Raises
        ------
        RanksError
            When they do not fall into equal parts.
        """
        rows, rest = divmod(len(whole), self.size)
        if rest:
            raise RanksError(f"{len(whole)} rows do not fall into {self.size} equal parts, one for each process")
        return whole[self.rank * rows : (self.rank + 1) * rows]

    def most(self, number):
        """The largest of a number over all processes."""
        return max(self.all_of(number))

    def all_of(self, value):
        """What all processes have to say, in order."""
        return [value] if self.size == 1 else self.comm.allgather(value)

    def told(self, value=None):
        """What the first process says."""
        return value if self.size == 1 else self.comm.bcast(value, 0)

    def demand_alike(self, state):
        """Raise RanksError unless all processes have the same, to the last bit.

        Parameters
        ----------
        state : dict of str to array or str
        """
        if self.size == 1:
            return
        own = {name: _digest(value) for name, value in state.items()}
        all_of_them = self.comm.allgather(own)
        names = {name: None for each in all_of_them for name in each}  # in order
        if different := [name for name in names if len({each.get(name) for each in all_of_them}) > 1]:
            more = f" and {len(different) - 5} more" if len(different) > 5 else ""
            raise RanksError(f"the processes do not agree on {', '.join(different[:5])}{more}")

    # Random numbers ---------------------------------------------------------------------------------------------------

    def generator(self, seed, batch_size):
        """The generator of a run: the same numbers for any number of processes."""
        rng = np.random.default_rng(seed)
        return rng if self.size == 1 else Rows(rng.bit_generator, self.rank, self.size, batch_size // self.size)

    def alike(self, rng):
        """A generator of the numbers of ``rng`` that are the same for all processes, whatever their shape."""
        return rng.all if isinstance(rng, Rows) else rng

    @contextlib.contextmanager
    def in_a_step(self, rng):
        """A context in which what ``rng`` draws has a row for each image of the batch."""
        if isinstance(rng, Rows):
            rng.cutting = True
        try:
            yield
        finally:
            if isinstance(rng, Rows):
                rng.cutting = False

    # How they end -----------------------------------------------------------------------------------------------------

    def end(self, why, status):
        """Say why this process ends, and see to it that all do; the exit status.

        Where all fail alike, the first one says it, and each ends by itself. Where others go on, they would wait for
        this one for ever, so it says it and ends them, too.
        """
        if self.failed is None:
            print(why, end="", file=sys.stderr)
            return status
        request, until = self.failed(), time.monotonic() + PATIENCE * (1 + self.rank / self.size)  # not two at once
        while not (alike := request.Test()) and time.monotonic() < until:
            time.sleep(PATIENCE / 50)
        if self.first or not alike:
            print(why, end="", file=sys.stderr if self.first else sys.__stderr__, flush=True)
        return status if alike else self.comm.Abort(status)


ALONE = Ranks()


def _digest(value):
    value = value.encode() if isinstance(value, str) else np.ascontiguousarray(to_numpy(value))
    return hashlib.sha256(value).hexdigest()


class Rows(np.random.Generator):
    """A generator that in a step draws for the whole batch, and gives a process the rows of its part.

    Single numbers are the same for all processes. An array without a row for each image is refused. To cut it would
    change the run without a word.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
    rank, size : int
    rows : int
        Of the batch, in each part.
    """

    def __init__(self, bit_generator, rank, size, rows):
        super().__init__(bit_generator)
        self.rank, self.size, self.rows, self.cutting = rank, size, rows, False
        self.all = np.random.Generator(bit_generator)  # the same stream, never cut

    def _cut(self, draw, shape):
        shape = shape if np.iterable(shape) else (shape,)
        if not shape or shape[0] != self.rows:
            self._refuse(f"drew an array of shape {tuple(shape)}")
        return draw((self.rows * self.size, *shape[1:]))[self.rank * self.rows :][: self.rows]

    def _refuse(self, what):
        raise RanksError(
            f"a step {what}: with {self.size} processes an array of random numbers must be drawn with size=, and have "
            f"a row for each of the {self.rows} images in a part. What is the same for the whole batch is drawn as "
            "single numbers, or by self.ranks.alike(rng)"
        )


def _cutting(name, place):
    """The method of a generator that draws ``name``, whose argument of that place is the shape."""
    method = getattr(np.random.Generator, name)

    @wraps(method)
    def drawn(self, *arguments, **options):
        if not self.cutting:
            return method(self, *arguments, **options)
        if "size" not in options and len(arguments) > place:
            *before, options["size"] = arguments[: place + 1]
            arguments = (*before, *arguments[place + 1 :])
        shape = options.pop("size", None)
        if shape not in (None, ()):
            return self._cut(lambda size: method(self, *arguments, size=size, **options), shape)
        number = method(self, *arguments, **options)
        return self._refuse(f"called {name} without size=") if np.ndim(number) else number

    return drawn


def _refused(name):
    def refused(self, *arguments, **options):
        if self.cutting:
            self._refuse(f"called {name}")
        return getattr(self.all, name)(*arguments, **options)

    return refused


SHAPES = {"random": 0, "standard_normal": 0, "normal": 2, "uniform": 2, "integers": 2}  # where the shape stands
for _name, _place in SHAPES.items():
    setattr(Rows, _name, _cutting(_name, _place))
for _name in [name for name in dir(np.random.Generator) if not name.startswith("_")]:
    if _name not in (*SHAPES, "bit_generator"):
        setattr(Rows, _name, _refused(_name))


# Who is there --------------------------------------------------------------------------------------------------------


def started():
    """How many processes the launcher has started, and which of them this is, as it says in the environment."""
    for size, rank in LAUNCHERS.items():
        if size in os.environ and rank in os.environ:
            return int(os.environ[size]), int(os.environ[rank])
    return 1, 0


@lru_cache(maxsize=1)
def join():
    """The processes that ``mpirun`` has started; `ALONE` where it has started no other.

    Raises
    ------
    RanksError
        When there are several, and they cannot find each other.
    """
    count, _ = started()
    if count == 1:
        return ALONE
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RanksError(
            f"{count} processes were started, and mpi4py, by which they would train together, is missing ({error}): "
            'pip install -e ".[mpi]"'
        ) from error
    comm = MPI.COMM_WORLD
    if comm.size != count:
        raise RanksError(
            f"{count} processes were started, and mpi4py finds {comm.size}: this mpirun and mpi4py are of different "
            "MPIs. Take the mpirun of the environment that mpi4py is installed in"
        )
    ranks = Ranks(comm, comm.Split_type(MPI.COMM_TYPE_SHARED).size, comm.Dup().Ibarrier)
    sys.excepthook = lambda *error: ranks.end("".join(traceback.format_exception(*error)), 1)
    return ranks


def joined():
    """The processes that this one has joined."""
    return join() if join.cache_info().currsize else ALONE


@contextlib.contextmanager
def one_voice():
    """A context in which only the first process speaks."""
    if started()[1] == 0:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield
