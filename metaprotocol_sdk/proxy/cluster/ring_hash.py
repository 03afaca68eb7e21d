"""A ring of hashes, ketama's way: ``envoy.config.cluster.v3.Cluster.LbPolicy.RING_HASH``."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.xxhash64 import xxhash64


class RingHash:
    """A request goes to the endpoint that owns the first place on the ring at or after its hash.

    Places are Envoy's, so that the two agree on every hash: xxHash64 of ``address_i`` for i from 0, as many as the
    weights want, at least ``minimum_ring_size`` in all and the lightest endpoint a whole number, but never more than
    ``maximum_ring_size``. A place costs some 4 µs to make and 100 bytes to keep: very unequal weights make large rings.

    Args:
        endpoints: At least one.
        minimum: ``minimum_ring_size``.
        maximum: ``maximum_ring_size``.
        rng: What a request without a hash is given a place by.
        shares: The share of each, instead of that of its weight; together at most 1.
    """

    __slots__ = ("_owners", "_places", "_rng")

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        minimum: int,
        maximum: int,
        rng: random.Random,
        *,
        shares: Sequence[float] | None = None,
    ) -> None:
        if shares is None:
            total = sum(each.weight for each in endpoints)
            shares = [each.weight / total for each in endpoints]
        ring = sorted(_places(list(zip(endpoints, shares, strict=True)), minimum, maximum), key=itemgetter(0))
        self._places = [place for place, _ in ring]
        self._owners = [owner for _, owner in ring]
        self._rng = rng

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self._places)

    def pick(self, hash_value: int | None = None, /) -> Endpoint:
        """The endpoint of ``hash_value``, or of any place."""
        if hash_value is None:
            hash_value = self._rng.getrandbits(64)
        index = bisect_left(self._places, hash_value)
        return self._owners[index if index < len(self._owners) else 0]


def _places(shares: Sequence[tuple[Endpoint, float]], minimum: int, maximum: int) -> list[tuple[int, Endpoint]]:
    lightest = min(share for _, share in shares)
    size = min(math.ceil(lightest * minimum) / lightest, maximum)
    places: list[tuple[int, Endpoint]] = []
    due = 0.0  # a running sum: where shares are no whole numbers, they round up and down in turn
    for each, share in shares:
        due += size * share
        count = 0
        while len(places) < due:
            places.append((xxhash64(f"{each.name}_{count}".encode()), each))
            count += 1
    return places
