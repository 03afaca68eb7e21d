"""Real peers through one proxy for long: no reply lost or crossed, nothing left over, and memory that does not grow.

``pytest -m slow``; THRIFT_SOAK_SECONDS says how long each of its modes goes on: 3600 is an hour.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Kind, Transport, Type
from reference_codecs.thrift.strategies import Wire, write_message, write_struct
from tests.proxy.harness import until
from tests.reference_codecs.thrift.peering import proxying
from tests.reference_codecs.thrift.peers.talk import FORMS
from tests.reference_codecs.thrift.processes import Ports, rounds_of
from tests.reference_codecs.thrift.test_peers import CLIENTS, both_modes, has_flags, outcomes

SECONDS = float(os.environ.get("THRIFT_SOAK_SECONDS", "40"))
GROWTH = (8 << 20, 20_000)
"""Bytes and objects the process may have more in the last third than in the second."""
COUNTERS = ("request", "response", "response_unmatched", "upstream_rq_cancelled", "upstream_cx_total")
GAUGES = ("request_active", "downstream_cx_active", "upstream_rq_active")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * SECONDS + 120)]


class Sample(NamedTuple):
    """What this process, which the proxy runs in, has."""

    memory: int
    """Bytes in memory, what its allocator keeps for later among them."""
    objects: int
    """Blocks of memory Python has allocated, about one for each object."""

    @classmethod
    def now(cls) -> Sample:
        """What it has now."""
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        return cls(memory, sys.getallocatedblocks())


async def leave_again_and_again(port: int, rng: random.Random, until_set: asyncio.Event) -> int:
    """Clients that go away in the middle of a message, or before its reply."""
    wires = [Wire(transport, protocol) for transport in Transport for protocol in (BINARY, COMPACT)]
    left = 0
    while not until_set.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        wire = rng.choice(wires)
        arguments = write_struct(wire.protocol, [(1, (Type.STRING, b"kettle" * rng.randrange(1000)))])
        call = write_message(wire, "buy", Kind.CALL, rng.randrange(1 << 31), arguments)
        writer.write(call * rng.randrange(1, 9) + call[: rng.randrange(len(call))])
        await writer.drain()
        if rng.random() < 0.5:
            await reader.read(1)  # of the first reply, which others are behind
        if rng.random() < 0.5:  # with a reset, as a killed client does
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        left += 1
    return left


@dataclass(frozen=True)
class Job:
    """What one client process does until the time is over, and what must come of every conversation."""

    client: str
    ports: Ports
    flags: bool
    served: str = ""

    async def rounds(self) -> int:
        """How many conversations there were; all of them went well."""
        rounds, said = await rounds_of(self.client, self.ports, seconds=SECONDS, flags=self.flags, size=1 << 16)
        assert said == outcomes(self.ports, "apache", served=self.served, has_headers=False)
        return rounds


def jobs(straight: Ports, mixed: int) -> list[Job]:
    """For each peer a client of all forms before servers of the same, and one of all forms before one server."""
    found = []
    for client in CLIENTS:
        for flags in (True, False):
            forms = [each for each in FORMS[client] if "json" not in each and has_flags(each, client) is flags]
            if forms:
                found.append(Job(client, {form: straight[form] for form in forms}, flags))
                found.append(Job(client, dict.fromkeys(forms, mixed), flags, "framed binary"))
    return found


async def sampled(*running: asyncio.Task[int]) -> list[Sample]:
    """Samples until all have ended."""
    samples = [Sample.now()]
    waiting = set(running)
    while waiting:
        _, waiting = await asyncio.wait(waiting, timeout=SECONDS / 30)
        samples.append(Sample.now())
    return samples


@both_modes
def test_for_long_no_reply_is_lost_or_crossed_and_memory_does_not_grow(
    multiplexing: bool, servers: dict[str, Ports]
) -> None:
    apache = servers["apache"]
    config = {"upstream_transport": "framed", "upstream_protocol": "binary"}

    async def main() -> None:
        async with (
            proxying({form: apache[form] for form in FORMS["apache"]}, multiplexing=multiplexing) as straight,
            proxying(
                {"all": apache["framed binary"]}, multiplexing=multiplexing, config=config, do_clients_leave=True
            ) as mixed,
        ):
            running = [asyncio.ensure_future(each.rounds()) for each in jobs(straight.ports, mixed.ports["all"])]
            is_over = asyncio.Event()
            leaver = asyncio.ensure_future(leave_again_and_again(mixed.ports["all"], random.Random(4), is_over))
            samples = await sampled(*running)
            is_over.set()
            left = await leaver
            rounds = sum(each.result() for each in running)
            await until(lambda: not any(front.count(name) for front in (straight, mixed) for name in GAUGES))
            counts = {name: straight.count(name) + mixed.count(name) for name in COUNTERS}
        third = len(samples) // 3
        before, after = (
            tuple(map(max, zip(*each, strict=True))) for each in (samples[third : 2 * third], samples[2 * third :])
        )
        grown = [last - first for first, last in zip(before, after, strict=True)]
        print(f"{rounds} conversations, {left} clients left early, {counts}; first, second and last third:", end=" ")
        print(*map(tuple, (samples[third], before, after)), sep=", ")
        assert rounds >= 4 * len(running)
        assert left > 100
        # A conversation has one oneway. An answer that comes after its client has left is unmatched.
        answered = counts["response"] - counts["response_unmatched"]
        assert counts["request"] == answered + rounds + counts["upstream_rq_cancelled"]
        assert all(each < limit for each, limit in zip(grown, GROWTH, strict=True)), samples

    asyncio.run(asyncio.wait_for(main(), 3 * SECONDS + 60))
