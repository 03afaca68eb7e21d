"""From a cluster's servers, as they are now, to what picks among them.

First the priority, then where places' weights count the place, then the server, as in Envoy. What is not configured is
not there: the servers of one priority that are all healthy are picked by the policy's own balancer.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from metaprotocol_sdk.proxy.cluster.bounded_load import BoundedLoad
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import EXCLUDED
from metaprotocol_sdk.proxy.cluster.levels import Levels, Panic
from metaprotocol_sdk.proxy.cluster.load_balancer import HASHING, LoadBalancer, Members, Sole, balance
from metaprotocol_sdk.proxy.cluster.locality import Localities, Place, hash_weights, places
from metaprotocol_sdk.proxy.cluster.priority import Level, spread
from metaprotocol_sdk.proxy.cluster.slow_start import SlowStart, ends
from metaprotocol_sdk.proxy.cluster.tables import Tables
from metaprotocol_sdk.proxy.config.values import ClusterConfig, LbPolicy, Locality
from metaprotocol_sdk.proxy.metrics import ClusterStats

_Places = Mapping[Locality, Place]
_STARTS_SLOWLY = (LbPolicy.ROUND_ROBIN, LbPolicy.LEAST_REQUEST)


class Balancing:
    """Makes balancers for one state of a cluster.

    Args:
        config: The cluster's.
        rng: The source of chance.
        stats: What panics are counted in.
        in_flight: Where requests in flight are counted, those of every priority.
        now: The clock.
        on_change: Called when something that a balancer depends on has changed with time: others are wanted.
        start: How many turns are passed over by what takes turns.
        tables: Rings and tables of states before this one.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        rng: random.Random,
        stats: ClusterStats,
        in_flight: Sequence[ClusterStats],
        now: Callable[[], float],
        on_change: Callable[[], None],
        start: int = 0,
        tables: Tables | None = None,
    ) -> None:
        self._tables = Tables() if tables is None else tables
        self._config = config
        self._rng = rng
        self._stats = stats
        self._in_flight = in_flight
        self._now = now
        self._on_change = on_change
        self._start = start
        self._is_hashing = config.lb_policy in HASHING

    def over(self, endpoints: Sequence[Endpoint]) -> LoadBalancer:
        """What picks among all servers of the cluster."""
        found = _places(endpoints, endpoints) if self._config.is_locality_weighted else None
        return self._over(endpoints, found)

    def over_subset(self, endpoints: Sequence[Endpoint], of: Sequence[Endpoint]) -> LoadBalancer:
        """What picks among some of them.

        Args:
            endpoints: Those.
            of: All servers of the cluster.
        """
        subsets = self._config.subsets
        assert subsets is not None, "a cluster without lb_subset_config has no subsets"
        if not (subsets.locality_weight_aware and self._config.is_locality_weighted):
            return self._over(endpoints, None)
        return self._over(endpoints, _places(endpoints, of if subsets.scale_locality_weight else endpoints))

    def _over(self, endpoints: Sequence[Endpoint], found: Sequence[_Places] | None) -> LoadBalancer:
        config = self._config
        groups = _by_priority(endpoints)
        loads = spread(
            [_counted(each, is_weighted=config.is_health_weighted) for each in groups],
            factor=config.overprovisioning_factor,
            threshold=config.panic_threshold,
        )
        parts: list[tuple[LoadBalancer, int]] = []
        healthy: dict[int, LoadBalancer] = {}
        for index, load in enumerate(loads.healthy):
            if load:
                of = found[index] if found is not None else None
                made = self._panicking(groups[index], of) if loads.panics[index] else self._healthy(groups[index], of)
                healthy[index] = made
                parts.append((made, load))
        for index, load in enumerate(loads.degraded):
            if load:
                of = found[index] if found is not None else None
                # A hash stays among the healthy of its priority, as in Envoy; where there are none, Envoy has nobody.
                kept = healthy.get(index) if self._is_hashing else None
                parts.append((kept or self._among([each for each in groups[index] if _is_degraded(each)], of), load))
        return parts[0][0] if len(parts) == 1 else Levels(parts, self._rng, uses_hash=self._is_hashing)

    def _healthy(self, group: Sequence[Endpoint], found: _Places | None) -> LoadBalancer:
        return self._among([each for each in group if not each.flags], found)

    def _panicking(self, group: Sequence[Endpoint], found: _Places | None) -> LoadBalancer:
        if not group:
            return Sole(None)  # where nobody is, nobody panics; Envoy counts these, too
        if self._config.fails_on_panic and not self._is_hashing:
            return Panic(Sole(None), self._stats)
        return Panic(self._among(group, found if self._is_hashing else None), self._stats)

    def _among(self, eligible: Sequence[Endpoint], found: _Places | None) -> LoadBalancer:
        """What picks among servers of one priority that may be picked."""
        if found is None or not any(found[each.config.locality].weight for each in eligible):
            return self._flat(Members(endpoints=eligible, start=self._start))
        if self._is_hashing:
            weighted = hash_weights(eligible, found)
            return self._flat(
                Members(
                    endpoints=[each.endpoint for each in weighted],
                    weights=[each.weight for each in weighted],
                    shares=[each.share for each in weighted],
                )
            )
        parts = []
        for locality, place in found.items():
            members = [each for each in eligible if each.config.locality == locality]
            effective = place.effective(len(members), self._config.overprovisioning_factor)
            if effective:
                parts.append((self._flat(Members(endpoints=members, start=self._start)), effective))
        return parts[0][0] if len(parts) == 1 else Localities(parts, self._start)

    def _flat(self, members: Members) -> LoadBalancer:
        """What picks among servers by the policy alone."""
        config, endpoints = self._config, members.endpoints
        if len(endpoints) > 1 and config.slow_start is not None and config.lb_policy in _STARTS_SLOWLY:
            until = ends(config.slow_start, endpoints, self._now())
            if until is not None:
                bias = config.active_request_bias if config.lb_policy is LbPolicy.LEAST_REQUEST else 0.0
                return SlowStart(
                    endpoints,
                    config.slow_start,
                    bias=bias,
                    now=self._now,
                    until=until,
                    on_end=self._on_change,
                    start=self._start,
                )
        if self._is_hashing and len(endpoints) > 1:
            return self._table(members)
        return balance(members, config, self._rng)

    def _table(self, members: Members) -> LoadBalancer:
        """The ring or the table of servers, kept where it was made before."""
        endpoints = members.endpoints
        weights = members.weights or [each.weight for each in endpoints]
        key = (tuple(endpoints), tuple(weights), tuple(members.shares or ()))
        made = self._tables.get(key, lambda: balance(members, self._config, self._rng))
        factor = self._config.hash_balance_factor
        if factor is None:
            return made
        return BoundedLoad(made, endpoints, weights, factor=factor, in_flight=self._in_flight, rng=self._rng)


def _is_degraded(endpoint: Endpoint) -> bool:
    return bool(endpoint.flags) and endpoint.is_usable


def _by_priority(endpoints: Sequence[Endpoint]) -> list[list[Endpoint]]:
    groups: list[list[Endpoint]] = [[]]
    for each in endpoints:
        while len(groups) <= each.config.priority:
            groups.append([])
        groups[each.config.priority].append(each)
    return groups


def _places(endpoints: Sequence[Endpoint], of: Sequence[Endpoint]) -> list[_Places]:
    originals = Counter((each.config.priority, each.config.locality) for each in of)
    return [
        places(group, {locality: count for (priority, locality), count in originals.items() if priority == index})
        for index, group in enumerate(_by_priority(endpoints))
    ]


def _counted(group: Sequence[Endpoint], *, is_weighted: bool) -> Level:
    healthy = [each for each in group if not each.flags]
    flagged = [each for each in group if each.flags]  # what flags there are is dear to ask, and few have one
    degraded = [each for each in flagged if each.is_usable]
    counted = healthy + [each for each in flagged if not each.flags & EXCLUDED]
    weights = [sum(each.weight if is_weighted else 1 for each in some) for some in (healthy, degraded, counted)]
    return Level(
        healthy=len(healthy),
        degraded=len(degraded),
        counted=len(counted),
        total=len(group),
        healthy_weight=weights[0],
        degraded_weight=weights[1],
        counted_weight=weights[2],
    )
