"""What looks after clusters and listeners works in a proxy of several processes as in one."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from metaprotocol_sdk.metadata import Metadata
from tests.proxy.certificates import Authority
from tests.proxy.codecs import ERROR, IdCodec, message
from tests.proxy.harness import Backend, Client, echo, run, serving
from tests.proxy.workers.running import LISTENER, Running, eventually, eventually_is, listener, running, text

OUTLIERS = (
    "outlier_detection: {consecutive_5xx: 3, interval: 60s, base_ejection_time: 60s, max_ejection_percent: 50, "
    "enforcing_success_rate: 0}"
)
CHECKS = (
    "health_checks: [{timeout: 1s, interval: 0.05s, no_traffic_interval: 0.05s, unhealthy_threshold: 1, "
    "healthy_threshold: 1, tcp_health_check: {}}]"
)


def badly(request: Metadata) -> bytes:
    return message(request.request_id, b"badly", kind=ERROR)


async def body(client: Client) -> bytes:
    await client.send(message(3, b"fine"))
    return await client.body()


def test_a_server_that_fails_in_one_worker_is_ejected_in_all() -> None:
    async def main() -> None:
        good, bad = Backend(IdCodec()), Backend(IdCodec())
        async with serving(good), serving(bad), running(text(good, bad, cluster=OUTLIERS)) as proxy:
            one, other = await proxy.client_of_each()
            bad.answer = badly
            while await proxy.count("ejections_active") == 0:
                await body(one)
            assert await proxy.count("ejections_enforced_consecutive_5xx") == 1
            seen = len(bad.requests)
            await eventually_is(lambda: is_out(proxy), [True, True])
            for _ in range(10):
                assert await body(other) == b"fine"
                assert await body(one) == b"fine"
            assert len(bad.requests) == seen
            killed = proxy.pid(0)  # whoever starts later knows it, too
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            first, _ = await proxy.client_of_each()
            for _ in range(4):
                assert await body(first) == b"fine"

    run(main())


async def is_out(proxy: Running) -> list[bool]:
    """Of each worker, whether it has one server only: asked of it, since what the parent says takes its way."""
    answers = await proxy.parent._fleet.ask("counters")
    assert len(answers) == 2
    return [counts.get("cluster.all.membership_healthy") == 1 for counts in proxy.parent._tally._living.values()]


def test_health_checks_are_made_once_and_count_for_all() -> None:
    async def main() -> None:
        stays, dies = Backend(IdCodec()), Backend(IdCodec())
        async with serving(stays):
            server = await dies.start()
            async with running(text(stays, dies, cluster=CHECKS)) as proxy:
                clients = await proxy.client_of_each()
                server.close()
                for link in dies.links:
                    link.transport.abort()
                await eventually_is(lambda: proxy.count("membership_healthy"), 1)
                await eventually_is(lambda: is_out(proxy), [True, True])
                for client in clients:
                    for _ in range(4):
                        assert await body(client) == b"fine"
                assert await proxy.count("membership_total") == 2
                assert await proxy.count("healthy") == 1

    run(main())


def test_names_are_asked_for_by_the_parent_and_followed_by_every_worker() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend:
            named = text(backend, cluster="type: STRICT_DNS, dns_lookup_family: V4_ONLY").replace(
                "address: 127.0.0.1, port_value: " + str(backend.address.port),
                "address: localhost, port_value: " + str(backend.address.port),
            )
            async with running(named) as proxy:
                for client in await proxy.client_of_each():
                    assert await body(client) == b"fine"
                assert await proxy.count("update_attempt") >= 1
                assert await proxy.count("membership_total") == 1

    run(main())


def test_a_unix_socket_is_shared_and_its_file_goes_with_the_proxy(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "main.sock"
        piped = listener().replace(
            "{socket_address: {address: 127.0.0.1, port_value: 0}}", f"{{pipe: {{path: {path}}}}}"
        )
        async with serving(Backend(IdCodec())) as backend, running(text(backend, listeners=piped)) as proxy:
            for _ in range(6):
                client = Client(IdCodec(), *await asyncio.open_unix_connection(path))
                proxy.clients.append(client)
                assert await body(client) == b"fine"
            killed = proxy.pid(1)
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            assert path.exists()
            client = Client(IdCodec(), *await asyncio.open_unix_connection(path))
            proxy.clients.append(client)
            assert await body(client) == b"fine"
        assert not path.exists()

    run(main())


def test_tls_is_spoken_by_every_worker(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority(tmp_path)
        issued = authority.issue("localhost")
        files = f"certificate_chain: {{filename: {issued.chain_path}}}, private_key: {{filename: {issued.key_path}}}"
        secured = LISTENER.replace(
            "  - filters:",
            "  - transport_socket: {name: envoy.transport_sockets.tls, typed_config: {'@type': "
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
            f"common_tls_context: {{tls_certificates: [{{{files}}}]}}}}}}\n    filters:",
        )
        written = secured.replace("NAME", "main").replace("CODEC", "tests.proxy.codecs:IdCodec")
        written = written.replace("CLUSTER", "all").replace("FILTERS", "")
        async with (
            serving(Backend(IdCodec(), answer=echo)) as backend,
            running(text(backend, listeners=written)) as proxy,
        ):
            context = authority.client()
            for _ in range(8):
                streams = await asyncio.open_connection(
                    *proxy.parent.addresses["main"], ssl=context, server_hostname="localhost"
                )
                client = Client(IdCodec(), *streams)
                proxy.clients.append(client)
                assert await body(client) == b"fine"
            assert await proxy.count("handshake") == 8
            await eventually(lambda: min(proxy.parent._block.clients) > 0)

    run(main())
