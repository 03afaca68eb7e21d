"""The page about operation speaks of counters and metrics that are there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import yaml

from metaprotocol_sdk.proxy.admin.stats import answer
from metaprotocol_sdk.proxy.cluster.outlier_detector import OutlierStats
from metaprotocol_sdk.proxy.metrics import (
    ClusterStats,
    DnsStats,
    HealthCheckStats,
    ListenerStats,
    ServerStats,
    SslStats,
)
from metaprotocol_sdk.proxy.operation import Operation
from metaprotocol_sdk.proxy.server import Server
from tests.integration.serving import filtering

PAGE = (Path(__file__).parents[2] / "docs/how-to/operate.md").read_text()
(ALERTS,) = re.findall(r"^<!-- file: alerts.yaml -->\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_counter_that_means_trouble_is_counted() -> None:
    rows = re.search(r"<!-- table: trouble -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert rows is not None
    named = re.findall(r"`([\w.]+)`", "".join(re.findall(r"^\|[^|]*\|", rows[1], re.MULTILINE)))
    known = {"ssl.": SslStats(), "health_check.": HealthCheckStats(), "outlier_detection.": OutlierStats()}
    plain = (ListenerStats(), ClusterStats(), ServerStats(), DnsStats())
    counted = {name for prefix, stats in known.items() for name in stats.snapshot(prefix)}
    assert len(named) > 10
    assert set(named) <= counted.union(*(each.snapshot() for each in plain))
    assert {each.partition(".")[0] for each in named} >= {each.removesuffix(".") for each in known}


def test_every_metric_of_an_alert_is_exposed() -> None:
    async def exposition() -> str:
        server = Server(filtering(""))
        await server.start()
        found = await answer(Operation(server, stop=lambda: None, now=lambda: 0.0), {}, "prometheus")
        await server.stop()
        return found.body

    exposed = set(re.findall(r"^(envoy_\w+)", asyncio.run(exposition()), re.MULTILINE))
    labels = {"envoy_meta_protocol_prefix", "envoy_cluster_name"}
    (group,) = yaml.safe_load(ALERTS)["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"envoy_\w+", rule["expr"])} - labels
    assert len(named) > 5
    assert named <= exposed
