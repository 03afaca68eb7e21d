"""A listener's configuration becomes what its connections share: codec, filters, routes, the ways to servers.

Nothing here binds an address or connects, so a configuration that cannot be used is found before anything changes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from metaprotocol_sdk.exceptions import ConfigError, FilterLoadError, Finding, MetaProtocolError
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import FilterConfig, ListenerConfig, NodeConfig
from metaprotocol_sdk.proxy.deadline import deadline_of
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.filters.bucket import MakeBucket
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterFactory
from metaprotocol_sdk.proxy.metrics import Counters, ListenerStats
from metaprotocol_sdk.proxy.net.context import Context, Limits
from metaprotocol_sdk.proxy.net.entrance import Entrance
from metaprotocol_sdk.proxy.net.listener import Parts
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.pools import BoundPools, Pools
from metaprotocol_sdk.proxy.net.sharing import ALONE, Sharing
from metaprotocol_sdk.proxy.net.tls import Security
from metaprotocol_sdk.proxy.route import RouteTable
from metaprotocol_sdk.proxy.router import ROUTER_NAME, Router
from metaprotocol_sdk.registry import load_codec


@dataclass(frozen=True, slots=True, eq=False)
class MadeFilter:
    """A filter of one listener, what it was made of, what it counts, and what made its token buckets."""

    config: FilterConfig
    filter: Filter
    counters: list[tuple[str, Counters]]
    buckets: MakeBucket


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembled:
    """One listener, made of its configuration.

    Args:
        config: The configuration.
        node: The proxy's, which its filters know.
        parts: What its connections share.
        pools: The way to servers by pooled connections.
        bound: The way by one connection for each client, where that is configured.
        filters: What its requests go through.
    """

    config: ListenerConfig
    node: NodeConfig
    parts: Parts
    pools: Pools
    bound: BoundPools | None
    filters: tuple[MadeFilter, ...]


class Assembly:
    """Makes listeners' parts.

    Args:
        turns: The event loop.
        factories: What makes the filter of each name.
        rng: The proxy's source of chance.
        limits: What keeps every listener bounded, instead of what its configuration says.
        sharing: What filters have in common with those of other processes.
    """

    def __init__(
        self,
        *,
        turns: Turns,
        factories: Mapping[str, FilterFactory],
        rng: random.Random,
        limits: Limits | None,
        sharing: Sharing = ALONE,
    ) -> None:
        self._sharing = sharing
        self._turns = turns
        self._factories = factories
        self._rng = rng
        self._limits = limits

    def assemble(
        self,
        config: ListenerConfig,
        clusters: Mapping[str, Cluster],
        *,
        node: NodeConfig,
        previous: Assembled | None = None,
    ) -> Assembled:
        """The parts of one listener.

        Args:
            config: What it is.
            clusters: Every cluster by name.
            node: The proxy's.
            previous: What the listener was before. Its connections to servers, counters and the filters whose
                configuration is still the same go on, unless another protocol is spoken there now.

        Raises:
            ConfigError: A filter has no factory, or a codec cannot share connections as it is told to.
            FilterLoadError: A filter cannot be made.
            CodecNotFound: No codec has the name.
            CodecLoadError: The codec cannot be loaded.
        """
        if previous is not None and (previous.config.protocol, previous.config.name) != (config.protocol, config.name):
            previous = None
        if previous is None:
            context = self._context(config)
            pools = Pools(context)
            bound = BoundPools(context, pools) if config.protocol.bind_upstream_connection else None
        else:
            context = replace(previous.parts.context, limits=self._limits or _limits(config))
            pools, bound = previous.pools, previous.bound
        filters = self._filters(config, context, node, previous)
        router = Router(
            RouteTable.from_config(config.routes),
            clusters,
            upstream=bound or pools,
            mirrors=pools,
            wheel=self._turns.wheel,
            stats=context.stats,
            rng=self._rng,
            deadline=deadline_of(context.encoder.codec),
        )
        chain = FilterChain([each.filter for each in filters], router.route, spawn=self._turns.spawn)
        parts = Parts(
            entrance=self._entrance(config, None if previous is None else previous.parts.entrance),
            context=context,
            chain=chain,
            ways=(pools,) if bound is None else (bound, pools),
            on_lost=None if bound is None else bound.unbind,
        )
        return Assembled(config=config, node=node, parts=parts, pools=pools, bound=bound, filters=filters)

    def _entrance(self, config: ListenerConfig, previous: Entrance | None) -> Entrance | None:
        """What clients pass; the certificates that are used now go on, where they are to be the same."""
        if config.tls is None and config.proxy_protocol is None:
            return None
        security = None if previous is None else previous.security
        if config.tls is None:
            security = None
        elif security is None or security.config != config.tls:
            try:
                stats = None if security is None else security.stats
                security = Security(config.tls, self._turns, owner=f"listener {config.name}", stats=stats)
            except ValueError as error:
                raise _finding(f"listener {config.name!r}: {error}") from error
        return Entrance(config, self._turns, security, stats=None if previous is None else previous.stats)

    def _context(self, config: ListenerConfig) -> Context:
        protocol = config.protocol
        codec = load_codec(protocol.codec, **protocol.codec_config)
        if protocol.multiplexing and not codec.request_ids:
            raise _finding(
                f"listener {config.name!r} has multiplexing: true, and codec {protocol.codec!r} has no request_ids to "
                "tell replies by; leave multiplexing out"
            )
        return Context(
            listener=config.name,
            protocol=protocol.name,
            encoder=Encoder(codec, ListenerStats()),
            turns=self._turns,
            is_shared=protocol.multiplexing,
            limits=self._limits or _limits(config),
        )

    def _filters(
        self, config: ListenerConfig, context: Context, node: NodeConfig, previous: Assembled | None
    ) -> tuple[MadeFilter, ...]:
        is_same = previous is not None and (previous.node, previous.config.traffic_direction) == (
            node,
            config.traffic_direction,
        )
        kept = list(previous.filters) if previous is not None and is_same else []
        made: list[MadeFilter] = []
        for each in config.filters:
            if each.name == ROUTER_NAME:
                continue
            old = next((one for one in kept if one.config == each), None)
            if old is not None:
                kept.remove(old)
            made.append(old or self._made(each, len(made), config, context, node))
        return tuple(made)

    def _made(
        self, each: FilterConfig, index: int, config: ListenerConfig, context: Context, node: NodeConfig
    ) -> MadeFilter:
        if each.name not in self._factories:
            raise _finding(f"listener {config.name!r}: this proxy has no filter named {each.name!r}")
        counters: list[tuple[str, Counters]] = []
        buckets = self._sharing.buckets(config.name, index)
        surroundings = FilterContext(
            listener=config.name,
            codec=context.encoder.codec,
            node=node,
            traffic_direction=config.traffic_direction,
            now=self._turns.loop.time,
            register=lambda prefix, counted: counters.append((prefix, counted)),
            rng=self._rng,
            wheel=self._turns.wheel,
            bucket=buckets,
        )
        return MadeFilter(each, _make(each, self._factories[each.name], surroundings), counters, buckets)


def endpoints_of(clusters: Mapping[str, Cluster]) -> set[Endpoint]:
    """Every server of every cluster."""
    return {endpoint for cluster in clusters.values() for endpoint in cluster.endpoints}


def _make(config: FilterConfig, factory: FilterFactory, context: FilterContext) -> Filter:
    try:
        made: Any = factory(config.config, context)
    except MetaProtocolError:
        raise
    except Exception as error:  # a filter's constructor runs any code
        problem = f"making it for listener {context.listener!r} fails with {type(error).__name__}: {error}"
        raise FilterLoadError(config.name, problem) from error
    if not isinstance(made, Filter):
        problem = f"for listener {context.listener!r} it made {type(made).__name__}, which is no Filter"
        raise FilterLoadError(config.name, problem)
    return made


def _limits(config: ListenerConfig) -> Limits:
    return Limits(
        clients=config.max_connections,
        in_flight=config.max_concurrent_requests,
        watermark=config.buffer_limit,
        request_timeout=config.request_timeout,
    )


def _finding(message: str) -> ConfigError:
    return ConfigError([Finding(message=message)])
