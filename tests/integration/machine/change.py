"""What changes while a proxy serves: its configuration, what is known against its servers, where its servers are.

Requests in flight keep their server; what is said after a change goes by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import EXCLUDED, HealthFlag
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
        self._followed: list[Cluster] = []
        self.follow()

    def prepare(self, what: Mapping[str, Any]) -> None:
        """Gets another configuration ready."""
        world = self.world
        if world.certificates is not None and not world.certificates.is_whole:
            world.certificates.replace()  # what cannot be used is refused, as other tests have it
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
        if world.certificates is not None:
            world.certificates.were_configured()
        if setup.tls_version is not world.book.setups[-2][1].tls_version:
            world.book.facts.add("tls")
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
        self._look()

    def follow(self) -> None:
        """Is told of what becomes known against a server, whoever has found it out."""
        for cluster in self.world.server.clusters.values():
            if cluster not in self._followed:
                self._followed.append(cluster)
                cluster.watch_state(self._on_state)

    def _on_state(self) -> None:
        self.world.book.step += 1
        self._look()

    def _look(self) -> None:
        """Which servers may get what is said from now on."""
        world, book = self.world, self.world.book
        self.follow()
        used = [world.server.clusters[name] for name in book.setup.clusters]
        there = {each.name for one in used for each in _takers(one)}
        for site in world.sites:
            site.out_since = math.inf if name_of(site) in there else min(site.out_since, book.step)
        if not all(_takers(one) for one in used):
            book.nobody_until = math.inf
        elif book.nobody_until == math.inf:
            book.nobody_until = world.clock.now


async def _called(how: Callable[[], None]) -> None:
    """Does it on the loop: what is begun by it runs there."""
    how()


def _takers(cluster: Cluster) -> list[Endpoint]:
    """The servers of a cluster that may be picked: all, where too few are well."""
    usable = [each for each in cluster.endpoints if each.is_usable]
    counted = [each for each in cluster.endpoints if not each.flags & EXCLUDED]
    is_low = 100 * len(usable) < cluster.config.panic_threshold * len(counted) or not counted
    return list(cluster.endpoints) if is_low and cluster.config.panic_threshold else usable


def name_of(site: Site) -> str:
    """What the proxy calls a server."""
    return str(Address(*site.address))
