"""What the other side's certificate must be: ``CertificateValidationContext`` of
``envoy.extensions.transport_sockets.tls.v3``."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Literal

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.credentials import scratch, use_authorities, use_revocations
from metaprotocol_sdk.proxy.config.data_source import DataSource, WatchedDirectory, peek, source_place
from metaprotocol_sdk.proxy.config.fields import Kind, Repeated, Switch, word
from metaprotocol_sdk.proxy.config.matcher import StringMatcher
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, SanMatcherConfig, SanType, ValidationConfig

_SAN_TYPES = {each.name: each for each in SanType}
_VERIFY: dict[str, Literal["VERIFY_TRUST_CHAIN"]] = {"VERIFY_TRUST_CHAIN": "VERIFY_TRUST_CHAIN"}
_HEX = re.compile("[0-9a-fA-F]{64}")


def _read_pin(value: object) -> bytes:
    try:
        if isinstance(value, str) and len(found := base64.b64decode(value, validate=True)) == 32:
            return found
    except (binascii.Error, ValueError):
        pass
    raise expected("the SHA-256 of a public key in base64, 44 characters", value)


def _read_hash(value: object) -> bytes:
    if isinstance(value, str) and _HEX.fullmatch(digits := value.replace(":", "")):
        return bytes.fromhex(digits)
    raise expected("the SHA-256 of a certificate in hexadecimal, 64 digits", value)


Pin = Annotated[bytes, PlainValidator(_read_pin), Kind("SHA-256 in base64")]
"""The hash of a public key."""

Hash = Annotated[bytes, PlainValidator(_read_hash), Kind("SHA-256 in hexadecimal")]
"""The hash of a certificate."""


class SubjectAltNameMatcher(Message):
    """``envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher``."""

    refused = not_yet("oid")

    san_type: Annotated[SanType, PlainValidator(word(_SAN_TYPES, "OTHER_NAME"))]
    """Which of the certificate's names are looked at."""

    matcher: StringMatcher
    """What one of them must be. An ``exact`` name of a host is also what a certificate for ``*.`` of its domain has."""

    def value(self) -> SanMatcherConfig:
        """What the runtime reads."""
        return SanMatcherConfig(self.san_type, _matcher(self.matcher))


def _matcher(asked: StringMatcher) -> MatcherConfig:
    kind, value = asked.asked()
    return MatcherConfig("", kind, value, ignore_case=kind is not MatchKind.SAFE_REGEX and asked.ignore_case)


class CertificateValidationContext(Message):
    """``envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext``."""

    refused = not_yet(
        "ca_certificate_provider_instance", "system_root_certs", "require_signed_certificate_timestamp",
        "allow_expired_certificate", "custom_validator_config", "max_verify_depth",
    )  # fmt: skip

    trusted_ca: DataSource | None = None
    """The authorities whose certificates are taken, in PEM. Not given: certificates are not verified."""

    watched_directory: WatchedDirectory | None = None
    """Accepted; the files themselves are looked at."""

    verify_certificate_spki: tuple[Pin, ...] = ()
    """The certificate's public key has one of these hashes."""

    verify_certificate_hash: tuple[Hash, ...] = ()
    """The certificate has one of these hashes. Where there are both lists, one hash of either will do."""

    match_typed_subject_alt_names: Repeated[SubjectAltNameMatcher] = ()
    """One of the certificate's names is what one of these wants."""

    match_subject_alt_names: Repeated[StringMatcher] = ()
    """The older form: names of every kind are looked at."""

    crl: DataSource | None = None
    """Lists of certificates that are taken back, in PEM; each authority of a chain must have one."""

    only_verify_leaf_cert_crl: Switch = False
    """Whether only the peer's own certificate is looked up there, so that only its authority must have a list."""

    trust_chain_verification: Annotated[
        Literal["VERIFY_TRUST_CHAIN"], PlainValidator(word(_VERIFY, "ACCEPT_UNTRUSTED"))
    ] = "VERIFY_TRUST_CHAIN"
    """Certificates that cannot be verified are refused."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports authorities that are none, and what means nothing without any."""
        if fields.get("trusted_ca") is None:
            for key in ("match_typed_subject_alt_names", "match_subject_alt_names", "crl"):
                if fields.get(key) is not None:
                    problem = "needs trusted_ca: anybody could make a certificate that says so"
                    context.report.error(fields.value_place(key), problem)
        trusted, revoked = peek(fields, "trusted_ca"), peek(fields, "crl")
        at = "trusted_ca"
        found = scratch()
        try:
            if trusted is not None:
                use_authorities(found, trusted)
            if revoked is not None:
                at = "crl"
                use_revocations(found, revoked, only_leaf=False)
        except ValueError as error:
            context.report.error(source_place(fields, at), str(error))

    def value(self) -> ValidationConfig:
        """What the runtime reads."""
        older = tuple(SanMatcherConfig(None, _matcher(each)) for each in self.match_subject_alt_names)
        return ValidationConfig(
            trusted_ca=None if self.trusted_ca is None else self.trusted_ca.value(),
            crl=None if self.crl is None else self.crl.value(),
            only_verify_leaf_cert_crl=self.only_verify_leaf_cert_crl,
            sans=tuple(each.value() for each in self.match_typed_subject_alt_names) + older,
            pins=frozenset(self.verify_certificate_spki),
            hashes=frozenset(self.verify_certificate_hash),
        )
