from __future__ import annotations

import asyncio
import socket

import pytest

from metaprotocol_sdk.proxy.config.values import DnsLookupFamily
from metaprotocol_sdk.proxy.net.resolver import chosen, resolve
from tests.proxy.harness import LOOPS, run

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


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_NODATA])
def test_a_name_that_does_not_exist_has_no_address(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async def no_name(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(number, "no such name")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_name)
        assert await resolve("no.example", DnsLookupFamily.AUTO) == ()

    run(main(), "asyncio")


def test_what_nobody_can_tell_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async def again(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", again)
        with pytest.raises(OSError, match="try again"):
            await resolve("no.example", DnsLookupFamily.AUTO)

    run(main(), "asyncio")
