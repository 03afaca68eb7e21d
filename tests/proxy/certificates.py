"""Certificates made for one test, in files as an administrator has them."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from metaprotocol_sdk.proxy.config.values import CertificateConfig, DataSource

trustme = pytest.importorskip("trustme")

LONG_AGO = dt.datetime(2001, 2, 3, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM and in files."""

    chain: bytes
    key: bytes
    chain_path: str
    key_path: str

    @property
    def config(self) -> CertificateConfig:
        return CertificateConfig(DataSource(self.chain_path), DataSource(self.key_path))

    @property
    def inline(self) -> CertificateConfig:
        return CertificateConfig(DataSource(data=self.chain), DataSource(data=self.key))


class Authority:
    """One that makes certificates, and has a folder for their files."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.made = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.pem: bytes = self.made.cert_pem.bytes()
        self.path = str(folder / f"{name}.pem")
        replace_file(self.path, self.pem)

    @property
    def source(self) -> DataSource:
        return DataSource(self.path)

    def issue(self, *names: str, file: str = "", common_name: str | None = None, expired: bool = False) -> Issued:
        """A certificate for those names; ``file`` is what its files are called by, where it is not the first name."""
        more = {"not_before": LONG_AGO, "not_after": LONG_AGO + dt.timedelta(days=9)} if expired else {}
        made = self.made.issue_cert(*names, common_name=common_name, key_type=trustme.KeyType.ECDSA, **more)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        key: bytes = made.private_key_pem.bytes()
        stem = self.folder / (file or (names[0] if names else str(common_name)).replace("*", "_").replace("/", "_"))
        replace_file(f"{stem}.pem", chain)
        replace_file(f"{stem}.key", key)
        return Issued(chain, key, f"{stem}.pem", f"{stem}.key")

    def client(self, certificate: Issued | None = None) -> ssl.SSLContext:
        """What a client of somebody this authority vouches for uses."""
        context = ssl.create_default_context(cafile=self.path)
        if certificate is not None:
            context.load_cert_chain(certificate.chain_path, certificate.key_path)
        return context

    def server(self, certificate: Issued, *, asks: bool = False) -> ssl.SSLContext:
        """What a server uses; it may ask for a certificate of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.path)
        context.load_cert_chain(certificate.chain_path, certificate.key_path)
        context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        return context


def serial_of(chain: bytes) -> str:
    """The serial number of a certificate in PEM, as ``getpeercert`` says it."""
    number = x509.load_pem_x509_certificates(chain)[0].serial_number
    text = f"{number:X}"
    return text.zfill(len(text) + len(text) % 2)


def replace_file(path: str, data: bytes) -> None:
    """Writes a file as one does that others read: they see the old or the new."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)
