"""Unix sockets on both sides of whole proxies."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.metadata import REAL_SERVER_ADDRESS, ResponseStatus
from metaprotocol_sdk.proxy.config.values import (
    AnyAddress,
    DownstreamTlsConfig,
    EndpointConfig,
    FilterConfig,
    PipeAddress,
    ProxyConfig,
)
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.proxy.stream import Stream
from tests.integration.securing import secured, shown
from tests.integration.serving import GAUGES, Serving
from tests.proxy.certificates import Authority
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import LOOPS, Backend, BackendLink, Client, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class PipeBackend(Backend):
    """A server on a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__(IdCodec())
        self.path = path

    async def start(self) -> asyncio.Server:
        name = PipeAddress(self.path).name
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(name)
        return await asyncio.get_running_loop().create_unix_server(lambda: BackendLink(self), sock=sock)


class Saying(Filter):
    """Keeps what it is told of clients and servers."""

    def __init__(self) -> None:
        self.servers: list[str] = []
        self.clients: list[object] = []

    def on_request(self, stream: Stream) -> None:
        self.clients.append(stream.downstream.client.remote_ip)

    def on_response(self, stream: Stream) -> None:
        if stream.response is not None:
            self.servers.append(stream.response[REAL_SERVER_ADDRESS])


def at(listener: AnyAddress, *servers: str, tls: DownstreamTlsConfig | None = None) -> ProxyConfig:
    config = secured(clients=tls)
    endpoints = tuple(EndpointConfig(PipeAddress(path)) for path in servers)
    (main,) = config.listeners
    saying = (FilterConfig(name="saying"), *main.filters)
    return replace(
        config,
        listeners=(replace(main, address=listener, filters=saying),),
        clusters=(replace(config.clusters[0], endpoints=endpoints),),
    )


@asynccontextmanager
async def running_at(config: ProxyConfig, saying: Saying | None = None) -> AsyncIterator[Serving]:
    def make(_: object, __: FilterContext) -> Filter:
        return saying or Saying()

    running = Serving(Server(config, filters={"saying": make}))
    await running.server.start()
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await running.server.stop()
    assert [running.count(gauge) for gauge in GAUGES] == [0] * len(GAUGES)


async def connected(running: Serving, name: str, **tls: object) -> Client:
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, name)
    client = Client(IdCodec(), *await asyncio.open_unix_connection(sock=sock, **tls))  # type: ignore[arg-type]
    running.clients.append(client)
    return client


def is_there(path: str) -> bool:
    return os.path.exists(path)


def paths(tmp_path: Path, kind: str) -> tuple[str, str]:
    if kind == "files":
        return str(tmp_path / "proxy.sock"), str(tmp_path / "server.sock")
    if sys.platform != "linux":
        pytest.skip("only Linux has an abstract namespace")
    return f"@{tmp_path}-proxy"[-100:].replace("/", "@", 1), f"@{tmp_path.name}-server"


@loops
@pytest.mark.parametrize("kind", ["files", "abstract"])
def test_requests_come_and_go_by_unix_sockets(loop: str, kind: str, tmp_path: Path) -> None:
    here, there = paths(tmp_path, kind)

    async def main() -> None:
        backend, saying = PipeBackend(there), Saying()
        server = await backend.start()
        address = PipeAddress(here, 0o600)
        async with running_at(at(address, there), saying) as running:
            bound = running.server.addresses["main"]
            assert (str(bound), bound.host, bound.port) == (here, here, 0)
            if kind == "files":
                assert stat.S_IMODE(os.stat(here).st_mode) == 0o600
            client = await connected(running, address.name)
            await client.send(message(1, b"hello"))
            assert await client.body() == b"hello"
            assert saying.servers == [there]
            assert saying.clients == [None]
            await client.send(b"garbage" * 10)
            assert await client.replies() == []
        server.close()
        for link in backend.links:
            link.transport.abort()
        assert not is_there(here)

    run(main(), loop)


@loops
def test_tls_passes_by_a_unix_socket(loop: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    here, there = paths(tmp_path, "files")

    async def main() -> None:
        backend = PipeBackend(there)
        server = await backend.start()
        async with running_at(at(PipeAddress(here), there, tls=shown(authority.issue("localhost")))) as running:
            client = await connected(running, here, ssl=authority.client(), server_hostname="localhost")
            await client.send(message(1, b"hello"))
            assert await client.body() == b"hello"
            client.writer.transport.abort()
            await running.counted("downstream_cx_active", 0)
        server.close()
        for link in backend.links:
            link.transport.abort()

    run(main(), loop)


def test_the_file_a_killed_process_left_is_replaced_and_a_live_ones_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.sock")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()

    async def main() -> None:
        async with running_at(at(PipeAddress(path))):
            with pytest.raises(
                ConfigError, match=f"cannot listen on {path}: address already in use; stop what listens"
            ):
                await Server(at(PipeAddress(path)), filters={"saying": lambda _, __: Saying()}).start()
            assert is_there(path)
        assert not is_there(path)

    run(main())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere/x.sock", "no such file or directory; make the directory of its socket first"),
        ("file", "address already in use; stop what listens there, or give it another path"),
    ],
)
def test_a_path_that_cannot_be_bound_says_why(path: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    async def main() -> None:
        with pytest.raises(ConfigError, match=reason):
            await Server(at(PipeAddress(str(tmp_path / path))), filters={"saying": lambda _, __: Saying()}).start()

    run(main())
    assert (tmp_path / "file").read_text() == "mine"


def test_a_reload_keeps_the_socket_and_changes_its_permissions(tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.sock")

    async def main() -> None:
        async with running_at(at(PipeAddress(path, 0o600))) as running:
            inode = os.stat(path).st_ino
            await running.server.reload(at(PipeAddress(path, 0o660)))
            assert os.stat(path).st_ino == inode
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o660

    run(main())


def test_a_reload_takes_effect_though_somebody_has_removed_the_socket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, other = str(tmp_path / "proxy.sock"), str(tmp_path / "other.sock")

    async def main() -> None:
        async with running_at(at(PipeAddress(path, 0o600))) as running:
            os.unlink(path)
            (main,), (more,) = at(PipeAddress(path, 0o660)).listeners, at(PipeAddress(other)).listeners
            config = at(PipeAddress(path, 0o660))
            await running.server.reload(replace(config, listeners=(main, replace(more, name="other"))))
            await connected(running, other)
            await running.counted("downstream_cx_active", 1)

    run(main())
    assert "its permissions cannot be set: no such file or directory" in caplog.text


@loops
def test_a_server_that_is_not_there_is_an_error_reply(loop: str, tmp_path: Path) -> None:
    here, there = paths(tmp_path, "files")

    async def main() -> None:
        async with running_at(at(PipeAddress(here), there)) as running:
            client = await connected(running, here)
            await client.send(message(1))
            reply = await client.reply()
            assert reply.response_status is ResponseStatus.ERROR
            assert f"connection failure '{there}'".encode() in reply.origin_message

    run(main(), loop)
