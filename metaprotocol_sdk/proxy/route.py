"""Which cluster a request goes to: ``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from itertools import accumulate

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.values import (
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    WeightedClusterConfig,
)
from metaprotocol_sdk.proxy.match import Matcher, all_match
from metaprotocol_sdk.proxy.xxhash64 import xxhash64


@dataclass(frozen=True, slots=True)
class WeightedClusters:
    """``WeightedCluster``: clusters one is chosen from for each request, by weight.

    Args:
        names: The clusters.
        ends: For each, the sum of the weights up to and with its own: it owns the numbers from the end before,
            included, to its own, excluded. One of weight 0 owns none and is never chosen.
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]

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
        return cls(tuple(each.name for each in configs), ends)

    def choose(self, rng: random.Random) -> str:
        """The name of one of them."""
        return self.names[bisect_right(self.ends, rng.random() * self.ends[-1])]


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
        hash_keys: Lower-case keys of the strings :meth:`hash_of` hashes.
        mirrors: Clusters that get copies.
        request_mutation: What the request's strings become on the way out.
        response_mutation: What the reply's strings become on the way back.
        is_mutation_required: Whether a message that cannot carry its mutation fails.
        timeout: Seconds until the client gets an error instead of a reply; None: never.
        idle_timeout: Seconds without a frame in either direction until a stream ends; None: never.
        retry: Which failures are tried again, and how; None: none.
    """

    name: str = ""
    matchers: tuple[Matcher, ...] = ()
    cluster: str = ""
    weighted_clusters: WeightedClusters | None = None
    hash_keys: tuple[str, ...] = ()
    mirrors: tuple[MirrorConfig, ...] = ()
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    is_mutation_required: bool = False
    timeout: float | None = 15.0
    idle_timeout: float | None = 300.0
    retry: RetryPolicy | None = None

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
            hash_keys=tuple(key.lower() for key in config.hash_policy),
            mirrors=config.mirrors,
            request_mutation=config.request_mutation,
            response_mutation=config.response_mutation,
            is_mutation_required=config.is_mutation_required,
            timeout=config.timeout,
            idle_timeout=config.idle_timeout,
            retry=RetryPolicy.from_config(config.retry) if config.retry else None,
        )

    def choose(self, rng: random.Random) -> str:
        """The name of the cluster one request goes to."""
        return self.cluster if self.weighted_clusters is None else self.weighted_clusters.choose(rng)

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


@lru_cache(maxsize=4096)
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
    _steps: tuple[_Step, ...] = field(init=False, repr=False, compare=False)
    _is_flat: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = _ordered([(index, route, route.matchers) for index, route in enumerate(self.routes)])
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_is_flat", not any(isinstance(target, _Fork) for _, target, _ in steps))

    @classmethod
    def from_config(cls, config: RouteTableConfig) -> RouteTable:
        """The table that ``config`` spells.

        Raises:
            ValueError, re2.error: See :meth:`Route.from_config`.
        """
        return cls(tuple(map(Route.from_config, config.routes)))

    def match(self, metadata: Metadata) -> Route | None:
        """The first route whose conditions all hold, or None.

        Routes that begin with EXACT and PREFIX conditions on the same strings are not looked at one by one, so a
        thousand of them cost what a few cost. The answer, and the strings it looks up, are those of a reader who goes
        through the routes in order, the conditions of each in order, and leaves a route at the first that does not
        hold. In particular a string that the codec has put off is reached only when that reader reaches it.

        Raises:
            DecodeError: Reaching a deferred string found the message malformed.
        """
        if self._is_flat:
            for route in self.routes:
                if all_match(route.matchers, metadata):
                    return route
            return None
        steps = self._steps
        while len(steps) == 1 and isinstance(steps[0][1], _Fork):
            steps = steps[0][1].follow(metadata)
        return _first(steps, metadata)


_Step = tuple[int, "Route | _Fork", tuple[Matcher, ...]]
"""What is to be looked at next: the position of the first route it can lead to; that route, or the fork before it; the
route's conditions that are still open. No two steps lead to one route, so their positions alone order them."""

_FEW = 4
"""Fewer routes than this are looked at one by one: it takes no longer."""
_DEEP = 16
"""No more conditions of one route are followed through forks."""


class _Fork:
    """Where routes part: the next condition of each is on the same string, and what it says leads on.

    Args:
        key: The string's key.
        steps: The routes, in order, that condition first among those still open.
        depth: How many forks there are from here to the root, this one included.
    """

    __slots__ = ("_by_prefix", "_by_value", "_key")

    def __init__(self, key: str, steps: Sequence[tuple[int, Route, tuple[Matcher, ...]]], depth: int) -> None:
        self._key = key
        by_length: dict[int | None, dict[str, list[tuple[int, Route, tuple[Matcher, ...]]]]] = {}
        for position, route, matchers in steps:
            text = str(matchers[0].config.value)
            length = len(text) if matchers[0].config.kind is MatchKind.PREFIX else None
            by_length.setdefault(length, {}).setdefault(text, []).append((position, route, matchers[1:]))
        ready = {
            length: {text: _ordered(each, depth) for text, each in by_text.items()}
            for length, by_text in by_length.items()
        }
        self._by_value = ready.pop(None, {})
        self._by_prefix = tuple(ready.items())

    def follow(self, metadata: Metadata) -> tuple[_Step, ...]:
        """What the message's string leads to."""
        value = metadata.folded.get(self._key)
        if value is None and (value := metadata.lookup(self._key)) is None:
            return ()
        steps = self._by_value.get(value, ())
        for length, by_prefix in self._by_prefix:
            steps += by_prefix.get(value[:length], ())
        return steps


def _ordered(routes: Sequence[tuple[int, Route, tuple[Matcher, ...]]], depth: int = 0) -> tuple[_Step, ...]:
    """The routes as steps, those that begin with a condition on the same string behind one fork."""
    groups: dict[str, list[tuple[int, Route, tuple[Matcher, ...]]]] = {}
    for each in routes:
        if each[2] and _leads_on(each[2][0]):
            groups.setdefault(each[2][0].key, []).append(each)
    forked = {key: group for key, group in groups.items() if len(group) >= _FEW and depth < _DEEP}
    alone = [each for each in routes if not (each[2] and _leads_on(each[2][0]) and each[2][0].key in forked)]
    forks = [(group[0][0], _Fork(key, group, depth + 1), ()) for key, group in forked.items()]
    return tuple(sorted([*alone, *forks]))


def _leads_on(matcher: Matcher) -> bool:
    """Whether the values it accepts can be looked up, and no value at all is none of them."""
    config = matcher.config
    is_plain = not (config.invert or config.ignore_case or matcher.accepts_missing)
    return is_plain and config.kind in (MatchKind.EXACT, MatchKind.PREFIX)


def _first(steps: Iterable[_Step], metadata: Metadata) -> Route | None:
    waiting = list(steps)
    heapify(waiting)
    while waiting:
        _, target, matchers = heappop(waiting)
        if isinstance(target, _Fork):
            for step in target.follow(metadata):
                heappush(waiting, step)
        elif all_match(matchers, metadata):
            return target
    return None
