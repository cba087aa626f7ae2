"""How a kernel visits an image: which of its taps lie on which elements of an axis, and which on zeros beside it."""

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import NamedTuple


@dataclass(frozen=True)
class Geometry:
    """How a kernel (kh, kw) visits an image of ``size`` (H, W): with which stride, and how many zeros around it."""

    kernel: tuple
    stride: tuple
    padding: tuple
    size: tuple

    @property
    def output(self):
        """How often the kernel fits: o = ⌊(H + 2p − k) / s⌋ + 1 on each axis."""
        axes = zip(self.size, self.padding, self.kernel, self.stride)
        return tuple((n + 2 * p - k) // s + 1 for n, p, k, s in axes)

    @property
    def turned(self):
        """With stride 1: how the kernel, turned round, visits the output to give the adjoint: with p' = k − 1 − p."""
        padding = tuple(k - 1 - p for k, p in zip(self.kernel, self.padding))
        return Geometry(self.kernel, self.stride, padding, self.output)

    @property
    def axes(self):
        """The visits to the rows, and those to the columns."""
        axes = zip(self.size, self.kernel, self.stride, self.padding, self.output)
        return tuple(Visits(n, k, s, -p, o) for n, k, s, p, o in axes)


class Meeting(NamedTuple):
    """The visits that lay a tap on the axis and not on a zero beside it, and where the first of them does."""

    tap: int
    visits: slice
    first: int


class Band(NamedTuple):
    """Visits that lay the same taps on the axis, and where the first of them lays the first of these."""

    visits: slice
    taps: slice
    first: int


@dataclass(frozen=True)
class Visits:
    """A kernel's visits to one axis of ``length``: visit i of ``count`` lays tap u on element start + stride·i + u."""

    length: int
    taps: int
    stride: int
    start: int
    count: int

    @property
    def reach(self):
        """How many elements and zeros lie between the first tap of the first visit and the last of the last."""
        return self.stride * (self.count - 1) + self.taps

    @property
    def touches(self):
        """How often a tap is laid on the axis, in all visits."""
        return sum(met.visits.stop - met.visits.start for met in self.meetings())

    @cache  # every step of a training asks for the same ones
    def meetings(self):
        """Tap by tap, its visits to the axis, for the taps that have some."""
        meetings = []
        for tap in range(self.taps):
            at = self.start + tap  # where visit 0 lays it
            begin, end = max(0, -(at // self.stride)), min(self.count, -((at - self.length) // self.stride))
            if begin < end:
                meetings.append(Meeting(tap, slice(begin, end), at + self.stride * begin))
        return meetings

    @cache
    def bands(self):
        """The visits, from one edge to the other, in as few bands as there can be."""
        bands = []
        for (tap, end), visits in groupby(range(self.count), self._met):
            begin, *others = visits
            reach = slice(begin, begin + 1 + len(others))
            bands.append(Band(reach, slice(tap, end), self.start + self.stride * begin + tap))
        return bands

    def _met(self, i):
        """The taps of visit i that meet an element: from one to before another."""
        first = self.start + self.stride * i
        tap = min(max(-first, 0), self.taps)
        return tap, max(tap, min(self.length - first, self.taps))
