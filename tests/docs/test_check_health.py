"""The page about health: its heartbeat asks real Dubbo, and its table of intervals is what happens."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.fields import read_duration
from metaprotocol_sdk.proxy.config.health_check import HealthCheck
from metaprotocol_sdk.proxy.config.values import EndpointConfig, ProxyConfig
from metaprotocol_sdk.registry import load_codec
from tests.integration.test_proxy_health import proxy
from tests.proxy.checking import Patient, patients
from tests.proxy.config.reading import good
from tests.proxy.harness import run

PAGE = (Path(__file__).parents[2] / "docs/how-to/check-health.md").read_text()


def test_the_heartbeat_finds_a_dubbo_server_that_is_well() -> None:
    (text,) = (
        each for each in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if "codec.dubbo" in each
    )
    cluster = good(Cluster, f"name: shop\n{text}").value()
    codec = load_codec("dubbo")

    def beat(asked: Metadata) -> bytes:
        buffer = Buffer()
        assert codec.heartbeat_reply(asked, buffer)
        return buffer.drain(len(buffer))

    async def main() -> None:
        server = Patient(beat, codec=codec)
        async with patients(server):
            moved = replace(cluster, endpoints=(EndpointConfig(server.address),))
            async with proxy(ProxyConfig(listeners=(), clusters=(moved,))) as running:
                assert running.count("healthy") == 1
                assert len(server.asked) == 1

    run(main())


def test_the_table_of_intervals_is_the_fields_of_the_message() -> None:
    rows = re.findall(r"^\| `(\w*interval)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    fields = HealthCheck.model_fields
    assert {name for name, _ in rows} == {name for name in fields if name.endswith("interval")}
    for name, default in rows:
        assert fields[name].is_required() == (default == "required")
    (seconds,) = re.findall(r"\*\*(\d+) s\*\*", dict(rows)["no_traffic_interval"])
    assert fields["no_traffic_interval"].default == read_duration(f"{seconds}s")
