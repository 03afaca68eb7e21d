"""The composition root: what is put together, what is refused, what signals do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ListenerConfig,
    NodeConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteTableConfig,
    TrafficDirection,
)
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, proxy, run, until


def listener(codec: str = "tests.proxy.codecs:IdCodec", **more: Any) -> ListenerConfig:
    protocol = ProtocolConfig(name="app", codec=codec, multiplexing=more.pop("multiplexing", False))
    return ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="ingress",
        protocol=protocol,
        routes=RouteTableConfig(),
        **more,
    )


def test_node_and_direction_stay_where_filters_will_read_them() -> None:
    async def main() -> None:
        config = ProxyConfig(node=NodeConfig(id="n"), listeners=(listener(traffic_direction=TrafficDirection.INBOUND),))
        server = Server(config)
        assert server.config.node.id == "n"
        assert server.config.listeners[0].traffic_direction is TrafficDirection.INBOUND

    run(main())


def test_counters_are_named_as_in_metaprotocol_proxy_and_envoy() -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec())) as running:
            names = set(running.server.snapshot())
            assert {"meta_protocol.app.test.request", "cluster.all.upstream_rq_total"} <= names

    run(main())


def test_listeners_of_one_stat_prefix_are_counted_together() -> None:
    async def main() -> None:
        server = Server(ProxyConfig(listeners=(listener(), replace(listener(), name="other"))))
        for each in server.listeners:
            each.context.stats.request += 2
        assert server.snapshot()["meta_protocol.app.ingress.request"] == 4

    run(main())


class Gate(Filter):
    """Waits on the loop where the request says so, refuses where it says so, and marks what passes."""

    def on_request(self, stream: Stream) -> Verdict:
        if stream.request.get("gate") == "refuse":
            return Error(ErrorType.OVER_LIMIT, "refused")
        stream.mutation |= {"seen": "gate"}
        return self.wait() if stream.request.get("gate") == "wait" else None

    def on_response(self, stream: Stream) -> Verdict:
        stream.response_mutation |= {"out": "gate"}
        return None

    async def wait(self) -> None:
        await asyncio.sleep(0)


def test_many_listeners_take_no_longer_to_stop_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping: list[Listener] = []

    async def stop(self: Listener, _: float) -> int:
        stopping.append(self)
        await until(lambda: len(stopping) == 3)  # each may have servers that do not say that they close
        return 1

    async def main() -> None:
        server = Server(ProxyConfig(listeners=tuple(replace(listener(), name=str(each)) for each in range(3))))
        with monkeypatch.context() as patch:
            patch.setattr(Listener, "stop", stop)
            assert await server.stop() == 3

    run(main())


def test_filters_work_in_a_whole_proxy() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        filters = {"gate": lambda config, context: Gate()}
        async with proxy(backend, filters=filters) as running:
            client = await running.client()
            await client.send(message(1, gate="refuse") + message(2, gate="wait") + message(3))
            found = {each.request_id: each for each in [await client.reply() for _ in range(3)]}
            assert found[1]["type"] == "OVER_LIMIT"
            assert (found[2]["out"], found[3]["out"]) == ("gate", "gate")
            assert {each["seen"] for each in backend.requests} == {"gate"}

    run(main())


def test_a_client_that_leaves_while_a_filter_waits_leaves_nothing() -> None:
    class Forever(Filter):
        def on_request(self, stream: Stream) -> Verdict:
            return self.wait()

        async def wait(self) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        async with proxy(Backend(IdCodec()), filters={"x": lambda config, context: Forever()}) as running:
            client = await running.client()
            await client.send(message(1))
            await running.counted("request_active", 1)
            client.reset()
            await running.counted("request_active", 0)

    run(main())
