"""TLS as a file says it: what is wrong is told at its place, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.tls import CommonTlsContext, DownstreamTlsContext, TlsParameters, UpstreamTlsContext
from metaprotocol_sdk.proxy.config.values import DataSource, TlsVersion
from tests.proxy.certificates import Authority, Issued
from tests.proxy.config.reading import bad, errors, good


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def certificate(made: Issued, key: str = "") -> str:
    return f"{{certificate_chain: {{filename: {made.chain_path}}}, private_key: {{filename: {key or made.key_path}}}}}"


def test_a_listeners_says_everything(authority: Authority) -> None:
    made = authority.issue("x")
    text = f"""
require_client_certificate: true
common_tls_context:
  tls_params:
    tls_minimum_protocol_version: TLSv1_3
    cipher_suites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", ECDHE-RSA-AES128-GCM-SHA256]
    ecdh_curves: [P-256]
  tls_certificates: [{certificate(made)}]
  validation_context: {{trusted_ca: {{filename: {authority.path}}}}}
  alpn_protocols: [a, b]
"""
    value = good(DownstreamTlsContext, text).value()
    assert (value.minimum, value.maximum, value.curve) == (TlsVersion.TLS_1_3, TlsVersion.TLS_1_3, "prime256v1")
    assert value.ciphers == "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"
    assert value.certificates == (made.config,)
    assert value.validation.trusted_ca == DataSource(authority.path)
    assert (value.alpn, value.require_client_certificate) == (("a", "b"), True)


def test_a_clusters_says_everything(authority: Authority) -> None:
    made = authority.issue("x")
    text = f"""
sni: orders.example
auto_sni_san_validation: true
common_tls_context:
  tls_certificates: {certificate(made)}
  validation_context: {{trusted_ca: {{filename: {authority.path}}}}}
"""
    value = good(UpstreamTlsContext, text).value()
    assert (value.sni, value.auto_sni_san_validation) == ("orders.example", True)
    assert (value.minimum, value.maximum) == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_2)
    assert value.certificates == (made.config,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "tls_minimum_protocol_version: TLSv1_0",
            (
                "tls_minimum_protocol_version: expected one of TLS_AUTO, TLSv1_2, TLSv1_3; TLSv1_0 is "
                "broken, and this proxy "
                "does not speak it (RFC 8996)"
            ),
        ),
        (
            "tls_maximum_protocol_version: SSLv3",
            "tls_maximum_protocol_version: expected one of TLS_AUTO, TLSv1_2, TLSv1_3, found 'SSLv3'",
        ),
        (
            "tls_minimum_protocol_version: TLSv1_3\ntls_maximum_protocol_version: TLSv1_2",
            (
                "tls_maximum_protocol_version: expected TLSv1_3: tls_minimum_protocol_version is that, so "
                "no version would be "
                "left"
            ),
        ),
        (
            "cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256, X]",
            "cipher_suites[1]: OpenSSL knows no cipher suite 'X' of TLS 1.2",
        ),
        (
            "ecdh_curves: [X25519, P-256]",
            "ecdh_curves: expected one curve, found 2; more than one is not supported yet by this proxy",
        ),
        (
            "ecdh_curves: [P-1]",
            "ecdh_curves: OpenSSL knows no curve 'P-1'; known are X25519, X448, P-256, P-384, P-521",
        ),
        ("signature_algorithms: []", "signature_algorithms: not supported yet by this proxy"),
    ],
)
def test_wrong_parameters_say_why(text: str, problem: str) -> None:
    assert errors(bad(TlsParameters, text)) == [problem]


def test_certificates_are_looked_at(authority: Authority) -> None:
    made, other, late = authority.issue("x"), authority.issue("y"), authority.issue("z", expired=True)
    cases = {
        certificate(made, other.key_path): "private_key.filename: the key is not the certificate's",
        certificate(late): "certificate_chain.filename: the certificate has expired, at 2001-02-12 00:00:00 UTC",
        certificate(made, made.chain_path): "private_key.filename: expected a private key in PEM, found none",
        certificate(
            made, "/nowhere"
        ): "private_key.filename: the file '/nowhere' cannot be read: no such file or directory",
        f"{{certificate_chain: {{filename: {made.key_path}}}, private_key: {{filename: {made.key_path}}}}}": (
            "certificate_chain.filename: expected certificates in PEM, found none"
        ),
    }
    text = "tls_certificates:\n" + "".join(f"- {each}\n" for each in cases)
    found = errors(bad(CommonTlsContext, text))
    assert found == [f"tls_certificates[{index}].{said}" for index, said in enumerate(cases.values())]


def test_what_cannot_be_verified_is_not_wanted(authority: Authority) -> None:
    made = authority.issue("x")
    pins = "{verify_certificate_hash: ['" + "0" * 64 + "']}"
    text = f"""
require_client_certificate: true
common_tls_context: {{tls_certificates: [{certificate(made)}], validation_context: {pins}}}
"""
    assert errors(bad(DownstreamTlsContext, text)) == [
        (
            "require_client_certificate: needs validation_context.trusted_ca: this proxy takes no "
            "certificate that nobody has "
            "verified"
        ),
        (
            "common_tls_context.validation_context.verify_certificate_hash: needs trusted_ca for "
            "clients: this proxy takes no "
            "certificate that nobody has verified"
        ),
    ]
    assert good(UpstreamTlsContext, f"common_tls_context: {{validation_context: {pins}}}").value().validation.hashes


def test_a_server_nobody_verifies_is_warned_of() -> None:
    (said,) = bad(UpstreamTlsContext, "sni: x")
    assert said.split(" ")[1] == "warning"
    assert "servers' certificates are not verified: anybody can pose as one" in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("auto_sni_san_validation: true", "auto_sni_san_validation: needs sni, and validation_context.trusted_ca"),
        ("sni: 'a b'", "sni: expected text that matches"),
        ("sni: .a", "sni: expected text that matches"),
        (f"sni: {'a' * 64}.example", "sni: expected text that matches"),  # no TLS can say it
        ("auto_host_sni: true", "auto_host_sni: not supported yet by this proxy"),
    ],
)
def test_a_wrong_cluster_says_why(text: str, problem: str) -> None:
    (said,) = errors(bad(UpstreamTlsContext, text))
    assert said.startswith(problem)


def test_a_listener_shows_a_certificate_and_a_cluster_one_at_most(authority: Authority) -> None:
    assert errors(bad(DownstreamTlsContext, "common_tls_context: {}")) == [
        "common_tls_context.tls_certificates: required, and not there: clients must be shown a certificate"
    ]
    sds = "common_tls_context: {tls_certificate_sds_secret_configs: []}"
    assert errors(bad(DownstreamTlsContext, sds)) == [
        "common_tls_context.tls_certificate_sds_secret_configs: not supported yet by this proxy"
    ]
    both = f"[{certificate(authority.issue('x'))}, {certificate(authority.issue('y'))}]"
    assert errors(bad(UpstreamTlsContext, f"common_tls_context: {{tls_certificates: {both}}}")) == [
        "common_tls_context.tls_certificates: expected one certificate to show servers, found 2"
    ]
