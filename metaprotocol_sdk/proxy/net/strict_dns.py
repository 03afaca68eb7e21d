"""Keeps a cluster's servers as the names of its endpoints say: type ``STRICT_DNS``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.resolution import Resolution, next_question
from metaprotocol_sdk.proxy.config.values import AnyAddress, DnsConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, DnsStats
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.resolver import Resolve, resolve
from metaprotocol_sdk.proxy.timers import Slot

_log = logging.getLogger(LOGGER_NAME)


class StrictDns:
    """The keeper of a cluster's names.

    Args:
        cluster: Whose endpoints are names, or are not: it has nothing to do then.
        surroundings: What it works with.
        resolve: Gives the addresses of a name.

    Attributes:
        surroundings: What it works with.
    """

    def __init__(self, cluster: Cluster, surroundings: Surroundings, *, resolve: Resolve = resolve) -> None:
        self.surroundings = surroundings
        self._cluster = cluster
        self._resolve = resolve
        self._stats = DnsStats()
        self._resolution = Resolution()
        self._config: DnsConfig | None = None
        self._questions: dict[str, _Question] = {}
        self._settled = asyncio.Event()
        self.update()

    @property
    def counters(self) -> Sequence[tuple[str, Counters]]:
        """Those of Envoy, where there are names."""
        return () if self._config is None else (("", self._stats),)

    async def warm(self) -> None:
        """Waits until every name has its first answer, or its first failure."""
        await self._settled.wait()

    def close(self) -> None:
        """Asks no more."""
        for question in self._questions.values():
            question.close()
        self._questions.clear()

    def update(self) -> None:
        """The cluster has another configuration. Names that stay keep their addresses."""
        config = self._cluster.config
        if config.dns != self._config:
            self.close()
        if config.dns is None:
            self._config, self._resolution = None, Resolution()
            self._settled.set()
            return
        if self._config is not None and self._config.lookup_family is not config.dns.lookup_family:
            self._resolution = Resolution()
        self._config = config.dns
        self._resolution.update(config.endpoints, self._cluster.endpoint_configs)
        for name in self._questions.keys() - self._resolution.names:
            self._questions.pop(name).close()
        for name in self._resolution.names:  # in their order
            if name not in self._questions:
                self._questions[name] = _Question(self, name)
        self._apply()
        self._settle()

    def _settle(self) -> None:
        if all(question.is_settled for question in self._questions.values()):
            self._settled.set()
        else:
            self._settled.clear()

    def _apply(self) -> bool:
        """Has the cluster know the servers that there are now; whether they are others."""
        there = self._cluster.endpoint_configs
        found = self._resolution.endpoints(there, self._well())
        if found == there:
            return False
        self._cluster.set_endpoints(found)
        return True

    def _well(self) -> Collection[AnyAddress]:
        """The servers that pass their health checks: they stay, though no name leads to them any more."""
        config = self._cluster.config
        if config.health_check is None or config.ignore_health_on_host_removal:
            return ()
        return {
            each.address
            for each in self._cluster.endpoints
            if each.health_address is not None and not each.flags & HealthFlag.FAILED_ACTIVE_HC
        }

    async def ask(self, name: str) -> bool:
        """Asks for one name, and takes the answer on; whether there was one."""
        config = self._config
        assert config is not None, "whoever takes the configuration away closes the questions"
        stats = self._stats
        stats.update_attempt += 1
        try:
            hosts = await self._resolve(name, config.lookup_family)
        except OSError as error:
            stats.update_failure += 1
            # In a text of its own, so that one name's failures hide no other's.
            text = f"cluster {self._cluster.name}: no addresses for {name!r}: {error.strerror or error}"
            _log.warning(text)
            return False
        stats.update_success += 1
        if not hosts:
            stats.update_empty += 1
            text = f"cluster {self._cluster.name}: the name {name!r} has no address"
            _log.warning(text)
        self._resolution.answer(name, hosts)
        if not self._apply():
            stats.update_no_rebuild += 1
        return True

    def settled(self, question: _Question, failures: int) -> None:
        """A name has been asked for."""
        assert self._config is not None
        question.start(next_question(self._config, failures, self.surroundings.rng))
        self._settle()


class _Question:
    """One name, asked for again and again."""

    __slots__ = ("_failures", "_keeper", "_name", "_slot", "_task", "is_settled")

    def __init__(self, keeper: StrictDns, name: str) -> None:
        self._keeper = keeper
        self._name = name
        self._failures = 0
        self._slot: Slot | None = None
        self._task: asyncio.Future[None] | None = None
        self.is_settled = False
        self._task = keeper.surroundings.turns.spawn(self._ask())

    def start(self, delay: float) -> None:
        """Asks after ``delay`` seconds."""
        self._slot = self._keeper.surroundings.turns.wheel.add(self, delay)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """It is time to ask."""
        self._slot = None
        self._task = self._keeper.surroundings.turns.spawn(self._ask())

    def close(self) -> None:
        """Asks no more."""
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ask(self) -> None:
        try:
            has_answer = await self._keeper.ask(self._name)
        except Exception:  # whatever it is, the name must be asked for again
            _log.exception("the name %s cannot be followed, for a bug in the proxy; please report it", self._name)
            has_answer = False
        self._failures = 0 if has_answer else self._failures + 1
        self.is_settled = True
        self._task = None
        self._keeper.settled(self, self._failures)
