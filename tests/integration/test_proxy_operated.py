"""A whole proxy process as its operator has it: the admin port from start to end, systemd, and sockets it is given."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy import process
from metaprotocol_sdk.proxy.config.values import Address, ListenerConfig, ProtocolConfig, ProxyConfig, RouteTableConfig
from metaprotocol_sdk.proxy.net.systemd import Inherited
from metaprotocol_sdk.proxy.process import run
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.codecs import message
from tests.proxy.harness import LOOPS, unused_port

LISTENER = ListenerConfig(
    name="main",
    address=Address("127.0.0.1", 0),
    stat_prefix="ingress",
    protocol=ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec"),
    routes=RouteTableConfig(),
)
CONFIG = ProxyConfig(admin=Address("127.0.0.1", 0), listeners=(LISTENER,))


@pytest.fixture(params=LOOPS, autouse=True)
def on_each_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "new_event_loop", LOOPS[request.param])


class Admin:
    """The admin port, and the address of the listener."""

    def __init__(self, address: tuple[str, int], listener: tuple[str, int]) -> None:
        self.address = address
        self.listener = listener

    def ask(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        return self.ask("GET", path)

    def post(self, path: str) -> tuple[int, str]:
        return self.ask("POST", path)

    def client(self) -> socket.socket:
        return socket.create_connection(self.listener, timeout=20)


def served(config: ProxyConfig, script: Callable[[Admin], None], **options: Any) -> None:
    """``run`` in the main thread, as it must be for signals; ``script`` plays the operator in another."""
    failures: list[BaseException] = []
    listeners: list[Mapping[str, tuple[str, int]]] = []
    threads: list[threading.Thread] = []

    def play(admin: Admin) -> None:
        try:
            script(admin)
        except BaseException as failure:
            failures.append(failure)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    def start(address: tuple[str, int]) -> None:
        threads.append(threading.Thread(target=play, args=(Admin(address, listeners[0]["main"]),)))
        threads[0].start()

    assert run(config, on_ready=listeners.append, on_admin=start, **{"environment": {}} | options) == 0
    threads[0].join()
    for failure in failures:
        raise failure


def until_refused(admin: Admin) -> None:
    """Returns when the drain has begun."""
    with suppress(ConnectionError):
        while True:
            admin.client().close()


def test_it_answers_from_the_first_client_to_the_end_of_the_drain() -> None:
    def script(admin: Admin) -> None:
        assert admin.get("/ready") == (200, "LIVE\n")
        with admin.client() as client:
            client.sendall(message(5))
            assert client.recv(4096)
            client.sendall(message(6)[:5])  # half a request keeps the drain waiting
            read = f"rx_bytes_total: {len(message(5)) + 5}\n"
            while read not in admin.get("/stats?filter=downstream_cx_rx")[1]:
                pass
            assert admin.post("/quitquitquit") == (200, "OK\n")
            until_refused(admin)
            assert admin.get("/ready") == (503, "DRAINING\n")
            assert json.loads(admin.get("/server_info")[1])["state"] == "DRAINING"
            assert "server.live: 0\n" in admin.get("/stats")[1]
            client.sendall(message(6)[5:])
            assert client.recv(4096)
            assert client.recv(4096) == b""

    served(CONFIG, script)


def test_before_every_listener_accepts_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowServer(Server):
        async def start(self) -> None:
            early = Admin((address.host, address.port), ("", 0))
            assert await asyncio.to_thread(early.get, "/ready") == (503, "INITIALIZING\n")
            assert await asyncio.to_thread(early.get, "/listeners") == (200, "")
            await super().start()

    monkeypatch.setattr(process, "Server", SlowServer)
    address = Address("127.0.0.1", unused_port())

    def script(admin: Admin) -> None:
        assert admin.get("/ready") == (200, "LIVE\n")
        admin.post("/quitquitquit")

    served(replace(CONFIG, admin=address), script)


def test_a_second_order_to_end_is_a_second_signal() -> None:
    def script(admin: Admin) -> None:
        with admin.client() as client:
            client.sendall(message(6)[:5])
            while "downstream_cx_active: 1\n" not in admin.get("/stats")[1]:
                pass
            admin.post("/quitquitquit")
            until_refused(admin)
            admin.post("/quitquitquit")
            with suppress(ConnectionResetError):
                assert client.recv(4096) == b""

    served(CONFIG, script, drain_time=60)


def test_it_goes_on_through_a_reload_which_does_not_move_it(caplog: pytest.LogCaptureFixture) -> None:
    other = replace(LISTENER, name="other", stat_prefix="other")
    configs: list[ProxyConfig | Exception] = [
        replace(CONFIG, admin=None, listeners=(LISTENER, other)),
        ConfigError([]),
    ]

    def load() -> ProxyConfig:
        found = configs.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def script(admin: Admin) -> None:
        for count in ("config_reload: 1\n", "config_reload_failed: 1\n"):
            os.kill(os.getpid(), signal.SIGHUP)
            while count not in admin.get("/stats?filter=config_reload")[1]:
                pass
            assert admin.get("/ready") == (200, "LIVE\n")
            assert [each.split("::")[0] for each in admin.get("/listeners")[1].splitlines()] == ["main", "other"]
        admin.post("/quitquitquit")

    served(CONFIG, script, load=load)
    assert "the admin interface stays as it is until the proxy is started anew" in caplog.messages


def test_what_prometheus_scrapes_is_what_was_done() -> None:
    def script(admin: Admin) -> None:
        with admin.client() as client:
            for number in range(3):
                client.sendall(message(number))
                assert client.recv(4096)
            status, text = admin.get("/stats/prometheus")
        assert status == 200
        families = {each.name: each for each in text_string_to_metric_families(text)}
        (sample,) = families["envoy_meta_protocol_request"].samples
        labels = {"envoy_meta_protocol_application_protocol": "app", "envoy_meta_protocol_prefix": "ingress"}
        assert (sample.labels, sample.value) == (labels, 3)
        assert families["envoy_meta_protocol_downstream_cx_active"].type == "gauge"
        times = families["envoy_meta_protocol_request_time_ms"]
        assert [each.value for each in times.samples if each.name.endswith("_count")] == [3]
        admin.post("/quitquitquit")

    served(CONFIG, script)


def test_an_admin_address_in_use_is_said_as_a_listeners_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ConfigError) as caught:
            run(replace(CONFIG, admin=address), environment={})
    assert str(caught.value) == (
        f"the admin interface cannot listen on {address}: address already in use; stop what listens there, or give it "
        "another port"
    )


def test_a_listener_that_cannot_listen_leaves_no_admin_port_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        bad = replace(LISTENER, address=Address("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(ConfigError, match="listener 'main' cannot listen"):
            run(ProxyConfig(admin=Address("127.0.0.1", port), listeners=(bad,)), environment={})
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_without_an_admin_address_nothing_of_it_is_there() -> None:
    def ready(addresses: Mapping[str, tuple[str, int]]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    told: list[tuple[str, int]] = []
    assert run(replace(CONFIG, admin=None), on_ready=ready, on_admin=told.append, environment={}) == 0
    assert told == []


@contextmanager
def systemd_manager(folder: Path) -> Iterator[tuple[str, queue.Queue[list[str]]]]:
    """``NOTIFY_SOCKET``, and what comes there."""
    path = str(folder / "notify")
    told: queue.Queue[list[str]] = queue.Queue()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)

        def read() -> None:
            while (data := sock.recv(4096)) != b"end":
                told.put(data.decode().split("\n"))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield path, told
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"end", path)
            thread.join()


def test_systemd_is_told_of_start_reload_and_end(tmp_path: Path) -> None:
    two = replace(CONFIG, listeners=(LISTENER, replace(LISTENER, name="other")))
    configs: list[ProxyConfig] = [two]

    with systemd_manager(tmp_path) as (path, told):

        def script(admin: Admin) -> None:
            assert told.get(timeout=20) == ["READY=1", "STATUS=serving 1 listener"]
            os.kill(os.getpid(), signal.SIGHUP)
            assert told.get(timeout=20)[0] == "RELOADING=1"
            assert told.get(timeout=20) == ["READY=1", "STATUS=serving 2 listeners"]
            os.kill(os.getpid(), signal.SIGHUP)  # there is no configuration any more: a bug
            assert told.get(timeout=20)[0] == "RELOADING=1"
            failed = "STATUS=serving 2 listeners; the last reload failed, see the log"
            assert told.get(timeout=20) == ["READY=1", failed]
            os.kill(os.getpid(), signal.SIGTERM)
            assert told.get(timeout=20) == ["STOPPING=1", "STATUS=draining, for 10 s at most"]

        served(CONFIG, script, load=lambda: configs.pop(0), environment={"NOTIFY_SOCKET": path})


def test_the_watchdog_is_fed_to_the_end_of_the_drain(tmp_path: Path) -> None:
    with systemd_manager(tmp_path) as (path, told):

        def script(admin: Admin) -> None:
            with admin.client() as client:
                client.sendall(message(6)[:5])
                while "downstream_cx_active: 1\n" not in admin.get("/stats")[1]:
                    pass
                os.kill(os.getpid(), signal.SIGTERM)
                while told.get(timeout=20)[0] != "STOPPING=1":
                    pass
                for _ in range(2):
                    assert told.get(timeout=20) == ["WATCHDOG=1"]

        served(CONFIG, script, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})


def test_sockets_of_systemd_serve_clients_that_came_before_the_proxy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    listener, admin_address, unused = [Address(*each.getsockname()) for each in given]
    names = ("a", "b", "other")
    inherited = Inherited(list(zip(names, given, strict=True)))  # descriptor 3 of this process is somebody else's
    monkeypatch.setattr(Inherited, "from_environment", lambda environment: inherited)
    early = socket.create_connection((listener.host, listener.port), timeout=20)
    early.sendall(message(5))

    def script(admin: Admin) -> None:
        assert admin.address == (admin_address.host, admin_address.port)
        assert admin.get("/listeners")[1] == f"main::{listener}\n"
        with early:
            assert early.recv(4096)
        admin.post("/quitquitquit")

    served(ProxyConfig(admin=admin_address, listeners=(replace(LISTENER, address=listener),)), script)
    assert f"systemd gave a socket that no listener is configured for: other ({unused})" in caplog.messages
    assert [each.fileno() for each in given] == [-1, -1, -1]
