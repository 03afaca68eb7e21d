"""Certificates, keys and authorities in PEM: whether they can be used, and how a TLS context gets them.

The one module of the configuration that needs ``ssl``: nothing but OpenSSL can say whether a key fits. A file is read
once, and what is used are the bytes that were looked at, whatever happens to the file meanwhile.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from metaprotocol_sdk.proxy.config.certificate import Certificate
from metaprotocol_sdk.proxy.config.values import DataSource

MAX_FILE = 4 * 1024 * 1024
"""Bytes of the largest file that is taken for a certificate."""


def read_source(source: DataSource) -> bytes:
    """What a source has now.

    Raises:
        ValueError: Its file cannot be read; says why.
    """
    if not source.filename:
        return source.data
    try:
        with open(source.filename, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(f"the file {source.filename!r} cannot be read: {reason.lower()}") from error
    if len(data) > MAX_FILE:
        raise ValueError(f"the file {source.filename!r} has more than {MAX_FILE} bytes")
    return data


def read_chain(pem: bytes, *, now: float | None = None) -> list[Certificate]:
    """The certificates of a chain: the first is the one that is shown.

    Args:
        pem: All of them.
        now: Seconds since 1970; the time that it is, if there is none.

    Raises:
        ValueError: There is none, or the first cannot be used now.
    """
    try:
        chain = Certificate.all_from_pem(pem)
    except ValueError as error:
        raise ValueError(f"expected certificates in PEM, found {error}") from error
    if not chain:
        raise ValueError("expected certificates in PEM, found none")
    now = time.time() if now is None else now
    if now > chain[0].not_after:
        raise ValueError(f"the certificate has expired, at {_at(chain[0].not_after)}")
    if now < chain[0].not_before:
        raise ValueError(f"the certificate cannot be used before {_at(chain[0].not_before)}")
    return chain


def use_certificate(context: ssl.SSLContext, chain: bytes, key: bytes, password: bytes | None) -> None:
    """Has a context show a certificate.

    Raises:
        ValueError: The key cannot be read, or is another certificate's.
    """
    try:
        with _file_of(chain) as chain_path, _file_of(key) as key_path:
            # Without a password OpenSSL would ask for one, at the terminal.
            context.load_cert_chain(chain_path, key_path, password=password or b"")
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(_key_problem(error, key, password)) from error


def _key_problem(error: Exception, key: bytes, password: bytes | None) -> str:
    if word_of(error) == "KEY_VALUES_MISMATCH":
        return "the key is not the certificate's"
    if b"PRIVATE KEY-----" not in key:
        return "expected a private key in PEM, found none"
    if b"ENCRYPTED" in key:
        return "the key cannot be decrypted; " + ("the password is wrong" if password else "it wants a password")
    return "the certificate or its key cannot be used: " + reason_of(error)


def use_authorities(context: ssl.SSLContext, pem: bytes) -> None:
    """Has a context trust authorities.

    Raises:
        ValueError: It has no certificate of an authority.
    """
    _use_trust(context, pem)
    if not context.cert_store_stats()["x509_ca"]:
        raise ValueError("expected certificates of authorities, found none that is an authority's")


def use_revocations(context: ssl.SSLContext, pem: bytes, *, only_leaf: bool) -> None:
    """Has a context refuse what is listed as taken back.

    Raises:
        ValueError: It has no such list.
    """
    before = context.cert_store_stats()["crl"]
    _use_trust(context, pem)
    if context.cert_store_stats()["crl"] == before:
        raise ValueError("expected lists of revoked certificates in PEM, found none")
    check_revocations(context, only_leaf=only_leaf)


def check_revocations(context: ssl.SSLContext, *, only_leaf: bool) -> None:
    """Has a context look at the lists it has."""
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF if only_leaf else ssl.VERIFY_CRL_CHECK_CHAIN


def _use_trust(context: ssl.SSLContext, pem: bytes) -> None:
    try:
        with _file_of(pem) as path:
            context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ValueError("expected certificates in PEM, found none that can be read") from error


def can_use_ciphers(listed: str) -> bool:
    """Whether OpenSSL knows cipher suites by that name."""
    try:
        scratch().set_ciphers(listed)
    except ssl.SSLError:
        return False
    return True


def can_use_curve(name: str) -> bool:
    """Whether OpenSSL knows an ECDH curve by that name."""
    try:
        scratch().set_ecdh_curve(name)
    except (ssl.SSLError, ValueError):
        return False
    return True


def scratch() -> ssl.SSLContext:
    """A context to try things on."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def reason_of(error: BaseException) -> str:
    """What went wrong, in OpenSSL's words and without its numbers."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and (word := word_of(error)):
        return word.replace("_", " ").lower()
    return str(error) or type(error).__name__


def word_of(error: BaseException) -> str:
    """OpenSSL's own word for what went wrong, ``WRONG_VERSION_NUMBER``; empty: it has none."""
    return getattr(error, "reason", None) or ""


@contextmanager
def _file_of(data: bytes) -> Iterator[str]:
    """The path of a file that has ``data``: OpenSSL takes no bytes. In memory where it can be, for it may be a key,
    and a container's disk may be read-only."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
