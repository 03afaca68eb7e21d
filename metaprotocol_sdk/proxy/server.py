"""The composition root: a configuration becomes listeners, chains, routers and clusters, runs, drains and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.exceptions import ConfigError, FilterLoadError, Finding, MetaProtocolError, Severity
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import FilterConfig, ListenerConfig, ProxyConfig
from metaprotocol_sdk.proxy.deadline import deadline_of
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterFactory
from metaprotocol_sdk.proxy.filters.registry import filter_factories
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, ListenerStats
from metaprotocol_sdk.proxy.net.context import Context, Limits
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.net.loop import Turns, new_event_loop
from metaprotocol_sdk.proxy.net.pools import BoundPools, Pools
from metaprotocol_sdk.proxy.route import RouteTable
from metaprotocol_sdk.proxy.router import ROUTER_NAME, Router
from metaprotocol_sdk.registry import load_codec

_log = logging.getLogger(LOGGER_NAME)

DRAIN_TIME = 10.0
"""Seconds requests in flight have to end after SIGTERM; Kubernetes kills after 30."""
_STOP_TIME = 1.0
_DRAIN_CHECK = 0.02

Addresses = Mapping[str, tuple[str, int]]
"""Bound host and port by listener name."""


class Server:
    """A whole proxy, on the running event loop.

    Args:
        config: What it serves.
        filters: What makes the filter of each name in ``meta_protocol_filters``; None: those that are registered. The
            router is always there.
        limits: What keeps every listener bounded, instead of what its configuration says.

    Raises:
        ConfigError: A filter has no factory, or a codec cannot share connections as it is told to.
        FilterLoadError: A registered filter cannot be loaded, or a filter cannot be made.
        CodecNotFound: No codec has a listener's name for it.
        CodecLoadError: A listener's codec cannot be loaded.
    """

    def __init__(
        self,
        config: ProxyConfig,
        *,
        filters: Mapping[str, FilterFactory] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.config = config
        self._turns = Turns(asyncio.get_running_loop())
        self._limits = limits
        self._rng = random.Random()  # noqa: S311  chance, not secrets
        self._factories = filter_factories() if filters is None else filters
        self._filter_counters: list[tuple[str, Counters]] = []
        self._clusters = {each.name: Cluster(each, self._rng) for each in config.clusters}
        self._listeners = {each.name: self._listener(each) for each in config.listeners}

    def _listener(self, config: ListenerConfig) -> Listener:
        protocol = config.protocol
        codec = load_codec(protocol.codec, **protocol.codec_config)
        if protocol.multiplexing and not codec.request_ids:
            raise _finding(
                f"listener {config.name!r} has multiplexing: true, and codec {protocol.codec!r} has no request_ids to "
                "tell replies by; leave multiplexing out"
            )
        context = Context(
            listener=config.name,
            protocol=protocol.name,
            encoder=Encoder(codec, ListenerStats()),
            turns=self._turns,
            is_shared=protocol.multiplexing,
            limits=self._limits or _limits(config),
        )
        pools = Pools(context)
        bound = BoundPools(context, pools) if protocol.bind_upstream_connection else None
        router = Router(
            RouteTable.from_config(config.routes),
            self._clusters,
            upstream=bound or pools,
            mirrors=pools,
            wheel=self._turns.wheel,
            stats=context.stats,
            rng=self._rng,
            deadline=deadline_of(codec),
        )
        chain = FilterChain(self._filters(config, codec), router.route, spawn=self._turns.spawn)
        if bound is None:
            return Listener(config, context, chain, [pools])
        return Listener(config, context, chain, [bound, pools], on_lost=bound.unbind)

    def _filters(self, config: ListenerConfig, codec: Codec) -> list[Filter]:
        context = FilterContext(
            listener=config.name,
            codec=codec,
            node=self.config.node,
            traffic_direction=config.traffic_direction,
            now=self._turns.loop.time,
            register=lambda prefix, counters: self._filter_counters.append((prefix, counters)),
        )
        made = []
        for each in config.filters:
            if each.name == ROUTER_NAME:
                continue
            if each.name not in self._factories:
                raise _finding(f"listener {config.name!r}: this proxy has no filter named {each.name!r}")
            made.append(_made(each, self._factories[each.name], context))
        return made

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Bound host and port by listener name, once :meth:`start` has returned."""
        return {name: listener.bound for name, listener in self._listeners.items()}

    async def start(self) -> None:
        """Binds every listener.

        Raises:
            ConfigError: An address cannot be bound; nothing is bound then.
        """
        try:
            for listener in self._listeners.values():
                await listener.start()
        except ConfigError:
            await self.stop()
            raise

    async def drain(self, seconds: float) -> bool:
        """Stops accepting, lets requests in flight end, and closes each client's connection once it has none.

        Returns:
            Whether everything had ended within ``seconds``.
        """
        for listener in self._listeners.values():
            listener.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for listener in self._listeners.values():
                    await listener.connections.wait_gone(seconds)
                # Oneways, which no client's connection waits for; too rare to deserve a signal of their end.
                while not self.is_idle:  # noqa: ASYNC110
                    await asyncio.sleep(_DRAIN_CHECK)
        return self.is_idle

    @property
    def is_idle(self) -> bool:
        """Whether every client has gone and every request, oneways included, is done."""
        return all(listener.is_idle for listener in self._listeners.values())

    async def stop(self) -> int:
        """Closes everything; returns how many clients' connections were cut."""
        cut = sum([await listener.stop(_STOP_TIME) for listener in self._listeners.values()])
        await self._turns.close()
        return cut

    def snapshot(self) -> dict[str, int]:
        """Every counter by its full name: MetaProtocol Proxy's for listeners and filters, Envoy's for clusters."""
        counts: dict[str, int] = {}
        for listener in self._listeners.values():
            config = listener.config
            counts |= listener.context.stats.snapshot(f"meta_protocol.{config.protocol.name}.{config.stat_prefix}.")
        for cluster in self._clusters.values():
            counts |= cluster.stats.snapshot(f"cluster.{cluster.name}.")
        for prefix, counters in self._filter_counters:
            for name, count in counters.snapshot(prefix).items():
                counts[name] = counts.get(name, 0) + count  # filters of two listeners may share a stat_prefix
        return counts


def run(
    config: ProxyConfig,
    *,
    drain_time: float = DRAIN_TIME,
    on_ready: Callable[[Addresses], None] | None = None,
    filters: Mapping[str, FilterFactory] | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT, then drains; a second signal stops at once.

    Args:
        config: What it serves.
        drain_time: Seconds requests in flight have to end.
        on_ready: Called with the bound addresses once every listener accepts.
        filters: As :class:`Server` takes them.

    Returns:
        The process's exit code, 0.

    Raises:
        MetaProtocolError: It cannot start; see :class:`Server` and :meth:`Server.start`.
    """
    _calm_collector()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(config, drain_time, on_ready, filters))
    return 0


async def _serve(
    config: ProxyConfig,
    drain_time: float,
    on_ready: Callable[[Addresses], None] | None,
    filters: Mapping[str, FilterFactory] | None,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_loop_error)
    signals = _Signals(loop)
    server = Server(config, filters=filters)
    await server.start()
    _log_notes(config)
    if on_ready is not None:
        on_ready(server.addresses)
    await signals.first.wait()
    _log.info("stopping: requests in flight have %g s to end; signal again to stop now", drain_time)
    drain = asyncio.ensure_future(server.drain(drain_time))
    second = asyncio.ensure_future(signals.second.wait())
    await asyncio.wait({drain, second}, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (drain, second):
        waiting.cancel()
    cut = await server.stop()
    if cut:
        _log.warning("stopped; %d clients' connections were cut", cut)
    else:
        _log.info("stopped")


def _made(config: FilterConfig, factory: FilterFactory, context: FilterContext) -> Filter:
    try:
        made: object = factory(config.config, context)
    except MetaProtocolError:
        raise
    except Exception as error:  # a filter's constructor runs any code
        problem = f"making it for listener {context.listener!r} fails with {type(error).__name__}: {error}"
        raise FilterLoadError(config.name, problem) from error
    if not isinstance(made, Filter):
        problem = f"for listener {context.listener!r} it made {type(made).__name__}, which is no Filter"
        raise FilterLoadError(config.name, problem)
    return made


def _calm_collector() -> None:
    # A request leaves no cycle behind, so the collector finds nothing in all its runs but the time they take: a tenth
    # of the CPU time per request with its default of a run every 700 objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class _Signals:
    """SIGTERM and SIGINT, counted: the first, and any after it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        # Its default would end the process without a drain. Envoy goes on, too.
        loop.add_signal_handler(signal.SIGHUP, _log.warning, "SIGHUP is ignored; SIGTERM drains and stops the proxy")

    def _on_signal(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """What no callback caught, such as too many open files when a client is accepted."""
    error = context.get("exception")
    reason = f": {os.strerror(error.errno).lower()}" if isinstance(error, OSError) and error.errno else ""
    _log.error("event loop: %s%s", context["message"], reason, exc_info=error)


def _limits(config: ListenerConfig) -> Limits:
    return Limits(
        clients=config.max_connections, in_flight=config.max_concurrent_requests, watermark=config.buffer_limit
    )


def _log_notes(config: ProxyConfig) -> None:
    levels = {Severity.NOTE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
    for note in config.notes:
        _log.log(levels[note.severity], "%s", note)


def _finding(message: str) -> ConfigError:
    return ConfigError([Finding(message=message)])
