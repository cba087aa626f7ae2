"""How a kernel visits an image: which of its taps lie on which elements of an axis, and which on zeros beside it."""

from dataclasses import dataclass, replace
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
    def axes(self):
        """The visits to the rows, and those to the columns."""
        axes = zip(self.size, self.kernel, self.stride, self.padding, self.output)
        return tuple(Visits(n, k, s, -p, o) for n, k, s, p, o in axes)

    @property
    def turned(self):
        """How the kernel, turned round, visits the output in the adjoint, for a stride of 1."""
        return replace(self, padding=tuple(k - 1 - p for k, p in zip(self.kernel, self.padding)), size=self.output)


class Band(NamedTuple):
    """Visits that lay the same taps on the axis, and the element under the first of these taps in the first visit."""

    visits: slice
    taps: slice
    first: int

    @property
    def shape(self):
        """The number of visits and the number of taps."""
        return self.visits.stop - self.visits.start, self.taps.stop - self.taps.start


@dataclass(frozen=True)
class Visits:
    """A kernel's visits to one axis of ``length``: visit i of ``count`` lays tap u on element start + stride·i + u."""

    length: int
    taps: int
    stride: int
    start: int
    count: int

    @cache  # every step of a training asks for the same ones
    def by_tap(self):
        """For each tap that ever lies on the axis: the tap, the visits in which it does, and the elements under it."""
        found = []
        for tap in range(self.taps):
            at = self.start + tap  # where visit 0 lays it
            begin, end = max(0, -(at // self.stride)), min(self.count, -((at - self.length) // self.stride))
            if begin < end:
                elements = slice(at + self.stride * begin, at + self.stride * (end - 1) + 1, self.stride)
                found.append((tap, slice(begin, end), elements))
        return found

    @cache
    def bands(self):
        """The visits, from one edge to the other, in as few bands as there can be."""
        bands = []
        for (tap, end), visits in groupby(range(self.count), self._seen):
            begin, *others = visits
            together = slice(begin, begin + 1 + len(others))
            bands.append(Band(together, slice(tap, end), self.start + self.stride * begin + tap))
        return bands

    def _seen(self, i):
        """The taps of visit i that lie on an element: from one to before another."""
        first = self.start + self.stride * i
        tap = min(max(-first, 0), self.taps)
        return tap, max(tap, min(self.length - first, self.taps))
