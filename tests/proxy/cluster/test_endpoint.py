from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Address, EndpointConfig


def test_an_endpoint_is_named_by_its_address_and_equal_only_to_itself() -> None:
    one, other = Endpoint(Address("::1", 80)), Endpoint(Address("::1", 80))
    assert one.name == "[::1]:80"
    assert one != other
    assert repr(one) == "<Endpoint [::1]:80>"


def test_an_endpoint_starts_idle_with_its_weight() -> None:
    endpoint = Endpoint(Address("::1", 80), 5)
    assert (endpoint.weight, endpoint.active) == (5, 0)
    assert Endpoint(Address("::1", 80)).weight == 1


def test_an_endpoint_takes_on_another_configuration_and_goes_on() -> None:
    endpoint = Endpoint(Address("::1", 80), 5)
    assert endpoint.config == EndpointConfig(endpoint.address, 5)
    endpoint.active = 3
    endpoint.update(EndpointConfig(endpoint.address, 7, priority=2))
    assert (endpoint.weight, endpoint.config.priority, endpoint.active) == (7, 2, 3)
