"""Sockets that listen, and why there is none."""

from __future__ import annotations

import errno
import socket

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ListenerConfig,
    ProtocolConfig,
    RouteTableConfig,
    TcpKeepaliveConfig,
)
from metaprotocol_sdk.proxy.net import sockets
from metaprotocol_sdk.proxy.net.sockets import bind, keep_alive, listening


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
        (errno.EADDRINUSE, "address already in use; stop what listens there, or give the listener another port"),
        (
            errno.EADDRNOTAVAIL,
            (
                "cannot assign requested address; give the listener an address of this machine, or 0.0.0.0 or :: for "
                "every one"
            ),
        ),
        (
            errno.EACCES,
            "permission denied; give the listener a port from 1024 up, or run the proxy with the right to use this one",
        ),
        (errno.EINVAL, "invalid argument; give the listener another address"),
    ],
)
def test_the_advice_fits_the_reason(monkeypatch: pytest.MonkeyPatch, number: int, advice: str) -> None:
    def refuse(_: Address) -> socket.socket:
        raise OSError(number, "in other words")

    monkeypatch.setattr(sockets, "listening", refuse)
    with pytest.raises(ConfigError) as caught:
        bind(config())
    assert str(caught.value) == f"listener 'front' cannot listen on 127.0.0.1:0: {advice}"
