"""TLS of clients and of servers: ``envoy.extensions.transport_sockets.tls.v3``.

What files say is looked at when the configuration is read: one that is missing, a key that is another's, a certificate
that has expired are errors at the field that names them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, StringConstraints, field_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.credentials import (
    can_use_ciphers,
    can_use_curve,
    read_chain,
    scratch,
    use_certificate,
)
from metaprotocol_sdk.proxy.config.data_source import DataSource, WatchedDirectory, peek, source_place
from metaprotocol_sdk.proxy.config.fields import Repeated, Switch, Text
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, OneOf, not_yet, without_effect
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.validation_context import CertificateValidationContext
from metaprotocol_sdk.proxy.config.values import (
    CertificateConfig,
    DownstreamTlsConfig,
    TlsVersion,
    UpstreamTlsConfig,
    ValidationConfig,
)

_VERSIONS = {each.value: each for each in TlsVersion}
_OLD_VERSIONS = ("TLSv1_0", "TLSv1_1")
_CURVES = {"X25519": "X25519", "X448": "X448", "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}


def _read_version(value: object) -> TlsVersion | None:
    if value == "TLS_AUTO":
        return None
    if isinstance(value, str) and value in _VERSIONS:
        return _VERSIONS[value]
    known = f"one of TLS_AUTO, {', '.join(_VERSIONS)}"
    if value in _OLD_VERSIONS:
        raise ValueError(f"expected {known}; {value} is broken, and this proxy does not speak it (RFC 8996)")
    raise expected(known, value)


Version = Annotated[TlsVersion | None, PlainValidator(_read_version)]
"""A ``TlsProtocol``; None: the default."""

_LABEL = "[A-Za-z0-9_-]{1,63}"
Host = Annotated[str, StringConstraints(max_length=255, pattern=rf"^{_LABEL}(\.{_LABEL})*\.?$")]
"""The name of a host, as DNS has it and TLS can say it."""


def _read_suite(suite: str) -> str:
    if not can_use_ciphers(_suites(suite)):
        raise ValueError(f"OpenSSL knows no cipher suite {shown(suite)} of TLS 1.2")
    return suite


Suite = Annotated[Text, AfterValidator(_read_suite)]
"""A cipher suite of TLS 1.2, or several that are as good as each other."""


class TlsParameters(Message):
    """``envoy.extensions.transport_sockets.tls.v3.TlsParameters``."""

    refused = not_yet("signature_algorithms", "compliance_policies")

    tls_minimum_protocol_version: Version = None
    """The oldest version that is spoken: ``TLSv1_2``, the default, or ``TLSv1_3``. Older ones are refused."""

    tls_maximum_protocol_version: Version = None
    """The newest. Not given: ``TLSv1_3`` for clients that connect here, ``TLSv1_2`` to servers, as in Envoy."""

    cipher_suites: tuple[Suite, ...] = ()
    """Suites of TLS 1.2 by OpenSSL's names, the best first; ``[A|B]``: as good as each other, which OpenSSL cannot say,
    so that the first is better. Not given: OpenSSL's own list."""

    ecdh_curves: tuple[Text, ...] = ()
    """The one curve to use: ``X25519``, ``P-256``, ``P-384`` or ``P-521``. Python's ssl takes no second. Not given:
    OpenSSL's own list."""

    @field_validator("ecdh_curves", mode="after")
    @classmethod
    def _is_one(cls, curves: tuple[str, ...]) -> tuple[str, ...]:
        for each in curves:
            if not can_use_curve(_CURVES.get(each, each)):
                raise ValueError(f"OpenSSL knows no curve {shown(each)}; known are {', '.join(_CURVES)}")
        if len(curves) > 1:
            raise ValueError(f"expected one curve, found {len(curves)}; more than one is {NOT_YET}")
        return curves

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a newest version that is older than the oldest."""
        key = "tls_maximum_protocol_version"
        if fields.get("tls_minimum_protocol_version") == "TLSv1_3" and fields.get(key) == "TLSv1_2":
            problem = "expected TLSv1_3: tls_minimum_protocol_version is that, so no version would be left"
            context.report.error(fields.value_place(key), problem)

    def values(self) -> dict[str, Any]:
        """What the runtime reads, by the names of :class:`TlsConfig`; what is not given is not there."""
        found: dict[str, Any] = {}
        if self.tls_minimum_protocol_version is not None:
            found["minimum"] = self.tls_minimum_protocol_version
        if self.tls_maximum_protocol_version is not None:
            found["maximum"] = self.tls_maximum_protocol_version
        elif self.tls_minimum_protocol_version is TlsVersion.TLS_1_3:
            found["maximum"] = TlsVersion.TLS_1_3
        found["ciphers"] = ":".join(map(_suites, self.cipher_suites))
        found["curve"] = "".join(_CURVES.get(each, each) for each in self.ecdh_curves)
        return found


def _suites(text: str) -> str:
    return text.strip("[]").replace("|", ":")


class TlsCertificate(Message):
    """``envoy.extensions.transport_sockets.tls.v3.TlsCertificate``: a certificate and its key, both in PEM."""

    refused = not_yet("pkcs12", "private_key_provider", "ocsp_staple", "signed_certificate_timestamp")

    certificate_chain: DataSource
    """The certificate, and behind it those that lead from it to an authority's."""

    private_key: DataSource
    """The certificate's key."""

    password: DataSource | None = None
    """What the key is encrypted with."""

    watched_directory: WatchedDirectory | None = None
    """Accepted; the files themselves are looked at."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a certificate that cannot be used, or with that key."""
        chain, key = peek(fields, "certificate_chain"), peek(fields, "private_key")
        if chain is None:
            return
        try:
            read_chain(chain)
        except ValueError as error:
            context.report.error(source_place(fields, "certificate_chain"), str(error))
            return
        if key is None or (fields.get("password") is not None and peek(fields, "password") is None):
            return
        try:
            use_certificate(scratch(), chain, key, peek(fields, "password"))
        except ValueError as error:
            context.report.error(source_place(fields, "private_key"), str(error))

    def value(self) -> CertificateConfig:
        """What the runtime reads."""
        password = None if self.password is None else self.password.value()
        return CertificateConfig(self.certificate_chain.value(), self.private_key.value(), password)


class CommonTlsContext(Message):
    """``envoy.extensions.transport_sockets.tls.v3.CommonTlsContext``."""

    refused = not_yet(
        "tls_certificate_sds_secret_configs", "tls_certificate_provider_instance", "custom_tls_certificate_selector",
        "tls_certificate_certificate_provider", "tls_certificate_certificate_provider_instance",
        "validation_context_sds_secret_config", "combined_validation_context",
        "validation_context_certificate_provider", "validation_context_certificate_provider_instance",
        "custom_handshaker", "key_log",
    )  # fmt: skip
    one_of = (OneOf(("validation_context", "validation_context_sds_secret_config", "combined_validation_context")),)

    tls_params: TlsParameters = TlsParameters()
    """Versions and cipher suites."""

    tls_certificates: Repeated[TlsCertificate] = ()
    """What this side shows. A listener that has several shows the one that is for the name the client asks for, and the
    first where none is. A cluster has one at most."""

    validation_context: CertificateValidationContext | None = None
    """What the other side must show."""

    alpn_protocols: tuple[Annotated[Text, StringConstraints(max_length=255, pattern=r"^[\x00-\x7f]+$")], ...] = ()
    """What is offered by ALPN (RFC 7301), the best first."""

    def values(self) -> dict[str, Any]:
        """What the runtime reads, by the names of :class:`TlsConfig`."""
        return {
            **self.tls_params.values(),
            "certificates": tuple(each.value() for each in self.tls_certificates),
            "validation": ValidationConfig() if self.validation_context is None else self.validation_context.value(),
            "alpn": self.alpn_protocols,
        }


class DownstreamTlsContext(Message):
    """``envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext``: the TLS of clients that connect here."""

    refused = not_yet(
        "require_sni", "session_ticket_keys", "session_ticket_keys_sds_secret_config",
        "disable_stateless_session_resumption", "disable_stateful_session_resumption", "session_timeout",
        "ocsp_staple_policy", "full_scan_certs_on_sni_mismatch", "prefer_client_ciphers",
    )  # fmt: skip

    common_tls_context: CommonTlsContext
    """Certificates, versions, and what a client's certificate must be."""

    require_client_certificate: Switch = False
    """Whether a client without a certificate is refused. Else one is asked for where there is a ``trusted_ca``, and one
    that is shown must be good."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports that there is nothing to show, and a certificate that is wanted and cannot be verified."""
        common = fields.child("common_tls_context")
        is_told = any(key in CommonTlsContext.refused for key in common)
        if isinstance(fields.get("common_tls_context"), Entries) and not (common.get("tls_certificates") or is_told):
            problem = "required, and not there: clients must be shown a certificate"
            context.report.error(common.value_place("tls_certificates"), problem)
        validation = common.child("validation_context")
        if validation.get("trusted_ca") is not None:
            return
        if fields.get("require_client_certificate") is True:
            problem = "needs validation_context.trusted_ca: this proxy takes no certificate that nobody has verified"
            context.report.error(fields.value_place("require_client_certificate"), problem)
        for key in ("verify_certificate_spki", "verify_certificate_hash"):
            if validation.get(key) is not None:
                problem = "needs trusted_ca for clients: this proxy takes no certificate that nobody has verified"
                context.report.error(validation.value_place(key), problem)

    def value(self) -> DownstreamTlsConfig:
        """What the runtime reads."""
        return DownstreamTlsConfig(
            **self.common_tls_context.values(), require_client_certificate=self.require_client_certificate
        )


class UpstreamTlsContext(Message):
    """``envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext``: the TLS of a cluster's servers."""

    refused = not_yet("auto_host_sni", "allow_renegotiation", "max_session_keys")
    ignored = without_effect("enforce_rsa_key_usage")

    common_tls_context: CommonTlsContext = CommonTlsContext()
    """What their certificate must be, versions, and a certificate to show them."""

    sni: Host | None = None
    """The name they are asked for; not given: none."""

    auto_sni_san_validation: Switch = False
    """Whether their certificate must be for the ``sni``; it says so instead of ``match_typed_subject_alt_names``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports what verifies nothing, and more certificates than one."""
        common = fields.child("common_tls_context")
        validation = common.child("validation_context")
        pins = ("trusted_ca", "verify_certificate_spki", "verify_certificate_hash")
        if fields.get("auto_sni_san_validation") is True:
            if validation.get("trusted_ca") is None or not fields.get("sni"):
                problem = "needs sni, and validation_context.trusted_ca: there is else no name, or nothing to trust"
                context.report.error(fields.value_place("auto_sni_san_validation"), problem)
        elif not any(validation.get(key) for key in pins) and not common.keys() & CommonTlsContext.refused.keys():
            problem = "servers' certificates are not verified: anybody can pose as one; give them a trusted_ca"
            context.report.warning(common.value_place("validation_context"), problem)
        certificates = common.children("tls_certificates")
        if len(certificates) > 1:
            problem = f"expected one certificate to show servers, found {len(certificates)}"
            context.report.error(common.value_place("tls_certificates"), problem)

    def value(self) -> UpstreamTlsConfig:
        """What the runtime reads."""
        return UpstreamTlsConfig(
            **self.common_tls_context.values(),
            sni=self.sni or "",
            auto_sni_san_validation=self.auto_sni_san_validation,
        )
