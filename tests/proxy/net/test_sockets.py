"""Sockets that listen, and why there is none."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ListenerConfig,
    PipeAddress,
    ProtocolConfig,
    RouteTableConfig,
    TcpKeepaliveConfig,
)
from metaprotocol_sdk.proxy.net import sockets
from metaprotocol_sdk.proxy.net.sockets import bind, bound_to, keep_alive, listening, name_of, peer_of


def config(address: Address = Address("127.0.0.1", 0)) -> ListenerConfig:  # noqa: B008  it is frozen
    protocol = ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec")
    return ListenerConfig(name="front", address=address, stat_prefix="x", protocol=protocol, routes=RouteTableConfig())


def test_the_system_looks_after_what_is_accepted_as_it_was_told_then() -> None:
    def accepted_of(sock: socket.socket, option: int, level: int = socket.IPPROTO_TCP) -> int:
        with socket.create_connection(sock.getsockname()[:2]):
            accepted, _ = sock.accept()
            with accepted:
                return accepted.getsockopt(level, option)

    with bind(config()) as sock:
        assert not accepted_of(sock, socket.SO_KEEPALIVE, socket.SOL_SOCKET)
        usual = accepted_of(sock, socket.TCP_KEEPCNT)
        keep_alive(sock, TcpKeepaliveConfig(time=40, interval=7))
        assert accepted_of(sock, socket.SO_KEEPALIVE, socket.SOL_SOCKET)
        assert accepted_of(sock, socket.TCP_KEEPIDLE) == 40
        assert accepted_of(sock, socket.TCP_KEEPINTVL) == 7
        assert accepted_of(sock, socket.TCP_KEEPCNT) == usual
        keep_alive(sock, TcpKeepaliveConfig(probes=4))
        assert accepted_of(sock, socket.TCP_KEEPCNT) == 4
        keep_alive(sock, None)
        assert not accepted_of(sock, socket.SO_KEEPALIVE, socket.SOL_SOCKET)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_accepted_writes_at_once_and_waits_in_the_kernel_until_then(host: str) -> None:
    with bind(config(Address(host, 0))) as sock:
        assert not sock.getblocking()
        with socket.create_connection(sock.getsockname()[:2]):
            accepted, _ = sock.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_every_address_of_one_version_leaves_the_port_of_the_other_free() -> None:
    with listening(Address("::", 0)) as six, listening(Address("0.0.0.0", six.getsockname()[1])) as four:
        assert four.getsockname()[1] == six.getsockname()[1]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "address already in use; stop what listens there, or give it another port"),
        (
            errno.EADDRNOTAVAIL,
            "cannot assign requested address; give it an address of this machine, or 0.0.0.0 or :: for every one",
        ),
        (
            errno.EACCES,
            "permission denied; give it a port from 1024 up, or run the proxy with the right to use this one",
        ),
        (errno.EINVAL, "invalid argument; give it another address"),
    ],
)
def test_the_advice_fits_the_reason(monkeypatch: pytest.MonkeyPatch, number: int, advice: str) -> None:
    def refuse(_: Address) -> socket.socket:
        raise OSError(number, "in other words")

    monkeypatch.setattr(sockets, "listening", refuse)
    with pytest.raises(ConfigError) as caught:
        bind(config())
    assert str(caught.value) == f"listener 'front' cannot listen on 127.0.0.1:0: {advice}"


def test_a_unix_sockets_file_goes_with_its_maker_and_no_other(tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")
    sock = listening(PipeAddress(path, 0o640))
    assert (bound_to(sock), os.stat(path).st_mode & 0o777) == ((path, 0), 0o640)
    sock.dup().close()  # as a process closes that was handed it
    assert os.path.exists(path)
    os.unlink(path)
    with listening(PipeAddress(path)):
        sock.close()
        assert os.path.exists(path)  # another's by now
    assert not os.path.exists(path)


def test_a_name_is_told_as_it_is_written() -> None:
    names = [("127.0.0.1", 5), ("::1", 5, 0, 0), "", b"\0abc", "/run/x", None]
    said = ["127.0.0.1:5", "[::1]:5", "on a Unix socket", "@abc", "/run/x", "unknown"]
    assert [name_of(name) for name in names] == said
    here, there = socket.socketpair()
    with there:
        assert peer_of(here) == "on a Unix socket"
        here.close()
        assert peer_of(here) == "unknown"
