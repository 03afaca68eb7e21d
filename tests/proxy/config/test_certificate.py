"""What a certificate says, beside what others read in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.config.certificate import Certificate
from tests.proxy.certificates import LONG_AGO, Authority

x509 = pytest.importorskip("cryptography.x509")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")


@pytest.mark.parametrize(
    ("names", "common_name", "found"),
    [
        (("a.example", "*.B.example"), None, ("a.example", "*.b.example")),
        (("127.0.0.1",), "Orders", ("orders",)),
        ((), "orders", ("orders",)),
    ],
)
def test_it_reads_what_another_reader_reads(
    names: tuple[str, ...], common_name: str | None, found: tuple[str, ...], tmp_path: Path
) -> None:
    made = Authority(tmp_path).issue(*names, file="x", common_name=common_name)
    (certificate,) = Certificate.all_from_pem(made.chain)
    other = x509.load_pem_x509_certificate(made.chain)
    key = other.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key == key
    assert certificate.public_key_sha256 == hashlib.sha256(key).digest()
    assert certificate.der == other.public_bytes(serialization.Encoding.DER)
    assert certificate.not_before == other.not_valid_before_utc.timestamp()
    assert certificate.not_after == other.not_valid_after_utc.timestamp()
    assert certificate.names == found


def test_an_expired_one_is_read_too(tmp_path: Path) -> None:
    made = Authority(tmp_path).issue("x", expired=True)
    assert Certificate.all_from_pem(made.chain)[0].not_before == LONG_AGO.timestamp()


def test_a_chain_has_several_and_other_text_none(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    made = authority.issue("x")
    assert len(Certificate.all_from_pem(b"words\n" + made.chain + b"words\n" + authority.pem)) == 2
    assert Certificate.all_from_pem(made.key) == []


@pytest.mark.parametrize("body", [b"!!!!", b"AAAA", b"MAA="])
def test_what_is_no_certificate_is_told(body: bytes) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="certificate"):
        Certificate.all_from_pem(pem)


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_hostile_bytes_end_in_a_sentence(data: bytes, at: int) -> None:
    whole = SAMPLE[:at] + data + SAMPLE[at + len(data) :]
    for each in (data, SAMPLE[:at], whole):
        try:
            Certificate.from_der(each)
        except ValueError as error:
            assert str(error) == "no certificate in X.509"  # noqa: PT017  it may be one all the same


SAMPLE = b""


@pytest.fixture(autouse=True, scope="module")
def _sample(tmp_path_factory: pytest.TempPathFactory) -> None:
    global SAMPLE  # noqa: PLW0603  Hypothesis gives a test no fixtures of its own
    SAMPLE = Certificate.all_from_pem(Authority(tmp_path_factory.mktemp("x")).issue("x").chain)[0].der
