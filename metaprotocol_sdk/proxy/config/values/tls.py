"""TLS: ``envoy.extensions.transport_sockets.tls.v3``."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from metaprotocol_sdk.proxy.config.values.route import MatcherConfig


class TlsVersion(enum.Enum):
    """``TlsParameters.TlsProtocol``; those before 1.2 are not spoken."""

    TLS_1_2 = "TLSv1_2"
    TLS_1_3 = "TLSv1_3"


class SanType(enum.Enum):
    """``SubjectAltNameMatcher.SanType``: the value is what :meth:`ssl.SSLObject.getpeercert` calls it."""

    EMAIL = "email"
    DNS = "DNS"
    URI = "URI"
    IP_ADDRESS = "IP Address"


@dataclass(frozen=True, slots=True)
class DataSource:
    """``envoy.config.core.v3.DataSource``.

    Args:
        filename: The file that has the data, looked at again while the proxy runs; empty: the data stands here.
        data: What it is, where there is no file.
    """

    filename: str = ""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CertificateConfig:
    """``TlsCertificate``: PEM of a certificate and those that lead from it to an authority's, and of its key."""

    chain: DataSource
    key: DataSource
    password: DataSource | None = None


@dataclass(frozen=True, slots=True)
class SanMatcherConfig:
    """``SubjectAltNameMatcher``.

    Args:
        kind: Which names are looked at; None: of every kind, as the older ``match_subject_alt_names`` does.
        matcher: What one of them must be; its own name says nothing.
    """

    kind: SanType | None
    matcher: MatcherConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """``CertificateValidationContext``.

    Args:
        trusted_ca: PEM of the authorities whose certificates are taken; None: nobody's are looked at.
        crl: PEM of the lists of certificates that are taken back.
        only_verify_leaf_cert_crl: Whether only the peer's own certificate is looked up there.
        sans: One of these must be what one of the certificate's names is; none: any name will do.
        pins: SHA-256 of the public key (``verify_certificate_spki``), one of which it must be.
        hashes: SHA-256 of the whole certificate (``verify_certificate_hash``); it may be one of these instead.
    """

    trusted_ca: DataSource | None = None
    crl: DataSource | None = None
    only_verify_leaf_cert_crl: bool = False
    sans: tuple[SanMatcherConfig, ...] = ()
    pins: frozenset[bytes] = frozenset()
    hashes: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """``CommonTlsContext``.

    Args:
        minimum: The oldest version that is spoken.
        maximum: The newest.
        ciphers: Suites of TLS 1.2 as OpenSSL lists them; empty: its own choice.
        curve: The only ECDH curve, as OpenSSL calls it; empty: its own choice.
        certificates: What this side shows.
        validation: What the other side must show.
        alpn: ``alpn_protocols``.
    """

    minimum: TlsVersion = TlsVersion.TLS_1_2
    maximum: TlsVersion = TlsVersion.TLS_1_3
    ciphers: str = ""
    curve: str = ""
    certificates: tuple[CertificateConfig, ...] = ()
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    alpn: tuple[str, ...] = ()

    @property
    def sources(self) -> Iterator[DataSource]:
        """Everything that is read to use it."""
        for each in self.certificates:
            yield each.chain
            yield each.key
            if each.password is not None:
                yield each.password
        for source in (self.validation.trusted_ca, self.validation.crl):
            if source is not None:
                yield source


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamTlsConfig(TlsConfig):
    """``DownstreamTlsContext``.

    Args:
        require_client_certificate: Whether a client without one is refused.
    """

    require_client_certificate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTlsConfig(TlsConfig):
    """``UpstreamTlsContext``.

    Args:
        sni: The name the server is asked for; empty: none is sent.
        auto_sni_san_validation: Whether its certificate must be for that name.
    """

    maximum: TlsVersion = TlsVersion.TLS_1_2
    sni: str = ""
    auto_sni_san_validation: bool = False
