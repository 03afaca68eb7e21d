"""The TLS of one listener's clients, or of one cluster's servers.

What new connections use is swapped when certificates change; connections that are there go on with what they have.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from metaprotocol_sdk.proxy.config.credentials import reason_of, word_of
from metaprotocol_sdk.proxy.config.values import TlsConfig, UpstreamTlsConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import SslStats
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.tls_context import Material, make_context, read_material
from metaprotocol_sdk.proxy.net.verification import NO_SAN, Verification
from metaprotocol_sdk.proxy.timers import Slot
from metaprotocol_sdk.proxy.watch import Watch

_log = logging.getLogger(LOGGER_NAME)

WATCH_INTERVAL = 1.0
"""Seconds from one look at certificates' files to the next."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL"})
_OTHER_NAME = frozenset({62, 63, 64})
"""``X509_V_ERR_HOSTNAME_MISMATCH``, and those of an e-mail's and an IP address."""


class Security:
    """One side's TLS: the context its new connections use, made anew when a file of its has changed.

    Files are looked at once a second. What has changed is used once it is whole: a certificate whose key has not come
    yet, or one that cannot be read, leaves everything as it was, and is logged and counted.

    Args:
        config: What it is.
        turns: The event loop.
        owner: Whose it is, for the log: ``listener main``.
        stats: What was counted before; None: nothing.
        is_strict: Whether files that cannot be used are an error; if not, no connection is made until they can be.

    Attributes:
        config: What it is now.
        stats: What is counted of its handshakes.
        context: What a new connection uses; None: its files cannot be used.

    Raises:
        ValueError: A file cannot be read, or used.
    """

    __slots__ = ("_material", "_owner", "_timer", "_turns", "_verification", "_watches", "config", "context", "stats")

    def __init__(
        self,
        config: TlsConfig,
        turns: Turns,
        *,
        owner: str,
        is_strict: bool = True,
        stats: SslStats | None = None,
    ) -> None:
        self.stats = stats or SslStats()
        self._turns = turns
        self._owner = owner
        self._timer: Slot | None = None
        self._configure(config)
        if is_strict:
            self._load()
        else:
            self._reload()

    def _configure(self, config: TlsConfig) -> None:
        self.config = config
        self.context: ssl.SSLContext | None = None
        self._material: Material | None = None
        is_name_checked = isinstance(config, UpstreamTlsConfig) and config.auto_sni_san_validation
        self._verification = Verification(config.validation, is_name_checked=is_name_checked)
        self._watches = [Watch(name) for name in {each.filename for each in config.sources} if name]

    def start(self) -> None:
        """Looks at its files from now on."""
        if self._timer is None and self._watches:
            self._timer = self._turns.wheel.add(self, WATCH_INTERVAL)

    def _load(self) -> bool:
        """Reads its files; whether anything in them is new."""
        material = read_material(self.config)
        if material == self._material:
            return False
        self.context = make_context(self.config, material)
        self._material = material
        return True

    def update(self, config: TlsConfig) -> None:
        """Is another from now on. Should its files have become unusable since they were looked at, there are no new
        connections until they can be used."""
        self.close()
        self._configure(config)
        self._reload()
        self.start()

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """Looks at the files."""
        self._timer = self._turns.wheel.add(self, WATCH_INTERVAL)
        news = [watch for watch in self._watches if watch.has_changed() or watch.has_gone]
        if news:
            self._reload()

    def _reload(self) -> None:
        try:
            is_new = self._load()
        except ValueError as error:
            self.stats.key_rotation_failed += 1
            then = "no connection is made" if self.context is None else "the certificates before stay"
            text = f"{self._owner}: changed certificates cannot be used, {then}: {error}"
            _log.error(text)
            return
        if is_new:
            self.stats.context_update_by_file += 1
            _log.info("%s: new connections use the certificates that have changed", self._owner)

    def close(self) -> None:
        """Looks at files no more."""
        if self._timer is not None:
            self._timer.pop(self, None)
            self._timer = None

    def admit(self, info: Callable[[str], Any]) -> str:
        """Counts a handshake that has ended well, and says what is wrong with the peer's certificate all the same.

        Args:
            info: The ``get_extra_info`` of the connection's transport.

        Returns:
            What is wrong, or nothing.
        """
        stats = self.stats
        secured: ssl.SSLObject = info("ssl_object")
        der = secured.getpeercert(binary_form=True)
        problem = ""
        if der is not None and self._verification.is_needed:
            problem = self._verification.problem(info("peercert") or {}, der)
        if not problem:
            stats.handshake += 1
            stats.no_certificate += der is None
        elif problem == NO_SAN:
            stats.fail_verify_san += 1
        else:
            stats.fail_verify_cert_hash += 1
        return problem

    def failed(self, error: BaseException) -> str:
        """Counts a handshake that has failed, and says why."""
        stats = self.stats
        if isinstance(error, ssl.SSLCertVerificationError):
            if error.verify_code in _OTHER_NAME:
                stats.fail_verify_san += 1
            else:
                stats.fail_verify_error += 1
            return reason_of(error)
        reason = word_of(error)
        if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            stats.fail_verify_no_cert += 1
            return "it has shown no certificate"
        stats.connection_error += 1
        if reason in _NO_TLS:
            return "what it has sent is no TLS"
        return reason_of(error) if reason or str(error) else "it has closed the connection"


class Gate(asyncio.Protocol):
    """What a connection is until it may be what it shall become: nothing of the peer is read before.

    Args:
        make: Makes the protocol of a connection that is let in.
        security: What has an eye on its certificate; None: there is no TLS.
        begun: What has been read of it already.

    Attributes:
        problem: Why it was not let in.
    """

    def __init__(
        self, make: Callable[[], asyncio.BaseProtocol], security: Security | None = None, *, begun: bytes = b""
    ) -> None:
        self._make = make
        self._security = security
        self._begun = begun
        self.problem = ""

    def connection_made(self, transport: Any) -> None:
        """Called by the loop once the connection is there, and its handshake over."""
        if self._security is not None:
            self.problem = self._security.admit(transport.get_extra_info)
            if self.problem:
                transport.abort()
                return
        protocol: Any = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._begun:
            protocol.data_received(self._begun)
