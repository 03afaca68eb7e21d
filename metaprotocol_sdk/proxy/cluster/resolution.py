"""Which servers a cluster has whose endpoints are names: Envoy's ``StrictDnsClusterImpl``, without the asking."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import replace

from metaprotocol_sdk.proxy.config.values import Address, AnyAddress, DnsConfig, EndpointConfig

SHORTEST = 0.001
"""Seconds; no two questions for a name are nearer than that."""


class Resolution:
    """The last answer for each name, and the servers that they make together."""

    __slots__ = ("_answers", "_former", "_named")

    def __init__(self) -> None:
        self._named: tuple[EndpointConfig, ...] | None = None
        self._answers: dict[str, tuple[str, ...] | None] = {}
        self._former: frozenset[AnyAddress] = frozenset()

    @property
    def names(self) -> Collection[str]:
        """Each once."""
        return self._answers.keys()

    def update(self, named: tuple[EndpointConfig, ...], there: Iterable[EndpointConfig]) -> None:
        """Has these names from now on; what is known of them stays.

        Args:
            named: Endpoints whose hosts are names.
            there: The servers that the cluster has. They stay until every name has an answer, however well they are.
        """
        if named == self._named:
            return
        self._named = named
        names = [_name(each).host for each in named]
        self._answers = {name: self._answers.get(name) for name in names}
        self._former = frozenset(each.address for each in there) - self._addresses

    def answer(self, name: str, hosts: Iterable[str]) -> None:
        """A name's addresses are these now, none being an answer, too."""
        found = dict.fromkeys(hosts)
        before = [host for host in self._answers[name] or () if host in found]  # in the order they had
        self._answers[name] = tuple(dict.fromkeys([*before, *found]))
        self._former -= self._addresses

    def endpoints(
        self, there: Iterable[EndpointConfig], well: Collection[AnyAddress] = frozenset()
    ) -> tuple[EndpointConfig, ...]:
        """The servers, each address once: the first endpoint that leads there.

        Args:
            there: Those that the cluster has.
            well: The addresses of those that pass their health checks, and stay for as long as they do if it was one of
                these names that led there: what the configuration had before is gone.
        """
        led = self._led_to()
        known = {each.address for each in led}
        is_complete = None not in self._answers.values()
        stay = [
            each
            for each in there
            if each.address not in known and (not is_complete if each.address in self._former else each.address in well)
        ]
        return (*led, *stay)

    @property
    def _addresses(self) -> frozenset[AnyAddress]:
        return frozenset(each.address for each in self._led_to())

    def _led_to(self) -> tuple[EndpointConfig, ...]:
        found: dict[Address, EndpointConfig] = {}
        for each in self._named or ():
            name = _name(each)
            for host in self._answers[name.host] or ():
                address = Address(host, name.port)
                found.setdefault(address, replace(each, address=address))
        return tuple(found.values())


def _name(config: EndpointConfig) -> Address:
    assert isinstance(config.address, Address), "a Unix socket in a cluster of names is refused when the file is read"
    return config.address


def next_question(config: DnsConfig, failures: int, rng: random.Random) -> float:
    """Seconds until a name is asked for again.

    Args:
        config: How.
        failures: How often, in a row, it has failed just now; 0: there is an answer.
        rng: Jitter.
    """
    if not failures:
        return config.refresh_rate + config.jitter * rng.random()
    if config.failure_base_interval is None:
        return config.refresh_rate
    doubled = min(failures - 1, 64)  # a float has no room for a failure that lasts for months
    below = min(config.failure_base_interval * 2.0**doubled, config.failure_max_interval)
    return max(SHORTEST, below * rng.random())
