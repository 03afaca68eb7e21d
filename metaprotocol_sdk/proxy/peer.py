"""Who is at the other end of a client's connection: its addresses, and what its certificate says.

Worked out once a connection, when a filter first asks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_SHORT_NAMES = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "street",
    "userId": "UID",
}
_SPECIAL = re.compile(r'[,+"\\<>;]|^[# ]| $')


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What the certificate says that a client has proved to have.

    Args:
        uris: Its subject alternative names that are URIs.
        dns: Those that are names of hosts.
        subject: Its subject as RFC 2253 writes it: ``CN=orders,O=Example``.
    """

    uris: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    subject: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it has, in the order in which Envoy looks at them."""
        return (*self.uris, *self.dns, self.subject)

    @classmethod
    def from_certificate(cls, certificate: Mapping[str, Any]) -> TlsIdentity:
        """What is in a certificate as ``ssl.SSLObject.getpeercert()`` gives it."""
        names = certificate.get("subjectAltName", ())
        return cls(
            uris=tuple(value for kind, value in names if kind == "URI"),
            dns=tuple(value for kind, value in names if kind == "DNS"),
            subject=_subject(certificate.get("subject", ())),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a connection is for, as whoever made it says by the PROXY protocol; None: on a Unix socket."""

    remote_ip: Ip | None = None
    remote_port: int | None = None
    local_ip: Ip | None = None
    local_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The client of one connection. An address is None where there is none, as on a Unix socket.

    An IPv4 address that came mapped into IPv6 is the IPv4 address it is.

    Args:
        remote_ip: The client's address; where something in between tells of another client, that client's.
        remote_port: The port that belongs to it.
        direct_remote_ip: The address the connection comes from.
        local_ip: The address it connected to: this proxy's, or that of what tells of it.
        local_port: The port it connected to.
        identity: What its verified certificate says; None: it has none, or the connection has no TLS.
    """

    remote_ip: Ip | None = None
    remote_port: int | None = None
    direct_remote_ip: Ip | None = None
    local_ip: Ip | None = None
    local_port: int | None = None
    identity: TlsIdentity | None = None

    @classmethod
    def from_transport(cls, info: Callable[[str], Any], told: Told | None = None) -> Self:
        """What a connection's transport knows.

        Args:
            info: Its ``get_extra_info``.
            told: What the connection said of whom it is for, where it did.
        """
        remote, remote_port = _address(info("peername"))
        local, local_port = _address(info("sockname"))
        certificate = info("peercert")  # empty when nobody has verified it
        told = told or Told(remote, remote_port, local, local_port)
        return cls(
            remote_ip=told.remote_ip,
            remote_port=told.remote_port,
            direct_remote_ip=remote,
            local_ip=told.local_ip,
            local_port=told.local_port,
            identity=TlsIdentity.from_certificate(certificate) if certificate else None,
        )


def _address(name: object) -> tuple[Ip | None, int | None]:
    """The address and port of a socket's name; a Unix socket's is text."""
    if not isinstance(name, tuple):
        return None, None
    ip = ipaddress.ip_address(name[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip, name[1]


def _subject(names: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """The last part first, as RFC 2253 has it; parts of one set are joined by a plus sign."""
    return ",".join("+".join(f"{_SHORT_NAMES.get(k, k)}={_escaped(v)}" for k, v in part) for part in reversed(names))


def _escaped(value: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], value)
