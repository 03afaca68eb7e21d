"""The checks of one server, one at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable

from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure, ServerHealth
from metaprotocol_sdk.proxy.config.values import AnyAddress, HealthCheckConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import HealthCheckStats
from metaprotocol_sdk.proxy.net.dialer import dial
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.probe import CheckFailed, Conversation, Probe
from metaprotocol_sdk.proxy.timers import Slot

_log = logging.getLogger(LOGGER_NAME)

Converse = Callable[[], Conversation]
"""Begins what is said on a connection."""


class HealthSession:
    """One server that is checked. Nothing happens before :meth:`start`, nor after :meth:`close`.

    Args:
        turns: The event loop.
        cluster: Whose server it is.
        endpoint: The server.
        address: Where it is asked.
        config: How.
        converse: What is said there; None: a connection that is made says enough.
        health: What was found so far.
        stats: Counts the attempts.
        judge: Called with what each check has found, None being a server that is well; it starts the next one.
    """

    __slots__ = (
        "_cluster", "_config", "_converse", "_judge", "_probe", "_slot", "_stats", "_target", "_task", "_turns",
        "endpoint", "health",
    )  # fmt: skip

    def __init__(
        self,
        *,
        turns: Turns,
        cluster: Cluster,
        endpoint: Endpoint,
        address: AnyAddress,
        config: HealthCheckConfig,
        converse: Converse | None,
        health: ServerHealth,
        stats: HealthCheckStats,
        judge: Callable[[HealthSession, CheckFailed | None], None],
    ) -> None:
        self.endpoint = endpoint
        self.health = health
        self._turns = turns
        self._cluster = cluster
        self._target = endpoint if endpoint.address == address else Endpoint(address)
        self._config = config
        self._converse = converse
        self._stats = stats
        self._judge = judge
        self._slot: Slot | None = None
        self._task: asyncio.Future[None] | None = None
        self._probe: Probe | None = None

    @property
    def address(self) -> AnyAddress:
        """Where it is asked."""
        return self._target.address

    def start(self, delay: float) -> None:
        """Checks it once, after ``delay`` seconds."""
        self._slot = self._turns.wheel.add(self, delay)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """It is time for a check."""
        self._slot = None
        self._stats.attempt += 1
        self._task = self._turns.spawn(self._check())

    def close(self) -> None:
        """Ends it, in the middle of a check, too."""
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._hang_up()

    async def _check(self) -> None:
        found: CheckFailed | None = CheckFailed(
            CheckFailure.NETWORK_TIMEOUT, f"no answer in {self._config.timeout:g} s"
        )
        try:
            async with asyncio.timeout(self._config.timeout):
                found = await self._ask()
        except TimeoutError:
            pass
        except OSError as error:
            found = CheckFailed(CheckFailure.NETWORK, _reason(error))
        except CodecError as error:
            found = CheckFailed(CheckFailure.ACTIVE, str(error))
        except Exception as bug:  # whatever it is, the server must be checked again
            _log.error("cluster %s: a check of %s failed", self._cluster.name, self.endpoint.name, exc_info=bug)
            found = CheckFailed(CheckFailure.NETWORK, f"a bug in the proxy: {type(bug).__name__}: {bug}")
        finally:
            if found is not None or self._converse is None or not self._config.reuse_connection:
                self._hang_up()
        self._task = None
        self._judge(self, found)

    async def _ask(self) -> CheckFailed | None:
        if self._probe is not None and not self._probe.is_over:
            failed = await self._probe.ask()
            if failed is None or failed.kind is not CheckFailure.NETWORK:
                return failed
            # A server may close a connection that is not used; that says nothing about how it is.
        self._probe = probe = Probe(self._converse and self._converse())
        await dial(self._turns.loop, self._cluster, self._target, lambda: probe)
        return await probe.ask()

    def _hang_up(self) -> None:
        if self._probe is not None:
            self._probe.abort()
            self._probe = None


def _reason(error: OSError) -> str:
    is_ours = not error.errno or error.errno < 0 or isinstance(error, ssl.SSLError)  # TLS has numbers of its own
    return str(error) if is_ours or error.errno is None else os.strerror(error.errno).lower()
