"""Which certificates are wanted, beside that they are verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.certificate import Certificate
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, SanMatcherConfig, SanType, ValidationConfig
from metaprotocol_sdk.proxy.net.verification import NO_HASH, NO_SAN, Verification
from tests.proxy.certificates import Authority

NAMES: dict[str, Any] = {
    "subjectAltName": (
        ("DNS", "a.example"),
        ("DNS", "*.B.example"),
        ("URI", "spiffe://x/orders"),
        ("email", "me@a.example"),
        ("IP Address", "0:0:0:0:0:0:0:1"),
        ("othername", "<unsupported>"),
    )
}


@pytest.mark.parametrize(
    ("kind", "match", "value", "is_wanted"),
    [
        (SanType.DNS, MatchKind.EXACT, "A.example", True),
        (SanType.DNS, MatchKind.EXACT, "c.b.example", True),
        (SanType.DNS, MatchKind.EXACT, "d.c.b.example", False),
        (SanType.DNS, MatchKind.EXACT, "b.example", False),
        (SanType.DNS, MatchKind.EXACT, "*.b.example", True),
        (SanType.DNS, MatchKind.SUFFIX, ".example", True),
        (SanType.DNS, MatchKind.PREFIX, "spiffe", False),
        (SanType.URI, MatchKind.PREFIX, "spiffe://x/", True),
        (SanType.URI, MatchKind.EXACT, "a.example", False),
        (SanType.EMAIL, MatchKind.SAFE_REGEX, ".*@a[.]example", True),
        (SanType.IP_ADDRESS, MatchKind.EXACT, "::1", True),
        (SanType.IP_ADDRESS, MatchKind.EXACT, "::2", False),
        (None, MatchKind.EXACT, "spiffe://x/orders", True),
        (None, MatchKind.EXACT, "c.b.example", True),
        (None, MatchKind.CONTAINS, "unsupported", False),
    ],
)
def test_one_of_its_names_must_be_what_is_wanted(
    kind: SanType | None, match: MatchKind, value: str, is_wanted: bool
) -> None:
    config = ValidationConfig(sans=(SanMatcherConfig(kind, MatcherConfig("", match, value)),))
    verification = Verification(config)
    assert verification.is_needed
    assert verification.problem(NAMES, b"") == ("" if is_wanted else NO_SAN)
    assert verification.problem({}, b"") == NO_SAN
    assert not Verification(config, is_name_checked=True).is_needed


def test_one_hash_of_either_list_will_do(tmp_path: Path) -> None:
    (certificate,) = Certificate.all_from_pem(Authority(tmp_path).issue("x").chain)
    key, whole, other = certificate.public_key_sha256, certificate.sha256, bytes(32)
    for pins, hashes, problem in [
        ({key}, set(), ""),
        (set(), {whole}, ""),
        ({other, key}, {other}, ""),
        ({other}, {whole}, ""),
        ({whole}, {key}, NO_HASH),
        ({other}, set(), NO_HASH),
    ]:
        config = ValidationConfig(pins=frozenset(pins), hashes=frozenset(hashes))
        assert Verification(config).problem({}, certificate.der) == problem
    assert not Verification(ValidationConfig()).is_needed
