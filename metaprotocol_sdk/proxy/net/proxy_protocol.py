"""Who a connection is for, said before its first byte: HAProxy's PROXY protocol, versions 1 and 2.

::

    version 1   "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP source port SP destination port CR LF
                "PROXY" SP "UNKNOWN" whatever CR LF                                  107 bytes at most
    version 2   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A   the signature
                version (4 bits, 2)  command (4 bits): 0 LOCAL, 1 PROXY
                family (4 bits): 0 none, 1 IPv4, 2 IPv6, 3 Unix   transport (4 bits): 0 none, 1 stream, 2 datagram
                length (2 bytes) of what follows:
                source address, destination address, source port (2), destination port (2)
                type (1), length (2), value: any number of times

It says which bytes are the header's before they are all there, so that no byte behind it need be taken.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Collection

from metaprotocol_sdk.proxy.peer import Ip, Told

SIGNATURES = {1: b"PROXY ", 2: b"\r\n\r\n\0\r\nQUIT\n"}
"""What a header of each version begins with."""

MAX_LINE = 107
"""Bytes of the longest header of version 1; of one of version 2 the first 16 say how long it is, at most 65551."""

_LOCAL, _PROXY = 0, 1
_UNSPEC, _IPV4, _IPV6, _UNIX = 0, 1, 2, 3
_ADDRESSES = {_UNSPEC: 0, _IPV4: 12, _IPV6: 36, _UNIX: 216}
_CRC32C = 0x03
_CASTAGNOLI = 0x82F63B78


class NoHeader(ValueError):
    """A connection that does not begin with a header."""


class BadHeader(ValueError):
    """A header that is none after all."""


def header_size(data: bytes, versions: Collection[int] = (1, 2)) -> int:
    """How many bytes a connection's header has; more than there are of ``data``: at least so many.

    Args:
        data: The connection's first bytes, or :data:`MAX_LINE` of them.
        versions: Those that are taken.

    Raises:
        NoHeader: No header begins so.
        BadHeader: A header does, and cannot go on so.
    """
    begun = [each for each in versions if SIGNATURES[each].startswith(data[: len(SIGNATURES[each])])]
    if not begun:
        raise NoHeader("no PROXY header")
    if len(data) < min(len(SIGNATURES[each]) for each in begun):
        return len(data) + 1
    if begun == [2]:
        return 16 if len(data) < 16 else 16 + int.from_bytes(data[14:16], "big")
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end < 0 and len(data) >= MAX_LINE:
        raise BadHeader(f"a PROXY header of more than {MAX_LINE} bytes")
    return len(data) + 1 if end < 0 else end + 2


def read_header(header: bytes) -> Told | None:
    """What a whole header says; None: that the connection is its maker's own, or nothing.

    Raises:
        BadHeader: It is malformed.
    """
    return _read_line(header[:-2]) if header.startswith(SIGNATURES[1]) else _read_binary(header)


def _read_line(line: bytes) -> Told | None:
    parts = line.decode("latin-1").split(" ")
    if parts[1] == "UNKNOWN":
        return None
    if len(parts) != 6 or parts[1] not in ("TCP4", "TCP6"):
        raise BadHeader("a PROXY header that is not TCP4 or TCP6, two addresses and two ports")
    version = int(parts[1][-1])
    remote, local = (_ip(each, version) for each in parts[2:4])
    return Told(remote, _port(parts[4]), local, _port(parts[5]))


def _ip(text: str | bytes, version: int) -> Ip:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadHeader(f"a PROXY header with the address {text!r}") from error
    is_one_host = not (ip.is_multicast or ip.is_unspecified or ip == ipaddress.IPv4Address("255.255.255.255"))
    if ip.version != version or not is_one_host:
        raise BadHeader(f"a PROXY header with the address {ip}")
    return (ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None) or ip


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise BadHeader(f"a PROXY header with the port {text[:20]!r}")
    return int(text)


def _read_binary(header: bytes) -> Told | None:
    version, command = divmod(header[12], 16)
    family, transport = divmod(header[13], 16)
    if version != 2 or command not in (_LOCAL, _PROXY) or family not in _ADDRESSES or transport > 2:
        raise BadHeader(f"a PROXY header of version {version}, command {command}, family {header[13]:#04x}")
    if command == _LOCAL:  # its addresses, if there are any, are to be ignored
        return None
    size = _ADDRESSES[family]
    if len(header) < 16 + size:
        raise BadHeader(f"a PROXY header with {len(header) - 16} bytes of addresses that have {size}")
    _check_extensions(header, 16 + size)
    if family == _UNSPEC:
        return None
    if family == _UNIX:
        return Told()
    length = size // 2 - 2
    remote, local = header[16 : 16 + length], header[16 + length : 16 + 2 * length]
    remote_port, local_port = struct.unpack_from(">HH", header, 16 + 2 * length)
    number = 4 if family == _IPV4 else 6
    return Told(_ip(remote, number), remote_port, _ip(local, number), local_port)


def _check_extensions(header: bytes, at: int) -> None:
    while at < len(header):
        if at + 3 > len(header):
            raise BadHeader("a PROXY header that ends within an extension")
        kind, length = struct.unpack_from(">BH", header, at)
        at += 3
        if at + length > len(header):
            raise BadHeader("a PROXY header that ends within an extension")
        if kind == _CRC32C:
            _check_sum(header, at, length)
        at += length


def _check_sum(header: bytes, at: int, length: int) -> None:
    blank = header[:at] + bytes(length) + header[at + length :]
    if length != 4 or int.from_bytes(header[at : at + 4], "big") != crc32c(blank):
        raise BadHeader("a PROXY header whose checksum is wrong")


def crc32c(data: bytes) -> int:
    """The CRC32C of some bytes (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_CASTAGNOLI if value & 1 else 0)
    return value


_TABLE = [_entry(each) for each in range(256)]
