"""Blocks of addresses: ``envoy.config.core.v3.CidrRange``."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Kind, Whole
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LENGTH = Whole(0, 128)


def read_address(value: object) -> str:
    """An address of version 4 or 6.

    Raises:
        ValueError: It is something else, has a zone, or maps an address of version 4 into version 6: no client has
            such a one here, so nothing would match.
    """
    ip = _parsed(value)
    if ip is None or "%" in str(ip):
        raise expected("an IP address, such as 10.0.0.0 or 2001:db8::", value)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        raise expected(f"the address that is mapped, {ip.ipv4_mapped}", value)
    return str(ip)


class CidrRange(Message):
    """``envoy.config.core.v3.CidrRange``: a block of addresses. Bits behind the prefix do not count."""

    address_prefix: Annotated[str, PlainValidator(read_address), Kind("IP address")]
    """An address of the block."""

    prefix_len: Annotated[int, PlainValidator(_LENGTH)]
    """How many of its bits all of them share, up to 32 or 128. In Envoy 0 when it is not given, which is every address;
    here it must be."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports more bits than an address of version 4 has."""
        ip, length = _parsed(fields.get("address_prefix")), fields.get("prefix_len")
        try:
            is_too_long = ip is not None and length is not None and _LENGTH(length) > ip.max_prefixlen
        except ValueError:  # which is said of the field itself
            return
        if is_too_long:
            problem = f"expected a whole number from 0 to 32, the bits of an address of version 4, found {length}"
            context.report.error(fields.value_place("prefix_len"), problem)

    def network(self) -> Network:
        """The block."""
        return ipaddress.ip_network(f"{self.address_prefix}/{self.prefix_len}", strict=False)


def _parsed(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
