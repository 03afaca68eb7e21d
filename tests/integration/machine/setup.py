"""What one run is configured as: drawn small, so that limits are reached by a few messages."""

from __future__ import annotations

from dataclasses import dataclass, fields
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
    WeightedClusterConfig,
)
from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.filters.filter import FilterContext, FilterFactory
from metaprotocol_sdk.proxy.filters.local_rate_limit import LocalRateLimiter
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import FewIdsCodec, IdCodec, LineCodec
from tests.proxy.harness import LOOPS

CODECS: dict[str, type[Codec]] = {"ids": IdCodec, "few ids": FewIdsCodec, "lines": LineCodec}


WATCHED = OutlierDetectionConfig(
    consecutive_5xx=1, max_ejection_percent=100, enforcing_consecutive_5xx=0, enforcing_success_rate=0
)
"""Every failure is seen, and ejects nobody: what servers a request may go to is for the book to say."""

_LIMITS, _BREAKERS, _CONNECTIONS = Limits(), CircuitBreakersConfig(), ConnectionConfig(idle_timeout=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One run's configuration.

    Args:
        loop: Whose event loop.
        codec: Which of ``CODECS``.
        mode: ``pooled``, ``shared`` or ``bound`` connections to servers, or ``bound, shared``.
        servers: How many the main cluster has.
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
    """

    loop: str = "uvloop"
    codec: str = "ids"
    mode: str = "pooled"
    servers: int = 1
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
    def codec_type(self) -> type[Codec]:
        return CODECS[self.codec]

    def config(self, main: list[Address], other: list[Address], mirror: list[Address]) -> ProxyConfig:
        """The proxy's configuration before those servers."""
        weighted = (WeightedClusterConfig("main"), WeightedClusterConfig("other")) if self.is_weighted else ()
        route = RouteConfig(
            cluster="" if weighted else "main",
            weighted_clusters=weighted,
            mirrors=(MirrorConfig("mirror"),) if self.is_mirrored else (),
            timeout=self.timeout,
            idle_timeout=self.timeout and 2 * self.timeout,
            retry=self.retry,
        )
        codec = self.codec_type
        listener = ListenerConfig(
            name="main",
            address=Address("127.0.0.1", 0),
            stat_prefix="test",
            protocol=ProtocolConfig(
                name="app",
                codec=f"{codec.__module__}:{codec.__qualname__}",
                multiplexing=self.is_shared,
                bind_upstream_connection=self.is_bound,
            ),
            routes=RouteTableConfig(routes=(route,)),
            filters=(FilterConfig(name="rate"),) if self.rate else (),
            idle_timeout=self.idle_timeout,
        )
        clusters = (
            self._cluster("main", main, self.breakers),
            self._cluster("other", other, self.breakers),
            self._cluster("mirror", mirror, CircuitBreakersConfig()),
        )
        return ProxyConfig(listeners=(listener,), clusters=clusters)

    def _cluster(self, name: str, servers: list[Address], breakers: CircuitBreakersConfig) -> ClusterConfig:
        return ClusterConfig(
            name=name,
            endpoints=tuple(map(EndpointConfig, servers)),
            lb_policy=self.lb_policy,
            circuit_breakers=breakers,
            connections=self.connections,
            buffer_limit=self.buffer_limit,
            outlier_detection=None if name == "mirror" else WATCHED,
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
limits = st.builds(
    Limits,
    in_flight=_or_usual(256, 1, 3),
    held_bytes=_or_usual(1024 * 1024, 100),
    buffered_bytes=_or_usual(64 * 1024 * 1024, 50_000),
    watermark=_or_usual(1024 * 1024, 1000, 30_000),
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
    "servers": st.integers(1, 2),
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
}


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Any."""
    return Setup(**{name: draw(strategy) for name, strategy in _FIELDS.items()})
