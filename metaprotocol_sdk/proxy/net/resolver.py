"""Asks the system's resolver for the addresses of a name."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from metaprotocol_sdk.proxy.config.values import DnsLookupFamily

Resolve = Callable[[str, DnsLookupFamily], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, none when there is no such name; raises OSError when nobody can tell."""

_Found = Sequence[tuple[int, str]]
_FAMILIES = {DnsLookupFamily.V4_ONLY: socket.AF_INET, DnsLookupFamily.V6_ONLY: socket.AF_INET6}
_NO_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)


async def resolve(name: str, family: DnsLookupFamily) -> Sequence[str]:
    """The addresses of a name as the system has them (``/etc/hosts``, DNS, whatever it is told to ask).

    Raises:
        OSError: Nobody can tell; says why.
    """
    try:
        found = await _in_thread(name, _FAMILIES.get(family, socket.AF_UNSPEC))
    except socket.gaierror as error:
        if error.errno in _NO_NAME:
            return ()
        raise
    except UnicodeError as error:  # a label longer than 63 characters, an empty one
        raise OSError(f"it can be no name: {error}") from error
    return chosen(found, family)


async def _in_thread(name: str, family: int) -> _Found:
    """``getaddrinfo`` in a thread of its own. Where no DNS server answers it takes a minute: the loop's own threads
    would keep other names waiting, and the process from ending, for that long."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Found] = loop.create_future()

    def ask() -> None:
        found: _Found | Exception
        try:
            infos = socket.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
            found = [(each[0], str(each[4][0])) for each in infos]
        except Exception as error:
            found = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, answer, found)

    try:
        threading.Thread(target=ask, name=f"resolve {name}", daemon=True).start()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    return await answer


def _settle(answer: asyncio.Future[_Found], found: _Found | Exception) -> None:
    if answer.done():  # cancelled
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)


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
