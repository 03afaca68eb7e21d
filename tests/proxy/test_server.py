"""The composition root: what is put together, what is refused, what signals do."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecNotFound, ConfigError, FilterLoadError, Finding, Severity
from metaprotocol_sdk.proxy.config.values import (
    Address,
    FilterConfig,
    ListenerConfig,
    NodeConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteTableConfig,
    TrafficDirection,
)
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterFactory, Verdict
from metaprotocol_sdk.proxy.router import ROUTER_NAME
from metaprotocol_sdk.proxy.server import Server, _on_loop_error
from metaprotocol_sdk.proxy.server import run as serve
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, proxy, run


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


async def built(config: ListenerConfig) -> Server:
    return Server(ProxyConfig(listeners=(config,)))


def test_an_unknown_codec_is_refused_by_name() -> None:
    with pytest.raises(CodecNotFound):
        run(built(listener("no_such_codec")))


def test_multiplexing_needs_ids() -> None:
    with pytest.raises(ConfigError, match="no request_ids to tell replies by"):
        run(built(listener("tests.proxy.codecs:LineCodec", multiplexing=True)))


def test_a_filter_nobody_makes_is_refused_and_the_router_is_always_there() -> None:
    with pytest.raises(ConfigError, match="no filter named 'x'"):
        run(built(listener(filters=(FilterConfig(name="x"),))))
    run(built(listener(filters=(FilterConfig(name=ROUTER_NAME),))))


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


class Served:
    """``run`` in the main thread, as it must be for signals, with a helper thread that plays the clients."""

    def __init__(self, config: ProxyConfig, script: Any, drain_time: float = 10.0) -> None:
        self.failure: BaseException | None = None
        self.code = serve(config, drain_time=drain_time, on_ready=lambda addresses: self.start(script, addresses))
        self.thread.join()
        if self.failure is not None:
            raise self.failure

    def start(self, script: Any, addresses: Mapping[str, tuple[str, int]]) -> None:
        def play() -> None:
            try:
                script(addresses["main"])
            except BaseException as failure:
                self.failure = failure
                os.kill(os.getpid(), signal.SIGTERM)

        self.thread = threading.Thread(target=play)
        self.thread.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(number: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    def script(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as client:
            client.sendall(message(5))
            assert client.recv(4096).startswith(message(5)[:1])
            os.kill(os.getpid(), number)
            assert client.recv(4096) == b""

    config = ProxyConfig(listeners=(listener(),), notes=(Finding(message="note me", severity=Severity.WARNING),))
    assert Served(config, script).code == 0
    assert "warning: note me" in caplog.text


def until_refused(address: tuple[str, int]) -> None:
    """Returns when the drain has begun."""
    with suppress(ConnectionError):
        while True:
            socket.create_connection(address).close()


def test_a_hangup_is_ignored_and_said_to_be(caplog: pytest.LogCaptureFixture) -> None:
    def script(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as client:
            os.kill(os.getpid(), signal.SIGHUP)
            client.sendall(message(5))
            assert client.recv(4096).startswith(message(5)[:1])
            os.kill(os.getpid(), signal.SIGTERM)

    assert Served(ProxyConfig(listeners=(listener(),)), script).code == 0
    assert "SIGHUP is ignored" in caplog.text


def test_what_no_callback_caught_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        _on_loop_error(loop, {"message": "accept failed", "exception": OSError(errno.EMFILE, "x")})
        _on_loop_error(loop, {"message": "something else"})

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "event loop: accept failed: too many open files",
        "event loop: something else",
    ]


def test_a_second_signal_stops_at_once() -> None:
    def script(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as client:
            client.sendall(message(5)[:5])  # half a request keeps the drain waiting
            os.kill(os.getpid(), signal.SIGTERM)
            until_refused(address)
            os.kill(os.getpid(), signal.SIGTERM)
            with suppress(ConnectionResetError):
                assert client.recv(4096) == b""

    assert Served(ProxyConfig(listeners=(listener(),)), script, drain_time=60).code == 0


def refusing(config: object, context: FilterContext) -> Filter:
    raise ValueError("the file it names is not there")


def making_nothing(config: object, context: FilterContext) -> Any:
    return None


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (refusing, "making it for listener 'main' fails with ValueError: the file it names is not there"),
        (making_nothing, "for listener 'main' it made NoneType, which is no Filter"),
    ],
)
def test_a_filter_that_cannot_be_made_is_a_sentence(factory: FilterFactory, says: str) -> None:
    config = ProxyConfig(listeners=(listener(filters=(FilterConfig(name="x"),)),))

    async def main() -> None:
        Server(config, filters={"x": factory})

    with pytest.raises(FilterLoadError) as caught:
        run(main())
    assert str(caught.value) == f"filter 'x' cannot be loaded: {says}"
