from __future__ import annotations

import ipaddress
import ssl
from contextlib import suppress
from typing import Any

import pytest

from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.peer import Peer, TlsIdentity, Told
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, run

CERTIFICATE = {
    "subject": (
        (("countryName", "US"),),
        (("organizationName", "Example, Inc."),),
        (("commonName", "orders"), ("emailAddress", "a@example.com")),
    ),
    "subjectAltName": (
        ("DNS", "orders.example.com"),
        ("URI", "spiffe://cluster.local/ns/shop/sa/orders"),
        ("IP Address", "10.0.0.1"),
        ("DNS", "orders"),
    ),
}
"""As ``getpeercert()`` gives it."""


def peer(**info: Any) -> Peer:
    return Peer.from_transport(info.get)


def test_addresses_are_those_of_both_ends() -> None:
    found = peer(peername=("10.1.2.3", 50000), sockname=("10.0.0.1", 9000))
    assert found == Peer(
        remote_ip=ipaddress.ip_address("10.1.2.3"),
        remote_port=50000,
        direct_remote_ip=ipaddress.ip_address("10.1.2.3"),
        local_ip=ipaddress.ip_address("10.0.0.1"),
        local_port=9000,
    )


def test_addresses_of_version_6_may_have_a_zone() -> None:
    found = peer(peername=("fe80::1%lo", 50000, 0, 1), sockname=("::1", 9000, 0, 0))
    assert (str(found.remote_ip), found.local_ip) == ("fe80::1%lo", ipaddress.ip_address("::1"))


def test_a_mapped_address_is_the_one_it_maps() -> None:
    assert peer(peername=("::ffff:10.1.2.3", 50000, 0, 0)).remote_ip == ipaddress.ip_address("10.1.2.3")


@pytest.mark.parametrize("name", ["", "/run/proxy.sock", b"\0abstract", None])
def test_a_unix_socket_has_no_address(name: object) -> None:
    assert peer(peername=name, sockname=name) == Peer()


def test_a_verified_certificate_says_who_it_is() -> None:
    identity = peer(peercert=CERTIFICATE).identity
    assert identity == TlsIdentity(
        uris=("spiffe://cluster.local/ns/shop/sa/orders",),
        dns=("orders.example.com", "orders"),
        subject="CN=orders+emailAddress=a@example.com,O=Example\\, Inc.,C=US",
    )
    assert identity.names == (
        "spiffe://cluster.local/ns/shop/sa/orders",
        "orders.example.com",
        "orders",
        identity.subject,
    )


def test_a_certificate_nobody_has_verified_says_nothing() -> None:
    assert peer(peercert={}).identity is None  # what CERT_NONE leaves of it


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("#1", "\\#1"),
        (" padded ", "\\ padded\\ "),
        ('a+b"c\\d<e>f;g', 'a\\+b\\"c\\\\d\\<e\\>f\\;g'),
        ("a=b #c", "a=b #c"),
    ],
)
def test_a_subject_is_written_so_that_no_value_looks_like_another_part(value: str, written: str) -> None:
    found = TlsIdentity.from_certificate({"subject": ((("commonName", value),),)})
    assert found == TlsIdentity(subject=f"CN={written}")


def test_the_parts_of_a_subject_have_their_short_names() -> None:
    # getpeercert() has OpenSSL's long names; one that RFC 2253 has no short name for stays as it is.
    parts = ("domainComponent", "localityName", "organizationalUnitName", "stateOrProvinceName", "userId", "title")
    subject = tuple(((part, "x"),) for part in parts)
    assert TlsIdentity.from_certificate({"subject": subject}).subject == "title=x,UID=x,ST=x,OU=x,L=x,DC=x"


def test_a_real_certificate_is_read_as_its_library_writes_it() -> None:
    trustme, x509 = pytest.importorskip("trustme"), pytest.importorskip("cryptography.x509")
    authority = trustme.CA()
    issued = authority.issue_cert("orders.example.com", common_name="a,b", organization_name="Example+Sons")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(back, there, server_hostname="orders.example.com")
    far = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (near, far):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    certificate = near.getpeercert()
    assert certificate
    subject = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).subject.rfc4514_string()
    assert TlsIdentity.from_certificate(certificate) == TlsIdentity(dns=("orders.example.com",), subject=subject)


class Looking(Filter):
    """Keeps who asks."""

    def __init__(self) -> None:
        self.seen: list[Peer] = []

    def on_request(self, stream: Stream) -> Verdict:
        self.seen.append(stream.peer)
        return None


@pytest.mark.parametrize("loop", LOOPS)
def test_a_filter_sees_who_asks_and_it_is_worked_out_once_a_connection(loop: str) -> None:
    looking = Looking()

    async def main() -> None:
        async with proxy(Backend(IdCodec()), filters={"looking": lambda *_: looking}) as running:
            client, other = await running.client(), await running.client()
            await client.send(message(1) + message(2))
            assert {(await client.reply()).message_type for _ in range(2)} == {MessageType.RESPONSE}
            await other.send(message(3))
            await other.reply()
            first, second, third = looking.seen
            assert first is second
            assert first is not third
            assert first.remote_ip == first.direct_remote_ip == first.local_ip == ipaddress.ip_address("127.0.0.1")
            assert first.remote_port == client.writer.get_extra_info("sockname")[1]
            assert first.local_port == running.server.addresses["main"][1]
            assert first.identity is None

    run(main(), loop)


def test_whom_a_connection_is_for_is_told_and_who_made_it_stays() -> None:
    info = {"peername": ("10.0.0.1", 1), "sockname": ("10.0.0.2", 2)}.get
    told = Told(ipaddress.ip_address("192.0.2.7"), 3, ipaddress.ip_address("192.0.2.8"), 4)
    peer = Peer.from_transport(info, told)
    assert (str(peer.remote_ip), peer.remote_port, str(peer.direct_remote_ip)) == ("192.0.2.7", 3, "10.0.0.1")
    assert (str(peer.local_ip), peer.local_port) == ("192.0.2.8", 4)
    nowhere = Peer.from_transport(info, Told())
    assert (nowhere.remote_ip, nowhere.local_ip, str(nowhere.direct_remote_ip)) == (None, None, "10.0.0.1")
