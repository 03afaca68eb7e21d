"""Whether the other side's certificate is one of those that are wanted: its names, its hashes.

That somebody trusted has made it is OpenSSL's to see.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from metaprotocol_sdk.proxy.config.certificate import Certificate
from metaprotocol_sdk.proxy.config.values import MatchKind, SanMatcherConfig, SanType, ValidationConfig
from metaprotocol_sdk.proxy.match import Matcher

NO_SAN = "its certificate is for other names"
"""What is wrong with a certificate that none of the matchers takes."""

NO_HASH = "its certificate is none of those that are listed"
"""What is wrong with one that has no hash that is wanted."""

_KINDS = frozenset(each.value for each in SanType)


class Verification:
    """What is asked of a certificate beside its being verified.

    Args:
        config: What it must be.
        is_name_checked: Whether its name is checked by OpenSSL, instead of by the matchers.
    """

    __slots__ = ("_config", "_sans")

    def __init__(self, config: ValidationConfig, *, is_name_checked: bool = False) -> None:
        self._config = config
        self._sans = () if is_name_checked else tuple(_San(each) for each in config.sans)

    @property
    def is_needed(self) -> bool:
        """Whether anything is asked."""
        return bool(self._sans or self._config.pins or self._config.hashes)

    def problem(self, names: Mapping[str, Any], der: bytes) -> str:
        """What is wrong with a certificate: :data:`NO_SAN`, :data:`NO_HASH`, or nothing.

        Args:
            names: What it says, as ``ssl.SSLObject.getpeercert()`` gives it.
            der: The whole of it.
        """
        listed = names.get("subjectAltName", ())
        if self._sans and not any(san.takes(kind, value) for san in self._sans for kind, value in listed):
            return NO_SAN
        pins, hashes = self._config.pins, self._config.hashes
        if not pins and not hashes:
            return ""
        found = Certificate.from_der(der)
        return "" if found.public_key_sha256 in pins or found.sha256 in hashes else NO_HASH


class _San:
    """One matcher of names."""

    __slots__ = ("_host", "_kind", "_test")

    def __init__(self, config: SanMatcherConfig) -> None:
        matcher, self._kind = config.matcher, config.kind
        self._test = Matcher.from_config(matcher).test
        # The name of a host that is spelt out is what a certificate for all of its domain has, too.
        is_host = self._kind in (SanType.DNS, None) and matcher.kind is MatchKind.EXACT
        self._host = str(matcher.value).lower() if is_host else ""

    def takes(self, kind: str, value: str) -> bool:
        """Whether a name is what it must be."""
        if kind not in _KINDS or (self._kind is not None and self._kind.value != kind):
            return False
        if kind == SanType.IP_ADDRESS.value:
            value = _ip(value)
        if self._host and kind == SanType.DNS.value:
            host = value.lower()
            return host == self._host or (host.startswith("*.") and host[1:] == self._host[self._host.find(".") :])
        return self._test(value)


def _ip(text: str) -> str:
    """An address as everybody writes it; OpenSSL writes out every zero of version 6."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
