from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure
from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.net.health_log import HealthLog

HOST = Address("10.0.0.1", 7)


def test_every_event_is_a_line_of_json_with_envoy_s_names(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    log = HealthLog(str(path), "orders", "TCP", lambda: 1_700_000_000.5)
    log.failed(HOST, CheckFailure.NETWORK, first_check=True)
    log.added(HOST, first_check=False)
    path.rename(tmp_path / "older.log")
    log.ejected(HOST, CheckFailure.NETWORK_TIMEOUT)
    log.passed(HOST)
    written = "".join((tmp_path / name).read_text() for name in ("older.log", "events.log"))
    lines = [json.loads(line) for line in written.splitlines()]
    for line in lines:
        assert line.pop("health_checker_type") == "TCP"
        assert line.pop("host") == {"socket_address": {"protocol": "TCP", "address": "10.0.0.1", "port_value": 7}}
        assert line.pop("cluster_name") == "orders"
        assert line.pop("timestamp") == "2023-11-14T22:13:20.500Z"
    assert lines == [
        {"health_check_failure_event": {"failure_type": "NETWORK", "first_check": True}},
        {"add_healthy_event": {"first_check": False}},
        {"eject_unhealthy_event": {"failure_type": "NETWORK_TIMEOUT"}},
        {"successful_health_check_event": {}},
    ]


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "metaprotocol.proxy"):
        HealthLog(str(tmp_path / "none/events.log"), "orders", "TCP", lambda: 0.0).passed(HOST)
    assert "cluster orders: no event is written to" in caplog.text
    assert "No such file or directory" in caplog.text


def test_without_a_path_nothing_is_written() -> None:
    HealthLog("", "orders", "TCP", lambda: 0.0).passed(HOST)
