"""Matrix products on several threads: as many as are fastest now, and the same bits for every number of them.

**Bits.** A BLAS may add up a product in another order when more threads share it: of a thousand random shapes, OpenBLAS
does so in a hundred. So each kind of product (shapes, layout, dtype) is tried before it first runs on several threads:
where random matrices do not give the bits of one thread, that kind runs on one thread, always. A product is therefore
a function of its factors, of the BLAS and of the CPU's type, and not of the number of threads or of what else the
machine does; and so is everything that is made of products, such as a run and how it resumes.

**Speed.** Threads of a BLAS wait for each other. When another program takes one of their cores, all of them wait, and
a product can take ten times as long as on one thread. So numbers of threads are compared by how long the same products
take, at the start, every few seconds, and as soon as products get slower.

**Other functions.** Products are not all that a BLAS adds up: `on_one_thread` is for functions that call it, or LAPACK,
through NumPy itself, as the judge's do.

Where the number cannot be set (Apple's Accelerate; a GPU) or is one, products are NumPy's own. All this is for one
thread of Python: where several multiply at once, one may change the number while another relies on it.
"""

import math
import os
import threading
import time
from functools import lru_cache, wraps

import numpy as np
from threadpoolctl import ThreadpoolController

SMALL = 2**13  # multiplications; with fewer, a BLAS does not call other threads
TIMED = 2**19  # multiplications; products of fewer tell too little to be timed
DEEP, BLOCK = 640, 384  # inner sizes, see `product`
MANY = 1024  # threads, and more than any BLAS takes
DRAWS = 4  # of random matrices, as another order may concern but a few numbers, and of these change but one in three


class Fastest:
    """Chooses the number of threads with which the same products take the least time.

    All numbers are tried in turns, a few hundredths of a second each, so that what else the machine does slows all of
    them. Then the fastest is kept for some seconds, or until it gets slower.

    Parameters
    ----------
    counts : sequence of int
        The numbers to choose from.
    apply : callable
        Called with the number that holds from now on.
    clock : callable
        Seconds, from any origin.
    """

    TURN, TURNS = 0.03, 2  # seconds of products, and how often each number gets them
    KEPT, LONGEST, SOONEST = 5.0, 30.0, 1.0  # seconds until numbers are compared again; SOONEST: products get slower
    COST = 1 / 30  # of the time is what comparing may take: on a very busy machine it is done less often
    SLOWER = 1.5

    def __init__(self, counts, apply, clock=time.perf_counter):
        self.counts, self.apply, self.clock = sorted(counts), apply, clock
        self._compare()

    def took(self, seconds, least):
        """Hear of a product: how long it took, and the least that one of its kind has ever taken."""
        self.seconds += seconds
        self.least += least
        if self.seconds >= self.TURN:
            self._end_turn(self.seconds / self.least)

    def _compare(self):
        self.turns = self.counts * self.TURNS  # from the last on: the largest comes first
        self.paces, self.began = dict.fromkeys(self.counts, 0.0), self.clock()
        self._use(self.turns.pop())

    def _use(self, count):
        self.count, self.seconds, self.least = count, 0.0, 0.0
        self.apply(count)

    def _end_turn(self, pace):
        self.seconds = self.least = 0.0
        if self.paces:
            self.paces[self.count] += pace
            self._use(self.turns.pop() if self.turns else self._decided())
            return
        age = self.clock() - self.since
        if age >= self.kept or (age >= self.SOONEST and self.count > 1 and pace > self.SLOWER * self.pace):
            self._compare()

    def _decided(self):
        best = min(self.counts, key=self.paces.get)
        self.pace, self.since, self.paces = self.paces[best] / self.TURNS, self.clock(), {}
        self.kept = min(self.LONGEST, max(self.KEPT, (self.since - self.began) / self.COST))
        return best


class _Kind:
    """What is known of products of one shape, layout and dtype."""

    __slots__ = ("free", "least", "met")

    def __init__(self):
        self.free, self.least, self.met = None, math.inf, 0


class Products:
    """Matrix products of NumPy's arrays on threads of a BLAS.

    Parameters
    ----------
    set_threads : callable
        Tells the BLAS how many threads to take.
    counts : sequence of int
        The numbers of threads that it may take.
    clock : callable
        Seconds, from any origin.
    """

    WARM = 3  # products of a kind before one is timed: the first ones are slow for reasons of their own

    def __init__(self, set_threads, counts, clock=time.perf_counter):
        self.set_threads, self.counts, self.clock = set_threads, counts, clock
        self.kind, self.lock = lru_cache(maxsize=4096)(lambda *key: _Kind()), threading.RLock()
        self.fastest = Fastest(counts, set_threads, clock)

    def multiply(self, a, b, size, out):
        """The product, which takes ``size`` multiplications."""
        kind = self.kind(a.shape, a.strides, a.dtype, b.shape, b.strides, b.dtype)
        if self.fastest.count > 1 and not self._is_free(kind, a, b):
            return self.alone(np.matmul, a, b, out)
        if size < TIMED:
            return np.matmul(a, b, out=out)
        start = self.clock()
        y = np.matmul(a, b, out=out)
        seconds = self.clock() - start
        kind.met += 1
        kind.least = min(kind.least, seconds)
        if kind.met > self.WARM:
            with self.lock:
                self.fastest.took(seconds, kind.least)
        return y

    def alone(self, function, *arguments, **options):
        """What ``function`` returns when NumPy calls the BLAS on one thread in it."""
        with self.lock:
            return self._on(1, function, *arguments, **options)

    def _is_free(self, kind, a, b):
        """Whether such products have the bits of one thread on any of the numbers of threads, as far as is known."""
        if kind.free is None and a.shape == b.shape[::-1] and a.strides == b.strides[::-1]:
            kind.free = False  # if they are one matrix and its transpose, NumPy calls another function
        if kind.free is None:
            with self.lock:
                kind.free = self._tried(a, b)
        return kind.free

    def _tried(self, a, b):
        """The same, tried; or None where that takes so long that one thread is faster, as on a busy machine."""
        rng, count = np.random.default_rng(0), self.fastest.count
        for _ in range(DRAWS):
            pair = [_drawn_like(x, rng) for x in (a, b)]
            right, least = self._timed(1, pair)
            for n in self.counts:
                y, seconds = self._timed(n, pair)
                if y.tobytes() != right.tobytes():
                    return False
                if n == count:
                    self.fastest.took(seconds, least)
                if self.fastest.count != count:
                    return None
        return True

    def _timed(self, threads, pair):
        start = self.clock()
        y = self._on(threads, np.matmul, *pair)
        return y, self.clock() - start

    def _on(self, threads, function, *arguments, **options):
        now = self.fastest.count
        if threads == now:
            return function(*arguments, **options)
        self.set_threads(threads)
        try:
            return function(*arguments, **options)
        finally:
            self.set_threads(now)


def _halved(count):
    """From a number of threads down to 1: 8, 4, 2, 1."""
    return [count >> i for i in range(count.bit_length())]


def _drawn_like(x, rng):
    drawn = np.empty_like(x)
    drawn[...] = rng.random(x.shape) - 0.5
    return drawn


def product(a, b, out=None):
    """The matrix product (…, n, k) @ (…, k, m) -> (…, n, m) of arrays with two or more axes, as ``numpy.matmul``.

    Products of large inner size are sums of smaller ones, whose bits do not depend on the number of threads:
    A B = Σᵢ Aᵢ Bᵢ with Aᵢ and Bᵢ of at most `BLOCK` columns and rows.
    """
    if not isinstance(a, np.ndarray):
        return np.matmul(a, b, out=out)
    deep = a.shape[-1]
    if deep > DEEP and a.shape[-2] > 1 < b.shape[-1]:
        return _in_blocks(a, b, -(-deep // BLOCK), out)
    size = a.size * b.shape[-1]
    if _products is None or size <= SMALL or a.dtype.kind != "f":
        return np.matmul(a, b, out=out)
    return _products.multiply(a, b, size, out)


def _in_blocks(a, b, blocks, out):
    edges = [a.shape[-1] * i // blocks for i in range(blocks + 1)]
    total = product(a[..., : edges[1]], b[..., : edges[1], :], out)
    for start, stop in zip(edges[1:], edges[2:]):
        total += product(a[..., start:stop], b[..., start:stop, :])
    return total


def on_one_thread(function):
    """Let ``function`` have the same bits whatever the number of threads: NumPy calls BLAS and LAPACK on one in it.

    It must call neither `product`, which chooses for itself, nor another such function, which ends this one's turn.
    """

    @wraps(function)
    def alone(*arguments, **options):
        if _products is None:
            return function(*arguments, **options)
        return _products.alone(function, *arguments, **options)

    return alone


def use(threads=0, beside=1):
    """Let matrix products take this many threads, whatever else the machine does.

    Parameters
    ----------
    threads : int
        0, which is how it begins: as many as are fastest, up to one for each core, or up to what
        ``OPENBLAS_NUM_THREADS`` and its kin allow.
    beside : int
        How many processes share the cores of this machine: 0 is then up to a fair share of them.

    Raises
    ------
    ValueError
        For a negative number, and for more than `MANY`.
    RuntimeError
        Where NumPy's BLAS takes no orders.
    """
    global _products
    if not 0 <= threads <= MANY:
        raise ValueError(f"threads must be 0, for as many as are fastest, or up to {MANY:,}, not {threads}")
    if threads and not _libraries:
        raise RuntimeError("the number of threads cannot be set here: the BLAS of this NumPy chooses it itself")
    counts = [threads] if threads else _halved(_most if beside == 1 else max(1, min(_most, os.cpu_count() // beside)))
    _set_threads(counts[0])
    _products = None if counts == [1] else Products(_set_threads, counts)


def _set_threads(count):
    for library in _libraries:
        library.set_num_threads(count)


_libraries = ThreadpoolController().select(user_api="blas").lib_controllers
_most = max((library.get_num_threads() for library in _libraries), default=1)
_products = None
use()
