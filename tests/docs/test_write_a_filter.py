"""The page about filters: its filter, installed as the page says, stands before real traffic."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

from metaprotocol_sdk.proxy.filters import FilterFactory
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, proxy, run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-a-filter.md").read_text()
HEADER = struct.Struct(">bIIhh")
TYPE = "type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def install(folder: Path) -> None:
    """What installing the page's project does, without a network."""
    (folder / "example_ban.py").write_text(blocks("python")[0])
    points = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]["metaprotocol.filters"]
    info = folder / "example_ban-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example_ban\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[metaprotocol.filters]", *lines]) + "\n")


def bootstrap() -> dict[str, Any]:
    """A proxy that has the page's filters and no server."""
    network_filter = {
        "@type": TYPE,
        "stat_prefix": "orders",
        "protocol": {"name": "awesomerpc", "codec": {"name": "awesomerpc"}},
        "route_config": {"routes": [{"route": {"cluster": "nowhere"}}]},
        **yaml.safe_load(blocks("yaml")[0]),
    }
    filters = [{"name": "aeraki.meta_protocol_proxy", "typed_config": network_filter}]
    listener = {
        "name": "orders",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": filters}],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [{"name": "nowhere"}]}}


def metaproto(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "metaprotocol_sdk", "proxy", "-c", "proxy.yaml", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_pages_filter_is_found_by_its_entry_point_and_refuses_what_it_says(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "proxy.yaml").write_text(yaml.safe_dump(bootstrap()))
    with metaproto(tmp_path) as process:
        assert process.stderr is not None
        ready = next(line for line in process.stderr if line.startswith("ready:"))
        with socket.create_connection(("127.0.0.1", int(ready.rpartition(":")[2]))) as client:
            said = {}
            for command in (7, 8):
                client.sendall(HEADER.pack(1, 1, HEADER.size, command, 0))
                said[command] = client.recv(65536)[HEADER.size :]
        process.terminate()
        process.communicate(timeout=60)
    assert said == {7: b"this cmd is banned here", 8: b"meta protocol router: no healthy upstream for 'nowhere'"}


def test_a_mistake_in_its_configuration_is_said_with_its_place(tmp_path: Path) -> None:
    install(tmp_path)
    wrong = bootstrap()
    chain = wrong["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    chain["meta_protocol_filters"][0]["typed_config"]["keys"] = "cmd"
    (tmp_path / "proxy.yaml").write_text(yaml.safe_dump(wrong))
    with metaproto(tmp_path, "--mode", "validate") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert re.search(r"proxy\.yaml:\d+:\d+: error: .*unknown key 'keys'; did you mean key\?", errors)


def test_the_filter_that_waits_decides_about_real_traffic() -> None:
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block in blocks("python"):
        exec(compile(block, "write-a-filter.md", "exec", dont_inherit=True), namespace)
    filters: dict[str, FilterFactory] = {"example.filters.ask": lambda config, context: namespace["Ask"]()}

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, filters=filters) as running:
            client = await running.client()
            await client.send(message(1, b"a") + message(2, b"b", user="alice") + message(3, b"c", user="mallory"))
            found = {
                each.request_id: each.origin_message[each.header_size :]
                for each in [await client.reply() for _ in range(3)]
            }
            assert found == {1: b"a", 2: b"b", 3: b"mallory may not do this"}
            assert len(backend.requests) == 2

    run(main())
