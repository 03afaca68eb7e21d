"""Certificates, keys and authorities that can be used, and what is said of those that cannot."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config import credentials
from metaprotocol_sdk.proxy.config.credentials import (
    can_use_ciphers,
    can_use_curve,
    read_chain,
    read_source,
    reason_of,
    scratch,
    use_authorities,
    use_certificate,
    use_revocations,
)
from metaprotocol_sdk.proxy.config.values import DataSource
from tests.proxy.certificates import Authority

serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def encrypted(key: bytes, password: bytes) -> bytes:
    found: bytes = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    return found


def test_a_source_is_a_file_or_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"said")
    assert read_source(DataSource(str(tmp_path / "x"))) == read_source(DataSource(data=b"said")) == b"said"
    with pytest.raises(ValueError, match="nowhere' cannot be read: no such file or directory"):
        read_source(DataSource(str(tmp_path / "nowhere")))
    with pytest.raises(ValueError, match="is a directory"):
        read_source(DataSource(str(tmp_path)))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "MAX_FILE", 3)
    (tmp_path / "x").write_bytes(b"said")
    with pytest.raises(ValueError, match="has more than 3 bytes"):
        read_source(DataSource(str(tmp_path / "x")))


def test_a_chain_is_looked_at(authority: Authority) -> None:
    made = authority.issue("x")
    assert read_chain(made.chain)[0].names == ("x",)
    with pytest.raises(ValueError, match="cannot be used before"):
        read_chain(made.chain, now=0)
    with pytest.raises(ValueError, match="has expired, at 2001-02-12 00:00:00 UTC"):
        read_chain(authority.issue("y", expired=True).chain)
    with pytest.raises(ValueError, match="expected certificates in PEM, found none"):
        read_chain(b"words")


@pytest.mark.parametrize("has_memory", [True, False])
def test_a_certificate_is_used_with_its_own_key(
    has_memory: bool, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_memory:
        monkeypatch.setattr("os.path.isdir", lambda _: False)
    made, other = authority.issue("x"), authority.issue("y")
    use_certificate(scratch(), made.chain, made.key, None)
    use_certificate(scratch(), made.chain, encrypted(made.key, b"secret"), b"secret")
    for key, password, problem in [
        (other.key, None, "the key is not the certificate's"),
        (b"words", None, "expected a private key in PEM, found none"),
        (encrypted(made.key, b"secret"), None, "it wants a password"),
        (encrypted(made.key, b"secret"), b"wrong", "the password is wrong"),
        (made.key.replace(b"M", b"N"), None, "the certificate or its key cannot be used: "),
    ]:
        with pytest.raises(ValueError, match=problem):
            use_certificate(scratch(), made.chain, key, password)


def test_authorities_are_those_that_are_some(authority: Authority) -> None:
    use_authorities(scratch(), authority.pem)
    with pytest.raises(ValueError, match="none that is an authority's"):
        use_authorities(scratch(), authority.issue("x").chain)
    with pytest.raises(ValueError, match="none that can be read"):
        use_authorities(scratch(), b"words")
    with pytest.raises(ValueError, match="expected lists of revoked certificates in PEM, found none"):
        use_revocations(scratch(), authority.pem, only_leaf=True)


def test_openssl_is_asked_for_names() -> None:
    assert can_use_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert not can_use_ciphers("NO-SUCH-SUITE")
    assert can_use_curve("prime256v1")
    assert not can_use_curve("P-1")


def test_a_reason_is_openssls_without_its_numbers() -> None:
    error = ssl.SSLError(1, "[SSL: X] x (_ssl.c:1)")
    assert reason_of(error) == str(error)
    assert reason_of(ConnectionResetError()) == "ConnectionResetError"
