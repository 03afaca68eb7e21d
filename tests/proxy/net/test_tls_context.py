"""Contexts are what their configuration says, tried by handshakes in memory."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.values import (
    CertificateConfig,
    DataSource,
    DownstreamTlsConfig,
    TlsConfig,
    UpstreamTlsConfig,
    ValidationConfig,
)
from metaprotocol_sdk.proxy.net.tls_context import make_context, read_material
from tests.integration.securing import shown, trusting
from tests.proxy.certificates import Authority, replace_file

x509 = pytest.importorskip("cryptography.x509")
hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def context_of(config: TlsConfig) -> ssl.SSLContext:
    return make_context(config, read_material(config))


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None = "localhost") -> ssl.SSLObject:
    """The client's side of a handshake that both took."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True)]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def test_both_sides_agree(authority: Authority) -> None:
    tls = shown(authority.issue("localhost"))
    for server, version in ((tls, "TLSv1.2"),):
        secure = shake(context_of(server), context_of(trusting(authority)))
        assert secure.version() == version
    chosen = replace(tls, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384", curve="secp384r1", alpn=("b", "a"))
    secure = shake(context_of(chosen), context_of(replace(trusting(authority), alpn=("a",))))
    assert secure.cipher() == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", 256)
    assert secure.selected_alpn_protocol() == "a"


def test_a_client_asks_for_no_name_where_none_is_said(authority: Authority) -> None:
    asked: list[str | None] = []
    server = context_of(shown(authority.issue("localhost")))
    server.sni_callback = lambda _, name, __: asked.append(name)
    shake(server, context_of(trusting(authority, sni="")), None)
    assert asked == [None]


def test_keys_of_two_kinds_for_one_name_are_both_shown(authority: Authority) -> None:
    trustme = pytest.importorskip("trustme")
    made = authority.made.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    rsa = CertificateConfig(
        DataSource(data=b"".join(each.bytes() for each in made.cert_chain_pems)),
        DataSource(data=made.private_key_pem.bytes()),
    )
    server = context_of(DownstreamTlsConfig(certificates=(rsa, authority.issue("localhost").inline)))
    for suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"):
        cipher = shake(server, context_of(replace(trusting(authority), ciphers=suite))).cipher()
        assert cipher is not None
        assert cipher[0] == suite


def revoking(authority: Authority, *serials: int) -> bytes:
    key = serialization.load_pem_private_key(authority.made.private_key_pem.bytes(), None)
    now = dt.datetime.now(dt.UTC)
    issuer = x509.load_pem_x509_certificate(authority.pem).subject
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer)
    builder = builder.last_update(now - dt.timedelta(days=1)).next_update(now + dt.timedelta(days=1))
    for serial in serials:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(one)
    found: bytes = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return found


@pytest.mark.parametrize("place", ["crl", "trusted_ca"])
@pytest.mark.parametrize("only_leaf", [True, False])
def test_a_certificate_that_is_taken_back_is_refused(place: str, only_leaf: bool, authority: Authority) -> None:
    good, bad = authority.issue("localhost"), authority.issue("localhost", file="bad")
    revoked = revoking(authority, x509.load_pem_x509_certificate(bad.chain).serial_number)
    if place == "trusted_ca":
        replace_file(authority.path, authority.pem + revoked)
    validation = ValidationConfig(
        trusted_ca=authority.source,
        crl=DataSource(data=revoked) if place == "crl" else None,
        only_verify_leaf_cert_crl=only_leaf,
    )
    client = context_of(UpstreamTlsConfig(sni="localhost", validation=validation))
    shake(context_of(shown(good)), client)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        shake(context_of(shown(bad)), client)


def test_what_cannot_be_used_says_why(authority: Authority) -> None:
    late = authority.issue("localhost", expired=True)
    with pytest.raises(ValueError, match="has expired"):
        context_of(shown(late))
