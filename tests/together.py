"""Processes that train together, played by threads of one process: a stand-in for MPI, exact and without delay."""

import threading

import numpy as np

from scratchgan.ranks import Ranks


class Communicator:
    """What `scratchgan.ranks.Ranks` asks of a communicator, for one of several threads."""

    def __init__(self, rank, size, slots, barrier):
        self.rank, self.size, self.slots, self.barrier = rank, size, slots, barrier

    def allgather(self, value):
        self.slots[self.rank] = value
        self.barrier.wait()
        values = list(self.slots)
        self.barrier.wait()  # nobody writes before all have read
        return values

    def bcast(self, value, root):
        return self.allgather(value)[root]

    def Allgather(self, part, rows):
        assert part.flags.c_contiguous and part.dtype == rows.dtype  # MPI sees bytes
        rows[...] = np.stack(self.allgather(part))

    def Allreduce(self, part, total):
        assert part.flags.c_contiguous and part.dtype == total.dtype
        first, *others = self.allgather(part)
        total[...] = sum(others, start=first)


def together(size, work):
    """``work(ranks)`` as ``size`` processes would do it, one thread for each; their results in order.

    The first error of one that does not merely wait for the others is raised here.
    """
    slots, barrier = [None] * size, threading.Barrier(size, timeout=300)
    results, errors = [None] * size, []

    def run(rank):
        try:
            results[rank] = work(Ranks(Communicator(rank, size, slots, barrier)))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0])
    return results
