"""Routes: what a request must be, where it goes, and what happens to it on the way."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.values.balancing import LbMetadata


class MatchKind(enum.Enum):
    """The kinds of ``envoy.config.route.v3.HeaderMatcher`` and of ``envoy.type.matcher.v3.StringMatcher``."""

    EXACT = "exact_match"
    PREFIX = "prefix_match"
    SUFFIX = "suffix_match"
    CONTAINS = "contains_match"
    SAFE_REGEX = "safe_regex_match"
    RANGE = "range_match"
    PRESENT = "present_match"


@dataclass(frozen=True, slots=True)
class MatcherConfig:
    """``envoy.config.route.v3.HeaderMatcher``: what one string of a message must be.

    Args:
        name: The string's key, in any case.
        kind: What is asked of it.
        value: Text for the kinds that compare or search text, a regular expression in RE2's syntax for SAFE_REGEX,
            ``(start, end)`` with the end excluded for RANGE, whether it must be there for PRESENT.
        ignore_case: ``string_match.ignore_case``: ASCII letters compare without case.
        invert: ``invert_match``: the answer turned round.
        treat_missing_as_empty: ``treat_missing_header_as_empty``.
    """

    name: str
    kind: MatchKind
    value: str | tuple[int, int] | bool
    ignore_case: bool = False
    invert: bool = False
    treat_missing_as_empty: bool = False


class RoutingPriority(enum.Enum):
    """``envoy.config.core.v3.RoutingPriority``: which of a cluster's limits a request counts against."""

    DEFAULT = "DEFAULT"
    HIGH = "HIGH"


class RetryOn(enum.Enum):
    """The failures a ``retry_policy`` covers; see :class:`RetryPolicyConfig`."""

    CONNECT_FAILURE = "connect-failure"
    """No connection to the server was made: refused, unreachable, timed out. The server has seen nothing."""
    RESET = "reset"
    """The connection ended, or its reply was undecodable, before the reply was whole. The server may have acted."""
    PER_TRY_TIMEOUT = "per-try-timeout"
    """No reply within ``per_try_timeout``. The server may have acted, or act still."""
    ERROR_REPLY = "error-reply"
    """A whole reply whose response status is an error. The server has acted, and said that it failed."""
    RETRIABLE_HEADERS = "retriable-headers"
    """A whole reply whose strings one of ``retriable_headers`` matches (Envoy's policy of that name)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicyConfig:
    """``envoy.config.route.v3.RetryPolicy``; its defaults are Envoy's.

    Args:
        retry_on: The failures it covers.
        num_retries: Attempts after the first.
        per_try_timeout: Seconds one attempt may take; None: as long as the route's timeout allows.
        base_interval: ``retry_back_off.base_interval``: the n-th retry waits a random time below
            ``base_interval * (2**n - 1)`` seconds.
        max_interval: No wait is longer.
        retriable_headers: What RETRIABLE_HEADERS looks for in a reply; one that matches is enough.
    """

    retry_on: frozenset[RetryOn]
    num_retries: int = 1
    per_try_timeout: float | None = None
    base_interval: float = 0.025
    max_interval: float = 0.25
    retriable_headers: tuple[MatcherConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightedClusterConfig:
    """``WeightedCluster.ClusterWeight``: one of the clusters a route chooses from, and its ``metadata_match``."""

    name: str
    weight: int = 1
    metadata_match: LbMetadata | None = None


@dataclass(frozen=True, slots=True)
class MirrorConfig:
    """``RequestMirrorPolicy``: a cluster that gets copies, and of which share of the requests (0 to 1)."""

    cluster: str
    fraction: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.Route``.

    Args:
        name: For logs and statistics.
        metadata: What a request's strings must be; none: every request matches.
        cluster: Where it goes, unless there are ``weighted_clusters``.
        weighted_clusters: The clusters one is chosen from for each request, by weight.
        metadata_match: ``metadata_match.filter_metadata["envoy.lb"]``: what servers must have that the requests go to;
            that of one of the ``weighted_clusters`` is added to it. None: nothing.
        hash_policy: Keys of the strings that RING_HASH and MAGLEV clusters hash; none: they pick at random.
        mirrors: ``request_mirror_policies``.
        request_mutation: What a request's strings become.
        response_mutation: What a reply's strings become.
        is_mutation_required: ``mutation_required``, ours: a message that cannot carry the mutation fails.
        timeout: Seconds until the client gets an error; None: never (``0s``).
        idle_timeout: Seconds without a frame in either direction until a stream ends; None: never (``0s``).
        retry: ``retry_policy``.
        priority: Which of its cluster's circuit breakers its requests count against.
    """

    name: str = ""
    metadata: tuple[MatcherConfig, ...] = ()
    cluster: str = ""
    weighted_clusters: tuple[WeightedClusterConfig, ...] = ()
    metadata_match: LbMetadata | None = None
    hash_policy: tuple[str, ...] = ()
    mirrors: tuple[MirrorConfig, ...] = ()
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    is_mutation_required: bool = False
    timeout: float | None = 15.0
    idle_timeout: float | None = 300.0
    retry: RetryPolicyConfig | None = None
    priority: RoutingPriority = RoutingPriority.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTableConfig:
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``."""

    name: str = ""
    routes: tuple[RouteConfig, ...] = ()
