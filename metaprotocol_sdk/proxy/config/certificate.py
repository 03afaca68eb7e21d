"""What a certificate says, as far as whoever shows or pins it must know: X.509 (RFC 5280) in DER.

::

    Certificate     SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
    tbsCertificate  SEQUENCE { [0] version, serialNumber, signature, issuer, validity, subject,
                               subjectPublicKeyInfo, [1], [2], [3] extensions }
    an element      tag (1), length (1: up to 127; else 0x80 + n, and n bytes of it), content

The standard library reads a certificate only once a peer has shown it, and has verified it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END ", re.DOTALL)
_CONTEXT_0, _EXTENSIONS = 0xA0, 0xA3
_UTC_TIME = 0x17
_DNS_NAME = 0x82
_OID = 0x06
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_COMMON_NAME = bytes.fromhex("550403")

_Element = tuple[int, bytes, bytes]
"""A tag, the content, and both with the length between them."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate.

    Args:
        der: The whole of it.
        public_key: Its ``subjectPublicKeyInfo``, in DER.
        not_before: Seconds since 1970 from which it may be used.
        not_after: Those after which it may not.
        names: The hosts it is for, in lower case: its alternative names, or else its subject's common name. One may
            begin with ``*.``.
    """

    der: bytes
    public_key: bytes
    not_before: float
    not_after: float
    names: tuple[str, ...]

    @property
    def sha256(self) -> bytes:
        """The hash that ``verify_certificate_hash`` is about."""
        return hashlib.sha256(self.der).digest()

    @property
    def public_key_sha256(self) -> bytes:
        """The hash that ``verify_certificate_spki`` is about."""
        return hashlib.sha256(self.public_key).digest()

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """The certificate in those bytes.

        Raises:
            ValueError: It is none.
        """
        try:
            fields = list(_elements(next(_elements(next(_elements(der))[1]))[1]))
            if fields[0][0] == _CONTEXT_0:
                del fields[0]
            validity = [_time(tag, content) for tag, content, _ in _elements(fields[3][1])]
            extensions = next((content for tag, content, _ in fields[6:] if tag == _EXTENSIONS), b"")
            names = _alternative_names(extensions) or _common_names(fields[4][1])
            return cls(der, fields[5][2], validity[0], validity[1], names)
        except (IndexError, StopIteration, ValueError) as error:
            raise ValueError("no certificate in X.509") from error

    @classmethod
    def all_from_pem(cls, pem: bytes) -> list[Self]:
        """Every certificate in a text of PEM (RFC 7468), in its order.

        Raises:
            ValueError: One of them is none.
        """
        try:
            found = [base64.b64decode(b"".join(each.split()), validate=True) for each in _PEM.findall(pem)]
        except binascii.Error as error:
            raise ValueError("a certificate whose base64 is broken") from error
        return [cls.from_der(each) for each in found]


def _elements(data: bytes) -> Iterator[_Element]:
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        end = start + length
        if end > len(data):
            raise ValueError("it ends too soon")
        yield tag, data[start:end], data[at:end]
        at = end


def _time(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year, from 1950 on
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _alternative_names(extensions: bytes) -> tuple[str, ...]:
    for _, listed, _ in _elements(extensions):
        for _, extension, _ in _elements(listed):
            parts = list(_elements(extension))
            if parts[0][1] == _SUBJECT_ALT_NAME:
                names = next(_elements(parts[-1][1]))[1]
                return tuple(each.decode("ascii").lower() for tag, each, _ in _elements(names) if tag == _DNS_NAME)
    return ()


def _common_names(subject: bytes) -> tuple[str, ...]:
    attributes = [list(_elements(each)) for _, part, _ in _elements(subject) for _, each, _ in _elements(part)]
    return tuple(
        value[1].decode("utf-8", "replace").lower()
        for name, value in attributes
        if name[0] == _OID and name[1] == _COMMON_NAME
    )
