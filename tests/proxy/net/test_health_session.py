from __future__ import annotations

import asyncio
import ssl

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure, ServerHealth
from metaprotocol_sdk.proxy.config.values import ClusterConfig, EndpointConfig, HealthCheckConfig
from metaprotocol_sdk.proxy.metrics import HealthCheckStats
from metaprotocol_sdk.proxy.net.conversations import HeartbeatConversation
from metaprotocol_sdk.proxy.net.health_session import Converse, HealthSession, _reason
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.probe import CheckFailed
from tests.proxy.checking import Patient, check, patients
from tests.proxy.codecs import IdCodec
from tests.proxy.harness import LOOPS, run

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class MuteCodec(IdCodec):
    """Says that it has a heartbeat, and breaks."""

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        raise KeyError(request_id)


async def once(patient: Patient, converse: Converse | None, config: HealthCheckConfig) -> CheckFailed | None:
    """What one check finds."""
    turns = Turns(asyncio.get_running_loop())
    cluster = Cluster(ClusterConfig(name="c", endpoints=(EndpointConfig(patient.address),)))
    found: asyncio.Future[CheckFailed | None] = turns.loop.create_future()
    stats = HealthCheckStats()
    session = HealthSession(
        turns=turns,
        cluster=cluster,
        endpoint=cluster.endpoints[0],
        address=patient.address,
        config=config,
        converse=converse,
        health=ServerHealth(config, is_healthy=False),
        stats=stats,
        judge=lambda _, failed: found.set_result(failed),
    )
    assert session.address == patient.address
    session.start(0.0)
    try:
        return await found
    finally:
        assert stats.attempt == 1
        session.close()
        session.close()
        await turns.close()


@loops
def test_what_a_check_finds(loop: str) -> None:
    async def main() -> None:
        patient = Patient()
        async with patients(patient):
            assert await once(patient, None, check()) is None
            assert await once(patient, lambda: HeartbeatConversation(IdCodec()), check()) is None
            broken = await once(patient, lambda: HeartbeatConversation(MuteCodec()), check())
            assert broken is not None
            assert broken.kind is CheckFailure.ACTIVE
            assert "heartbeat raised KeyError" in broken.reason
            patient.say = lambda beat: b""
            silent = await once(patient, lambda: HeartbeatConversation(IdCodec()), check(timeout=0.02))
            assert silent == CheckFailed(CheckFailure.NETWORK_TIMEOUT, "no answer in 0.02 s")
            bug = await once(patient, lambda: HeartbeatConversation(None), check())  # type: ignore[arg-type]
            assert bug is not None
            assert bug.reason.startswith("a bug in the proxy: AttributeError")
        dead = await once(patient, None, check())
        assert dead == CheckFailed(CheckFailure.NETWORK, "connection refused")

    run(main(), loop)


def test_tls_has_error_numbers_of_its_own() -> None:
    assert "wrong version" in _reason(ssl.SSLError(1, "wrong version number"))
    assert _reason(OSError("no route")) == "no route"
    assert _reason(ConnectionRefusedError(111, "whatever")) == "connection refused"
