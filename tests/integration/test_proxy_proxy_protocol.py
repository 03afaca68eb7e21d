"""Whom clients say they speak for, in whole proxies: before the protocol, before TLS, slowly, and not at all."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.metadata import ResponseStatus
from metaprotocol_sdk.proxy.config.values import ProxyConfig, ProxyProtocolConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from tests.integration.securing import secured, shown
from tests.integration.serving import filtering, serving
from tests.proxy.certificates import Authority
from tests.proxy.codecs import IdCodec, LineCodec, message
from tests.proxy.harness import LOOPS, Backend, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))

RULES = """
- name: aeraki.meta_protocol.filters.rbac
  typed_config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.rbac.v1alpha.RBAC
    stat_prefix: main
    rules:
      action: ALLOW
      policies:
        p:
          permissions: [{any: true}]
          principals:
          - and_ids:
              ids:
              - remote_ip: {address_prefix: 192.0.2.0, prefix_len: 24}
              - direct_remote_ip: {address_prefix: 127.0.0.1, prefix_len: 32}
"""
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 8080\r\n"
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
BINARY = SIGNATURE + bytes.fromhex("2111000c c0000207 c6336401 9c40 1f90")
ELSEWHERE = b"PROXY TCP4 203.0.113.7 198.51.100.1 40000 8080\r\n"
LOCAL = SIGNATURE + bytes.fromhex("20000000")


def told(
    *, rules: str = RULES, is_optional: bool = False, versions: frozenset[int] = frozenset({1, 2}), **more: object
) -> ProxyConfig:
    wanted = ProxyProtocolConfig(is_optional=is_optional, versions=versions)
    return secured(filtering(rules), proxy_protocol=wanted, **more)  # type: ignore[arg-type]


@loops
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (LINE, ResponseStatus.OK),
        (BINARY, ResponseStatus.OK),
        (ELSEWHERE, ResponseStatus.ERROR),
        (b"PROXY UNKNOWN\r\n", ResponseStatus.ERROR),
        (LOCAL, ResponseStatus.ERROR),
    ],
)
def test_who_asks_is_whom_the_header_tells(loop: str, header: bytes, status: ResponseStatus) -> None:
    async def main() -> None:
        async with serving(told(), Backend(IdCodec())) as running:
            client = await running.client()
            await client.send(header + message(1))
            assert (await client.reply()).response_status is status

    run(main(), loop)


@loops
@pytest.mark.parametrize("header", [LINE, BINARY], ids=["line", "binary"])
def test_a_header_that_comes_byte_by_byte_costs_a_turn_for_each(loop: str, header: bytes) -> None:
    async def main() -> None:
        async with serving(told(), Backend(IdCodec())) as running:
            client = await running.client()
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            whole = header + message(1)
            for at in range(len(whole)):
                await client.send(whole[at : at + 1])
            assert (await client.reply()).response_status is ResponseStatus.OK

    run(main(), loop)


@loops
def test_a_header_and_tls_may_come_in_one_segment(loop: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost")

    async def main() -> None:
        async with serving(told(clients=shown(certificate)), Backend(IdCodec())) as running:
            reader, writer = await asyncio.open_connection(*running.server.addresses["main"])
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            secure = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                secure.do_handshake()
            writer.write(BINARY + outgoing.read())
            while True:
                incoming.write(await reader.read(65536))
                try:
                    secure.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
            secure.write(message(1, b"hello"))
            writer.write(outgoing.read())
            found = b""
            while b"hello" not in found:
                incoming.write(await reader.read(65536))
                try:
                    found += secure.read(65536)
                except ssl.SSLWantReadError:
                    continue
            writer.close()

    run(main(), loop)


@loops
@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (message(1), "no PROXY header"),
        (b"PROXY TCP4 192.0.2.7\r\n", "a PROXY header that is not TCP4 or TCP6, two addresses and two ports"),
        (b"PROXY TCP4 " + b"1" * 200, "a PROXY header of more than 107 bytes"),
        (SIGNATURE + bytes.fromhex("31110000"), "a PROXY header of version 3, command 1, family 0x11"),
    ],
)
def test_what_is_no_header_closes_the_connection(
    loop: str, sent: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, LOGGER_NAME)

    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(told(), backend) as running:
            client = await running.client()
            await client.send(sent)
            with pytest.raises((EOFError, OSError)):
                await client.reply()
            assert running.count("downstream_cx_proxy_proto_error") == 1
            assert running.count("downstream_cx_total") == 0
            assert running.count("downstream_pre_cx_active") == 0
            assert backend.requests == []

    run(main(), loop)
    (warning,) = [each.getMessage() for each in caplog.records]
    assert warning.startswith("listener main: client 127.0.0.1:")
    assert warning.endswith(f" closed: {reason}")


@loops
def test_a_silent_client_is_cut_off_or_taken_for_who_it_is(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(told(entry_timeout=0.1), Backend(IdCodec())) as running:
            clients = [await running.client() for _ in range(3)]
            await clients[0].send(b"PROX")
            await clients[1].send(SIGNATURE[:7])
            for client in clients:
                with pytest.raises((EOFError, OSError)):
                    await client.reply()
            assert running.count("downstream_pre_cx_timeout") == 3
        calm = told(rules="", entry_timeout=0.1, continues_on_entry_timeout=True)
        async with serving(calm, Backend(IdCodec())) as running:
            client = await running.client()
            await running.counted("downstream_pre_cx_timeout", 1)
            await client.send(message(1, b"hello"))
            assert await client.body() == b"hello"

    run(main(), loop)
    assert "closed: no PROXY header in 0.1 s" in caplog.text


@loops
@pytest.mark.parametrize("sent", [b"GO on\n", b"PROX on\n", b"P on\n", b"PROXY\n"])
def test_where_it_may_be_left_out_what_looked_like_it_is_the_protocols(loop: str, sent: bytes) -> None:
    async def main() -> None:
        config = told(rules="", is_optional=True)
        async with serving(with_lines(config), Backend(LineCodec())) as running:
            client = await running.client()
            for at in range(len(sent)):
                await client.send(sent[at : at + 1])
            assert b"OK" in (await client.reply()).origin_message

    run(main(), loop)


def with_lines(config: ProxyConfig) -> ProxyConfig:
    (listener,) = config.listeners
    protocol = replace(listener.protocol, codec="tests.proxy.codecs:LineCodec")
    return replace(config, listeners=(replace(listener, protocol=protocol),))


@loops
def test_a_version_that_is_refused_is_no_header(loop: str) -> None:
    async def main() -> None:
        async with serving(told(versions=frozenset({2})), Backend(IdCodec())) as running:
            client = await running.client()
            await client.send(LINE + message(1))
            with pytest.raises((EOFError, OSError)):
                await client.reply()
            client = await running.client()
            await client.send(BINARY + message(1))
            assert (await client.reply()).response_status is ResponseStatus.OK

    run(main(), loop)


@loops
def test_those_who_have_not_said_anything_count_as_clients(loop: str) -> None:
    async def main() -> None:
        async with serving(told(max_connections=2), Backend(IdCodec())) as running:
            silent = [await running.client() for _ in range(2)]
            await running.counted("downstream_pre_cx_active", 2)
            third = await running.client()
            with pytest.raises((EOFError, OSError)):
                await third.reply()
            assert running.count("downstream_cx_overflow") == 1
            silent[0].writer.close()
            await running.counted("downstream_pre_cx_active", 1)
            fourth = await running.client()
            await fourth.send(LINE + message(1))
            assert (await fourth.reply()).response_status is ResponseStatus.OK

    run(main(), loop)
