"""Asks the servers of a cluster whether they are well: ``health_checks`` of ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure, ServerHealth, Transition, first_wait, next_wait
from metaprotocol_sdk.proxy.config.values import HealthCheckConfig, TcpCheckConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, HealthCheckStats
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.conversations import HeartbeatConversation, PayloadConversation
from metaprotocol_sdk.proxy.net.health_log import HealthLog
from metaprotocol_sdk.proxy.net.health_session import Converse, HealthSession
from metaprotocol_sdk.proxy.net.probe import CheckFailed
from metaprotocol_sdk.proxy.timers import RESOLUTION
from metaprotocol_sdk.registry import load_codec

_log = logging.getLogger(LOGGER_NAME)

_AT_ONCE = 50
"""First checks that begin together; a thousand connections in one turn of the loop would hold up every request."""
_NETWORK = (CheckFailure.NETWORK, CheckFailure.NETWORK_TIMEOUT)


class HealthChecker:
    """The keeper of a cluster's health: marks its servers as their checks find them.

    A server that is new to the cluster is not healthy before a check has found it well. One that was there before
    anybody checked it goes on, as healthy, until its checks say otherwise.
    """

    def __init__(self, cluster: Cluster, surroundings: Surroundings) -> None:
        self._cluster = cluster
        self._turns = surroundings.turns
        self._rng = surroundings.rng
        self._stats = HealthCheckStats()
        self._config: HealthCheckConfig | None = None
        self._converse: Converse | None = None
        self._events: HealthLog | None = None
        self._seen: frozenset[Endpoint] = frozenset()
        self._sessions: dict[Endpoint, HealthSession] = {}
        self._is_closed = False
        self._settled = asyncio.Event()
        cluster.watch(self.update)
        self.update()

    @property
    def counters(self) -> Sequence[tuple[str, Counters]]:
        """Those of Envoy, where there is a health check."""
        return () if self._config is None else (("health_check.", self._stats),)

    async def warm(self) -> None:
        """Waits until every server has been checked once."""
        await self._settled.wait()

    def close(self) -> None:
        """Ends every check."""
        self._is_closed = True
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def update(self) -> None:
        """The cluster has other servers, or another configuration."""
        if self._is_closed:
            return
        config = self._cluster.config.health_check
        former: dict[Endpoint, HealthSession] = {}
        if config != self._config:
            former, self._sessions = self._sessions, {}
            self._configure(config)
        there = frozenset(self._cluster.endpoints)
        for endpoint, session in list(self._sessions.items()):
            if endpoint not in there or session.address != endpoint.health_address:
                former[endpoint] = self._sessions.pop(endpoint)
        by_address = {each.endpoint.address: each for each in former.values()}  # those that are secured otherwise now
        for session in former.values():
            session.close()
        for endpoint in self._cluster.endpoints:
            if endpoint not in self._sessions:
                self._begin(endpoint, former.get(endpoint) or by_address.get(endpoint.address))
        self._seen = there
        self._settle()

    def _configure(self, config: HealthCheckConfig | None) -> None:
        self._config = config
        if config is None:
            return
        if not isinstance(config.by, TcpCheckConfig):
            codec = load_codec(config.by.codec, **config.by.codec_config)
            self._converse = lambda: HeartbeatConversation(codec)
        elif config.by.receive:
            payload = config.by
            self._converse = lambda: PayloadConversation(payload)
        else:
            self._converse = None
        kind = "TCP" if isinstance(config.by, TcpCheckConfig) else "HEARTBEAT"
        self._events = HealthLog(config.event_log_path, self._cluster.name, kind, time.time)

    def _begin(self, endpoint: Endpoint, former: HealthSession | None) -> None:
        config, address = self._config, endpoint.health_address
        if config is None or address is None:
            self._cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC | HealthFlag.PENDING_ACTIVE_HC, is_set=False)
            return
        health = ServerHealth(config, is_healthy=endpoint in self._seen)
        if former is not None:
            health.is_healthy, health.is_known = former.health.is_healthy, former.health.is_known
        elif not health.is_healthy and self._cluster.config.ignore_new_hosts_until_first_hc:
            self._cluster.mark(endpoint, HealthFlag.PENDING_ACTIVE_HC, is_set=True)
        self._cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC, is_set=not health.is_healthy)
        session = self._sessions[endpoint] = HealthSession(
            turns=self._turns,
            cluster=self._cluster,
            endpoint=endpoint,
            address=address,
            config=config,
            converse=self._converse,
            health=health,
            stats=self._stats,
            judge=self._judge,
        )
        session.start(first_wait(config, self._rng) + len(self._sessions) // _AT_ONCE * RESOLUTION)

    def _settle(self) -> None:
        """Tells whoever waits for it that every server has been checked."""
        self._stats.healthy = sum(session.health.is_healthy for session in self._sessions.values())
        if all(session.health.is_known for session in self._sessions.values()):
            self._settled.set()
        else:
            self._settled.clear()

    def _judge(self, session: HealthSession, failed: CheckFailed | None) -> None:
        config, health, endpoint = self._config, session.health, session.endpoint
        assert config is not None, "whoever takes the configuration away closes the sessions"
        is_first = not health.is_known
        transition = health.passed() if failed is None else health.failed(failed.kind)
        self._count(failed)
        self._cluster.mark(endpoint, HealthFlag.PENDING_ACTIVE_HC, is_set=False)
        self._cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC, is_set=not health.is_healthy)
        if is_first or transition is Transition.CHANGED:
            self._settle()
        self._tell(session, failed, transition, is_first=is_first)
        if failed is None and health.is_healthy and self._cluster.uneject is not None:
            self._cluster.uneject(endpoint)
        wait = next_wait(
            config,
            has_passed=failed is None,
            transition=transition,
            has_traffic=self._cluster.has_traffic,
            rng=self._rng,
        )
        # Servers whose first checks came together would be checked together for ever.
        session.start(wait * self._rng.random() if is_first else wait)

    def _count(self, failed: CheckFailed | None) -> None:
        stats = self._stats
        if failed is None:
            stats.success += 1
        else:
            stats.failure += 1
            stats.network_failure += failed.kind in _NETWORK

    def _tell(
        self, session: HealthSession, failed: CheckFailed | None, transition: Transition, *, is_first: bool
    ) -> None:
        assert self._config is not None
        assert self._events is not None
        config, host, name = self._config, session.endpoint.address, session.endpoint.name
        is_changed = transition is Transition.CHANGED
        if failed is not None:
            if is_changed or is_first:
                # In a text of its own, so that one server's failures hide no other's.
                text = f"cluster {self._cluster.name}: server {name} is unhealthy: {failed.reason}"
                _log.warning(text)
            if is_changed:
                self._events.ejected(host, failed.kind)
            if is_first or config.always_log_health_check_failures:
                self._events.failed(host, failed.kind, first_check=is_first)
        elif is_changed:
            if not is_first:
                _log.info("cluster %s: server %s is healthy again", self._cluster.name, name)
            self._events.added(host, first_check=is_first)
        elif config.always_log_health_check_success:
            self._events.passed(host)
