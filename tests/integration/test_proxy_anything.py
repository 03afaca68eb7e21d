"""One law over everything at once: whatever clients and servers do, a reply only ever reaches its own request.

Clients pipeline requests in random pieces, servers answer in random order and pieces or hang up, clients leave or
half-close. Nothing waits for time to pass.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import ERROR, ONEWAY, REPLY, IdCodec, LineCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, proxy, run


@dataclass
class Script:
    """What one client does: requests as (id, kind), and where its bytes are cut."""

    requests: list[tuple[int, str]]
    cuts: list[int]
    leaves: bool
    sent: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def chunks(self, name: str, has_ids: bool) -> list[bytes]:
        """The client's bytes in pieces; notes which reply each id expects, in order."""
        wire = b""
        self.sent.clear()
        for index, (request_id, kind) in enumerate(self.requests):
            body = f"{name}.{index}".encode()
            if has_ids:
                wire += message(request_id, body, kind=ONEWAY if kind == "oneway" else 0)
            else:
                wire += (b"TELL " if kind == "oneway" else b"GET ") + body + b"\n"
            if kind != "oneway":
                self.sent[request_id if has_ids else 0].append(body)
        ends = sorted({*(cut % (len(wire) + 1) for cut in self.cuts), len(wire)})
        return [wire[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


scripts = st.builds(
    Script,
    requests=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["two-way", "two-way", "oneway"])), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    leaves=st.booleans(),
)
actions = st.lists(
    st.tuples(st.sampled_from(["send", "send", "answer", "answer", "hang up", "turn"]), st.integers(0, 99)), max_size=40
)
bounds = st.tuples(
    st.builds(Limits, in_flight=st.integers(1, 6), shared_in_flight=st.integers(1, 5)),
    st.builds(CircuitBreakersConfig, max_connections=st.integers(1, 4)),
)


def reply_to(request: Metadata, has_ids: bool) -> bytes:
    if has_ids:
        return message(request.request_id, b"re:" + request.origin_message[request.header_size :], kind=REPLY)
    return b"OK re:" + request["text"].encode() + b"\n"


class Play:
    """One run: the actors and what they have still to do."""

    def __init__(self, running: Proxy, backends: list[Backend], has_ids: bool) -> None:
        self.running = running
        self.backends = backends
        self.has_ids = has_ids
        self.answered: set[Metadata] = set()
        self.to_send: dict[Client, list[bytes]] = {}

    def unanswered(self) -> list[tuple[asyncio.Transport, Metadata]]:
        return [
            (link.transport, request)
            for backend in self.backends
            for link in backend.open_links
            for request in link.requests
            if request not in self.answered and request.message_type is MessageType.REQUEST
        ]

    async def act(self, action: str, number: int) -> None:
        if action == "send" and any(self.to_send.values()):
            ready = [client for client, chunks in self.to_send.items() if chunks]
            client = ready[number % len(ready)]
            client.writer.write(self.to_send[client].pop(0))
        elif action == "answer" and (waiting := self.unanswered()):
            transport, request = waiting[number % len(waiting)]
            self.answered.add(request)
            wire = reply_to(request, self.has_ids)
            cut = number % len(wire)
            transport.write(wire[:cut])
            await asyncio.sleep(0)
            if not transport.is_closing():
                transport.write(wire[cut:])
        elif action == "hang up" and number % 4 == 0:
            links = [link for backend in self.backends for link in backend.open_links]
            if links:
                links[number % len(links)].transport.abort()
        for _ in range(number % 5):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Sends what is left and answers everything, until every client that stayed has its end."""
        for client, chunks in self.to_send.items():
            client.writer.write(b"".join(chunks))
            client.half_close()
        reading = [asyncio.ensure_future(client.replies()) for client in self.to_send]
        while not all(each.done() for each in reading):
            await self.act("answer", 0)
            await asyncio.sleep(0)
        self.found = dict(zip(self.to_send, [each.result() for each in reading], strict=True))


def check(script: Script, found: list[Metadata], has_ids: bool) -> None:
    """Every request has exactly one reply, its own or an error, in its order among those with its id."""
    by_id = defaultdict(list)
    for reply in found:
        by_id[reply.request_id if has_ids else 0].append(reply)
    assert set(by_id) == set(script.sent)
    for request_id, bodies in script.sent.items():
        assert len(by_id[request_id]) == len(bodies)
        for body, reply in zip(bodies, by_id[request_id], strict=True):
            data = reply.origin_message
            is_error = data[1] == ERROR if has_ids else data.startswith(b"ERR ")
            assert is_error or data.rstrip(b"\n").endswith(b"re:" + body)


async def play(
    scripts: list[Script],
    steps: list[tuple[str, int]],
    mode: tuple[bool, bool],
    bounds: tuple[Limits, CircuitBreakersConfig],
) -> None:
    has_ids, multiplexing = mode
    limits, breakers = bounds
    codec = IdCodec if has_ids else LineCodec
    backends = [Backend(codec(), answer=None) for _ in range(2)]
    async with proxy(
        *backends, codec=codec, multiplexing=multiplexing, limits=limits, circuit_breakers=breakers
    ) as running:
        game = Play(running, backends, has_ids)
        clients = [await running.client() for _ in scripts]
        for number, (client, script) in enumerate(zip(clients, scripts, strict=True)):
            game.to_send[client] = script.chunks(f"c{number}", has_ids)
        for action, number in steps:
            await game.act(action, number)
        for client, script in zip(clients, scripts, strict=True):
            if script.leaves:
                client.reset()
                del game.to_send[client]
        await game.finish()
        for client, script in zip(clients, scripts, strict=True):
            if not script.leaves:
                check(script, game.found[client], has_ids)


@settings(max_examples=150)
@given(
    st.lists(scripts, min_size=1, max_size=3),
    actions,
    st.sampled_from([(True, False), (True, True), (False, False)]),
    bounds,
    st.sampled_from(sorted(LOOPS)),
)
def test_every_request_gets_exactly_its_own_reply_and_nothing_is_left_behind(
    scripts: list[Script],
    steps: list[tuple[str, int]],
    mode: tuple[bool, bool],
    bounds: tuple[Limits, CircuitBreakersConfig],
    loop: str,
) -> None:
    run(play(scripts, steps, mode, bounds), loop)
