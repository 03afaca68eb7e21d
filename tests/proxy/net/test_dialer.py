from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, PipeAddress, TcpKeepaliveConfig
from metaprotocol_sdk.proxy.net.dialer import HandshakeError, dial, reason_of
from tests.proxy.harness import LOOPS, run, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


def cluster_of(port: int, timeout: float = 5.0) -> Cluster:
    endpoint = EndpointConfig(Address("127.0.0.1", port))
    return Cluster(ClusterConfig(name="c", endpoints=(endpoint,), connect_timeout=timeout))


@loops
def test_a_connection_is_made_or_says_why_not(loop: str) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            cluster = cluster_of(server.getsockname()[1])
            made: list[asyncio.Protocol] = []

            def factory() -> asyncio.Protocol:
                made.append(asyncio.Protocol())
                return made[-1]

            await dial(running, cluster, cluster.endpoints[0], factory)
            assert len(made) == 1
            accepted, _ = server.accept()
            accepted.close()
        refused = cluster_of(unused_port())
        with pytest.raises(ConnectionRefusedError):
            await dial(running, refused, refused.endpoints[0], asyncio.Protocol)

    run(main(), loop)


@loops
def test_the_system_looks_after_it_where_the_cluster_says_so(loop: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            for keepalive in (None, TcpKeepaliveConfig(probes=3, time=30, interval=5)):
                plain = cluster_of(server.getsockname()[1])
                cluster = Cluster(replace(plain.config, tcp_keepalive=keepalive))
                made = Made()
                await dial(asyncio.get_running_loop(), cluster, cluster.endpoints[0], lambda made=made: made)  # type: ignore[misc]
                sock = made.transport.get_extra_info("socket")
                assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == (keepalive is not None)
                if keepalive is not None:
                    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
                made.transport.abort()  # type: ignore[attr-defined]
                server.accept()[0].close()

    run(main(), loop)


class Made(asyncio.Protocol):
    """A connection that was made."""

    transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


@loops
def test_it_takes_no_longer_than_the_cluster_allows(loop: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            address = server.getsockname()
            waiting = []
            for _ in range(8):  # until the kernel's queue is full, and answers no more
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(address)
            cluster = cluster_of(address[1], timeout=0.05)
            with pytest.raises(TimeoutError):
                await dial(asyncio.get_running_loop(), cluster, cluster.endpoints[0], asyncio.Protocol)
            for each in waiting:
                each.close()

    run(main(), loop)


@loops
def test_a_unix_socket_whose_queue_is_full_is_no_connection(loop: str, tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")

    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(0)
            waiting = []
            for _ in range(4):
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(path)
            cluster = Cluster(
                ClusterConfig(name="c", endpoints=(EndpointConfig(PipeAddress(path)),), connect_timeout=0.1)
            )
            with pytest.raises(OSError):
                await dial(asyncio.get_running_loop(), cluster, cluster.endpoints[0], asyncio.Protocol)
            for each in waiting:
                each.close()

    run(main(), loop)


def test_a_reason_is_the_systems_or_the_handshakes() -> None:
    assert reason_of(ConnectionRefusedError(errno.ECONNREFUSED, "x")) == "connection refused"
    assert reason_of(HandshakeError("TLS handshake failed: expired")) == "TLS handshake failed: expired"
    assert reason_of(OSError("no name")) == "no name"
