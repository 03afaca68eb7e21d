"""What servers of several processes have in common: places in the block, given by the parent, taken by the workers."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.assembly import MadeFilter
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, ClusterConfig, RoutingPriority
from metaprotocol_sdk.proxy.filters.bucket import MakeBucket
from metaprotocol_sdk.proxy.net.loop import Crowd, Turns
from metaprotocol_sdk.proxy.net.sharing import Accepting, Admit, Sharing
from metaprotocol_sdk.proxy.workers.accepting import EvenAcceptor, Throng
from metaprotocol_sdk.proxy.workers.bucket import SharedBucket
from metaprotocol_sdk.proxy.workers.gauges import SharedCircuitBreaker, SharedClusterStats, WholeCircuitBreaker
from metaprotocol_sdk.proxy.workers.memory import Block, Places


@dataclass(frozen=True, slots=True)
class Seats:
    """Whose the places of a configuration are.

    Args:
        clusters: The places of each cluster, one for each priority of requests.
        buckets: For each listener, and each of its filters but the router in order, the places of its buckets.
    """

    clusters: Mapping[str, Sequence[int]] = field(default_factory=dict)
    buckets: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)


class _Founder:
    """Makes the buckets of one filter, each at a new place, full."""

    def __init__(self, block: Block, places: Places) -> None:
        self._block = block
        self._places = places
        self.taken: list[int] = []

    def __call__(self, **properties: Any) -> SharedBucket:
        place = self._places.take()
        self.taken.append(place)
        return SharedBucket(self._block, place, is_new=True, **properties)


class Host(Sharing):
    """The parent's: gives places, and accepts nobody.

    Args:
        block: The memory.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._clusters: dict[str, Sequence[int]] = {}
        self._cluster_places = Places("clusters")
        self._bucket_places = Places("token buckets")

    def cluster(self, config: ClusterConfig, rng: random.Random, now: Callable[[], float]) -> Cluster:
        """A new cluster, with a place for each priority of requests."""
        places = {priority: self._cluster_places.take() for priority in RoutingPriority}
        self._clusters[config.name] = tuple(places.values())

        def breaker(priority: RoutingPriority, config: CircuitBreakersConfig) -> WholeCircuitBreaker:
            return WholeCircuitBreaker(config, self._block, places[priority])

        return Cluster(config, rng, now, breaker=breaker)

    def buckets(self, listener: str, index: int) -> MakeBucket:  # noqa: ARG002  each filter has its own
        """What makes the buckets of a new filter."""
        return _Founder(self._block, self._bucket_places)

    def accept(
        self,
        turns: Turns,  # noqa: ARG002  for the workers
        sock: socket.socket,  # noqa: ARG002
        factory: Callable[[], asyncio.Protocol],  # noqa: ARG002
        *,
        name: str,  # noqa: ARG002
        admit: Admit,  # noqa: ARG002
    ) -> Accepting:
        """Nothing: the workers accept."""
        return _Nobody()

    def seats(self, clusters: Iterable[str], filters: Mapping[str, Sequence[MadeFilter]]) -> Seats:
        """Whose the places of a configuration are, which is made of those clusters and filters."""
        return Seats({name: self._clusters[name] for name in clusters}, _taken(filters))

    def keep(self, seats: Seats) -> None:
        """Frees every place but those."""
        self._clusters = dict(seats.clusters)
        self._cluster_places.keep(place for places in seats.clusters.values() for place in places)
        self._bucket_places.keep(place for each in seats.buckets.values() for places in each for place in places)

    def bury(self, worker: int) -> None:
        """A worker is dead: what it had under way is no more."""
        self._block.forget(worker, self._cluster_places.touched)


class _Nobody:
    def close(self) -> None:
        """There is nothing to close."""


def _taken(filters: Mapping[str, Sequence[MadeFilter]]) -> dict[str, list[list[int]]]:
    def taken(each: MadeFilter) -> list[int]:
        assert isinstance(each.buckets, _Founder), "the parent's filters have no other"
        return each.buckets.taken

    return {listener: [taken(each) for each in made] for listener, made in filters.items()}


class Guest(Sharing):
    """A worker's: takes the places that the parent has given.

    Args:
        block: The memory.
        worker: Which worker this is, from 0.

    Attributes:
        seats: Whose the places of the configuration are that is being made.
    """

    def __init__(self, block: Block, worker: int) -> None:
        self.seats = Seats()
        self._block = block
        self._worker = worker
        block.clients[worker] = 0

    def cluster(self, config: ClusterConfig, rng: random.Random, now: Callable[[], float]) -> Cluster:
        """A new cluster, whose circuit breakers count what all workers do."""
        places = dict(zip(RoutingPriority, self.seats.clusters[config.name], strict=True))

        def breaker(priority: RoutingPriority, config: CircuitBreakersConfig) -> SharedCircuitBreaker:
            return SharedCircuitBreaker(config, SharedClusterStats(self._block, places[priority], self._worker))

        return Cluster(config, rng, now, breaker=breaker)

    def buckets(self, listener: str, index: int) -> MakeBucket:
        """What makes the buckets of a new filter, of the places the parent's filter has."""
        places = iter(self.seats.buckets[listener][index])

        def make(**properties: Any) -> SharedBucket:
            place = next(places, None)
            if place is None:
                raise WorkerError(f"a filter of listener {listener!r} makes more token buckets here than in the parent")
            return SharedBucket(self._block, place, is_new=False, **properties)

        return make

    def crowd(self) -> Crowd[Any]:
        """The clients of a new listener, which count for this worker."""
        return Throng(self._block.clients, self._worker)

    def accept(
        self, turns: Turns, sock: socket.socket, factory: Callable[[], asyncio.Protocol], *, name: str, admit: Admit
    ) -> Accepting:
        """Takes clients from ``sock``, this worker's share of them."""
        return EvenAcceptor(
            turns, sock, factory, name=name, admit=admit, clients=self._block.clients, worker=self._worker
        )
