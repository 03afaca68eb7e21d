"""Rules of access in whole proxies: who asks is who has connected, on both event loops."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from metaprotocol_sdk.metadata import ResponseStatus
from metaprotocol_sdk.proxy.config.values import ProxyConfig
from tests.integration.serving import filtering, serving
from tests.proxy.codecs import ONEWAY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, run, until

FILTERS = """
- name: aeraki.meta_protocol.filters.rbac
  typed_config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.rbac.v1alpha.RBAC
    stat_prefix: main
    rules: {action: ACTION, policies: {p: {permissions: [PERMISSION], principals: [PRINCIPAL]}}}
"""
HERE = "{remote_ip: {address_prefix: 127.0.0.1, prefix_len: 32}}"
ELSEWHERE = "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"


def config(principal: str, *, action: str = "ALLOW", permission: str = "{any: true}") -> ProxyConfig:
    text = FILTERS.replace("ACTION", action).replace("PERMISSION", permission).replace("PRINCIPAL", principal)
    return filtering(text)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("action", "principal", "status"),
    [
        ("ALLOW", HERE, ResponseStatus.OK),
        ("ALLOW", ELSEWHERE, ResponseStatus.ERROR),
        ("DENY", HERE, ResponseStatus.ERROR),
        ("DENY", ELSEWHERE, ResponseStatus.OK),
        ("ALLOW", "{authenticated: {}}", ResponseStatus.ERROR),
        ("DENY", "{not_id: {authenticated: {}}}", ResponseStatus.ERROR),
    ],
)
def test_who_asks_is_who_has_connected(loop: str, action: str, principal: str, status: ResponseStatus) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(config(principal, action=action), backend) as running:
            client = await running.client()
            await client.send(message(1))
            reply = await client.reply()
            assert reply.response_status is status
            assert len(backend.requests) == (status is ResponseStatus.OK)
            assert running.count("denied") == (status is ResponseStatus.ERROR)

    run(main(), loop)


def contexts(certificate: str | None) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's that asks for a certificate and takes none, too, and a client's with that name in its own, or none."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(server)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    if certificate is not None:
        authority.issue_cert(common_name=certificate).configure_cert(client)
    return server, client


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("certificate", "status"),
    [("orders", ResponseStatus.OK), ("payments", ResponseStatus.ERROR), (None, ResponseStatus.ERROR)],
)
def test_who_asks_is_who_its_verified_certificate_says(
    loop: str, certificate: str | None, status: ResponseStatus
) -> None:
    in_server, in_client = contexts(certificate)
    named = "{authenticated: {principal_name: {safe_regex: {regex: '(.*,)?CN=orders(,.*)?'}}}}"

    async def main() -> None:
        async with serving(config(named), Backend(IdCodec())) as running:
            accept = running.server.listeners[0]._connection
            async with await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0, ssl=in_server) as tls:
                port = tls.sockets[0].getsockname()[1]
                streams = await asyncio.open_connection("127.0.0.1", port, ssl=in_client, server_hostname="localhost")
                client = Client(IdCodec(), *streams)
                running.clients.append(client)
                await client.send(message(1))
                assert (await client.reply()).response_status is status
                client.writer.transport.abort()
                await running.counted("downstream_cx_active", 0)

    run(main(), loop)


def test_a_client_has_connected_to_the_listeners_port() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        no_port = config("{any: true}", permission="{destination_port: 1}")
        async with serving(no_port, backend) as running:
            port = running.server.addresses["main"][1]
            client = await running.client()
            await client.send(message(1))
            assert (await client.reply()).response_status is ResponseStatus.ERROR
            this_port = config("{any: true}", permission=f"{{destination_port: {port}}}")
            now = running.server.config
            new = replace(now.listeners[0], filters=this_port.listeners[0].filters)
            await running.server.reload(replace(now, listeners=(new,)))
            await client.send(message(2))
            assert (await client.reply()).response_status is ResponseStatus.OK

    run(main())


def test_a_oneway_that_is_refused_is_dropped_and_its_connection_goes_on() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        rules = config("{any: true}", permission="{metadata: {name: may, exact_match: pass}}")
        async with serving(rules, backend) as running:
            client = await running.client()
            await client.send(
                message(1, kind=ONEWAY) + message(2, kind=ONEWAY, may="pass") + message(3) + message(4, may="pass")
            )
            found = {each.request_id: each.response_status for each in [await client.reply() for _ in range(2)]}
            assert found == {3: ResponseStatus.ERROR, 4: ResponseStatus.OK}
            await until(lambda: len(backend.requests) == 2)
            assert (running.count("allowed"), running.count("denied")) == (2, 2)

    run(main())
