"""A proxy between real peers, with a listener for each form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.harness import route
from tests.reference_codecs.thrift.processes import Ports

PATIENCE = 100.0
"""Seconds until a test is told that what it waits for will not come."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Front:
    """A running proxy."""

    ports: Ports
    server: Server

    def count(self, name: str) -> int:
        """The sum of every counter of that name."""
        return sum(value for key, value in self.server.snapshot().items() if key.rpartition(".")[2] == name)


def straight(ports: Ports) -> dict[str, tuple[RouteConfig, ...]]:
    """For each form the routes to the cluster of the same name; ``buy`` has one of its own."""
    return {form: (route(form, method="buy"), route(form)) for form in ports}


@asynccontextmanager
async def proxying(
    clusters: Ports,
    routes: Mapping[str, tuple[RouteConfig, ...]] | None = None,
    *,
    multiplexing: bool = False,
    config: Mapping[str, Any] | None = None,
    do_clients_leave: bool = False,
) -> AsyncIterator[Front]:
    """A proxy with a listener for each of ``routes`` (:func:`straight` ones) and a cluster for each port; ``config`` is
    the codec's.

    Checks at the end that every message was read, and every reply was of a request, which those of clients that leave
    early are not.
    """
    listeners = tuple(
        ListenerConfig(
            name=name,
            address=Address("127.0.0.1", 0),
            stat_prefix=name,  # whose counters are then its own
            protocol=ProtocolConfig(
                name="thrift",
                codec="reference_codecs.thrift.codec:ThriftCodec",
                codec_config=config or {},
                multiplexing=multiplexing,
            ),
            routes=RouteTableConfig(routes=each),
        )
        for name, each in (routes if routes is not None else straight(clusters)).items()
    )
    made = tuple(
        ClusterConfig(name=name, endpoints=(EndpointConfig(Address("127.0.0.1", port)),))
        for name, port in clusters.items()
    )
    server = Server(ProxyConfig(listeners=listeners, clusters=made))
    await server.start()
    front = Front({each.name: server.addresses[each.name][1] for each in listeners}, server)
    try:
        yield front
        unmatched = () if do_clients_leave else ("response_unmatched",)
        for counter in ("request_decoding_error", "response_decoding_error", *unmatched):
            assert front.count(counter) == 0, f"{counter} is {front.count(counter)}"
    finally:
        await server.stop()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs a test to its end."""
    return asyncio.run(asyncio.wait_for(main, PATIENCE))
