"""Parts of a cluster that routes ask for by metadata: ``envoy.config.cluster.v3.Cluster.LbSubsetConfig``.

Servers with equal values of a selector's keys are one subset. A route's ``metadata_match`` that has a selector's keys,
and values that some server has, gets the requests to that subset; any other, and a route without one, to the fallback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metaprotocol_sdk.proxy.cluster.balancing import Balancing
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Pick, Sole
from metaprotocol_sdk.proxy.config.values import LbMetadata, SubsetFallback, SubsetsConfig, reduced
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Selected:
    """Counts the requests that go to a subset.

    Args:
        inner: Picks in it.
        stats: The cluster's.
    """

    __slots__ = ("_pick", "_stats")

    def __init__(self, inner: LoadBalancer, stats: ClusterStats) -> None:
        self._pick: Pick = inner.pick
        self._stats = stats

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """What the balancer picks."""
        self._stats.lb_subsets_selected += 1
        return self._pick(hash_value)


class Fallback:
    """Counts the requests that go to a fallback, and finds them a server elsewhere where it has none.

    Args:
        inner: Picks there.
        otherwise: Picks among all servers (``panic_mode_any``), or nobody.
        stats: The cluster's.
    """

    __slots__ = ("_otherwise", "_pick", "_stats")

    def __init__(self, inner: LoadBalancer, otherwise: LoadBalancer | None, stats: ClusterStats) -> None:
        self._pick: Pick = inner.pick
        self._otherwise: Pick | None = None if otherwise is None else otherwise.pick
        self._stats = stats

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """What the balancer picks."""
        endpoint = self._pick(hash_value)
        if endpoint is not None:
            self._stats.lb_subsets_fallback += 1
        elif self._otherwise is not None:
            endpoint = self._otherwise(hash_value)
            self._stats.lb_subsets_fallback_panic += endpoint is not None
        return endpoint


@dataclass(frozen=True, slots=True)
class Subsets:
    """The subsets that a cluster's servers make.

    Args:
        config: What makes them; None: there are none.
        endpoints: All servers.
        members: The servers of each subset, by what its servers have.
        duplicates: How many servers are left out of subsets of a single one.
    """

    config: SubsetsConfig | None = None
    endpoints: tuple[Endpoint, ...] = ()
    members: Mapping[LbMetadata, Sequence[Endpoint]] = field(default_factory=dict)
    duplicates: int = 0

    @classmethod
    def of(cls, config: SubsetsConfig, endpoints: tuple[Endpoint, ...]) -> Subsets:
        """The subsets of ``endpoints``."""
        members: dict[LbMetadata, list[Endpoint]] = {}
        duplicates = 0
        for endpoint in endpoints:
            for values, is_single in _memberships(config, endpoint).items():
                found = members.setdefault(values, [])
                if found and is_single:
                    duplicates += 1
                else:
                    found.append(endpoint)
        return cls(config, endpoints, members, duplicates)

    def update(self, config: SubsetsConfig | None, endpoints: tuple[Endpoint, ...], stats: ClusterStats) -> Subsets:
        """The subsets of other servers, with what has changed counted in ``stats``."""
        if config is None and self.config is None:
            return self
        new = NO_SUBSETS if config is None else self.of(config, endpoints)
        stats.lb_subsets_created += len(new.members.keys() - self.members.keys())
        stats.lb_subsets_removed += len(self.members.keys() - new.members.keys())
        stats.lb_subsets_active = len(new.members)
        stats.lb_subsets_single_host_per_subset_duplicate = new.duplicates
        return new

    def balancer(self, match: LbMetadata | None, balancing: Balancing, stats: ClusterStats) -> LoadBalancer:
        """What picks for requests of routes with one ``metadata_match``.

        Args:
            match: That; None: the route has none.
            balancing: Makes balancers.
            stats: Gets the counts.
        """
        config = self.config
        assert config is not None, "a cluster without lb_subset_config has no subsets"
        fallback: SubsetFallback | None = None
        while match:
            if match in self.members:
                return Selected(balancing.over_subset(self.members[match], self.endpoints), stats)
            selector = config.selector(match)
            fallback = selector.fallback if selector is not None else None
            if selector is None or fallback is not SubsetFallback.KEYS_SUBSET:
                break
            match = reduced(match, selector.fallback_keys)
        if fallback is not None:
            return self._fallback(fallback, balancing, stats, is_panicking=False)
        return self._fallback(config.fallback, balancing, stats, is_panicking=config.panic_mode_any)

    def _fallback(
        self, policy: SubsetFallback, balancing: Balancing, stats: ClusterStats, *, is_panicking: bool
    ) -> LoadBalancer:
        if policy is SubsetFallback.NO_FALLBACK:
            return Sole(None)
        anybody = balancing.over_subset(self.endpoints, self.endpoints)
        if policy is SubsetFallback.ANY_ENDPOINT:
            return Fallback(anybody, None, stats)
        assert self.config is not None
        default = [each for each in self.endpoints if self.config.matches_default(each.config.metadata)]
        inner = balancing.over_subset(default, self.endpoints)
        return Fallback(inner, anybody if is_panicking else None, stats)


NO_SUBSETS = Subsets()
"""Those of a cluster whose routes ask for none."""


def _memberships(config: SubsetsConfig, endpoint: Endpoint) -> dict[LbMetadata, bool]:
    """The subsets that a server is in, and whether each is one of a single server."""
    found: dict[LbMetadata, bool] = {}
    for selector in config.selectors:
        for values in config.values_of(endpoint.config.metadata, selector.keys):
            found.setdefault(values, selector.single_host)
    return found
