"""The event log of health checks: one line of JSON for each ``envoy.data.core.v3.HealthCheckEvent``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure
from metaprotocol_sdk.proxy.config.values import AnyAddress, PipeAddress
from metaprotocol_sdk.proxy.log import LOGGER_NAME

_log = logging.getLogger(LOGGER_NAME)


class HealthLog:
    """Writes the events of one cluster's servers. The file is opened for each, so that it can be moved away.

    Args:
        path: The file; empty: nothing is written.
        cluster: The cluster's name.
        checker: ``health_checker_type``.
        now: The time of day, in seconds since 1970.
    """

    def __init__(self, path: str, cluster: str, checker: str, now: Callable[[], float]) -> None:
        self._path = path
        self._cluster = cluster
        self._checker = checker
        self._now = now

    def ejected(self, host: AnyAddress, failure: CheckFailure) -> None:
        """A server is unhealthy from now on."""
        self._write(host, "eject_unhealthy_event", failure_type=failure.value)

    def added(self, host: AnyAddress, *, first_check: bool) -> None:
        """A server is healthy from now on."""
        self._write(host, "add_healthy_event", first_check=first_check)

    def failed(self, host: AnyAddress, failure: CheckFailure, *, first_check: bool) -> None:
        """A check has failed."""
        self._write(host, "health_check_failure_event", failure_type=failure.value, first_check=first_check)

    def passed(self, host: AnyAddress) -> None:
        """A check that changed nothing has passed."""
        self._write(host, "successful_health_check_event")

    def _write(self, host: AnyAddress, event: str, **fields: Any) -> None:
        if not self._path:
            return
        time = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {
            "health_checker_type": self._checker,
            "host": _document(host),
            "cluster_name": self._cluster,
            event: fields,
            "timestamp": time,
        }
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            text = f"cluster {self._cluster}: no event is written to {self._path}: {error.strerror or error}"
            _log.warning(text)


def _document(address: AnyAddress) -> dict[str, Any]:
    """The JSON of ``envoy.config.core.v3.Address``."""
    if isinstance(address, PipeAddress):
        return {"pipe": {"path": address.path}}
    return {"socket_address": {"protocol": "TCP", "address": address.host, "port_value": address.port}}
