"""Memory that the parent and all workers see.

.. code-block:: text

    +------------------------+-------------------------------------------+---------------------------------+
    | clients: i64 x workers | gauges of each place: i64 x 4 x workers   | bucket of each place: 64 bytes  |
    +------------------------+-------------------------------------------+---------------------------------+

A worker writes only the numbers that are its own, and reads all; so there is no lock, and what a dead worker had can
be set to nothing. A bucket is everybody's: it is read and written under a lock (see ``bucket.py``). A place is a
cluster's, or a bucket's: the parent says whose. Pages that nobody has written to take no memory.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import deque
from collections.abc import Iterable

from metaprotocol_sdk.exceptions import WorkerError

PLACES = 65536
"""Clusters that have gauges here, and buckets, at most."""

ABSENT = 1 << 62
"""More clients than a worker can have."""

GAUGES = 4
"""Gauges of a cluster."""

_WORD = 8
_BUCKET = 8  # words: what two processors write often stays in cache lines of its own


class Block:
    """The memory, in one process.

    Args:
        descriptor: What :meth:`create` made, in whichever process; the block closes it.
        workers: How many workers there are.

    Attributes:
        descriptor: The descriptor, to be handed on.
        workers: How many workers there are.
        clients: Connections of clients that each worker has; ABSENT: it is not there.
    """

    def __init__(self, descriptor: int, workers: int) -> None:
        self.descriptor = descriptor
        self.workers = workers
        memory = memoryview(mmap.mmap(descriptor, _size(workers)))
        self._integers = memory.cast("q")
        self._floats = memory.cast("d")
        self.clients = self._integers[:workers]

    @classmethod
    def create(cls, workers: int) -> Block:
        """A new one, all zeros, without any worker."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("metaprotocol-proxy")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, _size(workers))
        block = cls(descriptor, workers)
        for worker in range(workers):
            block.clients[worker] = ABSENT
        return block

    def gauges(self, place: int) -> memoryview[int]:
        """The gauges of a cluster: those of all workers for the first gauge, then for the second, and so on."""
        count = GAUGES * self.workers
        start = _first_gauge(self.workers) + place * count
        return self._integers[start : start + count]

    def tokens(self, place: int) -> memoryview[int]:
        """How many tokens a bucket has."""
        start = _first_bucket(self.workers) + place * _BUCKET
        return self._integers[start : start + 1]

    def due(self, place: int) -> memoryview[float]:
        """When a bucket is filled next."""
        start = _first_bucket(self.workers) + place * _BUCKET + 1
        return self._floats[start : start + 1]

    def forget(self, worker: int, places: Iterable[int]) -> None:
        """Sets to nothing what a dead worker had.

        Args:
            worker: Which, from 0.
            places: The clusters' that may have had gauges of it.
        """
        self.clients[worker] = ABSENT
        for place in places:
            gauges = self.gauges(place)
            for gauge in range(GAUGES):
                gauges[gauge * self.workers + worker] = 0

    def close(self) -> None:
        """Closes the descriptor; the memory is gone when no process has it any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _first_gauge(workers: int) -> int:
    return -(-workers // _BUCKET) * _BUCKET


def _first_bucket(workers: int) -> int:
    return _first_gauge(workers) + PLACES * GAUGES * workers


def _size(workers: int) -> int:
    return (_first_bucket(workers) + PLACES * _BUCKET) * _WORD


class Places:
    """Says which places of a kind are whose. One that is free again is used last, because a worker may still have
    something in flight there.

    Args:
        kind: What the places are for, in the plural.
        count: How many there are.
    """

    def __init__(self, kind: str, count: int = PLACES) -> None:
        self._kind = kind
        self._count = count
        self._used: set[int] = set()
        self._free: deque[int] = deque()
        self._next = 0

    @property
    def touched(self) -> range:
        """Those that were ever given."""
        return range(self._next)

    def take(self) -> int:
        """A place that nobody has.

        Raises:
            WorkerError: There is none left.
        """
        if self._next < self._count:
            place = self._next
            self._next += 1
        elif self._free:
            place = self._free.popleft()
        else:
            raise WorkerError(f"a proxy of several workers can have {self._count} {self._kind} and no more")
        self._used.add(place)
        return place

    def keep(self, used: Iterable[int]) -> None:
        """Frees all but those."""
        used = set(used)
        self._free.extend(sorted(self._used - used))
        self._used &= used
