"""TLS in whole proxies: clients and servers of other people's TLS, on both event loops."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.metadata import Metadata, ResponseStatus
from metaprotocol_sdk.proxy.config.values import (
    MatcherConfig,
    MatchKind,
    SanMatcherConfig,
    SanType,
    TlsVersion,
    UpstreamTlsConfig,
    ValidationConfig,
)
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from tests.integration.securing import SecureBackend, connect, mutual, secured, shown, trusting
from tests.integration.serving import Serving, filtering, serving
from tests.proxy.certificates import Authority, Issued
from tests.proxy.codecs import REPLY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
SMALL = 64 * 1024 - 1


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def ssl_count(running: Serving, name: str, side: str = "listener") -> int:
    """The sum of what one side's TLS counts by that name."""
    found = [
        count
        for key, count in running.server.snapshot().items()
        if key.startswith(side + ".") and key.endswith(".ssl." + name)
    ]
    assert found, f"nothing of {side} is named ssl.{name}"
    return sum(found)


@loops
def test_requests_and_replies_pass_both_sides_however_many_and_large(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        backend = SecureBackend(authority.server(certificate))
        config = secured(clients=shown(certificate), servers=trusting(authority))
        async with serving(config, backend) as running:
            client = await connect(running, authority.client())
            big = b"x" * SMALL
            for number in range(200):
                client.writer.write(message(number, big if number % 10 == 0 else b"%d" % number))
            found = {each.request_id: each for each in [await client.reply() for _ in range(200)]}
            assert len(found) == 200
            assert all(each.response_status is ResponseStatus.OK for each in found.values())
            assert found[10].origin_message.endswith(big)
            assert found[7].origin_message.endswith(b"7")
            assert ssl_count(running, "handshake") == 1
            assert ssl_count(running, "no_certificate") == 1
            await until(lambda: ssl_count(running, "handshake", "cluster") == running.count("upstream_cx_total"))

    run(main(), loop)


@loops
def test_a_reply_larger_than_every_buffer_reaches_a_client_that_reads_late(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        body = b"y" * SMALL
        backend = SecureBackend(
            authority.server(certificate), lambda request: message(request.request_id, body, kind=REPLY)
        )
        async with serving(secured(clients=shown(certificate), servers=trusting(authority)), backend) as running:
            client = await connect(running, authority.client())
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(100):
                client.writer.write(message(number))
            await until(lambda: len(backend.requests) >= 20)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert {(await client.reply()).request_id for _ in range(100)} == set(range(100))

    run(main(), loop)


@loops
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_with_a_certificate_is_who_it_says(loop: str, version: ssl.TLSVersion, authority: Authority) -> None:
    rules = """
- name: aeraki.meta_protocol.filters.rbac
  typed_config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.rbac.v1alpha.RBAC
    stat_prefix: main
    rules:
      action: ALLOW
      policies:
        p: {permissions: [{any: true}], principals: [{authenticated: {principal_name: {exact: orders}}}]}
"""

    async def main() -> None:
        tls = mutual(authority, authority.issue("localhost"))
        async with serving(secured(filtering(rules), clients=tls), Backend(IdCodec())) as running:
            for name, status in (("orders", ResponseStatus.OK), ("payments", ResponseStatus.ERROR)):
                context = authority.client(authority.issue(name))
                context.maximum_version = version
                client = await connect(running, context)
                await client.send(message(1))
                assert (await client.reply()).response_status is status
            assert ssl_count(running, "handshake") == 2
            assert ssl_count(running, "no_certificate") == 0

    run(main(), loop)


def old_client(authority: Authority, _: Issued) -> ssl.SSLContext:
    context = authority.client()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def stranger(authority: Authority, _: Issued) -> ssl.SSLContext:
    folder = authority.folder / "other"
    folder.mkdir()
    other = Authority(folder)
    context = authority.client()
    certificate = other.issue("orders")
    context.load_cert_chain(certificate.chain_path, certificate.key_path)
    return context


def late(authority: Authority, _: Issued) -> ssl.SSLContext:
    return authority.client(authority.issue("orders", expired=True))


def nameless(authority: Authority, _: Issued) -> ssl.SSLContext:
    return authority.client()


def misnamed(authority: Authority, _: Issued) -> ssl.SSLContext:
    return authority.client(authority.issue("payments"))


async def asked(running: Serving, context: ssl.SSLContext) -> Metadata:
    client = await connect(running, context)
    await client.send(message(1))
    return await client.reply()


ORDERS = (SanMatcherConfig(SanType.DNS, MatcherConfig("", MatchKind.EXACT, "orders")),)


@loops
@pytest.mark.parametrize(
    ("make", "counter", "reason"),
    [
        (old_client, "connection_error", "unsupported protocol"),
        (stranger, "fail_verify_error", "certificate verify failed: unable to get local issuer certificate"),
        (late, "fail_verify_error", "certificate verify failed: certificate has expired"),
        (nameless, "fail_verify_no_cert", "it has shown no certificate"),
        (misnamed, "fail_verify_san", "its certificate is for other names"),
    ],
)
def test_a_client_that_is_not_what_it_must_be_is_refused(  # noqa: PLR0917
    loop: str, make: object, counter: str, reason: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(make)
    caplog.set_level(logging.WARNING, LOGGER_NAME)
    certificate = authority.issue("localhost")
    context = make(authority, certificate)

    async def main() -> None:
        backend = Backend(IdCodec())
        tls = mutual(authority, certificate, sans=ORDERS)
        async with serving(secured(clients=tls), backend) as running:
            with pytest.raises((OSError, EOFError)):
                await asked(running, context)
            await until(lambda: ssl_count(running, counter) == 1)
            await until(lambda: running.count("downstream_pre_cx_active") == 0)
            assert ssl_count(running, "handshake") == 0
            assert running.count("downstream_cx_total") == 0
            assert backend.requests == []
            good = await connect(running, authority.client(authority.issue("orders")))
            await good.send(message(2))
            assert (await good.reply()).response_status is ResponseStatus.OK

    run(main(), loop)
    (warning,) = [each.getMessage() for each in caplog.records if "handshake" in each.getMessage()]
    assert warning.startswith("listener main: client 127.0.0.1:")
    assert warning.endswith(f": TLS handshake failed: {reason}")


@loops
def test_what_is_no_tls_is_refused_and_tls_is_no_message(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        async with serving(secured(clients=shown(certificate)), Backend(IdCodec())) as running:
            client = await running.client()
            await client.send(message(1))
            with pytest.raises((OSError, EOFError)):
                await client.reply()
            await until(lambda: ssl_count(running, "connection_error") == 1)
        async with serving(secured(), Backend(IdCodec())) as running:
            with pytest.raises(OSError):
                await connect(running, authority.client())
            assert running.count("request_decoding_error") == 1

    run(main(), loop)


@loops
def test_a_client_that_never_ends_its_handshake_is_cut_off_and_counts_meanwhile(
    loop: str, authority: Authority
) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        config = secured(clients=shown(certificate), handshake_timeout=0.2, max_connections=2)
        async with serving(config, Backend(IdCodec())) as running:
            address = running.server.addresses["main"]
            silent = [await asyncio.open_connection(*address) for _ in range(3)]
            silent[0][1].write(b"\x16\x03\x01")
            assert [await reader.read() for reader, _ in silent] == [b""] * 3
            for _, writer in silent:
                writer.close()
            assert running.count("downstream_cx_overflow") == 1
            assert running.count("downstream_cx_transport_socket_connect_timeout") == 2
            client = await connect(running, authority.client())
            await client.send(message(1))
            await client.reply()

    run(main(), loop)


@loops
def test_replies_in_flight_reach_a_client_whose_next_message_is_malformed(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        backend = Backend(IdCodec(), None)
        async with serving(secured(clients=shown(certificate)), backend) as running:
            client = await connect(running, authority.client())
            await client.send(message(1) + b"garbage" * 1000)
            link = await backend.request(0)
            link.transport.write(message(link.requests[0].request_id, b"z" * SMALL, kind=REPLY))
            client.writer.write(b"more garbage" * 10000)
            assert [each.request_id for each in await client.replies()] == [1]
            await running.counted("downstream_cx_active", 0)

    run(main(), loop)


@loops
def test_a_client_that_leaves_takes_its_requests_along(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        backend = Backend(IdCodec(), None)
        async with serving(secured(clients=shown(certificate)), backend) as running:
            client = await connect(running, authority.client())
            await client.send(message(1))
            await backend.request(0)
            client.writer.close()
            await running.counted("downstream_cx_active", 0)
            await running.counted("cx_destroy_remote_with_active_rq", 1)

    run(main(), loop)


@loops
def test_a_drained_client_gets_its_reply_and_an_orderly_end(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        backend = Backend(IdCodec(), None)
        async with serving(secured(clients=shown(certificate)), backend) as running:
            client = await connect(running, authority.client())
            await client.send(message(1))
            link = await backend.request(0)
            draining = asyncio.ensure_future(running.server.drain(5))
            await until(lambda: running.server.listeners[0].connections.is_draining)
            link.transport.write(message(link.requests[0].request_id, b"z" * SMALL, kind=REPLY))
            assert [len(each.origin_message) > SMALL for each in await client.replies()] == [True]
            await draining

    run(main(), loop)


@loops
def test_a_client_is_shown_the_certificate_for_the_name_it_asks_for(loop: str, authority: Authority) -> None:
    tls = shown(authority.issue("first.example"), authority.issue("*.second.example"), authority.issue("third.example"))

    async def main() -> None:
        async with serving(secured(clients=tls), Backend(IdCodec())) as running:
            for name, found in [
                ("first.example", "first.example"),
                ("A.Second.Example", "*.second.example"),
                ("third.example", "third.example"),
                ("nowhere.example", "first.example"),
            ]:
                context = authority.client()
                context.check_hostname = False
                client = await connect(running, context, name)
                names = client.writer.get_extra_info("peercert")["subjectAltName"]
                assert names == (("DNS", found),)

    run(main(), loop)


@loops
def test_versions_and_alpn_are_what_is_configured(loop: str, authority: Authority) -> None:
    tls = replace(shown(authority.issue("localhost")), minimum=TlsVersion.TLS_1_3, alpn=("orders/2", "orders/1"))

    async def main() -> None:
        async with serving(secured(clients=tls), Backend(IdCodec())) as running:
            context = authority.client()
            context.set_alpn_protocols(["orders/1"])
            client = await connect(running, context)
            secure = client.writer.get_extra_info("ssl_object")
            assert (secure.version(), secure.selected_alpn_protocol()) == ("TLSv1.3", "orders/1")
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await connect(running, context)

    run(main(), loop)


# Servers.


@loops
@pytest.mark.parametrize(
    ("case", "counter", "reason"),
    [
        ("another authority", "fail_verify_error", "unable to get local issuer certificate"),
        ("expired", "fail_verify_error", "certificate has expired"),
        ("another name", "fail_verify_san", "Hostname mismatch, certificate is not valid for 'localhost'."),
        ("another name listed", "fail_verify_san", "its certificate is for other names"),
        ("another pin", "fail_verify_cert_hash", "its certificate is none of those that are listed"),
        ("wants a certificate", "connection_error", ""),
        ("no TLS", "connection_error", "what it has sent is no TLS"),
    ],
)
def test_a_server_that_is_not_what_it_must_be_gets_no_request(  # noqa: PLR0917
    loop: str, case: str, counter: str, reason: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, LOGGER_NAME)
    certificate = authority.issue("localhost")
    tls = trusting(authority)
    if case == "another authority":
        (authority.folder / "other").mkdir()
        certificate = Authority(authority.folder / "other").issue("localhost")
    elif case == "expired":
        certificate = authority.issue("localhost", file="late", expired=True)
    elif case == "another name":
        certificate = authority.issue("elsewhere")
        tls = replace(tls, auto_sni_san_validation=True)
    elif case == "another name listed":
        tls = trusting(authority, validation={"sans": ORDERS})
    elif case == "another pin":
        tls = UpstreamTlsConfig(validation=ValidationConfig(hashes=frozenset({bytes(32)})))
    context = authority.server(certificate, asks=case == "wants a certificate")

    async def main() -> None:
        backend = Backend(Chatty(), lambda _: b"what?") if case == "no TLS" else SecureBackend(context)
        async with serving(secured(servers=tls), backend) as running:
            client = await running.client()
            await client.send(message(1))
            reply = await client.reply()
            assert reply.response_status is ResponseStatus.ERROR
            assert f"remote connection failure '{backend.address}'".encode() in reply.origin_message
            assert ssl_count(running, counter, "cluster") == 1
            assert ssl_count(running, "handshake", "cluster") == 0
            assert running.count("upstream_cx_connect_fail") == 1
            assert case == "no TLS" or backend.requests == []

    run(main(), loop)
    (warning,) = [each.getMessage() for each in caplog.records if "no connection to" in each.getMessage()]
    assert "TLS handshake failed: " in warning
    assert warning.endswith(reason)


class Chatty(IdCodec):
    """Whose server answers whatever it gets, as one that speaks no TLS."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if not len(buffer):
            return DecodeStatus.WAIT_FOR_DATA
        metadata.origin_message = buffer.drain(len(buffer))
        return DecodeStatus.DONE
