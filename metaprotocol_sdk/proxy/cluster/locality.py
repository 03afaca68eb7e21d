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
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
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
        counted = sum(not each.flags & HealthFlag.PENDING_ACTIVE_HC for each in self.endpoints)
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


def hash_weights(endpoints: Sequence[Endpoint], found: Mapping[Locality, Place]) -> tuple[dict[Endpoint, int], int]:
    """What each server counts on a ring or in a table: its share of its place's servers times the place's weight.

    Args:
        endpoints: The servers that can be used.
        found: The places of the priority.

    Returns:
        The weights of the servers in places that have one, as whole numbers, and the sum that makes a weight a share:
        that of all places, so that those of the others stay as they are when a place has no server left.
    """
    sums: dict[Locality, int] = dict.fromkeys(found, 0)
    for each in endpoints:
        sums[each.config.locality] += each.weight
    shares = {
        each: Fraction(each.weight * found[each.config.locality].weight, sums[each.config.locality])
        for each in endpoints
        if found[each.config.locality].weight
    }
    scale = lcm(*(share.denominator for share in shares.values()))
    whole = sum(place.weight for place in found.values()) * scale
    return {each: int(share * scale) for each, share in shares.items()}, whole
