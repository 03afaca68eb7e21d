from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from metaprotocol_sdk.proxy.config.values import DnsLookupFamily
from metaprotocol_sdk.proxy.net.resolver import chosen, resolve
from tests.proxy.harness import LOOPS, PATIENCE, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
FOUR, SIX = (socket.AF_INET, "1.1.1.1"), (socket.AF_INET6, "::2")


@pytest.mark.parametrize(
    ("family", "both", "four", "six"),
    [
        (DnsLookupFamily.AUTO, ("::2",), ("1.1.1.1",), ("::2",)),
        (DnsLookupFamily.V4_PREFERRED, ("1.1.1.1",), ("1.1.1.1",), ("::2",)),
        (DnsLookupFamily.V4_ONLY, ("1.1.1.1",), ("1.1.1.1",), ()),
        (DnsLookupFamily.V6_ONLY, ("::2",), (), ("::2",)),
        (DnsLookupFamily.ALL, ("1.1.1.1", "::2"), ("1.1.1.1",), ("::2",)),
    ],
)
def test_the_family_says_which_addresses_count(
    family: DnsLookupFamily, both: tuple[str], four: tuple[str], six: tuple[str]
) -> None:
    assert (chosen([FOUR, SIX], family), chosen([FOUR], family), chosen([SIX], family)) == (both, four, six)


@loops
def test_the_system_knows_localhost_and_addresses(loop: str) -> None:
    async def main() -> None:
        assert await resolve("localhost", DnsLookupFamily.V4_ONLY) == ("127.0.0.1",)
        assert await resolve("127.0.0.9", DnsLookupFamily.AUTO) == ("127.0.0.9",)
        assert await resolve("::1", DnsLookupFamily.ALL) == ("::1",)

    run(main(), loop)


@loops
def test_a_name_that_is_none_is_said_to_be_none_or_has_no_address(loop: str) -> None:
    async def main() -> None:
        for name in ("a" * 64 + ".example", "a..b"):
            try:
                assert await resolve(name, DnsLookupFamily.AUTO) == ()
            except OSError as error:
                assert "it can be no name" in str(error)  # noqa: PT017  either is right

    run(main(), loop)


def failing(error: Exception) -> Callable[..., object]:
    def getaddrinfo(*args: object, **kwargs: object) -> object:
        raise error

    return getaddrinfo


@loops
@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_NODATA])
def test_a_name_that_does_not_exist_has_no_address(loop: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", failing(socket.gaierror(number, "no such name")))
    assert run(resolve("no.example", DnsLookupFamily.AUTO), loop) == ()


@loops
def test_what_nobody_can_tell_is_an_error(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", failing(socket.gaierror(socket.EAI_AGAIN, "try again")))
    with pytest.raises(OSError, match="try again"):
        run(resolve("no.example", DnsLookupFamily.AUTO), loop)


@loops
def test_without_a_thread_nobody_can_tell(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", failing(RuntimeError("can't start new thread")))
    with pytest.raises(OSError, match="can't start new thread"):
        run(resolve("no.example", DnsLookupFamily.AUTO), loop)


@loops
def test_a_resolver_that_does_not_answer_keeps_nobody(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, told = threading.Event(), threading.Event()

    def getaddrinfo(name: str, *args: object, **kwargs: object) -> list[object]:
        if name == "slow.example":
            answered.wait(PATIENCE)
            told.set()
        return [(socket.AF_INET, 0, 0, "", ("10.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def main() -> None:
        slow = [asyncio.ensure_future(resolve("slow.example", DnsLookupFamily.AUTO)) for _ in range(40)]
        assert await resolve("quick.example", DnsLookupFamily.AUTO) == ("10.0.0.1",)
        for each in slow:
            each.cancel()
        await asyncio.wait(slow)

    run(main(), loop)  # returns while every one of them waits still
    assert not told.is_set()
    answered.set()
    for thread in threading.enumerate():
        if thread.name == "resolve slow.example":
            thread.join()
