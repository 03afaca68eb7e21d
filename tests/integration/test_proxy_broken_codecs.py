"""Codecs that break their contract, in a whole proxy: one connection pays, the next request is served."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.proxy.net import downstream, upstream
from tests.integration.hostile_codecs import (
    NONSENSE,
    ExitingCodec,
    HalfMadeCodec,
    NonsenseCodec,
    NonsenseRepliesCodec,
    UnmakeableCodec,
)
from tests.proxy.codecs import ERROR, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, route, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


async def ends(codec: type[Codec], body: bytes, *, to: str = "all", multiplexing: bool = False) -> None:
    """A request with that body ends its client's connection, and nobody else's; it is the codec's bug."""
    async with proxy(
        Backend(IdCodec()),
        codec=codec,
        routes=[route(to, timeout=None, x="y"), route("all")],
        multiplexing=multiplexing,
    ) as running:
        good, bad = await running.client(), await running.client()
        await bad.send(message(5, body, x="y"))
        assert await bad.replies() == []
        assert running.count("codec_bug") == 1
        await good.send(message(5, b"good"))
        assert await good.body() == b"good"


@both_modes
@loops
@pytest.mark.parametrize("body", NONSENSE)
def test_a_request_described_with_nonsense_costs_its_connection(body: bytes, multiplexing: bool, loop: str) -> None:
    run(ends(NonsenseCodec, body, multiplexing=multiplexing), loop)


@both_modes
@loops
@pytest.mark.parametrize("body", NONSENSE)
def test_a_reply_described_with_nonsense_is_an_error_reply(body: bytes, multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        async with proxy(
            Backend(IdCodec()),
            codec=NonsenseRepliesCodec,
            routes=[route("all", timeout=None)],
            multiplexing=multiplexing,
        ) as running:
            client = await running.client()
            await client.send(message(5, body))
            assert (await client.reply()).origin_message[1] == ERROR
            assert running.count("codec_bug") == 1
            await client.send(message(6, b"good"))
            assert await client.body() == b"good"

    run(main(), loop)


@loops
@pytest.mark.parametrize("what", [b"exit", b"unprintable"])
@pytest.mark.parametrize("where", [b"decode", b"encode", b"on_error"])
def test_no_exception_of_a_codec_ends_the_proxy(where: bytes, what: bytes, loop: str) -> None:
    to = "nowhere" if where == b"on_error" else "all"
    run(ends(ExitingCodec, what + b" in " + where, to=to, multiplexing=where == b"encode"), loop)


@pytest.fixture
def unmakeable() -> Iterator[type[UnmakeableCodec]]:
    UnmakeableCodec.is_broken = True
    yield UnmakeableCodec
    UnmakeableCodec.is_broken = True


@loops
def test_a_codec_that_cannot_be_had_for_a_client_refuses_it_and_the_listener_goes_on(
    unmakeable: type[UnmakeableCodec], loop: str
) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), codec=unmakeable) as running:
            for _ in range(3):
                refused = await running.client()
                with pytest.raises((EOFError, ConnectionError)):
                    await refused.reply()
            assert running.count("codec_bug") == 3
            unmakeable.is_broken = False
            client = await running.client()
            await client.send(message(1, b"good"))
            assert await client.body() == b"good"

    run(main(), loop)


@both_modes
@loops
def test_a_codec_that_cannot_be_had_for_a_server_is_an_error_reply(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        HalfMadeCodec.made = 0
        async with proxy(
            Backend(IdCodec()), codec=HalfMadeCodec, routes=[route("all", timeout=None)], multiplexing=multiplexing
        ) as running:
            client = await running.client()
            await client.send(message(1) + message(2))
            for _ in range(2):
                reply = await client.reply()
                assert reply.origin_message[1] == ERROR
                assert b"the codec failed" in reply.origin_message
            assert running.count("codec_bug") == 2

    run(main(), loop)


@loops
@pytest.mark.parametrize("module", [downstream, upstream])
def test_a_broken_connection_and_what_it_buffered_go_without_the_collector(
    module: Any, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(Decoder):
        __slots__ = ("__weakref__",)

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(weakref.ref(self))

    made: list[weakref.ref[Decoder]] = []
    monkeypatch.setattr(module, "Decoder", Watched)

    async def main() -> None:
        broken = b"garbage" + bytes(100_000)
        async with proxy(Backend(IdCodec(), answer=lambda request: broken)) as running:
            client = await running.client()
            await client.send(message(1))
            assert (await client.reply()).origin_message[1] == ERROR
            await client.send(broken)
            client.half_close()
            assert await client.replies() == []
            await running.counted("downstream_cx_active", 0)
            await running.counted("upstream_cx_active", 0)
            for _ in range(3):  # the loop lets go of what it called last
                await asyncio.sleep(0)
            assert [each() for each in made] == [None]

    gc.disable()
    try:
        run(main(), loop)
    finally:
        gc.enable()
