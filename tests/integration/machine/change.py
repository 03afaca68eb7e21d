"""What changes while a proxy serves: its configuration, what is known against its servers, where its servers are.

Requests in flight keep their server; what is said after a change goes by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.server import Prepared
from tests.integration.machine.setup import Setup, changed
from tests.integration.machine.wire import Site
from tests.integration.machine.world import World


class Changes:
    """The changes of one run.

    Args:
        world: What they are made in.

    Attributes:
        prepared: A configuration that is ready, and neither used nor given up.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.prepared: tuple[Setup, Prepared] | None = None

    def prepare(self, what: Mapping[str, Any]) -> None:
        """Gets another configuration ready."""
        world = self.world
        setup = changed(world.setup, what)
        world.tell(f"next: {setup!r}")
        assembly = world.server._assembly
        before, assembly._limits = assembly._limits, setup.limits
        self.prepared = setup, world.run(world.server.prepare(world.config(setup)))
        assembly._limits = before

    def use(self) -> None:
        """Uses what is prepared."""
        assert self.prepared is not None
        (setup, prepared), self.prepared = self.prepared, None
        self._change(lambda: self._commit(setup, prepared))

    def _commit(self, setup: Setup, prepared: Prepared) -> None:
        world = self.world
        world.server.commit(prepared)
        world.book.setups.append((world.book.step, setup))
        if not setup.has_extra:
            for client in world.clients:
                if client.listener == "extra":
                    client.causes.add("listener")

    def give_up(self) -> None:
        """Gives up what is prepared, if anything is."""
        if self.prepared is not None:
            prepared, self.prepared = self.prepared[1], None
            self.world.run(_called(lambda: self.world.server.abandon(prepared)))

    def mark(self, site: Site, flag: HealthFlag) -> None:
        """Something becomes known against a server, or is known no more."""

        def mark() -> None:
            for cluster in self.world.server.clusters.values():
                for endpoint in cluster.endpoints:
                    if endpoint.name == name_of(site):
                        cluster.mark(endpoint, flag, is_set=not endpoint.flags & flag)

        self._change(mark)

    def resolve(self, servers: tuple[int, ...]) -> None:
        """The main cluster's name has other addresses now."""
        setup = self.world.setup
        endpoints = setup.endpoints(self.world.addresses, servers)
        self._change(lambda: self.world.server.clusters[setup.cluster].set_endpoints(endpoints))

    def _change(self, how: Callable[[], None]) -> None:
        world, book = self.world, self.world.book
        book.step += 1
        world.run(_called(how))
        world.inside.note()
        used = [world.server.clusters[name] for name in book.setup.clusters]
        there = {each.name for one in used for each in one.endpoints if each.is_usable}
        for site in world.sites:
            site.out_since = math.inf if name_of(site) in there else min(site.out_since, book.step)
        if not all(any(each.is_usable for each in one.endpoints) for one in used):
            book.nobody_until = math.inf
        elif book.nobody_until == math.inf:
            book.nobody_until = world.clock.now


async def _called(how: Callable[[], None]) -> None:
    """Does it on the loop: what is begun by it runs there."""
    how()


def name_of(site: Site) -> str:
    """What the proxy calls a server."""
    return str(Address(*site.address))
