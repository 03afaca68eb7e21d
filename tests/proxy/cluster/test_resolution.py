from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.resolution import SHORTEST, Resolution, next_question
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, DnsConfig, EndpointConfig

NAMES = ("a", "b", "c")
hosts = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1"]), max_size=6)


def named(*names: str, weight: int = 1, port: int = 1) -> tuple[EndpointConfig, ...]:
    return tuple(EndpointConfig(Address(name, port), weight) for name in names)


class Names(RuleBasedStateMachine):
    """Answers in any order, from one to three names; a failure says nothing, so it is no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = NAMES[:2]
        self.cluster = Cluster(ClusterConfig(name="c", endpoints=named(*self.names), dns=DnsConfig()))
        self.resolution = Resolution()
        self.resolution.update(self.cluster.config.endpoints, ())
        self.known: dict[str, list[str]] = {}
        self.was_complete = True
        self.former: set[Address] = set()

    def apply(self) -> None:
        before = {each.address: each for each in self.cluster.endpoints}
        self.cluster.set_endpoints(self.resolution.endpoints(self.cluster.endpoint_configs))
        for each in self.cluster.endpoints:
            assert before.get(each.address, each) is each, "an address that stays is another endpoint"

    def led_to(self) -> set[Address]:
        return {Address(host, 1) for name in self.names for host in self.known.get(name, ())}

    @rule(index=st.integers(0, 2), found=hosts)
    def answer(self, index: int, found: list[str]) -> None:
        name = self.names[index % len(self.names)]
        self.resolution.answer(name, found)
        self.known[name] = found
        self.former -= self.led_to()  # a name leads there now, and may lead elsewhere later
        if all(each in self.known for each in self.names):
            self.former = set()
        self.apply()

    @rule(count=st.integers(1, 3))
    def reload(self, count: int) -> None:
        is_other = self.names != NAMES[-count:]
        self.names = NAMES[-count:]
        self.known = {name: found for name, found in self.known.items() if name in self.names}
        self.resolution.update(named(*self.names), self.cluster.endpoint_configs)
        there = {each.address for each in self.cluster.endpoints if isinstance(each.address, Address)}
        self.former = there - self.led_to() if is_other else self.former
        if all(each in self.known for each in self.names):
            self.former = set()
        self.apply()

    @precondition(lambda self: self.cluster.endpoints)
    @rule()
    def answer_anew_in_another_order(self) -> None:
        there = self.cluster.endpoint_configs
        for name, found in self.known.items():
            self.resolution.answer(name, reversed(found))
        if all(each in self.known for each in self.names):
            self.former = set()
            there = tuple(each for each in there if each.address in self.led_to())
        assert self.resolution.endpoints(self.cluster.endpoint_configs) == there
        self.apply()

    @invariant()
    def the_servers_are_those_of_the_last_answers(self) -> None:
        there = [each.address for each in self.cluster.endpoints]
        assert len(set(there)) == len(there), "an address is there twice"
        assert set(there) == self.led_to() | self.former


TestNames = Names.TestCase


def test_servers_keep_what_their_endpoint_says_and_the_first_of_two_that_lead_to_one_counts() -> None:
    resolution = Resolution()
    heavy = replace(named("a", weight=7, port=5)[0], health_check_port=9)
    resolution.update((heavy, *named("b", weight=2, port=5), *named("a", port=6)), ())
    resolution.answer("a", ["1.1.1.1"])
    resolution.answer("b", ["1.1.1.1", "2.2.2.2"])
    assert [(str(each.address), each.weight, each.health_check_port) for each in resolution.endpoints(())] == [
        ("1.1.1.1:5", 7, 9),
        ("2.2.2.2:5", 2, 0),
        ("1.1.1.1:6", 1, 0),
    ]


def test_a_server_that_is_well_outlives_its_name_and_others_do_not() -> None:
    resolution = Resolution()
    resolution.update(named("a"), ())
    resolution.answer("a", ["1.1.1.1", "2.2.2.2"])
    there = resolution.endpoints(())
    resolution.answer("a", ["3.3.3.3"])
    well = {Address("2.2.2.2", 1)}
    there = resolution.endpoints(there, well)
    assert hosts_of(there) == ["3.3.3.3", "2.2.2.2"]
    resolution.answer("a", [])
    assert hosts_of(resolution.endpoints(there, well)) == ["2.2.2.2"]
    assert resolution.endpoints(there) == ()


def test_the_servers_that_were_there_stay_until_every_name_has_an_answer() -> None:
    cluster = Cluster(ClusterConfig(name="c", endpoints=(EndpointConfig(Address("9.9.9.9", 1)),)))
    (former,) = cluster.endpoints
    cluster.update(ClusterConfig(name="c", endpoints=named("a", "b"), dns=DnsConfig()))
    assert cluster.endpoints == (former,)
    resolution = Resolution()
    resolution.update(cluster.config.endpoints, cluster.endpoint_configs)
    resolution.answer("a", ["1.1.1.1"])
    cluster.set_endpoints(resolution.endpoints(cluster.endpoint_configs))
    assert hosts_of(cluster.endpoints) == ["1.1.1.1", "9.9.9.9"]
    resolution.answer("b", [])
    cluster.set_endpoints(resolution.endpoints(cluster.endpoint_configs))
    assert hosts_of(cluster.endpoints) == ["1.1.1.1"]


@pytest.mark.parametrize("left", [(), ("b",)])
def test_a_name_that_the_configuration_has_no_longer_leads_nowhere(left: tuple[str, ...]) -> None:
    resolution = Resolution()
    resolution.update(named("a", "b"), ())
    resolution.answer("a", ["1.1.1.1"])
    resolution.answer("b", ["2.2.2.2"])
    there = resolution.endpoints(())
    resolution.update(named(*left), there)
    assert hosts_of(resolution.endpoints(there)) == ["2.2.2.2"][: len(left)]
    assert hosts_of(resolution.endpoints(there, {each.address for each in there})) == ["2.2.2.2"][: len(left)]


def test_however_well_a_server_is_it_goes_with_the_configuration_it_was_of() -> None:
    former = EndpointConfig(Address("9.9.9.9", 1))
    well = {former.address, Address("1.1.1.1", 1)}
    resolution = Resolution()
    resolution.update((), (former,))
    assert resolution.endpoints((former,), well) == ()
    resolution.update(named("a"), (former,))
    there = resolution.endpoints((former,), well)
    assert there == (former,)
    resolution.answer("a", ["1.1.1.1"])
    there = resolution.endpoints(there, well)
    assert hosts_of(there) == ["1.1.1.1"]
    resolution.answer("a", ["9.9.9.9"])
    there = resolution.endpoints(there, well)
    resolution.answer("a", ["3.3.3.3"])
    assert hosts_of(resolution.endpoints(there, well)) == ["3.3.3.3", "9.9.9.9", "1.1.1.1"]


def hosts_of(endpoints: Iterable[Endpoint | EndpointConfig]) -> list[str]:
    return [each.address.host for each in endpoints if isinstance(each.address, Address)]


@given(seed=st.integers(), failures=st.integers(0, 5000), jitter=st.floats(0, 10))
def test_a_name_is_asked_for_again_in_time(seed: int, failures: int, jitter: float) -> None:
    config = DnsConfig(refresh_rate=3.0, failure_base_interval=0.5, failure_max_interval=5.0, jitter=jitter)
    said = next_question(config, failures, random.Random(seed))
    if failures:
        assert SHORTEST <= said <= min(0.5 * 2 ** min(failures - 1, 10), 5.0)
    else:
        assert 3.0 <= said <= 3.0 + jitter


@pytest.mark.parametrize("failures", [1, 2, 30])
def test_a_failure_waits_as_an_answer_does_unless_something_else_is_said(failures: int) -> None:
    assert next_question(DnsConfig(refresh_rate=7.0, jitter=5.0), failures, random.Random(1)) == 7.0
