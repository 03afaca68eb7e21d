"""Where two features meet: each of these once failed."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.values import ClusterConfig, EndpointConfig, MirrorConfig, RouteConfig
from tests.proxy.codecs import CLOSE_BOTH, DATA, INIT, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, run, serving, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


@both_modes
@loops
def test_a_stream_of_frames_is_not_mirrored(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend, mirror = Backend(IdCodec(), answer=None), Backend(IdCodec(), answer=None)
        route = RouteConfig(cluster="all", mirrors=(MirrorConfig("mirror"),))
        async with serving(mirror):
            copies = ClusterConfig(name="mirror", endpoints=(EndpointConfig(mirror.address),))
            async with proxy(backend, clusters=[copies], routes=[route], multiplexing=multiplexing) as running:
                client = await running.client()
                await client.send(message(5, b"open", kind=INIT) + message(5, b"data", kind=DATA))
                await until(lambda: len(backend.requests) == 2)
                assert running.count("request_mirror_skipped") == 1
                backend.links[0].transport.write(message(5, kind=CLOSE_BOTH))
                assert (await client.reply()).origin_message[1] == CLOSE_BOTH
                await running.counted("request_active", 0)
                assert not mirror.links

    run(main(), loop)
