"""Which cluster a request goes to: ``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.values import (
    LbMetadata,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    RoutingPriority,
    WeightedClusterConfig,
    merged,
)
from metaprotocol_sdk.proxy.match import FirstMatch, Matcher
from metaprotocol_sdk.proxy.xxhash64 import xxhash64


@dataclass(frozen=True, slots=True)
class WeightedClusters:
    """``WeightedCluster``: clusters one is chosen from for each request, by weight.

    Args:
        names: The clusters.
        ends: For each, the sum of the weights up to and with its own: it owns the numbers from the end before,
            included, to its own, excluded. One of weight 0 owns none and is never chosen.
        matches: The ``metadata_match`` of each; none: no cluster has one.
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]
    matches: tuple[LbMetadata | None, ...] = ()

    @classmethod
    def from_config(cls, configs: Iterable[WeightedClusterConfig]) -> WeightedClusters:
        """The choice that ``configs`` spell.

        Raises:
            ValueError: All weights are 0, which leaves nothing to choose; the loader has refused it before.
        """
        configs = tuple(configs)
        ends = tuple(accumulate(each.weight for each in configs))
        if not ends or not ends[-1]:
            raise ValueError("the weights of weighted_clusters add up to 0; give one cluster a weight above 0")
        return cls(tuple(each.name for each in configs), ends, tuple(each.metadata_match for each in configs))

    def choose(self, rng: random.Random) -> int:
        """The index of one of them."""
        return bisect_right(self.ends, rng.random() * self.ends[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """:class:`~metaprotocol_sdk.proxy.config.values.RetryPolicyConfig`, its matchers made; the fields are the same."""

    retry_on: frozenset[RetryOn]
    num_retries: int
    per_try_timeout: float | None
    base_interval: float
    max_interval: float
    retriable_headers: tuple[Matcher, ...]

    @classmethod
    def from_config(cls, config: RetryPolicyConfig) -> RetryPolicy:
        """The policy that ``config`` spells, its keys folded."""
        return cls(
            retry_on=config.retry_on,
            num_retries=config.num_retries,
            per_try_timeout=config.per_try_timeout,
            base_interval=config.base_interval,
            max_interval=config.max_interval,
            retriable_headers=tuple(map(Matcher.from_config, config.retriable_headers)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Conditions, and what happens to a request that meets all of them.

    Args:
        name: For logs and statistics; may be empty.
        matchers: All must hold; none: every request matches.
        cluster: The name of the cluster it goes to, which need not exist; not looked at where there are
            ``weighted_clusters``.
        weighted_clusters: The clusters :meth:`choose` chooses from.
        metadata_match: What servers must have that requests go to: a subset of the cluster. None: nothing.
        hash_keys: Lower-case keys of the strings :meth:`hash_of` hashes.
        mirrors: Clusters that get copies.
        request_mutation: What the request's strings become on the way out.
        response_mutation: What the reply's strings become on the way back.
        is_mutation_required: Whether a message that cannot carry its mutation fails.
        timeout: Seconds until the client gets an error instead of a reply; None: never.
        idle_timeout: Seconds without a frame in either direction until a stream ends; None: never.
        retry: Which failures are tried again, and how; None: none.
        priority: Which of the cluster's limits its requests count against.
        has_mutations: Whether it changes requests or replies; worked out once, for every request asks.
    """

    name: str = ""
    matchers: tuple[Matcher, ...] = ()
    cluster: str = ""
    weighted_clusters: WeightedClusters | None = None
    metadata_match: LbMetadata | None = None
    hash_keys: tuple[str, ...] = ()
    mirrors: tuple[MirrorConfig, ...] = ()
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    is_mutation_required: bool = False
    timeout: float | None = 15.0
    idle_timeout: float | None = 300.0
    retry: RetryPolicy | None = None
    priority: RoutingPriority = RoutingPriority.DEFAULT
    has_mutations: bool = field(init=False)
    _choices: tuple[Route, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_mutations", bool(self.request_mutation or self.response_mutation))
        object.__setattr__(self, "_choices", tuple(self._made_choices()))

    def _made_choices(self) -> Iterator[Route]:
        weighted = self.weighted_clusters
        if weighted is not None:
            for name, own in zip(weighted.names, weighted.matches or (None,) * len(weighted.names), strict=True):
                match = merged(self.metadata_match, own)
                yield replace(self, cluster=name, weighted_clusters=None, metadata_match=match)

    @classmethod
    def from_config(cls, config: RouteConfig) -> Route:
        """The route that ``config`` spells, its keys folded.

        Raises:
            ValueError: See :meth:`WeightedClusters.from_config`.
            re2.error: See :meth:`Matcher.from_config`.
        """
        clusters = config.weighted_clusters
        return cls(
            name=config.name,
            matchers=tuple(map(Matcher.from_config, config.metadata)),
            cluster=config.cluster,
            weighted_clusters=WeightedClusters.from_config(clusters) if clusters else None,
            metadata_match=config.metadata_match,
            hash_keys=tuple(key.lower() for key in config.hash_policy),
            mirrors=config.mirrors,
            request_mutation=config.request_mutation,
            response_mutation=config.response_mutation,
            is_mutation_required=config.is_mutation_required,
            timeout=config.timeout,
            idle_timeout=config.idle_timeout,
            retry=RetryPolicy.from_config(config.retry) if config.retry else None,
            priority=config.priority,
        )

    def choose(self, rng: random.Random) -> Route:
        """The route of one request: itself, or with ``weighted_clusters`` the same with one cluster alone, and what
        that one's ``metadata_match`` makes of the route's."""
        return self if self.weighted_clusters is None else self._choices[self.weighted_clusters.choose(rng)]

    def hash_of(self, metadata: Metadata) -> int | None:
        """What clusters balance a request by that hash: 64 bits, equal for equal strings; None: no hash policy.

        It is MetaProtocol Proxy's: xxHash64 over the values in sorted order, each seeded with the hash before, so the
        order of the keys does not matter; a string that is not there is empty. Of a value of more than 1024
        characters its BLAKE2b digest takes the place.

        Raises:
            DecodeError: Reaching a deferred string found the message malformed.
        """
        if not self.hash_keys:
            return None
        return _chained(tuple(sorted([_brief(metadata.lookup(key) or "") for key in self.hash_keys])))


def _brief(value: str) -> str:
    # Hashing costs 30 ns a byte here: a string of megabytes, which is the client's to choose, would stop the proxy.
    return value if len(value) <= 1024 else blake2b(value.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=1024)
def _chained(values: tuple[str, ...]) -> int:
    digest = 0
    for value in values:
        digest = xxhash64(value.encode("utf-8", "surrogatepass"), digest)
    return digest


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Routes in order; the first that matches wins.

    Args:
        routes: As they are configured.
    """

    routes: tuple[Route, ...]
    _choice: FirstMatch[Route] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_choice", FirstMatch([(each.matchers, each) for each in self.routes]))

    @classmethod
    def from_config(cls, config: RouteTableConfig) -> RouteTable:
        """The table that ``config`` spells.

        Raises:
            ValueError, re2.error: See :meth:`Route.from_config`.
        """
        return cls(tuple(map(Route.from_config, config.routes)))

    def match(self, metadata: Metadata) -> Route | None:
        """The first route whose conditions all hold, or None; what it costs, :class:`FirstMatch` says.

        Raises:
            DecodeError: Reaching a deferred string found the message malformed.
        """
        return self._choice.find(metadata)
