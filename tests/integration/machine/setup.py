"""What one run is configured as: drawn small, so that limits are reached by a few messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from hypothesis import strategies as st

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    FilterConfig,
    LbPolicy,
    ListenerConfig,
    MirrorConfig,
    OutlierDetectionConfig,
    ProtocolConfig,
    ProxyConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    TlsVersion,
    WeightedClusterConfig,
)
from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.filters.filter import FilterContext, FilterFactory
from metaprotocol_sdk.proxy.filters.local_rate_limit import LocalRateLimiter
from metaprotocol_sdk.proxy.net.context import Limits
from tests.integration.machine.certificates import clusters, listeners
from tests.proxy.codecs import FewIdsCodec, IdCodec, LineCodec
from tests.proxy.harness import LOOPS

CODECS: dict[str, type[Codec]] = {"ids": IdCodec, "few ids": FewIdsCodec, "lines": LineCodec}


WATCHED = OutlierDetectionConfig(
    consecutive_5xx=1, max_ejection_percent=100, enforcing_consecutive_5xx=0, enforcing_success_rate=0
)
"""Every failure is seen, and ejects nobody: what servers a request may go to is for the book to say."""
EJECTING = replace(
    WATCHED,
    consecutive_5xx=2,
    enforcing_consecutive_5xx=100,
    interval=1.0,
    base_ejection_time=1.0,
    max_ejection_time=2.0,
)
"""Two failures in a row eject a server, for a time that a run sees the end of."""

_LIMITS, _BREAKERS, _CONNECTIONS = Limits(), CircuitBreakersConfig(), ConnectionConfig(idle_timeout=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One run's configuration.

    Args:
        loop: Whose event loop.
        codec: Which of ``CODECS``.
        mode: ``pooled``, ``shared`` or ``bound`` connections to servers, or ``bound, shared``.
        servers: Which of the main servers the main cluster has, in this order.
        heavy: The weight of the first of them; the other's is 1.
        cluster: What the main cluster is called.
        is_moved: Whether requests go to the other cluster instead, where there is no choice.
        has_extra: Whether there is a second listener.
        timeout: The route's.
        retry: The route's.
        is_mirrored: Whether copies go to a server of their own.
        is_weighted: Whether a second cluster gets half.
        lb_policy: How servers are picked.
        limits: The listener's.
        breakers: The main cluster's.
        connections: How long the main cluster's connections are used.
        idle_timeout: Of clients.
        rate: Requests that pass in a second.
        buffer_limit: Bytes a server has not read above which its clients are not read.
        tls: Who speaks it to the proxy: ``clients``, ``servers``, or both.
        tls_version: The newest there.
        ejects: Whether outliers are ejected.
        panic: ``healthy_panic_threshold``.
    """

    loop: str = "uvloop"
    codec: str = "ids"
    mode: str = "pooled"
    servers: tuple[int, ...] = (0,)
    heavy: int = 1
    cluster: str = "main"
    is_moved: bool = False
    has_extra: bool = False
    timeout: float | None = None
    retry: RetryPolicyConfig | None = None
    is_mirrored: bool = False
    is_weighted: bool = False
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN
    limits: Limits = _LIMITS
    breakers: CircuitBreakersConfig = _BREAKERS
    connections: ConnectionConfig = _CONNECTIONS
    idle_timeout: float | None = None
    rate: int | None = None
    buffer_limit: int = 1024 * 1024
    tls: frozenset[str] = frozenset()
    tls_version: TlsVersion = TlsVersion.TLS_1_3
    ejects: bool = False
    panic: int = 0

    def __repr__(self) -> str:
        return _unusual(self, USUAL)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def is_shared(self) -> bool:
        return "shared" in self.mode and self.has_ids

    @property
    def is_bound(self) -> bool:
        return "bound" in self.mode

    @property
    def has_ids(self) -> bool:
        return self.codec != "lines"

    @property
    def stream_idle(self) -> float | None:
        """Seconds a stream may be silent. Where connections are few there is such a time in any case: a client's stream
        that waits for one keeps the client from being read, and so from ending the stream that has it."""
        few = 1.0 if self.breakers.max_connections < 100 else None
        return few if self.timeout is None else 2 * self.timeout

    @property
    def codec_type(self) -> type[Codec]:
        return CODECS[self.codec]

    @property
    def clusters(self) -> frozenset[str]:
        """Where requests and their copies may go."""
        one = {self.cluster, "other"} if self.is_weighted else {"other" if self.is_moved else self.cluster}
        return frozenset(one | ({"mirror"} if self.is_mirrored else set()))

    def endpoints(self, main: Sequence[Address], servers: tuple[int, ...]) -> tuple[EndpointConfig, ...]:
        """Those of the main servers, with their weights."""
        return tuple(EndpointConfig(main[each], 1 if each else self.heavy) for each in servers)

    def config(self, main: Sequence[Address], other: Address, mirror: Address) -> ProxyConfig:
        """The proxy's configuration before those servers."""
        weighted = (WeightedClusterConfig(self.cluster), WeightedClusterConfig("other")) if self.is_weighted else ()
        route = RouteConfig(
            cluster="" if weighted else "other" if self.is_moved else self.cluster,
            weighted_clusters=weighted,
            mirrors=(MirrorConfig("mirror"),) if self.is_mirrored else (),
            timeout=self.timeout,
            idle_timeout=self.stream_idle,
            retry=self.retry,
        )
        listeners = [self._listener(name, route) for name in ("main", "extra")[: 1 + self.has_extra]]
        clusters = (
            self._cluster(self.cluster, self.endpoints(main, self.servers), self.breakers),
            self._cluster("other", (EndpointConfig(other),), self.breakers),
            self._cluster("mirror", (EndpointConfig(mirror),), CircuitBreakersConfig()),
        )
        return ProxyConfig(listeners=tuple(listeners), clusters=clusters)

    def _listener(self, name: str, route: RouteConfig) -> ListenerConfig:
        codec = self.codec_type
        return ListenerConfig(
            name=name,
            address=Address("127.0.0.1", 0),
            stat_prefix=name,
            protocol=ProtocolConfig(
                name="app",
                codec=f"{codec.__module__}:{codec.__qualname__}",
                multiplexing=self.is_shared,
                bind_upstream_connection=self.is_bound,
            ),
            routes=RouteTableConfig(routes=(route,)),
            filters=(FilterConfig(name="rate"),) if self.rate else (),
            idle_timeout=self.idle_timeout,
            tls=listeners(self.tls_version) if "clients" in self.tls else None,
        )

    def _cluster(
        self, name: str, endpoints: tuple[EndpointConfig, ...], breakers: CircuitBreakersConfig
    ) -> ClusterConfig:
        return ClusterConfig(
            name=name,
            endpoints=endpoints,
            lb_policy=self.lb_policy,
            circuit_breakers=breakers,
            connections=self.connections,
            buffer_limit=self.buffer_limit,
            outlier_detection=None if name == "mirror" else EJECTING if self.ejects else WATCHED,
            tls=clusters(self.tls_version) if "servers" in self.tls else None,
            minimum_ring_size=16,
            panic_threshold=self.panic,
        )

    def filters(self) -> dict[str, FilterFactory]:
        """What makes the filters of :meth:`config`."""

        def limiter(config: object, context: FilterContext) -> LocalRateLimiter:
            rate = self.rate or 1
            bucket = Bucket(max_tokens=rate, tokens_per_fill=rate, fill_interval=1.0, now=context.now())
            return LocalRateLimiter(bucket, (), now=context.now)

        return {"rate": limiter}


def _unusual(value: Any, usual: Any) -> str:
    """Only what is not as usual: a failure is to be read."""
    parts = []
    for each in fields(value):
        found, other = getattr(value, each.name), getattr(usual, each.name)
        if found != other:
            parts.append(f"{each.name}={_unusual(found, other) if type(other) in _NESTED else repr(found)}")
    return f"{type(value).__name__}({', '.join(parts)})"


_NESTED = (Limits, CircuitBreakersConfig, ConnectionConfig)
USUAL = Setup()


def _or_usual(usual: object, *values: object) -> st.SearchStrategy[object]:
    """``usual`` about half the time: a run in which everything is small gets nowhere."""
    return st.sampled_from([usual] * len(values) + list(values))


retries = st.builds(
    RetryPolicyConfig,
    retry_on=st.frozensets(
        st.sampled_from([each for each in RetryOn if each is not RetryOn.RETRIABLE_HEADERS]), min_size=2
    ),
    num_retries=st.integers(1, 3),
    per_try_timeout=st.sampled_from([None, 0.5, 0.5]),
)
limits_of = {
    "in_flight": _or_usual(256, 1, 3),
    "watermark": _or_usual(1024 * 1024, 1000, 30_000),
    "request_timeout": _or_usual(None, 2.0),
}
limits = st.builds(
    Limits,
    **limits_of,
    held_bytes=_or_usual(1024 * 1024, 100),
    buffered_bytes=_or_usual(64 * 1024 * 1024, 50_000),
    shared_in_flight=_or_usual(1024, 1, 4),
)
breakers = st.builds(
    CircuitBreakersConfig,
    max_connections=_or_usual(1024, 1, 3),
    max_pending_requests=_or_usual(1024, 1, 4),
    max_requests=_or_usual(1024, 1, 4),
    max_retries=_or_usual(3, 0, 1),
    retry_budget_percent=_or_usual(None, 30.0),
)
connections = st.builds(
    ConnectionConfig,
    idle_timeout=_or_usual(None, 1.0),
    max_duration=_or_usual(None, 2.0),
    max_requests=_or_usual(None, 1, 3),
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "loop": st.sampled_from(sorted(LOOPS, reverse=True)),
    "codec": st.sampled_from(["ids", "ids", "lines", "few ids"]),
    "mode": st.sampled_from(["pooled", "pooled", "shared", "shared", "bound", "bound, shared"]),
    "servers": st.sampled_from([(0,), (0, 1)]),
    "has_extra": _or_usual(False, True),
    "timeout": st.sampled_from([None, 1.0]),
    "retry": st.none() | retries,
    "is_mirrored": _or_usual(False, True),
    "is_weighted": _or_usual(False, True),
    "lb_policy": st.sampled_from([LbPolicy.ROUND_ROBIN, LbPolicy.LEAST_REQUEST, LbPolicy.RANDOM]),
    "limits": limits,
    "breakers": breakers,
    "connections": connections,
    "idle_timeout": _or_usual(None, 3.0),
    "rate": _or_usual(None, None, 4),
    "buffer_limit": _or_usual(1024 * 1024, 1000),
    "tls": st.sampled_from(
        [frozenset[str]()] * 9 + [frozenset(each) for each in (["clients"], ["servers"], ["clients", "servers"])]
    ),
    "ejects": _or_usual(False, True),
    "panic": _or_usual(0, 50),
}


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Any."""
    return Setup(**{name: draw(strategy) for name, strategy in _FIELDS.items()})


policies = st.sampled_from([LbPolicy.ROUND_ROBIN, LbPolicy.LEAST_REQUEST, LbPolicy.RANDOM, LbPolicy.RING_HASH])
servers = st.sampled_from([(0,), (1,), (0, 1), (1, 0), ()])
_CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "servers": servers,
    "cluster": st.sampled_from(["main", "renamed"]),
    "is_moved": st.booleans(),
    "has_extra": st.booleans(),
    "heavy": st.sampled_from([1, 3]),
    "timeout": _FIELDS["timeout"],
    "retry": _FIELDS["retry"],
    "is_mirrored": st.booleans(),
    "is_weighted": st.booleans(),
    "lb_policy": policies,
    "limits": st.builds(dict, **limits_of, clients=_or_usual(16384, 2)),
    "breakers": breakers,
    "connections": connections,
    "idle_timeout": _FIELDS["idle_timeout"],
    "buffer_limit": _FIELDS["buffer_limit"],
    "ejects": st.booleans(),
    "panic": st.sampled_from([0, 50]),
    "tls_version": st.sampled_from(TlsVersion),
}


_OFTEN = ["servers"] * 4 + ["has_extra"] * 2
"""What is changed more often than the rest."""


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """What a reload may change, one thing or a few at once."""
    names = draw(st.lists(st.sampled_from([*_OFTEN, *sorted(_CHANGES)]), min_size=1, max_size=3, unique=True))
    return {name: draw(_CHANGES[name]) for name in names}


def changed(setup: Setup, what: Mapping[str, Any]) -> Setup:
    """The setup with those changes; of the limits only what a listener's configuration says."""
    return replace(setup, **{**what, "limits": replace(setup.limits, **what.get("limits", {}))})
