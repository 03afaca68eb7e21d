"""Real peers through one proxy for long: no reply lost or crossed.

``pytest -m slow``; DUBBO_SOAK_SECONDS says how long each of its modes goes on: 3600 is an hour.
"""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from tests.proxy.harness import until
from tests.reference_codecs.dubbo.peering import PEERS, calling, needs_node, proxying
from tests.reference_codecs.dubbo.test_peers import MODES, outcome

SECONDS = float(os.environ.get("DUBBO_SOAK_SECONDS", "20"))
THREADS = 24

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * SECONDS + 120), needs_node]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", PEERS)
def test_for_long_no_reply_is_lost_or_crossed(server: str, mode: str, servers: dict[str, int]) -> None:
    async def main() -> None:
        async with proxying({"shop": servers[server]}, **MODES[mode]) as front:
            rounds, end = 0, time.monotonic() + SECONDS
            while time.monotonic() < end:
                rounds += 1
                said = await asyncio.gather(
                    *(
                        calling(each, front.port, threads=THREADS, size=1 << 14, attachments={"Tenant": "gold"})
                        for each in PEERS
                    )
                )
                assert said == [[outcome(each, server, size=1 << 14)] for each in PEERS]
            await until(lambda: not front.count("downstream_cx_active"))
            oneways = rounds * THREADS  # of dubbo-remoting's clients
            assert front.count("request_oneway") == oneways
            assert front.count("request_twoway") == front.count("response") - front.count("response_unmatched")
            assert front.count("response_unmatched") <= (oneways if server == "sofa" else 0)
            assert front.count("request_active") == front.count("upstream_rq_active") == 0

    asyncio.run(asyncio.wait_for(main(), 2 * SECONDS + 60))
