from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.load_balancer import Sole
from metaprotocol_sdk.proxy.cluster.locality import Localities, Place, hash_weights, places
from metaprotocol_sdk.proxy.config.values import Address, EndpointConfig, Locality
from tests.proxy.cluster.servers import equals


def at(zone: str, port: int, *, place: int = 1, weight: int = 1) -> Endpoint:
    endpoint = Endpoint(Address("10.0.0.1", port))
    locality = Locality(zone=zone)
    endpoint.update(EndpointConfig(endpoint.address, weight, locality=locality, locality_weight=place))
    return endpoint


def test_servers_are_grouped_by_place() -> None:
    one, two, three = at("a", 1, place=3), at("b", 2, place=5), at("a", 3, place=3)
    assert places([one, two, three], {Locality(zone="a"): 2, Locality(zone="b"): 1}) == {
        Locality(zone="a"): Place(3, (one, three)),
        Locality(zone="b"): Place(5, (two,)),
    }


def test_a_place_of_which_a_part_is_here_counts_for_that_part() -> None:
    found = places([at("a", 1, place=9)], {Locality(zone="a"): 3})
    assert found[Locality(zone="a")].weight == 3


@pytest.mark.parametrize(
    ("healthy", "percent"),
    [(100, 33), (72, 33), (69, 33), (50, 26), (25, 15), (0, 0)],
)
def test_envoys_table_of_places(healthy: int, percent: int) -> None:
    """X has weight 1 and some of its servers, Y has 2 and all: "Locality weighted load balancing" of Envoy's overview,
    whose row for 69 % says 32 where its own formula, 0.966 / 2.966, makes 32.6."""
    x, y = Place(1, tuple(equals(100))), Place(2, tuple(equals(100)))
    share = x.effective(healthy, 140) / (x.effective(healthy, 140) + y.effective(100, 140))
    assert round(100 * share) == percent


def test_servers_that_wait_for_their_first_check_do_not_make_a_place_smaller() -> None:
    endpoints = equals(10)
    for each in endpoints[2:]:
        each.flags = HealthFlag.PENDING_ACTIVE_HC
    assert Place(1, tuple(endpoints)).effective(2, 140) == Place(1, tuple(equals(2))).effective(2, 140)
    assert Place(1, tuple(endpoints[2:])).effective(0, 140) == 0


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.integers(0, 3000), st.integers(0, 100))
def test_each_place_has_its_share_of_the_picks(weights: list[int], count: int, start: int) -> None:
    endpoints = equals(len(weights))
    balancer = Localities([(Sole(each), weight) for each, weight in zip(endpoints, weights, strict=True)], start)
    counted = Counter(balancer.pick() for _ in range(count))
    for each, weight in zip(endpoints, weights, strict=True):
        assert abs(counted[each] - count * weight / sum(weights)) <= (1 if start == 0 else 2)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.booleans()), min_size=1, max_size=8),
    st.fixed_dictionaries({zone: st.integers(0, 9) for zone in "abc"}),
)
def test_on_a_ring_a_server_counts_its_share_of_its_place(
    drawn: list[tuple[str, int, bool]], weights: dict[str, int]
) -> None:
    endpoints = [at(zone, port, place=weights[zone], weight=weight) for port, (zone, weight, _) in enumerate(drawn)]
    usable = [each for each, (*_, is_usable) in zip(endpoints, drawn, strict=True) if is_usable]
    found = places(endpoints, Counter(each.config.locality for each in endpoints))
    made = hash_weights(usable, found)
    total = sum(weights[zone] for zone in {each.config.locality.zone for each in endpoints})
    assert {each.endpoint for each in made} == {each for each in usable if each.config.locality_weight}
    for each in made:
        zone = each.endpoint.config.locality.zone
        there = [other for other in made if other.endpoint.config.locality.zone == zone]
        weight = sum(other.endpoint.weight for other in there)
        assert Fraction(each.weight, sum(other.weight for other in there)) == Fraction(each.endpoint.weight, weight)
        assert sum(other.share for other in there) == pytest.approx(weights[zone] / total)
        assert each.weight / sum(other.weight for other in made) == pytest.approx(
            each.share / sum(other.share for other in made)
        )
