"""Whatever ends a request, nothing of it waits for the collector: a cycle would keep its bytes, and its client's, until
that runs, which is seldom in a proxy."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.attempts import Attempts
from metaprotocol_sdk.proxy.config.values import RetryOn, RetryPolicyConfig, RouteConfig
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import INIT, ONEWAY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, proxy, route, run

RETRIED = RouteConfig(
    cluster="all", retry=RetryPolicyConfig(retry_on=frozenset({RetryOn.RESET}), base_interval=50.0, max_interval=50.0)
)

PARTS = (Attempts, Decoder, DownstreamConnection, Metadata, Stream)

End = Callable[[Proxy, Backend, Client], Awaitable[None]]


@pytest.fixture(autouse=True)
def collected_by_hand() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def found_by_the_collector() -> set[str]:
    """Names of the classes a request is made of whose objects nothing but the collector lets go."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    return {type(each).__name__ for each in gc.garbage if isinstance(each, PARTS)}


async def reset_with_requests(running: Proxy, backend: Backend, client: Client) -> None:
    await client.send(message(1, b"one") + message(1, b"two") + message(2, b"three") + message(3, kind=ONEWAY))
    await backend.request(3)
    client.reset()


async def reset_with_a_stream(running: Proxy, backend: Backend, client: Client) -> None:
    await client.send(message(5, kind=INIT))
    await backend.request(0)
    client.reset()


async def reset_before_a_retry(running: Proxy, backend: Backend, client: Client) -> None:
    await client.send(message(1))
    (await backend.request(0)).transport.abort()
    await running.counted("upstream_rq_retry", 1)
    client.reset()


async def reset_within_an_attempt(running: Proxy, backend: Backend, client: Client) -> None:
    await client.send(message(1))
    await backend.request(0)
    client.reset()


@pytest.mark.parametrize(
    ("end", "to"),
    [
        (reset_with_requests, route("all")),
        (reset_with_a_stream, route("all")),
        (reset_before_a_retry, RETRIED),
        (reset_within_an_attempt, RETRIED),
    ],
)
@pytest.mark.parametrize("multiplexing", [False, True])
@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_a_client_that_leaves_is_gone_with_all_it_sent(
    end: End, to: RouteConfig, multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing, routes=[to]) as running:
            await end(running, backend, await running.client())
            await running.counted("downstream_cx_active", 0)
            for _ in range(3):  # the loop lets go of what it called last
                await asyncio.sleep(0)
            assert found_by_the_collector() == set()

    run(main(), loop)


class Failing(Filter):
    """Waits, and fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def _fail(self) -> None:
        raise type(self.error)(*self.error.args)

    def on_request(self, stream: Stream) -> Verdict:
        return self._fail()


@pytest.mark.parametrize("error", [ValueError("a bug"), DecodeError("malformed")])
@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_a_filter_whose_wait_fails_keeps_nothing(error: Exception, loop: str) -> None:
    async def main() -> None:
        filters = {"failing": lambda _config, _context: Failing(error)}
        async with proxy(Backend(IdCodec()), filters=filters) as running:
            client = await running.client()
            await client.send(message(1))
            await client.reply()
            client.half_close()
            await running.counted("downstream_cx_active", 0)
            for _ in range(3):
                await asyncio.sleep(0)
            assert found_by_the_collector() == set()

    run(main(), loop)
