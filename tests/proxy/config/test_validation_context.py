"""What the other side's certificate must be, as a file says it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.validation_context import CertificateValidationContext
from metaprotocol_sdk.proxy.config.values import DataSource, MatcherConfig, MatchKind, SanMatcherConfig, SanType
from tests.proxy.certificates import Authority
from tests.proxy.config.reading import bad, errors, good

PIN = base64.b64encode(bytes(32)).decode()


def test_it_says_everything(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    text = f"""
trusted_ca: {{filename: {authority.path}}}
match_typed_subject_alt_names:
- {{san_type: DNS, matcher: {{exact: a}}}}
- {{san_type: URI, matcher: {{safe_regex: {{regex: 'spiffe://.*'}}}}}}
match_subject_alt_names: [{{prefix: b, ignore_case: true}}]
verify_certificate_spki: ['{PIN}']
verify_certificate_hash: ['{":".join(["00"] * 32)}', '{"Ff" * 32}']
only_verify_leaf_cert_crl: true
trust_chain_verification: VERIFY_TRUST_CHAIN
"""
    value = good(CertificateValidationContext, text).value()
    assert value.trusted_ca == DataSource(authority.path)
    assert value.sans == (
        SanMatcherConfig(SanType.DNS, MatcherConfig("", MatchKind.EXACT, "a")),
        SanMatcherConfig(SanType.URI, MatcherConfig("", MatchKind.SAFE_REGEX, "spiffe://.*")),
        SanMatcherConfig(None, MatcherConfig("", MatchKind.PREFIX, "b", ignore_case=True)),
    )
    assert value.pins == {bytes(32)}
    assert value.hashes == {bytes(32), b"\xff" * 32}
    assert value.only_verify_leaf_cert_crl


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    leaf = Authority(tmp_path).issue("x")
    text = f"""
trusted_ca: {{filename: {leaf.chain_path}}}
verify_certificate_spki: [AAAA]
verify_certificate_hash: [12]
trust_chain_verification: ACCEPT_UNTRUSTED
match_typed_subject_alt_names: [{{san_type: OTHER_NAME, matcher: {{exact: a}}}}]
max_verify_depth: 1
"""
    assert errors(bad(CertificateValidationContext, text)) == [
        "trusted_ca.filename: expected certificates of authorities, found none that is an authority's",
        "verify_certificate_spki[0]: expected the SHA-256 of a public key in base64, 44 characters, found 'AAAA'",
        "verify_certificate_hash[0]: expected the SHA-256 of a certificate in hexadecimal, 64 digits, found 12",
        (
            "trust_chain_verification: 'ACCEPT_UNTRUSTED' is not supported yet by this proxy; "
            "supported: VERIFY_TRUST_CHAIN"
        ),
        (
            "match_typed_subject_alt_names[0].san_type: 'OTHER_NAME' is not supported yet by this "
            "proxy; supported: EMAIL, "
            "DNS, URI, IP_ADDRESS"
        ),
        "max_verify_depth: not supported yet by this proxy",
    ]


@pytest.mark.parametrize(
    "key",
    ["match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: a}}]", "match_subject_alt_names: [{exact: a}]"],
)
def test_names_mean_nothing_without_an_authority(key: str) -> None:
    (said,) = errors(bad(CertificateValidationContext, key))
    assert said.endswith(": needs trusted_ca: anybody could make a certificate that says so")


def test_a_list_of_the_revoked_is_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    text = f"trusted_ca: {{filename: {authority.path}}}\ncrl: {{filename: {authority.path}}}"
    assert errors(bad(CertificateValidationContext, text)) == [
        "crl.filename: expected lists of revoked certificates in PEM, found none"
    ]
