"""How a run ends: everything is answered, drained or cut, and then nothing may be left."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from unittest import mock

from metaprotocol_sdk.proxy import server as server_module
from tests.integration.machine.book import Talk
from tests.integration.machine.world import World, open_sockets
from tests.proxy.harness import PATIENCE

ROUNDS = 150
"""Rounds of answers and a little time after which everything is answered, as far as time passes by itself."""


def finish(world: World, ending: str) -> None:
    """Ends a run: ``rest``, ``drain`` or ``stop``."""
    if ending == "rest":
        calm_down(world)
        world.inside.check_rest()
        check_oneways(world)
        leave(world)
    elif ending == "drain":
        world.book.facts.add("drain")
        draining = world.loop.create_task(world.server.drain(60))
        world.settle()
        calm_down(world)
        leave(world)
        world.settle()
        assert world.run(asyncio.wait_for(draining, 10)), "the proxy did not drain"
    world.book.facts.add("stop")
    stop(world)


def calm_down(world: World) -> None:
    """Everybody reads, listens and answers until nothing is under way."""
    for site in world.sites:
        site.is_accepting = True
        site.listen()
    for wire in [*world.clients, *world.links]:
        wire.is_reading = True
        wire.go_on()
    deadline = time.monotonic() + PATIENCE / 2
    rounds = 0
    answer_all(world)
    world.settle()
    while not is_calm(world):
        rounds += 1
        is_late = rounds > ROUNDS and time.monotonic() > deadline  # the kernel takes its time with small buffers
        assert not is_late, "something never ends: " + ", ".join(what_is_left(world))
        if rounds <= ROUNDS:
            world.pass_time(0.1)
        answer_all(world)
        world.settle()
    for client in world.clients:
        for talk in client.talks.values():
            check_talk(talk)


def answer_all(world: World) -> None:
    """Every server answers everything and closes its streams, and whoever was half-way through a message ends it."""
    for client in world.clients:
        client.go_on()
    for link in world.links:
        if link.can_speak:
            link.is_reading = True
            world.answer(link, link.unanswered, "reply", 0, None)
            if link.talk is not None and not link.talk.is_server_closed:
                world.server_frame(link.talk, "close", 0)
    for client in world.clients:
        for talk in client.talks.values():
            if client.can_speak and not talk.is_client_closed:
                world.client_frame(talk, "close", 0)


def is_calm(world: World) -> bool:
    """Whether nothing is under way."""
    return not what_is_left(world)


def what_is_left(world: World) -> list[str]:
    """What is still under way."""
    left = [
        f"{each.kind} {each.token!r}"
        for client in world.clients
        if client.is_open
        for queue in client.waiting.values()
        for each in queue
    ]
    left += [f"client {client.number} says" for client in world.clients if client.is_open and client.out]
    left += [f"{each.said.token!r} has no answer" for each in world.unanswered()]
    left += ["link says" for link in world.links if link.is_open and link.out]
    left += ["a request is active"] * world.inside.active
    left += ["a connection is being made"] * world.inside.is_connecting
    left += ["a late answer is on its way"] * world.inside.kept_ids
    for cluster in world.inside.clusters:
        stats = cluster.stats
        left += [f"{cluster.name} has requests"] * (stats.upstream_rq_active + stats.upstream_rq_pending_active)
    return left


def check_talk(talk: Talk) -> None:
    """Both sides of a stream that ended well have heard everything."""
    if talk.is_clean and not talk.is_failed:
        assert talk.up_heard == len(talk.up), f"stream {talk.id}: frames of the client are lost"
        assert talk.down_heard == len(talk.down), f"stream {talk.id}: frames of the server are lost"


def check_oneways(world: World) -> None:
    """Where nothing failed and nothing was refused, every oneway has arrived, once."""
    setup = world.setup
    counts = [each.stats for each in world.inside.clusters if each.name != "mirror"]
    is_refused = any(each.upstream_rq_pending_overflow or each.upstream_cx_none_healthy for each in counts)
    if world.book.has_failed or is_refused or setup.rate is not None or setup.is_bound:
        return
    for client in world.clients:
        if not client.is_gone and not client.causes - {"half-closed"}:
            for said in client.said:
                arrivals = [each for each in said.arrivals if not each.link.site.is_mirror]
                assert said.kind != "oneway" or len(arrivals) == 1, f"oneway {said.token!r} came {len(arrivals)} times"


def leave(world: World) -> None:
    """Clients that are still there say that they have said everything, and are let go."""
    for client in world.clients:
        if client.is_open and not client.wants_end:
            world.ends(client)
            client.half_close()
    world.settle()
    for client in world.clients:
        assert not client.is_open, f"client {client.number} has had every reply and is not let go"
        if not client.is_gone:
            client.close()
    world.settle()


def stop(world: World) -> None:
    """Stops the proxy, whatever is under way, and looks for what is left."""
    with mock.patch.object(server_module, "_STOP_TIME", 0.1):
        world.run(world.server.stop())
    world.settle()
    world.inside.check_end()
    for wire in [*world.clients, *world.links]:
        wire.is_reading = True
        wire.out = b""
    world.settle()
    for wire in [*world.clients, *world.links]:
        assert not wire.is_open, "a connection of the proxy's is left"
    close(world)


def close(world: World) -> None:
    """Lets everything go that is a test's; no task of the proxy's may be left."""
    _release(world)
    left = asyncio.all_tasks(world.loop)
    world.loop.close()
    assert not left, f"tasks are left: {left}"
    assert open_sockets() == world.sockets, f"sockets are left open: {open_sockets() - world.sockets}"
    assert not world.errors, world.errors


def abandon(world: World) -> None:
    """Lets everything go after a failure, which is what is to be told."""
    if world.loop.is_closed():  # it was all but at its end
        return
    with suppress(Exception), mock.patch.object(server_module, "_STOP_TIME", 0.1):
        world.run(world.server.stop())
    _release(world)
    left = asyncio.all_tasks(world.loop)
    for task in left:
        task.cancel()
    if left:
        world.loop.run_until_complete(asyncio.wait(left))
    world.loop.close()


def _release(world: World) -> None:
    for wire in [*world.clients, *world.links]:
        if not wire.is_gone:
            wire.close()
    for site in world.sites:
        site.close()
