"""What systemd and a service tell each other, with a socket that a test reads in systemd's place."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.values import Address, ListenerConfig, ProtocolConfig, RouteTableConfig
from metaprotocol_sdk.proxy.net.systemd import Inherited, Notifier
from tests.proxy.harness import LOOPS, run


def config(address: Address) -> ListenerConfig:
    protocol = ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec")
    return ListenerConfig(name="front", address=address, stat_prefix="x", protocol=protocol, routes=RouteTableConfig())


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """``NOTIFY_SOCKET``, and the socket behind it."""
    path = str(tmp_path / "notify") if request.param == "path" else f"@metaproto-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
        sock.settimeout(20)
        yield path, sock


def said(sock: socket.socket) -> list[str]:
    return sock.recv(4096).decode().split("\n")


def test_a_service_says_what_it_does(manager: tuple[str, socket.socket]) -> None:
    path, sock = manager
    environment = {"NOTIFY_SOCKET": path, "HOME": "/"}
    notifier = Notifier.from_environment(environment)
    assert environment == {"HOME": "/"}, "children must not tell systemd that they are the service"
    notifier.ready("serving 2 listeners")
    assert said(sock) == ["READY=1", "STATUS=serving 2 listeners"]
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.reloading()
    reloading, when = said(sock)
    assert (reloading, when.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before <= int(when.partition("=")[2]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.stopping("draining")
    assert said(sock) == ["STOPPING=1", "STATUS=draining"]


@pytest.mark.parametrize("loop", LOOPS)
def test_the_watchdog_is_fed_twice_in_its_time(manager: tuple[str, socket.socket], loop: str) -> None:
    path, sock = manager
    sock.setblocking(False)

    async def main() -> None:
        watchdog = {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())}
        feeding = asyncio.ensure_future(Notifier.from_environment({"NOTIFY_SOCKET": path} | watchdog).keep_alive())
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(3):
            came = asyncio.Event()
            loop.add_reader(sock.fileno(), came.set)
            await came.wait()
            loop.remove_reader(sock.fileno())
            assert sock.recv(100) == b"WATCHDOG=1"
        assert loop.time() - start >= 0.039
        feeding.cancel()

    run(main(), loop)


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}]
)
def test_a_watchdog_that_is_not_ours_is_not_fed(watchdog: dict[str, str]) -> None:
    environment = dict(watchdog)
    run(Notifier.from_environment(environment).keep_alive())
    assert environment == {}


def test_nobody_is_told_where_nobody_asks(capfd: pytest.CaptureFixture[str]) -> None:
    Notifier.from_environment({}).ready("x")
    assert capfd.readouterr() == ("", "")


def test_a_manager_that_is_gone_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "gone")).ready("x")
    assert caplog.messages == ["systemd cannot be told READY=1: no such file or directory"]


def listener(host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family)


def at(sock: socket.socket, host: str = "127.0.0.1") -> Address:
    return Address(host, sock.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0:0::1"])
def test_a_socket_is_for_the_listener_with_its_address(host: str) -> None:
    with listener(host) as given, closing(Inherited([("one", given)])) as inherited:
        with inherited.bind(config(at(given, host))) as sock:
            assert sock.getsockname() == given.getsockname()
            assert not sock.getblocking()
            with socket.create_connection(given.getsockname()[:2]):
                accepted, _ = sock.accept()
                with accepted:
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert list(inherited.unused()) == []
        with inherited.bind(config(at(given, host))) as again:  # the listener is back after a reload
            assert again.getsockname() == given.getsockname()


def test_a_listener_without_one_binds_its_own_and_what_nobody_wants_is_told() -> None:
    with ExitStack() as stack:
        given = listener()
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        local, _ = socket.socketpair()
        _.close()
        sockets = [("tcp", given), ("udp", datagrams), ("no", bound), ("pair", local)]
        inherited = stack.enter_context(closing(Inherited(sockets)))
        own = stack.enter_context(inherited.bind(config(Address("127.0.0.1", 0))))
        assert own.getsockname() != given.getsockname()
        for each in (datagrams, bound):
            assert inherited.take(at(each)) is None
        assert [each.split(" ")[0] for each in inherited.unused()] == ["tcp", "udp", "no", "pair"]
        assert f"tcp ({at(given)})" in list(inherited.unused())


@pytest.mark.parametrize("pid", ["", "1", "x"])
def test_sockets_for_another_process_are_not_ours(pid: str) -> None:
    environment = {"LISTEN_FDS": "2", "LISTEN_PID": pid, "LISTEN_FDNAMES": "a:b"}
    assert list(Inherited.from_environment(environment).unused()) == []
    assert environment == {}


CHILD = """
import os, sys
from metaprotocol_sdk.proxy.net.systemd import Inherited
os.environ["LISTEN_PID"] = str(os.getpid())  # as systemd sets it between fork and exec
inherited = Inherited.from_environment(os.environ)
print(*inherited.unused(), os.get_inheritable(3), [each for each in os.environ if each.startswith("LISTEN")])
"""


def test_descriptors_that_a_process_is_started_with_are_taken() -> None:
    root = Path(__file__).parents[3]
    with listener() as one, listener() as two, open(os.devnull) as other:
        wanted = {3: one.fileno(), 4: two.fileno(), 5: other.fileno()}
        held = {target: os.dup(source) for target, source in wanted.items()}
        command = " ".join(f"{target}<&{held[target]}" for target in wanted)
        done = subprocess.run(
            ["bash", "-c", f'exec "$0" -c "$1" {command}', sys.executable, CHILD],
            pass_fds=list(held.values()),
            env={**os.environ, "LISTEN_FDS": "3", "LISTEN_FDNAMES": "front:", "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        for each in held.values():
            os.close(each)
        assert done.stdout == f"front ({at(one)}) unknown ({at(two)}) False []\n"
        assert "descriptor 5 of systemd, unknown, is not taken" in done.stderr
