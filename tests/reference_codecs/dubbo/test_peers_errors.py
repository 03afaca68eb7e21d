"""What the proxy's own errors are in the eyes of real clients: the error's sentence is the message they show."""

from __future__ import annotations

from typing import Any

import pytest

from metaprotocol_sdk import ErrorType
from metaprotocol_sdk.proxy.filters.local_rate_limit import LOCAL_RATE_LIMIT, LocalRateLimit
from reference_codecs.dubbo.codec import DubboCodec
from tests.proxy.config.reading import good
from tests.proxy.harness import Backend, route, unused_port
from tests.proxy.harness import serving as backing
from tests.reference_codecs.dubbo.helpers import reply
from tests.reference_codecs.dubbo.peering import (
    EVERY_CLIENT,
    PEERS,
    PYTHONS,
    Outcomes,
    calling,
    needs_node,
    needs_pythons,
    proxying,
    run,
)

LIMIT = good(
    LocalRateLimit,
    """
stat_prefix: shop
conditions:
- match: {metadata: [{name: method, exact_match: limited}]}
  token_bucket: {max_tokens: 1, fill_interval: 3600s}
""",
)
LIMITED = "aeraki.meta_protocol.filters.local_ratelimit"
METHODS = {
    "nowhere": ErrorType.ROUTE_NOT_FOUND,
    "unknown": ErrorType.CLUSTER_NOT_FOUND,
    "empty": ErrorType.NO_HEALTHY_UPSTREAM,
    "garbage": ErrorType.BAD_RESPONSE,
    "refused": ErrorType.UNSPECIFIED,
    "silent": ErrorType.UNSPECIFIED,
    "limited": ErrorType.OVER_LIMIT,
}
"""A method for each error, and one more for a timeout."""


def test_every_error_has_a_method() -> None:
    assert set(METHODS.values()) == set(ErrorType)


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_every_client_shows_the_sentence_of_every_error(client: str) -> None:
    garbage = Backend(DubboCodec(), answer=lambda request: reply(b"\x99", request_id=request.request_id))
    silent = Backend(DubboCodec(), answer=None)
    refused = unused_port()
    # dubbo-ssl-python knows no status 100, and reads nothing any more when it comes.
    methods = [each for each in METHODS if not (client == "dubbo-ssl-python" and each == "limited")]
    calls: list[Any] = [["limited", []], *([each, []] for each in methods)]

    async def main() -> Outcomes:
        async with backing(garbage), backing(silent):
            clusters = {
                "empty": None,
                "garbage": garbage.address.port,
                "refused": refused,
                "silent": silent.address.port,
            }
            routes = (
                *(route(each, method=each) for each in ("unknown", "empty", "garbage", "refused")),
                route("silent", method="silent", timeout=0.05),
            )
            filters = {LIMITED: (LOCAL_RATE_LIMIT.factory, LIMIT)}
            async with proxying(clusters, routes, filters=filters) as front:
                return await calling(client, front.port, calls=calls)

    ((_, *outcomes),) = run(main())
    expected = {
        "nowhere": "meta protocol router: no matched route for request '",
        "unknown": "meta protocol router: unknown cluster 'unknown'",
        "empty": "meta protocol router: no healthy upstream for 'empty'",
        "garbage": "malformed message at byte 16 in response_type: the response type is 9; it is 0 to 5",
        "refused": f"meta protocol upstream request: remote connection failure '127.0.0.1:{refused}'",
        "silent": "meta protocol router: no reply from cluster 'silent' in 0.0",
        "limited": "meta protocol local rate limit: request '",
    }
    for method, outcome in zip(methods, outcomes, strict=True):
        assert outcome["said"].startswith(expected[method])


@needs_node
@needs_pythons
@pytest.mark.parametrize("client", PYTHONS)
def test_the_clients_of_pypi_speak_with_javascripts_servers(client: str, servers: dict[str, int]) -> None:
    calls: list[Any] = [["buy", ["kettle"]], ["buy", ["mug"]], ["fail", ["no reason"]], ["nothing", []]]

    async def main(server: str) -> Outcomes:
        async with proxying({"shop": servers[server]}, (route("shop", tenant="gold"),)) as front:
            return await calling(client, front.port, attachments={"Tenant": "gold"}, calls=calls)

    for server in PEERS:
        ((bought, refused, failed, nothing),) = run(main(server))
        assert (bought["said"], failed["said"], nothing["said"]) == (7, "no reason", None)
        assert "Error: no mug" in refused["said"]
