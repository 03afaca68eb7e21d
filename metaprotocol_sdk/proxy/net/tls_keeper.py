"""Keeps the TLS of a cluster's servers."""

from __future__ import annotations

from collections.abc import Sequence

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.tls import Security


class TlsKeeper:
    """Gives a cluster the :class:`~metaprotocol_sdk.proxy.net.tls.Security` that its configuration says.

    Args:
        cluster: The cluster.
        turns: The event loop.

    Raises:
        ConfigError: A certificate cannot be used.
    """

    def __init__(self, cluster: Cluster, turns: Turns) -> None:
        self._cluster = cluster
        self._turns = turns
        self._security: Security | None = None
        if cluster.config.tls is not None:
            try:
                self._security = Security(cluster.config.tls, turns, owner=f"cluster {cluster.name}")
            except ValueError as error:
                raise ConfigError([Finding(message=f"cluster {cluster.name!r}: {error}")]) from error
            self._security.start()
        cluster.security = self._security

    @property
    def counters(self) -> Sequence[tuple[str, Counters]]:
        """What it counts, behind ``cluster.<name>.``."""
        return () if self._security is None else (("ssl.", self._security.stats),)

    def update(self) -> None:
        """``cluster.config`` is another."""
        config = self._cluster.config.tls
        if config is None:
            self.close()
            self._security = None
        elif self._security is None:
            owner = f"cluster {self._cluster.name}"
            self._security = Security(config, self._turns, owner=owner, is_strict=False)
            self._security.start()
        elif config != self._security.config:
            self._security.update(config)
        self._cluster.security = self._security

    async def warm(self) -> None:
        """It can be used at once."""

    def close(self) -> None:
        """The cluster is gone, or the proxy stops."""
        if self._security is not None:
            self._security.close()
