"""A proxy of a whole configuration, as its user wrote it, on ports of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from textwrap import indent
from typing import Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, ListenerConfig, ProxyConfig
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.registry import load_codec
from tests.proxy.harness import Backend, Client, until

_CONFIG = """
static_resources:
  clusters: [{name: all}]
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: main
          protocol: {name: app, codec: {name: "tests.proxy.codecs:IdCodec"}, multiplexing: MULTIPLEXING}
          route_config: {routes: [{route: {cluster: all}}]}
          meta_protocol_filters:
FILTERS
          - name: aeraki.meta_protocol.filters.router
"""

GAUGES = ("request_active", "downstream_cx_active", "upstream_cx_active", "upstream_rq_active")


def filtering(filters: str, *, multiplexing: bool = False) -> ProxyConfig:
    """One listener that sends everything to cluster ``all``, through ``filters``: YAML of a list."""
    text = _CONFIG.replace("MULTIPLEXING", str(multiplexing).lower())
    return parse_config(text.replace("FILTERS", indent(filters.strip(), " " * 10)), filters=filter_models())


class Serving:
    """A running proxy, and its clients."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clients: list[Client] = []

    async def client(self, listener: str = "") -> Client:
        """A client of that listener, or of the only one."""
        config = next(each for each in self.server.config.listeners if each.name == (listener or each.name))
        codec: Codec = load_codec(config.protocol.codec, **config.protocol.codec_config)
        client = Client(codec, *await asyncio.open_connection(*self.server.addresses[config.name]))
        self.clients.append(client)
        return client

    def count(self, name: str) -> int:
        """The sum of every counter that ends in ``name``."""
        found = [count for key, count in self.server.snapshot().items() if key.rpartition(".")[2] == name]
        assert found, f"no counter is named {name}"
        return sum(found)

    async def counted(self, name: str, value: int) -> None:
        await until(lambda: self.count(name) == value)


def moved(config: ProxyConfig, backends: Iterable[Backend], homes: Mapping[str, Backend] | None = None) -> ProxyConfig:
    """The configuration with listeners on free ports of the loopback, and every cluster before those servers.

    ``homes`` are the clusters, by name, that are before one server alone.
    """
    endpoints = tuple(EndpointConfig(backend.address) for backend in backends)

    def cluster(each: ClusterConfig) -> ClusterConfig:
        home = (homes or {}).get(each.name)
        return replace(each, endpoints=endpoints if home is None else (EndpointConfig(home.address),))

    def listener(each: ListenerConfig) -> ListenerConfig:
        return replace(each, address=Address("127.0.0.1", 0))

    return replace(
        config, listeners=tuple(map(listener, config.listeners)), clusters=tuple(map(cluster, config.clusters))
    )


@asynccontextmanager
async def serving(
    config: ProxyConfig,
    *backends: Backend,
    filters: Mapping[str, FilterFactory] | None = None,
    homes: Mapping[str, Backend] | None = None,
    **server: Any,
) -> AsyncIterator[Serving]:
    """A proxy of that configuration, its ports moved; checks at the end that nothing is left."""
    before = asyncio.all_tasks()
    listening = [await backend.start() for backend in backends]
    running = Serving(Server(moved(config, backends, homes), filters=filters, **server))
    await running.server.start()
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await running.server.stop()
        for each in listening:
            each.close()
        for backend in backends:
            for link in backend.links:
                link.transport.abort()
        await until(lambda: asyncio.all_tasks() <= before)
    assert [running.count(gauge) for gauge in GAUGES] == [0] * len(GAUGES)
