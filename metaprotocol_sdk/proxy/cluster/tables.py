"""The rings and tables of a cluster, which are dear: one takes tens of milliseconds to make."""

from __future__ import annotations

from collections.abc import Callable

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer

KEPT_TABLES = 4
"""How many are kept beside those in use. One has some 65,000 entries of 8 bytes."""

Key = tuple[tuple[Endpoint, ...], tuple[int, ...], tuple[float, ...]]
"""A ring's or a table's servers, with the weight and the share of each."""


class Tables:
    """Keeps them from one state of the cluster to the next.

    A server whose health comes and goes brings back those that were there before, and where each priority and each
    subset has one of its own, most stay as they are. So many are kept as were in use at once, and some more; the one
    that was used last longest ago goes first.
    """

    __slots__ = ("_made", "_most", "_used")

    def __init__(self) -> None:
        self._made: dict[Key, LoadBalancer] = {}
        self._used: set[Key] = set()
        self._most = 0

    def __len__(self) -> int:
        return len(self._made)

    def clear(self) -> None:
        """Begins anew: the policy, or the servers, are others."""
        self._made.clear()
        self._used.clear()
        self._most = 0

    def turn(self) -> None:
        """The cluster's state is another from now on: nothing is in use before it is asked for again."""
        self._used.clear()

    def get(self, key: Key, make: Callable[[], LoadBalancer]) -> LoadBalancer:
        """The one of those servers, made where it is not there."""
        found = self._made.pop(key, None) or make()
        self._made[key] = found
        self._used.add(key)
        self._most = max(self._most, len(self._used))
        if len(self._made) > self._most + KEPT_TABLES:
            del self._made[next(iter(self._made))]
        return found
