"""A proxy as a process: what signals and a changed file do."""

from __future__ import annotations

import asyncio
import errno
import os
import queue
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import ConfigError, Finding, Severity
from metaprotocol_sdk.proxy import process
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.operation import Operation
from metaprotocol_sdk.proxy.process import on_loop_error
from metaprotocol_sdk.proxy.process import run as serve
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.proxy.watch import Watch
from tests.proxy.checking import HEARTBEAT, check
from tests.proxy.codecs import message
from tests.proxy.harness import run

LISTENER = ListenerConfig(
    name="main",
    address=Address("127.0.0.1", 0),
    stat_prefix="ingress",
    protocol=ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec"),
    routes=RouteTableConfig(),
)


class Served:
    """``run`` in the main thread, as it must be for signals, with a helper thread that plays the clients."""

    def __init__(self, config: ProxyConfig, script: Any, drain_time: float = 10.0, **options: Any) -> None:
        self.failure: BaseException | None = None
        self.code = serve(config, drain_time=drain_time, on_ready=lambda each: self.start(script, each), **options)
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

    config = ProxyConfig(listeners=(LISTENER,), notes=(Finding(message="note me", severity=Severity.WARNING),))
    assert Served(config, script).code == 0
    assert (caplog.records[0].levelname, caplog.records[0].getMessage()) == ("WARNING", "note me")


def test_a_signal_ends_a_start_that_waits_for_its_servers(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def script() -> None:
            link, _ = silent.accept()
            with link:
                assert link.recv(4096)  # a heartbeat, which nobody answers
                os.kill(os.getpid(), signal.SIGTERM)
                assert link.recv(4096) == b""

        endpoint = EndpointConfig(Address("127.0.0.1", silent.getsockname()[1]))
        cluster = ClusterConfig(name="all", endpoints=(endpoint,), health_check=check(by=HEARTBEAT, timeout=100.0))
        thread = threading.Thread(target=script)
        thread.start()
        told: list[object] = []
        with caplog.at_level("INFO", "metaprotocol.proxy"):
            assert serve(ProxyConfig(listeners=(LISTENER,), clusters=(cluster,)), on_ready=told.append) == 0
        thread.join()
    assert told == []
    assert "stopped before it was ready" in caplog.text


def until_refused(address: tuple[str, int]) -> None:
    """Returns when the drain has begun."""
    with suppress(ConnectionError):
        while True:
            socket.create_connection(address).close()


def test_a_hangup_is_ignored_where_there_is_no_file_to_read_again(caplog: pytest.LogCaptureFixture) -> None:
    def script(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as client:
            os.kill(os.getpid(), signal.SIGHUP)
            client.sendall(message(5))
            assert client.recv(4096).startswith(message(5)[:1])
            os.kill(os.getpid(), signal.SIGTERM)

    assert Served(ProxyConfig(listeners=(LISTENER,)), script).code == 0
    assert "SIGHUP is ignored" in caplog.text


def test_what_no_callback_caught_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        on_loop_error(loop, {"message": "accept failed", "exception": OSError(errno.EMFILE, "x")})
        on_loop_error(loop, {"message": "something else"})

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

    assert Served(ProxyConfig(listeners=(LISTENER,)), script, drain_time=60).code == 0


def test_a_hangup_reloads_and_what_cannot_be_used_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    old = ProxyConfig(listeners=(LISTENER,))
    configs: list[ProxyConfig | Exception] = [
        RuntimeError("a bug"),
        ConfigError(
            [Finding(message="first"), Finding(message="odd", severity=Severity.WARNING), Finding(message="second")]
        ),
        replace(old, listeners=(replace(LISTENER, protocol=replace(LISTENER.protocol, codec="nowhere")),)),
        replace(old, listeners=(LISTENER, replace(LISTENER, name="other"))),
    ]

    def load() -> ProxyConfig:
        found = configs.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def script(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as client:
            for left in (3, 2, 1, 0):
                os.kill(os.getpid(), signal.SIGHUP)
                while len(configs) > left:
                    client.sendall(message(5))
                    assert client.recv(4096)
            addresses = served_addresses.get(timeout=20)
            assert addresses["main"] == address
            with socket.create_connection(addresses["other"]) as other:
                other.sendall(message(6))
                assert other.recv(4096)
        os.kill(os.getpid(), signal.SIGTERM)

    served_addresses: queue.Queue[Mapping[str, tuple[str, int]]] = queue.Queue()
    told = 0

    def tell(addresses: Mapping[str, tuple[str, int]]) -> None:
        nonlocal told
        told += 1
        if told > 1:
            served_addresses.put(addresses)
        else:
            threading.Thread(target=script, args=(addresses["main"],)).start()

    caplog.set_level("INFO")
    assert serve(old, on_ready=tell, load=load) == 0
    said = [record.getMessage() for record in caplog.records if "reloaded" in record.getMessage()]
    assert [each.levelname for each in caplog.records if each.getMessage() == "odd"] == ["WARNING"]
    assert "a bug" in str(caplog.records[0].exc_info)
    assert said.pop(0).startswith("not reloaded, for a bug in the proxy")
    assert said[:2] == [f"not reloaded, the configuration stays as it is: {each}" for each in ("first", "second")]
    assert "nowhere" in said[2]
    assert said[3:] == ["reloaded"]


def test_who_cannot_be_told_of_a_reload_does_not_keep_the_next_from_being_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config, told = ProxyConfig(listeners=(LISTENER,)), threading.Semaphore(0)
    count = 0

    def script() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            told.acquire(timeout=5)
        os.kill(os.getpid(), signal.SIGTERM)

    def tell(_: object) -> None:
        nonlocal count
        count += 1
        if count == 1:
            threading.Thread(target=script).start()
            return
        told.release()
        raise BrokenPipeError("nobody reads any more")

    assert serve(config, on_ready=tell, load=lambda: config) == 0
    assert count == 3
    assert "nobody could be told" in caplog.text


def test_a_file_that_changes_reloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WATCH_INTERVAL", 0.01)
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    link = tmp_path / "config"
    link.symlink_to("one")
    found: list[str] = []

    def load() -> ProxyConfig:
        found.append(link.read_text())
        return ProxyConfig(listeners=(LISTENER,))

    told = 0

    def tell(addresses: Mapping[str, tuple[str, int]]) -> None:
        nonlocal told
        told += 1
        if told == 1:  # as Kubernetes does it
            (tmp_path / "new").symlink_to("two")
            (tmp_path / "new").rename(link)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    assert serve(ProxyConfig(listeners=(LISTENER,)), on_ready=tell, load=load, watch=Watch(link)) == 0
    assert found == ["2"]


def test_a_signal_before_it_is_ready_ends_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    class Slow(Server):
        async def start(self) -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.Event().wait()
            finally:
                await self.stop()

    assert process.operate(lambda bind: Slow(ProxyConfig(), bind=bind), Operation, process.Terms(drain_time=1)) == 0
    assert caplog.records[-1].getMessage() == "stopped before it was ready"
