"""Faults on purpose in whole proxies: delays that others overtake, clients that leave during one, and aborts."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import ResponseStatus
from metaprotocol_sdk.proxy.config.values import ProxyConfig
from tests.integration.serving import filtering, serving
from tests.proxy.codecs import ONEWAY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, run, until

FILTERS = """
- name: aeraki.meta_protocol.filters.fault
  typed_config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.fault.v1alpha.Fault
    stat_prefix: slow
    match: {metadata: [{name: fault, exact_match: delay}]}
    delay: {fixed_delay: DELAY, percentage: {numerator: 100}}
- name: aeraki.meta_protocol.filters.fault
  typed_config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.fault.v1alpha.Fault
    stat_prefix: no
    match: {metadata: [{name: fault, exact_match: abort}]}
    abort: {error_type: BAD_RESPONSE, message: not today, percentage: {numerator: 100}}
"""


def config(*, delay: str = "0.02s", multiplexing: bool = False) -> ProxyConfig:
    return filtering(FILTERS.replace("DELAY", delay), multiplexing=multiplexing)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_delayed_request_is_overtaken_and_answered_in_the_end(loop: str, multiplexing: bool) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(config(multiplexing=multiplexing), backend) as running:
            client = await running.client()
            await client.send(message(1, b"slow", fault="delay") + message(2, b"fast"))
            replies = [await client.reply(), await client.reply()]
            assert [each.request_id for each in replies] == [2, 1]
            assert backend.bodies() == [b"fast", b"slow"]
            assert running.count("delays_injected") == 1
            assert running.count("active_faults") == 0

    run(main(), loop)


def test_an_abort_is_the_error_of_the_file_and_reaches_no_server() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(config(), backend) as running:
            client = await running.client()
            await client.send(message(1, fault="abort") + message(2))
            found = {each.request_id: each for each in [await client.reply(), await client.reply()]}
            assert found[1].response_status is ResponseStatus.ERROR
            assert found[1]["type"] == ErrorType.BAD_RESPONSE.name
            assert found[1].origin_message.endswith(b"not today")
            assert found[2].response_status is ResponseStatus.OK
            assert len(backend.requests) == 1
            assert running.count("aborts_injected") == 1

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_clients_that_leave_during_a_delay_leave_nothing_behind(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(config(delay="3600s"), backend) as running:
            clients = [await running.client() for _ in range(5)]
            for client in clients:
                await client.send(b"".join(message(number, fault="delay") for number in range(20)))
            await running.counted("active_faults", 100)
            timers = len(running.server._turns.wheel)
            assert timers >= 100
            for client in clients:
                client.reset()
            await running.counted("active_faults", 0)
            assert running.count("request_active") == 0
            assert len(running.server._turns.wheel) == timers - 100
            assert backend.requests == []

    run(main(), loop)


def test_a_oneway_is_delayed_or_dropped_and_its_connection_goes_on() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(config(), backend) as running:
            client = await running.client()
            await client.send(
                message(1, b"late", kind=ONEWAY, fault="delay") + message(2, kind=ONEWAY, fault="abort") + message(3)
            )
            assert (await client.reply()).request_id == 3
            await until(lambda: len(backend.requests) == 2)
            assert backend.bodies()[1] == b"late"
            assert running.count("aborts_injected") == 1
            assert running.count("request_active") == 0

    run(main())
