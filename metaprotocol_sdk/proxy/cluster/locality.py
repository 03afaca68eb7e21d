"""Places and their weights: Envoy's locality weighted load balancing.

A place counts by its own weight (``LocalityLbEndpoints.load_balancing_weight``), less where so many of its servers are
out that the overprovisioning factor no longer makes up for it. One without weight gets no requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import EXCLUDED
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Pick
from metaprotocol_sdk.proxy.cluster.round_robin import WeightedRoundRobin
from metaprotocol_sdk.proxy.config.values import Locality

_GRAIN = 10_000
"""Of how many parts a place's weight is made when some of its servers are out."""


@dataclass(frozen=True, slots=True)
class Place:
    """The servers of one priority in one place, those that cannot be used included."""

    weight: int
    endpoints: tuple[Endpoint, ...]

    def effective(self, eligible: int, factor: int) -> int:
        """What it counts while ``eligible`` of its servers can be used.

        Args:
            eligible: How many.
            factor: The overprovisioning factor, in percent.
        """
        counted = sum(not each.flags & EXCLUDED for each in self.endpoints)
        if not counted or not eligible or not self.weight:
            return 0
        share = min(1.0, factor / 100 * eligible / counted)
        return max(1, round(self.weight * share * _GRAIN))


def places(endpoints: Sequence[Endpoint], originals: Mapping[Locality, int]) -> dict[Locality, Place]:
    """The places of one priority.

    Args:
        endpoints: Its servers.
        originals: How many servers each place counts as having: its weight shrinks with the share of them that is here
            (``scale_locality_weight``).
    """
    groups: dict[Locality, list[Endpoint]] = {}
    for each in endpoints:
        groups.setdefault(each.config.locality, []).append(each)
    return {name: Place(_weight(group, originals[name]), tuple(group)) for name, group in groups.items()}


def _weight(group: Sequence[Endpoint], original: int) -> int:
    weight = group[-1].config.locality_weight  # of a place that is listed twice the last counts, as in Envoy
    return round(weight * len(group) / original)


class Localities:
    """A place in its turn, by weight, and a server there.

    Args:
        weighted: The balancer of each place, and what the place counts.
        start: How many picks of the schedule are passed over.
    """

    __slots__ = ("_turns",)

    def __init__(self, weighted: Sequence[tuple[LoadBalancer, int]], start: int = 0) -> None:
        picks: list[Pick] = [each.pick for each, _ in weighted]
        self._turns = WeightedRoundRobin(picks, [weight for _, weight in weighted], start)

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """What the next place picks."""
        return self._turns.pick()(hash_value)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A server on a ring or in a table, where places count.

    Args:
        endpoint: The server.
        weight: Its part of its place's servers times the place's weight, against the others', exactly.
        share: The same as a part of all places, those without a server left included, so that the share of one does
            not change with what happens to another place. In Envoy's arithmetic, to the last bit, for a ring's places
            hang on how it rounds.
    """

    endpoint: Endpoint
    weight: int
    share: float


def hash_weights(endpoints: Sequence[Endpoint], found: Mapping[Locality, Place]) -> list[Weighted]:
    """What each server counts on a ring or in a table: those in places that have a weight.

    Args:
        endpoints: The servers that can be used.
        found: The places of the priority.
    """
    sums: dict[Locality, int] = dict.fromkeys(found, 0)
    for each in endpoints:
        sums[each.config.locality] += each.weight
    counted = [
        (each, found[locality].weight, sums[locality])
        for locality in found  # place by place, as in Envoy
        for each in endpoints
        if each.config.locality == locality and found[locality].weight
    ]
    exact = [Fraction(each.weight * place, total) for each, place, total in counted]
    scale = lcm(*(each.denominator for each in exact))
    whole = sum(each.weight for each in found.values())
    return [
        Weighted(each, int(weight * scale), each.weight * (place / whole) / total)
        for (each, place, total), weight in zip(counted, exact, strict=True)
    ]
