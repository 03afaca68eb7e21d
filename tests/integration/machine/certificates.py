"""The certificates of a run, on disk, where the proxy looks at them by the machine's clock."""

from __future__ import annotations

import functools
import math
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from metaprotocol_sdk.proxy.config.values import (
    DataSource,
    DownstreamTlsConfig,
    TlsVersion,
    UpstreamTlsConfig,
    ValidationConfig,
)
from metaprotocol_sdk.proxy.net.tls import WATCH_INTERVAL
from tests.integration.machine.clock import ClockedLoop
from tests.proxy.certificates import Authority, Issued, replace_file, serial_of

_COUNT = 5
_SEEN = 2 * WATCH_INTERVAL + 0.2
"""Seconds after which a certificate that has changed is used: it is looked at twice, to see that it is whole."""


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def _made() -> tuple[Authority, tuple[Issued, ...], Authority]:
    """One authority, certificates of it, and another authority: made once, since it takes its time."""
    folder = Path(_folder().name)
    authority = Authority(folder)
    return authority, tuple(authority.issue("localhost") for _ in range(_COUNT)), Authority(folder, "other")


@functools.cache
def client_context() -> ssl.SSLContext:
    """What clients use."""
    return _made()[0].client()


@functools.cache
def server_context() -> ssl.SSLContext:
    """What servers use."""
    authority, issued, _ = _made()
    return authority.server(issued[0])


@functools.cache
def listeners(maximum: TlsVersion) -> DownstreamTlsConfig:
    """What the proxy's listeners show."""
    return DownstreamTlsConfig(certificates=(_made()[1][0].config,), maximum=maximum)


@functools.cache
def clusters(maximum: TlsVersion) -> UpstreamTlsConfig:
    """What the proxy's clusters trust."""
    trusted = DataSource(_made()[0].path)
    return UpstreamTlsConfig(sni="localhost", validation=ValidationConfig(trusted_ca=trusted), maximum=maximum)


@dataclass(slots=True)
class _Shown:
    """A certificate, and from when to when all of it was there."""

    serial: str
    since: float
    until: float = math.inf


class Certificates:
    """What the files have, and may therefore be shown.

    Args:
        clock: The machine's.

    Attributes:
        is_whole: Whether a new proxy could use them.
    """

    def __init__(self, clock: ClockedLoop) -> None:
        self._clock = clock
        self._number = 0
        self._used_at = clock.now
        self._shown: list[_Shown] = []
        self.is_whole = True
        self.replace()

    @property
    def _issued(self) -> Issued:
        return _made()[1][self._number % _COUNT]

    def replace(self, how: str = "whole") -> None:
        """Another certificate: ``whole``, ``without its key``, which comes when this is called again, or ``none``."""
        authority, _, other = _made()
        if self.is_whole and self._shown:
            self._shown[-1].until = self._clock.now
        self._number += self.is_whole
        found = self._issued
        self.is_whole = how == "whole"
        replace_file(found.chain_path, b"no certificate" if how == "none" else found.chain)
        if self.is_whole:
            replace_file(found.key_path, found.key)
            self._shown.append(_Shown(serial_of(found.chain), self._clock.now))
        replace_file(authority.path, authority.pem + (other.pem if self._number % 2 else b""))

    def were_configured(self) -> None:
        """The proxy looks at them anew from now on."""
        self._used_at = self._clock.now

    def check(self, serial: str) -> None:
        """Somebody who has just come was shown this one: the last that the proxy has had the time to see, or one that
        came after it."""
        now = self._clock.now
        seen = [max(each.since, self._used_at) + _SEEN <= min(each.until, now) for each in self._shown]
        first = max((index for index, is_seen in enumerate(seen) if is_seen), default=0)
        expected = [each.serial for each in self._shown[first:]]
        assert serial in expected, f"a client was shown {serial}, and the certificates are {self._shown}"
