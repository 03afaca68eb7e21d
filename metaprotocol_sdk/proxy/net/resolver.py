"""Asks the system's resolver for the addresses of a name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

from metaprotocol_sdk.proxy.config.values import DnsLookupFamily

Resolve = Callable[[str, DnsLookupFamily], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, none when there is no such name; raises OSError when nobody can tell."""

_FAMILIES = {DnsLookupFamily.V4_ONLY: socket.AF_INET, DnsLookupFamily.V6_ONLY: socket.AF_INET6}
_NO_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)


async def resolve(name: str, family: DnsLookupFamily) -> Sequence[str]:
    """The addresses of a name as the system has them (``/etc/hosts``, DNS, whatever it is told to ask).

    Raises:
        OSError: Nobody can tell; says why.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            name, None, family=_FAMILIES.get(family, socket.AF_UNSPEC), type=socket.SOCK_STREAM
        )
    except socket.gaierror as error:
        if error.errno in _NO_NAME:
            return ()
        raise
    except UnicodeError as error:  # a label longer than 63 characters, an empty one
        raise OSError(f"it can be no name: {error}") from error
    return chosen(((each[0], str(each[4][0])) for each in found), family)


def chosen(found: Iterable[tuple[int, str]], family: DnsLookupFamily) -> Sequence[str]:
    """Which of a name's addresses are used.

    Args:
        found: Each with its address family.
        family: What the cluster says.
    """
    found = tuple(found)
    four = tuple(address for kind, address in found if kind == socket.AF_INET)
    six = tuple(address for kind, address in found if kind == socket.AF_INET6)
    match family:
        case DnsLookupFamily.ALL:
            return tuple(address for kind, address in found if kind in (socket.AF_INET, socket.AF_INET6))
        case DnsLookupFamily.V4_ONLY:
            return four
        case DnsLookupFamily.V6_ONLY:
            return six
        case DnsLookupFamily.V4_PREFERRED:
            return four or six
        case DnsLookupFamily.AUTO:
            return six or four
